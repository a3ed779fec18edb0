//! Receipts and heads copied out of the database while the run goes on: what was copied must still be there, byte for
//! byte, whatever happened since.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::evidence::Evidence;
use super::report::Finding;

const BY: &str = "ops/harness/src/invariants/copies.rs";
const UNCHANGED: &str = "receipts copied earlier are unchanged";

/// A head as it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadCopy {
    /// Registry.
    pub registry: String,
    /// Receipts at that time.
    pub size: i64,
    /// Hash of the last of them.
    pub hash: String,
}

/// All copies so far.
#[derive(Debug, Clone, Default)]
pub struct Copies {
    /// Rows by registry and number.
    pub receipts: BTreeMap<(String, i64), String>,
    /// Heads, signed or not, in the order in which they were seen.
    pub heads: Vec<HeadCopy>,
}

async fn rows(client: &Client) -> Result<BTreeMap<(String, i64), String>> {
    let rows = client.query("SELECT registry, no, row_to_json(c)::text FROM inv_receipt c", &[]).await?;
    Ok(rows.iter().map(|row| ((row.get(0), row.get(1)), row.get(2))).collect())
}

impl Copies {
    /// Copies what is new. A row that was copied before keeps its first copy.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn take(&mut self, client: &Client) -> Result<()> {
        for (key, row) in rows(client).await? {
            self.receipts.entry(key).or_insert(row);
        }
        let newest =
            "SELECT DISTINCT ON (registry) registry, no, hash FROM inv_receipt ORDER BY registry, no DESC";
        for row in client.query(newest, &[]).await? {
            let head = HeadCopy { registry: row.get(0), size: row.get(1), hash: row.get(2) };
            if !self.heads.contains(&head) {
                self.heads.push(head);
            }
        }
        Ok(())
    }
}

pub(super) async fn compare(client: &Client, copies: &Copies) -> Result<Finding> {
    let now = rows(client).await?;
    let changed = copies.receipts.iter().filter_map(|(key, row)| match now.get(key) {
        Some(same) if same == row => None,
        Some(other) => Some(format!("{} no {} was {row} and is {other}", key.0, key.1)),
        None => Some(format!("{} no {} is gone", key.0, key.1)),
    });
    Ok(Finding::of("V16", UNCHANGED, BY, changed.collect()))
}

pub(super) async fn finding(client: &Client, evidence: &Evidence) -> Result<Finding> {
    match &evidence.copies {
        Some(copies) => compare(client, copies).await,
        None => Ok(Finding::not_checked("V16", UNCHANGED, BY, "copies of receipts")),
    }
}

/// Tries to change receipts under the application's role. Everything is undone, whether it was permitted or not.
pub(super) async fn attempts(client: &Client) -> Result<Finding> {
    let mut permitted = Vec::new();
    let deeds = [
        "UPDATE receipt SET clock_err_us = clock_err_us + 1",
        "DELETE FROM receipt",
        "TRUNCATE receipt CASCADE",
    ];
    for deed in deeds {
        // The inner block is a transaction of its own: a refusal leaves the outer one whole, a permission ends it.
        let attempt = format!(
            "DO $$ BEGIN BEGIN SET LOCAL ROLE xiezhi_app; {deed}; RAISE EXCEPTION 'permitted' USING ERRCODE = 'XZ000'; \
             EXCEPTION WHEN insufficient_privilege THEN NULL; END; END $$"
        );
        match client.batch_execute(&attempt).await {
            Ok(()) => {}
            Err(error) if error.code() == Some(&SqlState::from_code("XZ000")) => {
                permitted.push(format!("{deed} was permitted"));
                break;
            }
            Err(error) => return Err(error).with_context(|| format!("the attempt {deed:?} ended oddly")),
        }
    }
    Ok(Finding::of(
        "V16",
        "attempts of the application role to change receipts end with 42501",
        BY,
        permitted,
    ))
}
