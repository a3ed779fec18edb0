//! The files that hold the hub's secrets: making them once, and refusing those that others may read.
//!
//! What is derived from the hub's secret is in [`crate::secret`]. The SM2 key that signs the ledger is a file of its own,
//! because an auditor may want to see it kept elsewhere.

use std::{
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use sm2::{SecretKey, pkcs8::EncodePrivateKey, pkcs8::LineEnding};

use crate::secret::HubSecret;

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
    /// It is there already.
    #[error(
        "[HUB-1020] {path} exists and is not overwritten: whatever was made with it would lose its meaning"
    )]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be written.
    #[error("[HUB-1021] the secret file {path} cannot be written")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Makes sure that a secret file is there and that nobody else may read it.
///
/// # Errors
/// [`KeyError::Unreadable`] or [`KeyError::Open`].
pub fn check_private(path: &Path) -> Result<(), KeyError> {
    let mode = std::fs::metadata(path)
        .map_err(|source| KeyError::Unreadable { path: path.to_owned(), source })?
        .permissions()
        .mode();
    if mode & 0o077 == 0 { Ok(()) } else { Err(KeyError::Open { path: path.to_owned() }) }
}

/// Makes the hub's secret. Never overwrites.
///
/// # Errors
/// [`KeyError::Exists`] or [`KeyError::Unwritable`].
pub fn make_hub_secret(path: &Path) -> Result<(), KeyError> {
    write_private(path, &format!("{}\n", HubSecret::random().expose()))
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
        assert!(matches!(check_private(&path), Err(KeyError::Unreadable { .. })));
        make_hub_secret(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        check_private(&path).unwrap();
        let secret = HubSecret::read(&path).unwrap().expose();
        assert!(matches!(make_hub_secret(&path), Err(KeyError::Exists { .. })));
        assert_eq!(HubSecret::read(&path).unwrap().expose(), secret);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(check_private(&path), Err(KeyError::Open { .. })));
    }

    #[test]
    fn the_signing_key_can_be_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.pem");
        make_signing_key(&path).unwrap();
        check_private(&path).unwrap();
        let pem = std::fs::read_to_string(&path).unwrap();
        assert!(SecretKey::from_pkcs8_pem(&pem).is_ok());
    }
}
