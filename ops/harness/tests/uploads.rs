//! What an upload leaves behind when the hub dies in it. Real programs.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use harness::wait::{self, Step};
use harness::world::{Papers, World};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

/// Longest wait for something that must happen; generous, as tests share few cores.
const SOON: Duration = Duration::from_secs(45);

fn incoming(world: &World) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(world.dir().join("documents/incoming")) else { return Vec::new() };
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// Begins to send a document and stops in the middle; the connection stays open.
async fn half_an_upload(world: &World) -> (TcpStream, PathBuf) {
    let before = incoming(world);
    let mut stream = TcpStream::connect(world.hub_base().trim_start_matches("http://")).await.unwrap();
    let head = format!(
        "PUT /v1/documents HTTP/1.1\r\nhost: hub\r\nauthorization: Bearer {}\r\ncontent-type: application/pdf\r\n\
         content-length: 2000000\r\n\r\n%PDF-1.7\n",
        world.caller("court-a").token()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![b' '; 600_000]).await.unwrap();
    let begun = wait::until("bytes in incoming/", SOON, async || {
        let new = incoming(world).into_iter().find(|path| !before.contains(path));
        match new.filter(|path| fs::metadata(path).is_ok_and(|about| about.len() > 0)) {
            Some(path) => Step::Done(path),
            None => Step::Again("nothing yet".to_owned()),
        }
    });
    (stream, begun.await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_died_in_an_upload_sweeps_it_away_and_no_other() {
    let world = World::builder("uploads").provinces(&["32"]).registries_each(1).start().await.unwrap();
    let (_dead, old) = half_an_upload(&world).await;
    let (_other, young) = half_an_upload(&world).await;
    world.hub.kill9();
    // A crash an hour ago; the other upload could still be under way in a hub that shares the folder.
    let hour_ago = SystemTime::now() - Duration::from_secs(3600);
    File::options().write(true).open(&old).unwrap().set_modified(hour_ago).unwrap();

    world.hub.restart().await.unwrap();
    wait::until("the sweep", SOON, async || !old.exists()).await.unwrap();
    assert!(young.exists(), "an upload that may live was touched");
    assert!(world.hub.log().contains("unfinished uploads were removed"));
    // Nobody can read half a document, and the court sends the whole one again.
    let papers = Papers::of_case("Uploads", 1);
    world.court("court-a").upload_all(&papers).await.unwrap();
    assert_eq!(incoming(&world), [young]);
    world.finish().await.unwrap();
}
