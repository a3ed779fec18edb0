//! A registry's window (线下窗口) as its clerks work there: with files and the command line.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::World;
use super::demand::Demand;

/// The window of one registry; the world must have been built with its clerks.
#[derive(Debug)]
pub struct Window<'a> {
    world: &'a World,
    registry: String,
    dir: PathBuf,
}

impl<'a> Window<'a> {
    pub(super) fn open(world: &'a World, registry: &str) -> Result<Self> {
        let dir = world.dir().join(format!("window-{registry}"));
        fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        Ok(Self { world, registry: registry.to_owned(), dir })
    }

    /// Name of the clerk who enters; [`Window::second`] is the other one.
    #[must_use]
    pub fn clerk(&self) -> String {
        format!("clerk-{}-a", self.registry)
    }

    /// Name of the second person.
    #[must_use]
    pub fn second(&self) -> String {
        format!("clerk-{}-b", self.registry)
    }

    /// Enters papers (`hub window record`); `late` says why they are entered late, proved by the first document. Gives the
    /// hub's answer.
    ///
    /// # Errors
    /// When the hub refuses them.
    pub async fn record(
        &self,
        demand: &Demand,
        handed_over_at: Timestamp,
        late: Option<&str>,
    ) -> Result<Value> {
        let number = &demand.submission.demand_id;
        let mut entry = json!({"handed_over_at": handed_over_at, "channel_reason": "the court came in person",
            "demand": demand.value()});
        let mut documents = Vec::new();
        for (n, paper) in demand.papers.iter().enumerate() {
            if let (0, Some(reason)) = (n, late) {
                entry["late"] = json!({"reason": reason, "evidence": paper.attachment.sha256});
            }
            documents.push(self.file(&format!("{number}-{n}.pdf"), &paper.bytes)?);
        }
        let entry = self.file(&format!("{number}.json"), entry.to_string().as_bytes())?;
        let mut args = vec!["window", "record", &entry, "--json"];
        args.extend(documents.iter().flat_map(|file| ["--document", file]));
        self.run(&self.clerk(), &args).await
    }

    /// The second person confirms an entry (`hub window confirm`).
    ///
    /// # Errors
    /// When the hub refuses it.
    pub async fn confirm(&self, who: &str, entry_id: &str) -> Result<Value> {
        let reason = "compared with the signed slip";
        self.run(who, &["window", "confirm", entry_id, "--reason", reason, "--json"]).await
    }

    /// Reports what the registry decided about papers of the window (`hub window outcome`).
    ///
    /// # Errors
    /// When the command fails; a refused outcome is an answer.
    pub async fn report(&self, outcome: &Value) -> Result<Value> {
        let name = format!("outcome-{}.json", outcome["request_id"].as_str().unwrap_or("unnamed"));
        let file = self.file(&name, outcome.to_string().as_bytes())?;
        self.run(&self.clerk(), &["window", "outcome", &file, "--json"]).await
    }

    async fn run(&self, who: &str, args: &[&str]) -> Result<Value> {
        let answer = self.world.hub_cli_as(who, args).await?;
        serde_json::from_str(&answer)
            .with_context(|| format!("hub {} gave no JSON: {answer}", args.join(" ")))
    }

    fn file(&self, name: &str, content: &[u8]) -> Result<String> {
        let path = self.dir.join(name);
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path.display().to_string())
    }
}
