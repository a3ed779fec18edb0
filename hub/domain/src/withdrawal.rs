//! What a court's wish to withdraw (书面提出撤回需求) means where the request stands, and what ends it.
//!
//! A wish never changes the request: only the registry's agreement, a return with the reason `withdrawn`, does, and only
//! while nothing is registered.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Event, State};

/// Where a withdrawal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WithdrawalState {
    /// The registry has not decided.
    Open,
    /// The registry agreed: the request is withdrawn.
    Agreed,
    /// The registry did not agree: the request goes on.
    Declined,
    /// The request was registered, returned or closed before the registry agreed.
    Overtaken,
}

impl WithdrawalState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Open, Self::Agreed, Self::Declined, Self::Overtaken];

    /// The word in JSON and SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Agreed => "agreed",
            Self::Declined => "declined",
            Self::Overtaken => "overtaken",
        }
    }
}

impl fmt::Display for WithdrawalState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The word names no state of a withdrawal.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is no state of a withdrawal; states are open, agreed, declined, overtaken")]
pub struct UnknownWithdrawalState(String);

impl FromStr for WithdrawalState {
    type Err = UnknownWithdrawalState;
    fn from_str(word: &str) -> Result<Self, UnknownWithdrawalState> {
        let found = Self::ALL.into_iter().find(|state| state.as_str() == word);
        found.ok_or_else(|| UnknownWithdrawalState(word.chars().take(32).collect()))
    }
}

/// Why a wish to withdraw is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooLate {
    /// 已登簿: what the court wants undone now is a lifting.
    #[error("the request is registered (登簿), so it cannot be withdrawn any more (法〔2024〕32号 二(三)2)")]
    Registered,
    /// It is over already.
    #[error("the request is {0}; there is nothing left to withdraw")]
    Over(State),
}

/// Whether a court may ask for the withdrawal of a request in `state` (如该查封登记尚未登簿).
///
/// # Errors
/// When it is registered, or over in another way.
pub fn may_ask(state: State) -> Result<(), TooLate> {
    match state {
        State::InFlight | State::Delivered | State::Undelivered => Ok(()),
        State::Registered => Err(TooLate::Registered),
        State::Returned | State::Withdrawn | State::Closed => Err(TooLate::Over(state)),
    }
}

/// What becomes of an open withdrawal when `event` takes effect on its request; none when it stays open.
pub fn after(event: Event) -> Option<WithdrawalState> {
    match event {
        Event::Withdrawn => Some(WithdrawalState::Agreed),
        Event::Registered | Event::Returned | Event::Closed => Some(WithdrawalState::Overtaken),
        Event::ReceiptRecorded
        | Event::WindowRecorded
        | Event::LocalReceiptReported
        | Event::DeadLettered
        | Event::Replayed => None,
    }
}

/// What the court does when its wish was overtaken by this end of the request.
pub fn advice(state: State) -> &'static str {
    match state {
        State::Registered => "it was registered before the registry agreed; send a lifting (解封) for it",
        State::Returned => {
            "it was returned for another reason and counts as not delivered; there is nothing to withdraw"
        }
        State::Closed => {
            "it was given up as undelivered and never reached the registry; there is nothing to withdraw"
        }
        _ => "nothing is left to do",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_heard_until_the_entry_in_the_register() {
        for state in State::ALL {
            let open = [State::InFlight, State::Delivered, State::Undelivered].contains(&state);
            assert_eq!(may_ask(state).is_ok(), open, "{state}");
            // Whoever may still ask stands where something can still happen.
            assert_eq!(open, !state.is_terminal(), "{state}");
        }
        assert_eq!(may_ask(State::Registered), Err(TooLate::Registered));
    }

    #[test]
    fn every_end_of_a_request_ends_its_withdrawal_and_nothing_else_does() {
        for from in State::ALL {
            for event in Event::ALL {
                let Ok(to) = from.on(event) else { continue };
                assert_eq!(after(event).is_some(), to.is_terminal(), "{from} {event}");
                assert_eq!(after(event) == Some(WithdrawalState::Agreed), to == State::Withdrawn);
            }
        }
        for state in WithdrawalState::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
        assert!("撤回".parse::<WithdrawalState>().is_err());
    }
}
