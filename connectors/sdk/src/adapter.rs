//! The one trait that every local system is reached through. An adapter speaks the protocol of one kind of registry system and
//! classifies what it answers; everything else (order, retries, receipts, acknowledgement) is the runtime's business, so
//! that no adapter can get it wrong.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;
use xiezhi_schemas::{
    address::RegistryCode,
    message::{
        Attachment, Demand, LocalReceiptVerdict, LocalRecord, MappingVersion, OutcomeMessage, ReturnMessage,
        Withdrawal, WithdrawalTaking,
    },
};

/// One kind of local registry system (属地不动产登记系统).
///
/// The runtime calls methods of one adapter concurrently, also for one registry, but never hands over two demands of one
/// lane (property unit at a registry) at once. A call may be dropped when the process ends: whatever it did must be
/// found again by the request id.
#[async_trait]
pub trait Adapter: Send + Sync + 'static {
    /// The name under which the configuration chooses it, e.g. `rest`.
    fn name(&self) -> &'static str;

    /// Hands one demand to the local system.
    ///
    /// Must be idempotent by the demand's `request_id`: a second call for a demand that the local system holds answers
    /// [`Outcome::Taken`] with the same reference. `Taken` is a promise that the local system holds the demand durably; the
    /// receipt (送达) is asked for on the strength of it.
    async fn deliver(&self, order: &DeliveryOrder<'_>) -> Outcome;

    /// Exactly what [`Adapter::deliver`] would send, for people to look at; calls nobody.
    ///
    /// # Errors
    /// Why it would send nothing. The default says that this adapter cannot show it.
    fn preview(&self, order: &DeliveryOrder<'_>) -> Result<Preview, AdapterError> {
        let _ = order;
        Err(AdapterError::permanent(format!("the adapter {} cannot show what it would send", self.name())))
    }

    /// The mapping in force; none when demands go as they are.
    fn mapping(&self) -> Option<MappingVersion> {
        None
    }

    /// Reads the mapping file again, as a whole or not at all: on an error the mapping that was loaded before stays in force. Called
    /// while deliveries are in hand; each uses one mapping from begin to end. May read files.
    ///
    /// # Errors
    /// Everything that is wrong with the file.
    fn reload(&self) -> Result<(), AdapterError> {
        Ok(())
    }

    /// Tells the local system that what it took has no receipt and never will have: the request was closed, returned or
    /// counted as undelivered (未送达) meanwhile. A replay of an undelivered one comes as a delivery with the same request
    /// id and must be taken afresh. Idempotent; succeeds when the local system does not know the request.
    ///
    /// # Errors
    /// When the local system did not confirm; the runtime repeats a transient failure.
    async fn void(&self, registry: &RegistryCode, request_id: Uuid, reason: &str)
    -> Result<(), AdapterError>;

    /// Hands a court's written wish to take a demand back (书面提出撤回需求) to the local system, which holds the demand. The
    /// registry decides later: it offers a return with the reason `withdrawn`, or that it declines, among its outcomes.
    ///
    /// Idempotent by `withdrawal_id`. An adapter whose local system has no place for such a wish leaves this as it is; the
    /// court is then told to send its letter to the registry by another way.
    ///
    /// # Errors
    /// When the local system did not confirm; the runtime repeats it.
    async fn withdrawal_request(
        &self,
        order: &WithdrawalOrder<'_>,
    ) -> Result<WithdrawalTaking, AdapterError> {
        let _not_for_this_system = order;
        Ok(WithdrawalTaking::Unsupported)
    }

    /// The next results, returns and declined withdrawals of this registry that are not settled yet, oldest first, at most `limit`; empty when there
    /// are none. The runtime hands each to the hub and calls [`Adapter::settle`] once the hub has answered.
    ///
    /// # Errors
    /// When the local system cannot be asked or answers what cannot be read.
    async fn fetch_outcomes(
        &self,
        registry: &RegistryCode,
        limit: usize,
    ) -> Result<Vec<LocalOutcome>, AdapterError>;

    /// The same, but only what comes after the outcome `after` in the local system's order; that one may be settled meanwhile.
    /// The runtime asks so when a whole page waits for receipts, and begins with the oldest again afterwards. Without it
    /// (the default says that there are none), what lies behind such a page waits with it.
    ///
    /// # Errors
    /// As [`Adapter::fetch_outcomes`].
    async fn fetch_outcomes_after(
        &self,
        registry: &RegistryCode,
        after: &str,
        limit: usize,
    ) -> Result<Vec<LocalOutcome>, AdapterError> {
        let _ = (registry, after, limit);
        Ok(Vec::new())
    }

    /// The hub has this outcome; the local system need not offer it again. Idempotent.
    ///
    /// # Errors
    /// When the local system did not confirm; it will offer the outcome again, which does no harm.
    async fn settle(&self, registry: &RegistryCode, outcome_id: &str) -> Result<(), AdapterError>;

    /// The next receipts of demands that reached the local system over its own link (点对点) and are not settled yet, oldest
    /// first, at most `limit`. The runtime hands each to the hub, which gives it its place in the ledger, and calls
    /// [`Adapter::settle_local_receipt`] with the hub's answer. An adapter whose local system has no such link, or does
    /// not tell, leaves this as it is.
    ///
    /// # Errors
    /// When the local system cannot be asked or answers what cannot be read.
    async fn fetch_local_receipts(
        &self,
        registry: &RegistryCode,
        limit: usize,
    ) -> Result<Vec<LocalReceiptOffer>, AdapterError> {
        let _no_such_link = (registry, limit);
        Ok(Vec::new())
    }

    /// What the hub said about a receipt of the local link; the local system need not offer it again. What is recorded
    /// has request ids, under which results and returns are reported from now on. What is refused stays visible at
    /// the registry, which may offer a corrected one under the same local number. Idempotent by `receipt_id`.
    ///
    /// # Errors
    /// When the local system did not confirm; it will offer the receipt again, which does no harm.
    async fn settle_local_receipt(
        &self,
        registry: &RegistryCode,
        receipt_id: &str,
        verdict: &LocalReceiptVerdict,
    ) -> Result<(), AdapterError> {
        let _ = (registry, receipt_id, verdict);
        Err(AdapterError::permanent("this adapter offers no receipts of a local link"))
    }

    /// Cheap check whether the local system of this registry can take demands now.
    ///
    /// # Errors
    /// Why it cannot.
    async fn health(&self, registry: &RegistryCode) -> Result<(), AdapterError>;
}

