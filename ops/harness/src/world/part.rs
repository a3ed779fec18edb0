//! One program of a world: it can be killed, frozen and started again with the same arguments, port and files.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};

use crate::clock::FakeClock;
use crate::launch::Launch;
use crate::process::{Ended, Process};
use crate::procfs::Usage;
use crate::wait::{self, Step};

/// A program that is started again on demand. Killed when dropped.
#[derive(Debug)]
pub struct Part {
    name: String,
    launch: Launch,
    alive: String,
    ready: String,
    token: Option<String>,
    http: reqwest::Client,
    env: Mutex<BTreeMap<String, String>>,
    clock: Mutex<Option<FakeClock>>,
    process: Mutex<Option<Process>>,
}

/// How a program is asked how it is.
#[derive(Debug, Clone)]
pub(super) struct Pages {
    /// Answers 2xx as soon as the program runs.
    pub(super) alive: String,
    /// Answers 2xx when it can do its work.
    pub(super) ready: String,
    /// Bearer token for both, if they want one.
    pub(super) token: Option<String>,
}

impl Part {
    pub(super) fn new(name: &str, launch: Launch, pages: Pages, http: &reqwest::Client) -> Self {
        Self {
            name: name.to_owned(),
            launch,
            alive: pages.alive,
            ready: pages.ready,
            token: pages.token,
            http: http.clone(),
            env: Mutex::default(),
            clock: Mutex::default(),
            process: Mutex::default(),
        }
    }

    fn with<T>(&self, look: impl FnOnce(&Process) -> T) -> Option<T> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(look)
    }

    /// Name of program and log.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sets a variable for the next start, such as `XIEZHI_FAILPOINT`; an empty value takes it away.
    pub fn set_env(&self, key: &str, value: &str) {
        let mut env = self.env.lock().unwrap_or_else(PoisonError::into_inner);
        if value.is_empty() {
            env.remove(key);
        } else {
            env.insert(key.to_owned(), value.to_owned());
        }
    }

    /// Sets the clock that it runs under from the next start on; the caller turns it.
    pub fn set_clock(&self, clock: &FakeClock) {
        *self.clock.lock().unwrap_or_else(PoisonError::into_inner) = Some(clock.clone());
    }

    /// Starts the program without waiting for it; one that runs is killed first.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(&self) -> Result<()> {
        let env = self.env.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        // The old one must be gone before the new one opens its port.
        drop(process.take());
        let clock = self.clock.lock().unwrap_or_else(PoisonError::into_inner).clone();
        *process = Some(self.launch.clone().envs(env).clock(clock.as_ref()).spawn()?);
        Ok(())
    }

    /// Starts the program (again) and waits until it answers at all.
    ///
    /// # Errors
    /// When it ends at once or does not answer; the end of its log is in the message.
    pub async fn restart(&self) -> Result<()> {
        self.spawn()?;
        self.answering(&self.alive, "answers", Duration::from_secs(30)).await
    }

    /// Waits until the program says that it can do its work.
    ///
    /// # Errors
    /// When it ends, or is not ready `within` the time; its last answer and the end of its log are in the message.
    pub async fn ready(&self, within: Duration) -> Result<()> {
        self.answering(&self.ready, "is ready", within).await
    }

    async fn answering(&self, url: &str, what: &str, within: Duration) -> Result<()> {
        wait::until(&format!("that {} {what}", self.name), within, async || {
            if let Some(status) = self.exit_status() {
                return Step::Abort(anyhow!("{} ended: {status}", self.name));
            }
            match self.get(url).await {
                Ok(()) => Step::Done(()),
                Err(error) => Step::Again(format!("{error:#}")),
            }
        })
        .await
        .with_context(|| format!("last lines of {}:\n{}", self.name, self.log_tail(20)))
    }

    async fn get(&self, url: &str) -> Result<()> {
        let mut request = self.http.get(url).timeout(Duration::from_secs(2));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await?;
        let status = response.status();
        if !status.is_success() {
            bail!("{status} {}", response.text().await?);
        }
        Ok(())
    }

    /// How it ended, if it did; a program that was never started has not ended.
    #[must_use]
    pub fn exit_status(&self) -> Option<std::process::ExitStatus> {
        self.with(Process::exit_status).flatten()
    }

    /// Whether it runs; a frozen one runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.with(Process::is_running).unwrap_or(false)
    }

    /// SIGKILL; it is gone when this returns.
    pub fn kill9(&self) {
        drop(self.process.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Freezes it.
    pub fn sigstop(&self) {
        self.with(Process::sigstop);
    }

    /// Lets it go on.
    pub fn sigcont(&self) {
        self.with(Process::sigcont);
    }

    /// SIGTERM, and SIGKILL after `grace`. `None` when it was not running.
    pub async fn terminate(&self, grace: Duration) -> Option<Ended> {
        let process = self.process.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        Some(process.terminate(grace).await)
    }

    /// Waits until it has ended by itself, as with a fail point.
    ///
    /// # Errors
    /// When it still runs after `within`.
    pub async fn wait_for_end(&self, within: Duration) -> Result<()> {
        wait::until(&format!("the end of {}", self.name), within, async || !self.is_running()).await
    }

    /// Process id, while there is a process.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.with(Process::pid)
    }

    /// CPU time and memory.
    #[must_use]
    pub fn usage(&self) -> Option<Usage> {
        self.with(Process::usage).flatten()
    }

    /// The file that all its runs write to.
    #[must_use]
    pub fn log_path(&self) -> Option<PathBuf> {
        self.with(|process| process.log_path().map(ToOwned::to_owned)).flatten()
    }

    /// What the current run has written.
    #[must_use]
    pub fn log(&self) -> String {
        self.with(Process::log).unwrap_or_default()
    }

    /// The last lines of the current run.
    #[must_use]
    pub fn log_tail(&self, lines: usize) -> String {
        self.with(|process| process.log_tail(lines)).unwrap_or_default()
    }
}
