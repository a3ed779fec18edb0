//! What becomes of one report: recorded, known, contradicting, refused, or not now.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;
use xiezhi_domain::late::{Lateness, lateness};
use xiezhi_schemas::{
    identifier,
    message::{Attachment, Channel, LocalReceipt, LocalReceiptVerdict, LocalRequest, Stamp},
};

use super::super::{
    Desk, kept,
    take::{self, Taking},
};
use crate::{
    directory::links,
    http::{codes, problem::Problem},
    intake::{canonical, check},
    store::{
        Store, StoreError, Transaction, decode,
        documents::Stored,
        local_links,
        local_receipts::{self as table, Disposition, NewVersion},
        received::{self, Received},
        requests::{self, NewEvent},
    },
};

/// How soon a connector may ask again.
const RETRY_MS: u64 = 1_000;

/// A local clock may be so far ahead of the hub's before its instant is refused; until then the report waits.
const AHEAD_SECS: i64 = 60;

/// Why it did not come by the network.
const REASON: &str = "served over the registry's own point-to-point link";

/// The code for an instant out of bounds.
const INSTANT: &str = "HUB-3261";

/// The code for another report under a number that stands.
const CONTRADICTS: &str = "HUB-3263";

/// The code of the event about what came after the province's links were closed.
const CLOSED: &str = "HUB-3264";

/// The code for a demand that the checklist refuses.
const CHECKLIST: &str = "HUB-3262";

/// What is wrong with a report, in words without personal data.
struct Wrong {
    code: &'static str,
    message: String,
}

fn later(code: &str, wait_ms: u64) -> LocalReceiptVerdict {
    LocalReceiptVerdict::Later { code: code.to_owned(), retry_after_ms: wait_ms }
}

/// Records one report. Idempotent by registry and local number.
///
/// # Errors
/// When the database fails; the same report may be brought again.
pub async fn record(
    store: &Store,
    desk: &Desk,
    receipt: &LocalReceipt<Value>,
) -> Result<LocalReceiptVerdict, StoreError> {
    // Not over the connector's name: another instance may repeat the report.
    let body = json!({ "registry": receipt.registry, "local": receipt.local, "demand": receipt.demand });
    let report = Report { receipt, digest: canonical::digest(&body), body };
    let versions = table::versions(&store.client().await?, &receipt.registry, &receipt.local.number).await?;
    if let Some(same) = versions.iter().find(|version| version.body_sha256 == report.digest) {
        return match same.disposition {
            Disposition::Recorded => {
                Ok(LocalReceiptVerdict::Repeated { requests: report.stands(store).await? })
            }
            Disposition::Contradicting => Ok(LocalReceiptVerdict::Disputed),
            Disposition::Refused => {
                let code = same.code.clone().unwrap_or_else(|| CHECKLIST.to_owned());
                let message = "this report was refused before; correct it under the same number".to_owned();
                Ok(LocalReceiptVerdict::Refused { code, message })
            }
        };
    }
    if versions.iter().any(|version| version.disposition == Disposition::Recorded) {
        return report.contradicts(store, desk).await;
    }
    match report.check(store).await {
        Ok(good) => report.take(store, desk, &good).await,
        Err(Failure::NotNow(code)) => Ok(later(&code, RETRY_MS)),
        Err(Failure::Wrong(wrong)) => report.refuse(store, desk, wrong).await,
    }
}

enum Failure {
    Wrong(Wrong),
    NotNow(String),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::NotNow(error.code().to_owned())
    }
}

/// A problem of the checklist, told by codes and places only.
fn of_checklist(problem: &Problem) -> Failure {
    if problem.status >= 500 {
        return Failure::NotNow(problem.code.clone());
    }
    let places: Vec<String> = problem
        .problems
        .iter()
        .take(10)
        .map(|item| format!("{} at /demand{}", item.code, item.path))
        .collect();
    Failure::Wrong(Wrong {
        code: CHECKLIST,
        message: format!("the checklist refuses: {}", places.join(", ")),
    })
}

struct Report<'a> {
    receipt: &'a LocalReceipt<Value>,
    digest: [u8; 32],
    body: Value,
}

