//! What the broker holds at one moment, as its management API tells it.

use std::collections::BTreeMap;

use super::value::{Arguments, Binding, Permission};

/// A snapshot of one virtual host. Not atomic: the broker has no such thing, so a plan made while others change it may need
/// a second look.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Running {
    /// Exchanges by name, without the ones every virtual host has.
    pub exchanges: BTreeMap<String, RunningExchange>,
    /// Queues by name.
    pub queues: BTreeMap<String, RunningQueue>,
    /// Bindings, without the implicit ones of the default exchange.
    pub bindings: Vec<RunningBinding>,
    /// Tags by user; users belong to the whole broker, not to one virtual host.
    pub users: BTreeMap<String, Vec<String>>,
    /// Permissions in this virtual host by user.
    pub permissions: BTreeMap<String, Permission>,
    /// Users with topic permissions in this virtual host, and the exchange of each.
    pub topic_permissions: Vec<(String, String)>,
    /// Names of the operator policies of this virtual host.
    pub operator_policies: Vec<String>,
}

/// An exchange that exists.
#[derive(Debug, Clone, PartialEq)]
pub struct RunningExchange {
    /// Type, as the broker calls it.
    pub kind: String,
    /// Whether it outlives a restart.
    pub durable: bool,
    /// Whether it goes with its last binding.
    pub auto_delete: bool,
    /// Whether publishers are shut out.
    pub internal: bool,
    /// Its arguments.
    pub arguments: Arguments,
    /// The policy that applies to it.
    pub policy: Option<String>,
}

/// A queue that exists.
#[derive(Debug, Clone, PartialEq)]
pub struct RunningQueue {
    /// Whether it outlives a restart.
    pub durable: bool,
    /// Whether it goes with its last consumer.
    pub auto_delete: bool,
    /// Its arguments.
    pub arguments: Arguments,
    /// Messages in it, ready and unacknowledged; some seconds old.
    pub messages: u64,
    /// The policy that applies to it.
    pub policy: Option<String>,
}

/// A binding that exists.
#[derive(Debug, Clone, PartialEq)]
pub struct RunningBinding {
    /// Where it leads.
    pub binding: Binding,
    /// Its arguments; ours have none.
    pub arguments: Arguments,
    /// The broker's name for key and arguments, needed to delete it.
    pub properties_key: String,
}
