//! The adapter against a real counterpart over a real socket, well and ill.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use connector_sdk::{Adapter, DeliveryOrder, FetchedDocument, LocalOutcome, Outcome};
use serde_json::{Value, json};
use simulators::county::{Config, Crash, Running, serve};
use uuid::Uuid;
use xiezhi_schemas::{
    address::RegistryCode,
    message::{Demand, DemandMessage, Digest, LocalReceiptVerdict, LocalRequest, OutcomeMessage, Stamp},
};

const TOKEN: &str = "rest-test-token";

struct Bench {
    county: Running,
    adapter: Arc<dyn Adapter>,
    registry: RegistryCode,
    _dir: tempfile::TempDir,
}

fn adapter(base: &str, token: &str) -> Arc<dyn Adapter> {
    let mut options = toml::Table::new();
    options.insert("base_url".into(), base.into());
    options.insert("token".into(), token.into());
    options.insert("timeout_ms".into(), 1500.into());
    connector_rest::build(options).unwrap()
}

async fn county(dir: &Path) -> Running {
    serve(Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        journal: dir.to_owned(),
        token: TOKEN.into(),
        registries: Some(["110105".to_owned()].into()),
        decide_after: Duration::ZERO,
        seed: 1,
        crash: Crash::HangUp,
    })
    .await
    .unwrap()
}

/// One demand with its bytes and document.
struct Parcel {
    demand: Demand,
    body: Vec<u8>,
    sha256: String,
    documents: Vec<FetchedDocument>,
}

impl Parcel {
    fn new(registry: &str) -> Self {
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
        let body = serde_json::to_vec(&message).unwrap();
        let demand = serde_json::from_slice::<DemandMessage>(&body).unwrap().into_demand();
        let documents = vec![FetchedDocument { claim: demand.attachments[0].clone(), bytes: pdf }];
        Self { demand, sha256: Digest::of(&body).as_str().to_owned(), body, documents }
    }

    fn order(&self) -> DeliveryOrder<'_> {
        DeliveryOrder {
            demand: &self.demand,
            body: &self.body,
            body_sha256: &self.sha256,
            attempt: 1,
            documents: &self.documents,
        }
    }
}

impl Bench {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let county = county(dir.path()).await;
        let adapter = adapter(&format!("http://{}", county.address()), TOKEN);
        Self { county, adapter, registry: "110105".parse().unwrap(), _dir: dir }
    }

    async fn fault(&self, fault: &str, times: Option<u32>) {
        let order = json!({"registry": "*", "fault": fault, "times": times});
        let url = format!("http://{}/_sim/faults", self.county.address());
        let answer = reqwest::Client::new().post(url).bearer_auth(TOKEN).json(&order).send().await.unwrap();
        assert!(answer.status().is_success());
    }

    /// Lines of the county's journal about one request.
    async fn journal(&self, parcel: &Parcel, event: &str) -> Vec<Value> {
        let url = format!("http://{}/_sim/journal", self.county.address());
        let answer = reqwest::Client::new().get(url).bearer_auth(TOKEN).send().await.unwrap();
        let book: Value = answer.json().await.unwrap();
        let id = json!(parcel.demand.request_id);
        let wanted = |line: &&Value| line["request_id"] == id && line["event"] == event;
        book["entries"].as_array().unwrap().iter().filter(wanted).cloned().collect()
    }

    async fn deliver(&self, parcel: &Parcel) -> Outcome {
        self.adapter.deliver(&parcel.order()).await
    }

    async fn outcomes(&self, count: usize) -> Vec<LocalOutcome> {
        let deadline = Instant::now() + Duration::from_secs(10);
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

fn reference(outcome: Outcome) -> String {
    match outcome {
        Outcome::Taken { local_reference: Some(reference), local_received_at: Some(_), mapping: None } => {
            reference
        }
        other => panic!("not taken: {other:?}"),
    }
}

fn unwell(outcome: Outcome) -> (String, Option<Duration>) {
    match outcome {
        Outcome::Unwell { reason, retry_after } => (reason, retry_after),
        other => panic!("not unwell: {other:?}"),
    }
}

#[tokio::test]
async fn a_demand_is_taken_once_and_its_outcome_settled() {
    let bench = Bench::new().await;
    bench.adapter.health(&bench.registry).await.unwrap();
    let parcel = Parcel::new("110105");
    let first = reference(bench.deliver(&parcel).await);
    assert_eq!(reference(bench.deliver(&parcel).await), first);
    let taken = bench.journal(&parcel, "taken").await;
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0]["body_sha256"], parcel.sha256, "the registry holds the bytes that the hub made");

    let outcomes = bench.outcomes(1).await;
    assert!(
        matches!(&outcomes[0].message, OutcomeMessage::ResultV1(r) if r.request_id == parcel.demand.request_id)
    );
    for _ in 0..2 {
        bench.adapter.settle(&bench.registry, &outcomes[0].outcome_id).await.unwrap();
    }
    assert!(bench.outcomes(0).await.is_empty());

    let (request_id, unknown) = (parcel.demand.request_id, Uuid::now_v7());
    for id in [request_id, request_id, unknown] {
        bench.adapter.void(&bench.registry, id, "closed by an operator").await.unwrap();
    }
    assert!(!bench.journal(&parcel, "voided").await.is_empty());
}