impl Report<'_> {
    /// The court's code as stated; a court that serves locally has no account here.
    fn sender(&self) -> &str {
        let stated = self.receipt.demand.get("court").and_then(|court| court.get("code"));
        stated.and_then(Value::as_str).unwrap_or_default()
    }

    /// Courts number for themselves, and one court may use a number at two registries.
    fn demand_id(&self) -> String {
        format!("{}.{}", self.receipt.registry, self.receipt.local.number)
    }

    fn received_at(&self) -> Timestamp {
        kept(self.receipt.local.received_at)
    }

    /// What was received although the province had moved to the network (R5, 应逐步拓展到“总对总”): people must end the link. The
    /// receipt stands all the same, for the registry did receive it, and rank asks for nothing else (R31, R40).
    async fn after_the_move(
        &self,
        tx: &Transaction<'_>,
        at: Timestamp,
        request_id: Option<Uuid>,
    ) -> Result<(), StoreError> {
        let province = self.receipt.registry.province();
        let closed_from = local_links::closed_from(tx, &province).await?;
        let Some(from) = closed_from.filter(|_| links::is_closed(closed_from, self.received_at())) else {
            return Ok(());
        };
        let detail = json!({
            "code": CLOSED, "registry": self.receipt.registry, "number": self.receipt.local.number,
            "closed_from": from, "why": format!("local links of province {province} are closed from {from}"),
        });
        tracing::warn!(registry = %self.receipt.registry, code = CLOSED, "a closed local link received a demand");
        requests::write_events(tx, &[NewEvent { at, kind: "link_closed", request_id, detail }]).await
    }

    /// The one checklist (R8). The documents stay with the registry, so their claims are taken as they stand.
    async fn check(&self, store: &Store) -> Result<check::Checked, Failure> {
        let client = store.client().await?;
        let claims = self.receipt.demand.get("attachments").and_then(Value::as_array).into_iter().flatten();
        let claims = claims.filter_map(|claim| serde_json::from_value::<Attachment>(claim.clone()).ok());
        let stored =
            |claim: Attachment| (claim.sha256, Stored { size: claim.size, media_type: claim.media_type });
        let claimed: HashMap<_, _> = claims.map(stored).collect();
        let (demand, today) = (&self.receipt.demand, identifier::today());
        let checked = check::one(&client, self.sender(), demand, today, &claimed).await;
        let good = checked.map_err(|problem| of_checklist(&problem))?;
        if let Some(other) = good.registries.iter().find(|registry| **registry != self.receipt.registry) {
            let message = format!("a unit lies with registry {other}");
            return Err(Failure::Wrong(Wrong { code: codes::WINDOW_ELSEWHERE.code, message }));
        }
        Ok(good)
    }

    async fn take(
        &self,
        store: &Store,
        desk: &Desk,
        good: &check::Checked,
    ) -> Result<LocalReceiptVerdict, StoreError> {
        let (registry, local) = (&self.receipt.registry, &self.receipt.local);
        let received_at = self.received_at();
        let mut client = store.road().await?;
        let tx = client.transaction().await?;
        let open = match take::open(&tx, &desk.clock, registry).await? {
            Ok(open) => open,
            Err(refused) => {
                tracing::error!(code = refused.code(), "{refused}");
                let detail = json!({ "code": refused.code(), "why": refused.to_string() });
                let at = requests::clock(&tx).await?;
                let event = NewEvent { at, kind: "clock_refused", request_id: None, detail };
                requests::write_events(&tx, &[event]).await?;
                tx.commit().await.map_err(StoreError::of_commit)?;
                return Ok(later(refused.code(), RETRY_MS));
            }
        };
        let bound = desk.rules.p2p_bound_secs;
        if let Err(answer) = judge_instant(received_at, open.clock.now, open.recorded_at, bound) {
            drop(tx);
            drop(client);
            return match answer {
                Failure::NotNow(code) => Ok(later(&code, RETRY_MS)),
                Failure::Wrong(wrong) => self.refuse(store, desk, wrong).await,
            };
        }
        if let Some(prior) = good.submission.prior_request_id
            && requests::last_change(&tx, prior).await?.is_some_and(|ended| received_at <= ended)
        {
            drop(tx);
            drop(client);
            let message = "what it corrects was still standing when it was received".to_owned();
            return self.refuse(store, desk, Wrong { code: codes::WINDOW_PRIOR.code, message }).await;
        }
        let evidence_id = Uuid::now_v7();
        let recorded = self.version(evidence_id, open.clock.now, Disposition::Recorded, None, bound);
        let (demand_id, bytes) = (self.demand_id(), self.body.to_string().into_bytes());
        let taking = Taking {
            sender: self.sender(),
            demand_id: &demand_id,
            good,
            bytes: &bytes,
            body_sha256: &self.digest,
            channel: Channel::P2p,
            channel_reason: REASON,
            delivered_at: received_at,
            evidence_id,
            local_reference: Some(local.number.clone()),
            reporter: &self.receipt.connector,
            stores_documents: false,
            outage_id: None,
        };
        let now = open.clock.now;
        let kept = table::insert(&tx, &recorded).await?;
        let taken = if kept { take::take(&tx, open, &taking).await? } else { None };
        let Some(taken) = taken else { return Ok(later(codes::KEY_REUSED.code, RETRY_MS)) };
        self.after_the_move(&tx, now, taken.first().map(|one| one.request_id)).await?;
        tx.commit().await.map_err(StoreError::of_commit)?;
        tracing::info!(registry = %registry, requests = taken.len(), "a local receipt was recorded");
        let requests = taken.into_iter().map(|one| LocalRequest {
            request_id: one.request_id,
            unit_index: one.unit_index,
            unit_code: one.unit_code,
            stamp: one.stamp,
        });
        Ok(LocalReceiptVerdict::Recorded { requests: requests.collect() })
    }

    fn version<'a>(
        &'a self,
        evidence_id: Uuid,
        reported_at: Timestamp,
        disposition: Disposition,
        code: Option<&'a str>,
        bound: u32,
    ) -> NewVersion<'a> {
        NewVersion {
            evidence_id,
            registry: &self.receipt.registry,
            number: &self.receipt.local.number,
            body: &self.body,
            body_sha256: &self.digest,
            connector: &self.receipt.connector,
            reported_at,
            received_at: self.received_at(),
            disposition,
            code,
            bound_secs: i64::from(bound),
        }
    }

    /// Keeps a version that changes nothing, with an event for people.
    async fn keep(
        &self,
        store: &Store,
        desk: &Desk,
        disposition: Disposition,
        kind: &'static str,
        wrong: &Wrong,
    ) -> Result<(), StoreError> {
        let mut client = store.client().await?;
        let tx = client.transaction().await?;
        let at = requests::clock(&tx).await?;
        let code = Some(wrong.code);
        let version = self.version(Uuid::now_v7(), at, disposition, code, desk.rules.p2p_bound_secs);
        if table::insert(&tx, &version).await? {
            let detail = json!({
                "registry": self.receipt.registry, "number": self.receipt.local.number, "connector": self.receipt.connector,
                "evidence_id": version.evidence_id, "code": wrong.code, "why": wrong.message,
            });
            requests::write_events(&tx, &[NewEvent { at, kind, request_id: None, detail }]).await?;
            tracing::warn!(registry = %self.receipt.registry, code = wrong.code, kind, "a local receipt was not recorded");
        }
        tx.commit().await.map_err(StoreError::of_commit)
    }

    async fn refuse(
        &self,
        store: &Store,
        desk: &Desk,
        wrong: Wrong,
    ) -> Result<LocalReceiptVerdict, StoreError> {
        self.keep(store, desk, Disposition::Refused, "local_receipt_refused", &wrong).await?;
        Ok(LocalReceiptVerdict::Refused { code: wrong.code.to_owned(), message: wrong.message })
    }

    async fn contradicts(&self, store: &Store, desk: &Desk) -> Result<LocalReceiptVerdict, StoreError> {
        let message = "another report stands under this local number".to_owned();
        let wrong = Wrong { code: CONTRADICTS, message };
        self.keep(store, desk, Disposition::Contradicting, "local_receipt_disputed", &wrong).await?;
        Ok(LocalReceiptVerdict::Disputed)
    }

    /// The requests that came of this number.
    async fn stands(&self, store: &Store) -> Result<Vec<LocalRequest>, StoreError> {
        let client = store.client().await?;
        let found = received::of_demand(&client, self.sender(), &self.demand_id()).await?;
        found.into_iter().map(request).collect()
    }
}

