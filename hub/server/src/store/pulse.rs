//! Whether the database gives signs of life: one asks for everybody, so that a request need not wait for its own statement to
//! know that nobody answers.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{Store, StoreError};

/// What is silent for longer than this does not answer in time, and whoever waits for it is told so. A database that is slow by
/// two seconds is not silent.
pub const SILENCE: Duration = Duration::from_secs(3);

/// Pause between an answer and the next question.
const PAUSE: Duration = Duration::from_secs(1);

/// Since when the database owes an answer.
#[derive(Debug, Default)]
pub struct Pulse(Mutex<Option<Instant>>);

impl Pulse {
    /// How long the database has owed an answer; zero when it owes none, or nobody asks.
    pub fn owed(&self) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Ends when the database has been silent for [`SILENCE`], and never sooner than that from now.
    pub async fn stopped(&self) {
        let mut wait = SILENCE;
        while !wait.is_zero() {
            tokio::time::sleep(wait).await;
            wait = SILENCE.saturating_sub(self.owed());
        }
    }

    fn asked(&self) {
        // A question that was never answered is still owed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(Instant::now);
    }

    fn answered(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Store {
    /// Asks the database for signs of life, again and again, and calls `alive` for each.
    ///
    /// # Errors
    /// When it gives none for as long as a statement may take; begin again then.
    pub async fn watch(&self, alive: impl Fn()) -> Result<std::convert::Infallible, StoreError> {
        loop {
            self.pulse.asked();
            self.patiently(1, async { Ok(self.client().await?.simple_query("SELECT 1").await?) }).await?;
            self.pulse.answered();
            alive();
            tokio::time::sleep(PAUSE).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_waits_is_told_of_a_silence_and_of_nothing_else() {
        let pulse = Pulse::default();
        let told = tokio::time::timeout(Duration::from_secs(60), pulse.stopped()).await;
        assert!(told.is_err(), "nobody asked, so nothing is owed");
        pulse.asked();
        *pulse.0.lock().unwrap() = Instant::now().checked_sub(SILENCE);
        pulse.asked();
        let begun = tokio::time::Instant::now();
        pulse.stopped().await;
        assert_eq!(begun.elapsed(), SILENCE, "each waits that long at least");
        pulse.answered();
        assert!(tokio::time::timeout(Duration::from_secs(60), pulse.stopped()).await.is_err());
    }
}
