//! A demand and its documents in one request: part `demand` (JSON), parts `document` (files).

use std::collections::HashMap;

use axum::{
    extract::{FromRequest, Multipart, Request},
    http::header,
};
use xiezhi_schemas::message::{Digest, Submission};

use crate::{
    documents::{self, MEDIA_TYPES, Staged},
    http::{
        App, codes,
        problem::{Item, Problem},
    },
    store::documents::Stored,
};

/// Documents a demand can name; more parts cannot be wanted.
const MOST_DOCUMENTS: usize = 30;

/// What came.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// The JSON text.
    pub(super) demand: Option<Vec<u8>>,
    /// The files, stored whole but without a name yet.
    pub(super) files: Vec<Staged>,
}

impl Parts {
    /// Takes the files back out of the store.
    pub(super) async fn discard(&self, app: &App) {
        for file in &self.files {
            app.documents.discard(file).await;
        }
    }
}

/// Reads all parts; files go to the store as they come.
///
/// # Errors
/// The first part that cannot be taken; nothing stays in the store.
pub(super) async fn read(app: &App, request: Request) -> Result<Parts, Problem> {
    let mut multipart = Multipart::from_request(request, app)
        .await
        .map_err(|_| Problem::new(codes::MEDIA_TYPE, "the body is no multipart/form-data with a boundary"))?;
    let mut parts = Parts::default();
    match fill(app, &mut multipart, &mut parts).await {
        Ok(()) => Ok(parts),
        Err(problem) => {
            parts.discard(app).await;
            Err(problem)
        }
    }
}

async fn fill(app: &App, multipart: &mut Multipart, parts: &mut Parts) -> Result<(), Problem> {
    let broken = |_| Problem::new(codes::NOT_JSON, "the multipart body is malformed or did not arrive whole");
    while let Some(mut field) = multipart.next_field().await.map_err(broken)? {
        match field.name() {
            Some("demand") if parts.demand.is_none() => {
                let mut text = Vec::new();
                while let Some(piece) = field.chunk().await.map_err(broken)? {
                    if text.len() + piece.len() > app.settings.max_body_bytes {
                        let most = app.settings.max_body_bytes;
                        let detail = format!("the part `demand` has at most {most} bytes");
                        return Err(Problem::new(codes::BODY_TOO_LARGE, detail));
                    }
                    text.extend_from_slice(&piece);
                }
                parts.demand = Some(text);
            }
            Some("document") if parts.files.len() < MOST_DOCUMENTS => {
                let path = format!("/document/{}", parts.files.len());
                let media_type = field.content_type().unwrap_or_default().to_ascii_lowercase();
                if !MEDIA_TYPES.contains(&media_type.as_str()) {
                    let detail = format!("{path}: documents are of type {}", MEDIA_TYPES.join(", "));
                    return Err(Problem::new(codes::MEDIA_TYPE, detail));
                }
                let staged = app.documents.stage(&media_type, field).await;
                parts.files.push(staged.map_err(|error| error.into_problem(&path))?);
            }
            _ => {
                let detail = "parts are one `demand` (JSON) and up to 30 `document` (files), nothing else";
                return Err(Problem::new(codes::NOT_JSON, detail));
            }
        }
    }
    Ok(())
}

/// Whether a request is multipart.
pub(super) fn is_multipart(request: &Request) -> bool {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|text| text.trim().to_ascii_lowercase().starts_with("multipart/form-data"))
}

/// Files that the demand does not name: wrong bytes, or the wrong digest written down.
pub(super) fn strangers(files: &[Staged], named: &dyn Fn(&Digest) -> bool) -> Vec<Item> {
    let unnamed = files.iter().enumerate().filter(|(_, file)| !named(&file.sha256));
    unnamed
        .map(|(index, file)| {
            Item::new(
                codes::DIGEST_MISMATCH,
                format!("/document/{index}"),
                format!("no attachment names this file, whose SHA-256 is {}", file.sha256),
                "Compare the digest in attachments with the file that was sent.",
            )
        })
        .collect()
}

/// The files as attachments find them.
pub(super) fn arriving(files: &[Staged]) -> HashMap<Digest, Stored> {
    files
        .iter()
        .map(|file| {
            let stored = Stored { size: file.size, media_type: file.media_type.clone() };
            (file.sha256.clone(), stored)
        })
        .collect()
}

/// Names the files and records the sender as their owner.
///
/// # Errors
/// When store or database do not answer, or a file is stored with another media type.
pub(super) async fn record(app: &App, files: Vec<Staged>, sender: &str) -> Result<(), Problem> {
    for file in files {
        documents::record(&app.store, &app.documents, file, sender).await?;
    }
    Ok(())
}

/// For the published document only: what the parts are.
#[derive(Debug, schemars::JsonSchema)]
#[expect(dead_code, reason = "its schema is published; the parts are read one by one")]
pub struct MultipartSubmission {
    /// The demand.
    demand: Submission,
    /// The files, each with its media type; every one must be named in `attachments` by its digest.
    #[schemars(length(max = 30))]
    document: Vec<String>,
}
