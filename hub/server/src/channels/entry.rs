//! What a clerk enters (线下窗口). Entered as it happens, and passing nobody, the papers are stamped at once; entered late
//! (补录), or passing what came before, the entry waits for a second person, because a rank must not hang on one person's word.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;
use xiezhi_domain::late::Lateness;
use xiezhi_schemas::{
    address::RegistryCode,
    identifier,
    message::{Channel, WindowEntry},
};

use super::{
    Desk, kept,
    take::{self, Open, Taking},
    view::{self, Entered},
};
use crate::{
    audit,
    http::{
        codes,
        problem::{Item, Problem},
    },
    intake::{canonical, check},
    ledger::clock::ClockError,
    store::{
        Store, StoreError, Transaction, documents, outages,
        requests::{self, NewEvent},
        window::{self as table, Decision, NewEntry},
    },
};

/// Who enters, and for which registry.
#[derive(Debug, Clone)]
pub(super) struct Clerk {
    pub(super) name: String,
    pub(super) registry: RegistryCode,
}

/// How an entry was answered.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Entered now.
    New(Entered),
    /// Entered before: as it stands.
    Repeat(Entered),
}

/// An entry on its way.
pub(super) struct Incoming {
    pub(super) bytes: Vec<u8>,
    pub(super) value: Value,
}

/// Checks and records an entry. Run it to its end once begun.
///
/// # Errors
/// Everything that is wrong with the entry; or database or clock do not serve, and nothing was recorded.
pub(super) async fn record(
    store: &Store,
    desk: &Desk,
    clerk: &Clerk,
    incoming: Incoming,
) -> Result<Outcome, Problem> {
    let entry = read(&incoming.value)?;
    let digest = canonical::digest(&incoming.value);
    if let Some(repeat) = known(store, clerk, &entry, &digest).await? {
        return Ok(repeat);
    }
    let good = check_demand(store, clerk, &entry).await?;
    check_late(store, clerk, &entry).await?;
    let mut client = store.client().await?;
    let tx = client.transaction().await.map_err(StoreError::from)?;
    let open = take::open(&tx, &desk.clock, &clerk.registry).await?;
    let (tx, open) = opened(tx, open).await?;
    let judged = judge(&tx, desk, &open, &clerk.registry, entry.handed_over_at).await?;
    let passes = take::passed(&tx, &open, &good, entry.handed_over_at).await?;
    let second_because = second_person(&entry, judged.late, passes)?;
    let entry_id = Uuid::now_v7();
    let scans: Vec<&str> = good.submission.attachments.iter().map(|a| a.sha256.as_str()).collect();
    let new = NewEntry {
        entry_id,
        registry: &clerk.registry,
        clerk: &clerk.name,
        demand_id: &good.submission.demand_id,
        body: &incoming.bytes,
        body_sha256: &digest,
        scans: &scans,
        handed_over_at: entry.handed_over_at,
        entered_at: open.clock.now.max(entry.handed_over_at),
        late: judged.late,
        late_because: entry.late.as_ref().map(|late| (late.reason.as_str(), late.evidence.as_str())),
        second_because,
    };
    if !table::insert(&tx, &new).await? {
        // The same clerk's same entry was faster.
        drop(tx);
        drop(client);
        return known(store, clerk, &entry, &digest).await?.ok_or_else(Problem::not_found);
    }
    let what = format!("entry {entry_id} registry {} sha256 {}", clerk.registry, hex::encode(digest));
    if second_because.is_none() {
        let given = Given { entry_id, entry: &entry, bytes: &incoming.bytes, digest: &digest };
        complete(&tx, open, clerk, &given, &good, judged, (&clerk.name, None)).await?;
        audit::record(&tx, &clerk.name, "clerk", "window.record", &what).await?;
    } else {
        audit::record(&tx, &clerk.name, "clerk", "window.enter", &what).await?;
    }
    tx.commit().await.map_err(StoreError::of_commit)?;
    let stands = table::find(&client, entry_id).await?.ok_or_else(Problem::not_found)?;
    let mut entered = view::entered(&client, stands).await?;
    entered.warnings = good.warnings;
    tracing::info!(entry = %entry_id, registry = %clerk.registry, status = ?entered.status, "window entry");
    Ok(Outcome::New(entered))
}

