//! A running child that can be killed, stopped, measured and read. [`crate::Launch`] starts it.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::launch::Launch;
use crate::procfs::{self, Usage};
use crate::wait::{self, Step};

/// How a process ended when it was asked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By itself, in time.
    Gracefully(ExitStatus),
    /// It did not end within its grace and was killed.
    Killed,
}

/// A running child. Killed when dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    pid: u32,
    started: u64,
    child: Mutex<Child>,
    log: Option<PathBuf>,
    log_from: u64,
}

impl Process {
    pub(crate) fn of(name: String, child: Child, log: Option<PathBuf>, log_from: u64) -> Self {
        let pid = child.id();
        // Read before anybody could reap the child, so it is there even when the program has ended already.
        let started = procfs::stat(pid).map_or(0, |s| s.started);
        Self { name, pid, started, child: Mutex::new(child), log, log_from }
    }

    /// Short form of [`Launch`]: output and errors go to `<log_dir>/<name>.log`.
    ///
    /// # Errors
    /// As [`Launch::spawn`].
    pub fn spawn<A: AsRef<OsStr>, K: AsRef<OsStr>, V: AsRef<OsStr>>(
        name: &str,
        program: impl AsRef<Path>,
        args: impl IntoIterator<Item = A>,
        env: impl IntoIterator<Item = (K, V)>,
        log_dir: impl AsRef<Path>,
    ) -> Result<Self> {
        Launch::new(name, program.as_ref())
            .args(args.into_iter().map(|a| a.as_ref().to_owned()))
            .envs(env.into_iter().map(|(k, v)| (k.as_ref().to_owned(), v.as_ref().to_owned())))
            .log_dir(log_dir)
            .spawn()
    }

    /// Name given at the start.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Process id, also the id of its process group.
    #[must_use]
    pub const fn pid(&self) -> u32 {
        self.pid
    }

    /// Start time in clock ticks since boot.
    #[must_use]
    pub const fn started(&self) -> u64 {
        self.started
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Exit status, or `None` while it runs; a stopped process runs.
    pub fn exit_status(&self) -> Option<ExitStatus> {
        self.child().try_wait().ok().flatten()
    }

    /// Whether it runs; a stopped process runs.
    pub fn is_running(&self) -> bool {
        self.exit_status().is_none()
    }

    /// Sends a signal to the process group. Nothing happens when the process has ended.
    pub fn signal(&self, signal: Signal) {
        // The lock and the check keep the id from being reaped, and so from being given to another process.
        let mut child = self.child();
        if matches!(child.try_wait(), Ok(None))
            && let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw)
            && kill_process_group(pid, signal).is_err()
        {
            kill_process(pid, signal).ok();
        }
    }

    /// SIGKILL, and waits until the kernel has removed the process.
    pub fn kill9(&self) {
        self.signal(Signal::KILL);
        drop(self.child().wait());
    }

    /// Freezes the process; the network does not notice.
    pub fn sigstop(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets a frozen process go on.
    pub fn sigcont(&self) {
        self.signal(Signal::CONT);
    }

    /// Asks the process to end with SIGTERM and kills it after `grace`.
    pub async fn terminate(&self, grace: Duration) -> Ended {
        self.signal(Signal::TERM);
        if let Ok(status) = self.wait(grace).await {
            return Ended::Gracefully(status);
        }
        self.kill9();
        Ended::Killed
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// When it still runs after `within`.
    pub async fn wait(&self, within: Duration) -> Result<ExitStatus> {
        wait::until(&format!("the end of {}", self.name), within, async || self.exit_status()).await
    }

    /// Path of the log, when there is one.
    #[must_use]
    pub fn log_path(&self) -> Option<&Path> {
        self.log.as_deref()
    }

    /// Everything this run has written so far; an earlier run in the same file is left out.
    #[must_use]
    pub fn log(&self) -> String {
        let read = |path: &PathBuf| -> io::Result<String> {
            let mut file = fs::File::open(path)?;
            file.seek(SeekFrom::Start(self.log_from))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        self.log.as_ref().and_then(|path| read(path).ok()).unwrap_or_default()
    }

    /// The last `lines` lines of this run's log.
    #[must_use]
    pub fn log_tail(&self, lines: usize) -> String {
        let log = self.log();
        let all: Vec<&str> = log.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }

    /// Waits until this run has written a line that holds `text`, and gives the line.
    ///
    /// # Errors
    /// After `within`, or as soon as the process ends without the line; the end of the log is in the message.
    pub async fn wait_for_log(&self, text: &str, within: Duration) -> Result<String> {
        let what = format!("\u{201c}{text}\u{201d} in the log of {}", self.name);
        let found = wait::until(&what, within, async || {
            let ended = self.exit_status();
            match (self.log().lines().find(|line| line.contains(text)), ended) {
                (Some(line), _) => Step::Done(line.to_owned()),
                (None, None) => Step::Again(String::new()),
                (None, Some(status)) => Step::Abort(anyhow!("{} ended: {status}", self.name)),
            }
        });
        found.await.with_context(|| format!("last lines of {}:\n{}", self.name, self.log_tail(20)))
    }

    /// CPU time and memory of this process alone; `None` when it has ended.
    #[must_use]
    pub fn usage(&self) -> Option<Usage> {
        procfs::usage(self.pid)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill9();
    }
}

/// Exit code in the way of a shell: the status, or 128 + the signal.
#[must_use]
pub fn exit_code(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|s| 128 + s)).unwrap_or(1)
}

/// Waits until none of these processes runs, and kills what remains after `grace`.
pub(crate) fn see_gone(processes: &[procfs::Stat], grace: Duration) {
    let start = Instant::now();
    let left = || processes.iter().filter(|s| procfs::alive(s.pid, s.started));
    while left().next().is_some() {
        if start.elapsed() > grace {
            left().for_each(|s| crate::home::kill_one(s.pid, Signal::KILL));
        }
        std::thread::sleep(Duration::from_millis(3));
    }
}
