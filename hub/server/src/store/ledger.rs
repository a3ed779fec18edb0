//! Tables `ledger_head` and `receipt`. A head's row lock is the registry's pen: whoever holds it gives the next number and
//! the next time together, so commit order, number order and time order are one.

use std::collections::{BTreeMap, HashMap};

use deadpool_postgres::{Client, GenericClient};
use jiff::Timestamp;
use uuid::Uuid;
use xiezhi_schemas::{
    address::RegistryCode,
    message::{Channel, Digest, Stamp},
};

use super::{StoreError, Transaction, decode};

/// Head of one registry's chain, locked.
#[derive(Debug, Clone)]
pub struct Head {
    /// Receipts so far.
    pub size: i64,
    /// Time of the last one.
    pub last_recorded_at: Option<Timestamp>,
    /// Hash of the last one, or of the beginning.
    pub hash: [u8; 32],
}

/// Locks the heads of these registries in order of code, making those that do not exist yet. A code that is no registry
/// is absent from the answer. The locks are held to the end of the transaction; no counterpart is called meanwhile.
///
/// # Errors
/// When a statement fails.
pub async fn lock_heads(
    tx: &Transaction<'_>,
    registries: &[RegistryCode],
    genesis: impl Fn(&RegistryCode) -> [u8; 32],
) -> Result<BTreeMap<RegistryCode, Head>, StoreError> {
    let heads = lock_known_heads(tx, registries).await?;
    if heads.len() == registries.len() {
        return Ok(heads);
    }
    ensure_heads(tx, registries, genesis).await?;
    lock_known_heads(tx, registries).await
}

/// Makes the heads that do not exist yet of those codes that are registries. The rows that it makes are locked until the
/// transaction ends.
///
/// # Errors
/// When the statement fails.
pub async fn ensure_heads(
    client: &impl GenericClient,
    registries: &[RegistryCode],
    genesis: impl Fn(&RegistryCode) -> [u8; 32],
) -> Result<(), StoreError> {
    let codes: Vec<&str> = registries.iter().map(RegistryCode::as_str).collect();
    let hashes: Vec<Vec<u8>> = registries.iter().map(|code| genesis(code).to_vec()).collect();
    client.execute(include_str!("queries/ledger_head/ensure.sql"), &[&codes, &hashes]).await?;
    Ok(())
}

/// [`lock_heads`] for those heads that exist; the others are absent from the answer.
///
/// # Errors
/// When the statement fails.
pub async fn lock_known_heads(
    tx: &Transaction<'_>,
    registries: &[RegistryCode],
) -> Result<BTreeMap<RegistryCode, Head>, StoreError> {
    let codes: Vec<&str> = registries.iter().map(RegistryCode::as_str).collect();
    let lock = tx.prepare_cached(include_str!("queries/ledger_head/lock.sql")).await?;
    let rows = tx.query(&lock, &[&codes]).await?;
    rows.iter()
        .map(|row| {
            let code: String = row.try_get(0)?;
            let head = Head {
                size: row.try_get(1)?,
                last_recorded_at: row.try_get(2)?,
                hash: hash(row.try_get(3)?)?,
            };
            Ok((code.parse().map_err(|e| decode("ledger_head.registry", e))?, head))
        })
        .collect()
}

fn hash(bytes: &[u8]) -> Result<[u8; 32], StoreError> {
    bytes.try_into().map_err(|e| decode("ledger hash", e))
}

/// The first stamps of those requests that have one.
///
/// # Errors
/// When the statement fails.
pub async fn find_stamps(
    tx: &Transaction<'_>,
    requests: &[Uuid],
) -> Result<HashMap<Uuid, Stamp>, StoreError> {
    let statement = tx.prepare_cached(include_str!("queries/receipt/find.sql")).await?;
    let rows = tx.query(&statement, &[&requests]).await?;
    rows.iter()
        .map(|row| {
            let bytes: Vec<u8> = row.try_get(3)?;
            let hash: Digest = hex::encode(bytes).parse().map_err(|e| decode("receipt.hash", e))?;
            Ok((row.try_get(0)?, Stamp { no: row.try_get(1)?, delivered_at: row.try_get(2)?, hash }))
        })
        .collect()
}

