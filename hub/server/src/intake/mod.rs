//! Intake: where a court's demand is read, checked, and accepted as a whole or not at all.
//!
//! Reading: [`validate`] and the parsed types say what is wrong with the body. Checking: the legal checks of the domain and
//! the look-ups in our tables. All problems of a body come in one answer. Accepting: one transaction writes the demand, a
//! request for each property unit, its first state and its outbox row; the row is the send.

pub(crate) mod accept;
mod backlog;
pub(crate) mod canonical;
pub(crate) mod check;
mod identifiers;
pub mod list;
mod multipart;
mod references;
mod repair;
pub mod routes;
pub mod show;
mod timeline;
pub mod validate;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use xiezhi_schemas::{address::RegistryCode, message::Digest};

pub(crate) use accept::Acceptor;
pub use backlog::{Backlog, watch_backlog};

use crate::http::problem::Item;

/// Answer to a demand that was accepted; a repeat gets the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Accepted {
    /// The court's own number.
    pub demand_id: String,
    /// One request for each unit, in the order of the units.
    pub requests: Vec<AcceptedRequest>,
    /// What somebody should look at; nothing was held back for it.
    pub warnings: Vec<Item>,
}

/// One request of an accepted demand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AcceptedRequest {
    /// Its id in the hub.
    pub request_id: Uuid,
    /// Which unit, from 1.
    pub unit_index: u16,
    /// Code of the unit.
    pub unit_code: String,
    /// The registry that must receive it.
    pub registry: RegistryCode,
    /// State at acceptance: `in_flight`.
    pub state: String,
    /// SHA-256 of the message that will be delivered.
    pub body_sha256: Digest,
}
