//! A county, its exchange folder, an adapter and demands for the tests. Everybody in them is invented.

use std::{
    fs,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use connector_sdk::{Adapter, DeliveryOrder, FetchedDocument, LocalOutcome, Outcome};
use serde_json::{Value, json};
use simulators::county::{Config, Crash, Event, FaultOrder, FileDoor, FileForm, Running, serve};
use toml::Table;
use uuid::Uuid;
use xiezhi_schemas::{
    address::RegistryCode,
    message::{Demand, DemandMessage, Digest},
};

/// Longest wait for what must happen.
const SOON: Duration = Duration::from_secs(20);

pub struct Bench {
    pub county: Running,
    pub adapter: Arc<dyn Adapter>,
    pub registry: RegistryCode,
    /// The registry's exchange folder.
    pub folder: PathBuf,
    pub options: Table,
    _dir: tempfile::TempDir,
}

pub fn options(text: &str) -> Table {
    text.parse().unwrap()
}

pub async fn soon(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + SOON;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

impl Bench {
    pub async fn new(form: FileForm) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("exchange/110105");
        for part in ["out", "in", "archive", "quarantine"] {
            fs::create_dir_all(folder.join(part)).unwrap();
        }
        let mut county = serve(Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            journal: dir.path().join("journal"),
            token: "filedrop-test-token".into(),
            registries: Some(["110105".to_owned()].into()),
            decide_after: Duration::ZERO,
            seed: 1,
            crash: Crash::HangUp,
        })
        .await
        .unwrap();
        let root = dir.path().join("exchange");
        county.exchange_files(FileDoor { root: root.clone(), form });
        let mut options = Table::new();
        options.insert("root".into(), root.to_str().unwrap().into());
        options
            .extend(self::options("steady_ms = 0\npoll_ms = 20\nmin_free_mb = 1\nanswer_within_ms = 15000"));
        options.extend(match form {
            FileForm::Json => self::options("format = 'json'"),
            FileForm::Xml => Table::new(),
            FileForm::XmlGb18030 => self::options("charset = 'gb18030'"),
        });
        let adapter = connector_filedrop::build(options.clone()).unwrap();
        Self { county, adapter, registry: "110105".parse().unwrap(), folder, options, _dir: dir }
    }

    /// Another connector on the same folder, with some other options.
    pub fn another(&self, other: Table) -> Arc<dyn Adapter> {
        let mut options = self.options.clone();
        options.extend(other);
        connector_filedrop::build(options).unwrap()
    }

    pub fn fault(&self, fault: &str, times: Option<u32>) {
        let fault = fault.parse().unwrap();
        self.county.misbehave(FaultOrder { registry: "*".into(), fault, times, percent: None });
    }

    /// Whether something stands in the county's book.
    pub fn any(&self, wanted: impl Fn(&Event) -> bool) -> bool {
        self.county.records().unwrap().iter().any(|record| wanted(&record.event))
    }

    /// Digests of the bodies under which the county took this request.
    pub fn taken(&self, parcel: &Parcel) -> Vec<String> {
        let body = |event| match event {
            Event::Taken { filing, .. } if filing.request_id == parcel.demand.request_id => {
                Some(filing.body_sha256)
            }
            _ => None,
        };
        self.county.records().unwrap().into_iter().filter_map(|record| body(record.event)).collect()
    }

    /// Names in a part of the folder, in order.
    pub fn names(&self, part: &str) -> Vec<String> {
        let entries = fs::read_dir(self.folder.join(part)).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub fn json(&self, part: &str, name: &str) -> Value {
        serde_json::from_slice(&fs::read(self.folder.join(part).join(name)).unwrap()).unwrap()
    }

    pub async fn deliver(&self, parcel: &Parcel) -> Outcome {
        // A county that is ill never answers: no reason to wait long for it.
        let short = self.county_is_ill().then(|| self.another(options("answer_within_ms = 400")));
        short.as_ref().unwrap_or(&self.adapter).deliver(&parcel.order()).await
    }

    fn county_is_ill(&self) -> bool {
        self.county.faults().iter().any(|order| {
            let word = String::from(order.fault);
            order.times.is_none() && matches!(word.as_str(), "down" | "stall")
        })
    }

    pub async fn outcomes(&self, count: usize) -> Vec<LocalOutcome> {
        let deadline = Instant::now() + SOON;
        loop {
            let outcomes = self.adapter.fetch_outcomes(&self.registry, 50).await.unwrap();
            if outcomes.len() >= count {
                return outcomes;
            }
            assert!(Instant::now() < deadline, "{count} outcomes wanted, {} there", outcomes.len());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// One demand with its bytes and document.
pub struct Parcel {
    pub demand: Demand,
    pub body: Vec<u8>,
    pub sha256: String,
    pub documents: Vec<FetchedDocument>,
}

impl Parcel {
    pub fn new(registry: &str) -> Self {
        let pdf = Bytes::from_static(b"%PDF-1.7 a ruling");
        let id = Uuid::now_v7();
        let claim = json!({"role": "ruling", "name": "裁定书.pdf", "media_type": "application/pdf",
            "sha256": Digest::of(&pdf).as_str(), "size": pdf.len(), "seal": "electronic"});
        let message = json!({"schema": "xiezhi.demand.v1", "request_id": id, "message_id": Uuid::now_v7(),
            "sender": "court-a", "demand_id": format!("d-{id}"), "unit_index": 1, "unit_count": 1,
            "registry": registry, "lane_seq": 1, "accepted_at": "2026-01-01T00:00:00Z", "kind": "seizure",
            "court": {"code": "京0105", "name": "某法院"}, "case_number": "（2024）京0105执1234号",
            "judgment_number": "（2024）京0105民初56号", "issuing_organ": "某法院",
            "debtor": {"name": "李某某", "document_kind": "resident_id", "document_number": "110105190303079514"},
            "unit": {"unit_code": "110105001001GB00001F00010001", "right_holder": "李某某",
                "location": "朝阳区某路1号", "certificates": ["京（2024）朝阳区不动产权第0001234号"]},
            "period": {"years": 3, "from": "2026-01-01", "to": "2028-12-31"},
            "contact": {"name": "张某", "phone": "010-80001234"},
            "officers": [{"name": "王某", "kind": "work_permit", "number": "J-4711"}],
            "attachments": [claim]});
        Self::of(&message, pdf)
    }

    fn of(message: &Value, pdf: Bytes) -> Self {
        let body = serde_json::to_vec(message).unwrap();
        let demand = serde_json::from_slice::<DemandMessage>(&body).unwrap().into_demand();
        let documents = vec![FetchedDocument { claim: demand.attachments[0].clone(), bytes: pdf }];
        Self { demand, sha256: Digest::of(&body).as_str().to_owned(), body, documents }
    }

    /// The same with another value of a field.
    pub fn set(&mut self, field: &str, value: Value) {
        let mut message: Value = serde_json::from_slice(&self.body).unwrap();
        message[field] = value;
        *self = Self::of(&message, self.documents[0].bytes.clone());
    }

    pub fn order(&self) -> DeliveryOrder<'_> {
        DeliveryOrder {
            demand: &self.demand,
            body: &self.body,
            body_sha256: &self.sha256,
            attempt: 1,
            documents: &self.documents,
        }
    }
}

pub fn reference(outcome: Outcome) -> String {
    match outcome {
        Outcome::Taken { local_reference: Some(reference), local_received_at: Some(_), .. } => reference,
        other => panic!("not taken: {other:?}"),
    }
}

pub fn unwell(outcome: Outcome) -> String {
    match outcome {
        Outcome::Unwell { reason, .. } => reason,
        other => panic!("not unwell: {other:?}"),
    }
}