/// What is kept beside a stamp and never replaces it.
#[derive(Debug, Default)]
pub struct Evidence {
    /// When the push began, connector's clock; network only.
    pub push_started_at: Option<Timestamp>,
    /// When the local system answered, connector's clock; network only.
    pub push_answered_at: Option<Timestamp>,
    /// Number in the local system.
    pub local_reference: Option<String>,
    /// The time the local system claims.
    pub local_received_at: Option<Timestamp>,
    /// The record that proves the instant, for every channel but the network.
    pub evidence_id: Option<Uuid>,
}

/// One new line of the ledger.
#[derive(Debug)]
pub struct NewReceipt {
    /// Registry.
    pub registry: RegistryCode,
    /// Number.
    pub no: i64,
    /// Request.
    pub request_id: Uuid,
    /// Its message.
    pub message_id: Uuid,
    /// Digest of the body that was delivered.
    pub body_sha256: Vec<u8>,
    /// How it came.
    pub channel: Channel,
    /// The instant of 送达.
    pub delivered_at: Timestamp,
    /// When the line is written; for the network the instant of 送达 itself.
    pub recorded_at: Timestamp,
    /// Attempt that was received.
    pub attempt: i32,
    /// Connector instance or clerk that reported.
    pub reporter: String,
    /// What is kept beside the stamp.
    pub evidence: Evidence,
    /// Hash of the line before.
    pub prev_hash: [u8; 32],
    /// Hash of this line.
    pub hash: [u8; 32],
}

/// Inserts lines and moves the heads; the heads must be locked by this transaction.
///
/// # Errors
/// When a statement fails; a second receipt for a request is a unique violation and fails the transaction.
pub async fn append(
    tx: &Transaction<'_>,
    clock_err_us: i64,
    receipts: &[NewReceipt],
    heads: &BTreeMap<RegistryCode, Head>,
) -> Result<(), StoreError> {
    // Together: one round trip.
    futures::try_join!(insert(tx, clock_err_us, receipts), advance(tx, heads))?;
    Ok(())
}

async fn insert(tx: &Transaction<'_>, clock_err_us: i64, receipts: &[NewReceipt]) -> Result<(), StoreError> {
    macro_rules! column {
        ($value:expr) => {
            receipts.iter().map($value).collect::<Vec<_>>()
        };
    }
    let insert = tx.prepare_cached(include_str!("queries/receipt/insert.sql")).await?;
    tx.execute(
        &insert,
        &[
            &clock_err_us,
            &column!(|r| r.registry.as_str()),
            &column!(|r| r.no),
            &column!(|r| r.request_id),
            &column!(|r| r.message_id),
            &column!(|r| r.body_sha256.as_slice()),
            &column!(|r| r.channel.as_str()),
            &column!(|r| r.delivered_at),
            &column!(|r| r.recorded_at),
            &column!(|r| r.attempt),
            &column!(|r| r.reporter.as_str()),
            &column!(|r| r.evidence.push_started_at),
            &column!(|r| r.evidence.push_answered_at),
            &column!(|r| r.evidence.local_reference.as_deref()),
            &column!(|r| r.evidence.local_received_at),
            &column!(|r| r.evidence.evidence_id),
            &column!(|r| r.prev_hash.as_slice()),
            &column!(|r| r.hash.as_slice()),
        ],
    )
    .await?;
    Ok(())
}

async fn advance(tx: &Transaction<'_>, heads: &BTreeMap<RegistryCode, Head>) -> Result<(), StoreError> {
    let advance = tx.prepare_cached(include_str!("queries/ledger_head/advance.sql")).await?;
    let codes: Vec<&str> = heads.keys().map(RegistryCode::as_str).collect();
    let sizes: Vec<i64> = heads.values().map(|h| h.size).collect();
    let times: Vec<Option<Timestamp>> = heads.values().map(|h| h.last_recorded_at).collect();
    let hashes: Vec<&[u8]> = heads.values().map(|h| h.hash.as_slice()).collect();
    tx.execute(&advance, &[&codes, &sizes, &times, &hashes]).await?;
    Ok(())
}

/// A head as it is published.
#[derive(Debug, Clone)]
pub struct PublishedHead {
    /// Registry.
    pub registry: RegistryCode,
    /// Receipts.
    pub size: i64,
    /// Hash of the last one.
    pub hash: [u8; 32],
    /// Newest signature: size, hash, time and signature.
    pub signed: Option<(i64, [u8; 32], Timestamp, Vec<u8>)>,
}

