//! The hub's own secrets: where they lie, how they are made, what is derived from them.
//!
//! One secret is the source of all provinces' keys and all webhooks' secrets, so that the hub has one thing to guard and no
//! party can compute another's. The SM2 key that signs the ledger is a file of its own, because an auditor may want to
//! see it kept elsewhere.

use std::{
    fmt,
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use sm2::{SecretKey, pkcs8::EncodePrivateKey, pkcs8::LineEnding};
use xiezhi_schemas::{
    address::{CourtName, ProvinceCode},
    signature::ProvinceKey,
};

/// Why a secret could not be read or made.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("[HUB-1018] the secret file {path} cannot be read; make it with `hub keys init` or restore it")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Others may read it.
    #[error("[HUB-1019] others may read the secret file {path}; run `chmod 600 {path}`")]
    Open {
        /// The file.
        path: PathBuf,
    },
    /// Not a secret.
    #[error("[HUB-1020] the secret file {path} does not hold 64 hexadecimal digits")]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// It is there already.
    #[error(
        "[HUB-1021] {path} exists and is not overwritten: whatever was made with it would lose its meaning"
    )]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be written.
    #[error("[HUB-1022] the secret file {path} cannot be written")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl KeyError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "HUB-1018",
            Self::Open { .. } => "HUB-1019",
            Self::Malformed { .. } => "HUB-1020",
            Self::Exists { .. } => "HUB-1021",
            Self::Unwritable { .. } => "HUB-1022",
        }
    }
}

/// 32 random bytes that only the hub knows.
#[derive(Clone)]
pub struct HubSecret([u8; 32]);

impl fmt::Debug for HubSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HubSecret(hidden)")
    }
}

impl HubSecret {
    /// Reads the file and insists that nobody else may.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let text = read_private(path)?;
        let mut secret = [0; 32];
        hex::decode_to_slice(text.trim(), &mut secret)
            .map_err(|_| KeyError::Malformed { path: path.to_owned() })?;
        Ok(Self(secret))
    }

    /// The key shared with one province.
    pub fn province_key(&self, province: &ProvinceCode) -> ProvinceKey {
        ProvinceKey::derive(&self.0, province)
    }

    /// The secret with which webhooks to `sender` are signed, as 64 hexadecimal digits.
    pub fn webhook_secret(&self, sender: &str) -> String {
        self.derive("xiezhi-webhook-secret-v1", sender)
    }

    /// The password of a province's broker account, as 64 hexadecimal digits; derived, so that it is stored nowhere.
    pub fn broker_password(&self, province: &ProvinceCode) -> String {
        self.derive("xiezhi-broker-password-v1", province.as_str())
    }

    /// The password of a court's broker account, likewise.
    pub fn court_broker_password(&self, court: &CourtName) -> String {
        self.derive("xiezhi-court-broker-password-v1", court.as_str())
    }

    fn derive(&self, purpose: &str, name: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(purpose.as_bytes());
        mac.update(b"\n");
        mac.update(name.as_bytes());
        hex::encode(mac.finalize().into_bytes())
    }
}

/// Reads a secret file of any form and insists that nobody else may read it.
///
/// # Errors
/// [`KeyError::Unreadable`] or [`KeyError::Open`].
pub fn read_private(path: &Path) -> Result<String, KeyError> {
    let unreadable = |source| KeyError::Unreadable { path: path.to_owned(), source };
    let mode = std::fs::metadata(path).map_err(unreadable)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(KeyError::Open { path: path.to_owned() });
    }
    std::fs::read_to_string(path).map_err(unreadable)
}

/// Makes the hub's secret. Never overwrites.
///
/// # Errors
/// [`KeyError::Exists`] or [`KeyError::Unwritable`].
pub fn make_hub_secret(path: &Path) -> Result<(), KeyError> {
    let secret: [u8; 32] = rand::random();
    write_private(path, &format!("{}\n", hex::encode(secret)))
}

/// Makes the SM2 key that signs the ledger (PKCS#8, PEM). Never overwrites.
///
/// # Errors
/// [`KeyError::Exists`] or [`KeyError::Unwritable`].
pub fn make_signing_key(path: &Path) -> Result<(), KeyError> {
    let key = loop {
        let bytes: [u8; 32] = rand::random();
        // Fails for the few numbers outside the curve's order only.
        if let Ok(key) = SecretKey::from_slice(&bytes) {
            break key;
        }
    };
    let pem = key.to_pkcs8_pem(LineEnding::LF).expect("a key on a named curve can be written");
    write_private(path, &pem)
}

fn write_private(path: &Path, text: &str) -> Result<(), KeyError> {
    let unwritable = |source| KeyError::Unwritable { path: path.to_owned(), source };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(unwritable)?;
    }
    let mut options = std::fs::OpenOptions::new();
    let mut file = match options.write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(KeyError::Exists { path: path.to_owned() });
        }
        opened => opened.map_err(unwritable)?,
    };
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(unwritable)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use sm2::pkcs8::DecodePrivateKey;

    use super::*;

    #[test]
    fn secrets_are_made_once_and_kept_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/hub.secret");
        assert!(matches!(HubSecret::load(&path), Err(KeyError::Unreadable { .. })));
        make_hub_secret(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let secret = HubSecret::load(&path).unwrap();
        assert!(matches!(make_hub_secret(&path), Err(KeyError::Exists { .. })));
        assert_eq!(HubSecret::load(&path).unwrap().0, secret.0);
        assert_eq!(secret.webhook_secret("court-a").len(), 64);
        assert_ne!(secret.webhook_secret("court-a"), secret.webhook_secret("court-b"));
        assert_eq!(format!("{secret:?}"), "HubSecret(hidden)");

        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(HubSecret::load(&path), Err(KeyError::Open { .. })));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, "short").unwrap();
        assert!(matches!(HubSecret::load(&path), Err(KeyError::Malformed { .. })));
    }

    #[test]
    fn the_signing_key_can_be_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.pem");
        make_signing_key(&path).unwrap();
        let pem = read_private(&path).unwrap();
        assert!(SecretKey::from_pkcs8_pem(&pem).is_ok());
    }
}
