//! Control over the counterpart: what only its owner can do. Without it the rules about illness are not checked.

use async_trait::async_trait;
use uuid::Uuid;
use xiezhi_schemas::address::RegistryCode;

/// The hand on a local system: makes it ill, reads its book, kills it.
#[async_trait]
pub trait Bench: Send + Sync {
    /// What it controls, for the report.
    fn name(&self) -> String;

    /// From now on every call of this registry meets this condition, until another is set.
    ///
    /// # Errors
    /// When the counterpart cannot be put in this condition.
    async fn set(&self, registry: &RegistryCode, condition: Condition) -> Result<(), BenchError>;

    /// What the local system's own book says about one request, oldest first; read from where it keeps it durably.
    ///
    /// # Errors
    /// When the book cannot be read.
    async fn book(&self, registry: &RegistryCode, request_id: Uuid) -> Result<Vec<Entry>, BenchError>;

    /// Ends the local system without a warning, if a crash has not, and starts it again at the same address. Conditions are gone.
    ///
    /// # Errors
    /// [`BenchError::CannotDo`] when this bench cannot; it must then be known before anything is crashed.
    async fn restart(&self) -> Result<(), BenchError>;

    /// Whether [`Bench::restart`] works.
    fn can_restart(&self) -> bool;

    /// A court serves a demand over the local link (点对点) under this local number.
    ///
    /// # Errors
    /// When there is no such link.
    async fn local_demand(&self, registry: &RegistryCode, number: &str) -> Result<(), BenchError>;
}

/// A state of the local system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// As it should be.
    Well,
    /// Answers every call that it is not available, and does nothing.
    Down,
    /// Accepts calls and neither acts nor answers until the condition changes.
    Silent,
    /// Stores a delivery and closes the connection without an answer.
    LoseAnswer,
    /// Stores a delivery and answers by half.
    HalfAnswer,
    /// Stores a delivery and answers in another character set than agreed.
    WrongCodePage,
    /// Dies when a delivery arrives.
    CrashBeforeStored,
    /// Dies when a delivery is stored, before the answer.
    CrashAfterStored,
    /// Returns every delivery at the door (退回).
    ReturnAtDoor,
    /// Refuses every delivery.
    Refuse,
    /// Refuses every delivery and quotes persons of the demand in its reason.
    RefuseQuoting,
    /// Says that every delivery is too large.
    TooLarge,
    /// Offers the outcome of a delivery before it answers it.
    EarlyResult,
}

/// One line of the local system's book about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands in the book; larger is later.
    pub place: u64,
    /// What happened.
    pub event: Event,
}

/// What the book says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Taken under this reference.
    Taken(String),
    /// What was taken is void.
    Voided,
    /// A wish for withdrawal is held.
    Wished,
    /// Something else.
    Other,
}

/// The bench did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// It has no means for this; the rule is not checked.
    #[error("this bench cannot {0}")]
    CannotDo(&'static str),
    /// It should have, and failed; the rule is not checked.
    #[error("the bench failed: {0}")]
    Failed(String),
}
