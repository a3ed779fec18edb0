//! A document on its way in: bytes in `incoming/`, digest and size known, not yet under its name.

use bytes::Bytes;
use futures::{Stream, StreamExt};
use object_store::{ObjectStoreExt, WriteMultipart, path::Path};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;
use xiezhi_schemas::message::Digest;

use super::{Documents, DocumentsError, INCOMING, magic, place};

/// Pieces under way at once; bounds the memory of one upload to three pieces.
const PIECES: usize = 2;

/// Why bytes were not taken in.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// More bytes than allowed.
    #[error("the document is larger than {0} bytes")]
    TooLarge(u64),
    /// No bytes.
    #[error("the document is empty")]
    Empty,
    /// The bytes are something else.
    #[error("the bytes are not of the media type {0}")]
    OtherContent(String),
    /// The sender stopped or was too slow.
    #[error("the bytes did not arrive whole")]
    Broken,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] DocumentsError),
}

/// Bytes that are stored whole but not yet under their name. Must be kept or discarded; what a crash leaves in
/// `incoming/` is swept away ([`super::sweep`]).
#[derive(Debug)]
pub struct Staged {
    incoming: Path,
    /// Digest of the bytes.
    pub sha256: Digest,
    /// Their size.
    pub size: u64,
    /// Their media type, checked against the first bytes.
    pub media_type: String,
}

impl Documents {
    /// Takes in bytes as they come; memory stays bounded whatever their size.
    ///
    /// # Errors
    /// [`StageError`]; nothing is left in the store then.
    pub async fn stage<E>(
        &self,
        media_type: &str,
        bytes: impl Stream<Item = Result<Bytes, E>> + Send,
    ) -> Result<Staged, StageError> {
        let incoming = Path::from(format!("{INCOMING}/{}", Uuid::now_v7()));
        let upload = self.store.put_multipart(&incoming).await.map_err(DocumentsError::from)?;
        let mut upload = WriteMultipart::new_with_chunk_size(upload, self.piece_bytes);
        let written = self.pour(&mut upload, media_type, bytes).await;
        let (sha256, size) = match written {
            Ok(written) => written,
            Err(error) => {
                if let Err(cause) = upload.abort().await {
                    tracing::warn!(error = %cause, "an unfinished upload could not be removed");
                }
                return Err(error);
            }
        };
        upload.finish().await.map_err(DocumentsError::from)?;
        Ok(Staged { incoming, sha256, size, media_type: media_type.to_owned() })
    }

    async fn pour<E>(
        &self,
        upload: &mut WriteMultipart,
        media_type: &str,
        bytes: impl Stream<Item = Result<Bytes, E>> + Send,
    ) -> Result<(Digest, u64), StageError> {
        let mut bytes = std::pin::pin!(bytes);
        let mut digest = Sha256::new();
        let mut size = 0_u64;
        let mut head = Vec::with_capacity(magic::NEEDED);
        while let Some(piece) = bytes.next().await {
            let piece = piece.map_err(|_| StageError::Broken)?;
            size += piece.len() as u64;
            if size > self.max_bytes {
                return Err(StageError::TooLarge(self.max_bytes));
            }
            if head.len() < magic::NEEDED {
                head.extend(piece.iter().take(magic::NEEDED - head.len()));
                if head.len() == magic::NEEDED && !magic::fits(media_type, &head) {
                    return Err(StageError::OtherContent(media_type.to_owned()));
                }
            }
            digest.update(&piece);
            upload.wait_for_capacity(PIECES).await.map_err(DocumentsError::from)?;
            upload.put(piece);
        }
        match size {
            0 => Err(StageError::Empty),
            _ if !magic::fits(media_type, &head) => Err(StageError::OtherContent(media_type.to_owned())),
            _ => {
                let digits = hex::encode(digest.finalize());
                Ok((digits.parse().expect("SHA-256 is 64 hexadecimal digits"), size))
            }
        }
    }

