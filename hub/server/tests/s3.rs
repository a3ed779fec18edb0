//! The S3 document store against a real server that speaks S3; `ops/s3` starts one.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, stream};
use hub::documents::{Documents, StageError};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;
use xiezhi_schemas::message::Digest;

fn server() -> String {
    std::env::var("XIEZHI_TEST_S3_URL").expect("ops/s3 starts a server and says where it is")
}

/// A bucket of its own, and what can be seen of it without the store.
struct Bucket {
    name: String,
    documents: Documents,
}

fn open(bucket: &str) -> Documents {
    drop(rustls::crypto::ring::default_provider().install_default());
    let settings = format!(
        "store = 's3'\nroot = ''\nmax_document_bytes = 20000000\n\
         [s3]\nendpoint = '{}'\nregion = 'us-east-1'\nbucket = '{bucket}'\naccess_key = 'test'\nsecret_key = 'testtest'",
        server()
    );
    Documents::open(&toml::from_str(&settings).unwrap()).unwrap()
}

impl Bucket {
    async fn new() -> Self {
        let name = format!("documents-{}", Uuid::now_v7());
        let documents = open(&name);
        let made = reqwest::Client::new().put(format!("{}/{name}", server())).send().await.unwrap();
        assert!(made.status().is_success(), "{}", made.status());
        Self { name, documents }
    }

    /// Keys of all objects.
    async fn keys(&self) -> Vec<String> {
        let listed = reqwest::get(format!("{}/{}?list-type=2", server(), self.name)).await.unwrap();
        let text = listed.text().await.unwrap();
        let keys = text.split("<Key>").skip(1).map(|rest| rest.split("</Key>").next().unwrap().to_owned());
        keys.collect()
    }
}

fn pieces(bytes: &[u8]) -> impl Stream<Item = Result<Bytes, ()>> + Send + use<> {
    stream::iter(bytes.chunks(100_000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect::<Vec<_>>())
}

fn pdf(size: usize) -> Vec<u8> {
    let mut bytes = b"%PDF-1.7\n".to_vec();
    bytes.extend((0..size).map(|n| u8::try_from(n % 251).unwrap()));
    bytes
}

#[tokio::test]
async fn a_document_is_kept_once_under_its_digest_and_read_back_whole() {
    let bucket = Bucket::new().await;
    // The second is sent in several pieces, as S3 counts them.
    for bytes in [pdf(100), pdf(12_000_000)] {
        let before = bucket.keys().await.len();
        let staged = bucket.documents.stage("application/pdf", pieces(&bytes)).await.unwrap();
        assert_eq!(staged.sha256, Digest::of(&bytes));
        assert!(bucket.documents.get(&staged.sha256).await.unwrap().is_none(), "no name before it is kept");
        bucket.documents.keep(&staged).await.unwrap();
        let again = bucket.documents.stage("application/pdf", pieces(&bytes)).await.unwrap();
        bucket.documents.keep(&again).await.unwrap();
        let found = bucket.documents.get(&staged.sha256).await.unwrap().unwrap().bytes().await.unwrap();
        assert_eq!(hex::encode(Sha256::digest(&found)), staged.sha256.as_str());
        let keys = bucket.keys().await;
        assert_eq!(keys.len(), before + 1, "{keys:?}");
        assert!(keys.contains(&format!("sha256/{}/{}", &staged.sha256.as_str()[..2], staged.sha256)));
    }
    assert!(bucket.documents.get(&Digest::of(b"never stored")).await.unwrap().is_none());
}

#[tokio::test]
async fn refused_bytes_leave_nothing_and_leftovers_are_swept_away() {
    let bucket = Bucket::new().await;
    let html = b"<html>no document</html>";
    assert!(bucket.documents.stage("application/pdf", pieces(html)).await.is_err());
    let broken = stream::iter([Ok(Bytes::from(pdf(6_000_000))), Err(())]);
    assert!(matches!(bucket.documents.stage("application/pdf", broken).await, Err(StageError::Broken)));
    assert_eq!(bucket.keys().await, [""; 0]);

    // As a hub leaves it that dies between the upload and its name.
    let staged = bucket.documents.stage("application/pdf", pieces(&pdf(10))).await.unwrap();
    assert_eq!(bucket.documents.sweep(Duration::from_secs(3600)).await.unwrap(), 0);
    bucket.documents.discard(&staged).await;
    bucket.documents.stage("application/pdf", pieces(&pdf(11))).await.unwrap();
    // S3 tells whole seconds, so it may count as just written for a moment.
    harness::wait::until("the sweep", Duration::from_secs(10), async || {
        bucket.documents.sweep(Duration::ZERO).await.unwrap() == 1
    })
    .await
    .unwrap();
    assert_eq!(bucket.keys().await, [""; 0]);
}

#[tokio::test]
async fn a_missing_bucket_is_an_error_with_a_code_and_nothing_is_taken_for_stored() {
    let documents = open("no-such-bucket-was-made");
    match documents.stage("application/pdf", pieces(&pdf(10))).await {
        Err(StageError::Store(error)) => assert_eq!(error.code(), "HUB-1309"),
        other => panic!("{other:?}"),
    }
    assert!(documents.sweep(Duration::ZERO).await.is_err());
}
