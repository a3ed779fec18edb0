//! Tables `principal` and `credential`, as the API asks them: who holds this token?

use tokio_postgres::Client;
use xiezhi_schemas::address::ProvinceCode;

use super::{StoreError, decode};

/// What a principal may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// Sends demands and reads its own.
    Court,
    /// Reads everything, decides about undelivered demands.
    Operator,
    /// Fetches documents of its province's demands.
    Connector {
        /// The province it belongs to.
        province: ProvinceCode,
    },
}

impl Role {
    /// The word in SQL and JSON.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Court => "court",
            Self::Operator => "operator",
            Self::Connector { .. } => "connector",
        }
    }

    /// The province of a connector.
    pub fn province(&self) -> Option<&ProvinceCode> {
        match self {
            Self::Connector { province } => Some(province),
            Self::Court | Self::Operator => None,
        }
    }
}

/// A party that may call the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Its name; for a court, the sender of its demands.
    pub name: String,
    /// What it may do.
    pub role: Role,
}

/// Who holds a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The principal.
    pub principal: Principal,
    /// False when token or principal are revoked, expired or disabled: it is known who asks, and the token opens nothing.
    pub works: bool,
}

/// The holder of the token with this SHA-256. Takes no lock.
///
/// # Errors
/// When the statement fails or the stored role is unknown.
pub async fn find_by_token(client: &Client, token_sha256: &[u8; 32]) -> Result<Option<Holder>, StoreError> {
    let found =
        client.query_opt(include_str!("queries/credential/find.sql"), &[&token_sha256.as_slice()]).await?;
    let Some(row) = found else { return Ok(None) };
    let province: Option<String> = row.try_get("province")?;
    let role = match (row.try_get::<_, String>("role")?.as_str(), province) {
        ("court", None) => Role::Court,
        ("operator", None) => Role::Operator,
        ("connector", Some(code)) => {
            Role::Connector { province: code.parse().map_err(|e| decode("principal.province", e))? }
        }
        (other, _) => {
            return Err(decode("principal.role", format!("role {other} does not fit its province")));
        }
    };
    let principal = Principal { name: row.try_get("name")?, role };
    Ok(Some(Holder { principal, works: row.try_get("works")? }))
}
