//! The adapter against a real counterpart: the simulated county exchanging real files, well and ill.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod bench;

use std::{fs, path::Path, time::Duration};

use bench::{Bench, Parcel, options, reference, soon, unwell};
use connector_sdk::{AdapterError, FetchedDocument, LocalOutcome, Outcome, WithdrawalOrder};
use serde_json::{Value, json};
use simulators::county::{Event, FileForm, LinkOrder};
use uuid::Uuid;
use xiezhi_schemas::message::{
    Attachment, Digest, LocalReceiptVerdict, LocalRequest, OutcomeMessage, Stamp, Withdrawal,
    WithdrawalTaking,
};

const FORMS: [FileForm; 3] = [FileForm::Json, FileForm::Xml, FileForm::XmlGb18030];

#[tokio::test]
async fn a_demand_is_taken_once_and_its_outcome_settled() {
    for form in FORMS {
        let bench = Bench::new(form).await;
        bench.adapter.health(&bench.registry).await.unwrap();
        let parcel = Parcel::new("110105");
        let first = reference(bench.deliver(&parcel).await);
        // Also by a connector that was started anew and remembers nothing.
        let anew = bench.another(toml::Table::new());
        assert_eq!(reference(anew.deliver(&parcel.order()).await), first, "{form:?}");
        let taken = bench.taken(&parcel);
        assert_eq!(taken.len(), 1);
        assert_eq!(taken[0], parcel.sha256, "the registry holds the bytes that the hub made");
        assert!(bench.names("out").is_empty(), "what is answered is taken away: {:?}", bench.names("out"));

        let outcomes = bench.outcomes(1).await;
        let id = parcel.demand.request_id;
        assert!(matches!(&outcomes[0].message, OutcomeMessage::ResultV1(r) if r.request_id == id));
        for _ in 0..2 {
            bench.adapter.settle(&bench.registry, &outcomes[0].outcome_id).await.unwrap();
        }
        assert!(bench.outcomes(0).await.is_empty());
        soon("the county sees it settled", || bench.any(|event| matches!(event, Event::Settled { .. })))
            .await;

        // After a void the same request counts as new, and the old answer no more.
        for request_id in [id, id, Uuid::now_v7()] {
            bench.adapter.void(&bench.registry, request_id, "未送达：已逾期").await.unwrap();
        }
        assert!(bench.any(|event| matches!(event, Event::Voided { request_id, .. } if *request_id == id)));
        let again = reference(bench.deliver(&parcel).await);
        assert_ne!(again, first, "{form:?}");
        assert_eq!(reference(bench.deliver(&parcel).await), again);
        assert_eq!(bench.taken(&parcel).len(), 2);
        assert!(bench.names("quarantine").is_empty(), "{:?}", bench.names("quarantine"));
    }
}

#[tokio::test]
async fn ill_systems_are_unwell_and_nothing_is_taken() {
    let bench = Bench::new(FileForm::Xml).await;
    let parcel = Parcel::new("110105");
    for fault in ["down", "stall"] {
        bench.fault(fault, None);
        assert!(unwell(bench.deliver(&parcel).await).contains("no Res file"), "{fault}");
        assert!(bench.taken(&parcel).is_empty());
    }
    bench.fault("none", None);
    // What was written stays, and the next call finds its answer.
    let found = reference(bench.deliver(&parcel).await);
    assert_eq!(bench.taken(&parcel).len(), 1);

    // A mount that vanished: nothing is made in its place.
    let (there, away) = (bench.folder.clone(), bench.folder.with_extension("away"));
    fs::rename(&there, &away).unwrap();
    assert!(unwell(bench.deliver(&parcel).await).contains("mounted"));
    for error in [
        bench.adapter.health(&bench.registry).await.unwrap_err(),
        bench.adapter.fetch_outcomes(&bench.registry, 1).await.unwrap_err(),
        bench.adapter.void(&bench.registry, Uuid::now_v7(), "x").await.unwrap_err(),
    ] {
        assert!(error.is_transient(), "{error}");
    }
    assert!(!there.exists());
    fs::rename(&away, &there).unwrap();
    assert_eq!(reference(bench.deliver(&parcel).await), found);

    let full = bench.another(options("min_free_mb = 1000000000"));
    assert!(full.health(&bench.registry).await.unwrap_err().to_string().contains("full"));
    assert!(unwell(full.deliver(&Parcel::new("110105").order()).await).contains("full"));
    // A registry whose folder nobody made.
    assert!(unwell(bench.deliver(&Parcel::new("110101")).await).contains("mounted"));
}

