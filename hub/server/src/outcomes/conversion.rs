//! A registry's own word that a waiting seizure became formal. It changes nothing about the request: every version is kept,
//! and the register of the unit compares it with what the law makes of it (法〔2024〕32号 二(三)3).

use std::collections::HashMap;

use jiff::Timestamp;
use uuid::Uuid;
use xiezhi_domain::outcome::Disposition;
use xiezhi_schemas::message::{
    ConversionReport, Kind, OutcomeMessage, OutcomeVerdict, RegisteredStatus, Registration,
};

use super::refused;
use crate::{
    register::{Heard, News},
    store::{
        StoreError, Transaction,
        conversions::{self as table, NewConversion},
        outcomes::StoredOutcome,
        requests::LockedRequest,
    },
};

/// The code for a conversion that cannot be taken.
pub(super) const CODE: &str = "HUB-3105";

/// What was reported about the conversions of some requests, and what is new.
#[derive(Default)]
pub(super) struct Conversions {
    known: HashMap<Uuid, Vec<Vec<u8>>>,
    new: Vec<NewConversion>,
}

impl Conversions {
    /// What is known about the requests of which these messages report a conversion; nothing is asked without one.
    pub(super) async fn of(tx: &Transaction<'_>, messages: &[OutcomeMessage]) -> Result<Self, StoreError> {
        let reported = messages.iter().filter(|message| matches!(message, OutcomeMessage::ConversionV1(_)));
        let ids: Vec<Uuid> = reported.map(OutcomeMessage::request_id).collect();
        let known = if ids.is_empty() { HashMap::new() } else { table::of_requests(tx, &ids).await? };
        Ok(Self { known, new: Vec::new() })
    }

    /// Takes one report, if a seizure of the request can have waited.
    pub(super) fn take(
        &mut self,
        request: &LockedRequest,
        stored: &[StoredOutcome],
        report: &ConversionReport,
        digest: Vec<u8>,
        now: Timestamp,
    ) -> OutcomeVerdict {
        let known = self.known.entry(request.request_id).or_default();
        if known.contains(&digest) {
            return OutcomeVerdict::Repeated;
        }
        let waited = |disposition| {
            let seizes = matches!(request.kind, Kind::Seizure | Kind::Waiting);
            let of_it = stored.iter().filter(move |outcome| outcome.disposition == disposition);
            seizes && of_it.filter_map(|outcome| registration(&outcome.message)).any(waits)
        };
        if waited(Disposition::Early) {
            // The result waits for its receipt, and this for the result.
            return OutcomeVerdict::Early;
        }
        if !waited(Disposition::Effective) {
            return refused(CODE, "no seizure was registered as waiting under this request".to_owned());
        }
        known.push(digest.clone());
        let n = i32::try_from(known.len()).unwrap_or(i32::MAX);
        self.new.push(NewConversion { n, report: report.clone(), digest, received_at: now });
        OutcomeVerdict::Effective
    }

    /// Writes what is new.
    pub(super) async fn write(self, tx: &Transaction<'_>) -> Result<(), StoreError> {
        table::insert(tx, &self.new).await
    }
}

fn registration(message: &OutcomeMessage) -> Option<&Registration> {
    match message {
        OutcomeMessage::ResultV1(result) => Some(&result.registration),
        _ => None,
    }
}

fn waits(registration: &Registration) -> bool {
    registration.status == RegisteredStatus::Waiting
}

/// What a report tells the register of the unit; nothing when it was known or refused.
pub(super) fn heard(message: &OutcomeMessage, verdict: &OutcomeVerdict) -> Option<News> {
    match (message, verdict) {
        (OutcomeMessage::ConversionV1(report), OutcomeVerdict::Effective) => {
            Some(News { request_id: report.request_id, heard: Heard::Converted(report.clone()) })
        }
        _ => None,
    }
}
