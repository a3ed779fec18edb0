//! `connector dry-run`: the exact bytes that a demand would be sent as. Bytes go to standard output, remarks to standard error.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use clap::Args;
use connector_mapping::{Document, Mapping};
use connector_sdk::{DeliveryOrder, FetchedDocument};
use xiezhi_schemas::message::{Attachment, Demand, DemandMessage, Digest};

use crate::mapping;

/// What stands for a document when none is given.
const STAND_IN: &[u8] = b"test";

#[derive(Args)]
pub(crate) struct Options {
    /// A mapping file by itself; needs no configuration.
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    mapping: Option<PathBuf>,
    #[command(flatten)]
    source: crate::Source,
    /// The demand: a JSON file of the form `xiezhi.demand.v1` (`hub schema demand`).
    #[arg(long, value_name = "FILE")]
    demand: PathBuf,
    /// The folder in which the demand's documents lie under their names. Without it each holds the four bytes `test`.
    #[arg(long, value_name = "FOLDER")]
    documents: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    match &options.mapping {
        Some(path) => by_mapping(path, options),
        None => by_adapter(options),
    }
}

/// What the adapter of a configuration would send.
fn by_adapter(options: &Options) -> anyhow::Result<ExitCode> {
    let (_, adapter) = crate::read(&options.source)?;
    let (body, demand) = demand(&options.demand)?;
    let contents = contents(&demand.attachments, options.documents.as_deref())?;
    let documents: Vec<FetchedDocument> = demand
        .attachments
        .iter()
        .zip(contents)
        .map(|(claim, bytes)| FetchedDocument { claim: claim.clone(), bytes: bytes.into() })
        .collect();
    let sha256 = Digest::of(&body);
    let order = DeliveryOrder {
        demand: &demand,
        body: &body,
        body_sha256: sha256.as_str(),
        attempt: 1,
        documents: &documents,
    };
    let preview = adapter.preview(&order)?;
    let by = preview.mapping.map_or_else(|| "no mapping".to_owned(), |mapping| mapping.to_string());
    eprintln!("{}, {}, {} bytes, by {by}", preview.call, preview.media_type, preview.body.len());
    preview.notes.iter().for_each(|note| eprintln!("note: {note}"));
    print(&preview.body)
}

/// What a mapping file makes.
fn by_mapping(path: &Path, options: &Options) -> anyhow::Result<ExitCode> {
    let mapping = Mapping::load(&mapping::read(path)?)?;
    let (_, demand) = demand(&options.demand)?;
    let contents = contents(&demand.attachments, options.documents.as_deref())?;
    let documents: Vec<Document<'_>> =
        demand.attachments.iter().zip(&contents).map(|(claim, bytes)| Document { claim, bytes }).collect();
    let made = mapping.outbound(&demand, &documents)?;
    let bytes = mapping.encode(&made.tree)?;
    eprintln!("{}, {} bytes, by {}", mapping.media_type().unwrap_or_default(), bytes.len(), made.mapping);
    made.notes.iter().for_each(|note| eprintln!("note: {note}"));
    print(&bytes)
}

/// Exactly the bytes, and nothing behind them.
fn print(bytes: &[u8]) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).context("the bytes cannot be written out")?;
    Ok(ExitCode::SUCCESS)
}

/// The demand of a file, with its bytes.
fn demand(path: &Path) -> anyhow::Result<(Vec<u8>, Demand)> {
    let shown = path.display();
    let bytes = std::fs::read(path).with_context(|| format!("{shown} cannot be read"))?;
    let message: DemandMessage = serde_json::from_slice(&bytes)
        .with_context(|| format!("{shown} is no demand of the form xiezhi.demand.v1"))?;
    Ok((bytes, message.into_demand()))
}

fn contents(claims: &[Attachment], folder: Option<&Path>) -> anyhow::Result<Vec<Vec<u8>>> {
    let Some(folder) = folder else {
        eprintln!(
            "note: each document holds the four bytes `test`; give the real ones with --documents FOLDER"
        );
        return Ok(claims.iter().map(|_| STAND_IN.to_vec()).collect());
    };
    let read = |claim: &Attachment| {
        let name = Path::new(&claim.name).file_name().context("a document without a name")?;
        let path = folder.join(name);
        std::fs::read(&path).with_context(|| format!("the document {} cannot be read", path.display()))
    };
    claims.iter().map(read).collect()
}