#[tokio::test]
async fn an_answer_that_was_lost_is_asked_for_again() {
    let bench = Bench::new(FileForm::Xml).await;
    for fault in ["crash_after_store", "lose_answer", "half_answer", "crash_before_store"] {
        let parcel = Parcel::new("110105");
        bench.fault(fault, Some(1));
        let taken = reference(bench.deliver(&parcel).await);
        assert_eq!(bench.taken(&parcel).len(), 1, "{fault}");
        assert_eq!(reference(bench.deliver(&parcel).await), taken);
    }
    // Half an answer is kept for people, with its reason.
    let quarantine = bench.names("quarantine");
    assert_eq!(quarantine.len(), 2, "{quarantine:?}");
    let reason: Value =
        bench.json("quarantine", quarantine.iter().find(|name| name.ends_with(".reason.json")).unwrap());
    assert_eq!(reason["code"], "unreadable");
}

#[tokio::test]
async fn one_bad_demand_is_refused_or_returned_alone() {
    for form in [FileForm::Json, FileForm::XmlGb18030] {
        let bench = Bench::new(form).await;
        bench.fault("refuse", Some(1));
        let refused = Parcel::new("110105");
        let Outcome::Refused { code, reason } = bench.deliver(&refused).await else { panic!() };
        assert!(code == "not_accepted" && reason.contains("拒收"), "{code}: {reason}");
        // Asked again by an operator, it is a new asking.
        reference(bench.deliver(&refused).await);

        bench.fault("return", Some(1));
        let turned = Parcel::new("110105");
        for _ in 0..2 {
            let Outcome::Returned(message) = bench.deliver(&turned).await else { panic!() };
            assert_eq!(message.request_id, turned.demand.request_id);
        }
        // The same request with another body is no repeat.
        let (first, mut other) = (Parcel::new("110105"), Parcel::new("110105"));
        other.demand.request_id = first.demand.request_id;
        reference(bench.deliver(&first).await);
        assert!(matches!(bench.deliver(&other).await, Outcome::Refused { code, .. } if code == "other_body"));
        let mut short = Parcel::new("110105");
        short.documents.clear();
        assert!(
            matches!(bench.deliver(&short).await, Outcome::Refused { code, .. } if code == "document_missing")
        );
    }
}

/// What the character set or the form cannot say is refused with its field, and no file is written.
#[tokio::test]
async fn what_cannot_be_said_is_refused_with_its_field() {
    let bench = Bench::new(FileForm::XmlGb18030).await;
    let mut parcel = Parcel::new("110105");
    parcel.demand.unit.location = "虚构路\u{e5e5}号".into();
    let Outcome::Refused { code, reason } = bench.deliver(&parcel).await else { panic!() };
    assert!(code == "CON-6004" && reason.contains("Message.Data.unit.location"), "{code}: {reason}");
    assert!(!reason.contains("虚构路"), "{reason}");
    assert!(bench.names("out").is_empty());
}

