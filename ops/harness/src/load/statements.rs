//! Which statements keep the hub's database busy, as PostgreSQL itself counts them.

use std::fmt::Write as _;

use anyhow::Result;

use crate::invariants::connect;

/// Settings of the server; checks of foreign keys count as statements of their own.
pub(super) const SETTINGS: [&str; 2] =
    ["shared_preload_libraries=pg_stat_statements", "pg_stat_statements.track=all"];

/// Begins to count.
pub(super) async fn reset(database: &str) -> Result<()> {
    let client = connect(database).await?;
    client
        .batch_execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements; SELECT pg_stat_statements_reset()")
        .await?;
    Ok(())
}

/// The costliest, in microseconds and calls for one demand.
pub(super) async fn table(database: &str, demands: u64) -> Result<String> {
    let client = connect(database).await?;
    let rows = client
        .query(
            "SELECT total_exec_time * 1000, calls, toplevel, left(regexp_replace(query, '\\s+', ' ', 'g'), 110) \
             FROM pg_stat_statements JOIN pg_database d ON d.oid = dbid AND d.datname = current_database() \
             ORDER BY 1 DESC LIMIT 30",
            &[],
        )
        .await?;
    let mut text =
        String::from("us a demand  calls a demand  statement (nested ones are foreign keys and triggers)\n");
    for row in rows {
        let (micros, calls, top, query): (f64, i64, bool, String) =
            (row.get(0), row.get(1), row.get(2), row.get(3));
        let each = |sum: f64| sum / demands.max(1) as f64;
        let mark = if top { "" } else { "  nested: " };
        writeln!(text, "{:11.1}  {:14.3}  {mark}{query}", each(micros), each(calls as f64))?;
    }
    Ok(text)
}
