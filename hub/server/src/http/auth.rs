//! Who calls: bearer tokens, roles and the rate limit of each caller.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    ops::Deref,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, header, request::Parts},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock};
use sha2::{Digest, Sha256};

use super::{
    App,
    app::ANSWER_WITHIN,
    codes,
    problem::Problem,
    refusals::{Actor, Asked},
};
use crate::store::{
    Store,
    principals::{self, Holder, Principal, Role},
};

/// How long a token's holder is remembered: a revoked token works at most this much longer.
const REMEMBERED: Duration = Duration::from_secs(5);
/// Beyond this many remembered tokens all are forgotten; there are about as many courts.
const MOST_REMEMBERED: usize = 10_000;

/// Remembers holders of tokens and counts their requests.
#[derive(Debug)]
pub(crate) struct Gate {
    known: Mutex<HashMap<[u8; 32], (Instant, Principal)>>,
    limiter: DefaultKeyedRateLimiter<String>,
}

impl Gate {
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        let positive = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(positive(per_second)).allow_burst(positive(burst));
        Self { known: Mutex::default(), limiter: RateLimiter::keyed(quota) }
    }

    /// Who holds this token, or held it once.
    async fn holder(&self, store: &Store, token: &str) -> Result<Option<Holder>, Problem> {
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((since, holder)) = known.get(&digest)
                && since.elapsed() < REMEMBERED
            {
                return Ok(Some(Holder { principal: holder.clone(), works: true }));
            }
        }
        let found = principals::find_by_token(&*store.client().await?, &digest).await?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match &found {
            Some(holder) if holder.works => {
                if known.len() >= MOST_REMEMBERED {
                    known.clear();
                }
                known.insert(digest, (Instant::now(), holder.principal.clone()));
            }
            _ => drop(known.remove(&digest)),
        }
        Ok(found)
    }

    fn admit(&self, holder: &Principal) -> Result<(), Problem> {
        self.limiter.check_key(&holder.name).map_err(|refused| {
            let wait = refused.wait_time_from(self.limiter.clock().now());
            let detail = "this credential sends faster than its limit; wait and go on";
            Problem::new(codes::TOO_MANY, detail).retry_after(wait.as_secs() + 1)
        })
    }
}

/// The caller of a request that passed the gate.
#[derive(Debug, Clone)]
pub struct Caller {
    principal: Principal,
    /// How long it stood at the gate: part of the time within which it is answered.
    pub(crate) waited: Duration,
}

impl Deref for Caller {
    type Target = Principal;
    fn deref(&self) -> &Principal {
        &self.principal
    }
}

/// Roles an operation asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// A court.
    Court,
    /// An operator.
    Operator,
    /// Either of them.
    CourtOrOperator,
    /// The connector of a province.
    Connector,
    /// A clerk of a registry's window.
    Clerk,
    /// A clerk or an operator.
    ClerkOrOperator,
    /// Whoever names documents in what it sends: a court, a clerk or an operator.
    Uploader,
    /// Anyone with a credential.
    Any,
}

impl Caller {
    /// Lets the caller pass if its role fits.
    ///
    /// # Errors
    /// 403 otherwise.
    pub fn need(&self, need: Need) -> Result<(), Problem> {
        let fits = match need {
            Need::Court => self.role == Role::Court,
            Need::Operator => self.role == Role::Operator,
            Need::Connector => matches!(self.role, Role::Connector { .. }),
            Need::CourtOrOperator => matches!(self.role, Role::Court | Role::Operator),
            Need::Clerk => matches!(self.role, Role::Clerk { .. }),
            Need::ClerkOrOperator => matches!(self.role, Role::Clerk { .. } | Role::Operator),
            Need::Uploader => matches!(self.role, Role::Court | Role::Operator | Role::Clerk { .. }),
            Need::Any => true,
        };
        if fits {
            return Ok(());
        }
        tracing::info!(caller = self.name, role = self.role.as_str(), "access refused by role");
        let detail = format!("the credential is a {}'s, which may not do this", self.role.as_str());
        Err(Problem::new(codes::FORBIDDEN, detail))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get().cloned().ok_or_else(unauthenticated)
    }
}

/// Lets only callers with a valid token through, at their rate. Whom it or a handler refuses stands in the audit.
pub(crate) async fn gate(State(app): State<App>, request: Request, next: Next) -> Response {
    let (asked, begun) = (Asked::of(&request), Instant::now());
    let (actor, response) = match enter(&app, request.headers()).await {
        Ok(principal) => {
            let actor = Actor { name: principal.name.clone(), role: principal.role.as_str() };
            let caller = Caller { principal, waited: begun.elapsed() };
            (actor, admit(&app, caller, request, next).await.into_response())
        }
        Err((actor, problem)) => (actor, problem.into_response()),
    };
    if let Some(kind) = asked.refused(actor, &response) {
        let own = app.clone();
        // To its end, even if the client hangs up meanwhile.
        let noted =
            app.tracker.spawn(async move { own.refusals.note(&own.store, kind, asked.address).await });
        if noted.await.is_err() {
            tracing::error!(code = codes::INTERNAL.code, "noting a refused access panicked");
        }
    }
    response
}

/// Whose request it is, or as whom it is refused.
async fn enter(app: &App, headers: &HeaderMap) -> Result<Principal, (Actor, Problem)> {
    let nobody = |problem| (Actor::unknown(), problem);
    let token = bearer(headers).ok_or_else(|| nobody(unauthenticated()))?;
    let asked = tokio::time::timeout(ANSWER_WITHIN, app.gate.holder(&app.store, token)).await;
    let detail = "the database does not say in time whose credential this is; nothing was done, try again";
    match asked.map_err(|_| nobody(Problem::new(codes::BUSY, detail)))?.map_err(nobody)? {
        Some(Holder { principal, works: true }) => Ok(principal),
        Some(Holder { principal, works: false }) => {
            let actor = Actor { role: principal.role.as_str(), name: principal.name };
            Err((actor, unauthenticated()))
        }
        None => Err(nobody(unauthenticated())),
    }
}

async fn admit(app: &App, caller: Caller, mut request: Request, next: Next) -> Result<Response, Problem> {
    app.gate.admit(&caller)?;
    tracing::Span::current().record("caller", &caller.name);
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

fn unauthenticated() -> Problem {
    let detail =
        "send a valid token as `Authorization: Bearer …`; it may be missing, unknown, expired or revoked";
    Problem::new(codes::UNAUTHENTICATED, detail)
}
