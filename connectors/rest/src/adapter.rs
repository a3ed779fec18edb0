//! The wiring: encode, call, classify.

use async_trait::async_trait;
use connector_sdk::{
    Adapter, AdapterError, ConfigError, DeliveryOrder, LocalOutcome, LocalReceiptOffer, Outcome, Preview,
    WithdrawalOrder,
};
use jiff::Timestamp;
use uuid::Uuid;
use xiezhi_schemas::{
    address::RegistryCode,
    message::{LocalReceiptVerdict, MappingVersion, WithdrawalTaking},
};

use crate::{
    classify,
    client::{Client, JSON},
    config::Config,
    encode::{self, Call},
    fetched,
    mapped::{MappingFile, Message},
};

/// Speaks the JSON protocol of `README.md` to the local systems of one configuration.
#[derive(Debug)]
pub struct RestAdapter {
    client: Client,
    mapping: Option<MappingFile>,
}

impl RestAdapter {
    /// An adapter that has not called anybody yet.
    ///
    /// # Errors
    /// When the file of the certificate authority or the mapping file cannot be used.
    pub fn new(mut config: Config) -> Result<Self, ConfigError> {
        let mapping = config.mapping_file.take().map(MappingFile::open).transpose();
        let mapping = mapping.map_err(|reason| ConfigError::new("mapping.file", reason))?;
        Ok(Self { client: Client::new(config)?, mapping })
    }

    /// The body of a delivery.
    fn body(&self, order: &DeliveryOrder<'_>) -> Result<Body, (String, String)> {
        let Some(mapping) = &self.mapping else {
            let bytes = encode::delivery(order)
                .map_err(|_| ("not_json".to_owned(), "the demand is not JSON".to_owned()))?;
            return Ok(Body { bytes, media_type: JSON.to_owned(), mapping: None, notes: Vec::new() });
        };
        let message =
            mapping.message(order).map_err(|refused| (refused.code().to_string(), refused.to_string()))?;
        let Message { body, media_type, mapping, notes } = message;
        Ok(Body { bytes: body, media_type, mapping: Some(mapping), notes })
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

/// What is sent for a demand.
struct Body {
    bytes: Vec<u8>,
    media_type: String,
    mapping: Option<MappingVersion>,
    notes: Vec<String>,
}

#[async_trait]
impl Adapter for RestAdapter {
    fn name(&self) -> &'static str {
        "rest"
    }

    async fn deliver(&self, order: &DeliveryOrder<'_>) -> Outcome {
        let demand = order.demand;
        let body = match self.body(order) {
            Ok(body) => body,
            Err((code, reason)) => return Outcome::Refused { code, reason },
        };
        for note in &body.notes {
            tracing::warn!(request_id = %demand.request_id, note, "the mapping cut a field, as its rule says");
        }
        let sent = Some((body.bytes, body.media_type));
        let reply = self.client.call_with(&demand.registry, Call::Deliver, sent).await;
        if let classify::Reply::Failed(failure) = &reply {
            let cause = std::error::Error::source(failure).map(ToString::to_string);
            tracing::debug!(request_id = %demand.request_id, registry = %demand.registry, cause, "{failure}");
        }
        match classify::delivery(&reply, demand, Timestamp::now()) {
            Outcome::Taken { local_reference, local_received_at, .. } => {
                Outcome::Taken { local_reference, local_received_at, mapping: body.mapping }
            }
            other => other,
        }
    }

    fn preview(&self, order: &DeliveryOrder<'_>) -> Result<Preview, AdapterError> {
        let body = self.body(order).map_err(|(_, reason)| AdapterError::permanent(reason))?;
        let url = self.client.url(&order.demand.registry, Call::Deliver);
        let Body { bytes, media_type, mapping, notes } = body;
        Ok(Preview { call: format!("POST {url}"), media_type, body: bytes, mapping, notes })
    }

    fn mapping(&self) -> Option<MappingVersion> {
        self.mapping.as_ref().map(MappingFile::version)
    }

    fn reload(&self) -> Result<(), AdapterError> {
        self.mapping.as_ref().map_or(Ok(()), MappingFile::reload).map_err(AdapterError::permanent)
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
