//! Who may call the API: making and ending principals and their tokens. For the command line; the API asks
//! `store` who holds a token.

use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio_postgres::{Client, Row};

use crate::{
    audit,
    store::{StoreError, Transaction},
};

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum PrincipalError {
    /// The name is taken.
    #[error("[HUB-1032] there is a principal {0} already; nothing was changed")]
    Exists(String),
    /// Nobody has this name.
    #[error("[HUB-1033] there is no principal {0}; `hub principal list` shows them")]
    Unknown(String),
    /// Role, name or province do not fit.
    #[error("[HUB-1034] {0}; nothing was changed")]
    Unfit(String),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<tokio_postgres::Error> for PrincipalError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Store(error.into())
    }
}

/// A principal as the list shows it.
#[derive(Debug, Clone, Serialize)]
pub struct Listed {
    /// Name; for a court, the sender of its demands.
    pub name: String,
    /// `court`, `operator`, `connector` or `clerk`.
    pub role: String,
    /// The province of a connector.
    pub province: Option<String>,
    /// The registry of a clerk.
    pub registry: Option<String>,
    /// UTC.
    pub created_at: Timestamp,
    /// UTC.
    pub disabled_at: Option<Timestamp>,
    /// Tokens that work now.
    pub credentials: i64,
}

/// A token as the list shows it: never the token itself, which nobody can read back.
#[derive(Debug, Clone, Serialize)]
pub struct ListedCredential {
    /// First digits of the token's SHA-256, to name it by.
    pub id: String,
    /// UTC.
    pub created_at: Timestamp,
    /// UTC.
    pub expires_at: Option<Timestamp>,
    /// UTC.
    pub revoked_at: Option<Timestamp>,
}

/// Adds a principal.
///
/// # Errors
/// When the name is taken or malformed, a connector has no known province or a clerk no known registry.
pub async fn add(
    tx: &Transaction<'_>,
    actor: &str,
    name: &str,
    role: &str,
    province: Option<&str>,
    registry: Option<&str>,
) -> Result<(), PrincipalError> {
    let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let mut bytes = name.bytes();
    if !(bytes.next().is_some_and(word) && bytes.all(|b| word(b) || b"._-".contains(&b)) && name.len() <= 63)
    {
        return Err(PrincipalError::Unfit(
            "a name takes 1 to 63 of a-z, 0-9, dot, dash and underscore, and begins with a letter or digit"
                .to_owned(),
        ));
    }
    if (role == "connector") != province.is_some() {
        return Err(PrincipalError::Unfit("a connector, and nobody else, needs --province".to_owned()));
    }
    if (role == "clerk") != registry.is_some() {
        return Err(PrincipalError::Unfit("a clerk, and nobody else, needs --registry".to_owned()));
    }
    if let Some(code) = registry {
        let sql = include_str!("store/queries/registry/exists.sql");
        if !tx.query_one(sql, &[&code]).await?.get::<_, bool>(0) {
            return Err(PrincipalError::Unfit(format!("registry {code} is not in the directory")));
        }
    }
    if let Some(code) = province {
        let sql = include_str!("store/queries/province/exists.sql");
        if !tx.query_one(sql, &[&code]).await?.get::<_, bool>(0) {
            return Err(PrincipalError::Unfit(format!("province {code} is not in the directory")));
        }
    }
    let sql = include_str!("store/queries/principal/insert.sql");
    if tx.execute(sql, &[&name, &role, &province, &registry]).await? == 0 {
        return Err(PrincipalError::Exists(name.to_owned()));
    }
    audit::record(tx, actor, "host", "principal.add", name).await?;
    Ok(())
}

/// Disables a principal: its tokens stop working at once. Doing it twice changes nothing.
///
/// # Errors
/// When nobody has this name.
pub async fn disable(tx: &Transaction<'_>, actor: &str, name: &str) -> Result<(), PrincipalError> {
    known(tx, name).await?;
    if tx.execute(include_str!("store/queries/principal/disable.sql"), &[&name]).await? > 0 {
        audit::record(tx, actor, "host", "principal.disable", name).await?;
    }
    Ok(())
}

/// All principals by name. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn list(client: &Client) -> Result<Vec<Listed>, StoreError> {
    let rows = client.query(include_str!("store/queries/principal/list.sql"), &[]).await?;
    let listed = |row: &Row| Listed {
        name: row.get(0),
        role: row.get(1),
        province: row.get(2),
        registry: row.get(3),
        created_at: row.get(4),
        disabled_at: row.get(5),
        credentials: row.get(6),
    };
    Ok(rows.iter().map(listed).collect())
}

/// Makes a token and returns it; only its SHA-256 is kept, so this is the one time that it can be seen.
///
/// # Errors
/// When nobody has this name.
pub async fn issue(
    tx: &Transaction<'_>,
    actor: &str,
    name: &str,
    expires_at: Option<Timestamp>,
) -> Result<String, PrincipalError> {
    known(tx, name).await?;
    let token = format!("xz_{}", hex::encode(rand::random::<[u8; 32]>()));
    let digest = Sha256::digest(&token).to_vec();
    tx.execute(include_str!("store/queries/credential/insert.sql"), &[&digest, &name, &expires_at]).await?;
    let object = format!("{name} {}", &hex::encode(&digest)[..ID_DIGITS]);
    audit::record(tx, actor, "host", "credential.issue", &object).await?;
    Ok(token)
}

const ID_DIGITS: usize = 12;

/// The tokens of one principal, oldest first. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn credentials(client: &Client, name: &str) -> Result<Vec<ListedCredential>, StoreError> {
    let rows = client.query(include_str!("store/queries/credential/list.sql"), &[&name]).await?;
    let listed = |row: &Row| ListedCredential {
        id: hex::encode(row.get::<_, Vec<u8>>(0)).chars().take(ID_DIGITS).collect(),
        created_at: row.get(1),
        expires_at: row.get(2),
        revoked_at: row.get(3),
    };
    Ok(rows.iter().map(listed).collect())
}

/// Revokes the tokens of a principal whose id begins with `id` (all with an empty one) and returns how many stopped working.
///
/// # Errors
/// When nobody has this name.
pub async fn revoke(tx: &Transaction<'_>, actor: &str, name: &str, id: &str) -> Result<u64, PrincipalError> {
    known(tx, name).await?;
    let count = tx.execute(include_str!("store/queries/credential/revoke.sql"), &[&name, &id]).await?;
    if count > 0 {
        let object = if id.is_empty() { format!("{name} all") } else { format!("{name} {id}") };
        audit::record(tx, actor, "host", "credential.revoke", &object).await?;
    }
    Ok(count)
}

async fn known(tx: &Transaction<'_>, name: &str) -> Result<(), PrincipalError> {
    let sql = include_str!("store/queries/principal/exists.sql");
    if tx.query_one(sql, &[&name]).await?.get::<_, bool>(0) {
        Ok(())
    } else {
        Err(PrincipalError::Unknown(name.to_owned()))
    }
}
