//! Which fault strikes at which message, and the trap that tells whether it did.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tokio::sync::watch;

use super::frames::{Frame, Message};

/// What is done at the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Nothing: the message is only counted.
    Watch,
    /// The link is cut, and the message is lost.
    CutBefore,
    /// The message is passed on, then the link is cut.
    CutAfter,
    /// The message is lost, and the link goes on.
    Lose,
    /// The message comes so much later, and with it everything behind it.
    Delay(Duration),
    /// From this message on nothing passes on this link in either direction, until the proxy is cleared.
    Hold,
    /// At a message of the client: the link ends for the server; the client's side stays open and hears nothing, until the
    /// proxy is cleared.
    HalfClose,
}

/// A fault and the message at which it strikes: the first that fits, unless told otherwise.
#[derive(Debug, Clone)]
pub struct Rule {
    pub(super) frame: Frame,
    pub(super) deed: Deed,
    nth: usize,
    times: usize,
    on: Vec<u8>,
    containing: Vec<u8>,
    within: String,
}

impl Rule {
    /// Strikes once, at the first of these messages.
    #[must_use]
    pub fn new(frame: Frame, deed: Deed) -> Self {
        let (on, containing) = (Vec::new(), Vec::new());
        Self { frame, deed, nth: 1, times: 1, on, containing, within: String::new() }
    }

    /// Lets the first `n - 1` that fit pass.
    #[must_use]
    pub const fn nth(mut self, n: usize) -> Self {
        self.nth = n;
        self
    }

    /// Strikes at so many in a row.
    #[must_use]
    pub const fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    /// Only on links on which the client has said this before: part of the name of an AMQP connection, of a user, or of a
    /// statement.
    #[must_use]
    pub fn on(mut self, said: &str) -> Self {
        self.on = said.as_bytes().to_vec();
        self
    }

    /// Only messages that hold this, such as a routing key or an id, and only runs of statements that do.
    #[must_use]
    pub fn containing(mut self, text: &str) -> Self {
        self.containing = text.as_bytes().to_vec();
        self
    }

    /// Only in or at the end of a transaction in which this was part of a statement.
    #[must_use]
    pub fn within(mut self, sql: &str) -> Self {
        sql.clone_into(&mut self.within);
        self
    }

    /// Whether it fits a message, on a link where this was said, in this transaction.
    pub(super) fn fits(&self, message: &Message, said: &[Vec<u8>], transaction: &str) -> bool {
        let sql = message.sql.as_deref().unwrap_or_default().as_bytes();
        self.frame == message.frame
            && (self.containing.is_empty()
                || holds(&message.bytes, &self.containing)
                || holds(sql, &self.containing))
            && (self.on.is_empty() || said.iter().any(|one| holds(one, &self.on)))
            && (self.within.is_empty() || transaction.contains(&self.within))
    }

    /// Whether the `count`-th that fits is struck.
    pub(super) const fn strikes(&self, count: usize) -> bool {
        count >= self.nth && count - self.nth < self.times
    }
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// A rule that is in force until this is dropped. One that never struck fails its test: a fault that did not fire proves
/// nothing.
#[must_use = "the rule is in force as long as the trap is held"]
#[derive(Debug)]
pub struct Trap {
    pub(super) rule: Rule,
    pub(super) struck: Arc<watch::Sender<Vec<Instant>>>,
}

/// What the proxy keeps of a trap.
pub(super) struct Armed {
    pub(super) rule: Rule,
    pub(super) seen: usize,
    pub(super) struck: Weak<watch::Sender<Vec<Instant>>>,
}

impl Trap {
    /// When it struck.
    #[must_use]
    pub fn strikes(&self) -> Vec<Instant> {
        self.struck.borrow().clone()
    }

    /// Waits until it has struck.
    ///
    /// # Errors
    /// When it has not `within` the time.
    pub async fn sprung(&self, within: Duration) -> Result<()> {
        let mut struck = self.struck.subscribe();
        let waited = tokio::time::timeout(within, struck.wait_for(|strikes| !strikes.is_empty())).await;
        waited.with_context(|| format!("waited {within:?} in vain for {:?} to strike", self.rule))??;
        Ok(())
    }
}

impl Drop for Trap {
    fn drop(&mut self) {
        let idle = self.struck.borrow().is_empty() && self.rule.deed != Deed::Watch;
        assert!(!idle || std::thread::panicking(), "{:?} never struck: the test proves nothing", self.rule);
    }
}
