//! Brings results and returns from the local systems to the hub. The local system keeps each until the hub has answered, so
//! nothing is held here; sent twice, the hub knows it.

use std::{collections::HashSet, sync::Arc, time::Duration};

use futures::future::join_all;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use uuid::Uuid;
use xiezhi_schemas::{
    address::{RegistryCode, Upward},
    message::{Answers, OutcomeMessage, OutcomeVerdict},
};

use crate::{
    adapter::{Adapter, AdapterError, LocalOutcome},
    bus::{Asker, chain},
    code::Code,
    config::OutcomePace,
    errand::{self, Errand, Next},
    question::{Put, put},
    status::Status,
};

/// Asks one registry's local system for results and returns.
pub(crate) struct Collector {
    pub(crate) registry: RegistryCode,
    pub(crate) adapter: Arc<dyn Adapter>,
    pub(crate) asker: Asker,
    pub(crate) pace: OutcomePace,
    pub(crate) answer_timeout: Duration,
    pub(crate) status: Arc<Status>,
    pub(crate) place: Place,
}

/// What became of one outcome.
#[derive(Debug, PartialEq, Eq)]
enum Handed {
    /// The hub has it; the local system may forget it.
    Settle,
    /// It does not count, for this reason; the local system must hear that before it forgets it.
    Void(String),
    /// It waits for its receipt; others need not wait for it.
    Early,
    /// It must be offered again, and so must others now.
    Again,
}

/// Where the collector is in the local system's list. It begins with the oldest. From a full page on which something waits for
/// its receipt it reads on behind that page; at the end of the list, or in trouble, it begins anew after a pause.
#[derive(Debug, Default)]
pub(crate) struct Place {
    /// The last outcome of the page before; none while the oldest page is read.
    after: Option<String>,
    /// Requests with an outcome that waits. What the registry decided about them later waits too, to keep its order.
    waiting: HashSet<Uuid>,
}

impl Place {
    /// Takes in what became of a page; true when the next one may be read at once.
    fn read(&mut self, page: &[LocalOutcome], handed: &[Handed], full: bool) -> bool {
        if !full || handed.contains(&Handed::Again) {
            *self = Self::default();
            return false;
        }
        let early = page.iter().zip(handed).filter(|(_, handed)| **handed == Handed::Early);
        self.waiting.extend(early.map(|(outcome, _)| outcome.message.request_id()));
        // While nothing waits the oldest page empties itself, and needs no cursor.
        if !self.waiting.is_empty() {
            self.after = page.last().map(|outcome| outcome.outcome_id.clone());
        }
        true
    }
}

impl Errand for Collector {
    type Error = AdapterError;

    async fn round(&mut self) -> Result<Next, AdapterError> {
        let mut place = std::mem::take(&mut self.place);
        let more = self.read_page(&mut place).await?;
        self.place = place;
        Ok(if more { Next::AtOnce } else { Next::AfterPeriod })
    }

    fn trouble_begins(&self, error: &AdapterError) {
        tracing::warn!(
            code = %Code::OutcomesUnreadable, registry = %self.registry, error = chain(error),
            "results and returns cannot be fetched; the connector goes on asking"
        );
    }

    fn trouble_ends(&self) {
        tracing::info!(registry = %self.registry, "results and returns are fetched again");
    }
}

impl Collector {
    /// Works until `stop`. Its own failures pass with time, so it never fails.
    pub(crate) async fn run(self, stop: &CancellationToken) {
        let period = self.pace.period;
        errand::run(self, period, stop).await;
    }

