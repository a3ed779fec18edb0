//! Brings results and returns from the local systems to the hub. The local system keeps each until the hub has answered, so
//! nothing is held here; sent twice, the hub knows it.

use std::{collections::HashSet, sync::Arc, time::Duration};

use futures::future::join_all;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use xiezhi_schemas::{
    address::{RegistryCode, Upward},
    message::{Answers, OutcomeMessage, OutcomeVerdict},
};

use crate::{
    adapter::{Adapter, AdapterError, LocalOutcome},
    backoff::Backoff,
    bus::{AskError, Asker, chain},
    code::Code,
    config::OutcomePace,
    status::Status,
};

/// The longest time between two questions to a local system that does not answer.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Asks one registry's local system for results and returns.
pub(crate) struct Collector {
    pub(crate) registry: RegistryCode,
    pub(crate) adapter: Arc<dyn Adapter>,
    pub(crate) asker: Asker,
    pub(crate) pace: OutcomePace,
    pub(crate) answer_timeout: Duration,
    pub(crate) status: Arc<Status>,
}

/// What became of one outcome.
#[derive(Debug, PartialEq, Eq)]
enum Handed {
    /// The hub has it; the local system may forget it.
    Settle,
    /// It does not count, for this reason; the local system must hear that before it forgets it.
    Void(String),
    /// It must be offered again.
    Again,
}

impl Collector {
    /// Works until `stop`. Its own failures pass with time, so it never fails.
    pub(crate) async fn run(self, stop: &CancellationToken) {
        // All registries begin together; by chance they do not ask together.
        let mut wait = self.pace.period.mul_f64(rand::random_range(0.0..1.0));
        let mut trouble = Backoff::new(self.pace.period, LONGEST_WAIT.max(self.pace.period));
        let mut troubled = false;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
            let round = self.round();
            let round = tokio::select! {
                () = stop.cancelled() => return,
                round = round => round,
            };
            wait = match round {
                Ok(full) => {
                    if troubled {
                        tracing::info!(registry = %self.registry, "results and returns are fetched again");
                    }
                    troubled = false;
                    trouble.reset();
                    if full { Duration::ZERO } else { self.pace.period }
                }
                Err(error) => {
                    if !troubled {
                        tracing::warn!(
                            code = %Code::OutcomesUnreadable, registry = %self.registry, error = chain(&error),
                            "results and returns cannot be fetched; the connector goes on asking"
                        );
                    }
                    troubled = true;
                    trouble.wait()
                }
            };
        }
    }

    /// One question and what it brings; true when there may be more at once.
    async fn round(&self) -> Result<bool, AdapterError> {
        let outcomes = self.adapter.fetch_outcomes(&self.registry, self.pace.batch).await?;
        let full = outcomes.len() >= self.pace.batch;
        let mut all_settled = true;
        for group in independent(outcomes) {
            let settled = join_all(group.iter().map(|outcome| self.bring(outcome))).await;
            all_settled &=
                settled.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().all(|settled| settled);
        }
        Ok(full && all_settled)
    }

    async fn bring(&self, outcome: &LocalOutcome) -> Result<bool, AdapterError> {
        let request_id = outcome.message.request_id();
        let span = tracing::info_span!(
            "outcome", otel.kind = "producer", registry = %self.registry, %request_id,
            outcome_id = outcome.outcome_id
        );
        async {
            if *outcome.message.registry() != self.registry {
                tracing::error!(
                    code = %Code::AdapterBroken,
                    "the local system offers a result of another registry; it is not sent"
                );
                return Ok(false);
            }
            match self.hand_to_hub(&outcome.message).await {
                Handed::Again => return Ok(false),
                Handed::Settle => {}
                // First the void, then the settling: a crash between brings the outcome, and with it the void, again.
                Handed::Void(reason) => self.adapter.void(&self.registry, request_id, &reason).await?,
            }
            self.adapter.settle(&self.registry, &outcome.outcome_id).await?;
            self.status.counted(|counts| counts.outcomes += 1);
            Ok(true)
        }
        .instrument(span)
        .await
    }

    async fn hand_to_hub(&self, message: &OutcomeMessage) -> Handed {
        let sort = match message {
            OutcomeMessage::ResultV1(_) => Upward::Result,
            OutcomeMessage::ReturnV1(_) | OutcomeMessage::DeclinedV1(_) => Upward::Return,
        };
        let body = serde_json::to_vec(message).expect("an outcome is plain data and always has a JSON form");
        match self.asker.ask(&sort.routing_key(&self.registry), &body, self.answer_timeout).await {
            Ok(Answers::Outcome(answer)) if answer.request_id == message.request_id() => {
                classify(answer.verdict)
            }
            Ok(Answers::Unread { code, message }) => {
                tracing::error!(
                    code = %Code::Unread, hub_code = code, detail = message,
                    "the hub could not read a result or return and keeps it for a person"
                );
                Handed::Settle
            }
            Ok(_) => {
                tracing::error!(
                    code = %Code::Unread,
                    "the hub's answer does not fit the question; asking again"
                );
                Handed::Again
            }
            Err(error @ AskError::Silent(_)) => {
                tracing::warn!(
                    code = %Code::LedgerSilent, error = chain(&error),
                    "the hub has not answered a result or return; it is sent again"
                );
                Handed::Again
            }
            Err(AskError::Gone(_)) => Handed::Again,
        }
    }
}

