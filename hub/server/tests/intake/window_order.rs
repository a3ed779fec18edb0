//! One line for all channels: late papers among receipts of the network, an announced outage, and what is registered already.

use std::time::Duration;

use hub::{
    channels::local,
    directory::{self, links},
    keys,
    ledger::{
        heads::HeadSigner,
        stamp::{Report, Stamper},
        verify,
    },
    store::local_links,
};
use jiff::{Timestamp, civil::Date};
use serde_json::{Value, json};
use uuid::Uuid;
use xiezhi_domain::workdays::day_of;
use xiezhi_schemas::message::{LocalReceiptMessage, LocalReceiptVerdict, Receipt, Verdict};

use super::{
    support::{Hub, PDF, demand},
    window::{ago, entry, kept, late},
};

/// Sends a demand by the network and stamps its receipt, as its connector would have it.
async fn by_network(hub: &Hub, number: &str) -> Uuid {
    let good = hub.good("court-a", number).await;
    let accepted = hub.submit("court-a", &good).await.body["requests"][0].clone();
    let request_id: Uuid = accepted["request_id"].as_str().unwrap().parse().unwrap();
    let client = hub.store.client().await.unwrap();
    let row = client
        .query_one("SELECT message_id FROM request WHERE request_id = $1", &[&request_id])
        .await
        .unwrap();
    let now = Timestamp::now();
    let receipt = Receipt {
        request_id,
        message_id: row.get(0),
        registry: "110105".parse().unwrap(),
        body_sha256: accepted["body_sha256"].as_str().unwrap().parse().unwrap(),
        attempt: 1,
        push_started_at: now,
        push_answered_at: now,
        local_reference: None,
        local_received_at: None,
        mapping: None,
    };
    let stamper = Stamper::new(hub.store.clone(), Duration::from_secs(1), super::support::rules());
    let verdicts = stamper.stamp(&[Report { connector: "test".to_owned(), receipt }]).await.unwrap();
    assert!(matches!(verdicts[0], Verdict::Recorded(_)), "{verdicts:?}");
    request_id
}

/// A report of the local system for the unit of the test demand.
fn local_report(number: &str, received_at: Timestamp) -> LocalReceiptMessage<Value> {
    let message = json!({"schema": "xiezhi.local-receipt.v1", "connector": "connector-11", "registry": "110105",
        "local": {"number": number, "received_at": received_at, "system": "虚构区点对点系统"}, "demand": demand("p2p")});
    serde_json::from_value(message).unwrap()
}

async fn report(hub: &Hub, message: LocalReceiptMessage<Value>) -> LocalReceiptVerdict {
    local::record(&hub.store, &hub.app.desk, &message.into_receipt()).await.unwrap()
}

