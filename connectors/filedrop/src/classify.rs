//! What an answer means. Pure, and the most important table of this crate: `Taken` here leads to a receipt (送达).
//!
//! The rule: only the registry's own file that says it holds the demand is `Taken`. That this connector wrote a file, that
//! the file was fetched, or that it vanished says nothing about the demand.

use std::io;

use connector_sdk::{Outcome, redact};
use jiff::Timestamp;
use xiezhi_schemas::message::{Demand, MappingVersion, ReturnMessage};

use crate::read::Answer;

/// Longest local reference that a receipt carries.
const MAX_REFERENCE: usize = 100;

/// What the answer to a demand means; `mapping` made the message that is answered.
pub(crate) fn delivery(
    answer: Answer,
    mapping: Option<MappingVersion>,
    demand: &Demand,
    now: Timestamp,
) -> Outcome {
    match answer {
        Answer::Yes { reference, received_at } => {
            // Claims beside the fact; one that cannot be carried does not undo that the demand is stored.
            let local_reference =
                reference.filter(|text| (1..=MAX_REFERENCE).contains(&text.chars().count()));
            let local_received_at = received_at.and_then(|text| text.parse().ok());
            Outcome::Taken { local_reference, local_received_at, mapping }
        }
        Answer::Returned { reasons, text, differing_fields, decided_at } => {
            let message = ReturnMessage {
                request_id: demand.request_id,
                registry: demand.registry.clone(),
                reasons,
                text,
                differing_fields,
                decided_at: decided_at.unwrap_or(now),
            };
            match message.check() {
                Ok(()) => Outcome::Returned(message),
                Err(error) => refused("return_unusable", redact(&error.to_string(), demand)),
            }
        }
        Answer::No { code, reason } => {
            let reason = reason.map_or_else(|| "no reason was given".into(), |text| redact(&text, demand));
            refused(&word(code), reason)
        }
    }
}

/// This demand cannot be taken.
pub(crate) fn refused(code: &str, reason: impl Into<String>) -> Outcome {
    Outcome::Refused { code: code.to_owned(), reason: reason.into() }
}

/// Nothing is known about the demand.
pub(crate) fn unwell(reason: impl Into<String>) -> Outcome {
    Outcome::Unwell { reason: reason.into(), retry_after: None }
}

/// Whether an answer ends the handing over without the registry holding anything: the next one is a new one.
pub(crate) fn ends_the_round(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Refused { .. })
}

/// What an operator should think of a failure of the disk.
pub(crate) fn trouble(error: &io::Error) -> String {
    use io::ErrorKind as Kind;
    let advice = match error.kind() {
        Kind::NotFound => {
            "it is not there: is the exchange folder mounted, and was it made with `out`, `in`, `archive`, `quarantine`?"
        }
        Kind::NotADirectory => "there is no folder but something else",
        Kind::PermissionDenied => "this account may not: give it the right to read and write there",
        Kind::ReadOnlyFilesystem => "it can only be read: mount it for writing",
        Kind::StorageFull | Kind::QuotaExceeded => {
            "the disk is full, or nearly: make room, or lower `min_free_mb`"
        }
        Kind::StaleNetworkFileHandle => "the network share went away: mount it again",
        Kind::CrossesDevices => "the parts are on two file systems: put them on one",
        Kind::TimedOut | Kind::HostUnreachable | Kind::NetworkUnreachable => {
            "the file server does not answer"
        }
        _ => return error.to_string(),
    };
    advice.to_owned()
}

/// A code is a word for machines; anything else might hold what must not be logged.
fn word(code: Option<String>) -> String {
    let wordlike = |text: &String| {
        (1..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
            && !text.bytes().all(|byte| byte.is_ascii_digit() && text.len() > 8)
    };
    code.filter(wordlike).unwrap_or_else(|| "unnamed".into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use connector_mapping::example_demand;
    use xiezhi_schemas::message::ReturnReason;

    use super::*;

    fn demand() -> Demand {
        example_demand()
    }

    #[test]
    fn answers_have_one_meaning_each() {
        let (demand, now) = (demand(), Timestamp::UNIX_EPOCH);
        let yes = |reference: Option<&str>, at: Option<&str>| Answer::Yes {
            reference: reference.map(str::to_owned),
            received_at: at.map(str::to_owned),
        };
        for (reference, at, kept, claimed) in [
            (Some("SJ-1"), Some("2026-01-05T09:30:00+08:00"), Some("SJ-1"), true),
            (None, None, None, false),
            (Some(""), Some("yesterday"), None, false),
        ] {
            match delivery(yes(reference, at), None, &demand, now) {
                Outcome::Taken { local_reference, local_received_at, .. } => {
                    assert_eq!(local_reference.as_deref(), kept);
                    assert_eq!(local_received_at.is_some(), claimed);
                }
                other => panic!("{other:?}"),
            }
        }
        let returned = |reasons: &[ReturnReason], text: &str| Answer::Returned {
            reasons: reasons.to_vec(),
            text: text.into(),
            differing_fields: Vec::new(),
            decided_at: None,
        };
        let good = delivery(
            returned(&[ReturnReason::TargetInaccurate], "坐落与登记簿记载的房号不符"),
            None,
            &demand,
            now,
        );
        assert!(matches!(&good, Outcome::Returned(message) if message.decided_at == now));
        assert!(!ends_the_round(&good));
        let empty = delivery(returned(&[], "坐落与登记簿记载的房号不符"), None, &demand, now);
        assert!(matches!(&empty, Outcome::Refused { code, .. } if code == "return_unusable"));

        let told = format!("{} {} 拒收", demand.debtor.name, demand.debtor.document_number);
        let no = delivery(Answer::No { code: Some("1001".into()), reason: Some(told) }, None, &demand, now);
        let Outcome::Refused { code, reason } = &no else { panic!("{no:?}") };
        assert!(code == "1001" && reason.contains("拒收") && !reason.contains(&demand.debtor.name));
        assert!(ends_the_round(&no));
        let no = delivery(Answer::No { code: Some("某某 拒收".into()), reason: None }, None, &demand, now);
        assert!(matches!(no, Outcome::Refused { code, .. } if code == "unnamed"));
    }

    #[test]
    fn troubles_of_the_disk_say_what_to_do() {
        for (kind, word) in [
            (io::ErrorKind::StorageFull, "full"),
            (io::ErrorKind::QuotaExceeded, "full"),
            (io::ErrorKind::ReadOnlyFilesystem, "mount it for writing"),
            (io::ErrorKind::NotFound, "mounted"),
            (io::ErrorKind::StaleNetworkFileHandle, "mount it again"),
            (io::ErrorKind::PermissionDenied, "may not"),
        ] {
            assert!(trouble(&kind.into()).contains(word), "{kind:?}");
        }
    }
}
