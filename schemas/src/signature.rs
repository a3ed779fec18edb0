//! Proof that a demand comes from the hub and is meant for this registry.
//!
//! A connector must be able to refuse a message that somebody with access to a broker copied, altered or sent to another
//! registry. Hub and province share one key; the code covers sender, recipient, both ids and the digest of the body, and
//! the body holds the time of issue. A symmetric code is enough here because the hub's ledger, not the message, is
//! the evidence; it costs about a microsecond where a signature would cost a few hundred.

use std::{fmt, str::FromStr};

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::address::{ProvinceCode, RegistryCode};

/// The key shared by the hub and one province: 32 bytes, written as 64 hexadecimal digits.
#[derive(Clone)]
pub struct ProvinceKey([u8; 32]);

impl fmt::Debug for ProvinceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProvinceKey(hidden)")
    }
}

/// The text is not a key.
#[derive(Debug, thiserror::Error)]
#[error("a province key is 64 hexadecimal digits; print it with `hub province key <code>`")]
pub struct KeyError;

impl FromStr for ProvinceKey {
    type Err = KeyError;
    fn from_str(text: &str) -> Result<Self, KeyError> {
        let mut key = [0; 32];
        hex::decode_to_slice(text.trim(), &mut key).map_err(|_| KeyError)?;
        Ok(Self(key))
    }
}

impl ProvinceKey {
    /// Derives a province's key from the hub's own secret, so that the hub keeps one secret for all provinces and a
    /// province never learns another's.
    pub fn derive(hub_secret: &[u8], province: &ProvinceCode) -> Self {
        let mut mac = mac(hub_secret);
        mac.update(b"xiezhi-province-key-v1\n");
        mac.update(province.as_str().as_bytes());
        Self(mac.finalize().into_bytes().into())
    }

    /// The key as text, for the one place that hands it to the province.
    pub fn expose(&self) -> String {
        hex::encode(self.0)
    }
}

fn mac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

/// What the code covers besides the body.
#[derive(Debug, Clone, Copy)]
pub struct Covered<'a> {
    /// The court's sender name.
    pub sender: &'a str,
    /// The registry that may accept the message.
    pub registry: &'a RegistryCode,
    /// The demand's id in the hub.
    pub request_id: Uuid,
    /// The message's id; the same in every attempt.
    pub message_id: Uuid,
}

fn cover(key: &ProvinceKey, covered: &Covered<'_>, body: &[u8]) -> Hmac<Sha256> {
    let mut mac = mac(&key.0);
    let head = format!(
        "xiezhi-demand-v1\n{}\n{}\n{}\n{}\n",
        covered.sender, covered.registry, covered.request_id, covered.message_id
    );
    mac.update(head.as_bytes());
    mac.update(body_sha256(body).as_bytes());
    mac
}

/// The code for one message, as 64 hexadecimal digits; travels in the header [`crate::message::header::SIGNATURE`].
pub fn sign(key: &ProvinceKey, covered: &Covered<'_>, body: &[u8]) -> String {
    hex::encode(cover(key, covered, body).finalize().into_bytes())
}

/// Whether `code` was made by the holder of `key` for exactly this message. Compares in constant time.
pub fn verify(key: &ProvinceKey, covered: &Covered<'_>, body: &[u8], code: &str) -> bool {
    hex::decode(code).is_ok_and(|code| cover(key, covered, body).verify_slice(&code).is_ok())
}

/// SHA-256 of a message body or document, as 64 lower-case hexadecimal digits.
pub fn body_sha256(body: &[u8]) -> String {
    hex::encode(Sha256::digest(body))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn a_code_fits_one_message_only() {
        let key = ProvinceKey::derive(b"hub secret", &"32".parse().unwrap());
        let registry: RegistryCode = "320102".parse().unwrap();
        let other: RegistryCode = "320104".parse().unwrap();
        let ids = (Uuid::from_u128(1), Uuid::from_u128(2));
        let covered =
            Covered { sender: "court-a", registry: &registry, request_id: ids.0, message_id: ids.1 };
        let code = sign(&key, &covered, b"body");
        assert!(verify(&key, &covered, b"body", &code));
        assert!(!verify(&key, &covered, b"Body", &code));
        assert!(!verify(&key, &Covered { registry: &other, ..covered }, b"body", &code));
        assert!(!verify(&key, &Covered { sender: "court-b", ..covered }, b"body", &code));
        assert!(!verify(&key, &Covered { request_id: ids.1, ..covered }, b"body", &code));
        assert!(!verify(
            &ProvinceKey::derive(b"hub secret", &"33".parse().unwrap()),
            &covered,
            b"body",
            &code
        ));
        assert!(!verify(&key, &covered, b"body", "no code"));
        assert_eq!(format!("{key:?}"), "ProvinceKey(hidden)");
        assert_eq!(key.expose().parse::<ProvinceKey>().unwrap().expose(), key.expose());
    }
}