/// All heads, or one. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn heads(
    client: &Client,
    registry: Option<&RegistryCode>,
) -> Result<Vec<PublishedHead>, StoreError> {
    let code = registry.map(RegistryCode::as_str);
    let rows = client.query(include_str!("queries/ledger_head/list.sql"), &[&code]).await?;
    rows.iter()
        .map(|row| {
            let code: String = row.try_get("registry")?;
            let signed = match row.try_get::<_, Option<i64>>("signed_size")? {
                None => None,
                Some(size) => Some((
                    size,
                    hash(row.try_get("signed_hash")?)?,
                    row.try_get("signed_at")?,
                    row.try_get("signature")?,
                )),
            };
            Ok(PublishedHead {
                registry: code.parse().map_err(|e| decode("ledger_head.registry", e))?,
                size: row.try_get("size")?,
                hash: hash(row.try_get("hash")?)?,
                signed,
            })
        })
        .collect()
}

/// Heads that grew since they were last signed: registry, size, hash. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn unsigned_heads(client: &Client) -> Result<Vec<(RegistryCode, i64, [u8; 32])>, StoreError> {
    let statement = client.prepare_cached(include_str!("queries/ledger_head/unsigned.sql")).await?;
    let rows = client.query(&statement, &[]).await?;
    rows.iter()
        .map(|row| {
            let code: String = row.try_get(0)?;
            Ok((
                code.parse().map_err(|e| decode("ledger_head.registry", e))?,
                row.try_get(1)?,
                hash(row.try_get(2)?)?,
            ))
        })
        .collect()
}

/// Keeps signatures of heads.
///
/// # Errors
/// When the statement fails.
pub async fn sign_heads(
    client: &Client,
    at: Timestamp,
    signed: &[(RegistryCode, i64, [u8; 32], Vec<u8>)],
) -> Result<(), StoreError> {
    let codes: Vec<&str> = signed.iter().map(|s| s.0.as_str()).collect();
    let sizes: Vec<i64> = signed.iter().map(|s| s.1).collect();
    let hashes: Vec<&[u8]> = signed.iter().map(|s| s.2.as_slice()).collect();
    let signatures: Vec<&[u8]> = signed.iter().map(|s| s.3.as_slice()).collect();
    client
        .execute(include_str!("queries/ledger_head/sign.sql"), &[&at, &codes, &sizes, &hashes, &signatures])
        .await?;
    Ok(())
}

/// A stored line, for verification and export.
#[derive(Debug, Clone)]
pub struct Line {
    /// Registry.
    pub registry: String,
    /// Number.
    pub no: i64,
    /// Request.
    pub request_id: Uuid,
    /// Message.
    pub message_id: Uuid,
    /// Digest of the body.
    pub body_sha256: Vec<u8>,
    /// `net`, `p2p` or `window`.
    pub channel: String,
    /// 送达.
    pub delivered_at: Timestamp,
    /// When the hub wrote it.
    pub recorded_at: Timestamp,
    /// Stored hash of the line before.
    pub prev_hash: Vec<u8>,
    /// Stored hash of this line.
    pub hash: Vec<u8>,
}

/// Lines of one registry after number `after`, in order, at most `limit`. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn lines(
    client: &Client,
    registry: &RegistryCode,
    after: i64,
    limit: i64,
) -> Result<Vec<Line>, StoreError> {
    let statement = client.prepare_cached(include_str!("queries/receipt/chain.sql")).await?;
    let rows = client.query(&statement, &[&registry.as_str(), &after, &limit]).await?;
    rows.iter()
        .map(|row| {
            Ok(Line {
                registry: row.try_get("registry")?,
                no: row.try_get("no")?,
                request_id: row.try_get("request_id")?,
                message_id: row.try_get("message_id")?,
                body_sha256: row.try_get("body_sha256")?,
                channel: row.try_get("channel")?,
                delivered_at: row.try_get("delivered_at")?,
                recorded_at: row.try_get("recorded_at")?,
                prev_hash: row.try_get("prev_hash")?,
                hash: row.try_get("hash")?,
            })
        })
        .collect()
}
