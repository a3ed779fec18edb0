//! Refused access in the audit (V29): who was refused what, without letting whoever is refused fill the chain.
//!
//! The first refusal of an actor at a route under a code is written at once, with the address that was asked for. Those that
//! follow within a minute are counted and written as one entry with their number. So every refusal is in the chain exactly
//! once, alone or in a number, and one credential can add two entries a minute for each route and code. What is counted and
//! not yet written is lost only if the process is killed.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    extract::{MatchedPath, Request},
    http::Method,
    response::Response,
};

use super::{codes, problem::Problem};
use crate::{
    audit,
    store::{Store, StoreError},
};

/// Refusals of one kind within this time are one entry.
const WINDOW: Duration = Duration::from_secs(60);
/// The longest address that is written down.
const LONGEST_ADDRESS: usize = 200;

/// Who was refused, as far as known.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Actor {
    /// Name of the principal, `unknown` without a token that was ever issued.
    pub name: String,
    /// Its role, `none` if unknown.
    pub role: &'static str,
}

impl Actor {
    /// Nobody the hub knows.
    pub fn unknown() -> Self {
        Self { name: "unknown".to_owned(), role: "none" }
    }
}

/// What was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    method: Method,
    route: String,
    pub(crate) address: String,
}

impl Asked {
    pub(crate) fn of(request: &Request) -> Self {
        let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
        // The path as it was sent: percent-encoded, hence without control characters. The query may hold names.
        let address = request.uri().path().chars().take(LONGEST_ADDRESS).collect();
        Self { method: request.method().clone(), route, address }
    }

    /// What was refused, if the answer refuses access: no credential, no right, or nothing of this name that the caller may
    /// see. The last only where an address names one thing: a list without entries refuses nothing.
    pub(crate) fn refused(&self, actor: Actor, response: &Response) -> Option<Kind> {
        let code = &response.extensions().get::<Problem>()?.code;
        let refused = *code == codes::UNAUTHENTICATED.code
            || *code == codes::FORBIDDEN.code
            || (*code == codes::NOT_FOUND.code && self.route.contains('{'));
        let (method, route) = (self.method.clone(), self.route.clone());
        refused.then(|| Kind { actor, method, route, code: code.clone() })
    }
}

/// What refusals are counted by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Kind {
    actor: Actor,
    method: Method,
    route: String,
    code: String,
}

impl Kind {
    fn object(&self, rest: &str) -> String {
        format!("{} {} {} {rest}", self.code, self.method, self.route)
    }
}

#[derive(Debug)]
struct Window {
    ends: Instant,
    /// Refusals that are not in the chain yet.
    more: u64,
}

/// One entry to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    kind: Kind,
    /// The address of a single refusal, or how many more there were.
    what: Result<String, u64>,
}

/// The refusals of the last minute.
#[derive(Debug, Default)]
pub struct Refusals {
    open: Mutex<HashMap<Kind, Window>>,
}

impl Refusals {
    /// Counts a refusal of `address` and writes what is due.
    pub(crate) async fn note(&self, store: &Store, kind: Kind, address: String) {
        let due = self.count(kind, address, Instant::now());
        // What cannot be written now is counted again, so the refusal itself never waits for more than one attempt.
        if let Err(error) = self.write(store, due).await {
            tracing::warn!(code = error.code(), "a refused access is not in the audit yet");
        }
    }

    fn count(&self, kind: Kind, address: String, now: Instant) -> Vec<Entry> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(window) = open.get_mut(&kind).filter(|window| now < window.ends) {
            window.more += 1;
            return Vec::new();
        }
        let before = open.insert(kind.clone(), Window { ends: now + WINDOW, more: 0 });
        let more = before.map(|window| window.more).filter(|more| *more > 0);
        let more = more.map(|more| Entry { kind: kind.clone(), what: Err(more) });
        more.into_iter().chain([Entry { kind, what: Ok(address) }]).collect()
    }

    /// Takes out the windows that ended by `now`, with what they counted.
    fn ended(&self, now: Instant) -> Vec<Entry> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = open.extract_if(|_, window| window.ends <= now);
        ended.filter(|(_, w)| w.more > 0).map(|(kind, w)| Entry { kind, what: Err(w.more) }).collect()
    }

    /// Writes what was counted in windows that ended by `now`; with a late `now`, everything.
    ///
    /// # Errors
    /// When the database does not answer; nothing is forgotten then.
    pub async fn flush(&self, store: &Store, now: Instant) -> Result<(), StoreError> {
        self.write(store, self.ended(now)).await
    }

    async fn write(&self, store: &Store, entries: Vec<Entry>) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        let written = write(store, &entries).await;
        if written.is_err() {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            for Entry { kind, what } in entries {
                let ends = Instant::now() + WINDOW;
                open.entry(kind).or_insert(Window { ends, more: 0 }).more += what.err().unwrap_or(1);
            }
        }
        written
    }
}

async fn write(store: &Store, entries: &[Entry]) -> Result<(), StoreError> {
    let mut client = store.client().await?;
    let tx = client.transaction().await?;
    for Entry { kind, what } in entries {
        let (action, object) = match what {
            Ok(address) => ("access.refused", kind.object(address)),
            Err(more) => ("access.refused.more", kind.object(&more.to_string())),
        };
        audit::record(&tx, &kind.actor.name, kind.actor.role, action, &object).await?;
    }
    tx.commit().await.map_err(StoreError::of_commit)
}

/// Writes the numbers of ended windows until `stop` is cancelled, and then all.
///
/// # Errors
/// When the database does not answer; start it again.
pub async fn run(app: super::App, stop: tokio_util::sync::CancellationToken) -> Result<(), StoreError> {
    loop {
        tokio::select! {
            () = stop.cancelled() => {
                return app.refusals.flush(&app.store, Instant::now() + WINDOW).await;
            }
            () = tokio::time::sleep(WINDOW / 6) => app.refusals.flush(&app.store, Instant::now()).await?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(actor: &str) -> Kind {
        let actor = Actor { name: actor.to_owned(), role: "court" };
        let (route, code) = ("/v1/demands/{id}".to_owned(), "HUB-1404".to_owned());
        Kind { actor, method: Method::GET, route, code }
    }

    #[test]
    fn the_first_is_told_at_once_and_the_others_as_a_number() {
        let (refusals, begin) = (Refusals::default(), Instant::now());
        let first = |actor: &str, address: &str| Entry { kind: kind(actor), what: Ok(address.to_owned()) };
        let at = |secs| begin + Duration::from_secs(secs);
        assert_eq!(refusals.count(kind("a"), "/1".into(), at(0)), [first("a", "/1")]);
        for n in 1..=1000 {
            assert_eq!(refusals.count(kind("a"), format!("/{n}"), at(n % 60)), []);
        }
        assert_eq!(refusals.count(kind("b"), "/1".into(), at(3)), [first("b", "/1")]);
        assert_eq!(refusals.ended(at(59)), []);
        // The next one may come before anybody looks for ended windows.
        let more = Entry { kind: kind("a"), what: Err(1000) };
        assert_eq!(refusals.count(kind("a"), "/2".into(), at(60)), [more, first("a", "/2")]);
        assert_eq!(refusals.count(kind("a"), "/3".into(), at(61)), []);
        assert_eq!(refusals.ended(at(120)), [Entry { kind: kind("a"), what: Err(1) }]);
        assert!(refusals.open.lock().unwrap_or_else(PoisonError::into_inner).is_empty());
    }
}
