//! Watches the end of the loaded years: a gauge always, a warning and an event once for each end.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use xiezhi_domain::workdays::Calendar;

use super::Reach;
use crate::{
    config::CalendarSettings,
    directory::today,
    http::metrics::Metrics,
    store::{Store, StoreError, events},
};

/// How often is looked; what is looked for changes once a day.
const PERIOD: Duration = Duration::from_secs(600);

/// Looks until cancelled. Start it again when it fails.
///
/// # Errors
/// When the database does not answer.
pub async fn watch(
    store: &Store,
    calendar: &Calendar,
    settings: &CalendarSettings,
    metrics: &Metrics,
    token: CancellationToken,
) -> Result<(), StoreError> {
    loop {
        let reach = Reach::of(calendar, today(), settings.warn_days);
        metrics.set("calendar_days_left", days_left(reach).into());
        let ends = match reach {
            Reach::Fine { .. } => None,
            Reach::EndsSoon { last, .. } => Some(last.to_string()),
            Reach::Ended => Some("before today".to_owned()),
        };
        if let Some(last) = ends
            && events::calendar_ends(&*store.client().await?, &last).await?
        {
            tracing::warn!(
                code = "HUB-3354",
                last,
                "the loaded working days end; load the next holiday notice (calendar.extra_file)"
            );
        }
        tokio::select! {
            () = token.cancelled() => return Ok(()),
            () = tokio::time::sleep(PERIOD) => {}
        }
    }
}

/// Days that are still known; -1 when today is not.
fn days_left(reach: Reach) -> i32 {
    match reach {
        Reach::Ended => -1,
        Reach::EndsSoon { days, .. } | Reach::Fine { days, .. } => days,
    }
}
