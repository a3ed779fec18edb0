//! Who may name and read which document; the store itself knows only digests.

use object_store::GetResult;
use uuid::Uuid;
use xiezhi_schemas::message::Digest;

use super::{Documents, StageError, Staged};
use crate::{
    code::chain,
    http::{
        codes,
        problem::{Item, Problem},
    },
    store::{
        Store, StoreError,
        documents::{self as table, Reader, Stored},
        principals::{Principal, Role},
    },
};

/// What courts attach (GB/T 33190 for OFD; scans as JPEG or PNG).
pub const MEDIA_TYPES: [&str; 4] = ["application/pdf", "application/ofd", "image/jpeg", "image/png"];

/// Gives staged bytes their name, then records that `sender` has them. A crash in between leaves bytes without an owner,
/// which nobody can read; the sender's repeat mends it.
///
/// # Errors
/// When store or database do not answer, or the bytes are recorded with another media type.
pub async fn record(
    store: &Store,
    documents: &Documents,
    staged: Staged,
    sender: &str,
) -> Result<Staged, Problem> {
    documents.keep(&staged).await?;
    let mut client = store.client().await?;
    let tx = client.transaction().await.map_err(StoreError::from)?;
    let claimed = Stored { size: staged.size, media_type: staged.media_type.clone() };
    let stored = table::record(&tx, &staged.sha256, &claimed, sender).await?;
    if stored != claimed {
        let detail = format!("these bytes are already stored as {}; name that media type", stored.media_type);
        return Err(Problem::new(codes::DOCUMENT_DIFFERS, detail));
    }
    tx.commit().await.map_err(StoreError::of_commit)?;
    Ok(staged)
}

/// The document with its bytes, if `reader` may see it.
///
/// # Errors
/// Not found, for what is not there and for what is not the reader's; or store or database do not answer.
pub async fn read_for(
    store: &Store,
    documents: &Documents,
    reader: &Principal,
    digest: &Digest,
    request_id: Option<Uuid>,
) -> Result<(Stored, GetResult), Problem> {
    let reader = match &reader.role {
        Role::Operator => Reader::Operator,
        Role::Court => Reader::Sender(&reader.name),
        Role::Clerk { registry } => Reader::Window { clerk: &reader.name, registry },
        Role::Connector { province } => Reader::Province { province, request_id },
    };
    let found = table::find(&*store.client().await?, digest, reader).await?;
    let stored = found.ok_or_else(Problem::not_found)?;
    match documents.get(digest).await? {
        Some(bytes) => Ok((stored, bytes)),
        None => {
            tracing::error!(code = "HUB-1309", sha256 = %digest, "a recorded document is not in the store");
            Err(Problem::new(codes::DOCUMENT_STORE, "the document is recorded but its bytes are missing"))
        }
    }
}

impl From<super::DocumentsError> for Problem {
    fn from(error: super::DocumentsError) -> Self {
        tracing::error!(code = error.code(), error = chain(&error), "the document store failed");
        Self::new(
            codes::DOCUMENT_STORE,
            "the document store does not answer; nothing was recorded, try again",
        )
    }
}

/// A staging error as an answer; `path` names the part of a multipart body, or nothing.
impl StageError {
    pub(crate) fn into_problem(self, path: &str) -> Problem {
        let (code, hint) = match &self {
            Self::TooLarge(_) => (codes::DOCUMENT_TOO_LARGE, "Send a smaller file, or split the scan."),
            Self::Empty | Self::OtherContent(_) => {
                (codes::DOCUMENT_CONTENT, "Name the media type that the file has.")
            }
            Self::Broken => (codes::TOO_SLOW, "Send it again."),
            Self::Store(_) => (codes::DOCUMENT_STORE, "Send it again."),
        };
        if let Self::Store(error) = self {
            return error.into();
        }
        Problem::refused(vec![Item::new(code, path, self.to_string(), hint)])
    }
}