#[tokio::test]
async fn a_mapping_makes_the_message() {
    let bench = Bench::new(FileForm::Xml).await;
    let file = bench.folder.with_extension("toml");
    let rules = r#"
        [mapping]
        language = 1
        name = "local"
        version = "7"
        description = "a test"
        [outbound]
        format = "xml"
        fields = [{ to = "BDCKZQQ.RequestID", from = "demand.request_id" }, { to = "BDCKZQQ.AH", from = "demand.case_number" }]
    "#;
    fs::write(&file, rules).unwrap();
    let mapped = options(&format!("mapping = {{ file = '{}' }}", file.display()));
    let mut impatient = mapped.clone();
    impatient.extend(options("answer_within_ms = 200"));
    let (adapter, impatient) = (bench.another(mapped), bench.another(impatient));
    bench.fault("down", None);
    let parcel = Parcel::new("110105");
    unwell(impatient.deliver(&parcel.order()).await);
    let message = bench.names("out").into_iter().find(|name| name.ends_with(".xml")).unwrap();
    let text = fs::read_to_string(bench.folder.join("out").join(&message)).unwrap();
    assert!(text.contains("<AH>（2024）京0105执1234号</AH>"), "{text}");
    let manifest = bench.json("out", &message.replace(".xml", ".files.json"));
    assert_eq!(
        (&manifest["mapping"]["name"], &manifest["mapping"]["version"]),
        (&json!("local"), &json!("7"))
    );
    // No person and no case in any name.
    assert!(bench.names("out").iter().all(|name| name.is_ascii()), "{:?}", bench.names("out"));
    bench.fault("none", None);
    let Outcome::Taken { mapping: Some(mapping), .. } = adapter.deliver(&parcel.order()).await else {
        panic!()
    };
    assert_eq!(
        (mapping.name.as_str(), mapping.version.as_str()),
        ("local", "7"),
        "the receipt tells what was shown"
    );
    let shown = adapter.preview(&Parcel::new("110105").order()).unwrap();
    assert!(
        String::from_utf8(shown.body).unwrap().contains("<AH>") && shown.call.contains("out/Biz"),
        "{}",
        shown.call
    );

    // A mapping that changes between two tries makes another message of the same demand: no change of the demand.
    fs::write(&file, rules.replace("\"7\"", "\"8\"").replace("BDCKZQQ.AH", "BDCKZQQ.ZXAH")).unwrap();
    adapter.reload().unwrap();
    assert_eq!(adapter.mapping().unwrap().version, "8");
    let Outcome::Taken { mapping: Some(mapping), .. } = adapter.deliver(&parcel.order()).await else {
        panic!()
    };
    assert_eq!(mapping.version, "7", "that is what the registry took");
    assert_eq!(bench.taken(&parcel), [parcel.sha256]);

    fs::write(&file, rules.replace("demand.case_number", "demand.casenumber")).unwrap();
    assert!(adapter.reload().is_err_and(|error| error.to_string().contains("casenumber")));
    assert_eq!(adapter.mapping().unwrap().version, "8", "the one before stays");
    let mut wrong = bench.options.clone();
    wrong.extend(options(&format!("mapping = {{ file = '{}' }}", file.display())));
    let error = connector_filedrop::build(wrong).err().unwrap();
    assert!(error.problems[0].key == "mapping.file" && error.to_string().contains("casenumber"), "{error}");
}

