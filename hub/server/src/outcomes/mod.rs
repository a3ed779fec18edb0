//! Results and returns of registries: recorded in every version, effective once, told to the court.
//!
//! What a message means is decided by [`xiezhi_domain::outcome`]; this module locks, writes and answers. What takes effect is
//! told to the register of the unit (see [`crate::register`]) in the same transaction. An outcome that
//! comes before the receipt is kept and takes effect with it; one that contradicts changes nothing and becomes an event.

mod conversion;
mod receive;

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;
use xiezhi_domain::{
    Event, State,
    outcome::{self, Disposition},
    timers::Timers,
};
use xiezhi_schemas::message::{FeedbackBody, OutcomeAnswer, OutcomeMessage, OutcomeVerdict, ReturnReason};

use conversion::Conversions;
pub use receive::run;

use crate::{
    register::{self, Heard, News, WaitingRules},
    reminders,
    store::{
        Store, StoreError, Transaction,
        consultations::{self, Mismatch},
        ledger::NewReceipt,
        outcomes::{self as table, NewOutcome, StoredOutcome},
        requests::{self, Changes, LockedRequest, NewEvent},
    },
    withdrawals::Wishes,
};

/// Records outcomes in one transaction; one answer for each, in their order.
///
/// # Errors
/// When the database fails; the same outcomes may be brought again and are then recognised.
pub async fn record(
    store: &Store,
    rules: &WaitingRules,
    timers: &Timers,
    messages: &[OutcomeMessage],
) -> Result<Vec<OutcomeAnswer>, StoreError> {
    let mut client = store.road().await?;
    let tx = client.transaction().await?;
    let ids: Vec<Uuid> = messages.iter().map(OutcomeMessage::request_id).collect();
    // Asked together and answered in this order: one round trip.
    let (mut locked, mut known) =
        futures::try_join!(requests::lock(&tx, &ids), table::of_requests(&tx, &ids))?;
    let (mut after, conversions, now) =
        futures::try_join!(After::of(&tx, &ids), Conversions::of(&tx, messages), requests::clock(&tx))?;
    after.conversions = conversions;
    let mut changes = Changes::default();
    let (mut new, mut news) = (Vec::new(), Vec::new());
    let mut answers = Vec::with_capacity(messages.len());
    for message in messages {
        let request_id = message.request_id();
        let verdict = match locked.get_mut(&request_id) {
            None => refused("HUB-3004", "no such request".to_owned()),
            Some(request) => match check(request, message) {
                Err(verdict) => {
                    changes.event(refused_event(now, request_id, &verdict));
                    verdict
                }
                Ok(()) => {
                    let stored = known.entry(request_id).or_default();
                    let written = new.len();
                    let verdict = judge(&mut changes, &mut after, request, stored, &mut new, message, now);
                    // What was known before tells the register nothing.
                    news.extend(new.get(written).and_then(|outcome| heard(message, outcome.disposition)));
                    news.extend(conversion::heard(message, &verdict));
                    verdict
                }
            },
        };
        answers.push(OutcomeAnswer { request_id, verdict });
    }
    set_due(timers, &mut changes, &mut new);
    table::insert(&tx, &new).await?;
    after.write(&tx).await?;
    register::record(&tx, rules, &mut changes, &locked, &news).await?;
    changes.write(&tx).await?;
    tx.commit().await.map_err(StoreError::of_commit)?;
    Ok(answers)
}

/// What an outcome tells the register of the unit.
fn heard(message: &OutcomeMessage, disposition: Disposition) -> Option<News> {
    let heard = match (message, disposition) {
        (_, Disposition::Early) => return None,
        (OutcomeMessage::ResultV1(result), Disposition::Effective) => {
            Heard::Registered(result.registration.clone())
        }
        (OutcomeMessage::ResultV1(result), Disposition::Disputed) => {
            Heard::SaidAgain(result.registration.clone())
        }
        (OutcomeMessage::ReturnV1(_), Disposition::Effective) => Heard::LostItsPlace,
        (OutcomeMessage::ReturnV1(_), Disposition::Disputed)
        | (OutcomeMessage::DeclinedV1(_) | OutcomeMessage::ConversionV1(_), _) => return None,
    };
    Some(News { request_id: message.request_id(), heard })
}

/// What follows from decisions beside the requests themselves: wishes for withdrawal end, mismatches are talked about.
#[derive(Default)]
struct After {
    wishes: Wishes,
    mismatches: Vec<Mismatch>,
    conversions: Conversions,
}

impl After {
    async fn of(tx: &Transaction<'_>, requests: &[Uuid]) -> Result<Self, StoreError> {
        Ok(Self { wishes: Wishes::of(tx, requests).await?, ..Self::default() })
    }

    async fn write(self, tx: &Transaction<'_>) -> Result<(), StoreError> {
        self.wishes.write(tx).await?;
        self.conversions.write(tx).await?;
        consultations::open_mismatches(tx, &self.mismatches).await
    }
}

