//! Recomputes the receipt chains from the published form of their lines, with no code of the hub, and holds signed and
//! copied heads against them.

use std::collections::BTreeMap;

use anyhow::Result;
use sm3::{Digest as _, Sm3};
use tokio_postgres::Client;

use super::evidence::Evidence;
use super::report::Finding;

const BY: &str = "ops/harness/src/invariants/chain.rs";

/// Everything a line is hashed over, as text; PostgreSQL itself turns the times into microseconds.
const LINES: &str = "SELECT registry, no, request_id::text, message_id::text, body_sha256, channel, \
     (extract(epoch FROM delivered_at) * 1000000)::bigint, (extract(epoch FROM recorded_at) * 1000000)::bigint, \
     prev_hash, hash FROM inv_receipt ORDER BY registry, no";

fn sm3(text: &str) -> String {
    hex::encode(Sm3::digest(text.as_bytes()))
}

/// Hashes of each registry's lines, in order, as they should be.
type Chains = BTreeMap<String, Vec<String>>;

async fn recompute(client: &Client) -> Result<(Chains, Vec<String>)> {
    let mut chains = Chains::new();
    let mut wrong = Vec::new();
    for row in client.query(LINES, &[]).await? {
        let (registry, no): (String, i64) = (row.get(0), row.get(1));
        let words: [String; 4] = [row.get(2), row.get(3), row.get(4), row.get(5)];
        let (delivered, recorded): (i64, i64) = (row.get(6), row.get(7));
        let (stored_prev, stored): (String, String) = (row.get(8), row.get(9));
        let chain = chains.entry(registry.clone()).or_default();
        let prev = chain.last().cloned().unwrap_or_else(|| sm3(&format!("xiezhi-genesis-v1|sm3|{registry}")));
        if stored_prev != prev {
            wrong.push(format!("{registry} no {no} does not continue the line before"));
        }
        // Over the stored predecessor, so that one broken link is reported once.
        let [request, message, body, channel] = words;
        let line = sm3(&format!(
            "xiezhi-receipt-v1|sm3|{stored_prev}|{registry}|{no}|{request}|{message}|{body}|{channel}|{delivered}|{recorded}"
        ));
        if line != stored {
            wrong.push(format!("{registry} no {no} is not what was hashed"));
        }
        chain.push(stored);
    }
    Ok((chains, wrong))
}

fn at(chains: &Chains, registry: &str, size: i64) -> Option<String> {
    let place = usize::try_from(size).ok()?.checked_sub(1)?;
    chains.get(registry)?.get(place).cloned()
}

pub(super) async fn findings(client: &Client, evidence: &Evidence) -> Result<Vec<Finding>> {
    let (chains, mut wrong) = recompute(client).await?;
    for row in client.query("SELECT registry, size, hash FROM inv_head ORDER BY registry", &[]).await? {
        let (registry, size, hash): (String, i64, String) = (row.get(0), row.get(1), row.get(2));
        if at(&chains, &registry, size).as_deref() != Some(hash.as_str()) {
            wrong.push(format!("the signed head of {registry} at {size} is not in its chain"));
        }
    }
    let chained = Finding::of("V14", "every receipt's hash continues the chain of its registry", BY, wrong);
    let statement = "every head copied earlier is a prefix of the chain now";
    let Some(copies) = &evidence.copies else {
        return Ok(vec![chained, Finding::not_checked("V15", statement, BY, "copies of heads")]);
    };
    let lost = copies
        .heads
        .iter()
        .filter(|head| at(&chains, &head.registry, head.size).as_deref() != Some(head.hash.as_str()))
        .map(|head| format!("the head of {} at {} is not in the chain any more", head.registry, head.size))
        .collect();
    Ok(vec![chained, Finding::of("V15", statement, BY, lost)])
}
