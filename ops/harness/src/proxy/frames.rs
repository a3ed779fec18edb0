//! Cuts a stream of bytes into the messages of PostgreSQL (protocol 3.0) or the frames of AMQP 0-9-1, and names those at
//! which a fault may strike. Bytes arrive in any portions; nothing is given out before it is whole.

use std::collections::HashMap;

use anyhow::{Result, bail, ensure};

/// What is spoken on a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// PostgreSQL, unencrypted.
    Postgres,
    /// AMQP 0-9-1, unencrypted.
    Amqp,
}

/// Where bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the client to the server.
    Up,
    /// From the server to the client.
    Down,
}

/// A message at which a fault may strike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame {
    /// PostgreSQL, up: a statement that is about to run (Query, or Bind of a prepared one), COMMIT excepted.
    Statement,
    /// PostgreSQL, up: COMMIT is asked for (Query or Parse).
    Commit,
    /// PostgreSQL, down: CommandComplete of a COMMIT.
    Committed,
    /// AMQP, up: basic.publish with its content.
    Publish,
    /// AMQP, up: basic.ack of a consumer.
    Ack,
    /// AMQP, down: basic.ack, the confirm to a publisher.
    Confirm,
    /// AMQP, down: basic.deliver with its content.
    Deliver,
    /// Anything else.
    Other,
}

/// One whole message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) frame: Frame,
    /// As it goes over the wire; a method of AMQP together with its content.
    pub(super) bytes: Vec<u8>,
    /// The statement's text, when the message runs one.
    pub(super) sql: Option<String>,
}

/// Most bytes of one message; a larger length means that the stream is not what it is taken for.
const MOST: usize = 256 << 20;

/// One direction of one link.
pub(super) struct Splitter {
    protocol: Protocol,
    way: Way,
    /// Whether the opening, which has a form of its own, is over.
    opened: bool,
    waiting: Vec<u8>,
    /// PostgreSQL: texts of prepared statements by name.
    prepared: HashMap<String, String>,
    /// AMQP: methods whose content is still coming, by channel.
    contents: HashMap<u16, Content>,
}

struct Content {
    frame: Frame,
    bytes: Vec<u8>,
    /// Bytes of the body that are missing, known from the content's header on.
    left: Option<u64>,
}

impl Splitter {
    pub(super) fn new(protocol: Protocol, way: Way) -> Self {
        // Only clients open with a form of their own.
        let opened = way == Way::Down;
        let (prepared, contents) = (HashMap::new(), HashMap::new());
        Self { protocol, way, opened, waiting: Vec::new(), prepared, contents }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
    }

    /// The next whole message, `None` until more bytes are there.
    ///
    /// # Errors
    /// When the bytes are none of the protocol's.
    pub(super) fn next(&mut self) -> Result<Option<Message>> {
        match self.protocol {
            Protocol::Postgres => self.next_of_postgres(),
            Protocol::Amqp => self.next_of_amqp(),
        }
    }

    /// Takes `length` bytes, if they are there.
    fn take(&mut self, length: usize) -> Result<Option<Vec<u8>>> {
        ensure!(length <= MOST, "a message of {length} bytes: this is not {:?}", self.protocol);
        if self.waiting.len() < length {
            return Ok(None);
        }
        let rest = self.waiting.split_off(length);
        Ok(Some(std::mem::replace(&mut self.waiting, rest)))
    }

    fn next_of_postgres(&mut self) -> Result<Option<Message>> {
        let tag = usize::from(self.opened);
        let Some(length) = self.waiting.get(tag..tag + 4) else { return Ok(None) };
        let length = u32::from_be_bytes([length[0], length[1], length[2], length[3]]) as usize;
        ensure!(length >= 4, "a message of {length} bytes");
        let Some(bytes) = self.take(tag + length)? else { return Ok(None) };
        if self.opened {
            return Ok(Some(self.read_postgres(bytes)));
        }
        match bytes.get(4..8) {
            // Version 3.0.
            Some([0, 3, 0, 0]) => self.opened = true,
            // A request to cancel, which is all that its connection carries.
            Some([4, 210, 22, 46]) => {}
            other => bail!("the client asks for something else than a plain session: {other:?}"),
        }
        Ok(Some(Message { frame: Frame::Other, bytes, sql: None }))
    }