/// R52: notice and register differ, and somebody must find out which of them is wrong.
fn mismatch(request: &LockedRequest, message: &OutcomeMessage, at: Timestamp) -> Option<Mismatch> {
    let OutcomeMessage::ReturnV1(returned) = message else { return None };
    returned.reasons.contains(&ReturnReason::RegisterMismatch).then(|| Mismatch {
        request_id: request.request_id,
        province: request.province.clone(),
        subject: format!("register_mismatch: {}", returned.differing_fields.join(", ")),
        text: returned.text.clone(),
        at,
        actor: format!("registry {}", request.registry),
    })
}

/// R54: a result is due one working day after 登簿. Where the days are not loaded, the due time is filled in once they are.
fn set_due(timers: &Timers, changes: &mut Changes, new: &mut [NewOutcome]) {
    for outcome in new {
        let Some(registered_at) = table::registered_at(&outcome.message) else { continue };
        match timers.receipt_due(registered_at) {
            Ok(due_at) => {
                outcome.due_at = Some(due_at);
                let told = outcome.disposition == Disposition::Effective;
                if told && reminders::is_late(outcome.due_at, outcome.received_at) {
                    let at = outcome.received_at;
                    changes.event(reminders::late_event(at, outcome.request_id, due_at, at));
                }
            }
            Err(missing) => tracing::warn!(request_id = %outcome.request_id, code = "HUB-3350", "{missing}"),
        }
    }
}

fn refused(code: &str, message: String) -> OutcomeVerdict {
    OutcomeVerdict::Refused { code: code.to_owned(), message }
}

fn refused_event(at: Timestamp, request_id: Uuid, verdict: &OutcomeVerdict) -> NewEvent {
    NewEvent {
        at,
        kind: "outcome_refused",
        request_id: Some(request_id),
        detail: json!({ "verdict": verdict }),
    }
}

/// Whether the message can belong to the request at all.
fn check(request: &LockedRequest, message: &OutcomeMessage) -> Result<(), OutcomeVerdict> {
    if message.registry() != &request.registry {
        return Err(refused(
            "HUB-3005",
            format!("the request is addressed to registry {}", request.registry),
        ));
    }
    match message {
        OutcomeMessage::ResultV1(result) => {
            outcome::check_result(request.kind, result).map_err(|e| refused("HUB-3103", e.to_string()))
        }
        OutcomeMessage::ReturnV1(returned) => {
            returned.check().map_err(|e| refused("HUB-3104", e.to_string()))
        }
        // Held against the wish that it declines.
        OutcomeMessage::DeclinedV1(_) => Ok(()),
        OutcomeMessage::ConversionV1(report) => {
            report.check().map_err(|e| refused(conversion::CODE, e.to_string()))
        }
    }
}

/// Digest of the canonical JSON: equal for equal meaning, since the text comes from the parsed type.
fn digest(message: &OutcomeMessage) -> Vec<u8> {
    Sha256::digest(serde_json::to_vec(message).expect("an outcome has string keys and finite numbers"))
        .to_vec()
}

fn judge(
    changes: &mut Changes,
    after: &mut After,
    request: &mut LockedRequest,
    stored: &mut Vec<StoredOutcome>,
    new: &mut Vec<NewOutcome>,
    message: &OutcomeMessage,
    now: Timestamp,
) -> OutcomeVerdict {
    let event = match message {
        OutcomeMessage::DeclinedV1(declined) => return after.wishes.decline(changes, declined, now),
        OutcomeMessage::ConversionV1(report) => {
            let verdict = after.conversions.take(request, stored, report, digest(message), now);
            if matches!(verdict, OutcomeVerdict::Refused { .. }) {
                changes.event(refused_event(now, request.request_id, &verdict));
            }
            return verdict;
        }
        decided => outcome::event(decided).expect("results and returns are events"),
    };
    let digest = digest(message);
    if let Some(known) = stored.iter().find(|known| known.digest == digest) {
        return match known.disposition {
            _ if request.state == State::Closed => closed(request),
            Disposition::Early => OutcomeVerdict::Early,
            Disposition::Effective | Disposition::Disputed => OutcomeVerdict::Repeated,
        };
    }
    let disposition = outcome::dispose(request.state, event);
    // 不能自行撤回, and no registry withdraws for a court that did not ask: without the written wish it is another return.
    if event == Event::Withdrawn
        && disposition != Disposition::Disputed
        && !after.wishes.is_open(request.request_id)
    {
        let verdict =
            refused("HUB-3305", "no written request of the court for withdrawal is open".to_owned());
        changes.event(refused_event(now, request.request_id, &verdict));
        return verdict;
    }
    match disposition {
        Disposition::Effective => take_effect(changes, after, request, message, event, now),
        Disposition::Early => {}
        Disposition::Disputed => dispute(changes, request, event, now),
    }
    let n = i32::try_from(stored.len() + 1).unwrap_or(i32::MAX);
    stored.push(StoredOutcome {
        n,
        message: message.clone(),
        digest: digest.clone(),
        due_at: None,
        disposition,
    });
    new.push(NewOutcome {
        request_id: request.request_id,
        n,
        outcome: word(event),
        message: message.clone(),
        digest,
        received_at: now,
        due_at: None,
        disposition,
    });
    match disposition {
        Disposition::Effective => OutcomeVerdict::Effective,
        Disposition::Early => OutcomeVerdict::Early,
        Disposition::Disputed if request.state == State::Closed => closed(request),
        Disposition::Disputed => OutcomeVerdict::Disputed,
    }
}