/// The outer form; what it says about the demand is checked with the list of the online channel.
pub(super) fn read(value: &Value) -> Result<WindowEntry<Value>, Problem> {
    let mut entry: WindowEntry<Value> = serde_json::from_value(value.clone())
        .map_err(|error| Problem::new(codes::WINDOW_ENTRY, error.to_string()))?;
    entry.handed_over_at = kept(entry.handed_over_at);
    let reason = entry.channel_reason.trim().chars().count();
    if !(2..=500).contains(&reason) {
        let detail =
            "say in channel_reason why it came on paper although the property lies in a pilot region";
        return Err(Problem::new(codes::WINDOW_ENTRY, detail));
    }
    Ok(entry)
}

/// The entry that stands under this number, if there is one: idempotent by clerk and number.
async fn known(
    store: &Store,
    clerk: &Clerk,
    entry: &WindowEntry<Value>,
    digest: &[u8],
) -> Result<Option<Outcome>, Problem> {
    let Some(id) = entry.demand.get("demand_id").and_then(Value::as_str).filter(|id| id.len() <= 64) else {
        return Ok(None);
    };
    let client = store.client().await?;
    let Some(stands) = table::of_clerk(&client, &clerk.name, id).await? else { return Ok(None) };
    if stands.body_sha256 != digest {
        let detail = "this demand_id was used for another entry, which stands; an entry is never changed";
        return Err(Problem::new(codes::KEY_REUSED, detail));
    }
    Ok(Some(Outcome::Repeat(view::entered(&client, stands).await?)))
}

/// The one checklist (R8), and that every unit lies with the clerk's registry.
pub(super) async fn check_demand(
    store: &Store,
    clerk: &Clerk,
    entry: &WindowEntry<Value>,
) -> Result<check::Checked, Problem> {
    let client = store.client().await?;
    let nothing = HashMap::new();
    let today = identifier::today();
    let checked = check::one(&client, &clerk.name, &entry.demand, today, &nothing).await;
    let good = checked.map_err(|mut problem| {
        for item in &mut problem.problems {
            item.path.insert_str(0, "/demand");
        }
        problem
    })?;
    let elsewhere = good.registries.iter().enumerate().filter(|(_, registry)| **registry != clerk.registry);
    let problems: Vec<Item> = elsewhere
        .map(|(index, registry)| {
            let path = format!("/demand/units/{index}/unit_code");
            let message = format!("the property lies with registry {registry}");
            let hint = "A receipt counts where the property lies (属地): send the court or the papers there.";
            Item::new(codes::WINDOW_ELSEWHERE, path, message, hint)
        })
        .collect();
    if problems.is_empty() { Ok(good) } else { Err(Problem::refused(problems)) }
}

/// What a late entry brings: words, and a document that the clerk uploaded.
async fn check_late(store: &Store, clerk: &Clerk, entry: &WindowEntry<Value>) -> Result<(), Problem> {
    let Some(late) = &entry.late else { return Ok(()) };
    if !(5..=500).contains(&late.reason.trim().chars().count()) {
        return Err(no_evidence("/late/reason", "the reason has 5 to 500 characters"));
    }
    let client = store.client().await?;
    if documents::owned(&client, &[(clerk.name.as_str(), late.evidence.as_str())]).await?.is_empty() {
        return Err(no_evidence("/late/evidence", "this clerk has uploaded no document with this digest"));
    }
    Ok(())
}

fn no_evidence(path: &str, message: &str) -> Problem {
    let hint = "Give a reason, and upload the document that proves the hand-over (签收单) first.";
    Problem::refused(vec![Item::new(codes::WINDOW_EVIDENCE, path, message, hint)])
}

/// What the published rules say about an instant.
#[derive(Debug, Clone, Copy)]
pub(super) struct Judged {
    pub(super) late: bool,
    pub(super) bound_secs: u32,
    pub(super) outage_id: Option<Uuid>,
}

