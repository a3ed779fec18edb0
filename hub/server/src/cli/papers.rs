//! Documents that the command line sends: uploaded first, then named by their claim.

use std::path::Path;

use reqwest::Method;
use serde_json::Value;

use super::{Failure, client::Api};

/// A document that the hub has.
#[derive(Debug)]
pub(super) struct Claim {
    /// Its file name.
    pub(super) name: String,
    /// Its media type.
    pub(super) media_type: &'static str,
    /// The digest under which the hub keeps it.
    pub(super) sha256: String,
    /// Its size in bytes.
    pub(super) size: usize,
}

/// Uploads one file; a repeat is harmless.
pub(super) async fn upload(api: &Api, path: &Path) -> Result<Claim, Failure> {
    let bytes = read(path)?;
    let (size, media_type) = (bytes.len(), media_type(path, &bytes));
    let stored = api.upload(Method::PUT, "/v1/documents", media_type, bytes).await?;
    let sha256 = stored.get("sha256").and_then(Value::as_str).unwrap_or("?").to_owned();
    eprintln!("uploaded {} ({size} bytes, sha256 {sha256})", path.display());
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("document").to_owned();
    Ok(Claim { name, media_type, sha256, size })
}

/// A file, or standard input for `-`.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = if path == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut std::io::stdin().lock(), &mut bytes).map(|_| bytes)
    } else {
        std::fs::read(path)
    };
    bytes.map_err(|error| Failure::Usage(format!("{} cannot be read: {error}", path.display())))
}

/// Media type by the first bytes; the hub looks for itself anyway.
pub(super) fn media_type(path: &Path, bytes: &[u8]) -> &'static str {
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    match (bytes, ending.as_str()) {
        ([b'%', b'P', b'D', b'F', ..], _) => "application/pdf",
        ([0xFF, 0xD8, 0xFF, ..], _) => "image/jpeg",
        ([0x89, b'P', b'N', b'G', ..], _) => "image/png",
        (_, "ofd") => "application/ofd",
        _ => "application/octet-stream",
    }
}
