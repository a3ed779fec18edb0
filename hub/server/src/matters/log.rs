//! The log of a matter: notes, documents, and the end. What every sort of matter has in common.

use std::sync::LazyLock;

use axum::body::Body;
use jsonschema::Validator;
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;
use xiezhi_schemas::message::{Digest, words};

use crate::{
    audit,
    http::{
        App,
        auth::Caller,
        codes::{self, Code},
        problem::{Item, Problem},
        typed,
    },
    intake::validate,
    store::{
        Store, StoreError, Transaction, documents as documents_table,
        matters::{self as table, Actor, EntryKind, MatterKind, NewEntry},
        requests,
    },
};

/// What adding to any matter may be refused with.
pub(super) const ADD: &[Code] = &typed::problems::<4, 13>([
    codes::NOT_FOUND,
    codes::MATTER_ENTRY,
    codes::MATTER_CLOSED,
    codes::DOCUMENT_MISSING,
]);

static ENTRY: LazyLock<Validator> = LazyLock::new(validate::validator::<EntryBody>);
static CLOSING: LazyLock<Validator> = LazyLock::new(validate::validator::<ClosingBody>);

/// Reads a note and adds it to a matter that `caller` may see.
///
/// # Errors
/// As the body and the log ask.
pub(super) async fn post_note(
    app: &App,
    caller: &Caller,
    matter: (MatterKind, Uuid),
    bytes: Body,
) -> Result<(), Problem> {
    let body = typed::read::<EntryBody>(app, bytes, &ENTRY).await?.body;
    let (store, who) = (app.store.clone(), caller.clone());
    app.finish(async move { note(&store, matter, &who, &body).await }).await?
}

/// Reads a result and closes a matter with it.
///
/// # Errors
/// As the body and the log ask.
pub(super) async fn post_close(
    app: &App,
    caller: &Caller,
    matter: (MatterKind, Uuid),
    bytes: Body,
) -> Result<(), Problem> {
    let body = typed::read::<ClosingBody>(app, bytes, &CLOSING).await?.body;
    let (store, who) = (app.store.clone(), caller.clone());
    app.finish(async move { close(&store, matter, &who, &body).await }).await?
}

/// A document of an entry; uploaded before with `PUT /v1/documents` by whoever adds it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EntryDocument {
    /// Its digest.
    pub(super) sha256: Digest,
    /// Its name, shown to people.
    #[schemars(length(min = 1, max = 200))]
    pub(super) name: String,
}

/// Body of a note, with or without a document.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EntryBody {
    /// What happened or what was said; no stock phrase.
    #[schemars(length(min = 5, max = 4000))]
    pub(super) text: String,
    /// What supports it.
    pub(super) document: Option<EntryDocument>,
}

/// Body that closes a matter.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClosingBody {
    /// The result, in words.
    #[schemars(length(min = 5, max = 4000))]
    pub(super) result: String,
}

/// The caller as the log names it.
pub(super) fn actor(caller: &Caller) -> Actor<'_> {
    Actor { name: &caller.name, role: caller.role.as_str() }
}

/// Whether words say anything.
///
/// # Errors
/// HUB-3323 at `path` when they do not.
pub(super) fn must_say(text: &str, path: &str) -> Result<(), Problem> {
    if words::say_something(text) {
        return Ok(());
    }
    let hint = "Write what happened in words of your own.";
    Err(Problem::refused(vec![Item::new(
        codes::MATTER_ENTRY,
        path,
        "these words say nothing specific",
        hint,
    )]))
}

/// Whether the caller has uploaded a document.
///
/// # Errors
/// HUB-1303 at `path` when it has not.
pub(super) async fn must_have(
    client: &deadpool_postgres::Client,
    caller: &str,
    sha256: &Digest,
    path: &str,
) -> Result<(), Problem> {
    if documents_table::owned(client, &[(caller, sha256.as_str())]).await?.is_empty() {
        let hint = "Upload it first with PUT /v1/documents.";
        let message = "this credential has uploaded no document with this digest";
        return Err(Problem::refused(vec![Item::new(codes::DOCUMENT_MISSING, path, message, hint)]));
    }
    Ok(())
}

/// Adds an entry within a transaction; its audit entry too.
///
/// # Errors
/// HUB-3321 when the matter is closed; it must exist.
pub(super) async fn write(
    tx: &Transaction<'_>,
    (kind, matter_id): (MatterKind, Uuid),
    actor: Actor<'_>,
    entry: &NewEntry<'_>,
) -> Result<(), Problem> {
    let now = requests::clock(tx).await?;
    if table::append(tx, matter_id, kind, now, actor, entry).await?.is_none() {
        let detail = format!("{} {matter_id} is closed; open a new one that names it", kind.as_str());
        return Err(Problem::new(codes::MATTER_CLOSED, detail));
    }
    let action = format!("{}.{}", kind.as_str(), entry.kind.as_str());
    audit::record(tx, actor.name, actor.role, &action, &format!("{} {matter_id}", kind.as_str())).await?;
    Ok(())
}

/// Adds a note or document of `caller`, who may see the matter.
///
/// # Errors
/// When it says nothing, its document is not there, or the matter is closed.
async fn note(
    store: &Store,
    matter: (MatterKind, Uuid),
    caller: &Caller,
    body: &EntryBody,
) -> Result<(), Problem> {
    must_say(&body.text, "/text")?;
    let mut client = store.client().await?;
    if let Some(document) = &body.document {
        must_have(&client, &caller.name, &document.sha256, "/document/sha256").await?;
    }
    let document = body.document.as_ref().map(|d| (d.sha256.as_str(), d.name.as_str()));
    let kind = if document.is_some() { EntryKind::Document } else { EntryKind::Note };
    let tx = client.transaction().await.map_err(StoreError::from)?;
    write(&tx, matter, actor(caller), &NewEntry { kind, text: &body.text, document }).await?;
    tx.commit().await.map_err(StoreError::of_commit)?;
    Ok(())
}

/// Closes a matter with a result.
///
/// # Errors
/// When the result says nothing, or the matter is closed already.
async fn close(
    store: &Store,
    matter: (MatterKind, Uuid),
    caller: &Caller,
    body: &ClosingBody,
) -> Result<(), Problem> {
    must_say(&body.result, "/result")?;
    let mut client = store.client().await?;
    let tx = client.transaction().await.map_err(StoreError::from)?;
    let entry = NewEntry { kind: EntryKind::Closed, text: &body.result, document: None };
    write(&tx, matter, actor(caller), &entry).await?;
    tx.commit().await.map_err(StoreError::of_commit)?;
    Ok(())
}