#[tokio::test]
async fn lies_and_repeats_reach_the_hub_as_they_are() {
    let bench = Bench::new(FileForm::Xml).await;
    bench.fault("store_nothing", Some(1));
    let parcel = Parcel::new("110105");
    reference(bench.deliver(&parcel).await);
    assert!(bench.taken(&parcel).is_empty(), "only reconciliation can find this");
    for (fault, count) in [("twice", 2), ("contradict", 4), ("return_later", 5)] {
        bench.fault(fault, Some(1));
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

/// R48: 轮候转正式 comes as a file of its own, after the lifting that made room.
#[tokio::test]
async fn a_waiting_seizure_that_became_formal_is_told() {
    for form in FORMS {
        let bench = Bench::new(form).await;
        let (first, mut second, mut lifting) =
            (Parcel::new("110105"), Parcel::new("110105"), Parcel::new("110105"));
        second.set("case_number", json!("（2024）京0105执99号"));
        second.set("remarks", json!("SIM:TELL-CONVERSION"));
        lifting.set("kind", json!("lifting"));
        lifting.set("original_case_number", json!("（2024）京0105执1234号"));
        lifting.set("period", Value::Null);
        for parcel in [&first, &second, &lifting] {
            reference(bench.deliver(parcel).await);
        }
        let outcomes = bench.outcomes(4).await;
        let told = outcomes.iter().filter(|one| {
            matches!(&one.message, OutcomeMessage::ConversionV1(c) if c.request_id == second.demand.request_id)
        });
        assert_eq!(told.count(), 1, "{form:?}: {outcomes:?}");
        assert!(bench.names("quarantine").is_empty());
    }
}

/// A56, A60, A41: whatever lies there is put aside with its reason, nothing is deleted, and the good one beside it passes.
#[tokio::test]
async fn bad_files_go_to_quarantine_and_hold_up_nobody() {
    let bench = Bench::new(FileForm::Xml).await;
    let dir = bench.folder.join("in");
    let result = |registry: &str| {
        json!({"schema": "xiezhi.result.v1", "request_id": Uuid::from_u128(1), "registry": registry,
            "registration": {"status": "lifted", "business_number": "YW1", "registered_at": "2026-01-01T00:00:00Z"}})
        .to_string()
    };
    let bomb = "<!DOCTYPE m [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><Message><Data>&x;</Data></Message>";
    let gb = [
        b"<?xml version='1.0' encoding='UTF-8'?><Message><Data>".as_slice(),
        &[0xce, 0xde],
        b"</Data></Message>",
    ]
    .concat();
    let unasked = format!("Res{}.json", Uuid::now_v7().simple());
    let long = vec![b' '; 9 << 20];
    let good = result("110105");
    let elsewhere = result("110101");
    let files: Vec<(&str, &[u8], &str)> = vec![
        ("Outa1.xml", bomb.as_bytes(), "unreadable"),
        ("Outa2.xml", &gb, "unreadable"),
        ("Outa3.xml", b"<Message><Data><result>", "unreadable"),
        ("Outa4.json", b"{}", "not_understood"),
        ("Outa5.json", elsewhere.as_bytes(), "contradictory"),
        ("Outa6.json", &long, "too_long"),
        ("李某某的回执.pdf", b"%PDF", "unknown_name"),
        ("Out..%2f..%2fetc%2fpasswd.xml", b"x", "unknown_name"),
        ("Out b.xml", b"x", "unknown_name"),
        (&unasked, br#"{"biz_msg_id":"x","status":"taken"}"#, "unasked"),
    ];
    for (name, bytes, _) in &files {
        fs::write(dir.join(name), bytes).unwrap();
    }
    fs::write(dir.join("Outb1.json"), &good).unwrap();
    fs::write(dir.join("Outb2.json"), &good).unwrap();
    fs::write(dir.join("Outb2.xml"), "<x/>").unwrap();
    fs::create_dir(dir.join("Outa7.xml")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", dir.join("Outa8.xml")).unwrap();
    fs::write(dir.join("Outa9.xml.part"), "half").unwrap();

    let outcomes = bench.outcomes(1).await;
    assert_eq!(outcomes.iter().map(|one| one.outcome_id.as_str()).collect::<Vec<_>>(), ["b1"]);
    assert_eq!(bench.names("in"), ["Outa9.xml.part", "Outb1.json"]);
    let kept = bench.names("quarantine");
    let reasons: Vec<Value> = kept
        .iter()
        .filter(|name| name.ends_with(".reason.json"))
        .map(|name| bench.json("quarantine", name))
        .collect();
    assert_eq!(kept.len(), 2 * reasons.len(), "each has its reason: {kept:?}");
    assert!(kept.iter().all(|name| name.is_ascii()), "{kept:?}");
    let code = |name: &str| {
        let found = reasons.iter().find(|reason| reason["original_name"] == name);
        found.unwrap_or_else(|| panic!("{name} has no reason"))["code"].as_str().unwrap().to_owned()
    };
    for (name, bytes, expected) in &files {
        assert_eq!(code(name), *expected, "{name}");
        let at =
            reasons.iter().find(|reason| reason["original_name"] == *name).unwrap()["file"].as_str().unwrap();
        assert_eq!(fs::read(bench.folder.join("quarantine").join(at)).unwrap(), *bytes, "nothing is changed");
    }
    for (name, expected) in [
        ("Outa7.xml", "not_a_file"),
        ("Outa8.xml", "not_a_file"),
        ("Outb2.json", "two_forms"),
        ("Outb2.xml", "two_forms"),
    ] {
        assert_eq!(code(name), expected, "{name}");
    }
    // A correction needs an id of its own; the same again is no news.
    bench.adapter.settle(&bench.registry, "b1").await.unwrap();
    fs::write(dir.join("Outb1.json"), &good).unwrap();
    assert!(bench.outcomes(0).await.is_empty());
    assert!(bench.names("in").iter().all(|name| name.ends_with(".part")));
    fs::write(dir.join("Outb1.json"), good.replace("YW1", "YW2")).unwrap();
    assert!(bench.outcomes(0).await.is_empty());
    assert_eq!(bench.json("quarantine", "Outb1.json.reason.json")["code"], "changed_after_settled");
}

/// A writer that does not rename: the file counts when it stands still, and what is behind it waits so long.
#[tokio::test]
async fn a_file_that_still_grows_is_left_alone() {
    let bench = Bench::new(FileForm::Json).await;
    let adapter = bench.another(options("steady_ms = 300"));
    let good = json!({"schema": "xiezhi.result.v1", "request_id": Uuid::from_u128(1), "registry": "110105",
        "registration": {"status": "lifted", "business_number": "YW1", "registered_at": "2026-01-01T00:00:00Z"}})
    .to_string();
    let file = bench.folder.join("in/Outc1.json");
    fs::write(bench.folder.join("in/Outc2.json"), &good).unwrap();
    let fetch = async || adapter.fetch_outcomes(&bench.registry, 50).await.unwrap().len();
    for cut in [1, 20, good.len() / 2] {
        fs::write(&file, &good[..cut]).unwrap();
        assert_eq!(fetch().await, 0);
    }
    fs::write(&file, &good).unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while fetch().await < 2 {
        assert!(std::time::Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(bench.names("quarantine").is_empty());
}

#[tokio::test]
async fn a_wish_for_withdrawal_is_handed_over_once() {
    for form in FORMS {
        let bench = Bench::new(form).await;
        let mut parcel = Parcel::new("110105");
        parcel.set("remarks", json!("SIM:HOLD"));
        reference(bench.deliver(&parcel).await);
        let bytes = bytes::Bytes::from_static(b"%PDF-1.7 a letter");
        let claim: Attachment = serde_json::from_value(json!({"role": "withdrawal_letter", "name": "撤回申请.pdf",
            "media_type": "application/pdf", "sha256": Digest::of(&bytes).as_str(), "size": bytes.len(), "seal": "electronic"}))
        .unwrap();
        let withdrawal = Withdrawal {
            withdrawal_id: Uuid::now_v7(),
            request_id: parcel.demand.request_id,
            registry: bench.registry.clone(),
            sender: "court-a".into(),
            asked_at: "2026-01-02T00:00:00Z".parse().unwrap(),
            reason: "被执行人已履行完毕".into(),
            letter: claim.clone(),
            contact: parcel.demand.contact.clone(),
        };
        let body = serde_json::to_vec(&withdrawal).unwrap();
        let letter = FetchedDocument { claim, bytes };
        let order = WithdrawalOrder { withdrawal: &withdrawal, body: &body, letter: &letter };
        for _ in 0..2 {
            assert_eq!(
                bench.adapter.withdrawal_request(&order).await.unwrap(),
                WithdrawalTaking::Held,
                "{form:?}"
            );
        }
        let outcomes = bench.outcomes(1).await;
        assert!(
            matches!(&outcomes[0].message, OutcomeMessage::ReturnV1(r) if r.request_id == parcel.demand.request_id)
        );
        assert!(bench.names("out").is_empty(), "{:?}", bench.names("out"));

        let without = bench.another(options("withdrawals = false"));
        assert_eq!(without.withdrawal_request(&order).await.unwrap(), WithdrawalTaking::Unsupported);
    }
}

/// R5: what the county's own link received is offered until the hub's word is heard; only then comes its outcome.
#[tokio::test]
async fn receipts_of_the_countys_own_link() {
    for form in FORMS {
        let bench = Bench::new(form).await;
        let fetch = async || bench.adapter.fetch_local_receipts(&bench.registry, 50).await.unwrap();
        assert!(fetch().await.is_empty());
        for n in 1..=2 {
            let unit = format!("110105001001GB00001F0001000{n}");
            let order: LinkOrder =
                serde_json::from_value(json!({"registry": "110105", "number": format!("L-{n}"),
                "received_at": "2026-01-05T01:30:00Z", "operator": "虚构人戊", "demand": {"kind": "seizure",
                "case_number": "（2024）京0105执1234号", "units": [{"unit_code": unit}],
                "period": {"years": 3, "from": "2026-01-05", "to": "2029-01-04"}}}))
                .unwrap();
            bench.county.receive_over_link(order).await.unwrap();
        }
        soon("both are offered", || bench.names("in").len() == 2).await;
        let offers = fetch().await;
        assert_eq!((offers[0].local.number.as_str(), offers[1].local.number.as_str()), ("L-1", "L-2"));
        assert_eq!(offers[0].demand["case_number"], "（2024）京0105执1234号");

        let request_id = Uuid::now_v7();
        let stamp = Stamp { no: 1, delivered_at: offers[0].local.received_at, hash: Digest::of(b"line") };
        let unit_code = "110105001001GB00001F00010001".parse().unwrap();
        let requests = vec![LocalRequest { request_id, unit_index: 1, unit_code, stamp }];
        let recorded = LocalReceiptVerdict::Recorded { requests };
        let settle =
            async |id: &str, verdict| bench.adapter.settle_local_receipt(&bench.registry, id, verdict).await;
        for _ in 0..2 {
            settle(&offers[0].receipt_id, &recorded).await.unwrap();
        }
        let refused = LocalReceiptVerdict::Refused { code: "HUB-3262".into(), message: "no contact".into() };
        settle(&offers[1].receipt_id, &refused).await.unwrap();
        assert!(fetch().await.is_empty());
        let outcomes = bench.outcomes(1).await;
        assert!(
            matches!(&outcomes[0].message, OutcomeMessage::ResultV1(r) if r.request_id == request_id),
            "{form:?}"
        );
        let odd: AdapterError = settle("../health", &refused).await.unwrap_err();
        assert!(!odd.is_transient());
        assert!(!bench.adapter.settle(&bench.registry, "../x").await.unwrap_err().is_transient());
        assert!(!Path::new(&bench.folder).parent().unwrap().join("Ack").exists());
    }
}
