//! The database: reachable, of a known version, migrated, closed to forgery, and of one mind with this machine about the time.

use std::time::{Duration, Instant};

use futures::StreamExt;
use jiff::Timestamp;
use tokio_postgres::error::SqlState;

use super::{Check, Status, courts};
use crate::{
    code::chain,
    config::{LedgerSettings, Loaded},
    directory::{self, today},
    store::{Dedicated, Settings, Store, StoreError, pending},
};

/// Oldest version that the hub is tested with.
const OLDEST_VERSION: i32 = 140_000;

pub(super) async fn checks(settings: &Loaded) -> Vec<Check> {
    let database: Settings = match settings.section("database") {
        Ok(database) => database,
        Err(_) => return vec![Check::skipped("database", "its settings are not sound")],
    };
    let store = match Store::new(&database) {
        Ok(store) => store,
        Err(error) => return vec![Check::bad("database", Status::Fail, chain(&error), "mend database.url")],
    };
    let mut checks = vec![version(&store, &database).await];
    if checks[0].status == Status::Fail {
        checks.push(Check::skipped("schema", "the database cannot be used"));
        return checks;
    }
    let schema = schema(&store).await;
    let usable = schema.status == Status::Ok;
    checks.push(schema);
    if !usable {
        checks.push(Check::skipped("role", "the schema is not up to date"));
        return checks;
    }
    checks.push(role(&store).await);
    checks.push(clock(settings, &store).await);
    checks.push(taking_part(&store).await);
    checks.push(courts::check(&store).await);
    checks
}

/// Asks on a connection of its own: the pool's role is only there after the first migration.
async fn alone<T>(
    store: &Store,
    ask: impl AsyncFnOnce(&tokio_postgres::Client) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let Dedicated { client, mut messages } = store.dedicated().await?;
    let asked = ask(&client);
    tokio::pin!(asked);
    loop {
        tokio::select! {
            answer = &mut asked => return answer,
            Some(_) = messages.next() => {}
        }
    }
}

async fn version(store: &Store, database: &Settings) -> Check {
    const NAME: &str = "database";
    let read = alone(store, async |client| {
        let sql = "SELECT current_setting('server_version_num')::int4, current_setting('server_version')";
        let row = client.query_one(sql, &[]).await?;
        Ok((row.get::<_, i32>(0), row.get::<_, String>(1)))
    });
    match read.await {
        Ok((number, text)) if number >= OLDEST_VERSION => {
            Check::ok(NAME, format!("PostgreSQL {text} at {}", database.url.public()))
        }
        Ok((_, text)) => Check::bad(
            NAME,
            Status::Fail,
            format!("PostgreSQL {text} is too old"),
            "the hub needs PostgreSQL 14 or later",
        ),
        Err(error) => Check::bad(
            NAME,
            Status::Fail,
            chain(&error),
            "check that it runs, and user, password and name in database.url",
        ),
    }
}

async fn schema(store: &Store) -> Check {
    const NAME: &str = "schema";
    let read = alone(store, async |client| Ok(pending(client).await)).await;
    match read {
        Ok(Ok(missing)) if missing.is_empty() => Check::ok(NAME, "every migration is applied"),
        Ok(Ok(missing)) => Check::bad(
            NAME,
            Status::Fail,
            format!("{} migrations are missing, the first is {}", missing.len(), missing[0].name),
            "run `hub migrate`",
        ),
        Ok(Err(error)) => {
            Check::bad(NAME, Status::Fail, chain(&error), "use the hub that this database was made with")
        }
        Err(error) => Check::bad(NAME, Status::Fail, chain(&error), "see the check of the database"),
    }
}

/// Tries what must be refused: altering the ledger under the hub's own role. Touches no row and is rolled back.
async fn role(store: &Store) -> Check {
    const NAME: &str = "role";
    const STATEMENT: &str = "UPDATE receipt SET clock_err_us = clock_err_us WHERE false";
    let tried: Result<Option<SqlState>, StoreError> = async {
        let mut client = store.client().await?;
        let tx = client.transaction().await?;
        let outcome = tx.execute(STATEMENT, &[]).await;
        tx.rollback().await?;
        match outcome {
            Ok(_) => Ok(None),
            Err(error) => match error.code().cloned() {
                Some(code) => Ok(Some(code)),
                None => Err(error.into()),
            },
        }
    }
    .await;
    match tried {
        Ok(Some(code)) if code == SqlState::INSUFFICIENT_PRIVILEGE => {
            Check::ok(NAME, "the hub's role may not alter the ledger")
        }
        Ok(_) => Check::bad(
            NAME,
            Status::Fail,
            "the hub's role may alter the ledger",
            "somebody granted too much to xiezhi_app; compare migrations/0007_guards.sql",
        ),
        Err(error) => Check::bad(NAME, Status::Fail, chain(&error), "see the check of the database"),
    }
}

async fn clock(settings: &Loaded, store: &Store) -> Check {
    const NAME: &str = "clock";
    let bound = settings.section::<LedgerSettings>("ledger").map_or(1000, |ledger| ledger.clock_bound_ms);
    let bound = Duration::from_millis(bound);
    match offset(store).await {
        Ok((apart, took)) => {
            let detail = format!(
                "hub and database are {} ms apart (measured to {} ms, bound {} ms)",
                apart.as_millis(),
                took.as_millis(),
                bound.as_millis()
            );
            let advice = "synchronise both machines' clocks (chrony); beyond the bound no receipt is stamped";
            if apart > bound + took {
                Check::bad(NAME, Status::Fail, detail, advice)
            } else if apart > bound / 2 {
                Check::bad(NAME, Status::Warn, detail, advice)
            } else {
                Check::ok(NAME, detail)
            }
        }
        Err(error) => Check::bad(NAME, Status::Fail, chain(&error), "see the check of the database"),
    }
}

/// How far the clocks are apart, and how long the question took: the answer is no better than that.
async fn offset(store: &Store) -> Result<(Duration, Duration), StoreError> {
    let client = store.client().await?;
    let begun = Instant::now();
    let before = Timestamp::now();
    let theirs: Timestamp = client.query_one("SELECT clock_timestamp()", &[]).await?.get(0);
    let took = begun.elapsed();
    // Our time in the middle of the question.
    let ours = before + took / 2;
    Ok((theirs.duration_since(ours).unsigned_abs(), took))
}

async fn taking_part(store: &Store) -> Check {
    const NAME: &str = "directory";
    let read: Result<_, StoreError> = async { directory::load(&*store.client().await?).await }.await;
    match read.map(|tables| tables.in_force(today())) {
        Ok(now) if now.divisions.is_empty() => Check::bad(
            NAME,
            Status::Warn,
            "no division is served today: every demand would be refused",
            "import provinces and registries: `hub directory import`",
        ),
        Ok(now) => Check::ok(
            NAME,
            format!(
                "{} provinces, {} registries, {} divisions take part today",
                now.provinces.len(),
                now.registries.len(),
                now.divisions.len()
            ),
        ),
        Err(error) => Check::bad(NAME, Status::Fail, chain(&error), "see the check of the database"),
    }
}
