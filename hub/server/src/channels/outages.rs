//! Announced outages (应急联动, 法〔2024〕32号 三(二)): while one lasts the window takes what the network cannot, under a longer
//! bound; afterwards the report shows how everything came into one line.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use xiezhi_domain::State;
use xiezhi_schemas::address::{ProvinceCode, RegistryCode};

use crate::{
    audit,
    http::{codes, problem::Problem},
    store::{
        Store, StoreError,
        outages::{self as table, After, Filter, Merged, Outage},
        requests::{self, NewEvent},
    },
};

/// Body of `POST /v1/outages`: of one registry or of a whole province.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Announcement {
    /// The whole province.
    pub(super) province: Option<ProvinceCode>,
    /// One registry.
    pub(super) registry: Option<RegistryCode>,
    /// Since when, with its offset; now if absent. Never in the future.
    pub(super) began_at: Option<Timestamp>,
    /// Why.
    #[schemars(length(min = 5, max = 500))]
    pub(super) reason: String,
}

/// Body of `POST /v1/outages/{outage_id}/end`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Ending {
    /// Until when, with its offset; now if absent. Never in the future.
    pub(super) ended_at: Option<Timestamp>,
    /// In words.
    #[schemars(length(min = 5, max = 500))]
    pub(super) reason: String,
}

fn unfit(why: &str) -> Problem {
    Problem::new(codes::OUTAGE, why)
}

fn words(reason: &str) -> Result<&str, Problem> {
    let reason = reason.trim();
    let fits = (5..=500).contains(&reason.chars().count());
    fits.then_some(reason).ok_or_else(|| unfit("give the reason in 5 to 500 characters"))
}

/// Announces an outage.
///
/// # Errors
/// When place or instant do not fit; nothing is announced then.
pub(super) async fn announce(store: &Store, actor: &str, wanted: &Announcement) -> Result<Outage, Problem> {
    let reason = words(&wanted.reason)?;
    let (province, registry) = match (&wanted.province, &wanted.registry) {
        (Some(province), None) => (province.clone(), None),
        (None, Some(registry)) => (registry.province(), Some(registry.clone())),
        _ => return Err(unfit("name either a province or a registry")),
    };
    let mut client = store.client().await?;
    let tx = client.transaction().await.map_err(StoreError::from)?;
    if !table::place_exists(&tx, &province, registry.as_ref()).await? {
        return Err(unfit("the directory knows no such province or registry"));
    }
    let now = requests::clock(&tx).await?;
    let began_at = wanted.began_at.unwrap_or(now);
    if began_at > now {
        return Err(unfit("an outage is announced when it has begun"));
    }
    let outage = Outage {
        outage_id: Uuid::now_v7(),
        province,
        registry,
        began_at,
        reason: reason.to_owned(),
        announced_by: actor.to_owned(),
        announced_at: now,
        ended_at: None,
        ended_by: None,
        end_reason: None,
    };
    table::announce(&tx, &outage).await?;
    note(&tx, "outage_announced", &outage, now).await?;
    let what = format!("outage {} of {} since {began_at}: {reason}", outage.outage_id, place(&outage));
    audit::record(&tx, actor, "operator", "outage.announce", &what).await?;
    tx.commit().await.map_err(StoreError::of_commit)?;
    tracing::warn!(outage = %outage.outage_id, place = place(&outage), "an outage was announced");
    Ok(outage)
}

/// Ends an outage.
///
/// # Errors
/// When it is unknown or ended before, or the instant does not fit.
pub(super) async fn end(
    store: &Store,
    actor: &str,
    outage_id: Uuid,
    wanted: &Ending,
) -> Result<Outage, Problem> {
    let reason = words(&wanted.reason)?;
    let mut client = store.client().await?;
    let known = Filter { outage_id: Some(outage_id), ..Filter::default() };
    if table::list(&client, &known, None, 1).await?.is_empty() {
        return Err(Problem::not_found());
    }
    let tx = client.transaction().await.map_err(StoreError::from)?;
    let now = requests::clock(&tx).await?;
    let ended_at = wanted.ended_at.unwrap_or(now);
    if ended_at > now {
        return Err(unfit("an outage is ended when it is over"));
    }
    if !table::end(&tx, outage_id, ended_at, actor, Some(reason)).await? {
        return Err(unfit("it was ended before, or began after that instant"));
    }
    let what = format!("outage {outage_id} until {ended_at}: {reason}");
    audit::record(&tx, actor, "operator", "outage.end", &what).await?;
    tx.commit().await.map_err(StoreError::of_commit)?;
    let ended = table::list(&client, &known, None, 1).await?;
    ended.into_iter().next().ok_or_else(Problem::not_found)
}

fn place(outage: &Outage) -> String {
    outage.registry.as_ref().map_or_else(|| outage.province.to_string(), ToString::to_string)
}

async fn note(
    tx: &crate::store::Transaction<'_>,
    kind: &'static str,
    outage: &Outage,
    at: Timestamp,
) -> Result<(), StoreError> {
    let detail = serde_json::to_value(outage).expect("an outage holds texts and instants only");
    requests::write_events(tx, &[NewEvent { at, kind, request_id: None, detail }]).await
}

/// How everything that was served at windows under an outage came into line with the rest.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct MergeReport {
    /// The outage.
    pub(super) outage: Outage,
    /// One page of receipts, by registry, unit and place in the order.
    pub(super) items: Vec<MergedView>,
    /// Cursor of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<String>,
}

/// A receipt of a unit that was touched.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct MergedView {
    /// The receipt.
    #[serde(flatten)]
    pub(super) receipt: Merged,
    /// Whether it has a rank now; a returned one has lost it.
    pub(super) ranks: bool,
}

impl From<Merged> for MergedView {
    fn from(receipt: Merged) -> Self {
        let ranks = receipt.state.parse::<State>().is_ok_and(State::has_rank);
        Self { receipt, ranks }
    }
}

/// The cursor behind a receipt.
pub(super) fn cursor(last: &Merged) -> String {
    let after = After {
        registry: last.registry.clone(),
        unit_code: last.unit_code.clone(),
        delivered_at: last.delivered_at,
        no: last.no,
    };
    hex::encode(serde_json::to_vec(&after).expect("a place holds texts and numbers only"))
}

/// The place that a cursor names.
///
/// # Errors
/// When it is none of ours.
pub(super) fn after(cursor: &str) -> Result<After, Problem> {
    let place = hex::decode(cursor).ok().and_then(|text| serde_json::from_slice(&text).ok());
    place.ok_or_else(|| Problem::new(codes::QUERY, "cursor is not the `next` of a page"))
}