fn classify(verdict: OutcomeVerdict) -> Handed {
    match verdict {
        OutcomeVerdict::Effective => {
            tracing::info!("the hub took a result or return");
            Handed::Settle
        }
        OutcomeVerdict::Repeated => Handed::Settle,
        // It takes effect with the receipt, or is void when there never is one: the next answer tells which.
        OutcomeVerdict::Early => {
            tracing::info!("the hub keeps a result or return until the receipt is recorded");
            Handed::Again
        }
        OutcomeVerdict::Disputed => {
            tracing::warn!(
                code = %Code::OutcomeRefused,
                "a result or return contradicts what took effect before; the hub keeps both for people"
            );
            Handed::Settle
        }
        OutcomeVerdict::Void { code, message } => {
            tracing::warn!(
                code = %Code::OutcomeRefused, hub_code = code, detail = message,
                "a result or return of a request that was closed without a receipt; the local system is told that it is void"
            );
            Handed::Void(message)
        }
        OutcomeVerdict::Refused { code, message } => {
            tracing::warn!(
                code = %Code::OutcomeRefused, hub_code = code, detail = message,
                "the hub refuses a result or return; the registry must correct it"
            );
            Handed::Settle
        }
        OutcomeVerdict::Later { code, .. } => {
            tracing::warn!(
                code = %Code::NotNow, hub_code = code,
                "the hub takes no results or returns now; it is sent again"
            );
            Handed::Again
        }
    }
}

/// Groups that may travel side by side: within one, every request occurs once, so that what a registry decides about one request
/// arrives in its order.
fn independent(outcomes: Vec<LocalOutcome>) -> Vec<Vec<LocalOutcome>> {
    let mut groups: Vec<Vec<LocalOutcome>> = Vec::new();
    let mut seen = HashSet::new();
    for outcome in outcomes {
        if groups.is_empty() || !seen.insert(outcome.message.request_id()) {
            seen.clear();
            seen.insert(outcome.message.request_id());
            groups.push(Vec::new());
        }
        if let Some(group) = groups.last_mut() {
            group.push(outcome);
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use uuid::Uuid;
    use xiezhi_schemas::message::{ReturnMessage, ReturnReason};

    use super::*;

    fn outcome(id: u128) -> LocalOutcome {
        let message = OutcomeMessage::ReturnV1(ReturnMessage {
            request_id: Uuid::from_u128(id),
            registry: "320102".parse().unwrap(),
            reasons: vec![ReturnReason::PeriodMissing],
            text: "通知书未写明查封期限".into(),
            differing_fields: Vec::new(),
            decided_at: "2024-03-01T01:02:03Z".parse().unwrap(),
        });
        LocalOutcome { outcome_id: id.to_string(), message }
    }

    #[test]
    fn outcomes_of_one_request_stay_in_order() {
        let ids = |groups: Vec<Vec<LocalOutcome>>| -> Vec<Vec<String>> {
            groups.into_iter().map(|group| group.into_iter().map(|one| one.outcome_id).collect()).collect()
        };
        let groups = independent([1, 2, 1, 3, 1].map(outcome).to_vec());
        assert_eq!(ids(groups), [vec!["1", "2"], vec!["1", "3"], vec!["1"]]);
        assert!(independent(Vec::new()).is_empty());
    }

    #[test]
    fn later_and_early_are_offered_again() {
        let refused = OutcomeVerdict::Refused { code: "HUB-1".into(), message: String::new() };
        let later = OutcomeVerdict::Later { code: "HUB-2".into(), retry_after_ms: 1 };
        assert_eq!(classify(later), Handed::Again);
        assert_eq!(classify(OutcomeVerdict::Early), Handed::Again);
        let void = OutcomeVerdict::Void { code: "HUB-3".into(), message: "closed".into() };
        assert_eq!(classify(void), Handed::Void("closed".into()));
        for verdict in
            [OutcomeVerdict::Effective, OutcomeVerdict::Repeated, OutcomeVerdict::Disputed, refused]
        {
            assert_eq!(classify(verdict), Handed::Settle);
        }
    }
}
