//! `GET /v1/whoami`: lets a connector check its credential and its key before it takes anything.

use axum::{Json, extract::State};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use xiezhi_schemas::{address::ProvinceCode, signature::ProvinceKey};

use super::{App, auth::Caller};

/// Whose credential this is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Whoami {
    /// Name of the principal; for a court, the sender of its demands.
    pub name: String,
    /// `court`, `operator` or `connector`.
    pub role: String,
    /// A connector's province.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub province: Option<ProvinceCode>,
    /// First 16 hexadecimal digits of SHA-256 over `xiezhi-key-fingerprint`, a line feed and the province key as text: a
    /// connector compares it with its own key's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_fingerprint: Option<String>,
}

pub(super) async fn whoami(State(app): State<App>, caller: Caller) -> Json<Whoami> {
    let province = caller.role.province().cloned();
    let key_fingerprint = province.as_ref().map(|code| fingerprint(&app.secret.province_key(code)));
    let role = caller.role.as_str().to_owned();
    Json(Whoami { name: caller.name.clone(), role, province, key_fingerprint })
}

fn fingerprint(key: &ProvinceKey) -> String {
    let digest = Sha256::digest(format!("xiezhi-key-fingerprint\n{}", key.expose()));
    hex::encode(digest)[..16].to_owned()
}