    /// Gives staged bytes their name. From now on the document can be read, by whoever the database allows.
    ///
    /// # Errors
    /// When the store does not answer; keeping the same bytes again is harmless.
    pub async fn keep(&self, staged: &Staged) -> Result<(), DocumentsError> {
        Ok(self.store.rename(&staged.incoming, &place(&staged.sha256)).await?)
    }

    /// Removes staged bytes that are not wanted.
    pub async fn discard(&self, staged: &Staged) {
        if let Err(cause) = self.store.delete(&staged.incoming).await {
            tracing::warn!(error = %cause, "a refused upload could not be removed from incoming/");
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use futures::stream;

    use super::*;

    fn open(dir: &std::path::Path) -> Documents {
        let root = dir.to_str().unwrap();
        let settings = format!(
            "store = 'local'
root = '{root}'
max_document_bytes = 100
\
             [s3]
endpoint = ''
region = ''
bucket = ''
access_key = ''
secret_key = ''"
        );
        Documents::open(&toml::from_str(&settings).unwrap()).unwrap()
    }

    fn pieces(parts: &[&'static [u8]]) -> impl Stream<Item = Result<Bytes, ()>> + Send + use<> {
        stream::iter(parts.iter().map(|part| Ok(Bytes::from_static(part))).collect::<Vec<_>>())
    }

    fn files(dir: &std::path::Path) -> usize {
        let Ok(entries) = std::fs::read_dir(dir) else { return 1 };
        entries.map(|entry| files(&entry.unwrap().path())).sum()
    }

    #[tokio::test]
    async fn bytes_get_their_digest_as_name() {
        let dir = tempfile::tempdir().unwrap();
        let documents = open(dir.path());
        let staged = documents.stage("application/pdf", pieces(&[b"%P", b"DF-1.7 text"])).await.unwrap();
        assert_eq!(staged.sha256, Digest::of(b"%PDF-1.7 text"));
        assert_eq!(staged.size, 13);
        assert!(documents.get(&staged.sha256).await.unwrap().is_none());
        documents.keep(&staged).await.unwrap();
        let found = documents.get(&staged.sha256).await.unwrap().unwrap().bytes().await.unwrap();
        assert_eq!(found, &b"%PDF-1.7 text"[..]);
        let again = documents.stage("application/pdf", pieces(&[b"%PDF-1.7 text"])).await.unwrap();
        documents.keep(&again).await.unwrap();
        assert_eq!(files(dir.path()), 1);
    }

    #[tokio::test]
    async fn only_what_is_dead_is_swept_away() {
        let dir = tempfile::tempdir().unwrap();
        let documents = open(dir.path());
        let hour = std::time::Duration::from_secs(3600);
        assert_eq!(documents.sweep(hour).await.unwrap(), 0);
        let staged = documents.stage("application/pdf", pieces(&[b"%PDF-1.7 live"])).await.unwrap();
        // As a crash leaves it: the name that the store gives to unfinished files.
        let dead = dir.path().join("incoming/0192-dead#1");
        let file = std::fs::File::create(&dead).unwrap();
        file.set_modified(std::time::SystemTime::now() - 2 * hour).unwrap();
        assert_eq!(documents.sweep(hour).await.unwrap(), 1);
        assert!(!dead.exists());
        documents.keep(&staged).await.unwrap();
        assert_eq!(files(dir.path()), 1);
    }

    #[tokio::test]
    async fn refused_bytes_leave_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let documents = open(dir.path());
        let big: &'static [u8] = &[b' '; 101];
        for (media_type, parts) in [
            ("application/pdf", &[b"%PDF-1.7" as &[u8], big][..]),
            ("application/pdf", &[b"<html>...."]),
            ("application/pdf", &[b"%P"]),
            ("application/pdf", &[]),
        ] {
            assert!(documents.stage(media_type, pieces(parts)).await.is_err());
        }
        let broken = stream::iter([Ok(Bytes::from_static(b"%PDF-1.7")), Err(())]);
        assert!(matches!(documents.stage("application/pdf", broken).await, Err(StageError::Broken)));
        assert_eq!(files(dir.path()), 0);
    }
}
