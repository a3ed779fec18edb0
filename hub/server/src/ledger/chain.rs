//! What is hashed, byte for byte, so that anybody can recompute a chain with SM3 and a text editor.
//!
//! `hash = SM3("xiezhi-receipt-v1|sm3|<prev>|<registry>|<no>|<request>|<message>|<body>|<channel>|<delivered>|<recorded>")`
//! with hashes and digests in lower-case hexadecimal, ids as UUIDs and times in microseconds since 1970-01-01T00:00:00Z.
//! The first line of a registry has `prev = SM3("xiezhi-genesis-v1|sm3|<registry>")`.

use jiff::Timestamp;
use sm3::{Digest, Sm3};
use uuid::Uuid;

/// The facts that a line vouches for.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// Registry.
    pub registry: &'a str,
    /// Number.
    pub no: i64,
    /// Request.
    pub request_id: Uuid,
    /// Message.
    pub message_id: Uuid,
    /// SHA-256 of the body that was delivered.
    pub body_sha256: &'a [u8],
    /// `net`, `p2p` or `window`.
    pub channel: &'a str,
    /// 送达.
    pub delivered_at: Timestamp,
    /// When the line was written.
    pub recorded_at: Timestamp,
}

/// Where a registry's chain begins.
pub fn genesis(registry: &str) -> [u8; 32] {
    Sm3::digest(format!("xiezhi-genesis-v1|sm3|{registry}")).into()
}

/// Hash of a line that follows `prev`.
pub fn link(prev: &[u8], facts: &Facts<'_>) -> [u8; 32] {
    let Facts { registry, no, request_id, message_id, body_sha256, channel, delivered_at, recorded_at } =
        facts;
    let text = format!(
        "xiezhi-receipt-v1|sm3|{}|{registry}|{no}|{request_id}|{message_id}|{}|{channel}|{}|{}",
        hex::encode(prev),
        hex::encode(body_sha256),
        delivered_at.as_microsecond(),
        recorded_at.as_microsecond(),
    );
    Sm3::digest(text).into()
}

/// The text that the signature of a head covers.
pub fn head_text(registry: &str, size: i64, hash: &[u8], signed_at: Timestamp) -> String {
    format!("xiezhi-head-v1|{registry}|{size}|{}|{}", hex::encode(hash), signed_at.as_microsecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_form_does_not_drift() {
        // Recomputed with `printf … | openssl dgst -sm3`.
        let at: Timestamp = "2024-03-04T01:30:00.000001Z".parse().unwrap();
        let facts = Facts {
            registry: "320102",
            no: 1,
            request_id: Uuid::from_u128(1),
            message_id: Uuid::from_u128(2),
            body_sha256: &[0xab; 32],
            channel: "net",
            delivered_at: at,
            recorded_at: at,
        };
        let prev = genesis("320102");
        assert_eq!(hex::encode(prev), "416ad33697b9296b4f2beece0304c345427ca0673c5b99e3b22329d98f0039a8");
        assert_eq!(
            hex::encode(link(&prev, &facts)),
            "e184880eb40a459075b2e79dc35d4f541f6959da92c64cb60dd416a4ed5a1c80"
        );
        assert_ne!(link(&prev, &Facts { no: 2, ..facts }), link(&prev, &facts));
    }
}