/// One demand to be handed over.
#[derive(Debug, Clone, Copy)]
pub struct DeliveryOrder<'a> {
    /// The demand, parsed and verified.
    pub demand: &'a Demand,
    /// The body exactly as it travelled.
    pub body: &'a [u8],
    /// SHA-256 of `body`, 64 lower-case hexadecimal digits; the receipt confirms it.
    pub body_sha256: &'a str,
    /// The hub's number of the attempt, from 1; a replay adds one.
    pub attempt: u32,
    /// All documents of the demand, in the order of its attachments; digests are checked.
    pub documents: &'a [FetchedDocument],
}

/// One wish for withdrawal to be handed over.
#[derive(Debug, Clone, Copy)]
pub struct WithdrawalOrder<'a> {
    /// The wish, parsed and verified.
    pub withdrawal: &'a Withdrawal,
    /// The body exactly as the hub gave it.
    pub body: &'a [u8],
    /// The sealed letter; its digest is checked.
    pub letter: &'a FetchedDocument,
}

/// A document with the claim by which it was fetched.
#[derive(Debug, Clone)]
pub struct FetchedDocument {
    /// What the demand says about it.
    pub claim: Attachment,
    /// The bytes; their digest and size fit the claim.
    pub bytes: Bytes,
}

/// What an adapter would send.
#[derive(Debug)]
pub struct Preview {
    /// The call, such as `POST https://…`; holds no secret.
    pub call: String,
    /// Media type of the body.
    pub media_type: String,
    /// The body.
    pub body: Vec<u8>,
    /// The mapping that made it.
    pub mapping: Option<MappingVersion>,
    /// What a reader should know, such as fields that were cut; no values.
    pub notes: Vec<String>,
}

/// What the local system did with one demand.
#[derive(Debug)]
pub enum Outcome {
    /// The local system durably holds the demand.
    Taken {
        /// Number under which it keeps the demand; at most 100 characters.
        local_reference: Option<String>,
        /// When it says that it received the demand: a claim, never the time of 送达.
        local_received_at: Option<Timestamp>,
        /// The mapping that made the message which it took; none when it was given the demand as it is.
        mapping: Option<MappingVersion>,
    },
    /// The registry returned it at the door (退回).
    Returned(ReturnMessage),
    /// The local system is unwell (unreachable, timeout, 5xx, unreadable answer): nothing is known about this demand. The
    /// runtime retries in place and then pauses the registry.
    Unwell {
        /// What was seen; no personal data.
        reason: String,
        /// When the local system asked to be tried again.
        retry_after: Option<Duration>,
    },
    /// The local system is well but cannot take this one demand: it is parked and the court learns 未送达.
    Refused {
        /// Code given by the local system.
        code: String,
        /// Its reason; no personal data.
        reason: String,
    },
}

/// A result or return that the local system offers.
#[derive(Debug, Clone)]
pub struct LocalOutcome {
    /// The local system's own id of it, for [`Adapter::settle`].
    pub outcome_id: String,
    /// What was decided.
    pub message: OutcomeMessage,
}

/// A receipt that the local system offers: of a demand that came over its own link (点对点).
#[derive(Debug, Clone)]
pub struct LocalReceiptOffer {
    /// The local system's own id of the offer, for [`Adapter::settle_local_receipt`]; a corrected one has another.
    pub receipt_id: String,
    /// The local system's record: number, instant of 送达, where from.
    pub local: LocalRecord,
    /// The demand in the form of [`xiezhi_schemas::message::Submission`], as the local system gives it. It is read by the
    /// hub, whose one checklist says everything that is wrong with it.
    pub demand: Value,
}

/// Why the local system could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum AdapterError {
    /// It may answer when asked again.
    #[error("the local system did not answer as it should: {reason}")]
    Transient {
        /// What was seen; no personal data.
        reason: String,
        /// Cause.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// Asking again will not help; somebody must change something.
    #[error("the local system refuses: {reason}")]
    Permanent {
        /// What was seen; no personal data.
        reason: String,
        /// Cause.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

impl AdapterError {
    /// A failure that may pass.
    pub fn transient(reason: impl Into<String>) -> Self {
        Self::Transient { reason: reason.into(), source: None }
    }

    /// A failure that stays.
    pub fn permanent(reason: impl Into<String>) -> Self {
        Self::Permanent { reason: reason.into(), source: None }
    }

    /// The same failure with its cause.
    #[must_use]
    pub fn because(self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let cause = Some(cause.into());
        match self {
            Self::Transient { reason, .. } => Self::Transient { reason, source: cause },
            Self::Permanent { reason, .. } => Self::Permanent { reason, source: cause },
        }
    }

    /// Whether asking again may help.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Transient { .. })
    }
}
