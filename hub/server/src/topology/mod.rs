//! The broker's topology as a value in code: what should be there, what is there, the difference, and how to mend it.
//!
//! [`Topology::declared`] computes the value from the directory; [`Broker::running`] reads the broker; [`plan`] compares the
//! two without touching anything; [`apply`] carries a plan out. All three can be repeated at will: after an apply that ended
//! half way the next plan holds the rest. Drift that a person must judge is reported and never mended by itself.

pub mod access;
mod apply;
mod broker;
mod difference;
mod directory;
mod ours;
mod page;
mod plan;
mod running;
mod secret;
mod value;

#[cfg(test)]
mod tests;

pub use apply::{ApplyOptions, Progress, Refused, Report, apply};
pub use broker::Broker;
pub use difference::plan;
pub use directory::{Directory, Province, Registry};
pub use plan::{Change, Drift, Foreign, Plan, Verb, What};
pub use running::{Running, RunningBinding, RunningExchange, RunningQueue};
pub use secret::Secret;
pub use value::{
    Arguments, Binding, Destination, Exchange, ExchangeKind, HUB_USER, Permission, Settings, Topology,
};

/// Why the topology could not be computed, read or changed. What was done before stays; the next plan holds the rest.
#[derive(Debug, thiserror::Error)]
pub enum TopologyError {
    /// The management API does not answer.
    #[error(
        "[HUB-2101] the broker's management API at {host} does not answer; check that the plugin rabbitmq_management is on \
         and the URL is right"
    )]
    Unreachable {
        /// Scheme, host and port.
        host: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// The management API refused.
    #[error("[HUB-2102] the broker answered {status} to {method} {path}: {reason}{}", advice(*.status))]
    Refused {
        /// HTTP status.
        status: u16,
        /// HTTP method.
        method: String,
        /// Path below `/api`.
        path: String,
        /// What the broker said.
        reason: String,
    },
    /// The answer is not what this hub knows.
    #[error("[HUB-2103] the broker's answer to {path} cannot be read; is it RabbitMQ 3.10 or later?")]
    Unreadable {
        /// Path below `/api`.
        path: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The URL is none.
    #[error(
        "[HUB-2104] the URL of the management API cannot be used; expected http://host:15672, without user and password"
    )]
    Url,
    /// The directory contradicts itself.
    #[error("[HUB-2105] the directory contradicts itself: {0}; mend it and plan again")]
    Directory(String),
    /// The settings cannot be declared.
    #[error("[HUB-2106] the broker settings cannot be used: {0}")]
    Settings(&'static str),
    /// Users must be made, and nobody gave their passwords.
    #[error("[HUB-2107] no password was given for the new broker users {}; nothing was changed", .users.join(", "))]
    PasswordMissing {
        /// The users.
        users: Vec<String>,
    },
    /// The broker lacks something that delivery relies on.
    #[error("[HUB-2108] the broker cannot do what delivery relies on: {0}")]
    Unfit(String),
    /// The virtual host does not exist.
    #[error("[HUB-2109] the broker has no virtual host {vhost:?}; make it with `rabbitmqctl add_vhost`")]
    NoVirtualHost {
        /// Its name.
        vhost: String,
    },
}

impl TopologyError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "HUB-2101",
            Self::Refused { .. } => "HUB-2102",
            Self::Unreadable { .. } => "HUB-2103",
            Self::Url => "HUB-2104",
            Self::Directory(_) => "HUB-2105",
            Self::Settings(_) => "HUB-2106",
            Self::PasswordMissing { .. } => "HUB-2107",
            Self::Unfit(_) => "HUB-2108",
            Self::NoVirtualHost { .. } => "HUB-2109",
        }
    }

    /// Whether the same call may succeed later without anyone's help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { status, .. } => *status >= 500 || *status == 429,
            _ => false,
        }
    }
}

fn advice(status: u16) -> &'static str {
    match status {
        401 => "; check user and password of the management API",
        403 => "; the account needs the tag administrator, because it makes users",
        500.. => "; try again, what was done stays",
        _ => "",
    }
}