#[tokio::test]
async fn ill_systems_are_unwell_and_nothing_is_stored() {
    let bench = Bench::new().await;
    let parcel = Parcel::new("110105");
    bench.fault("down", None).await;
    assert_eq!(unwell(bench.deliver(&parcel).await).1, Some(Duration::from_secs(1)));
    assert!(bench.adapter.health(&bench.registry).await.unwrap_err().is_transient());
    assert!(bench.adapter.fetch_outcomes(&bench.registry, 1).await.unwrap_err().is_transient());
    bench.fault("stall", None).await;
    assert_eq!(unwell(bench.deliver(&parcel).await).0, "no answer in time");
    bench.fault("crash_before_store", Some(1)).await;
    assert!(unwell(bench.deliver(&parcel).await).0.contains("broke"));
    bench.fault("none", None).await;
    assert!(bench.journal(&parcel, "taken").await.is_empty());
    reference(bench.deliver(&parcel).await);

    let address = bench.county.address();
    bench.county.stop().await;
    let gone = adapter(&format!("http://{address}"), TOKEN);
    assert_eq!(unwell(gone.deliver(&parcel.order()).await).0, "no connection");
}

#[tokio::test]
async fn an_answer_that_was_lost_is_asked_for_again() {
    let bench = Bench::new().await;
    for fault in ["crash_after_store", "lose_answer", "half_answer"] {
        let parcel = Parcel::new("110105");
        bench.fault(fault, Some(1)).await;
        unwell(bench.deliver(&parcel).await);
        assert_eq!(bench.journal(&parcel, "taken").await.len(), 1, "{fault}");
        let again = reference(bench.deliver(&parcel).await);
        assert_eq!(bench.journal(&parcel, "taken").await[0]["reference"], again, "{fault}");
    }
    // Slower than our patience: it may or may not be stored, and a repeat settles it.
    let parcel = Parcel::new("110105");
    bench.fault("slow_ms:20000", Some(1)).await;
    assert_eq!(unwell(bench.deliver(&parcel).await).0, "no answer in time");
    reference(bench.deliver(&parcel).await);
    assert_eq!(bench.journal(&parcel, "taken").await.len(), 1);
}

#[tokio::test]
async fn one_bad_demand_is_refused_or_returned_alone() {
    let bench = Bench::new().await;
    bench.fault("refuse", Some(1)).await;
    let Outcome::Refused { code, reason } = bench.deliver(&Parcel::new("110105")).await else { panic!() };
    assert!(code == "not_accepted" && !reason.is_empty());
    bench.fault("return", Some(1)).await;
    let turned = Parcel::new("110105");
    for _ in 0..2 {
        let Outcome::Returned(message) = bench.deliver(&turned).await else { panic!() };
        assert_eq!(message.request_id, turned.demand.request_id);
    }
    let mut short = Parcel::new("110105");
    short.documents.clear();
    assert!(
        matches!(bench.deliver(&short).await, Outcome::Refused { code, .. } if code == "document_missing")
    );
    reference(bench.deliver(&Parcel::new("110105")).await);
}

#[tokio::test]
async fn lies_and_repeats_reach_the_hub_as_they_are() {
    let bench = Bench::new().await;
    bench.fault("store_nothing", Some(1)).await;
    let parcel = Parcel::new("110105");
    reference(bench.deliver(&parcel).await);
    assert!(bench.journal(&parcel, "taken").await.is_empty(), "only reconciliation can find this");
    for (fault, count) in [("twice", 2), ("contradict", 4), ("return_later", 5)] {
        bench.fault(fault, Some(1)).await;
        reference(bench.deliver(&Parcel::new("110105")).await);
        bench.outcomes(count).await;
    }
    let outcomes = bench.outcomes(5).await;
    assert_eq!(outcomes[0].message, outcomes[1].message);
    assert_eq!(outcomes[2].message.request_id(), outcomes[3].message.request_id());
    assert_ne!(outcomes[2].message, outcomes[3].message);
    assert!(matches!(outcomes[4].message, OutcomeMessage::ReturnV1(_)));
    assert_eq!(bench.adapter.fetch_outcomes(&bench.registry, 2).await.unwrap().len(), 2);

    // Behind a page, also when its last outcome was settled meanwhile.
    let ids = |page: &[LocalOutcome]| page.iter().map(|one| one.outcome_id.clone()).collect::<Vec<_>>();
    let all = ids(&outcomes);
    let behind = async |after: &str, limit| {
        ids(&bench.adapter.fetch_outcomes_after(&bench.registry, after, limit).await.unwrap())
    };
    assert_eq!(behind(&all[1], 2).await, all[2..4]);
    bench.adapter.settle(&bench.registry, &all[1]).await.unwrap();
    assert_eq!(behind(&all[1], 50).await, all[2..]);
    assert_eq!(behind(&all[4], 50).await, [""; 0]);
}

