//! What a connector does over and over beside the queue: a question, what it brings, a pause. One loop for all of them.

use std::{error::Error, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;

/// The longest time between two questions to somebody who does not answer.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// When the next round is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// There may be more.
    AtOnce,
    /// As usual.
    AfterPeriod,
    /// Something could not be handed over; each time it takes longer.
    AfterWait,
}

/// Something that is done in rounds.
pub(crate) trait Errand: Send {
    /// Why a round may fail; it passes with time.
    type Error: Error + Send;

    /// One question and what it brings.
    fn round(&mut self) -> impl Future<Output = Result<Next, Self::Error>> + Send;

    /// The first of several rounds in a row that failed.
    fn trouble_begins(&self, error: &Self::Error);

    /// The first round that succeeded again.
    fn trouble_ends(&self);
}

/// Works until `stop`.
pub(crate) async fn run(mut errand: impl Errand, period: Duration, stop: &CancellationToken) {
    // All registries begin together; by chance they do not ask together.
    let mut wait = period.mul_f64(rand::random_range(0.0..1.0));
    let mut waits = Backoff::new(period, LONGEST_WAIT.max(period));
    let mut troubled = false;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
        let round = tokio::select! {
            () = stop.cancelled() => return,
            round = errand.round() => round,
        };
        wait = match round {
            Ok(next) => {
                if std::mem::replace(&mut troubled, false) {
                    errand.trouble_ends();
                }
                if next != Next::AfterWait {
                    waits.reset();
                }
                match next {
                    Next::AtOnce => Duration::ZERO,
                    Next::AfterPeriod => period,
                    Next::AfterWait => waits.wait(),
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut troubled, true) {
                    errand.trouble_begins(&error);
                }
                waits.wait()
            }
        };
    }
}
