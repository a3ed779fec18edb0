//! What the second person says about an entry: it is recorded now, or refused for good. Never the person who entered it.

use serde_json::Value;
use uuid::Uuid;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    Desk,
    entry::{self, Clerk, Given},
    take,
    view::{self, Entered},
};
use crate::{
    audit,
    http::{codes, problem::Problem},
    store::{
        Store, StoreError,
        principals::{Principal, Role},
        requests,
        window::{self as table, Decision, Entry},
    },
};

/// Body of `POST /v1/window/entries/{entry_id}/decision`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SecondWord {
    /// What is decided.
    pub(super) decision: Word,
    /// Why: what was compared with what; at least five characters.
    #[schemars(length(min = 5, max = 500))]
    pub(super) reason: String,
}

/// What a second person may decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Word {
    /// The papers were handed over at that instant: the receipt is recorded now.
    Confirm,
    /// They were not, or it cannot be known: the entry never becomes a receipt.
    Refuse,
}

/// The entry, if this principal may see it: a clerk those of its registry, an operator all.
pub(super) async fn visible(store: &Store, who: &Principal, entry_id: Uuid) -> Result<Entry, Problem> {
    let found = table::find(&store.client().await?, entry_id).await?;
    let own = |entry: &Entry| who.role.registry().is_none_or(|registry| *registry == entry.registry);
    found.filter(own).ok_or_else(Problem::not_found)
}

/// Decides about an entry. Run it to its end once begun.
///
/// # Errors
/// The entry is not this principal's to decide, was decided before, or may no longer be recorded.
pub(super) async fn decide(
    store: &Store,
    desk: &Desk,
    who: &Principal,
    entry_id: Uuid,
    word: &SecondWord,
) -> Result<Entered, Problem> {
    if !(5..=500).contains(&word.reason.trim().chars().count()) {
        return Err(Problem::new(codes::WINDOW_ENTRY, "a decision gives its reason in 5 to 500 characters"));
    }
    let stands = visible(store, who, entry_id).await?;
    if stands.clerk == who.name {
        tracing::warn!(entry = %entry_id, "the person who entered it tried to decide about it");
        let detail = "an entry is decided by another person than the one who entered it";
        return Err(Problem::new(codes::WINDOW_SAME_PERSON, detail));
    }
    if stands.decided.is_some() {
        return Err(decided_before());
    }
    match word.decision {
        Word::Confirm => confirm(store, desk, who, &stands, word.reason.trim()).await?,
        Word::Refuse => refuse(store, desk, who, &stands, word.reason.trim()).await?,
    }
    let client = store.client().await?;
    let stands = table::find(&client, entry_id).await?.ok_or_else(Problem::not_found)?;
    Ok(view::entered(&client, stands).await?)
}

fn decided_before() -> Problem {
    Problem::new(codes::WINDOW_DECIDED, "this entry was decided before; a decision is never changed")
}

fn role(who: &Principal) -> &'static str {
    if who.role == Role::Operator { "operator" } else { "clerk" }
}

async fn confirm(
    store: &Store,
    desk: &Desk,
    who: &Principal,
    stands: &Entry,
    reason: &str,
) -> Result<(), Problem> {
    let unreadable = |error: serde_json::Error| {
        Problem::from(StoreError::Decode { column: "window_entry.body", source: Box::new(error) })
    };
    let value: Value = serde_json::from_slice(&stands.body).map_err(unreadable)?;
    let given = entry::read(&value)?;
    let clerk = Clerk { name: stands.clerk.clone(), registry: stands.registry.clone() };
    // Again, because a table or a day may have changed since it was entered.
    let good = entry::check_demand(store, &clerk, &given).await?;
    let mut client = store.client().await?;
    let tx = client.transaction().await.map_err(StoreError::from)?;
    let open = take::open(&tx, &desk.clock, &clerk.registry).await?;
    let (tx, open) = entry::opened(tx, open).await?;
    let judged = entry::judge(&tx, desk, &open, &clerk.registry, stands.handed_over_at).await?;
    let given =
        Given { entry_id: stands.entry_id, entry: &given, bytes: &stands.body, digest: &stands.body_sha256 };
    entry::complete(&tx, open, &clerk, &given, &good, judged, (&who.name, Some(reason))).await?;
    let what = format!("entry {} registry {}: {reason}", stands.entry_id, stands.registry);
    audit::record(&tx, &who.name, role(who), "window.confirm", &what).await?;
    tx.commit().await.map_err(StoreError::of_commit)?;
    Ok(())
}

async fn refuse(
    store: &Store,
    desk: &Desk,
    who: &Principal,
    stands: &Entry,
    reason: &str,
) -> Result<(), Problem> {
    let mut client = store.client().await?;
    let tx = client.transaction().await.map_err(StoreError::from)?;
    let decision = Decision {
        entry_id: stands.entry_id,
        decision: "refused",
        by: &who.name,
        at: requests::clock(&tx).await?,
        reason: Some(reason),
        bound_secs: i64::from(desk.window_bound(false)),
        outage_id: None,
    };
    if !table::decide(&tx, &decision).await? {
        return Err(decided_before());
    }
    let what = format!("entry {} registry {}: {reason}", stands.entry_id, stands.registry);
    audit::record(&tx, &who.name, role(who), "window.refuse", &what).await?;
    tx.commit().await.map_err(StoreError::of_commit)?;
    Ok(())
}