fn request(received: Received) -> Result<LocalRequest, StoreError> {
    let hash = received.hash.parse().map_err(|e| decode("receipt.hash", e))?;
    Ok(LocalRequest {
        request_id: received.request_id,
        unit_index: received.unit_index.unsigned_abs(),
        unit_code: received.unit_key.parse().map_err(|e| decode("request.unit_key", e))?,
        stamp: Stamp { no: received.no, delivered_at: received.delivered_at, hash },
    })
}

fn judge_instant(
    received: Timestamp,
    now: Timestamp,
    recorded: Timestamp,
    bound_secs: u32,
) -> Result<(), Failure> {
    let ahead = received.duration_since(now);
    if ahead > SignedDuration::from_secs(AHEAD_SECS) {
        let message = format!("the local instant lies {} seconds ahead of the hub's clock", ahead.as_secs());
        return Err(Failure::Wrong(Wrong { code: INSTANT, message }));
    }
    if ahead.is_positive() {
        return Err(Failure::NotNow(INSTANT.to_owned()));
    }
    match lateness(received, recorded, 0, bound_secs) {
        Lateness::Timely | Lateness::Late => Ok(()),
        Lateness::TooLate | Lateness::Future => {
            let message = format!("a local receipt is reported within {bound_secs} seconds");
            Err(Failure::Wrong(Wrong { code: INSTANT, message }))
        }
    }
}
