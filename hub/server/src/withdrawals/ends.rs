//! How wishes end: agreed, declined or overtaken, in the transaction that decides.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;
use xiezhi_domain::{
    Event,
    withdrawal::{self, WithdrawalState},
};
use xiezhi_schemas::message::{FeedbackBody, OutcomeVerdict, WithdrawalDeclined};

use crate::store::{
    StoreError, Transaction,
    requests::{Changes, LockedRequest, NewEvent},
    withdrawals::{self as table, Ended, Known},
};

/// The wishes of some locked requests, and those of them that this transaction ends.
#[derive(Debug, Default)]
pub(crate) struct Wishes {
    known: HashMap<Uuid, Vec<Known>>,
    ended: Vec<Ended>,
}

impl Wishes {
    /// Reads the wishes of requests that this transaction has locked.
    ///
    /// # Errors
    /// When the statement fails.
    pub(crate) async fn of(tx: &Transaction<'_>, requests: &[Uuid]) -> Result<Self, StoreError> {
        Ok(Self { known: table::of_requests(tx, requests).await?, ended: Vec::new() })
    }

    fn open(&mut self, request_id: Uuid) -> Option<&mut Known> {
        let known = self.known.get_mut(&request_id)?;
        known.iter_mut().find(|wish| wish.state == WithdrawalState::Open)
    }

    /// Whether the court's wish for this request waits for the registry.
    pub(crate) fn is_open(&self, request_id: Uuid) -> bool {
        let known = self.known.get(&request_id).into_iter().flatten();
        known.into_iter().any(|wish| wish.state == WithdrawalState::Open)
    }

    /// `event` took effect on `request`: its open wish ends with it. Comes after the court is told of the event.
    pub(crate) fn follow(
        &mut self,
        changes: &mut Changes,
        request: &LockedRequest,
        event: Event,
        at: Timestamp,
    ) {
        let Some(state) = withdrawal::after(event) else { return };
        let Some(wish) = self.open(request.request_id) else { return };
        wish.state = state;
        let withdrawal_id = wish.withdrawal_id;
        self.ended.push(Ended { withdrawal_id, state, at, decision: None });
        if state == WithdrawalState::Overtaken {
            let advice = withdrawal::advice(request.state).to_owned();
            let state = request.state.as_str().to_owned();
            let body = FeedbackBody::WithdrawalOvertaken { withdrawal_id, state, advice };
            changes.tell(request.request_id, body);
        }
    }

    /// The registry does not agree: the wish ends, the request stays as it is.
    pub(crate) fn decline(
        &mut self,
        changes: &mut Changes,
        declined: &WithdrawalDeclined,
        at: Timestamp,
    ) -> OutcomeVerdict {
        let refused = |message: String| OutcomeVerdict::Refused { code: "HUB-3304".to_owned(), message };
        if let Err(error) = declined.check() {
            return refused(error.to_string());
        }
        let known = self.known.entry(declined.request_id).or_default();
        let Some(wish) = known.iter_mut().find(|wish| wish.withdrawal_id == declined.withdrawal_id) else {
            return refused(format!("the request has no withdrawal {}", declined.withdrawal_id));
        };
        match wish.state {
            WithdrawalState::Open => {
                wish.state = WithdrawalState::Declined;
                let decision = serde_json::to_value(declined).expect("a declined withdrawal is plain data");
                self.ended.push(Ended {
                    withdrawal_id: wish.withdrawal_id,
                    state: WithdrawalState::Declined,
                    at,
                    decision: Some(decision),
                });
                changes.tell(declined.request_id, FeedbackBody::WithdrawalDeclined(declined.clone()));
                OutcomeVerdict::Effective
            }
            WithdrawalState::Declined | WithdrawalState::Overtaken => OutcomeVerdict::Repeated,
            // It agreed, and the request is withdrawn: what it says now changes nothing, and people look at it.
            WithdrawalState::Agreed => {
                let detail = "a withdrawal was declined after the registry had agreed to it".to_owned();
                changes.event(NewEvent {
                    at,
                    kind: "dispute",
                    request_id: Some(declined.request_id),
                    detail: json!({ "why": detail }),
                });
                changes.tell(declined.request_id, FeedbackBody::Disputed { detail });
                OutcomeVerdict::Disputed
            }
        }
    }

    /// Writes the ends. Comes before the courts are told.
    ///
    /// # Errors
    /// When the statement fails.
    pub(crate) async fn write(self, tx: &Transaction<'_>) -> Result<(), StoreError> {
        table::end(tx, &self.ended).await
    }
}
