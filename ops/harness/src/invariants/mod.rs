//! What must be true of the hub, checked from outside it: by SQL over the published views, by recomputing the receipt
//! chain with code of its own, and by comparing with what clients, registries, broker and earlier copies say.
//!
//! [`check`] judges a run that has settled; [`snapshot`] judges what must hold at any moment, while the run goes on. A
//! check without its evidence is reported as not made, never as passed. The numbers V01 and so on are the names under
//! which the invariants are published; every check here has a test that makes it fail.

mod broker;
mod chain;
mod clients;
mod copies;
mod evidence;
mod journal;
mod order;
mod report;
mod sql;
mod watcher;

use anyhow::{Context as _, Result};
use tokio_postgres::{Client, NoTls};

pub use broker::{BrokerView, Depth, Held, look};
pub use clients::{Attempt, ClientLog, Outcome, REFUSE_WITHIN};
pub use copies::{Copies, HeadCopy};
pub use evidence::{Evidence, SETTLE_WITHIN, Settled};
pub use journal::{Entry, JournalLine, read_journal};
pub use order::{Queue, Shown};
pub use report::{Finding, Report, Verdict};
pub use watcher::{Watched, Watcher};

/// Opens a session for checking: UTC, so that copies of rows made at different times are equal byte for byte.
///
/// # Errors
/// When the database does not answer.
pub async fn connect(database_url: &str) -> Result<Client> {
    let (client, connection) =
        tokio_postgres::connect(database_url, NoTls).await.context("cannot connect to check")?;
    tokio::spawn(async move { connection.await.ok() });
    client.batch_execute("SET timezone = 'UTC'; SET statement_timeout = '120s'").await?;
    Ok(client)
}

/// Checks everything for which there is evidence, in one snapshot of the database.
///
/// # Errors
/// When the database cannot be read; a violation is no error.
pub async fn check(evidence: &Evidence) -> Result<Report> {
    let client = connect(&evidence.database_url).await?;
    client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ").await?;
    let report = check_on(&client, evidence).await;
    client.batch_execute("ROLLBACK").await?;
    report
}

/// The same on a given session, in whatever transaction it has open.
///
/// # Errors
/// As [`check`].
pub async fn check_on(client: &Client, evidence: &Evidence) -> Result<Report> {
    let mut findings = sql::all(client).await?;
    findings.extend(clients::findings(client, evidence).await?);
    findings.push(broker::finding(client, evidence).await?);
    findings.extend(chain::findings(client, evidence).await?);
    findings.extend(journal::findings(client, evidence).await?);
    findings.push(order::finding(client, evidence).await?);
    findings.push(order::queue_finding(client, evidence).await?);
    findings.push(copies::finding(client, evidence).await?);
    findings.push(evidence.liveness());
    // Last, because a breach of it ends the transaction.
    findings.push(copies::attempts(client).await?);
    Ok(Report::new(findings))
}

/// Checks what must hold in any snapshot: V05 to V08, V10, V11, V20, and V16 against the copies made so far.
///
/// # Errors
/// When the database cannot be read.
pub async fn snapshot(client: &Client, copies: &Copies) -> Result<Report> {
    client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let found = async {
        let mut findings = sql::at_any_moment(client).await?;
        findings.push(copies::compare(client, copies).await?);
        anyhow::Ok(findings)
    };
    let found = found.await;
    client.batch_execute("ROLLBACK").await?;
    Ok(Report::new(found?))
}
