//! What the order of delivery asks for next; shown to people, never done by the hub.

use uuid::Uuid;
use xiezhi_schemas::message::Kind;

use super::Place;
use crate::{State, order::Received};

/// The demand whose turn it is (依次办理, 法〔2024〕32号 二(三)3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// The request.
    pub request_id: Uuid,
    /// What it demands.
    pub kind: Kind,
    /// For a seizure, the place that it should be registered in, as far as the seizures known here go.
    pub place: Option<Place>,
}

/// The first demand in the order of delivery that the registry has not answered, and what the order says about it, given how
/// many seizures stand.
pub fn next(order: &[Received], standing: usize) -> Option<Expected> {
    let first = order.iter().find(|received| received.state == State::Delivered)?;
    let ahead = u32::try_from(standing).unwrap_or(u32::MAX);
    let seizes = matches!(first.kind, Kind::Seizure | Kind::Waiting);
    let place = seizes.then_some(Place::behind(ahead));
    Some(Expected { request_id: first.request_id, kind: first.kind, place })
}
