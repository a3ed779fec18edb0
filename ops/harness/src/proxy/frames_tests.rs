#![allow(clippy::unwrap_used, reason = "a test may panic")]
use super::*;

fn postgres(tag: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len() + 4).unwrap().to_be_bytes();
    [&[tag][..], &length, payload].concat()
}

fn startup() -> Vec<u8> {
    let payload = b"\0\x03\0\0user\0xiezhi\0application_name\0xiezhi-hub\0\0";
    [&u32::try_from(payload.len() + 4).unwrap().to_be_bytes()[..], payload].concat()
}

fn amqp(kind: u8, channel: u8, payload: &[u8]) -> Vec<u8> {
    let size = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&[kind, 0, channel][..], &size, payload, &[0xCE]].concat()
}

/// basic.publish or basic.deliver, its header, and its body in portions.
fn content(method: u8, channel: u8, portions: &[&[u8]]) -> Vec<Vec<u8>> {
    let size = portions.iter().map(|portion| portion.len() as u64).sum::<u64>().to_be_bytes();
    let mut frames = vec![
        amqp(1, channel, &[0, 60, 0, method, 0, 0, 5, b'c', b'o', b'u', b'r', b't']),
        amqp(2, channel, &[&[0, 60, 0, 0][..], &size, &[0, 0]].concat()),
    ];
    frames.extend(portions.iter().map(|portion| amqp(3, channel, portion)));
    frames
}

/// Everything that comes of these bytes when they arrive in portions of `portion`.
fn split(protocol: Protocol, way: Way, bytes: &[u8], portion: usize) -> Vec<Message> {
    let mut splitter = Splitter::new(protocol, way);
    let mut messages = Vec::new();
    for part in bytes.chunks(portion) {
        splitter.push(part);
        while let Some(message) = splitter.next().unwrap() {
            messages.push(message);
        }
    }
    assert!(splitter.waiting.is_empty() && splitter.contents.is_empty(), "something is left");
    messages
}

/// The frames of a stream, which must be the same however it is torn, and give back every byte.
fn frames(protocol: Protocol, way: Way, bytes: &[u8]) -> Vec<(Frame, Option<String>)> {
    let whole = split(protocol, way, bytes, bytes.len());
    for portion in [1, 2, 3, 5, 7, 8, 11, 64] {
        assert_eq!(split(protocol, way, bytes, portion), whole, "torn into portions of {portion}");
    }
    whole.into_iter().map(|message| (message.frame, message.sql)).collect()
}

#[test]
fn statements_and_commits_of_postgres_are_named() {
    let stream = [
        startup(),
        postgres(b'Q', b"START TRANSACTION\0"),
        postgres(b'P', b"s1\0INSERT INTO receipt VALUES ($1)\0\0\0"),
        postgres(b'B', b"\0s1\0\0\0\0\0\0\0"),
        postgres(b'E', b"\0\0\0\0\0"),
        postgres(b'S', b""),
        postgres(b'Q', b"COMMIT\0"),
        postgres(b'P', b"s2\0commit;\0\0\0"),
        postgres(b'X', b""),
    ]
    .concat();
    let named = frames(Protocol::Postgres, Way::Up, &stream);
    let insert = Some("INSERT INTO receipt VALUES ($1)".to_owned());
    let begin = Some("START TRANSACTION".to_owned());
    let other = (Frame::Other, None);
    assert_eq!(
        named,
        [
            other.clone(),
            (Frame::Statement, begin),
            other.clone(),
            (Frame::Statement, insert),
            other.clone(),
            other.clone(),
            (Frame::Commit, None),
            (Frame::Commit, None),
            other,
        ]
    );
}

#[test]
fn only_the_end_of_a_commit_is_committed() {
    let stream =
        [postgres(b'C', b"INSERT 0 1\0"), postgres(b'C', b"COMMIT\0"), postgres(b'Z', b"I")].concat();
    let named: Vec<Frame> = frames(Protocol::Postgres, Way::Down, &stream).into_iter().map(|f| f.0).collect();
    assert_eq!(named, [Frame::Other, Frame::Committed, Frame::Other]);
    // A transaction that failed ends with ROLLBACK although COMMIT was asked for.
    assert_eq!(frames(Protocol::Postgres, Way::Down, &postgres(b'C', b"ROLLBACK\0")), [(Frame::Other, None)]);
}

#[test]
fn a_method_of_amqp_comes_with_its_content_also_between_other_channels() {
    let (first, second) = (content(40, 1, &[b"abc", b"de"]), content(40, 2, &[]));
    let stream = [
        b"AMQP\0\0\x09\x01".to_vec(),
        first[0].clone(),
        first[1].clone(),
        amqp(8, 0, b""),
        second[0].clone(),
        first[2].clone(),
        second[1].clone(),
        amqp(1, 3, &[0, 60, 0, 80, 0, 0, 0, 0, 0, 0, 0, 1, 0]),
        first[3].clone(),
    ]
    .concat();
    let named: Vec<Frame> = frames(Protocol::Amqp, Way::Up, &stream).into_iter().map(|f| f.0).collect();
    let expected = [Frame::Other, Frame::Other, Frame::Publish, Frame::Ack, Frame::Publish];
    assert_eq!(named, expected);
    let messages = split(Protocol::Amqp, Way::Up, &stream, 9);
    assert_eq!(messages[2].bytes, second.concat(), "the one without a body is whole first");
    assert_eq!(messages[4].bytes, first.concat());
}

#[test]
fn the_direction_tells_a_confirm_from_an_acknowledgement() {
    let ack = amqp(1, 1, &[0, 60, 0, 80, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
    let stream = [ack, content(60, 1, &[b"x"]).concat(), content(50, 1, &[b"x"]).concat()].concat();
    let named: Vec<Frame> = frames(Protocol::Amqp, Way::Down, &stream).into_iter().map(|f| f.0).collect();
    assert_eq!(named, [Frame::Confirm, Frame::Deliver, Frame::Other]);
}

#[test]
fn what_is_no_frame_is_refused() {
    let refused = |protocol, way, bytes: &[u8]| {
        let mut splitter = Splitter::new(protocol, way);
        splitter.push(bytes);
        loop {
            match splitter.next() {
                Ok(Some(_)) => {}
                Ok(None) => return false,
                Err(_) => return true,
            }
        }
    };
    // A request for TLS, which the proxy could not look into.
    assert!(refused(Protocol::Postgres, Way::Up, &[0, 0, 0, 8, 4, 210, 22, 47]));
    assert!(refused(Protocol::Postgres, Way::Down, &[b'C', 0, 0, 0, 3]));
    assert!(refused(Protocol::Amqp, Way::Up, b"GET / HTTP/1.1\r\n"));
    assert!(refused(Protocol::Amqp, Way::Down, b"AMQP\0\0\x09\x01"));
    assert!(refused(Protocol::Amqp, Way::Down, &[1, 0, 0, 0, 0, 0, 4, 0, 60, 0, 80, 0]));
    assert!(refused(Protocol::Amqp, Way::Down, &amqp(3, 1, b"a body of nothing")));
}
