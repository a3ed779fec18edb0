//! What the connector is doing, for operators and probes: which registries are consumed, which are paused and why, and what
//! has been counted since the start. Nothing decides anything by it.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use serde::Serialize;
use xiezhi_schemas::{address::RegistryCode, message::MappingVersion};

/// What one registry is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Not consumed yet, or the connection is lost.
    Waiting,
    /// Consuming.
    Consuming,
    /// The local system is unwell; its demands wait in the queue.
    Paused,
    /// The queue cannot be consumed.
    Failing,
}

/// One registry.
#[derive(Debug, Clone, Serialize)]
pub struct RegistryStatus {
    /// What it is at.
    pub standing: Standing,
    /// Since when.
    pub since: Timestamp,
    /// Why, when paused or failing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Counted since the start of the process.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Counts {
    /// Receipts recorded.
    pub received: u64,
    /// Receipts that the ledger had already.
    pub repeated: u64,
    /// Returns at the door.
    pub returned: u64,
    /// Demands parked.
    pub parked: u64,
    /// Pauses of registries.
    pub paused: u64,
    /// Results and returns handed to the hub.
    pub outcomes: u64,
    /// Receipts of local links (点对点) recorded.
    pub local_receipts: u64,
    /// Receipts of local links that the hub refused or keeps as contradicting.
    pub local_receipts_refused: u64,
    /// Connections made to the broker.
    pub connections: u64,
}

/// The mapping in force.
#[derive(Debug, Clone, Serialize)]
pub struct MappingStatus {
    /// Which one it is.
    #[serde(flatten)]
    pub version: MappingVersion,
    /// Since when.
    pub since: Timestamp,
    /// Why a newer file was refused, when the last reload failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// All of it.
#[derive(Debug, Clone, Serialize)]
pub struct Snapshot {
    /// Whether the connector does its work: connected, and every queue consumed or paused on purpose.
    pub ready: bool,
    /// Whether the broker is connected.
    pub connected: bool,
    /// Each registry.
    pub registries: BTreeMap<String, RegistryStatus>,
    /// The mapping in force, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mapping: Option<MappingStatus>,
    /// Counts.
    pub counts: Counts,
}

/// The board on which it stands.
#[derive(Debug)]
pub struct Status(Mutex<Snapshot>);

impl Status {
    /// All registries waiting.
    pub fn new(registries: &[RegistryCode]) -> Self {
        let since = Timestamp::now();
        let waiting = RegistryStatus { standing: Standing::Waiting, since, reason: None };
        let registries = registries.iter().map(|code| (code.to_string(), waiting.clone())).collect();
        Self(Mutex::new(Snapshot {
            ready: false,
            connected: false,
            registries,
            mapping: None,
            counts: Counts::default(),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Snapshot> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What stands on the board now.
    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = self.lock().clone();
        let working =
            |status: &RegistryStatus| matches!(status.standing, Standing::Consuming | Standing::Paused);
        snapshot.ready = snapshot.connected && snapshot.registries.values().all(working);
        snapshot
    }

    pub(crate) fn mapping_in_force(&self, version: Option<MappingVersion>) {
        let since = Timestamp::now();
        self.lock().mapping = version.map(|version| MappingStatus { version, since, refused: None });
    }

    pub(crate) fn mapping_refused(&self, reason: String) {
        if let Some(mapping) = &mut self.lock().mapping {
            mapping.refused = Some(reason);
        }
    }

    pub(crate) fn connected(&self, connected: bool) {
        let mut board = self.lock();
        board.connected = connected;
        if connected {
            board.counts.connections += 1;
        } else {
            let since = Timestamp::now();
            for status in board.registries.values_mut().filter(|status| status.standing != Standing::Paused) {
                *status = RegistryStatus { standing: Standing::Waiting, since, reason: None };
            }
        }
    }

    pub(crate) fn stands(&self, registry: &RegistryCode, standing: Standing, reason: Option<String>) {
        let mut board = self.lock();
        if standing == Standing::Paused {
            board.counts.paused += 1;
        }
        let status = RegistryStatus { standing, since: Timestamp::now(), reason };
        board.registries.insert(registry.to_string(), status);
    }

    pub(crate) fn counted(&self, count: impl FnOnce(&mut Counts)) {
        count(&mut self.lock().counts);
    }

    /// The counts as a page that Prometheus reads.
    pub fn metrics(&self) -> String {
        let snapshot = self.snapshot();
        let counts = &snapshot.counts;
        let standing =
            |wanted| snapshot.registries.values().filter(|status| status.standing == wanted).count() as u64;
        let lines = [
            ("connector_connected", "gauge", u64::from(snapshot.connected)),
            ("connector_registries_consuming", "gauge", standing(Standing::Consuming)),
            ("connector_registries_paused", "gauge", standing(Standing::Paused)),
            ("connector_registries_failing", "gauge", standing(Standing::Failing)),
            ("connector_receipts_recorded_total", "counter", counts.received),
            ("connector_receipts_repeated_total", "counter", counts.repeated),
            ("connector_returns_at_door_total", "counter", counts.returned),
            ("connector_demands_parked_total", "counter", counts.parked),
            ("connector_registry_pauses_total", "counter", counts.paused),
            ("connector_outcomes_total", "counter", counts.outcomes),
            ("connector_local_receipts_total", "counter", counts.local_receipts),
            ("connector_local_receipts_refused_total", "counter", counts.local_receipts_refused),
            ("connector_broker_connections_total", "counter", counts.connections),
        ];
        lines.iter().fold(String::new(), |mut page, (name, sort, value)| {
            writeln!(page, "# TYPE {name} {sort}\n{name} {value}").expect("a string takes everything");
            page
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn ready_means_connected_and_every_registry_looked_after() {
        let codes: Vec<RegistryCode> = vec!["320102".parse().unwrap(), "320104".parse().unwrap()];
        let status = Status::new(&codes);
        status.connected(true);
        status.stands(&codes[0], Standing::Consuming, None);
        assert!(!status.snapshot().ready);
        status.stands(&codes[1], Standing::Paused, Some("down".into()));
        assert!(status.snapshot().ready);
        assert!(status.metrics().contains("connector_registries_paused 1\n"));
        status.connected(false);
        assert!(!status.snapshot().ready);
        assert_eq!(status.snapshot().registries["320104"].standing, Standing::Paused);
    }

    #[test]
    fn a_refused_mapping_is_seen_beside_the_one_in_force() {
        let status = Status::new(&[]);
        status.mapping_refused("nothing is in force".into());
        assert!(status.snapshot().mapping.is_none());
        let digest = xiezhi_schemas::message::Digest::of(b"file");
        let version = MappingVersion { name: "soap".into(), version: "7".into(), sha256: digest };
        status.mapping_in_force(Some(version.clone()));
        status.mapping_refused("[CON-6009] line 3".into());
        let shown = serde_json::to_value(status.snapshot().mapping).unwrap();
        assert_eq!(
            (shown["version"].as_str(), shown["refused"].as_str()),
            (Some("7"), Some("[CON-6009] line 3"))
        );
        status.mapping_in_force(Some(version));
        assert!(status.snapshot().mapping.unwrap().refused.is_none());
    }
}
