//! The audit of what people did: one entry for each, chained by SM3 so that a missing or altered one shows.
//!
//! The entry is written in the transaction of the deed. A deed without an entry, or an entry without its deed, cannot be.

use futures::{TryStreamExt, pin_mut};
use jiff::Timestamp;
use sm3::{Digest, Sm3};
use tokio_postgres::{Client, Row};

use crate::store::{StoreError, Transaction};

/// Appends one entry and returns its number. `role` is what `actor` acted as; `object` names what was acted on.
///
/// Takes the row lock of `audit_head` until the transaction ends, so it comes late in a transaction: all audited deeds
/// queue here. It comes before `feedback_head`, which is last everywhere.
///
/// # Errors
/// When a statement fails; the deed must then be rolled back.
pub async fn record(
    tx: &Transaction<'_>,
    actor: &str,
    role: &str,
    action: &str,
    object: &str,
) -> Result<i64, StoreError> {
    let head = tx.query_one(include_str!("store/queries/audit_head/lock.sql"), &[]).await?;
    let (n, prev_hash, at): (i64, Vec<u8>, Timestamp) = (head.get::<_, i64>(0) + 1, head.get(1), head.get(2));
    let entry = Entry { n, at, actor, role, action, object };
    let hash = entry.hash(&prev_hash);
    tx.execute(
        include_str!("store/queries/audit/insert.sql"),
        &[&n, &at, &actor, &role, &action, &object, &prev_hash, &hash],
    )
    .await?;
    tx.execute(include_str!("store/queries/audit_head/advance.sql"), &[&n, &hash]).await?;
    Ok(n)
}

struct Entry<'a> {
    n: i64,
    at: Timestamp,
    actor: &'a str,
    role: &'a str,
    action: &'a str,
    object: &'a str,
}

impl Entry<'_> {
    /// SM3 over the previous hash and the fields. Each text goes with its length, so that no two entries read alike.
    fn hash(&self, prev_hash: &[u8]) -> Vec<u8> {
        let mut digest = Sm3::new();
        digest.update(b"xiezhi-audit-v1\n");
        digest.update(prev_hash);
        digest.update(self.n.to_be_bytes());
        digest.update(self.at.as_microsecond().to_be_bytes());
        for text in [self.actor, self.role, self.action, self.object] {
            digest.update((text.len() as u64).to_be_bytes());
            digest.update(text);
        }
        digest.finalize().to_vec()
    }
}

/// What [`verify`] found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    /// Entries read.
    pub entries: i64,
    /// Everything that does not fit; empty when the chain is whole.
    pub problems: Vec<String>,
}

/// More problems than this are not listed: after the first the rest is noise.
const MOST_PROBLEMS: usize = 20;

/// Recomputes the chain from its first entry and compares it with its head. Reads only.
///
/// # Errors
/// When the audit cannot be read.
pub async fn verify(client: &mut Client) -> Result<Report, StoreError> {
    // One snapshot: entries and head must belong together while others go on writing.
    let tx = client
        .build_transaction()
        .isolation_level(tokio_postgres::IsolationLevel::RepeatableRead)
        .read_only(true)
        .start()
        .await?;
    let mut chain = Chain { n: 0, hash: vec![0; 32], problems: Vec::new() };
    let none: [&str; 0] = [];
    let rows = tx.query_raw(include_str!("store/queries/audit/list.sql"), none).await?;
    pin_mut!(rows);
    while let Some(row) = rows.try_next().await? {
        chain.check(&row);
    }
    let head = tx.query_one(include_str!("store/queries/audit_head/read.sql"), &[]).await?;
    let (n, hash): (i64, Vec<u8>) = (head.get(0), head.get(1));
    if (n, &hash) != (chain.n, &chain.hash) {
        chain.problems.push(format!("the head says entry {n}, the chain ends at {}", chain.n));
    }
    tx.commit().await?;
    chain.problems.truncate(MOST_PROBLEMS);
    Ok(Report { entries: chain.n, problems: chain.problems })
}

struct Chain {
    n: i64,
    hash: Vec<u8>,
    problems: Vec<String>,
}

impl Chain {
    fn check(&mut self, row: &Row) {
        let entry = Entry {
            n: row.get(0),
            at: row.get(1),
            actor: row.get(2),
            role: row.get(3),
            action: row.get(4),
            object: row.get(5),
        };
        let (prev_hash, hash): (Vec<u8>, Vec<u8>) = (row.get(6), row.get(7));
        if entry.n != self.n + 1 {
            self.problems.push(format!("entry {} follows entry {}", entry.n, self.n));
        }
        if prev_hash != self.hash {
            self.problems.push(format!("entry {} does not continue the one before", entry.n));
        }
        if entry.hash(&prev_hash) != hash {
            self.problems.push(format!("entry {} is not what was written", entry.n));
        }
        self.n = entry.n;
        self.hash = hash;
    }
}
