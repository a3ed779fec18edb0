//! Every message that travels, as versioned types. The JSON Schemas in `schemas/json/` are generated from them.
//!
//! Downward goes the [`Demand`] of one property unit; upward come [`Receipts`], [`LocalReceipt`], [`ResultMessage`] and [`ReturnMessage`]; the
//! hub answers each of them, and tells the court by [`Feedback`]. A message names its schema in the field `schema`;
//! a reader refuses a major version it does not know and ignores nothing: unknown fields are errors.

mod answer;
mod channel;
mod conversion;
mod demand;
mod dispute_evidence;
mod document;
mod feedback;
mod local_receipt;
mod outcome;
mod receipt;
mod reminder;
mod submission;
mod withdrawal;
pub mod words;

pub use answer::{Answers, OutcomeAnswer, OutcomeVerdict, ReceiptAnswer, Stamp, Verdict};
pub use channel::{Channel, LateEntry, WindowEntry};
pub use conversion::{ConversionError, ConversionReport};
pub use demand::{Demand, DemandMessage, Placement};
pub use dispute_evidence::{
    DisputeEvidence, DisputeEvidenceMessage, EvidenceEvent, EvidenceHead, EvidenceOutcome, EvidenceReceipt,
    EvidenceRequest, EvidenceSending, EvidenceState,
};
pub use document::{Attachment, AttachmentRole, Digest, DigestError, SealMode};
pub use feedback::{
    ConversionCompared, ConversionNotice, DisputeCause, DisputeNotice, Feedback, FeedbackBody, LapseNotice,
    RegisterChange, UndeliveredCause, UndeliveredNotice,
};
pub use local_receipt::{
    LocalReceipt, LocalReceiptAnswer, LocalReceiptMessage, LocalReceiptVerdict, LocalRecord, LocalRequest,
};
pub use outcome::{
    DIFFERING_FIELDS, OutcomeMessage, RegisteredStatus, Registration, ResultMessage, ReturnMessage,
    ReturnReason, ReturnReasonError,
};
pub use receipt::{MappingVersion, Receipt, Receipts, ReceiptsMessage};
pub use reminder::{
    Addressee, LimitBasis, ReminderKind, ReminderLevel, ReminderNotice, UnknownWord as UnknownReminderWord,
};
pub use submission::{
    Contact, Court, Debtor, DocumentKind, Kind, OfficerCard, OfficerCardKind, Period, Submission, Unit,
};
pub use withdrawal::{
    NoReason, OfferedWithdrawal, Withdrawal, WithdrawalDeclined, WithdrawalMessage, WithdrawalRequest,
    WithdrawalTaking,
};

/// Names of the AMQP headers that accompany a demand. They hold what may differ between attempts or is needed before the
/// body is parsed; what must never change is in the body.
pub mod header {
    /// HMAC over recipient, ids and body; see [`crate::signature`].
    pub const SIGNATURE: &str = "x-xiezhi-signature";
    /// Number of the attempt, from 1; a replay adds one.
    pub const ATTEMPT: &str = "x-xiezhi-attempt";
    /// The sender, repeated from the body for the signature check.
    pub const SENDER: &str = "x-xiezhi-sender";
    /// The request id, repeated from the body.
    pub const REQUEST_ID: &str = "x-xiezhi-request-id";
    /// Why a connector parked a demand; set when it publishes a copy of its reason with the rejection.
    pub const PARK_REASON: &str = "x-xiezhi-park-reason";
}
