//! What disputes, consultations and issues have in common on the command line.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::{Failure, client::Api, demands::segment, output, papers::upload};

/// A note on a matter.
#[derive(Debug, Args)]
pub(super) struct NoteArgs {
    /// Its id.
    id: String,
    /// What happened or what was said.
    #[arg(long)]
    text: String,
    /// What supports it, a file.
    #[arg(long, value_name = "FILE")]
    document: Option<PathBuf>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// The end of a matter.
#[derive(Debug, Args)]
pub(super) struct CloseArgs {
    /// Its id.
    id: String,
    /// The result, in words.
    #[arg(long, visible_alias = "answer")]
    result: String,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Prints an answer.
pub(super) fn shown(value: &Value, as_json: bool) -> Result<(), Failure> {
    if as_json {
        output::json(value)?
    } else {
        output::outline(value)?
    }
    Ok(())
}

/// Uploads a file and gives the claim that a log names.
pub(super) async fn document(api: &Api, path: &Path) -> Result<Value, Failure> {
    let claim = upload(api, path).await?;
    Ok(json!({ "sha256": claim.sha256, "name": claim.name }))
}

/// Adds a note to the matter below `path`.
pub(super) async fn note(api: &Api, path: &str, args: NoteArgs) -> Result<(), Failure> {
    let mut body = json!({ "text": args.text });
    if let Some(file) = &args.document {
        body["document"] = document(api, file).await?;
    }
    shown(&api.post(&format!("{path}/{}/entries", segment(&args.id)?), &body).await?, args.json)
}

/// Closes the matter below `path`.
pub(super) async fn close(api: &Api, path: &str, args: CloseArgs) -> Result<(), Failure> {
    let body = json!({ "result": args.result });
    shown(&api.post(&format!("{path}/{}/close", segment(&args.id)?), &body).await?, args.json)
}
