//! `hub window`: papers handed in at a registry's window (线下窗口), for its clerks.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    ApiArgs, Failure,
    client::{Api, pages},
    demands::{PageArgs, segment},
    output,
    papers::{read, upload},
};

/// Papers handed in at the window.
#[derive(Debug, Args)]
pub(super) struct WindowArgs {
    #[command(subcommand)]
    command: WindowCommand,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(Debug, Subcommand)]
enum WindowCommand {
    /// Enter papers; repeating it with the same file changes nothing.
    Record {
        /// The entry, JSON (`hub schema window-entry`); `-` reads standard input.
        file: PathBuf,
        /// A scan to upload before; may be given several times.
        #[arg(long = "document", value_name = "FILE")]
        documents: Vec<PathBuf>,
        /// The answer as JSON.
        #[arg(long)]
        json: bool,
    },
    /// As the second person: the papers were handed over at that instant; the receipt is recorded now.
    Confirm(#[command(flatten)] Decision),
    /// As the second person: refuse an entry for good.
    Refuse(#[command(flatten)] Decision),
    /// List entries in the order of entering.
    List {
        /// pending, recorded or refused.
        #[arg(long)]
        status: Option<String>,
        /// Six digits; for operators.
        #[arg(long)]
        registry: Option<String>,
        #[command(flatten)]
        page: PageArgs,
    },
    /// Show one with its receipts.
    Show {
        /// Its id.
        entry_id: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Report what the registry decided about papers of its window: registered (登簿) or returned (退回).
    Outcome {
        /// The result or return, JSON (`hub schema result`, `hub schema return`); `-` reads standard input.
        file: PathBuf,
        /// The answer as JSON.
        #[arg(long)]
        json: bool,
    },
    /// The published bounds.
    Rules,
}

#[derive(Debug, Args)]
struct Decision {
    /// Id of the entry.
    entry_id: String,
    /// What was compared with what.
    #[arg(long)]
    reason: String,
    /// The answer as JSON.
    #[arg(long)]
    json: bool,
}

const COLUMNS: [(&str, &str); 7] = [
    ("ENTRY", "/entry_id"),
    ("NUMBER", "/demand_id"),
    ("REGISTRY", "/registry"),
    ("STATUS", "/status"),
    ("HANDED OVER", "/handed_over_at"),
    ("CLERK", "/clerk"),
    ("SECOND PERSON BECAUSE", "/second_because"),
];

pub(super) async fn run(args: WindowArgs) -> Result<(), Failure> {
    let api = Api::new(&args.api)?;
    match args.command {
        WindowCommand::Record { file, documents, json } => {
            let body = read(&file)?;
            for path in &documents {
                let claim = upload(&api, path).await?;
                if !String::from_utf8_lossy(&body).contains(&claim.sha256) {
                    eprintln!("warning: the entry does not name this digest");
                }
            }
            let answer = api.upload(Method::POST, "/v1/window/entries", "application/json", body).await?;
            print(&answer, json)?;
            if answer.get("status").and_then(Value::as_str) == Some("pending") {
                eprintln!("nothing is received yet: a second person confirms with `hub window confirm`");
            }
        }
        WindowCommand::Confirm(decision) => decide(&api, "confirm", &decision).await?,
        WindowCommand::Refuse(decision) => decide(&api, "refuse", &decision).await?,
        WindowCommand::List { status, registry, page } => {
            let query = [("status", status), ("registry", registry)];
            let (items, next) =
                pages(&api, "/v1/window/entries", &query, page.limit, page.cursor.clone()).await?;
            page.print(&COLUMNS, &items, next)?;
        }
        WindowCommand::Show { entry_id, json } => {
            let path = format!("/v1/window/entries/{}", segment(&entry_id)?);
            print(&api.get(&path, &[]).await?, json)?;
        }
        WindowCommand::Outcome { file, json } => {
            let body = read(&file)?;
            print(&api.upload(Method::POST, "/v1/window/outcomes", "application/json", body).await?, json)?;
        }
        WindowCommand::Rules => output::json(&api.get("/v1/window/rules", &[]).await?)?,
    }
    Ok(())
}

async fn decide(api: &Api, word: &str, decision: &Decision) -> Result<(), Failure> {
    let path = format!("/v1/window/entries/{}/decision", segment(&decision.entry_id)?);
    let body = json!({ "decision": word, "reason": decision.reason });
    print(&api.post(&path, &body).await?, decision.json)
}

fn print(value: &Value, as_json: bool) -> Result<(), Failure> {
    if as_json {
        output::json(value)?
    } else {
        output::outline(value)?
    }
    Ok(())
}
