#![allow(clippy::unwrap_used, reason = "a test may panic")]
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

const SOON: Duration = Duration::from_secs(10);
/// Long enough for what would pass to have passed.
const MOMENT: Duration = Duration::from_millis(200);

/// A client and a server with the proxy between them, past AMQP's opening.
struct Pair {
    proxy: Proxy,
    client: TcpStream,
    server: TcpStream,
}

impl Pair {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let proxy = Proxy::start(Protocol::Amqp, &format!("amqp://a:b@{address}/x")).await.unwrap();
        assert_eq!(proxy.url(), format!("amqp://a:b@127.0.0.1:{}/x", proxy.address.port()));
        let client = TcpStream::connect(proxy.address).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        let mut pair = Self { proxy, client, server };
        pair.client.write_all(b"AMQP\0\0\x09\x01").await.unwrap();
        assert_eq!(read(&mut pair.server, 8).await, b"AMQP\0\0\x09\x01");
        pair
    }
}

/// basic.ack with a delivery tag.
fn ack(tag: u8) -> Vec<u8> {
    vec![1, 0, 1, 0, 0, 0, 13, 0, 60, 0, 80, 0, 0, 0, 0, 0, 0, 0, tag, 0, 0xCE]
}

async fn read(stream: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    tokio::time::timeout(SOON, stream.read_exact(&mut bytes)).await.unwrap().unwrap();
    bytes
}

/// Whether the stream ended, in order or by a reset.
async fn ended(stream: &mut TcpStream) -> bool {
    !matches!(tokio::time::timeout(SOON, stream.read(&mut [0])).await.unwrap(), Ok(1..))
}

async fn silent(stream: &mut TcpStream) -> bool {
    tokio::time::timeout(MOMENT, stream.read(&mut [0])).await.is_err()
}

#[tokio::test]
async fn a_lost_confirm_is_lost_and_the_next_arrives() {
    let mut pair = Pair::new().await;
    let lost = pair.proxy.arm(Rule::new(Frame::Confirm, Deed::Lose).nth(2));
    let acks = pair.proxy.arm(Rule::new(Frame::Ack, Deed::Watch).times(9));
    for tag in [1, 2, 3] {
        pair.server.write_all(&ack(tag)).await.unwrap();
    }
    assert_eq!(read(&mut pair.client, 42).await, [ack(1), ack(3)].concat());
    lost.sprung(SOON).await.unwrap();
    assert_eq!((lost.strikes().len(), acks.strikes().len()), (1, 0));
}

#[tokio::test]
async fn a_cut_before_a_message_swallows_it() {
    let mut pair = Pair::new().await;
    let cut = pair.proxy.arm(Rule::new(Frame::Ack, Deed::CutBefore));
    pair.client.write_all(&ack(1)).await.unwrap();
    assert!(ended(&mut pair.server).await && ended(&mut pair.client).await);
    cut.sprung(SOON).await.unwrap();
}

#[tokio::test]
async fn a_cut_after_a_message_lets_it_pass() {
    let mut pair = Pair::new().await;
    let cut = pair.proxy.arm(Rule::new(Frame::Ack, Deed::CutAfter).containing("\x02"));
    pair.client.write_all(&[ack(1), ack(2), ack(3)].concat()).await.unwrap();
    assert_eq!(read(&mut pair.server, 42).await, [ack(1), ack(2)].concat());
    assert!(ended(&mut pair.server).await && ended(&mut pair.client).await);
    cut.sprung(SOON).await.unwrap();
}

#[tokio::test]
async fn silence_loses_nothing_and_says_nothing() {
    let mut pair = Pair::new().await;
    pair.proxy.silence(&[Way::Up]);
    pair.client.write_all(&ack(1)).await.unwrap();
    pair.server.write_all(&ack(2)).await.unwrap();
    assert_eq!(read(&mut pair.client, 21).await, ack(2), "only one way is silent");
    assert!(silent(&mut pair.server).await);
    pair.proxy.clear();
    assert_eq!(read(&mut pair.server, 21).await, ack(1));
    // The end of a side is not heard through it either.
    pair.proxy.silence(&[Way::Up, Way::Down]);
    drop(pair.client);
    assert!(silent(&mut pair.server).await);
    pair.proxy.cut();
    assert!(ended(&mut pair.server).await);
}

#[tokio::test]
async fn a_held_link_is_silent_and_others_are_not() {
    let mut pair = Pair::new().await;
    let held = pair.proxy.arm(Rule::new(Frame::Ack, Deed::Hold));
    pair.client.write_all(&ack(1)).await.unwrap();
    held.sprung(SOON).await.unwrap();
    pair.server.write_all(&ack(2)).await.unwrap();
    assert!(silent(&mut pair.server).await && silent(&mut pair.client).await);
    pair.proxy.clear();
    assert_eq!(read(&mut pair.server, 21).await, ack(1));
    assert_eq!(read(&mut pair.client, 21).await, ack(2));
}

#[tokio::test]
async fn a_half_closed_link_ends_for_the_server_alone() {
    let mut pair = Pair::new().await;
    let half = pair.proxy.arm(Rule::new(Frame::Ack, Deed::HalfClose));
    pair.client.write_all(&ack(1)).await.unwrap();
    assert!(ended(&mut pair.server).await);
    half.sprung(SOON).await.unwrap();
    drop(pair.server);
    assert!(silent(&mut pair.client).await);
    pair.proxy.clear();
    assert!(ended(&mut pair.client).await);
}

#[tokio::test]
async fn everything_comes_later_through_a_slow_link() {
    let mut pair = Pair::new().await;
    pair.proxy.delay(MOMENT);
    let begun = std::time::Instant::now();
    pair.client.write_all(&ack(1)).await.unwrap();
    assert_eq!(read(&mut pair.server, 21).await, ack(1));
    assert!(begun.elapsed() >= MOMENT);
}

#[tokio::test]
#[should_panic(expected = "never struck")]
async fn a_fault_that_did_not_fire_fails_the_test() {
    let pair = Pair::new().await;
    drop(pair.proxy.arm(Rule::new(Frame::Publish, Deed::CutBefore)));
}

#[tokio::test]
#[should_panic(expected = "did not understand")]
async fn a_stream_that_is_not_understood_fails_the_test() {
    let mut pair = Pair::new().await;
    pair.client.write_all(b"\x01\0\0\0\0\0\0nonsense").await.unwrap();
    assert!(ended(&mut pair.server).await);
}
