//! Shapes of the management API's answers, as far as they are read.

use serde::Deserialize;

use super::{
    running::{RunningBinding, RunningExchange, RunningQueue},
    value::{Arguments, Binding, Destination, Permission},
};

/// One page of a list.
#[derive(Deserialize)]
pub(super) struct Paged<T> {
    pub(super) items: Vec<T>,
    pub(super) page: usize,
    pub(super) page_count: usize,
}

#[derive(Deserialize)]
pub(super) struct Named {
    pub(super) name: String,
}

#[derive(Deserialize)]
pub(super) struct Overview {
    pub(super) rabbitmq_version: String,
}

impl Overview {
    pub(super) fn is_at_least(&self, major: u32, minor: u32) -> bool {
        let mut parts =
            self.rabbitmq_version.split(['.', '-', '+']).map(|part| part.parse::<u32>().unwrap_or(0));
        (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) >= (major, minor)
    }
}

#[derive(Deserialize)]
pub(super) struct Flag {
    pub(super) name: String,
    state: String,
}

impl Flag {
    /// Quorum queues, and at-least-once dead-lettering, which 3.10 brings with the flag of streams. A flag that newer brokers
    /// have made permanent is missing from their list.
    pub(super) fn is_needed_and_off(&self) -> bool {
        matches!(self.name.as_str(), "quorum_queue" | "stream_queue") && self.state == "disabled"
    }
}

#[derive(Deserialize)]
pub(super) struct QueueRow {
    pub(super) name: String,
    durable: bool,
    auto_delete: bool,
    #[serde(default)]
    arguments: Arguments,
    #[serde(default)]
    messages: u64,
    #[serde(default)]
    policy: Option<String>,
}

impl From<QueueRow> for RunningQueue {
    fn from(row: QueueRow) -> Self {
        Self {
            durable: row.durable,
            auto_delete: row.auto_delete,
            arguments: row.arguments,
            messages: row.messages,
            policy: row.policy.filter(|name| !name.is_empty()),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct ExchangeRow {
    pub(super) name: String,
    #[serde(rename = "type")]
    kind: String,
    durable: bool,
    auto_delete: bool,
    internal: bool,
    #[serde(default)]
    arguments: Arguments,
    #[serde(default)]
    policy: Option<String>,
}

impl ExchangeRow {
    /// Whether every virtual host has it.
    pub(super) fn is_built_in(&self) -> bool {
        self.name.is_empty() || self.name.starts_with("amq.")
    }
}

impl From<ExchangeRow> for RunningExchange {
    fn from(row: ExchangeRow) -> Self {
        Self {
            kind: row.kind,
            durable: row.durable,
            auto_delete: row.auto_delete,
            internal: row.internal,
            arguments: row.arguments,
            policy: row.policy.filter(|name| !name.is_empty()),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct BindingRow {
    source: String,
    destination: String,
    destination_type: Destination,
    routing_key: String,
    #[serde(default)]
    arguments: Arguments,
    properties_key: String,
}

impl BindingRow {
    /// `None` for the implicit binding of the default exchange to every queue.
    pub(super) fn into_binding(self) -> Option<RunningBinding> {
        let Self { source, destination, destination_type: to, routing_key: key, arguments, properties_key } =
            self;
        let binding = Binding { source, to, destination, key };
        (!binding.source.is_empty()).then_some(RunningBinding { binding, arguments, properties_key })
    }
}

#[derive(Deserialize)]
pub(super) struct UserRow {
    pub(super) name: String,
    pub(super) tags: Tags,
}

/// Tags are a list, and were one text with commas before.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Tags {
    List(Vec<String>),
    Text(String),
}

impl From<Tags> for Vec<String> {
    fn from(tags: Tags) -> Self {
        match tags {
            Tags::List(list) => list,
            Tags::Text(text) => {
                text.split(',').map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned).collect()
            }
        }
    }
}

#[derive(Deserialize)]
pub(super) struct UserHash {
    pub(super) password_hash: String,
    pub(super) hashing_algorithm: String,
}

#[derive(Deserialize)]
pub(super) struct PermissionRow {
    pub(super) user: String,
    configure: String,
    write: String,
    read: String,
}

impl From<PermissionRow> for Permission {
    fn from(row: PermissionRow) -> Self {
        Self { configure: row.configure, write: row.write, read: row.read }
    }
}

#[derive(Deserialize)]
pub(super) struct TopicRow {
    pub(super) user: String,
    pub(super) exchange: String,
}