/// Judges the hand-over against the time that the next line gets.
pub(super) async fn judge(
    tx: &Transaction<'_>,
    desk: &Desk,
    open: &Open,
    registry: &RegistryCode,
    handed_over_at: Timestamp,
) -> Result<Judged, Problem> {
    let outage_id = outages::covering(tx, registry, handed_over_at).await?;
    let bound_secs = desk.window_bound(outage_id.is_some());
    // The hub's clock decides what lies ahead, not the tick that the ledger adds.
    if handed_over_at > open.clock.now {
        let detail = format!("the hand-over lies after {}, the hub's present time", open.clock.now);
        return Err(Problem::new(codes::WINDOW_FUTURE, detail));
    }
    match desk.judge(handed_over_at, open.recorded_at, bound_secs) {
        Lateness::Timely => Ok(Judged { late: false, bound_secs, outage_id }),
        Lateness::Late => Ok(Judged { late: true, bound_secs, outage_id }),
        Lateness::Future | Lateness::TooLate => {
            let detail = format!(
                "an entry is made within {bound_secs} seconds of the hand-over; announce the outage if there was one, \
                 otherwise the court serves anew"
            );
            Err(Problem::new(codes::WINDOW_TOO_LATE, detail))
        }
    }
}

fn second_person(
    entry: &WindowEntry<Value>,
    late: bool,
    passes: bool,
) -> Result<Option<&'static str>, Problem> {
    match (late, passes) {
        (true, _) if entry.late.is_none() => {
            Err(no_evidence("/late", "the entry is later than the published grace after the hand-over"))
        }
        (true, _) => Ok(Some("late")),
        (false, true) => Ok(Some("passes_others")),
        (false, false) => Ok(None),
    }
}

/// An entry as it was given, to be completed.
pub(super) struct Given<'a> {
    pub(super) entry_id: Uuid,
    pub(super) entry: &'a WindowEntry<Value>,
    pub(super) bytes: &'a [u8],
    pub(super) digest: &'a [u8],
}

/// Demand, receipts and decision in the caller's transaction. `by` is who completes it, with words.
pub(super) async fn complete(
    tx: &Transaction<'_>,
    open: Open,
    clerk: &Clerk,
    given: &Given<'_>,
    good: &check::Checked,
    judged: Judged,
    by: (&str, Option<&str>),
) -> Result<(), Problem> {
    let handed_over_at = given.entry.handed_over_at;
    if let Some(prior) = good.submission.prior_request_id
        && requests::last_change(tx, prior).await?.is_some_and(|ended| handed_over_at <= ended)
    {
        let detail = "what it corrects was still standing at the hand-over; a correction is handed over after the return";
        return Err(Problem::new(codes::WINDOW_PRIOR, detail));
    }
    let decision = Decision {
        entry_id: given.entry_id,
        decision: "recorded",
        by: by.0,
        at: open.recorded_at,
        reason: by.1,
        bound_secs: i64::from(judged.bound_secs),
        outage_id: judged.outage_id,
    };
    let taking = Taking {
        sender: &clerk.name,
        demand_id: &good.submission.demand_id,
        good,
        bytes: given.bytes,
        body_sha256: given.digest,
        channel: Channel::Window,
        channel_reason: given.entry.channel_reason.trim(),
        delivered_at: handed_over_at,
        evidence_id: given.entry_id,
        local_reference: None,
        reporter: &clerk.name,
        stores_documents: true,
        outage_id: judged.outage_id,
    };
    let taken = take::take(tx, open, &taking).await?;
    if taken.is_none() || !table::decide(tx, &decision).await? {
        let detail = "somebody completed this entry a moment ago; look at it";
        return Err(Problem::new(codes::WINDOW_DECIDED, detail));
    }
    Ok(())
}

/// A clock that is not trusted is a refusal of ours, not of the clerk: the same entry may be sent again. The refusal is kept,
/// so that nobody has to guess later why there is no receipt; the transaction wrote nothing else and ends with it.
pub(super) async fn opened(
    tx: Transaction<'_>,
    open: Result<Open, ClockError>,
) -> Result<(Transaction<'_>, Open), Problem> {
    match open {
        Ok(open) => Ok((tx, open)),
        Err(refused) => {
            tracing::error!(code = refused.code(), "{refused}");
            let detail = json!({ "code": refused.code(), "why": refused.to_string() });
            let at = requests::clock(&tx).await?;
            let event = NewEvent { at, kind: "clock_refused", request_id: None, detail };
            requests::write_events(&tx, &[event]).await?;
            tx.commit().await.map_err(StoreError::of_commit)?;
            Err(Problem::new(codes::CLOCK, refused.to_string()))
        }
    }
}