    fn read_postgres(&mut self, bytes: Vec<u8>) -> Message {
        let mut texts =
            bytes[5..].split(|byte| *byte == 0).map(|text| String::from_utf8_lossy(text).into_owned());
        let mut text = || texts.next().unwrap_or_default();
        let is_commit = |sql: &str| sql.trim().trim_end_matches(';').eq_ignore_ascii_case("commit");
        let (frame, sql) = match (self.way, bytes[0]) {
            (Way::Up, b'Q') => {
                let sql = text();
                if is_commit(&sql) { (Frame::Commit, None) } else { (Frame::Statement, Some(sql)) }
            }
            (Way::Up, b'P') => {
                let (name, sql) = (text(), text());
                let frame = if is_commit(&sql) { Frame::Commit } else { Frame::Other };
                self.prepared.insert(name, sql);
                (frame, None)
            }
            (Way::Up, b'B') => {
                let (_portal, name) = (text(), text());
                (Frame::Statement, self.prepared.get(&name).cloned())
            }
            (Way::Down, b'C') if text() == "COMMIT" => (Frame::Committed, None),
            _ => (Frame::Other, None),
        };
        Message { frame, bytes, sql }
    }

    fn next_of_amqp(&mut self) -> Result<Option<Message>> {
        if !self.opened {
            let Some(bytes) = self.take(8)? else { return Ok(None) };
            ensure!(bytes.starts_with(b"AMQP"), "the client does not begin with AMQP");
            self.opened = true;
            return Ok(Some(Message { frame: Frame::Other, bytes, sql: None }));
        }
        // Frames of contents only fill their message: the loop goes on until one is whole.
        loop {
            // The server refuses a version with the header of its own.
            if self.way == Way::Down && self.waiting.starts_with(b"AMQP") {
                bail!("the server speaks another version of AMQP");
            }
            let Some(size) = self.waiting.get(3..7) else { return Ok(None) };
            let size = u32::from_be_bytes([size[0], size[1], size[2], size[3]]) as usize;
            let Some(bytes) = self.take(7 + size + 1)? else { return Ok(None) };
            ensure!(bytes.last() == Some(&0xCE), "a frame without its end");
            if let Some(message) = self.read_amqp(bytes)? {
                return Ok(Some(message));
            }
        }
    }

    /// A message that this frame is or completes.
    fn read_amqp(&mut self, bytes: Vec<u8>) -> Result<Option<Message>> {
        const METHOD: u8 = 1;
        const HEADER: u8 = 2;
        const BODY: u8 = 3;
        let channel = u16::from_be_bytes([bytes[1], bytes[2]]);
        let payload = &bytes[7..bytes.len() - 1];
        let whole = |frame, bytes| Ok(Some(Message { frame, bytes, sql: None }));
        match bytes[0] {
            METHOD => {
                ensure!(payload.len() >= 4, "a method without a name");
                let frame = match (self.way, &payload[..4]) {
                    (Way::Up, [0, 60, 0, 40]) => Frame::Publish,
                    (Way::Up, [0, 60, 0, 80]) => Frame::Ack,
                    (Way::Down, [0, 60, 0, 80]) => Frame::Confirm,
                    (Way::Down, [0, 60, 0, 60]) => Frame::Deliver,
                    _ => Frame::Other,
                };
                // basic.publish, return, deliver and get-ok carry content.
                if !matches!(&payload[..4], [0, 60, 0, 40 | 50 | 60 | 71]) {
                    return whole(frame, bytes);
                }
                self.contents.insert(channel, Content { frame, bytes, left: None });
                Ok(None)
            }
            HEADER | BODY => {
                let Some(mut content) = self.contents.remove(&channel) else {
                    bail!("content that belongs to no method");
                };
                let left = match content.left {
                    None => match payload.get(4..12) {
                        Some(size) => size.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
                        None => bail!("a content without its size"),
                    },
                    Some(left) => left.saturating_sub(payload.len() as u64),
                };
                content.bytes.extend(bytes);
                if left == 0 {
                    return whole(content.frame, content.bytes);
                }
                content.left = Some(left);
                self.contents.insert(channel, content);
                Ok(None)
            }
            _ => whole(Frame::Other, bytes),
        }
    }
}

#[cfg(test)]
#[path = "frames_tests.rs"]
mod tests;