/// What a registry decided about a request that never got a receipt does not count.
fn closed(request: &LockedRequest) -> OutcomeVerdict {
    OutcomeVerdict::Void {
        code: "HUB-3003".to_owned(),
        message: format!("request {} was closed without a receipt", request.request_id),
    }
}

fn word(event: Event) -> &'static str {
    match event {
        Event::Withdrawn => "withdrawn",
        Event::Returned => "returned",
        _ => "registered",
    }
}

fn take_effect(
    changes: &mut Changes,
    after: &mut After,
    request: &mut LockedRequest,
    message: &OutcomeMessage,
    event: Event,
    now: Timestamp,
) {
    changes
        .transition(request, event, now, &format!("registry {}", request.registry.clone()), word(event))
        .expect("an outcome is effective only where the table allows it");
    changes.tell(
        request.request_id,
        match message {
            OutcomeMessage::ResultV1(result) => FeedbackBody::Registered(result.clone()),
            OutcomeMessage::ReturnV1(returned) => FeedbackBody::Returned(returned.clone()),
            OutcomeMessage::DeclinedV1(declined) => FeedbackBody::WithdrawalDeclined(declined.clone()),
            OutcomeMessage::ConversionV1(_) => {
                unreachable!("a conversion is taken before anything takes effect")
            }
        },
    );
    after.wishes.follow(changes, request, event, now);
    after.mismatches.extend(mismatch(request, message, now));
}

fn dispute(changes: &mut Changes, request: &LockedRequest, event: Event, now: Timestamp) {
    let detail = format!("{} was reported while the request is {}", word(event), request.state);
    tracing::warn!(request_id = %request.request_id, state = %request.state, "contradicting outcome kept as a dispute");
    changes.event(NewEvent {
        at: now,
        kind: "dispute",
        request_id: Some(request.request_id),
        detail: json!({ "why": detail }),
    });
    changes.tell(request.request_id, FeedbackBody::Disputed { detail });
}

/// Takes early outcomes of requests whose taking is void out of the running; they stay on record as disputed.
///
/// # Errors
/// When the statement fails.
pub async fn drop_early(
    tx: &Transaction<'_>,
    requests: &[Uuid],
    stored: &HashMap<Uuid, Vec<StoredOutcome>>,
) -> Result<(), StoreError> {
    let dropped: Vec<_> = requests
        .iter()
        .filter_map(|id| stored.get_key_value(id))
        .flat_map(|(id, outcomes)| outcomes.iter().map(move |outcome| (*id, outcome)))
        .filter(|(_, outcome)| outcome.disposition == Disposition::Early)
        .map(|(id, outcome)| (id, outcome.n, Disposition::Disputed, None))
        .collect();
    table::dispose(tx, &dropped).await
}

/// Lets early outcomes of requests that were received just now take effect, in the order in which they came.
///
/// # Errors
/// When a statement fails.
pub async fn apply_early(
    tx: &Transaction<'_>,
    rules: &WaitingRules,
    changes: &mut Changes,
    locked: &mut BTreeMap<Uuid, LockedRequest>,
    stored: &HashMap<Uuid, Vec<StoredOutcome>>,
    receipts: &[NewReceipt],
) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = receipts.iter().map(|r| r.request_id).collect();
    let of_these = ids.iter().filter_map(|id| stored.get(id)).flatten();
    if of_these.into_iter().all(|known| known.disposition != Disposition::Early) {
        return Ok(());
    }
    let mut after = After::of(tx, &ids).await?;
    let (mut decided, mut news) = (Vec::new(), Vec::new());
    for receipt in receipts {
        let request = locked.get_mut(&receipt.request_id).expect("only locked requests are received");
        let early = stored.get(&receipt.request_id).into_iter().flatten();
        for known in early.filter(|o| o.disposition == Disposition::Early) {
            let event =
                outcome::event(&known.message).expect("only results and returns are kept as outcomes");
            let disposition = outcome::dispose(request.state, event);
            match disposition {
                Disposition::Effective => {
                    take_effect(changes, &mut after, request, &known.message, event, receipt.recorded_at);
                }
                _ => dispute(changes, request, event, receipt.recorded_at),
            }
            news.extend(heard(&known.message, disposition));
            let told = (disposition == Disposition::Effective).then_some(receipt.recorded_at);
            if let (Some(at), Some(due_at)) = (told, known.due_at)
                && reminders::is_late(known.due_at, at)
            {
                changes.event(reminders::late_event(at, receipt.request_id, due_at, at));
            }
            decided.push((receipt.request_id, known.n, disposition, told));
        }
    }
    futures::try_join!(table::dispose(tx, &decided), after.write(tx))?;
    register::record(tx, rules, changes, locked, &news).await
}
