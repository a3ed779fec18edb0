//! What a result or return of a registry means for a request: whether it takes effect, waits, repeats or contradicts.
//!
//! Pure: the caller brings what is known, and does what comes out. Nothing that took effect is ever overwritten.

use std::{fmt, str::FromStr};

use xiezhi_schemas::message::{Kind, OutcomeMessage, RegisteredStatus, ResultMessage, ReturnReason};

use crate::{Event, State};

/// What a stored outcome counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// It decided the request.
    Effective,
    /// It came before the receipt and waits for it.
    Early,
    /// It contradicts the effective one; people decide.
    Disputed,
}

impl Disposition {
    /// The word in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Effective => "effective",
            Self::Early => "early",
            Self::Disputed => "disputed",
        }
    }
}

impl fmt::Display for Disposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The word is no disposition.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no disposition")]
pub struct UnknownDisposition(String);

impl FromStr for Disposition {
    type Err = UnknownDisposition;
    fn from_str(word: &str) -> Result<Self, UnknownDisposition> {
        [Self::Effective, Self::Early, Self::Disputed]
            .into_iter()
            .find(|d| d.as_str() == word)
            .ok_or_else(|| UnknownDisposition(word.to_owned()))
    }
}

/// The event that an outcome is, by the table of states; none for a declined withdrawal, which leaves the request as it is.
pub fn event(message: &OutcomeMessage) -> Option<Event> {
    match message {
        OutcomeMessage::ResultV1(_) => Some(Event::Registered),
        OutcomeMessage::ReturnV1(returned) if returned.reasons.contains(&ReturnReason::Withdrawn) => {
            Some(Event::Withdrawn)
        }
        OutcomeMessage::ReturnV1(_) => Some(Event::Returned),
        OutcomeMessage::DeclinedV1(_) | OutcomeMessage::ConversionV1(_) => None,
    }
}

/// What a new outcome counts as when the request stands in `state`.
///
/// A return of a request that has no receipt yet is effective: the registry refused it at the door. A withdrawal
/// presupposes that the registry holds the demand, so before the receipt it waits like a result.
pub fn dispose(state: State, event: Event) -> Disposition {
    match state {
        _ if state.on(event).is_ok() => Disposition::Effective,
        State::InFlight | State::Undelivered => Disposition::Early,
        _ => Disposition::Disputed,
    }
}

/// A result that cannot be true of the demand it answers.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ResultError {
    /// A lifting that does not say lifted, or lifted for something else.
    #[error("a {kind} cannot end as {status:?}")]
    Status {
        /// What was demanded.
        kind: &'static str,
        /// What was reported.
        status: RegisteredStatus,
    },
    /// A seizure without its period.
    #[error("a registered {kind} states its period")]
    NoPeriod {
        /// What was demanded.
        kind: &'static str,
    },
    /// The period ends before it begins.
    #[error("the registered period ends before it begins")]
    Period,
    /// A place in the line without waiting, or waiting without a place.
    #[error("a waiting seizure, and only a waiting one, has a place in the line from 1")]
    Position,
}

/// Whether a result fits the demand (登记结果载明查封成功及查封期限, 若为轮候查封须标注“轮候”).
///
/// # Errors
/// The first thing that does not fit.
pub fn check_result(kind: Kind, result: &ResultMessage) -> Result<(), ResultError> {
    let registration = &result.registration;
    let lifted = registration.status == RegisteredStatus::Lifted;
    if lifted != (kind == Kind::Lifting) {
        return Err(ResultError::Status { kind: kind.as_str(), status: registration.status });
    }
    match (registration.period_from, registration.period_to) {
        _ if lifted => {}
        (Some(from), Some(to)) if to < from => return Err(ResultError::Period),
        (Some(_), Some(_)) => {}
        _ => return Err(ResultError::NoPeriod { kind: kind.as_str() }),
    }
    let waiting = registration.status == RegisteredStatus::Waiting;
    match registration.waiting_position {
        None if !waiting => Ok(()),
        Some(place) if waiting && place >= 1 => Ok(()),
        _ => Err(ResultError::Position),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    fn returned(reasons: &str) -> OutcomeMessage {
        let json = format!(
            r#"{{"schema":"xiezhi.return.v1","request_id":"00000000-0000-0000-0000-000000000001","registry":"320102",
                "reasons":[{reasons}],"text":"坐落与登记簿不一致","decided_at":"2024-03-04T09:30:00+08:00"}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    fn result(status: &str, rest: &str) -> OutcomeMessage {
        let json = format!(
            r#"{{"schema":"xiezhi.result.v1","request_id":"00000000-0000-0000-0000-000000000001","registry":"320102",
                "registration":{{"status":"{status}","business_number":"B1","registered_at":"2024-03-04T09:30:00+08:00"{rest}}}}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn an_outcome_takes_effect_once() {
        let registered = result("formal", "");
        let back = returned(r#""target_inaccurate""#);
        let withdrawn = returned(r#""withdrawn""#);
        use Disposition::{Disputed, Early, Effective};
        for (state, of_result, of_return, of_withdrawal) in [
            (State::InFlight, Early, Effective, Early),
            (State::Undelivered, Early, Early, Early),
            (State::Delivered, Effective, Effective, Effective),
            (State::Registered, Disputed, Disputed, Disputed),
            (State::Returned, Disputed, Disputed, Disputed),
            (State::Withdrawn, Disputed, Disputed, Disputed),
            (State::Closed, Disputed, Disputed, Disputed),
        ] {
            let dispose = |message| dispose(state, event(message).unwrap());
            assert_eq!(dispose(&registered), of_result, "{state}");
            assert_eq!(dispose(&back), of_return, "{state}");
            assert_eq!(dispose(&withdrawn), of_withdrawal, "{state}");
        }
    }

    #[test]
    fn a_result_must_fit_its_demand() {
        let check = |kind, message: OutcomeMessage| {
            let OutcomeMessage::ResultV1(result) = message else { unreachable!("made as a result") };
            check_result(kind, &result)
        };
        let period = r#","period_from":"2024-03-04","period_to":"2027-03-03""#;
        assert_eq!(check(Kind::Seizure, result("formal", period)), Ok(()));
        assert_eq!(check(Kind::Lifting, result("lifted", "")), Ok(()));
        let waiting = format!(r#"{period},"waiting_position":1"#);
        assert_eq!(check(Kind::Seizure, result("waiting", &waiting)), Ok(()));
        assert_eq!(check(Kind::Seizure, result("waiting", period)), Err(ResultError::Position));
        assert_eq!(check(Kind::Seizure, result("formal", &waiting)), Err(ResultError::Position));
        assert_eq!(
            check(Kind::Renewal, result("formal", "")),
            Err(ResultError::NoPeriod { kind: "renewal" })
        );
        let backwards = r#","period_from":"2024-03-04","period_to":"2024-03-03""#;
        assert_eq!(check(Kind::Seizure, result("formal", backwards)), Err(ResultError::Period));
        assert!(matches!(check(Kind::Lifting, result("formal", period)), Err(ResultError::Status { .. })));
        assert!(matches!(check(Kind::Seizure, result("lifted", "")), Err(ResultError::Status { .. })));
    }
}
