//! The pen: gives number, time and hash to lines of every channel, and notes what they overtake. There is no other.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::{SignedDuration, Timestamp, Unit};
use serde_json::json;
use uuid::Uuid;
use xiezhi_schemas::{
    address::RegistryCode,
    message::{Channel, Stamp},
};

use super::chain::{self, Facts};
use crate::store::{
    StoreError, Transaction,
    ledger::{Evidence, Head, NewReceipt},
    requests::{self, Changes, LockedRequest, NewEvent, Overtaken},
};

/// A line that waits for its number and its time.
#[derive(Debug)]
pub struct Draft {
    /// Registry, whose head is locked.
    pub registry: RegistryCode,
    /// Request.
    pub request_id: Uuid,
    /// Its message.
    pub message_id: Uuid,
    /// Digest of the message's body.
    pub body_sha256: Vec<u8>,
    /// How it came.
    pub channel: Channel,
    /// 送达时点 of a channel whose instant lies before the recording; none for the network, whose instant is the recording.
    pub delivered_at: Option<Timestamp>,
    /// Attempt that was received.
    pub attempt: i32,
    /// Connector instance or clerk.
    pub reporter: String,
    /// What is kept beside the stamp.
    pub evidence: Evidence,
}

/// The smallest step of the ledger's time; PostgreSQL keeps microseconds.
const TICK: SignedDuration = SignedDuration::from_micros(1);

/// The time that the next line of a registry gets at `now`: later than every line before it.
pub fn next_time(head: &Head, now: Timestamp) -> Timestamp {
    // What is hashed must be what is stored.
    let now = now.round(Unit::Microsecond).expect("rounding to microseconds stays in range") + TICK;
    head.last_recorded_at.map_or(now, |last| now.max(last + TICK))
}

/// Takes number and time for each line from its registry's head.
///
/// # Panics
/// When a line's registry has no head among `heads`: a slip of the caller.
pub fn write(
    heads: &mut BTreeMap<RegistryCode, Head>,
    now: Timestamp,
    drafts: Vec<Draft>,
) -> Vec<NewReceipt> {
    drafts.into_iter().map(|draft| line(heads, now, draft)).collect()
}

fn line(heads: &mut BTreeMap<RegistryCode, Head>, now: Timestamp, draft: Draft) -> NewReceipt {
    let head = heads.get_mut(&draft.registry).expect("the caller locked the head of each line's registry");
    let recorded_at = next_time(head, now);
    let delivered_at = draft.delivered_at.unwrap_or(recorded_at);
    let no = head.size + 1;
    let hash = chain::link(
        &head.hash,
        &Facts {
            registry: draft.registry.as_str(),
            no,
            request_id: draft.request_id,
            message_id: draft.message_id,
            body_sha256: &draft.body_sha256,
            channel: draft.channel.as_str(),
            delivered_at,
            recorded_at,
        },
    );
    let prev_hash = head.hash;
    *head = Head { size: no, last_recorded_at: Some(recorded_at), hash };
    NewReceipt {
        registry: draft.registry,
        no,
        request_id: draft.request_id,
        message_id: draft.message_id,
        body_sha256: draft.body_sha256,
        channel: draft.channel,
        delivered_at,
        recorded_at,
        attempt: draft.attempt,
        reporter: draft.reporter,
        evidence: draft.evidence,
        prev_hash,
        hash,
    }
}

/// A line as it is told.
pub fn stamp(receipt: &NewReceipt) -> Stamp {
    let hash = hex::encode(receipt.hash).parse().expect("32 bytes make a digest");
    Stamp { no: receipt.no, delivered_at: receipt.delivered_at, hash }
}

/// Nothing overtakes silently: whatever stands earlier in the lane and is still on the road is named in an event that is
/// written together with the receipts and is older than they. `received` are the requests about to be received, in order.
///
/// # Errors
/// When the statement fails.
pub async fn note_overtaken(
    tx: &Transaction<'_>,
    changes: &mut Changes,
    received: &[&LockedRequest],
    now: Timestamp,
) -> Result<(), StoreError> {
    let found = requests::overtaken(tx, received).await?;
    tell_overtaken(changes, received, found, now);
    Ok(())
}

/// [`note_overtaken`] with what was found.
pub fn tell_overtaken(
    changes: &mut Changes,
    received: &[&LockedRequest],
    found: Vec<Overtaken>,
    now: Timestamp,
) {
    let place: HashMap<Uuid, usize> =
        received.iter().enumerate().map(|(at, request)| (request.request_id, at)).collect();
    let mut told = HashSet::new();
    for found in found {
        let received_first = place.get(&found.earlier).is_some_and(|earlier| *earlier < place[&found.later]);
        if received_first || !told.insert(found.earlier) {
            continue;
        }
        tracing::warn!(request_id = %found.earlier, by = %found.later, state = found.earlier_state, "overtaken");
        changes.event(NewEvent {
            at: now,
            kind: "overtaken",
            request_id: Some(found.earlier),
            detail: json!({ "by": found.later, "state": found.earlier_state }),
        });
    }
}
