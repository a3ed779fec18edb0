//! A connector that dies before any of its changes of the disk, and the next one that goes on from what it finds.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    fs,
    path::Path,
    sync::{Arc, atomic::AtomicUsize},
    time::Duration,
};

use connector_mapping::example_demand;
use connector_sdk::{Adapter, DeliveryOrder, FetchedDocument, Outcome};
use simulators::county::{Config as County, Crash, Event, FileDoor, FileForm, Running, serve};
use xiezhi_schemas::message::{Demand, DemandMessage, Digest};

use crate::{Config, FileDrop};

/// More changes than any call makes.
const ENOUGH: usize = 100;

struct Bench {
    county: Running,
    dir: tempfile::TempDir,
    demand: Demand,
    body: Vec<u8>,
    sha256: String,
    documents: Vec<FetchedDocument>,
}

impl Bench {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut demand = example_demand();
        let contents: Vec<bytes::Bytes> =
            demand.attachments.iter().map(|claim| bytes::Bytes::from(claim.name.clone())).collect();
        for (claim, bytes) in demand.attachments.iter_mut().zip(&contents) {
            claim.sha256 = Digest::of(bytes);
            claim.size = bytes.len().try_into().unwrap();
        }
        let documents = demand
            .attachments
            .iter()
            .cloned()
            .zip(contents)
            .map(|(claim, bytes)| FetchedDocument { claim, bytes });
        let documents = documents.collect();
        let folder = dir.path().join("exchange").join(demand.registry.as_str());
        for part in ["out", "in", "archive", "quarantine"] {
            fs::create_dir_all(folder.join(part)).unwrap();
        }
        let mut county = serve(County {
            listen: "127.0.0.1:0".parse().unwrap(),
            journal: dir.path().join("journal"),
            token: "t".into(),
            registries: None,
            // Its results are not what this is about.
            decide_after: Duration::from_secs(3600),
            seed: 1,
            crash: Crash::HangUp,
        })
        .await
        .unwrap();
        county.exchange_files(FileDoor { root: dir.path().join("exchange"), form: FileForm::Xml });
        let body = serde_json::to_vec(&DemandMessage::V1(Box::new(demand.clone()))).unwrap();
        let sha256 = Digest::of(&body).as_str().to_owned();
        Self { county, dir, demand, body, sha256, documents }
    }

    /// A connector that lives to make this many changes of the disk.
    fn connector(&self, life: usize) -> FileDrop {
        let root = self.dir.path().join("exchange");
        let options = format!(
            "root = '{}'\nsteady_ms = 0\npoll_ms = 5\nmin_free_mb = 1\nanswer_within_ms = 15000",
            root.display()
        );
        let mut adapter = FileDrop::new(Config::parse(options.parse().unwrap()).unwrap()).unwrap();
        adapter.life = Some(Arc::new(AtomicUsize::new(life)));
        adapter
    }

    async fn deliver(&self, life: usize) -> Outcome {
        let order = DeliveryOrder {
            demand: &self.demand,
            body: &self.body,
            body_sha256: &self.sha256,
            attempt: 1,
            documents: &self.documents,
        };
        self.connector(life).deliver(&order).await
    }

    async fn void(&self, life: usize) -> bool {
        self.connector(life).void(&self.demand.registry, self.demand.request_id, "closed").await.is_ok()
    }

    fn names(&self, part: &str) -> Vec<String> {
        let folder: &Path = &self.dir.path().join("exchange").join(self.demand.registry.as_str()).join(part);
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// References under which the county took the request, and whether it voided one.
    fn book(&self) -> (Vec<String>, bool) {
        let records = self.county.records().unwrap();
        let voided = records.iter().any(|record| matches!(record.event, Event::Voided { .. }));
        let taken = records.into_iter().filter_map(|record| match record.event {
            Event::Taken { reference, .. } => Some(reference),
            _ => None,
        });
        (taken.collect(), voided)
    }
}

fn reference(outcome: Outcome) -> String {
    match outcome {
        Outcome::Taken { local_reference: Some(reference), .. } => reference,
        other => panic!("not taken: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_survives_death_at_every_step() {
    let mut deaths = 0;
    loop {
        let bench = Bench::new().await;
        let first = bench.deliver(deaths).await;
        let whole = matches!(first, Outcome::Taken { .. });
        let next = reference(bench.deliver(ENOUGH).await);
        assert_eq!(reference(bench.deliver(ENOUGH).await), next, "after {deaths} changes");
        assert_eq!(bench.book(), (vec![next], false), "after {deaths} changes");
        assert_eq!(bench.names("out"), [""; 0], "after {deaths} changes");
        assert_eq!(bench.names("in"), [""; 0], "after {deaths} changes");
        assert_eq!(bench.names("quarantine"), [""; 0], "after {deaths} changes");
        if whole {
            break;
        }
        deaths += 1;
    }
    assert!(deaths > 10, "{deaths} changes make a delivery");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_void_survives_death_at_every_step() {
    let mut deaths = 0;
    loop {
        // The next connector either voids again or is given a replay at once.
        let mut whole = false;
        for repeats in [true, false] {
            let bench = Bench::new().await;
            let before = reference(bench.deliver(ENOUGH).await);
            whole = bench.void(deaths).await;
            if repeats {
                assert!(bench.void(ENOUGH).await);
            }
            let after = reference(bench.deliver(ENOUGH).await);
            let (taken, voided) = bench.book();
            assert_eq!(
                after == before,
                !voided,
                "after {deaths} changes: a voided taking never answers a replay"
            );
            assert_eq!(taken.last(), Some(&after), "after {deaths} changes");
            assert!(voided || !repeats && !whole);
            assert_eq!(bench.names("out"), [""; 0], "after {deaths} changes");
            assert_eq!(bench.names("in"), [""; 0], "after {deaths} changes");
        }
        if whole {
            break;
        }
        deaths += 1;
    }
    assert!(deaths > 3, "{deaths} changes make a void");
}