    /// One question and what it brings; true when there may be more at once.
    async fn read_page(&self, place: &mut Place) -> Result<bool, AdapterError> {
        let (registry, limit) = (&self.registry, self.pace.batch);
        let page = match &place.after {
            None => self.adapter.fetch_outcomes(registry, limit).await?,
            Some(after) => self.adapter.fetch_outcomes_after(registry, after, limit).await?,
        };
        let mut handed = Vec::with_capacity(page.len());
        for group in independent(&page) {
            let answers = group.iter().map(|outcome| self.bring(outcome, &place.waiting));
            handed.extend(join_all(answers).await.into_iter().collect::<Result<Vec<_>, _>>()?);
        }
        Ok(place.read(&page, &handed, page.len() >= limit))
    }

    async fn bring(&self, outcome: &LocalOutcome, waiting: &HashSet<Uuid>) -> Result<Handed, AdapterError> {
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
                return Ok(Handed::Again);
            }
            if waiting.contains(&request_id) {
                return Ok(Handed::Early);
            }
            let handed = self.hand_to_hub(&outcome.message).await;
            match &handed {
                Handed::Again | Handed::Early => return Ok(handed),
                Handed::Settle => {}
                // First the void, then the settling: a crash between brings the outcome, and with it the void, again.
                Handed::Void(reason) => self.adapter.void(&self.registry, request_id, reason).await?,
            }
            self.adapter.settle(&self.registry, &outcome.outcome_id).await?;
            self.status.counted(|counts| counts.outcomes += 1);
            Ok(handed)
        }
        .instrument(span)
        .await
    }

    async fn hand_to_hub(&self, message: &OutcomeMessage) -> Handed {
        let sort = match message {
            OutcomeMessage::ResultV1(_) | OutcomeMessage::ConversionV1(_) => Upward::Result,
            OutcomeMessage::ReturnV1(_) | OutcomeMessage::DeclinedV1(_) => Upward::Return,
        };
        let fits = |answers| match answers {
            Answers::Outcome(answer) if answer.request_id == message.request_id() => Some(answer.verdict),
            _ => None,
        };
        match put(&self.asker, (sort, &self.registry), message, self.answer_timeout, fits).await {
            Put::Answered(verdict) => classify(verdict),
            Put::Unread { code, message } => {
                tracing::error!(
                    code = %Code::Unread, hub_code = code, detail = message,
                    "the hub could not read a result or return and keeps it for a person"
                );
                Handed::Settle
            }
            Put::Unanswered | Put::Gone => Handed::Again,
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
            Handed::Early
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

/// Groups that may travel side by side, in order: within one, every request occurs once, so that what a registry decides about
/// one request arrives in its order.
fn independent(outcomes: &[LocalOutcome]) -> Vec<&[LocalOutcome]> {
    let mut groups = Vec::new();
    let (mut begin, mut seen) = (0, HashSet::new());
    for (at, outcome) in outcomes.iter().enumerate() {
        if !seen.insert(outcome.message.request_id()) {
            groups.push(&outcomes[begin..at]);
            begin = at;
            seen = HashSet::from([outcome.message.request_id()]);
        }
    }
    if begin < outcomes.len() {
        groups.push(&outcomes[begin..]);
    }
    groups
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
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
        let page = [1, 2, 1, 3, 1].map(outcome);
        let ids = |group: &[LocalOutcome]| -> Vec<String> {
            group.iter().map(|one| one.outcome_id.clone()).collect()
        };
        let groups: Vec<_> = independent(&page).into_iter().map(ids).collect();
        assert_eq!(groups, [vec!["1", "2"], vec!["1", "3"], vec!["1"]]);
        assert!(independent(&[]).is_empty());
    }

    /// A local system's list and a hub that takes some of it: the rounds, and what was asked of the hub.
    struct Rounds {
        list: Vec<LocalOutcome>,
        place: Place,
        asked: Vec<String>,
    }

    impl Rounds {
        const LIMIT: usize = 50;

        /// One round as the collector does it; true when the next may follow at once.
        fn one(&mut self, verdict: impl Fn(&str) -> Handed) -> bool {
            let begin = match &self.place.after {
                None => 0,
                Some(after) => {
                    let number = |id: &str| id.parse::<u32>().unwrap();
                    self.list.partition_point(|one| number(&one.outcome_id) <= number(after))
                }
            };
            let page: Vec<_> = self.list[begin..].iter().take(Self::LIMIT).cloned().collect();
            let mut handed = Vec::new();
            for one in &page {
                if self.place.waiting.contains(&one.message.request_id()) {
                    handed.push(Handed::Early);
                    continue;
                }
                self.asked.push(one.outcome_id.clone());
                handed.push(verdict(&one.outcome_id));
                if handed.last() == Some(&Handed::Settle) {
                    self.list.retain(|other| other.outcome_id != one.outcome_id);
                }
            }
            self.place.read(&page, &handed, page.len() >= Self::LIMIT)
        }

        /// Rounds until a pause is due.
        fn until_pause(&mut self, verdict: impl Fn(&str) -> Handed) -> usize {
            (1..100).find(|_| !self.one(&verdict)).unwrap()
        }
    }

    fn rounds(ids: std::ops::RangeInclusive<u128>) -> Rounds {
        Rounds { list: ids.map(outcome).collect(), place: Place::default(), asked: Vec::new() }
    }

    #[test]
    fn sixty_early_results_hold_up_none_of_those_behind_them() {
        let mut rounds = rounds(1..=200);
        let early = |id: &str| if id.parse::<u32>().unwrap() <= 60 { Handed::Early } else { Handed::Settle };
        assert!(rounds.until_pause(early) <= 5);
        assert_eq!(rounds.list.len(), 60, "what has its receipt is settled in one go");
        assert_eq!(rounds.asked.len(), 200, "each was asked for once before the pause");
        // They are come back to, oldest first, and settled once the receipts are there.
        rounds.asked.clear();
        rounds.until_pause(early);
        assert_eq!(rounds.asked.first().map(String::as_str), Some("1"));
        rounds.until_pause(|_| Handed::Settle);
        assert!(rounds.list.is_empty());
    }

    #[test]
    fn trouble_pauses_and_begins_with_the_oldest_again() {
        let mut rounds = rounds(1..=200);
        let verdict = |id: &str| match id.parse::<u32>().unwrap() {
            1..=60 => Handed::Early,
            61..=70 => Handed::Settle,
            _ => Handed::Again,
        };
        assert_eq!(rounds.until_pause(verdict), 2);
        assert_eq!(rounds.place.after, None);
        assert!(rounds.place.waiting.is_empty());
    }

    #[test]
    fn a_later_decision_does_not_overtake_one_that_waits() {
        let mut rounds = rounds(1..=60);
        // Decided again while the first decision waits for its receipt, which comes between the two pages.
        let mut again = outcome(1);
        again.outcome_id = "61".into();
        rounds.list.push(again);
        assert!(rounds.one(|id| if id == "1" { Handed::Early } else { Handed::Settle }));
        assert!(!rounds.one(|_| Handed::Settle));
        let left: Vec<_> = rounds.list.iter().map(|one| one.outcome_id.as_str()).collect();
        assert_eq!(left, ["1", "61"], "both wait, in their order");
    }

    #[test]
    fn later_and_early_are_offered_again() {
        let refused = OutcomeVerdict::Refused { code: "HUB-1".into(), message: String::new() };
        let later = OutcomeVerdict::Later { code: "HUB-2".into(), retry_after_ms: 1 };
        assert_eq!(classify(later), Handed::Again);
        assert_eq!(classify(OutcomeVerdict::Early), Handed::Early);
        let void = OutcomeVerdict::Void { code: "HUB-3".into(), message: "closed".into() };
        assert_eq!(classify(void), Handed::Void("closed".into()));
        for verdict in
            [OutcomeVerdict::Effective, OutcomeVerdict::Repeated, OutcomeVerdict::Disputed, refused]
        {
            assert_eq!(classify(verdict), Handed::Settle);
        }
    }
}
