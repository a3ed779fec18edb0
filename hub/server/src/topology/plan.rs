//! The difference between what should be on the broker and what is, as a list of changes that a person can read first.
//!
//! Pure. Three sorts of things come out. *Changes* can be made by `apply`. *Drift* is what others did to our road; it is an
//! alarm, and only a person can say whether it may go. *Foreign* things lie beside our road and are left alone.

use std::fmt;

use serde::Serialize;
use xiezhi_schemas::address::{PARKED, Tier};

use super::{
    running::RunningBinding,
    value::{Arguments, Binding, Destination, Exchange, Permission},
};

/// What happens to a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// It is missing and will be made.
    Create,
    /// It is changed in place.
    Update,
    /// It cannot be changed in place: it is deleted and made anew, which must be allowed expressly.
    Replace,
    /// It is ours and no longer declared.
    Delete,
}

impl Verb {
    fn sign(self) -> &'static str {
        match self {
            Self::Create => "+",
            Self::Update => "~",
            Self::Replace => "-/+",
            Self::Delete => "-",
        }
    }
}

/// What kind of thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum What {
    Exchange,
    Queue,
    Binding,
    User,
    Permission,
    OperatorPolicy,
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Exchange => "exchange",
            Self::Queue => "queue",
            Self::Binding => "binding",
            Self::User => "user",
            Self::Permission => "permission",
            Self::OperatorPolicy => "operator policy",
        })
    }
}

/// One change that `apply` makes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// What happens.
    pub verb: Verb,
    /// To what kind of thing.
    pub what: What,
    /// Its name.
    pub name: String,
    /// What differs, or what it will be. Never a password.
    pub detail: String,
    /// Why it will be refused as things stand, such as messages in a queue that must go.
    pub blocked: Option<String>,
    #[serde(skip)]
    pub(super) action: Action,
}

/// What `apply` does for a change, with everything it needs.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Action {
    PutExchange(Exchange),
    PutQueue(Arguments),
    Bind(Binding),
    Unbind(RunningBinding),
    ReplaceExchange(Exchange),
    ReplaceQueue(Arguments),
    DeleteExchange,
    DeleteQueue,
    MakeUser,
    ClearTags,
    Grant(Permission),
    Revoke,
}

/// When a change is made. Catchers come before what they catch for; a road is opened from its end, so that nothing travels
/// into a half-built one; a binding that goes makes room right before those that come, so that a division which moves to
/// another registry is never delivered to both; what is no longer needed goes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Revoke,
    Replace,
    Catchers,
    CatcherQueues,
    CatcherBindings,
    Exchanges,
    Queues,
    Unbind,
    BindQueues,
    BindUpward,
    BindProvinces,
    BindMinistry,
    Users,
    Permissions,
    Remove,
}

impl Change {
    pub(super) fn stage(&self) -> Stage {
        let catches =
            self.name == PARKED || self.name.starts_with("undelivered.") || self.name.starts_with("hub.");
        match &self.action {
            Action::Revoke => Stage::Revoke,
            Action::ReplaceExchange(_) | Action::ReplaceQueue(_) => Stage::Replace,
            Action::PutExchange(_) if catches => Stage::Catchers,
            Action::PutQueue(_) if catches => Stage::CatcherQueues,
            Action::PutExchange(_) => Stage::Exchanges,
            Action::PutQueue(_) => Stage::Queues,
            Action::Unbind(_) => Stage::Unbind,
            Action::Bind(binding) => match (binding.to, binding.source.parse()) {
                (Destination::Queue, _) if catches => Stage::CatcherBindings,
                (Destination::Queue, _) => Stage::BindQueues,
                (Destination::Exchange, Ok(Tier::Court)) => Stage::BindMinistry,
                (Destination::Exchange, Ok(_)) => Stage::BindProvinces,
                (Destination::Exchange, Err(_)) => Stage::BindUpward,
            },
            Action::MakeUser | Action::ClearTags => Stage::Users,
            Action::Grant(_) => Stage::Permissions,
            Action::DeleteExchange | Action::DeleteQueue => Stage::Remove,
        }
    }
}

/// Something that bends our road and that only a person may mend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// Stable code.
    pub code: &'static str,
    /// What kind of thing.
    pub what: What,
    /// Its name.
    pub name: String,
    /// What it does to the road.
    pub detail: String,
    /// How to mend it.
    pub hint: String,
}

/// Something of others beside our road.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Foreign {
    /// What kind of thing.
    pub what: What,
    /// Its name.
    pub name: String,
}

/// All differences.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Plan {
    /// What `apply` changes, in the order in which it does.
    pub changes: Vec<Change>,
    /// What a person must mend.
    pub drift: Vec<Drift>,
    /// What is left alone.
    pub foreign: Vec<Foreign>,
}

impl Plan {
    /// Whether the broker is as declared: nothing to change and no drift.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.drift.is_empty()
    }

    /// One line: how many of each.
    pub fn summary(&self) -> String {
        if self.is_empty() {
            return format!(
                "No changes: the broker is as declared; {} foreign left alone.",
                self.foreign.len()
            );
        }
        let count = |verb| self.changes.iter().filter(|change| change.verb == verb).count();
        format!(
            "{} to create, {} to update, {} to replace, {} to delete; {} drifted, for a person; {} foreign left alone.",
            count(Verb::Create),
            count(Verb::Update),
            count(Verb::Replace),
            count(Verb::Delete),
            self.drift.len(),
            self.foreign.len()
        )
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for change in &self.changes {
            writeln!(f, "{:>3} {:<10} {}", change.verb.sign(), change.what, change.name)?;
            if !change.detail.is_empty() {
                writeln!(f, "                 {}", change.detail)?;
            }
            if let Some(why) = &change.blocked {
                writeln!(f, "                 blocked: {why}")?;
            }
        }
        for drift in &self.drift {
            writeln!(f, "  ! {:<10} {}", drift.what, drift.name)?;
            writeln!(f, "                 [{}] {}; {}", drift.code, drift.detail, drift.hint)?;
        }
        for foreign in &self.foreign {
            writeln!(f, "    {:<10} {} (foreign)", foreign.what, foreign.name)?;
        }
        writeln!(f, "{}", self.summary())
    }
}
