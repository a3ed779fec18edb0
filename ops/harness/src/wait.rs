//! Polling with a deadline, so that no test sleeps and hopes, and a timeout says what it waited for.

use std::fmt::Display;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};

/// What one look at a condition found.
#[derive(Debug)]
pub enum Step<T> {
    /// The condition holds.
    Done(T),
    /// Not yet; the text says why, for the message of a timeout.
    Again(String),
    /// It cannot come true any more; waiting ends at once.
    Abort(anyhow::Error),
}

/// Anything a probe may answer: `bool`, `Option<T>`, `Result<T, E>` (an error means "not yet") or [`Step`].
pub trait Probe {
    /// What [`until`] hands back.
    type Output;
    /// Turns the answer into a step.
    fn step(self) -> Step<Self::Output>;
}

impl Probe for bool {
    type Output = ();
    fn step(self) -> Step<()> {
        if self { Step::Done(()) } else { Step::Again(String::new()) }
    }
}

impl<T> Probe for Option<T> {
    type Output = T;
    fn step(self) -> Step<T> {
        self.map_or_else(|| Step::Again(String::new()), Step::Done)
    }
}

impl<T, E: Display> Probe for Result<T, E> {
    type Output = T;
    fn step(self) -> Step<T> {
        match self {
            Ok(value) => Step::Done(value),
            Err(error) => Step::Again(format!("{error:#}")),
        }
    }
}

impl<T> Probe for Step<T> {
    type Output = T;
    fn step(self) -> Self {
        self
    }
}

/// Asks `probe` until it answers with success, at first every few milliseconds, later every 100 ms.
///
/// # Errors
/// After `within`, naming `what` and the probe's last reason; at once on [`Step::Abort`]. A probe that hangs is cut
/// off at the deadline too.
pub async fn until<P: Probe>(
    what: &str,
    within: Duration,
    mut probe: impl AsyncFnMut() -> P,
) -> Result<P::Output> {
    let start = Instant::now();
    let mut pause = Duration::from_millis(5);
    let mut reason = String::new();
    loop {
        let left = within.saturating_sub(start.elapsed());
        match tokio::time::timeout(left, probe()).await.map(Probe::step) {
            Ok(Step::Done(value)) => return Ok(value),
            Ok(Step::Abort(error)) => return Err(error.context(format!("waiting for {what} ended early"))),
            Ok(Step::Again(why)) => reason = why,
            Err(_) if reason.is_empty() => reason = "the last look did not finish".to_owned(),
            Err(_) => {}
        }
        if start.elapsed() + pause >= within {
            let because = if reason.is_empty() { String::new() } else { format!(": {reason}") };
            bail!("waited {within:?} in vain for {what}{because}");
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(100));
    }
}

/// The same for code that is not async (process ends, destructors); blocks the thread.
///
/// # Errors
/// After `within`, naming `what`.
pub fn until_blocking(what: &str, within: Duration, mut probe: impl FnMut() -> bool) -> Result<()> {
    let start = Instant::now();
    while !probe() {
        if start.elapsed() > within {
            return Err(anyhow!("waited {within:?} in vain for {what}"));
        }
        std::thread::sleep(Duration::from_millis(3));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[tokio::test]
    async fn gives_the_value_as_soon_as_it_is_there() {
        let mut looks = 0;
        let got = until("the third look", Duration::from_secs(5), async || {
            looks += 1;
            (looks == 3).then_some("there")
        });
        assert_eq!(got.await.unwrap(), "there");
        assert_eq!(looks, 3);
    }

    #[tokio::test]
    async fn a_timeout_names_the_condition_and_the_last_reason() {
        let never = until("peace", Duration::from_millis(50), async || Err::<(), _>("still at war"));
        let text = never.await.unwrap_err().to_string();
        assert!(text.contains("peace") && text.contains("still at war"), "{text}");
    }

    #[tokio::test]
    async fn a_hanging_probe_is_cut_off() {
        let hang =
            until("an answer", Duration::from_millis(50), async || std::future::pending::<bool>().await);
        assert!(hang.await.is_err());
    }

    #[tokio::test]
    async fn abort_ends_the_wait_at_once() {
        let start = Instant::now();
        let gone =
            until("a dead server", Duration::from_secs(60), async || Step::<()>::Abort(anyhow!("it exited")));
        assert!(gone.await.is_err());
        assert!(start.elapsed() < Duration::from_secs(5));
    }
}
