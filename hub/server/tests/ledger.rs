//! The ledger on a real database: gapless, strictly increasing, one receipt for a request, whatever happens around it.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod support;

use std::time::Duration;

use futures::future::join_all;
use hub::{
    keys,
    ledger::{
        heads::{self, HeadSigner},
        stamp::Stamper,
        verify,
    },
    outcomes,
    store::ledger,
};
use support::{Database, OTHER, REGISTRY, connect, recorded};
use xiezhi_schemas::message::{MappingVersion, OutcomeMessage, OutcomeVerdict, Verdict};

const BOUND: Duration = Duration::from_secs(1);

fn outcome(json: &str) -> OutcomeMessage {
    serde_json::from_str(json).unwrap()
}

fn registered(request: &support::Request, business: &str) -> OutcomeMessage {
    outcome(&format!(
        r#"{{"schema":"xiezhi.result.v1","request_id":"{}","registry":"{}","registration":{{"status":"formal","business_number":"{business}",
            "registered_at":"2030-01-01T00:00:00Z","period_from":"2024-03-04","period_to":"2027-03-03"}}}}"#,
        request.request_id, request.registry
    ))
}

fn returned(request: &support::Request, text: &str) -> OutcomeMessage {
    outcome(&format!(
        r#"{{"schema":"xiezhi.return.v1","request_id":"{}","registry":"{}","reasons":["target_inaccurate"],"text":"{text}",
            "decided_at":"2030-01-01T00:00:00Z"}}"#,
        request.request_id, request.registry
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_is_recorded_once_and_repeated_ever_after() {
    let db = Database::new("receipt_once").await;
    let stamper = Stamper::new(db.store.clone(), BOUND, support::rules());
    let request = db.request(REGISTRY, 1).await;
    let twice = [request.report(), request.report()];
    let first = stamper.stamp(&twice).await.unwrap();
    let stamp = recorded(&first[0]).clone();
    assert_eq!(stamp.no, 1);
    assert_eq!(recorded(&first[1]), &stamp, "twice in one batch is once");
    let again = stamper.stamp(&twice).await.unwrap();
    assert!(matches!(&again[0], Verdict::Repeated(same) if *same == stamp), "{again:?}");
    assert_eq!(db.number("SELECT count(*) FROM receipt").await, 1);
    assert_eq!(db.state(&request).await, "delivered");
    // The court was told once, and the state log says why.
    assert_eq!(db.number("SELECT count(*) FROM feedback WHERE body->>'event' = 'delivered'").await, 1);
    db.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mapping_that_made_the_local_message_is_kept_with_the_first_receipt() {
    let db = Database::new("receipt_mapping").await;
    let stamper = Stamper::new(db.store.clone(), BOUND, support::rules());
    let (mapped, plain) = (db.request(REGISTRY, 1).await, db.request(REGISTRY, 2).await);
    let report = |version: &str| {
        let mut report = mapped.report();
        let sha256 = xiezhi_schemas::message::Digest::of(version.as_bytes());
        report.receipt.mapping =
            Some(MappingVersion { name: "soap".into(), version: version.into(), sha256 });
        report
    };
    for reports in [vec![report("7"), plain.report()], vec![report("8")]] {
        for verdict in stamper.stamp(&reports).await.unwrap() {
            assert!(matches!(verdict, Verdict::Recorded(_) | Verdict::Repeated(_)), "{verdict:?}");
        }
    }
    let kept = "SELECT request_id, detail->'mapping'->>'version' FROM event WHERE kind = 'mapped'";
    let rows = db.admin.query(kept, &[]).await.unwrap();
    let rows: Vec<(uuid::Uuid, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(rows, [(mapped.request_id, "7".to_owned())], "what was told after the stamp changes nothing");
    db.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_refused_and_harms_no_other() {
    let db = Database::new("receipt_misfit").await;
    let stamper = Stamper::new(db.store.clone(), BOUND, support::rules());
    let (good, other) = (db.request(REGISTRY, 1).await, db.request(REGISTRY, 2).await);
    let mut unknown = good.report();
    unknown.receipt.request_id = uuid::Uuid::now_v7();
    let mut elsewhere = good.report();
    elsewhere.receipt.registry = OTHER.parse().unwrap();
    let mut bytes = good.report();
    bytes.receipt.body_sha256 = xiezhi_schemas::message::Digest::of(b"other bytes");
    let mut message = good.report();
    message.receipt.message_id = other.message_id;
    let verdicts = stamper.stamp(&[unknown, elsewhere, bytes, message, other.report()]).await.unwrap();
    assert!(matches!(&verdicts[0], Verdict::Void { code, .. } if code == "HUB-3004"), "{verdicts:?}");
    assert!(matches!(&verdicts[1], Verdict::Park { code, .. } if code == "HUB-3005"), "{verdicts:?}");
    assert!(matches!(&verdicts[2], Verdict::Park { code, .. } if code == "HUB-3006"), "{verdicts:?}");
    assert!(matches!(&verdicts[3], Verdict::Park { code, .. } if code == "HUB-3007"), "{verdicts:?}");
    assert_eq!(recorded(&verdicts[4]).no, 1);
    assert_eq!(db.state(&good).await, "in_flight");
    db.finish().await;
}

/// 32 workers stamp for one registry while a reader looks every few milliseconds.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a09_a_reader_never_sees_a_number_before_its_predecessor() {
    let db = Database::new("receipt_parallel").await;
    let stamper = Stamper::new(db.store.clone(), BOUND, support::rules());
    let mut requests = Vec::new();
    for unit in 1..=128 {
        requests.push(db.request(REGISTRY, unit).await);
    }
    let reader = connect(&db.url).await;
    let stamper = &stamper;
    let workers = join_all(requests.chunks(4).map(|some| async move {
        for request in some {
            recorded(&stamper.stamp(&[request.report()]).await.unwrap()[0]);
        }
    }));
    let watch = async {
        loop {
            let row = reader
                .query_one(
                    "SELECT coalesce(max(no), 0), count(*) FROM inv_receipt WHERE registry = $1",
                    &[&REGISTRY],
                )
                .await
                .unwrap();
            let (highest, count): (i64, i64) = (row.get(0), row.get(1));
            assert_eq!(highest, count, "a number was seen before its predecessor");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        _ = workers => {}
        () = watch => unreachable!("the watch ends with the workers"),
    }
    db.assert_gapless().await;
    assert_eq!(db.number("SELECT count(*) FROM receipt").await, 128);
    db.finish().await;
}

/// A transaction that began earlier and was held up gets the later number and the later time.
#[tokio::test(flavor = "multi_thread")]
async fn a07_number_and_time_are_taken_at_allocation() {
    let db = Database::new("receipt_stall").await;
    let stamper = Stamper::new(db.store.clone(), BOUND, support::rules());
    let (held_up, quick) = (db.request(REGISTRY, 1).await, db.request(REGISTRY, 2).await);
    // Somebody holds the registry's pen; the first stamp has begun and waits for it.
    let holder = connect(&db.url).await;
    recorded(&stamper.stamp(&[db.request(REGISTRY, 3).await.report()]).await.unwrap()[0]);
    holder
        .batch_execute("BEGIN; SELECT FROM ledger_head WHERE registry = '320102' FOR UPDATE")
        .await
        .unwrap();
    let waiting = [held_up.report()];
    let first = stamper.stamp(&waiting);
    tokio::pin!(first);
    let stalled = tokio::time::timeout(Duration::from_millis(300), &mut first).await;
    assert!(stalled.is_err(), "the stamp must wait for the registry's lock");
    let freed: jiff::Timestamp = holder.query_one("SELECT clock_timestamp()", &[]).await.unwrap().get(0);
    holder.batch_execute("COMMIT").await.unwrap();
    let late = first.await.unwrap();
    assert!(recorded(&late[0]).delivered_at >= freed, "the time is that of the allocation, not of the begin");
    let next = stamper.stamp(&[quick.report()]).await.unwrap();
    assert!(recorded(&next[0]).delivered_at > recorded(&late[0]).delivered_at);
    db.assert_gapless().await;
    db.finish().await;
}

/// A later demand of a lane that is received first leaves an event which is older than its receipt (V20).
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_overtaken_silently() {
    let db = Database::new("receipt_overtaken").await;
    let stamper = Stamper::new(db.store.clone(), BOUND, support::rules());
    let (earlier, later) = (db.request(REGISTRY, 1).await, db.request(REGISTRY, 1).await);
    let other_lane = db.request(REGISTRY, 2).await;
    stamper.stamp(&[other_lane.report(), later.report()]).await.unwrap();
    let events = "SELECT count(*) FROM inv_event e JOIN inv_receipt r ON r.request_id::text = e.detail->>'by'
                  WHERE e.kind = 'overtaken' AND e.at < r.recorded_at";
    assert_eq!(db.number(events).await, 1);
    stamper.stamp(&[earlier.report()]).await.unwrap();
    assert_eq!(db.number("SELECT count(*) FROM inv_event WHERE kind = 'overtaken'").await, 1);
    // In order within one batch there is nothing to tell.
    let (first, second) = (db.request(REGISTRY, 3).await, db.request(REGISTRY, 3).await);
    stamper.stamp(&[first.report(), second.report()]).await.unwrap();
    assert_eq!(db.number("SELECT count(*) FROM inv_event WHERE kind = 'overtaken'").await, 1);
    db.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outcomes_take_effect_once_whatever_their_order() {
    let db = Database::new("outcomes").await;
    let stamper = Stamper::new(db.store.clone(), BOUND, support::rules());
    let record = async |message: &OutcomeMessage| {
        outcomes::record(&db.store, &support::rules(), &support::timers(), std::slice::from_ref(message))
            .await
            .unwrap()
            .remove(0)
            .verdict
    };
    // Early: kept, and effective with the receipt.
    let request = db.request(REGISTRY, 1).await;
    let result = registered(&request, "B1");
    assert_eq!(record(&result).await, OutcomeVerdict::Early);
    assert_eq!(record(&result).await, OutcomeVerdict::Early, "still early when offered again");
    assert_eq!(db.state(&request).await, "in_flight");
    stamper.stamp(&[request.report()]).await.unwrap();
    assert_eq!(db.state(&request).await, "registered");
    // Repeated: nothing new. Contradicting: kept as a dispute, nothing changes.
    assert_eq!(record(&result).await, OutcomeVerdict::Repeated);
    assert_eq!(record(&registered(&request, "B2")).await, OutcomeVerdict::Disputed);
    assert_eq!(record(&returned(&request, "坐落与登记簿记载不一致")).await, OutcomeVerdict::Disputed);
    assert_eq!(db.state(&request).await, "registered");
    assert_eq!(db.number("SELECT count(*) FROM inv_result WHERE effective").await, 1);
    assert_eq!(db.number("SELECT count(*) FROM inv_event WHERE kind = 'dispute'").await, 2);
    // A return without a receipt is a refusal at the door; a receipt afterwards is void.
    let refused = db.request(REGISTRY, 2).await;
    assert_eq!(record(&returned(&refused, "标的物不准确，请核对单元代码")).await, OutcomeVerdict::Effective);
    assert!(matches!(&stamper.stamp(&[refused.report()]).await.unwrap()[0], Verdict::Void { .. }));
    // A return that says nothing, and a result from another registry, are refused with their codes.
    let third = db.request(REGISTRY, 3).await;
    assert!(
        matches!(record(&returned(&third, "不予办理")).await, OutcomeVerdict::Refused { code, .. } if code == "HUB-3104")
    );
    let mut foreign = third.clone();
    foreign.registry = OTHER.to_owned();
    assert!(
        matches!(record(&registered(&foreign, "B3")).await, OutcomeVerdict::Refused { code, .. } if code == "HUB-3005")
    );
    assert_eq!(db.state(&third).await, "in_flight");
    // A result of a taking that turned out void does not take effect with the receipt of the replay.
    let replayed = db.request(REGISTRY, 5).await;
    let set = async |state: &str, n: i32| {
        let sql = "UPDATE request SET state = $2, state_n = $3 WHERE request_id = $1";
        db.admin.execute(sql, &[&replayed.request_id, &state, &n]).await.unwrap();
    };
    set("undelivered", 2).await;
    assert_eq!(record(&registered(&replayed, "B5")).await, OutcomeVerdict::Early);
    assert!(matches!(&stamper.stamp(&[replayed.report()]).await.unwrap()[0], Verdict::Void { .. }));
    set("in_flight", 3).await;
    recorded(&stamper.stamp(&[replayed.report()]).await.unwrap()[0]);
    assert_eq!(db.state(&replayed).await, "delivered");
    assert_eq!(record(&registered(&replayed, "B6")).await, OutcomeVerdict::Effective);
    // What a registry decides about a request that was closed without a receipt is void.
    let closed = db.request(REGISTRY, 4).await;
    db.admin
        .execute(
            "UPDATE request SET state = 'closed', state_n = 3 WHERE request_id = $1",
            &[&closed.request_id],
        )
        .await
        .unwrap();
    let late = registered(&closed, "B4");
    for _ in 0..2 {
        assert!(matches!(record(&late).await, OutcomeVerdict::Void { code, .. } if code == "HUB-3003"));
    }
    assert_eq!(db.state(&closed).await, "closed");
    assert_eq!(db.number("SELECT count(*) FROM inv_event WHERE kind = 'dispute'").await, 3);
    db.finish().await;
}

/// The ledger and the logs cannot be altered under the hub's role, nor by a slip of the administrator (V16).
#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_cannot_be_altered() {
    let db = Database::new("receipt_guard").await;
    let stamper = Stamper::new(db.store.clone(), BOUND, support::rules());
    stamper.stamp(&[db.request(REGISTRY, 1).await.report()]).await.unwrap();
    let app = db.store.client().await.unwrap();
    for harm in [
        "UPDATE receipt SET delivered_at = now()",
        "DELETE FROM receipt",
        "TRUNCATE receipt",
        "UPDATE request_state SET state = 'closed'",
        "TRUNCATE event",
        "UPDATE request SET body = ''",
        "TRUNCATE audit",
        "UPDATE feedback SET seq = 2",
    ] {
        let refused = async |client: &tokio_postgres::Client| {
            let error = client.batch_execute(harm).await.expect_err(harm);
            assert_eq!(error.code().map(|c| c.code()), Some("42501"), "{harm}: {error}");
        };
        refused(&app).await;
        // What is worth a fence of its own holds even for the owner; a request's contents he may mend by hand.
        if !harm.starts_with("UPDATE request SET") {
            refused(&db.admin).await;
        }
    }
    drop(app);
    db.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn verification_names_the_first_bad_line() {
    let db = Database::new("receipt_verify").await;
    let folder = tempfile::tempdir().unwrap();
    let (key, witness) = (folder.path().join("ledger.pem"), folder.path().join("witness.jsonl"));
    keys::make_signing_key(&key).unwrap();
    let signer = HeadSigner::read(&key).unwrap();
    let stamper = Stamper::new(db.store.clone(), BOUND, support::rules());
    for unit in 1..=5 {
        stamper.stamp(&[db.request(REGISTRY, unit).await.report()]).await.unwrap();
    }
    assert_eq!(heads::sign_grown(&db.store, &signer, Some(&witness)).await.unwrap(), 1);
    assert_eq!(heads::sign_grown(&db.store, &signer, Some(&witness)).await.unwrap(), 0, "nothing grew");
    let check =
        async || verify::verify(&db.store, None, &signer, Some(&witness), |_| {}).await.unwrap().remove(0);
    let good = check().await;
    assert_eq!((good.receipts, good.wrong), (5, None));
    heads::compare(&db.store, Some(&witness)).await.unwrap();

    let harm = async |sql: &str| {
        db.admin
            .batch_execute(&format!(
                "SET session_replication_role = replica; {sql}; SET session_replication_role = origin"
            ))
            .await
            .unwrap();
    };
    // An edited line, and the same edit with its own hash made to fit.
    harm("UPDATE receipt SET delivered_at = delivered_at - interval '1 minute', recorded_at = recorded_at - interval '1 minute' WHERE no = 1").await;
    assert!(check().await.wrong.unwrap().contains("line 1 was changed"));
    harm("UPDATE receipt SET delivered_at = delivered_at + interval '1 minute', recorded_at = recorded_at + interval '1 minute' WHERE no = 1").await;
    assert_eq!(check().await.wrong, None);
    // A missing tail is found by the head, and by the witness when the head was mended too.
    harm("DELETE FROM receipt WHERE no = 5").await;
    assert!(check().await.wrong.unwrap().contains("the head says 5 lines"));
    harm("UPDATE ledger_head h SET size = 4, hash = r.hash, signed_size = NULL, signed_hash = NULL, signed_at = NULL, signature = NULL
          FROM receipt r WHERE r.no = 4 AND r.registry = h.registry").await;
    assert!(check().await.wrong.unwrap().contains("5 lines were witnessed"));
    assert!(matches!(
        heads::compare(&db.store, Some(&witness)).await,
        Err(heads::HeadError::Mismatch { size: 5, .. })
    ));
    drop(ledger::heads(&db.store.client().await.unwrap(), None).await.unwrap());
    db.finish().await;
}
