//! Where the register as reported does not agree with the order of delivery. An anomaly is a value for people: the hub
//! changes nothing in the register (法〔2024〕32号 一).

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use xiezhi_schemas::message::Kind;

use super::{Code, History, Place};
use crate::{State, order::Received};

/// One disagreement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "anomaly", rename_all = "snake_case")]
pub enum Anomaly {
    /// It stands before a seizure that was delivered earlier and still waits to be registered or was registered later.
    Overtook {
        /// The one that stands too far in front.
        request_id: Uuid,
        /// The one that was delivered earlier.
        earlier: Uuid,
    },
    /// It was reported in a place that the standing seizures do not leave: a second formal one, or a 轮候顺序 that another has.
    PlaceTaken {
        /// Whose place it is.
        request_id: Uuid,
        /// As reported.
        reported: Place,
        /// As the standing seizures leave it.
        expected: Place,
    },
    /// It was reported further back than the seizures known here explain: the registry counts others.
    MoreAhead {
        /// Whose place it is.
        request_id: Uuid,
        /// As reported.
        reported: Place,
        /// As the seizures known here leave it.
        expected: Place,
    },
    /// A conversion was reported with another last day than the seizure keeps (剩余期限自动转为正式查封期限，不再重新计算).
    ConversionEnd {
        /// The seizure.
        request_id: Uuid,
        /// As reported.
        reported: Date,
        /// The last day that it keeps.
        kept: Date,
    },
    /// The period of a waiting seizure was reported from another day than that of its registration (自办理轮候查封登记手续之日起算).
    WaitingStart {
        /// The seizure.
        request_id: Uuid,
        /// First day as reported.
        reported: Date,
        /// The day of registration in China.
        registered_on: Date,
    },
}

impl Anomaly {
    /// Stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Overtook { .. } => Code::Overtook,
            Self::PlaceTaken { .. } => Code::PlaceTaken,
            Self::MoreAhead { .. } => Code::MoreAhead,
            Self::ConversionEnd { .. } => Code::ConversionEnd,
            Self::WaitingStart { .. } => Code::WaitingStart,
        }
    }

    /// The request it is about.
    pub fn request_id(&self) -> Uuid {
        match self {
            Self::Overtook { request_id, .. }
            | Self::PlaceTaken { request_id, .. }
            | Self::MoreAhead { request_id, .. }
            | Self::ConversionEnd { request_id, .. }
            | Self::WaitingStart { request_id, .. } => *request_id,
        }
    }
}

/// Everything that does not agree, given the order of delivery (see [`crate::order::order`]) and the unit's history.
pub fn anomalies(order: &[Received], history: &History) -> Vec<Anomaly> {
    let mut found = history.oddities.clone();
    found.extend(overtakings(order, history));
    found
}

/// For each standing seizure one that was delivered earlier and stands behind it or is still to be registered. A seizure
/// that ended claims no place any more, in either role.
fn overtakings(order: &[Received], history: &History) -> Vec<Anomaly> {
    let standing: std::collections::HashMap<Uuid, usize> =
        history.register.standing().enumerate().map(|(place, seizure)| (seizure.request_id, place)).collect();
    let mut found = Vec::new();
    // Of those delivered so far: the first that is not registered, and the one that stands furthest behind.
    let mut pending: Option<Uuid> = None;
    let mut furthest: Option<(usize, Uuid)> = None;
    for received in order.iter().filter(|r| matches!(r.kind, Kind::Seizure | Kind::Waiting)) {
        let request_id = received.request_id;
        let place = standing.get(&request_id).copied();
        if let Some(place) = place {
            let behind = furthest.filter(|(other, _)| *other > place).map(|(_, earlier)| earlier);
            if let Some(earlier) = pending.or(behind) {
                found.push(Anomaly::Overtook { request_id, earlier });
            }
            furthest = furthest.max(Some((place, request_id)));
        } else if received.state == State::Delivered {
            pending = pending.or(Some(request_id));
        }
    }
    found
}