/// The requests of the unit by (delivered_at, no), as the rule orders them.
async fn line(hub: &Hub) -> Vec<(Uuid, String)> {
    let client = hub.store.client().await.unwrap();
    let sql = "SELECT request_id, channel FROM inv_receipt ORDER BY delivered_at, no";
    client.query(sql, &[]).await.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// All invariants that hold at any moment, and the chain recomputed.
async fn assert_sound(hub: &Hub) {
    let client = hub.store.client().await.unwrap();
    let report =
        harness::invariants::snapshot(&client, &harness::invariants::Copies::default()).await.unwrap();
    assert!(report.is_clean(), "{report}");
    let key = hub.dir.join("verify.pem");
    if !key.exists() {
        keys::make_signing_key(&key).unwrap();
    }
    let signer = HeadSigner::read(&key).unwrap();
    let findings = verify::verify(&hub.store, None, &signer, None, |_| {}).await.unwrap();
    assert!(findings.iter().all(|finding| finding.wrong.is_none()), "{findings:?}");
}

/// A17: twenty late entries among receipts of the network and of the local link; whoever moved is named.
#[tokio::test(flavor = "multi_thread")]
async fn a17_late_papers_take_their_place_and_name_whom_they_moved() {
    let hub = Hub::start("window_a17").await;
    hub.upload("clerk-a", PDF).await;
    let mut received = Vec::new();
    for n in 0..20_i64 {
        if n % 4 == 0 {
            received.push(by_network(&hub, &format!("net-{n}")).await);
        }
        if n % 5 == 0 {
            let verdict = report(&hub, local_report(&format!("L-{n}"), ago(2000 + n))).await;
            let LocalReceiptVerdict::Recorded { requests } = verdict else { panic!("{verdict:?}") };
            received.push(requests[0].request_id);
        }
        // Not in the order of the hand-overs: every second one is older than all before it.
        let at = if n % 2 == 0 { ago(1000 + 10 * n) } else { ago(1000 - 10 * n) };
        let before = line(&hub).await;
        let entered = hub.enter("clerk-a", &late(&format!("w-{n}"), at)).await;
        assert_eq!(entered.body["status"], "pending", "{}", entered.body);
        let confirmed = hub.decide("clerk-b", &entered.body["entry_id"], "confirm").await;
        assert_eq!(confirmed.status, 200, "{}", confirmed.body);
        let request = &confirmed.body["requests"][0];
        let id: Uuid = request["request_id"].as_str().unwrap().parse().unwrap();
        let after = line(&hub).await;
        let place = after.iter().position(|(other, _)| *other == id).unwrap();
        let moved: Vec<Uuid> = request["moved"]
            .as_array()
            .unwrap()
            .iter()
            .map(|m| m["request_id"].as_str().unwrap().parse().unwrap())
            .collect();
        let behind: Vec<Uuid> = after[place + 1..].iter().map(|(other, _)| *other).collect();
        assert_eq!(moved, behind, "exactly those behind it moved");
        let others: Vec<_> = after.iter().filter(|(other, _)| *other != id).cloned().collect();
        assert_eq!(others, before, "among themselves they stay as they were");
        received.push(id);
    }
    assert_eq!(line(&hub).await.len(), received.len());
    assert!(hub.count("SELECT count(*) FROM event WHERE kind = 'order_changed'").await >= 10);
    assert_eq!(hub.count("SELECT count(*) FROM event WHERE kind = 'order_conflict'").await, 0);
    assert_sound(&hub).await;
}

/// R34: what is registered already is not reordered; people get an alarm.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_registered_stays_and_raises_an_alarm() {
    let hub = Hub::start("window_conflict").await;
    hub.upload("clerk-a", PDF).await;
    let first = hub.enter("clerk-a", &entry("w-1", ago(30))).await;
    let id = first.body["requests"][0]["request_id"].clone();
    let result = json!({"schema": "xiezhi.result.v1", "request_id": id, "registry": "110105", "registration": {
        "status": "formal", "business_number": "B-1", "registered_at": Timestamp::now(),
        "period_from": "2090-01-01", "period_to": "2092-12-31"}});
    assert_eq!(hub.post("clerk-a", "/v1/window/outcomes", &result).await.body["verdict"]["is"], "effective");
    // Within the grace, yet it would pass somebody: one person is not enough.
    let earlier = hub.enter("clerk-a", &entry("w-2", ago(60))).await;
    assert_eq!(
        (&earlier.body["status"], &earlier.body["second_because"]),
        (&json!("pending"), &json!("passes_others"))
    );
    let confirmed = hub.decide("operator", &earlier.body["entry_id"], "confirm").await;
    assert_eq!(confirmed.body["requests"][0]["moved"][0]["state"], "registered", "{}", confirmed.body);
    let alarm = "SELECT count(*) FROM event WHERE kind = 'order_conflict' AND detail ->> 'rule' = 'R53'";
    assert_eq!(hub.count(alarm).await, 1);
    let shown = hub.get("operator", &format!("/v1/demands/{}", id.as_str().unwrap())).await;
    assert_eq!(shown.body["requests"][0]["state"], "registered", "nothing is reordered");
    assert_sound(&hub).await;
}

