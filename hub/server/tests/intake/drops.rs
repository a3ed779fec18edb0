//! A34: clients that hang up at any moment leave everything or nothing.

use std::time::Duration;

use futures::{StreamExt, stream};
use serde_json::json;
use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    time::{Instant, sleep},
};

use super::support::Hub;

const DROPS: u64 = 2_000;
/// Clients at once.
const TOGETHER: usize = 8;

#[tokio::test]
async fn dropped_connections_leave_everything_or_nothing() {
    let hub = Hub::start("drops").await;
    let good = hub.good("court-a", "x").await;
    let address = hub.url.trim_start_matches("http://").to_owned();
    let body = |n: u64| {
        let mut body = good.clone();
        body["demand_id"] = json!(format!("drop-{n}"));
        body
    };
    let drop_one = async |n: u64| {
        let text = body(n).to_string();
        let head = format!(
            "POST /v1/demands HTTP/1.1\r\nhost: hub\r\nauthorization: Bearer token-court-a\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            text.len()
        );
        let mut stream = TcpStream::connect(&address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        // Not luck but the point of the test: the end comes at every moment of the handler's work, from 0 to 50 ms.
        let end = Instant::now() + Duration::from_micros(n % 200 * 250);
        while Instant::now() < end {
            sleep(Duration::from_micros(100)).await;
        }
        // Closing with unread data sends a reset, the rudest end there is.
        drop(stream);
    };
    stream::iter(0..DROPS).for_each_concurrent(TOGETHER, drop_one).await;
    hub.app.tracker.close();
    hub.app.tracker.wait().await;
    hub.app.tracker.reopen();
    for (name, query) in [
        (
            "request without state",
            "SELECT count(*) FROM request r WHERE NOT EXISTS (SELECT FROM request_state s WHERE s.request_id = r.request_id)",
        ),
        (
            "request without outbox",
            "SELECT count(*) FROM request r WHERE NOT EXISTS (SELECT FROM outbox o WHERE o.request_id = r.request_id)",
        ),
        (
            "demand without request",
            "SELECT count(*) FROM demand d WHERE NOT EXISTS (SELECT FROM request r WHERE r.sender = d.sender AND r.demand_id = d.demand_id)",
        ),
        (
            "lanes with gaps",
            "SELECT count(*) FROM (SELECT lane FROM request GROUP BY lane HAVING min(lane_seq) <> 1 OR max(lane_seq) <> count(*)) AS broken",
        ),
        (
            "open transactions",
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'",
        ),
    ] {
        assert_eq!(hub.count(query).await, 0, "{name}");
    }
    let accepted = hub.count("SELECT count(*) FROM demand").await;
    assert!(accepted > 0, "at least the late drops come after the commit");
    // Every retry is answered, and afterwards each demand is there once.
    let repeat = async |n: u64| {
        let status = hub.submit("court-a", &body(n)).await.status;
        assert!(status == 200 || status == 201, "{n}: {status}");
    };
    stream::iter(0..DROPS).for_each_concurrent(TOGETHER, repeat).await;
    let drops = i64::try_from(DROPS).unwrap();
    assert_eq!(hub.rows().await, [drops, drops, drops, drops, 1]);
}
