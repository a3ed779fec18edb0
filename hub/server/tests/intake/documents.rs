//! Documents: stored once by digest, read by whom they concern.

use reqwest::Method;
use serde_json::json;

use super::support::{Hub, PDF, answer, sha256};

#[tokio::test]
async fn uploads_are_checked_and_repeatable() {
    let hub = Hub::start("upload").await;
    let put = |query: &str, media_type: &'static str, bytes: &[u8]| {
        let request = hub.request("court-a", Method::PUT, &format!("/v1/documents{query}"));
        answer(request.header("content-type", media_type).body(bytes.to_vec()))
    };
    let stored = put("", "application/pdf", PDF).await;
    assert_eq!(stored.status, 201);
    assert_eq!(
        stored.body,
        json!({"sha256": sha256(PDF), "size": PDF.len(), "media_type": "application/pdf"})
    );
    assert_eq!(put(&format!("?sha256={}", sha256(PDF)), "application/pdf", PDF).await.status, 201);
    for (query, media_type, bytes, status, code) in [
        (format!("?sha256={}", "0".repeat(64)), "application/pdf", PDF.to_vec(), 422, "HUB-1307"),
        ("?sha256=x".to_owned(), "application/pdf", PDF.to_vec(), 400, "HUB-1403"),
        ("?sha=x".to_owned(), "application/pdf", PDF.to_vec(), 400, "HUB-1403"),
        (String::new(), "image/png", PDF.to_vec(), 422, "HUB-1308"),
        (String::new(), "text/html", PDF.to_vec(), 415, "HUB-1008"),
        (String::new(), "application/pdf", Vec::new(), 422, "HUB-1308"),
        (String::new(), "application/pdf", [PDF, &vec![b' '; 20_000]].concat(), 413, "HUB-1306"),
    ] {
        let refused = put(&query, media_type, &bytes).await;
        assert_eq!(
            (refused.status, refused.body["code"].as_str()),
            (status, Some(code)),
            "{query} {media_type}"
        );
    }
    // Without a length given in advance the limit holds too.
    let pieces = futures::stream::iter((0..1000).map(|_| Ok::<_, std::io::Error>(PDF.to_vec())));
    let request =
        hub.request("court-a", Method::PUT, "/v1/documents").header("content-type", "application/pdf");
    let endless = request.body(reqwest::Body::wrap_stream(pieces)).send().await;
    assert!(endless.is_ok_and(|answer| answer.status() == 413));
    assert_eq!(hub.count("SELECT count(*) FROM document").await, 1);
    assert_eq!(std::fs::read_dir(hub.dir.join("documents/incoming")).map_or(0, Iterator::count), 0);
}

#[tokio::test]
async fn documents_are_read_by_whom_they_concern() {
    let hub = Hub::start("access").await;
    let body = hub.good("court-a", "d-1").await;
    let path = format!("/v1/documents/{}", sha256(PDF));
    assert_eq!(hub.get("connector-11", &path).await.status, 404, "no demand names it yet");
    let accepted = hub.submit("court-a", &body).await;
    let id = accepted.body["requests"][0]["request_id"].as_str().unwrap().to_owned();
    let of_request = format!("{path}?request_id={id}");
    let foreign = format!("{path}?request_id=018f0000-0000-7000-8000-000000000000");
    for (who, path, status) in [
        ("court-a", &path, 200),
        ("operator", &path, 200),
        ("connector-11", &path, 200),
        ("connector-11", &of_request, 200),
        ("connector-11", &foreign, 404),
        ("connector-32", &of_request, 404),
        ("connector-32", &path, 404),
        ("court-b", &path, 404),
    ] {
        assert_eq!(hub.get(who, path).await.status, status, "{who} {path}");
    }
    let bytes = hub.request("connector-11", Method::GET, &of_request).send().await.unwrap();
    assert_eq!(bytes.headers()["content-type"], "application/pdf");
    assert_eq!(bytes.bytes().await.unwrap(), PDF);
    assert_eq!(hub.get("court-a", &format!("/v1/documents/{}", "0".repeat(64))).await.status, 404);
    assert_eq!(hub.get("court-a", "/v1/documents/..%2f..%2fhub.secret").await.status, 404);
}