/// R34, R53: what the courts must settle is on record at once, with its evidence, once for each late receipt; nobody is moved
/// in the register, and the courts of the network learn it.
#[tokio::test(flavor = "multi_thread")]
async fn r53_a_late_receipt_before_registered_ones_opens_a_dispute() {
    let hub = Hub::start("window_dispute").await;
    hub.upload("clerk-a", PDF).await;
    let first = by_network(&hub, "net-1").await;
    let second = by_network(&hub, "net-2").await;
    let disputes = "SELECT count(*) FROM inv_dispute WHERE cause = 'late_receipt' AND opened_by = 'hub'";
    // Before anything is registered a late entry moves others and conflicts with nothing.
    let entered = hub.enter("clerk-a", &late("w-0", ago(3600))).await;
    assert_eq!(hub.decide("clerk-b", &entered.body["entry_id"], "confirm").await.status, 200);
    assert_eq!(hub.count(disputes).await, 0);
    let result = json!({"schema": "xiezhi.result.v1", "request_id": first, "registry": "110105", "registration": {
        "status": "formal", "business_number": "B-1", "registered_at": Timestamp::now(),
        "period_from": "2090-01-01", "period_to": "2092-12-31"}});
    let result = serde_json::from_value(result).unwrap();
    hub::outcomes::record(&hub.store, &super::support::rules(), &super::support::timers(), &[result])
        .await
        .unwrap();

    let mut earlier = late("w-1", ago(7200));
    earlier["demand"]["court"]["code"] = json!("沪0115");
    earlier["demand"]["case_number"] = json!("（2024）沪0115执77号");
    let entered = hub.enter("clerk-a", &earlier).await;
    assert_eq!(hub.count(disputes).await, 0, "an entry that waits for a second person is no receipt");
    let confirmed = hub.decide("clerk-b", &entered.body["entry_id"], "confirm").await;
    let newcomer = confirmed.body["requests"][0]["request_id"].clone();
    assert_eq!(hub.count(disputes).await, 1, "{}", confirmed.body);
    let page = hub.get("court-a", "/v1/disputes?cause=late_receipt&open=true").await.body;
    let dispute = &page["items"][0];
    assert_eq!(dispute["superior"], json!({"is": "court", "code": "最高法"}));
    let courts: Vec<_> =
        dispute["parties"].as_array().unwrap().iter().map(|p| p["court_code"].as_str().unwrap()).collect();
    assert_eq!(courts, ["沪0115", "京0105", "京0105", "京0105"]);
    assert_eq!(dispute["entries"][0]["actor"], "hub");

    // The evidence was frozen with the receipt and the alarm in it; its digest stands in the audit.
    let id = dispute["dispute_id"].as_str().unwrap();
    let evidence = hub.get("operator", &format!("/v1/disputes/{id}/evidence")).await.body;
    let late_one = evidence["requests"].as_array().unwrap().iter().find(|r| r["request_id"] == newcomer);
    let late_one = late_one.unwrap();
    assert_eq!(
        (&late_one["state"], &late_one["receipt"]["channel"]),
        (&json!("delivered"), &json!("window"))
    );
    let alarm =
        late_one["events"].as_array().unwrap().iter().find(|e| e["kind"] == "order_conflict").unwrap();
    assert_eq!(
        (&alarm["detail"]["dispute_id"], &alarm["detail"]["registered"]),
        (&json!(id), &json!([first]))
    );
    let audited =
        format!("SELECT count(*) FROM audit WHERE object LIKE 'dispute {id} evidence %' AND actor = 'hub'");
    assert_eq!(hub.count(&audited).await, 1);

    let issue = "SELECT count(*) FROM inv_issue WHERE cause = 'order_conflict' AND closed_at IS NULL";
    assert_eq!(hub.count(issue).await, 1, "the province has an issue of it");

    // Each demand of the network is told, with its place by receipt; those of the window are answered on paper.
    let feed = hub.get("court-a", "/v1/feedback?after=0&limit=100").await.body;
    let told: Vec<(&Value, &Value)> = feed["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|e| e["body"]["event"] == "dispute_opened" && e["body"]["dispute_id"] == id)
        .map(|e| (&e["request_id"], &e["body"]["place"]))
        .collect();
    let (first_id, second_id) = (json!(first), json!(second));
    assert_eq!(told, [(&first_id, &json!(3)), (&second_id, &json!(4))]);
    assert_eq!(hub.count("SELECT count(*) FROM feedback WHERE body ->> 'event' = 'dispute_opened'").await, 2);
    let shown = hub.get("court-a", &format!("/v1/demands/{first}")).await.body;
    assert_eq!(shown["requests"][0]["state"], "registered", "nothing is reordered");

    // The local link's report conflicts as well: a dispute of its own; repeated it opens none.
    let at = kept(ago(9000));
    assert!(matches!(report(&hub, local_report("L-1", at)).await, LocalReceiptVerdict::Recorded { .. }));
    assert_eq!(hub.count(disputes).await, 2);
    assert!(matches!(report(&hub, local_report("L-1", at)).await, LocalReceiptVerdict::Repeated { .. }));
    assert_eq!(hub.count(disputes).await, 2);
    assert_sound(&hub).await;
}

/// R66, the drill: announce, serve at the window, end, and everything stands in one line.
#[tokio::test(flavor = "multi_thread")]
async fn r66_what_the_window_took_during_an_outage_merges_into_the_order() {
    let hub = Hub::start("window_outage").await;
    hub.upload("clerk-a", PDF).await;
    let before = by_network(&hub, "net-before").await;
    // Three days without the network; papers were handed over on the first.
    let [began, first, second] = [ago(3 * 86_400), ago(3 * 86_400 - 600), ago(2 * 86_400)];
    let too_old = hub.enter("clerk-a", &late("w-1", first)).await;
    assert_eq!(too_old.body["code"], "HUB-3252", "no outage is announced yet");
    let announce = |began: Timestamp| json!({"registry": "110105", "began_at": began, "reason": "the line to the province is cut"});
    assert_eq!(hub.post("clerk-a", "/v1/outages", &announce(began)).await.status, 403);
    assert_eq!(hub.post("operator", "/v1/outages", &announce(ago(-60))).await.body["code"], "HUB-3259");
    let outage = hub.post("operator", "/v1/outages", &announce(began)).await;
    assert_eq!(outage.status, 201, "{}", outage.body);
    let outage_id = outage.body["outage_id"].as_str().unwrap();
    // Entered in the wrong order, by the clerk who finds the second slip first.
    let mut requests = Vec::new();
    for (number, at) in [("w-2", second), ("w-1", first)] {
        let entered = hub.enter("clerk-a", &late(number, at)).await;
        let confirmed = hub.decide("clerk-b", &entered.body["entry_id"], "confirm").await;
        assert_eq!(confirmed.body["outage_id"], outage_id, "{}", confirmed.body);
        assert_eq!(confirmed.body["bound_secs"], 604_800);
        requests.push(confirmed.body["requests"][0]["request_id"].as_str().unwrap().to_owned());
    }
    let path = format!("/v1/outages/{outage_id}/end");
    let ended =
        hub.post("operator", &path, &json!({"ended_at": ago(86_400), "reason": "the line is back"})).await;
    assert_eq!(ended.status, 200, "{}", ended.body);
    assert_eq!(hub.post("operator", &path, &json!({"reason": "once more"})).await.body["code"], "HUB-3259");
    // Handed over after the end: the ordinary bound applies again.
    let after = hub.enter("clerk-a", &late("w-3", ago(86_390))).await;
    assert_eq!(after.body["status"], "pending", "{}", after.body);
    let report = hub.get("operator", &format!("/v1/outages/{outage_id}/report")).await.body;
    let order: Vec<_> =
        report["items"].as_array().unwrap().iter().map(|item| item["request_id"].as_str().unwrap()).collect();
    assert_eq!(order, [requests[1].as_str(), &requests[0], &before.to_string()], "{report}");
    let page = hub.get("operator", &format!("/v1/outages/{outage_id}/report?limit=2")).await.body;
    let rest = hub
        .get("operator", &format!("/v1/outages/{outage_id}/report?cursor={}", page["next"].as_str().unwrap()))
        .await
        .body;
    assert_eq!(rest["items"].as_array().unwrap().len(), 1);
    assert_eq!(hub.get("court-a", "/v1/outages?open=true").await.body["items"], json!([]));
    for action in ["outage.announce", "outage.end"] {
        let found = format!("SELECT count(*) FROM audit WHERE action = '{action}'");
        assert_eq!(hub.count(&found).await, 1, "{action}");
    }
    assert_sound(&hub).await;
}

/// R40: the local link's reports are idempotent, bounded, checked by the same list, and a contradiction changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn r40_local_receipts_follow_the_same_rule() {
    let hub = Hub::start("p2p_rules").await;
    let at = ago(100);
    let verdict = report(&hub, local_report("L-1", at)).await;
    let LocalReceiptVerdict::Recorded { requests } = &verdict else { panic!("{verdict:?}") };
    assert_eq!((requests[0].stamp.no, requests[0].stamp.delivered_at), (1, kept(at)));
    let again = report(&hub, local_report("L-1", at)).await;
    assert_eq!(again, LocalReceiptVerdict::Repeated { requests: requests.clone() });
    assert_eq!(report(&hub, local_report("L-1", ago(50))).await, LocalReceiptVerdict::Disputed);
    assert_eq!(hub.count("SELECT count(*) FROM event WHERE kind = 'local_receipt_disputed'").await, 1);
    let refused = |verdict: LocalReceiptVerdict| match verdict {
        LocalReceiptVerdict::Refused { code, .. } => code,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(report(&hub, local_report("L-2", ago(86_500))).await), "HUB-3261");
    assert_eq!(refused(report(&hub, local_report("L-2", ago(-3600))).await), "HUB-3261");
    let mut incomplete = local_report("L-3", at).into_receipt();
    incomplete.demand["period"] = Value::Null;
    incomplete.demand["contact"] = Value::Null;
    assert_eq!(refused(local::record(&hub.store, &hub.app.desk, &incomplete).await.unwrap()), "HUB-3262");
    // Corrected under the same number it is taken; a unit of another registry is not.
    assert!(matches!(report(&hub, local_report("L-3", at)).await, LocalReceiptVerdict::Recorded { .. }));
    let mut elsewhere = local_report("L-4", at).into_receipt();
    elsewhere.registry = "320102".parse().unwrap();
    assert_eq!(refused(local::record(&hub.store, &hub.app.desk, &elsewhere).await.unwrap()), "HUB-3253");
    // Equal instants: the number of the receipt decides.
    let order = line(&hub).await;
    assert_eq!(order.len(), 2);
    assert_eq!(order[0].0, requests[0].request_id);
    let shown = hub.get("operator", &format!("/v1/demands/{}", requests[0].request_id)).await.body;
    assert_eq!(
        (&shown["sender"], &shown["requests"][0]["receipt"]["channel"]),
        (&json!("京0105"), &json!("p2p"))
    );
    assert_sound(&hub).await;
}

