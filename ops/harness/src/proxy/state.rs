//! What the proxy knows and does: its rules, the weather on its links, and what was said on each.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::frames::{Frame, Message, Protocol, Way};
use super::rule::{Armed, Deed};

/// The state of all links together.
#[derive(Debug, Clone, Default)]
pub(super) struct Weather {
    pub(super) silent: Vec<Way>,
    pub(super) delay: Duration,
    /// Grows with each clearing, which sets held links free.
    pub(super) cleared: u64,
    /// Grows with each cut.
    pub(super) cuts: u64,
}

pub(super) struct Control {
    pub(super) protocol: Protocol,
    pub(super) upstream: SocketAddr,
    pub(super) weather: watch::Sender<Weather>,
    armed: Mutex<Vec<Armed>>,
    /// Streams that were not understood, for the test to fail on.
    pub(super) misread: Mutex<Vec<String>>,
}

/// What was said on one link, and whether it is held.
#[derive(Default)]
pub(super) struct Said(Mutex<Spoken>);

#[derive(Default)]
struct Spoken {
    /// Openings and the texts of statements, each once.
    all: Vec<Vec<u8>>,
    /// Statements since the begin of the transaction, or of the last one.
    transaction: String,
    held: bool,
}

/// Statements outside of transactions pile up in the list of the current one; so much is kept of them.
const MOST_KEPT: usize = 64 * 1024;

/// Openings are short; whatever comes later is known by its statements.
const OPENING: usize = 4;

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Said {
    pub(super) fn hold(&self) {
        lock(&self.0).held = true;
    }

    fn note(&self, message: &Message) {
        let mut spoken = lock(&self.0);
        match &message.sql {
            Some(sql) => {
                let first = sql.trim_start().get(..5).unwrap_or_default().to_ascii_uppercase();
                if first == "START" || first == "BEGIN" || spoken.transaction.len() > MOST_KEPT {
                    spoken.transaction.clear();
                }
                spoken.transaction.push_str(sql);
                spoken.transaction.push('\n');
                if !spoken.all.iter().any(|one| one == sql.as_bytes()) {
                    spoken.all.push(sql.clone().into_bytes());
                }
            }
            None if spoken.all.len() < OPENING => spoken.all.push(message.bytes.clone()),
            None => {}
        }
    }
}

impl Control {
    pub(super) fn new(protocol: Protocol, upstream: SocketAddr) -> Self {
        let (weather, _) = watch::channel(Weather::default());
        Self { protocol, upstream, weather, armed: Mutex::default(), misread: Mutex::default() }
    }

    pub(super) fn arm(&self, armed: Armed) {
        lock(&self.armed).push(armed);
    }

    /// What is to be done with a message; the first rule that strikes decides.
    pub(super) fn judge(&self, said: &Said, way: Way, message: &Message) -> Deed {
        if way == Way::Up {
            said.note(message);
        }
        if message.frame == Frame::Other {
            return Deed::Watch;
        }
        let spoken = lock(&said.0);
        let mut decided = Deed::Watch;
        lock(&self.armed).retain_mut(|armed| {
            let Some(struck) = armed.struck.upgrade() else { return false };
            if armed.rule.fits(message, &spoken.all, &spoken.transaction) {
                armed.seen += 1;
                if armed.rule.strikes(armed.seen) && decided == Deed::Watch {
                    decided = armed.rule.deed;
                    struck.send_modify(|strikes| strikes.push(Instant::now()));
                }
            }
            true
        });
        decided
    }

    /// Waits as the weather demands before what was just read goes on: for the delay, and while it is silent.
    pub(super) async fn weather(&self, said: &Said, way: Way) {
        let delay = self.weather.borrow().delay;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        self.weather_of_silence(said, way).await;
    }

    /// Waits while nothing passes in this direction: on all links, or on this one until the next clearing.
    pub(super) async fn weather_of_silence(&self, said: &Said, way: Way) {
        let mut weather = self.weather.subscribe();
        let begun = weather.borrow().cleared;
        // An error means that the proxy is gone, and with it everything that could pass.
        let passed = weather.wait_for(|now| {
            let freed = now.cleared > begun;
            if freed {
                lock(&said.0).held = false;
            }
            !now.silent.contains(&way) && !lock(&said.0).held
        });
        drop(passed.await);
    }

    /// Waits until a new connection may reach the server.
    pub(super) async fn clear_to_connect(&self) {
        drop(self.weather.subscribe().wait_for(|now| now.silent.is_empty()).await);
    }

    /// Resolves when all links are to be cut.
    pub(super) async fn cut(&self) {
        let mut weather = self.weather.subscribe();
        let begun = weather.borrow().cuts;
        drop(weather.wait_for(|now| now.cuts > begun).await);
    }
}
