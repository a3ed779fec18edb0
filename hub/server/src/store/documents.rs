//! Tables `document` and `document_owner`: which documents are stored, and who may name or read them.

use std::collections::HashMap;

use tokio_postgres::{Client, Row};
use uuid::Uuid;
use xiezhi_schemas::{
    address::{ProvinceCode, RegistryCode},
    message::{Digest, DigestError},
};

use super::{StoreError, Transaction, decode};

/// What is known about stored bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Size in bytes.
    pub size: u64,
    /// Media type, as claimed at the first upload and checked against the first bytes.
    pub media_type: String,
}

/// Records that these bytes are stored and that `sender` uploaded them; returns what is recorded, which may be an earlier
/// upload with another media type. Locks nothing that exists.
///
/// # Errors
/// When a statement fails.
pub async fn record(
    tx: &Transaction<'_>,
    sha256: &Digest,
    stored: &Stored,
    sender: &str,
) -> Result<Stored, StoreError> {
    let size = i64::try_from(stored.size).map_err(|e| decode("document.size", e))?;
    let row = tx
        .query_opt(
            include_str!("queries/document/insert.sql"),
            &[&sha256.as_str(), &size, &stored.media_type],
        )
        .await?;
    tx.execute(include_str!("queries/document_owner/insert.sql"), &[&sha256.as_str(), &sender]).await?;
    // A statement does not see its own insert: no row means that this one is new.
    row.map_or_else(|| Ok(stored.clone()), |row| read(&row))
}

/// Those of these documents that the sender named with them uploaded: `(sender, digest)`. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn owned(
    client: &deadpool_postgres::Client,
    asked: &[(&str, &str)],
) -> Result<HashMap<(String, Digest), Stored>, StoreError> {
    let (senders, digests): (Vec<&str>, Vec<&str>) = asked.iter().copied().unzip();
    let statement = client.prepare_cached(include_str!("queries/document/owned.sql")).await?;
    let rows = client.query(&statement, &[&senders, &digests]).await?;
    rows.iter()
        .map(|row| {
            let digest: String = row.try_get("sha256")?;
            let digest = digest.parse().map_err(|e: DigestError| decode("document.sha256", e))?;
            Ok(((row.try_get("sender")?, digest), read(row)?))
        })
        .collect()
}

/// Who asks for a document.
#[derive(Debug, Clone, Copy)]
pub enum Reader<'a> {
    /// Sees every document.
    Operator,
    /// Sees what it uploaded.
    Sender(&'a str),
    /// Sees what it uploaded, and what stands in entries of its registry's window, so that a second person can compare.
    Window {
        /// The clerk.
        clerk: &'a str,
        /// Its registry.
        registry: &'a RegistryCode,
    },
    /// Sees documents of its province's demands; of one demand, if named.
    Province {
        /// The connector's province.
        province: &'a ProvinceCode,
        /// The request for which it asks.
        request_id: Option<Uuid>,
    },
}

/// The document, if it exists and `reader` may see it: both cases look alike. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn find(
    client: &Client,
    sha256: &Digest,
    reader: Reader<'_>,
) -> Result<Option<Stored>, StoreError> {
    let digest = sha256.as_str();
    let row = match reader {
        Reader::Operator => client.query_opt(include_str!("queries/document/find.sql"), &[&digest]).await?,
        Reader::Sender(sender) => {
            client.query_opt(include_str!("queries/document/find_of_sender.sql"), &[&digest, &sender]).await?
        }
        Reader::Window { clerk, registry } => {
            client
                .query_opt(
                    include_str!("queries/document/find_of_window.sql"),
                    &[&digest, &clerk, &registry.as_str()],
                )
                .await?
        }
        Reader::Province { province, request_id } => {
            client
                .query_opt(
                    include_str!("queries/document/find_of_province.sql"),
                    &[&digest, &province.as_str(), &request_id],
                )
                .await?
        }
    };
    row.map(|row| read(&row)).transpose()
}

fn read(row: &Row) -> Result<Stored, StoreError> {
    let size: i64 = row.try_get("size")?;
    Ok(Stored {
        size: u64::try_from(size).map_err(|e| decode("document.size", e))?,
        media_type: row.try_get("media_type")?,
    })
}
