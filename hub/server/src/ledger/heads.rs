//! Heads leave the database: signed with SM2, and appended to a witness file that the hub compares at start.
//!
//! Whoever rewrites the ledger in the database would also have to change this file, and the head that every connector
//! got with its last receipt.

use std::{collections::BTreeMap, io, path::Path, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sm2::{
    SecretKey,
    dsa::{
        Signature, SigningKey, VerifyingKey,
        signature::{Signer, Verifier},
    },
    pkcs8::DecodePrivateKey,
};
use tokio::io::AsyncWriteExt;
use tokio_util::sync::CancellationToken;
use xiezhi_schemas::address::RegistryCode;

use super::chain;
use crate::{
    health::Part,
    keys,
    store::{Store, StoreError, ledger},
};

/// The distinguishing identifier that GB/T 32918 uses where nothing else is agreed.
const DISTID: &str = "1234567812345678";

/// What is wrong with keys, witness or heads.
#[derive(Debug, thiserror::Error)]
pub enum HeadError {
    /// The signing key cannot be used.
    #[error("[HUB-3010] the signing key {path} cannot be used ({why}); make one with `hub keys init`")]
    Key {
        /// Path.
        path: String,
        /// Why.
        why: String,
    },
    /// The witness file cannot be read or written.
    #[error("[HUB-3011] the witness file {path} cannot be used")]
    Witness {
        /// Path.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The ledger is not the one that was witnessed.
    #[error(
        "[HUB-3012] the ledger of registry {registry} does not contain the head witnessed at {signed_at} (size {size}); \
         it was changed, or an older backup was restored. Nothing is stamped; run `hub ledger verify`"
    )]
    Mismatch {
        /// Registry.
        registry: RegistryCode,
        /// Size of the witnessed head.
        size: i64,
        /// When it was signed.
        signed_at: Timestamp,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl HeadError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Key { .. } => "HUB-3010",
            Self::Witness { .. } => "HUB-3011",
            Self::Mismatch { .. } => "HUB-3012",
            Self::Store(error) => error.code(),
        }
    }
}

/// Signs heads.
pub struct HeadSigner(SigningKey);

impl std::fmt::Debug for HeadSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HeadSigner(hidden)")
    }
}

impl HeadSigner {
    /// Reads an SM2 key in PKCS#8 PEM.
    ///
    /// # Errors
    /// When the file is missing or holds no such key.
    pub fn read(path: &Path) -> Result<Self, HeadError> {
        let wrong = |why: String| HeadError::Key { path: path.display().to_string(), why };
        let pem = keys::read_private(path).map_err(|e| wrong(e.to_string()))?;
        let secret = SecretKey::from_pkcs8_pem(&pem).map_err(|e| wrong(e.to_string()))?;
        SigningKey::new(DISTID, &secret).map(Self).map_err(|e| wrong(e.to_string()))
    }

    fn sign(&self, text: &str) -> Vec<u8> {
        let signature: Signature = self.0.sign(text.as_bytes());
        signature.to_bytes().to_vec()
    }

    /// Whether `signature` was made with this key for this head.
    pub fn verify(
        &self,
        registry: &str,
        size: i64,
        hash: &[u8],
        signed_at: Timestamp,
        signature: &[u8],
    ) -> bool {
        let key: &VerifyingKey = self.0.as_ref();
        let text = chain::head_text(registry, size, hash, signed_at);
        Signature::try_from(signature).is_ok_and(|signature| key.verify(text.as_bytes(), &signature).is_ok())
    }
}

/// One line of the witness file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WitnessedHead {
    /// Registry.
    pub registry: RegistryCode,
    /// Receipts.
    pub size: i64,
    /// Hash of the last one, hexadecimal.
    pub hash: String,
    /// When.
    pub signed_at: Timestamp,
    /// SM2 signature, hexadecimal.
    pub signature: String,
}

