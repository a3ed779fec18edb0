//! What can go wrong on the broker, and how far it reaches: one registry's channel, or the whole connection.

use lapin::ErrorKind;

use crate::code::Code;

/// A failure of the broker.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BusError {
    /// No connection.
    #[error(
        "[{}] the broker at {host} is unreachable; the connector tries again by itself",
        Code::BrokerUnreachable
    )]
    Unreachable {
        host: String,
        #[source]
        source: lapin::Error,
    },
    /// No connection in time.
    #[error(
        "[{}] the broker at {host} did not answer in time ({doing}); the connector tries again by itself",
        Code::BrokerUnreachable
    )]
    Silent { host: String, doing: &'static str },
    /// Login or right refused.
    #[error(
        "[{}] the broker at {host} refuses {doing}; run `connector check`, and on the hub `hub topology apply`",
        Code::BrokerDenied
    )]
    Denied {
        host: String,
        doing: String,
        #[source]
        source: lapin::Error,
    },
    /// The connection ended.
    #[error(
        "[{}] the connection to the broker was lost ({doing}); the connector connects again by itself",
        Code::BrokerUnreachable
    )]
    Lost {
        doing: String,
        #[source]
        source: Option<lapin::Error>,
    },
    /// One queue failed while the connection stands.
    #[error(
        "[{}] queue {queue} cannot be consumed: {what}; the connector tries again by itself, compare `hub topology diff`",
        Code::QueueUnusable
    )]
    Queue {
        queue: String,
        what: String,
        #[source]
        source: Option<lapin::Error>,
    },
}

impl BusError {
    /// Whether the connection may still be good, so that only one registry is concerned.
    pub(crate) fn is_local(&self) -> bool {
        matches!(self, Self::Queue { .. })
    }

    /// The stable code.
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::Unreachable { .. } | Self::Silent { .. } | Self::Lost { .. } => Code::BrokerUnreachable,
            Self::Denied { .. } => Code::BrokerDenied,
            Self::Queue { .. } => Code::QueueUnusable,
        }
    }
}

/// The broker's reply code, if it gave one: 403 refused, 404 not there, 406 not like that.
pub(super) fn reply_code(error: &lapin::Error) -> Option<u16> {
    match error.kind() {
        ErrorKind::ProtocolError(error) => Some(error.get_id()),
        _ => None,
    }
}

/// Whether the broker refused a right (403) or the login.
pub(super) fn is_denied(error: &lapin::Error) -> bool {
    matches!(reply_code(error), Some(403 | 530))
}

/// The error with its causes in one line, for a log field.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let more = cause.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        next = cause.source();
    }
    text
}
