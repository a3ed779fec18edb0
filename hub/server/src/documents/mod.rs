//! The document store: bytes under their SHA-256, in a folder or an S3-compatible store.
//!
//! A document arrives in `incoming/` while its digest is computed, and moves to its name only when everything fits; so a
//! name always has the whole bytes. Names are digests, hence a repeat replaces bytes by the same bytes.

mod access;
mod magic;
pub mod routes;
mod staged;
pub mod sweep;

use std::{fs, path::PathBuf, sync::Arc};

use object_store::{
    GetResult, ObjectStore, ObjectStoreExt, aws::AmazonS3Builder, local::LocalFileSystem, path::Path,
};
use xiezhi_schemas::message::Digest;

use crate::config::{DocumentsSettings, StoreKind};

pub use access::{MEDIA_TYPES, read_for, record};
pub use staged::{StageError, Staged};

/// Why the store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum DocumentsError {
    /// The folder cannot be used.
    #[error("[HUB-1310] the folder of documents {path} cannot be used; check documents.root and its rights")]
    Folder {
        /// The folder.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The store failed.
    #[error("[HUB-1309] the document store does not answer; nothing was recorded, try again")]
    Store(#[from] object_store::Error),
}

impl DocumentsError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Folder { .. } => "HUB-1310",
            Self::Store(_) => "HUB-1309",
        }
    }
}

/// The documents of one hub.
#[derive(Debug, Clone)]
pub struct Documents {
    store: Arc<dyn ObjectStore>,
    /// Of a local store.
    folder: Option<PathBuf>,
    max_bytes: u64,
    piece_bytes: usize,
}

/// Where bytes lie until they have their name.
const INCOMING: &str = "incoming";

/// Pieces of an upload: a folder takes any size, so little memory is held for each sender.
const LOCAL_PIECE_BYTES: usize = 256 << 10;
/// S3 refuses smaller pieces, the last one excepted.
const S3_PIECE_BYTES: usize = 5 << 20;

impl Documents {
    /// Opens the store; a local folder is made if it is missing, a remote store is asked nothing yet.
    ///
    /// # Errors
    /// When the folder cannot be made or the settings name no store.
    pub fn open(settings: &DocumentsSettings) -> Result<Self, DocumentsError> {
        let store: Arc<dyn ObjectStore> = match settings.store {
            StoreKind::Local => {
                fs::create_dir_all(&settings.root).map_err(|source| DocumentsError::Folder {
                    path: settings.root.display().to_string(),
                    source,
                })?;
                // A document that was confirmed must survive a power cut: demands refer to it.
                Arc::new(LocalFileSystem::new_with_prefix(&settings.root)?.with_fsync(true))
            }
            StoreKind::S3 => Arc::new(
                AmazonS3Builder::new()
                    .with_endpoint(&settings.s3.endpoint)
                    .with_region(&settings.s3.region)
                    .with_bucket_name(&settings.s3.bucket)
                    .with_access_key_id(&settings.s3.access_key)
                    .with_secret_access_key(settings.s3.secret_key.expose())
                    .with_allow_http(settings.s3.endpoint.starts_with("http://"))
                    .build()?,
            ),
        };
        let piece_bytes = match settings.store {
            StoreKind::Local => LOCAL_PIECE_BYTES,
            StoreKind::S3 => S3_PIECE_BYTES,
        };
        let folder = (settings.store == StoreKind::Local).then(|| settings.root.clone());
        Ok(Self { store, folder, max_bytes: settings.max_document_bytes, piece_bytes })
    }

    /// Largest document, in bytes.
    pub fn max_bytes(&self) -> u64 {
        self.max_bytes
    }

    /// The bytes of a document, to be streamed; `None` if there are none.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn get(&self, digest: &Digest) -> Result<Option<GetResult>, DocumentsError> {
        match self.store.get(&place(digest)).await {
            Ok(found) => Ok(Some(found)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Two levels of folders, so that no folder grows beyond what people can list.
fn place(digest: &Digest) -> Path {
    let digits = digest.as_str();
    Path::from(format!("sha256/{}/{digits}", &digits[..2]))
}
