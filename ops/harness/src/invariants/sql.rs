//! The checks that are one SQL statement each, over the published views. A statement gives one row for each
//! violation: `what` is wrong and its `subject`.

use anyhow::{Context as _, Result};
use tokio_postgres::Client;

use super::report::{Finding, SHOWN, Verdict};

struct Check {
    id: &'static str,
    statement: &'static str,
    sql: &'static str,
    /// Whether it holds in any snapshot, not only when everything has settled.
    always: bool,
}

macro_rules! checks {
    ($($id:literal $always:ident $statement:literal,)*) => {
        const CHECKS: &[Check] = &[$(Check {
            id: $id,
            statement: $statement,
            sql: include_str!(concat!("sql/", $id, ".sql")),
            always: $always,
        }),*];
    };
}

checks! {
    "V01" true "every request is stored once, in exactly one state",
    "V02" true "state logs follow the published table, without gap, up to the present state",
    "V03" false "after settling nothing is in flight, and what is undelivered has an open dead letter",
    "V05" true "sender and key of a demand are unique",
    "V06" true "request, first state and outbox row exist together",
    "V07" true "at most one receipt for a request and for a message at a registry, guarded by unique constraints",
    "V08" true "a request has a receipt exactly when it was delivered",
    "V09" false "every confirmed message has a receipt, a dead letter or a return; every receipt was a confirmed message",
    "V10" true "receipt numbers of a registry are 1 to N without gap",
    "V11" true "the time of recording grows with the number",
    "V12" true "a network receipt is delivered when it is recorded; any other instant has evidence, bound, second person and events",
    "V13" true "no receipt was stamped on a clock beyond its bound",
    "V16" true "the application role has no right to change receipts",
    "V18" true "times follow causes: accepted, sent, confirmed, received, registered, fed back",
    "V19" true "a corrected demand ranks after what it corrects, and no two demands of a unit tie",
    "V20" true "nothing overtakes within a lane without an event that says so",
    "V21" true "final states are final, and undelivered ends by a decision only",
    "V22" true "one outcome takes effect; a contradiction is a dispute",
    "V24" true "replays change neither ids nor receipts",
}

/// All of them.
pub(super) async fn all(client: &Client) -> Result<Vec<Finding>> {
    run(client, CHECKS.iter()).await
}

/// Those that hold at any moment.
pub(super) async fn at_any_moment(client: &Client) -> Result<Vec<Finding>> {
    run(client, CHECKS.iter().filter(|check| check.always)).await
}

async fn run(client: &Client, checks: impl Iterator<Item = &'static Check>) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for check in checks {
        let counted = format!(
            "WITH violation AS MATERIALIZED ({}\n) SELECT (SELECT count(*) FROM violation), \
             (SELECT coalesce(array_agg(what || ': ' || coalesce(subject, '?')), '{{}}') FROM (SELECT * FROM violation LIMIT {SHOWN}) first)",
            check.sql
        );
        let row = client
            .query_one(&counted, &[])
            .await
            .with_context(|| format!("the statement of {} failed", check.id))?;
        let (count, first): (i64, Vec<String>) = (row.get(0), row.get(1));
        let verdict = match u64::try_from(count) {
            Ok(0) | Err(_) => Verdict::Holds,
            Ok(count) => Verdict::Violated { count, first },
        };
        findings.push(Finding { id: check.id, statement: check.statement, by: check.sql, verdict });
    }
    Ok(findings)
}
