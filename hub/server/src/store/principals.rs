//! Tables `principal` and `credential`, as the API asks them: who holds this token?

use tokio_postgres::Client;
use xiezhi_schemas::address::{ProvinceCode, RegistryCode};

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
    /// Enters papers handed in at its registry's window (窗口工作人员) and reports what the registry decided about them.
    Clerk {
        /// The registry it works for.
        registry: RegistryCode,
    },
}

impl Role {
    /// The word in SQL and JSON.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Court => "court",
            Self::Operator => "operator",
            Self::Connector { .. } => "connector",
            Self::Clerk { .. } => "clerk",
        }
    }

    /// The province of a connector.
    pub fn province(&self) -> Option<&ProvinceCode> {
        match self {
            Self::Connector { province } => Some(province),
            Self::Court | Self::Operator | Self::Clerk { .. } => None,
        }
    }

    /// The registry of a clerk.
    pub fn registry(&self) -> Option<&RegistryCode> {
        match self {
            Self::Clerk { registry } => Some(registry),
            Self::Court | Self::Operator | Self::Connector { .. } => None,
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
    let registry: Option<String> = row.try_get("registry")?;
    let role = match (row.try_get::<_, String>("role")?.as_str(), province, registry) {
        ("court", None, None) => Role::Court,
        ("operator", None, None) => Role::Operator,
        ("connector", Some(code), None) => {
            Role::Connector { province: code.parse().map_err(|e| decode("principal.province", e))? }
        }
        ("clerk", None, Some(code)) => {
            Role::Clerk { registry: code.parse().map_err(|e| decode("principal.registry", e))? }
        }
        (other, ..) => {
            return Err(decode(
                "principal.role",
                format!("role {other} does not fit its province or registry"),
            ));
        }
    };
    let principal = Principal { name: row.try_get("name")?, role };
    Ok(Some(Holder { principal, works: row.try_get("works")? }))
}
