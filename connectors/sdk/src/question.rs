//! A question of which each sort has one answer of its own, put to the hub by its registry's connector.

use std::time::Duration;

use serde::Serialize;
use xiezhi_schemas::{
    address::{RegistryCode, Upward},
    message::Answers,
};

use crate::{
    bus::{AskError, Asker, chain},
    code::Code,
};

/// What came of a question.
#[derive(Debug)]
pub(crate) enum Put<T> {
    /// The answer.
    Answered(T),
    /// The hub could not read it and keeps it for a person; asking again will not help.
    Unread {
        /// Stable code of the hub.
        code: String,
        /// Why; no personal data.
        message: String,
    },
    /// No answer, or one that does not fit: it must be asked again.
    Unanswered,
    /// The connection is gone: it must be asked again on the next one.
    Gone,
}

/// Puts a message of this sort and takes the answer that `fits`; what is not answered has been logged.
pub(crate) async fn put<T>(
    asker: &Asker,
    (sort, registry): (Upward, &RegistryCode),
    message: &impl Serialize,
    timeout: Duration,
    fits: impl FnOnce(Answers) -> Option<T>,
) -> Put<T> {
    let body = serde_json::to_vec(message).expect("a message is plain data and always has a JSON form");
    match asker.ask(&sort.routing_key(registry), &body, timeout).await {
        Ok(Answers::Unread { code, message }) => Put::Unread { code, message },
        Ok(answers) => fits(answers).map_or_else(
            || {
                tracing::error!(
                    code = %Code::Unread, sort = sort.as_str(),
                    "the hub's answer does not fit the question; asking again"
                );
                Put::Unanswered
            },
            Put::Answered,
        ),
        Err(error @ AskError::Silent(_)) => {
            tracing::warn!(
                code = %Code::LedgerSilent, sort = sort.as_str(), error = chain(&error),
                "the hub has not answered; it is asked again"
            );
            Put::Unanswered
        }
        Err(AskError::Gone(_)) => Put::Gone,
    }
}
