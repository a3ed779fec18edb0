//! The hub's own secret, from which the keys shared with provinces and courts are derived.

use std::{fmt, fs, path::Path};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use xiezhi_schemas::{address::ProvinceCode, signature::ProvinceKey};

/// 32 random bytes that never leave the hub.
#[derive(Clone)]
pub struct HubSecret([u8; 32]);

impl fmt::Debug for HubSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HubSecret(hidden)")
    }
}

/// The secret cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// No such file, or not readable.
    #[error("[HUB-1014] the hub's secret cannot be read from {path}; make one with `hub keys init`")]
    Unreadable {
        /// Path.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file holds something else.
    #[error("[HUB-1014] {path} does not hold 64 hexadecimal digits; make a secret with `hub keys init`")]
    Malformed {
        /// Path.
        path: String,
    },
}

impl HubSecret {
    /// A new random secret.
    pub fn random() -> Self {
        Self(rand::random())
    }

    /// Reads the secret: 64 hexadecimal digits.
    ///
    /// # Errors
    /// When the file cannot be read or holds something else.
    pub fn read(path: &Path) -> Result<Self, SecretError> {
        let name = || path.display().to_string();
        let text =
            fs::read_to_string(path).map_err(|source| SecretError::Unreadable { path: name(), source })?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.trim(), &mut bytes).map_err(|_| SecretError::Malformed { path: name() })?;
        Ok(Self(bytes))
    }

    /// The secret as text, for the one place that writes the file.
    pub fn expose(&self) -> String {
        hex::encode(self.0)
    }

    /// The key shared with one province.
    pub fn province_key(&self, province: &ProvinceCode) -> ProvinceKey {
        ProvinceKey::derive(&self.0, province)
    }

    /// The key with which webhooks to `sender` are signed.
    pub fn webhook_key(&self, sender: &str) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(b"xiezhi-webhook-key-v1\n");
        mac.update(sender.as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// The password of a province's broker account: derived, so that it need not be stored.
    pub fn broker_password(&self, province: &ProvinceCode) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(b"xiezhi-broker-password-v1\n");
        mac.update(province.as_str().as_bytes());
        hex::encode(mac.finalize().into_bytes())
    }
}
