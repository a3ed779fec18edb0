//! Reports (R63): what became of the demands of a span of days, sorted by kind, channel, court, province and registry, with
//! returns by reason, times to receipt, results within their limit, undelivered attempts by cause, scans in place of electronic
//! seals, and what is open.

pub mod routes;

use jiff::{Timestamp, civil::Date};
use schemars::JsonSchema;
use serde::Serialize;
use xiezhi_schemas::address::ProvinceCode;

use crate::{
    directory::zone,
    store::{
        Store, StoreError,
        reports::{self as table, Cause, Counts, Group, Issues, Reason, Scans, SortedBy, Span},
    },
};

/// One report.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Report {
    /// First day on which the requests counted here were accepted, in China.
    pub from: Date,
    /// Last day, included.
    pub to: Date,
    /// Of one province; of all when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub province: Option<ProvinceCode>,
    /// When it was made: states and results are as of this instant.
    pub made_at: Timestamp,
    /// All of them.
    pub all: Counts,
    /// By kind: `seizure`, `renewal`, `lifting`, `waiting`.
    pub by_kind: Vec<Group>,
    /// By channel: `net` (总对总), `p2p` (点对点), `window` (线下窗口).
    pub by_channel: Vec<Group>,
    /// By executing court.
    pub by_court: Vec<Group>,
    /// By province of the property.
    pub by_province: Vec<Group>,
    /// By registry.
    pub by_registry: Vec<Group>,
    /// Returns and withdrawals by coded reason, commonest first.
    pub returns_by_reason: Vec<Reason>,
    /// Undelivered attempts by cause and tier, commonest first.
    pub undelivered_by_cause: Vec<Cause>,
    /// Documents sealed by colour scan instead of electronically, by organisation.
    pub scans_by_organisation: Vec<Scans>,
    /// Issues opened in these days, by cause.
    pub issues_by_cause: Vec<Issues>,
}

/// A span of days that is none.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SpanError {
    /// It ends before it begins.
    #[error("the last day, {to}, is before the first, {from}")]
    Backwards {
        /// First day.
        from: Date,
        /// Last day.
        to: Date,
    },
    /// Beyond the calendar.
    #[error("{0} is beyond the calendar")]
    BeyondTheCalendar(Date),
}

/// The instants at which days in China begin and end: from the first to before the second.
///
/// # Errors
/// When the days are in the wrong order or beyond the calendar.
pub fn instants(from: Date, to: Date) -> Result<(Timestamp, Timestamp), SpanError> {
    if to < from {
        return Err(SpanError::Backwards { from, to });
    }
    let begin = |day: Date| {
        day.to_zoned(zone()).map(|at| at.timestamp()).map_err(|_| SpanError::BeyondTheCalendar(day))
    };
    let after = to.tomorrow().map_err(|_| SpanError::BeyondTheCalendar(to))?;
    Ok((begin(from)?, begin(after)?))
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The days.
    #[error(transparent)]
    Span(#[from] SpanError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes the report. All numbers are of one instant.
///
/// # Errors
/// See [`ReportError`].
pub async fn make(
    store: &Store,
    from: Date,
    to: Date,
    province: Option<ProvinceCode>,
) -> Result<Report, ReportError> {
    let (begin, before) = instants(from, to)?;
    let span = Span { from: begin, before, province: province.as_ref().map(ProvinceCode::as_str) };
    let mut client = store.client().await?;
    let snapshot = client
        .build_transaction()
        .isolation_level(tokio_postgres::IsolationLevel::RepeatableRead)
        .read_only(true)
        .start()
        .await
        .map_err(StoreError::from)?;
    let groups = table::counts(&snapshot, span).await?;
    let returns_by_reason = table::returns(&snapshot, span).await?;
    let undelivered_by_cause = table::undelivered(&snapshot, span).await?;
    let scans_by_organisation = table::scans(&snapshot, span).await?;
    let issues_by_cause = table::issues(&snapshot, span).await?;
    let made_at = snapshot
        .query_one("SELECT now()", &[])
        .await
        .and_then(|row| row.try_get(0))
        .map_err(StoreError::from)?;
    snapshot.commit().await.map_err(StoreError::from)?;
    let sorted = |by: SortedBy| -> Vec<Group> {
        groups.iter().filter(|(sorted_by, _)| *sorted_by == by).map(|(_, group)| group.clone()).collect()
    };
    let all = sorted(SortedBy::All).into_iter().next();
    Ok(Report {
        from,
        to,
        province,
        made_at,
        all: all.expect("the sorting by nothing has one group even over nothing").counts,
        by_kind: sorted(SortedBy::Kind),
        by_channel: sorted(SortedBy::Channel),
        by_court: sorted(SortedBy::Court),
        by_province: sorted(SortedBy::Province),
        by_registry: sorted(SortedBy::Registry),
        returns_by_reason,
        undelivered_by_cause,
        scans_by_organisation,
        issues_by_cause,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use jiff::civil::date;

    use super::*;

    #[test]
    fn days_are_days_in_china_and_the_last_is_included() {
        let (from, before) = instants(date(2024, 2, 28), date(2024, 2, 29)).unwrap();
        assert_eq!(from.to_string(), "2024-02-27T16:00:00Z");
        assert_eq!(before.to_string(), "2024-02-29T16:00:00Z");
        let backwards = instants(date(2024, 3, 2), date(2024, 3, 1));
        assert!(matches!(backwards, Err(SpanError::Backwards { .. })));
        assert_eq!(instants(date(9999, 12, 31), Date::MAX), Err(SpanError::BeyondTheCalendar(Date::MAX)));
    }
}
