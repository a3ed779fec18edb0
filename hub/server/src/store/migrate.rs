//! Migrations: numbered files, compiled in, applied once each under a lock.
//!
//! An own runner because two hubs may start at once and the published runners take no lock. Each file runs in one
//! transaction together with its line in `schema_migration`; the checksum of an applied file must never change.

use futures::StreamExt;
use sha2::{Digest, Sha256};

use super::{Dedicated, Settings, StoreError};

/// One numbered file of `migrations/`.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Number, ascending from 1. A number may stay unused.
    pub number: i32,
    /// File name.
    pub name: &'static str,
    sql: &'static str,
}

impl Migration {
    fn checksum(&self) -> String {
        hex::encode(Sha256::digest(self.sql))
    }
}

macro_rules! migrations {
    ($($number:literal $name:literal,)*) => {
        /// Every migration of this build, in order.
        pub const ALL: &[Migration] = &[$(Migration {
            number: $number, name: $name, sql: include_str!(concat!("../../../../migrations/", $name)),
        }),*];
    };
}

migrations! {
    1 "0001_directory.sql",
    2 "0002_requests.sql",
    3 "0003_ledger.sql",
    4 "0004_outcomes.sql",
    5 "0005_undelivered.sql",
    6 "0006_views.sql",
    7 "0007_guards.sql",
    8 "0008_webhook_removal.sql",
    9 "0009_dead_copies.sql",
    11 "0011_feedback_queue.sql",
    12 "0012_channels.sql",
    13 "0013_unit_register.sql",
    14 "0014_matters.sql",
    15 "0015_reminders.sql",
    16 "0016_open_issues.sql",
    17 "0017_links_and_conversions.sql",
}

/// Why the schema could not be brought up to date. Applied files stay applied; the rest is untouched.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// The database could not be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An applied file differs from the one in this build.
    #[error(
        "[HUB-5011] migration {name} was applied with other contents; this binary does not fit this database"
    )]
    Changed {
        /// File name.
        name: String,
    },
    /// The database is newer than this build.
    #[error(
        "[HUB-5012] the database has migration {number}, which this binary does not know; use a newer hub"
    )]
    Newer {
        /// Number.
        number: i32,
    },
    /// A file failed and was rolled back.
    #[error("[HUB-5013] migration {name} failed and was rolled back")]
    Failed {
        /// File name.
        name: &'static str,
        /// Why.
        #[source]
        source: tokio_postgres::Error,
    },
}

impl MigrationError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Store(error) => error.code(),
            Self::Changed { .. } => "HUB-5011",
            Self::Newer { .. } => "HUB-5012",
            Self::Failed { .. } => "HUB-5013",
        }
    }
}

/// Any 64-bit number serves, as long as all hubs use the same.
const LOCK: i64 = 0x7869_657A_6869_0001;

/// Applies what is missing and returns it, calling `started` before each. Safe to run from several hubs at once.
///
/// # Errors
/// See [`MigrationError`].
pub async fn migrate(
    settings: &Settings,
    started: impl FnMut(&Migration) + Send,
) -> Result<Vec<Migration>, MigrationError> {
    let dedicated = Dedicated::connect(&settings.client_config()?).await?;
    let Dedicated { client, mut messages } = dedicated;
    let work = apply(client, started);
    tokio::pin!(work);
    // Statements only move while the connection is polled.
    loop {
        tokio::select! {
            done = &mut work => return done,
            Some(_) = messages.next() => {}
        }
    }
}

async fn apply(
    mut client: tokio_postgres::Client,
    mut started: impl FnMut(&Migration) + Send,
) -> Result<Vec<Migration>, MigrationError> {
    client.execute("SELECT pg_advisory_lock($1)", &[&LOCK]).await.map_err(StoreError::from)?;
    client
        .batch_execute(include_str!("queries/schema_migration/create.sql"))
        .await
        .map_err(StoreError::from)?;
    let done = read(&client).await?;
    check(&done)?;
    let mut fresh = Vec::new();
    for migration in ALL.iter().skip(done.len()) {
        started(migration);
        let failed = |source| MigrationError::Failed { name: migration.name, source };
        let tx = client.transaction().await.map_err(StoreError::from)?;
        tx.batch_execute(migration.sql).await.map_err(failed)?;
        tx.execute(
            include_str!("queries/schema_migration/insert.sql"),
            &[&migration.number, &migration.name, &migration.checksum()],
        )
        .await
        .map_err(failed)?;
        tx.commit().await.map_err(StoreError::of_commit)?;
        fresh.push(*migration);
    }
    client.execute("SELECT pg_advisory_unlock($1)", &[&LOCK]).await.map_err(StoreError::from)?;
    Ok(fresh)
}

async fn read(client: &tokio_postgres::Client) -> Result<Vec<(i32, String, String)>, StoreError> {
    let rows = client.query(include_str!("queries/schema_migration/list.sql"), &[]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect())
}

fn check(done: &[(i32, String, String)]) -> Result<(), MigrationError> {
    for (at, (number, name, checksum)) in done.iter().enumerate() {
        match ALL.get(at) {
            None => return Err(MigrationError::Newer { number: *number }),
            Some(known) if known.number != *number || &known.checksum() != checksum => {
                return Err(MigrationError::Changed { name: name.clone() });
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Names of the migrations the database has, oldest first; empty for a new database.
///
/// # Errors
/// When the database cannot be read.
pub async fn applied(client: &tokio_postgres::Client) -> Result<Vec<String>, StoreError> {
    let exists = client.query_one("SELECT to_regclass('schema_migration') IS NOT NULL", &[]).await?;
    if !exists.get::<_, bool>(0) {
        return Ok(Vec::new());
    }
    Ok(read(client).await?.into_iter().map(|(_, name, _)| name).collect())
}

/// Migrations of this build that the database lacks.
///
/// # Errors
/// When the database is newer than this build or was made by another one, or cannot be read.
pub async fn pending(client: &tokio_postgres::Client) -> Result<Vec<Migration>, MigrationError> {
    let exists = client
        .query_one("SELECT to_regclass('schema_migration') IS NOT NULL", &[])
        .await
        .map_err(StoreError::from)?;
    if !exists.get::<_, bool>(0) {
        return Ok(ALL.to_vec());
    }
    let done = read(client).await?;
    check(&done)?;
    Ok(ALL.iter().skip(done.len()).copied().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_the_folder() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations");
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .expect("the folder is part of the repository")
            .map(|entry| entry.expect("readable").file_name().into_string().expect("ASCII names"))
            .collect();
        files.sort();
        let listed: Vec<_> = ALL.iter().map(|m| m.name).collect();
        assert_eq!(files, listed);
        assert!(ALL.windows(2).all(|pair| pair[0].number < pair[1].number));
        for migration in ALL {
            assert!(migration.name.starts_with(&format!("{:04}_", migration.number)), "{}", migration.name);
        }
    }
}
