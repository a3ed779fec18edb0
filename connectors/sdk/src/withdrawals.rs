//! Carries courts' written wishes for withdrawal (撤回) from the hub to the local systems.
//!
//! The hub offers a wish only while the registry holds the demand, so it cannot arrive before what it is about. Nothing
//! is held here: what was not handed over is offered again, and the local system knows a wish by its id.

use std::{collections::HashSet, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use uuid::Uuid;
use xiezhi_schemas::{
    address::RegistryCode,
    message::{OfferedWithdrawal, Withdrawal, WithdrawalMessage, WithdrawalTaking},
    signature::{Covered, ProvinceKey, verify},
};

use crate::{
    adapter::{Adapter, FetchedDocument, WithdrawalOrder},
    bus::chain,
    code::Code,
    documents::Documents,
    errand::{self, Errand, Next},
    hub::{HubClient, HubError},
};

/// Asks the hub for the wishes of all registries of a connector.
pub(crate) struct Carrier {
    pub(crate) province_key: ProvinceKey,
    pub(crate) registries: Vec<RegistryCode>,
    pub(crate) hub: HubClient,
    pub(crate) documents: Arc<Documents>,
    pub(crate) adapter: Arc<dyn Adapter>,
    pub(crate) period: Duration,
    /// Wishes of which it was said that they cannot be handed over: once, not at every question.
    pub(crate) told: HashSet<Uuid>,
}

/// Why an offered wish is not handed over. Never quotes the body.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
enum Refusal {
    #[error("the body is not a withdrawal of a version this build knows")]
    Unreadable,
    #[error("the signature does not fit")]
    BadSignature,
    #[error("it is for a registry that this connector does not serve")]
    WrongRegistry,
}

fn check(
    key: &ProvinceKey,
    registries: &[RegistryCode],
    offered: &OfferedWithdrawal,
) -> Result<Withdrawal, Refusal> {
    let message: WithdrawalMessage = serde_json::from_str(&offered.body).map_err(|_| Refusal::Unreadable)?;
    let withdrawal = message.into_withdrawal();
    let covered = Covered {
        sender: &withdrawal.sender,
        registry: &withdrawal.registry,
        request_id: withdrawal.request_id,
        message_id: withdrawal.withdrawal_id,
    };
    if !verify(key, &covered, offered.body.as_bytes(), &offered.signature) {
        return Err(Refusal::BadSignature);
    }
    if !registries.contains(&withdrawal.registry) {
        return Err(Refusal::WrongRegistry);
    }
    Ok(withdrawal)
}

impl Errand for Carrier {
    type Error = HubError;

    async fn round(&mut self) -> Result<Next, HubError> {
        let mut told = std::mem::take(&mut self.told);
        let all = self.carry(&mut told).await;
        self.told = told;
        Ok(if all? { Next::AfterPeriod } else { Next::AfterWait })
    }

    fn trouble_begins(&self, error: &HubError) {
        tracing::warn!(
            code = %error.code(), error = chain(error),
            "the hub cannot be asked for withdrawals; the connector goes on asking"
        );
    }

    fn trouble_ends(&self) {
        tracing::info!("the hub is asked for withdrawals again");
    }
}

impl Carrier {
    /// Works until `stop`. Its own failures pass with time, so it never fails.
    pub(crate) async fn run(self, stop: &CancellationToken) {
        let period = self.period;
        errand::run(self, period, stop).await;
    }

    /// One question and what it brings; false when something could not be handed over.
    async fn carry(&self, told: &mut HashSet<Uuid>) -> Result<bool, HubError> {
        let mut all = true;
        for offered in self.hub.withdrawals(&self.registries).await? {
            match check(&self.province_key, &self.registries, &offered) {
                Ok(withdrawal) => {
                    let span = tracing::info_span!(
                        "withdrawal", otel.kind = "consumer", registry = %withdrawal.registry,
                        request_id = %withdrawal.request_id, withdrawal_id = %withdrawal.withdrawal_id
                    );
                    all &= self.hand_over(&withdrawal, &offered, told).instrument(span).await?;
                }
                Err(refusal) => {
                    all = false;
                    tracing::error!(code = %Code::BadWithdrawal, reason = %refusal, "an offered withdrawal is left alone");
                }
            }
        }
        Ok(all)
    }

    async fn hand_over(
        &self,
        withdrawal: &Withdrawal,
        offered: &OfferedWithdrawal,
        told: &mut HashSet<Uuid>,
    ) -> Result<bool, HubError> {
        let claim = &withdrawal.letter;
        let bytes = match self.documents.one(withdrawal.request_id, claim).await {
            Ok(bytes) => bytes,
            Err(error) => {
                tracing::error!(code = %error.code(), error = chain(&error), "the letter cannot be fetched");
                return Ok(false);
            }
        };
        let letter = FetchedDocument { claim: claim.clone(), bytes };
        let order = WithdrawalOrder { withdrawal, body: offered.body.as_bytes(), letter: &letter };
        let taking = match self.adapter.withdrawal_request(&order).await {
            Ok(taking) => taking,
            Err(error) => {
                if told.insert(withdrawal.withdrawal_id) {
                    tracing::warn!(
                        code = %Code::Withdrawal, error = chain(&error),
                        "a withdrawal is not handed over yet; the connector goes on trying"
                    );
                }
                return Ok(false);
            }
        };
        self.hub.withdrawal_taken(withdrawal.withdrawal_id, taking).await?;
        told.remove(&withdrawal.withdrawal_id);
        match taking {
            WithdrawalTaking::Held => tracing::info!("a withdrawal was handed over; the registry decides"),
            WithdrawalTaking::Unsupported => {
                tracing::warn!(
                    "the local system takes no withdrawals; the court is told to send its letter itself"
                );
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use xiezhi_schemas::signature::sign;

    use super::*;

    fn offered(key: &ProvinceKey, registry: &str) -> OfferedWithdrawal {
        let example = include_str!("../../../schemas/examples/accepted/withdrawal.json");
        let WithdrawalMessage::V1(mut withdrawal) = serde_json::from_str(example).unwrap();
        withdrawal.registry = registry.parse().unwrap();
        let message = WithdrawalMessage::V1(withdrawal.clone());
        let body = serde_json::to_string(&message).unwrap();
        let covered = Covered {
            sender: &withdrawal.sender,
            registry: &withdrawal.registry,
            request_id: withdrawal.request_id,
            message_id: withdrawal.withdrawal_id,
        };
        OfferedWithdrawal { signature: sign(key, &covered, body.as_bytes()), body }
    }

    #[test]
    fn only_the_hubs_wishes_for_these_registries_pass() {
        let key = ProvinceKey::derive(b"hub", &"32".parse().unwrap());
        let other = ProvinceKey::derive(b"hub", &"33".parse().unwrap());
        let registries: [RegistryCode; 1] = ["320102".parse().unwrap()];
        let good = offered(&key, "320102");
        assert!(check(&key, &registries, &good).is_ok());
        assert_eq!(check(&other, &registries, &good), Err(Refusal::BadSignature));
        assert_eq!(check(&key, &registries, &offered(&key, "320104")), Err(Refusal::WrongRegistry));
        let altered = OfferedWithdrawal { body: good.body.replace("court-a", "court-b"), ..good.clone() };
        assert_eq!(check(&key, &registries, &altered), Err(Refusal::BadSignature));
        let unread = OfferedWithdrawal { body: "{}".into(), ..good };
        assert_eq!(check(&key, &registries, &unread), Err(Refusal::Unreadable));
    }
}
