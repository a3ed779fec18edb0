//! Order of a property's demands (顺位): who was received first ranks first.
//!
//! A pure function of the receipts. The level of the court, the channel and the instant of sending are not among its inputs,
//! so they cannot weigh anything.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use uuid::Uuid;
use xiezhi_schemas::message::Kind;

use crate::State;

/// One receipt of a property's demand, as the ledger holds it, with what has become of the request since.
///
/// Law: 法〔2024〕32号 二(三)2 (不论法院层级、送达方式，均按照送达时间先后顺序).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// The request.
    pub request_id: Uuid,
    /// What it demands.
    pub kind: Kind,
    /// 送达: the instant of the receipt.
    pub delivered_at: Timestamp,
    /// Number of the receipt in the registry's ledger, from 1; orders equal instants.
    pub no: i64,
    /// State now.
    pub state: State,
}

/// Decision of the common superior court on an order that courts dispute (共同上级人民法院协调处理, 法〔2024〕32号 二(三)3).
///
/// Lists requests of one property in the order that the court decided; those it does not list keep their places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuperiorDecision(Vec<Uuid>);

/// A decision that names one request twice orders nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("[HUB-3219] the decision names request {0} twice; nothing was changed")]
pub struct NamedTwice(pub Uuid);

impl NamedTwice {
    /// Stable code of this error.
    pub const CODE: &'static str = "HUB-3219";
}

impl SuperiorDecision {
    /// A decision that puts these requests in this order.
    ///
    /// # Errors
    /// When a request is named twice.
    pub fn new(order: Vec<Uuid>) -> Result<Self, NamedTwice> {
        let mut seen = HashSet::new();
        match order.iter().find(|id| !seen.insert(**id)) {
            Some(twice) => Err(NamedTwice(*twice)),
            None => Ok(Self(order)),
        }
    }
}

/// The receipts that have a rank, first in law first.
///
/// By instant, equal instants by number. A returned or withdrawn request has lost its place and is absent, so the ones
/// behind it move up; a corrected demand has a receipt of its own and stands where that puts it. Under a decision the
/// requests it lists share the places they hold among them in the decided order; without one nothing changes. A listed
/// request that has no rank is passed over.
pub fn order(receipts: &[Received], decision: Option<&SuperiorDecision>) -> Vec<Received> {
    let mut ranked: Vec<Received> = receipts.iter().filter(|r| r.state.has_rank()).copied().collect();
    // One property has one registry and so no two receipts of one number; the id only keeps the order total.
    ranked.sort_by_key(|r| (r.delivered_at, r.no, r.request_id));
    let Some(SuperiorDecision(decided)) = decision else { return ranked };
    let by_id: HashMap<Uuid, Received> = ranked.iter().map(|r| (r.request_id, *r)).collect();
    let listed: HashSet<Uuid> = decided.iter().copied().collect();
    let mut next = decided.iter().filter_map(|id| by_id.get(id));
    for place in ranked.iter_mut().filter(|r| listed.contains(&r.request_id)) {
        *place = *next.next().expect("as many listed requests as places that they hold");
    }
    ranked
}