/// The newest witnessed head of each registry; none when there is no file. A torn last line, as a crash leaves it,
/// is passed over: the head it would have named is still in the database and will be witnessed again.
///
/// # Errors
/// When the file cannot be read.
pub fn witnessed(path: Option<&Path>) -> Result<BTreeMap<RegistryCode, WitnessedHead>, HeadError> {
    let Some(path) = path else { return Ok(BTreeMap::new()) };
    let text = match std::fs::read_to_string(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        other => other.map_err(|source| HeadError::Witness { path: path.display().to_string(), source })?,
    };
    let heads = text.lines().filter_map(|line| serde_json::from_str::<WitnessedHead>(line).ok());
    Ok(heads.map(|head| (head.registry.clone(), head)).collect())
}

/// Holds the ledger against the witness file.
///
/// # Errors
/// [`HeadError::Mismatch`] when a witnessed head is no prefix of the ledger.
pub async fn compare(store: &Store, witness_file: Option<&Path>) -> Result<usize, HeadError> {
    let heads = witnessed(witness_file)?;
    let client = store.client().await?;
    for head in heads.values() {
        let line = ledger::lines(&client, &head.registry, head.size - 1, 1).await?;
        if line.first().map(|line| hex::encode(&line.hash)).as_ref() != Some(&head.hash) {
            return Err(HeadError::Mismatch {
                registry: head.registry.clone(),
                size: head.size,
                signed_at: head.signed_at,
            });
        }
    }
    Ok(heads.len())
}

/// How often grown heads are signed: the time in which a head could be rewritten without a witness.
const PERIOD: Duration = Duration::from_secs(1);

/// Signs grown heads and appends them to the witness file, once a second, until cancelled; and once more at the end.
///
/// # Errors
/// When database or file fail.
pub async fn run(
    store: &Store,
    signer: &HeadSigner,
    witness_file: Option<&Path>,
    part: &Part,
    token: CancellationToken,
) -> Result<(), HeadError> {
    loop {
        let stopping = tokio::select! {
            () = token.cancelled() => true,
            () = tokio::time::sleep(PERIOD) => false,
        };
        sign_grown(store, signer, witness_file).await?;
        part.up();
        if stopping {
            return Ok(());
        }
    }
}

/// Signs every head that grew since it was signed last; gives their number.
///
/// # Errors
/// When database or file fail.
pub async fn sign_grown(
    store: &Store,
    signer: &HeadSigner,
    witness_file: Option<&Path>,
) -> Result<usize, HeadError> {
    let client = store.client().await?;
    let grown = ledger::unsigned_heads(&client).await?;
    if grown.is_empty() {
        return Ok(0);
    }
    let at = requests_clock(&client).await?;
    let mut lines = String::new();
    let mut signed = Vec::with_capacity(grown.len());
    for (registry, size, hash) in grown {
        let signature = signer.sign(&chain::head_text(registry.as_str(), size, &hash, at));
        let line = WitnessedHead {
            registry: registry.clone(),
            size,
            hash: hex::encode(hash),
            signed_at: at,
            signature: hex::encode(&signature),
        };
        lines.push_str(&serde_json::to_string(&line).expect("a head has string keys"));
        lines.push('\n');
        signed.push((registry, size, hash, signature));
    }
    if let Some(path) = witness_file {
        let failed = |source| HeadError::Witness { path: path.display().to_string(), source };
        append(path, lines.as_bytes()).await.map_err(failed)?;
    }
    ledger::sign_heads(&client, at, &signed).await?;
    Ok(signed.len())
}

async fn requests_clock(client: &tokio_postgres::Client) -> Result<Timestamp, StoreError> {
    Ok(client.query_one("SELECT clock_timestamp()", &[]).await?.try_get(0)?)
}

async fn append(path: &Path, lines: &[u8]) -> io::Result<()> {
    let mut file = tokio::fs::OpenOptions::new().create(true).append(true).open(path).await?;
    file.write_all(lines).await?;
    file.sync_data().await
}