/// R5: a demand over the local link becomes the same record as one of the network, apart from where it came from; from the day
/// on which its province moves to the network it is refused, by the instant at which it was served.
#[tokio::test(flavor = "multi_thread")]
async fn r5_the_same_record_until_the_province_has_moved() {
    let hub = Hub::start("p2p_moved").await;
    let network = by_network(&hub, "net").await;
    let at = ago(100);
    let LocalReceiptVerdict::Recorded { requests } = report(&hub, local_report("L-1", at)).await else {
        panic!("not recorded")
    };
    let client = hub.store.client().await.unwrap();
    let record = async |id: Uuid| {
        let sql = "SELECT jsonb_build_object('kind', kind, 'court', court_code, 'case', case_number, 'judgment', judgment_number,
                   'original', original_case_number, 'unit', unit_key, 'registry', registry, 'lane', lane, 'state', state)
                   FROM request WHERE request_id = $1";
        client.query_one(sql, &[&id]).await.unwrap().get::<_, Value>(0)
    };
    assert_eq!(record(requests[0].request_id).await, record(network).await);

    let province = "11".parse().unwrap();
    let today = directory::today();
    let reason = "全省已接入总对总，停用点对点";
    let decide = async |day, reason| links::decide(&hub.store, &province, day, "host:test", reason).await;
    for (day, reason) in
        [(today, reason), (today.yesterday().unwrap(), reason), (today.tomorrow().unwrap(), "no")]
    {
        assert_eq!(decide(Some(day), reason).await.unwrap_err().code(), "HUB-1035", "{day} {reason}");
    }
    let nowhere = links::decide(&hub.store, &"99".parse().unwrap(), None, "host:test", reason).await;
    assert_eq!(nowhere.unwrap_err().code(), "HUB-1035");
    decide(Some(today.tomorrow().unwrap()), reason).await.unwrap();
    let audited = "SELECT count(*) FROM audit WHERE action = 'province.link' AND object LIKE 'province 11 closed from %'";
    assert_eq!(hub.count(audited).await, 1, "what was refused is no deed");

    // The day that was decided comes, a day before what was served and the same day.
    let served = ago(90);
    let served_on = day_of(served);
    let close = async |from: Date| {
        let mut client = hub.store.client().await.unwrap();
        let tx = client.transaction().await.unwrap();
        local_links::insert(&tx, &province, Some(from), "host:test", reason).await.unwrap();
        tx.commit().await.unwrap();
    };
    close(served_on.tomorrow().unwrap()).await;
    assert!(matches!(report(&hub, local_report("L-2", served)).await, LocalReceiptVerdict::Recorded { .. }));
    let events = "SELECT count(*) FROM event WHERE kind = 'link_closed' AND detail ->> 'code' = 'HUB-3264' AND request_id IS NOT NULL";
    assert_eq!(hub.count(events).await, 0);
    close(served_on).await;
    // The registry did receive it, and nobody may lose a rank by a switch: people are told to end the link.
    let received = report(&hub, local_report("L-3", served)).await;
    let LocalReceiptVerdict::Recorded { requests } = &received else { panic!("{received:?}") };
    assert_eq!(requests[0].stamp.delivered_at, kept(served));
    assert_eq!(hub.count(events).await, 1);
    // What has its receipt keeps it, and other provinces are not concerned.
    assert!(matches!(report(&hub, local_report("L-1", at)).await, LocalReceiptVerdict::Repeated { .. }));
    let all = local_links::list(&client).await.unwrap();
    let closed: Vec<_> =
        all.iter().filter(|one| one.closed_from.is_some()).map(|one| one.province.to_string()).collect();
    assert_eq!(closed, ["11"]);
    decide(None, "the network of the province is not ready").await.unwrap();
    assert!(matches!(report(&hub, local_report("L-4", served)).await, LocalReceiptVerdict::Recorded { .. }));
    assert_sound(&hub).await;
}
