//! The wiring: encode, call, classify.

use async_trait::async_trait;
use connector_sdk::{
    Adapter, AdapterError, ConfigError, DeliveryOrder, LocalOutcome, LocalReceiptOffer, Outcome,
    WithdrawalOrder,
};
use jiff::Timestamp;
use uuid::Uuid;
use xiezhi_schemas::{
    address::RegistryCode,
    message::{LocalReceiptVerdict, WithdrawalTaking},
};

use crate::{
    classify,
    client::Client,
    config::Config,
    encode::{self, Call},
    fetched,
};

/// Speaks the JSON protocol of `README.md` to the local systems of one configuration.
#[derive(Debug)]
pub struct RestAdapter {
    client: Client,
}

impl RestAdapter {
    /// An adapter that has not called anybody yet.
    ///
    /// # Errors
    /// When the file of the certificate authority cannot be used.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        Ok(Self { client: Client::new(config)? })
    }

    async fn outcomes(
        &self,
        registry: &RegistryCode,
        call: Call<'_>,
    ) -> Result<Vec<LocalOutcome>, AdapterError> {
        let reply = self.client.call(registry, call, None).await;
        let fetched = fetched::outcomes(&classify::body(reply)?, registry)?;
        if !fetched.bad.is_empty() {
            tracing::warn!(%registry, places = ?fetched.bad, "outcomes offered by the local system cannot be read");
        }
        Ok(fetched.good)
    }
}

#[async_trait]
impl Adapter for RestAdapter {
    fn name(&self) -> &'static str {
        "rest"
    }

    async fn deliver(&self, order: &DeliveryOrder<'_>) -> Outcome {
        let demand = order.demand;
        let Ok(body) = encode::delivery(order) else {
            return Outcome::Refused { code: "not_json".into(), reason: "the demand is not JSON".into() };
        };
        let reply = self.client.call(&demand.registry, Call::Deliver, Some(body)).await;
        if let classify::Reply::Failed(failure) = &reply {
            let cause = std::error::Error::source(failure).map(ToString::to_string);
            tracing::debug!(request_id = %demand.request_id, registry = %demand.registry, cause, "{failure}");
        }
        classify::delivery(&reply, demand, Timestamp::now())
    }

    async fn void(
        &self,
        registry: &RegistryCode,
        request_id: Uuid,
        reason: &str,
    ) -> Result<(), AdapterError> {
        let call = Call::Void(request_id);
        classify::done(self.client.call(registry, call, Some(encode::void(reason))).await)
    }

    async fn withdrawal_request(
        &self,
        order: &WithdrawalOrder<'_>,
    ) -> Result<WithdrawalTaking, AdapterError> {
        let body =
            encode::withdrawal(order).map_err(|_| AdapterError::permanent("the withdrawal is not JSON"))?;
        let call = Call::Withdrawal(order.withdrawal.request_id);
        classify::withdrawal(self.client.call(&order.withdrawal.registry, call, Some(body)).await)
    }

    async fn fetch_outcomes(
        &self,
        registry: &RegistryCode,
        limit: usize,
    ) -> Result<Vec<LocalOutcome>, AdapterError> {
        self.outcomes(registry, Call::Outcomes(limit, None)).await
    }

    async fn fetch_outcomes_after(
        &self,
        registry: &RegistryCode,
        after: &str,
        limit: usize,
    ) -> Result<Vec<LocalOutcome>, AdapterError> {
        self.outcomes(registry, Call::Outcomes(limit, Some(after))).await
    }

    async fn settle(&self, registry: &RegistryCode, outcome_id: &str) -> Result<(), AdapterError> {
        if !encode::is_offer_id(outcome_id) {
            return Err(AdapterError::permanent("the outcome id cannot be one of this protocol"));
        }
        classify::done(self.client.call(registry, Call::Settle(outcome_id), Some(b"{}".to_vec())).await)
    }

    async fn fetch_local_receipts(
        &self,
        registry: &RegistryCode,
        limit: usize,
    ) -> Result<Vec<LocalReceiptOffer>, AdapterError> {
        let reply = self.client.call(registry, Call::LocalReceipts(limit), None).await;
        let Some(body) = classify::list_if_known(reply)? else { return Ok(Vec::new()) };
        let fetched = fetched::local_receipts(&body, registry)?;
        if !fetched.bad.is_empty() {
            tracing::warn!(%registry, places = ?fetched.bad, "receipts of the local link cannot be read");
        }
        Ok(fetched.good)
    }

    async fn settle_local_receipt(
        &self,
        registry: &RegistryCode,
        receipt_id: &str,
        verdict: &LocalReceiptVerdict,
    ) -> Result<(), AdapterError> {
        if !encode::is_offer_id(receipt_id) {
            return Err(AdapterError::permanent("the receipt's id cannot be one of this protocol"));
        }
        let call = Call::SettleLocalReceipt(receipt_id);
        classify::done(self.client.call(registry, call, Some(encode::said(verdict))).await)
    }

    async fn health(&self, registry: &RegistryCode) -> Result<(), AdapterError> {
        classify::done(self.client.call(registry, Call::Health, None).await)
    }
}