/// R5: what the county's own link received is offered until the hub's word is heard; only then comes its outcome.
#[tokio::test]
async fn receipts_of_the_countys_own_link() {
    let bench = Bench::new().await;
    let fetch = async |limit| bench.adapter.fetch_local_receipts(&bench.registry, limit).await;
    assert!(fetch(50).await.unwrap().is_empty());
    for n in 1..=2 {
        let unit = format!("110105001001GB00001F0001000{n}");
        let order = json!({"registry": "110105", "number": format!("L-{n}"), "received_at": "2026-01-05T01:30:00Z",
            "operator": "虚构人戊", "demand": {"kind": "seizure", "case_number": "（2024）京0105执1234号",
            "units": [{"unit_code": unit}], "period": {"years": 3, "from": "2026-01-05", "to": "2029-01-04"}}});
        let url = format!("http://{}/_sim/local-demands", bench.county.address());
        let answer = reqwest::Client::new().post(url).bearer_auth(TOKEN).json(&order).send().await.unwrap();
        assert!(answer.status().is_success());
    }
    let offers = fetch(50).await.unwrap();
    assert_eq!(offers.len(), 2);
    assert_eq!(
        (offers[0].local.number.as_str(), offers[0].local.operator.as_deref()),
        ("L-1", Some("虚构人戊"))
    );
    assert_eq!(offers[0].local.received_at, "2026-01-05T01:30:00Z".parse().unwrap());
    assert_eq!(offers[0].demand["case_number"], "（2024）京0105执1234号");
    assert_eq!(fetch(1).await.unwrap().len(), 1);

    bench.fault("down", None).await;
    assert!(fetch(50).await.unwrap_err().is_transient());
    let request_id = Uuid::now_v7();
    let stamp = Stamp { no: 1, delivered_at: offers[0].local.received_at, hash: Digest::of(b"line") };
    let unit_code = "110105001001GB00001F00010001".parse().unwrap();
    let requests = vec![LocalRequest { request_id, unit_index: 1, unit_code, stamp }];
    let recorded = LocalReceiptVerdict::Recorded { requests };
    let settle =
        async |id: &str, verdict| bench.adapter.settle_local_receipt(&bench.registry, id, verdict).await;
    assert!(settle(&offers[0].receipt_id, &recorded).await.unwrap_err().is_transient());
    bench.fault("none", None).await;
    assert_eq!(fetch(50).await.unwrap().len(), 2, "not heard, so offered again");
    for _ in 0..2 {
        settle(&offers[0].receipt_id, &recorded).await.unwrap();
    }
    let refused = LocalReceiptVerdict::Refused { code: "HUB-3262".into(), message: "no contact".into() };
    settle(&offers[1].receipt_id, &refused).await.unwrap();
    assert!(fetch(50).await.unwrap().is_empty());
    let outcomes = bench.outcomes(1).await;
    assert_eq!(outcomes.len(), 1, "what the hub refused has no outcome to tell");
    assert!(matches!(&outcomes[0].message, OutcomeMessage::ResultV1(r) if r.request_id == request_id));
    assert!(!settle("../health", &refused).await.unwrap_err().is_transient());

    // A county without the call has no link to tell of.
    let elsewhere: RegistryCode = "110101".parse().unwrap();
    assert!(bench.adapter.fetch_local_receipts(&elsewhere, 50).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_wrong_set_up_is_told_and_stops_the_registry() {
    let bench = Bench::new().await;
    let stranger = adapter(&format!("http://{}", bench.county.address()), "wrong");
    let parcel = Parcel::new("110105");
    assert!(unwell(stranger.deliver(&parcel.order()).await).0.contains("token"));
    assert!(!stranger.health(&bench.registry).await.unwrap_err().is_transient());
    let elsewhere = Parcel::new("110101");
    assert!(unwell(bench.deliver(&elsewhere).await).0.contains("serves this registry"));
    let odd = bench.adapter.settle(&bench.registry, "../health").await.unwrap_err();
    assert!(!odd.is_transient());
}

const MAPPING: &str = r#"
[mapping]
language = 1
name = "county-json"
version = "1"
description = "the county's own protocol, written as a mapping"
[outbound]
format = "json"
fields = [
  { to = "demand", from = "demand" },
  { to = "demand.schema", value = "xiezhi.demand.v1" },
  { to = "documents", each = "documents", as = "d", fields = [
    { to = "name", from = "d.name" },
    { to = "role", from = "d.role" },
    { to = "media_type", from = "d.media_type" },
    { to = "sha256", from = "d.sha256" },
    { to = "content_base64", from = "d.content_base64" },
  ] },
]
[[test]]
name = "the whole demand"
demand = "example:seizure"
expect = { "demand.kind" = "seizure" }
"#;

fn mapped_adapter(base: &str, file: &Path) -> Result<Arc<dyn Adapter>, connector_sdk::ConfigError> {
    let options = format!(
        "base_url = '{base}'\ntoken = '{TOKEN}'\ntimeout_ms = 1500\n[mapping]\nfile = '{}'\n",
        file.display()
    );
    connector_rest::build(options.parse().unwrap())
}

#[tokio::test]
async fn a_mapped_demand_is_taken_and_names_its_mapping() {
    let bench = Bench::new().await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("m.toml");
    let other =
        county_mapping().replace("\"demand.", "\"Demand.").replace("from = \"Demand.", "from = \"demand.");
    std::fs::write(&file, other).unwrap();
    let base = format!("http://{}", bench.county.address());
    let adapter = mapped_adapter(&base, &file).unwrap();
    let parcel = Parcel::new("110105");
    // The county reads `demand`, not `Demand`: the message is what the file says.
    assert!(!matches!(adapter.deliver(&parcel.order()).await, Outcome::Taken { .. }));

    // A file that contradicts itself is refused as a whole, and so is one that fails its own test.
    let first = adapter.mapping().unwrap();
    for wrong in [
        MAPPING.to_owned(),
        "[mapping".to_owned(),
        MAPPING.replace("{ to = \"demand\", from = \"demand\" },", "").replace("seizure\" }", "lifting\" }"),
    ] {
        std::fs::write(&file, wrong).unwrap();
        let error = adapter.reload().unwrap_err().to_string();
        assert!(error.contains("CON-600"), "{error}");
        assert_eq!(adapter.mapping().unwrap(), first, "the one before stays");
    }
    std::fs::remove_file(&file).unwrap();
    assert!(adapter.reload().is_err() && adapter.mapping().unwrap() == first);

    std::fs::write(&file, county_mapping()).unwrap();
    adapter.reload().unwrap();
    let preview = adapter.preview(&parcel.order()).unwrap();
    assert_eq!(preview.call, format!("POST {base}/registries/110105/demands"));
    assert_eq!(preview.mapping, adapter.mapping());
    match adapter.deliver(&parcel.order()).await {
        Outcome::Taken { mapping: Some(mapping), local_reference: Some(_), .. } => {
            assert_eq!((mapping.name.as_str(), mapping.version.as_str()), ("county-json", "1"));
            assert_eq!(mapping.sha256, Digest::of(county_mapping().as_bytes()));
        }
        other => panic!("{other:?}"),
    }
    // What lacks a value that a rule needs is refused before anybody is called; the example of the file's own test is spared.
    let needs = "fields = [\n{ to = 'remarks', from = 'demand.remarks', when = \"demand.demand_id != '2026-0001'\" },";
    std::fs::write(&file, county_mapping().replacen("fields = [", needs, 1)).unwrap();
    adapter.reload().unwrap();
    match adapter.deliver(&parcel.order()).await {
        Outcome::Refused { code, reason } => {
            assert_eq!(code, "CON-6002");
            assert!(
                reason.contains("`demand.remarks` is not there") && !reason.contains("李某某"),
                "{reason}"
            );
        }
        other => panic!("{other:?}"),
    }
    let nowhere = mapped_adapter(&base, &dir.path().join("none.toml")).err().unwrap();
    assert_eq!(nowhere.problems[0].key, "mapping.file");
}

/// The county's protocol, field by field: every part of the demand and the name of its schema.
fn county_mapping() -> String {
    let parts = [
        "request_id",
        "message_id",
        "sender",
        "demand_id",
        "unit_index",
        "unit_count",
        "registry",
        "lane_seq",
        "accepted_at",
        "kind",
        "court",
        "case_number",
        "judgment_number",
        "issuing_organ",
        "debtor",
        "unit",
        "period",
        "contact",
        "officers",
        "attachments",
    ];
    let rules: String = parts
        .iter()
        .map(|part| format!("{{ to = \"demand.{part}\", from = \"demand.{part}\" }},\n"))
        .collect();
    MAPPING.replace("{ to = \"demand\", from = \"demand\" },", &rules)
}
