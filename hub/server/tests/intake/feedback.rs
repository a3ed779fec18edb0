//! Feedback: numbered without gaps, pushed or polled, each court its own.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, http::StatusCode, routing::post};
use harness::wait::until;
use hub::{
    feedback::webhook::sign,
    store::feedback::{NewFeedback, append},
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{net::TcpListener, time::Instant};
use uuid::Uuid;
use xiezhi_schemas::message::FeedbackBody;

use super::support::{Hub, answer};

async fn accepted(hub: &Hub, who: &str, demand_id: &str) -> Uuid {
    let body = hub.good(who, demand_id).await;
    let accepted = hub.submit(who, &body).await;
    accepted.body["requests"][0]["request_id"].as_str().unwrap().parse().unwrap()
}

fn replayed(request_id: Uuid, attempt: u32) -> NewFeedback {
    NewFeedback { request_id, body: FeedbackBody::Replayed { attempt } }
}

async fn write(hub: &Hub, events: &[NewFeedback]) {
    let mut client = hub.store.client().await.unwrap();
    let tx = client.transaction().await.unwrap();
    append(&tx, events).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn streams_are_numbered_without_gaps_whoever_writes() {
    let hub = Hub::start("stream").await;
    let (a, b) = (accepted(&hub, "court-a", "d-1").await, accepted(&hub, "court-b", "d-1").await);
    let batches = (0..20_u32).map(|n| {
        let hub = &hub;
        async move {
            let mixed: Vec<_> =
                (0..10).map(|m| replayed(if (n + m) % 2 == 0 { a } else { b }, n * 10 + m)).collect();
            write(hub, &mixed).await;
        }
    });
    futures::future::join_all(batches).await;
    for who in ["court-a", "court-b"] {
        let page = hub.get(who, "/v1/feedback?limit=1000").await;
        let seqs: Vec<i64> =
            page.body["items"].as_array().unwrap().iter().map(|e| e["seq"].as_i64().unwrap()).collect();
        assert_eq!(seqs, (1..=100).collect::<Vec<_>>());
        assert_eq!(page.body["next"], 100);
    }
    // In a batch, the order given is the order of the stream.
    let page = hub.get("court-a", "/v1/feedback?after=0&limit=5").await;
    let attempts: Vec<i64> = page.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["body"]["attempt"].as_i64().unwrap())
        .collect();
    assert!(attempts.is_sorted(), "{attempts:?}");
    // An unknown request fails the transaction, it is not skipped.
    let mut client = hub.store.client().await.unwrap();
    let tx = client.transaction().await.unwrap();
    assert!(append(&tx, &[replayed(a, 1), replayed(Uuid::nil(), 1)]).await.is_err());
    for query in ["?after=-1", "?limit=0", "?limit=1001", "?wait_secs=31", "?afer=1", "?after=1&after=2"] {
        assert_eq!(hub.get("court-a", &format!("/v1/feedback{query}")).await.status, 400, "{query}");
    }
}

#[tokio::test]
async fn a_long_poll_wakes_with_the_event_and_no_sooner() {
    let hub = Hub::start("poll").await;
    let (a, b) = (accepted(&hub, "court-a", "d-1").await, accepted(&hub, "court-b", "d-1").await);
    let begun = Instant::now();
    let empty = hub.get("court-a", "/v1/feedback?wait_secs=1").await;
    assert!(begun.elapsed() >= Duration::from_secs(1));
    assert_eq!(empty.body, json!({"items": [], "next": 0}));
    let poll = async {
        let begun = Instant::now();
        let woken = hub.get("court-a", "/v1/feedback?wait_secs=30").await;
        (woken, begun.elapsed(), Instant::now())
    };
    let writes = async {
        // The other court's news do not end this court's poll.
        write(&hub, &[replayed(b, 2)]).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        write(&hub, &[replayed(a, 2)]).await;
        Instant::now()
    };
    let ((woken, after, woke), written) = tokio::join!(poll, writes);
    assert_eq!(woken.body["items"][0]["seq"], 1);
    assert_eq!(woken.body["items"][0]["body"], json!({"event": "replayed", "attempt": 2}));
    // Woken by the notification, long before the look that comes anyway every three seconds.
    let late = woke.saturating_duration_since(written);
    assert!(after >= Duration::from_millis(300) && late < Duration::from_secs(2), "{after:?}, {late:?}");
    // A stop of the hub ends polls at once.
    let begun = Instant::now();
    let stop = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        hub.app.stopping.cancel();
    };
    let (ended, ()) = tokio::join!(hub.get("court-a", "/v1/feedback?after=1&wait_secs=30"), stop);
    assert_eq!(ended.status, 200);
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[derive(Default)]
struct Receiver {
    posts: Mutex<Vec<(HeaderMap, Bytes)>>,
    failures_left: Mutex<u32>,
}

async fn receive(State(receiver): State<Arc<Receiver>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let mut left = receiver.failures_left.lock().unwrap();
    if *left > 0 {
        *left -= 1;
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    receiver.posts.lock().unwrap().push((headers, body));
    StatusCode::NO_CONTENT
}

#[tokio::test]
async fn a_webhook_gets_every_event_in_order_and_signed() {
    let hub = Hub::start("webhook").await;
    let request = accepted(&hub, "court-a", "d-1").await;
    let receiver = Arc::new(Receiver { failures_left: Mutex::new(1), ..Receiver::default() });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let router = Router::new().route("/hook", post(receive)).with_state(receiver.clone());
    hub.app.tracker.spawn(async move { axum::serve(listener, router).await });
    let put = |url: &str| {
        answer(hub.request("court-a", Method::PUT, "/v1/webhook").body(json!({ "url": url }).to_string()))
    };
    for bad in ["http://court.example/", "ftp://127.0.0.1/", "https://a:b@court.example/", "x"] {
        assert_eq!(put(bad).await.status, 422, "{bad}");
    }
    assert_eq!(hub.get("court-a", "/v1/webhook").await.status, 404);
    assert_eq!(put(&url).await.status, 200);
    for attempt in 2..12 {
        write(&hub, &[replayed(request, attempt)]).await;
    }
    until("all events", Duration::from_secs(20), async || {
        let state = hub.get("court-a", "/v1/webhook").await.body;
        (state["delivered_seq"] == 10 && state["failures"] == 0).then_some(()).ok_or(state)
    })
    .await
    .unwrap();
    let posts = receiver.posts.lock().unwrap().clone();
    let mut seqs = Vec::new();
    let key = hex::decode(hub.app.secret.webhook_secret("court-a")).unwrap();
    for (headers, body) in &posts {
        let text = |name: &str| headers[name].to_str().unwrap();
        let expected = sign(&key, text("webhook-id"), text("webhook-timestamp").parse().unwrap(), body);
        assert_eq!(text("webhook-signature"), expected);
        let post: Value = serde_json::from_slice(body).unwrap();
        assert_eq!(post["sender"], "court-a");
        seqs.extend(post["events"].as_array().unwrap().iter().map(|e| e["seq"].as_i64().unwrap()));
    }
    assert_eq!(seqs, (1..=10).collect::<Vec<_>>());
    let delete = || answer(hub.request("court-a", Method::DELETE, "/v1/webhook"));
    assert_eq!(delete().await.status, 204);
    assert_eq!(delete().await.status, 404);
    assert_eq!(hub.get("court-b", "/v1/webhook").await.status, 404);
}
