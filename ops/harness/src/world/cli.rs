//! Runs the hub's command line to its end, with a world's configuration.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::process::Command;

/// The hub's program with the variables of one world.
#[derive(Debug, Clone)]
pub(super) struct HubCli {
    pub(super) program: PathBuf,
    pub(super) env: Vec<(String, String)>,
    pub(super) dir: PathBuf,
}

/// What a command did.
#[derive(Debug, Clone)]
pub struct Ran {
    /// Exit code; -1 when a signal ended it.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl HubCli {
    /// Runs it, whatever it ends with.
    pub(super) async fn run(&self, args: &[&str]) -> Result<Ran> {
        let mut command = Command::new(&self.program);
        // The caller's own settings are not this world's.
        for (key, _) in std::env::vars_os() {
            if key.to_string_lossy().starts_with("XIEZHI_") {
                command.env_remove(key);
            }
        }
        command.args(args).envs(self.env.iter().map(|(k, v)| (k, v))).current_dir(&self.dir);
        command.stdin(Stdio::null()).kill_on_drop(true);
        let limit = Duration::from_secs(120);
        let shown = args.join(" ");
        let output = tokio::time::timeout(limit, command.output())
            .await
            .with_context(|| format!("hub {shown} did not end within {limit:?}"))?
            .with_context(|| format!("cannot run {}", self.program.display()))?;
        Ok(Ran {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Runs it; it must end well. Gives its standard output.
    pub(super) async fn must(&self, args: &[&str]) -> Result<String> {
        let ran = self.run(args).await?;
        if ran.code != 0 {
            let (out, err) = (ran.out.trim(), ran.err.trim());
            bail!("hub {} ended with {}:\n{err}\n{out}", args.join(" "), ran.code);
        }
        Ok(ran.out)
    }
}
