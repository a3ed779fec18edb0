//! Runs a program as a child that can be killed, stopped and measured, and that dies with this process.
//!
//! `setpriv --pdeathsig KILL` (util-linux) asks the kernel to kill the child when its parent dies. The kernel means
//! the parent *thread*, so all children are started by one thread that lives as long as the process.

use std::ffi::{OsStr, OsString};
use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, mpsc};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::home::{Home, MARK};
use crate::procfs::{self, Usage};
use crate::wait::{self, Step};

/// A user to run as, by name; only root can change the user.
pub type User = &'static str;

/// How to start a program.
#[derive(Debug, Clone)]
pub struct Launch {
    name: String,
    program: PathBuf,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    clear_env: bool,
    user: Option<User>,
    log: Option<PathBuf>,
    home: Option<Arc<Home>>,
    directory: Option<PathBuf>,
}

impl Launch {
    /// A program by path, or by name to be found in `PATH`. `name` is for messages and the log file.
    pub fn new(name: impl Into<String>, program: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            clear_env: false,
            user: None,
            log: None,
            home: None,
            directory: None,
        }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Adds one variable.
    #[must_use]
    pub fn env(mut self, key: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((key.into(), value.into()));
        self
    }

    /// Adds variables.
    #[must_use]
    pub fn envs<K: Into<OsString>, V: Into<OsString>>(
        mut self,
        env: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        self.env.extend(env.into_iter().map(|(k, v)| (k.into(), v.into())));
        self
    }

    /// Starts from an empty environment with `PATH` and a UTF-8 locale only.
    #[must_use]
    pub const fn clear_env(mut self) -> Self {
        self.clear_env = true;
        self
    }

    /// Runs as another user.
    #[must_use]
    pub const fn user(mut self, user: Option<User>) -> Self {
        self.user = user;
        self
    }

    /// Appends output and errors to `<dir>/<name>.log`; without it they go where this process writes.
    #[must_use]
    pub fn log_dir(mut self, dir: impl AsRef<Path>) -> Self {
        self.log = Some(dir.as_ref().join(format!("{}.log", self.name)));
        self
    }

    /// Writes the process down in a home, marks it, and logs there unless a log directory was given.
    #[must_use]
    pub fn home(mut self, home: &Arc<Home>) -> Self {
        self.home = Some(Arc::clone(home));
        self
    }

    /// Working directory.
    #[must_use]
    pub fn directory(mut self, dir: impl Into<PathBuf>) -> Self {
        self.directory = Some(dir.into());
        self
    }

    /// Starts the program in a process group of its own.
    ///
    /// # Errors
    /// When the program or `setpriv` is not there, or the log cannot be written.
    pub fn spawn(self) -> Result<Process> {
        let program = find_program(&self.program)?;
        let mut command = Command::new(find_program(Path::new("setpriv"))?);
        if let Some(user) = self.user {
            command.args(["--reuid", user, "--regid", user, "--clear-groups"]);
        }
        command.args(["--pdeathsig", "KILL", "--"]).arg(&program).args(&self.args);
        if self.clear_env {
            command.env_clear().env("LANG", "C.UTF-8");
            command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        }
        command.envs(self.env.iter().map(|(k, v)| (k, v)));
        if let Some(dir) = &self.directory {
            command.current_dir(dir);
        }
        let mut log = self.log;
        if let Some(home) = &self.home {
            command.env(MARK, home.path());
            log.get_or_insert(home.path().join(format!("{}.log", self.name)));
        }
        let mut log_from = 0;
        if let Some(path) = &log {
            let file = OpenOptions::new().create(true).append(true).open(path);
            let file = file.with_context(|| format!("cannot write {}", path.display()))?;
            log_from = file.metadata()?.len();
            command.stdout(file.try_clone()?).stderr(file);
        }
        command.stdin(Stdio::null()).process_group(0);
        let child = spawn_on_keeper(command).with_context(|| format!("cannot start {}", self.name))?;
        let pid = child.id();
        let started = procfs::stat(pid).map_or(0, |s| s.started);
        let process = Process { name: self.name, pid, started, child: Mutex::new(child), log, log_from };
        if let Some(home) = &self.home {
            home.record(pid, started, &process.name)?;
        }
        Ok(process)
    }

    /// Runs a tool to its end and gives what it wrote. Needs a home for the output.
    ///
    /// # Errors
    /// When it ends with another status than 0 (with its output in the message) or not `within` the time.
    pub async fn run(mut self, within: Duration) -> Result<String> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let home = self.home.clone().context("a tool needs a home to write its output to")?;
        self.log = Some(home.path().join(format!("{}-{n}.out", self.name)));
        let process = self.spawn()?;
        let status = process.wait(within).await?;
        let output = process.log();
        if !status.success() {
            bail!("{} ended with {status}: {}", process.name, output.trim());
        }
        if let Some(path) = &process.log {
            fs::remove_file(path)?;
        }
        Ok(output)
    }
}

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

/// Finds a program in `PATH` and the system's directories, which a plain user's `PATH` may lack.
///
/// # Errors
/// When there is none.
pub fn find_program(program: &Path) -> Result<PathBuf> {
    if program.components().count() > 1 {
        return if program.is_file() { Ok(program.to_owned()) } else { Err(not_found(program)) };
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"].map(PathBuf::from))
        .map(|dir| dir.join(program))
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| not_found(program))
}

fn not_found(program: &Path) -> anyhow::Error {
    anyhow!("program {} not found; ops/install installs what is needed", program.display())
}

type Order = (Command, mpsc::Sender<io::Result<Child>>);

fn spawn_on_keeper(command: Command) -> io::Result<Child> {
    static KEEPER: OnceLock<mpsc::Sender<Order>> = OnceLock::new();
    let keeper = KEEPER.get_or_init(|| {
        let (orders, inbox) = mpsc::channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, answer) in inbox {
                drop(answer.send(command.spawn()));
            }
        });
        orders
    });
    let gone = || io::Error::other("the thread that starts processes has ended");
    let (answer, child) = mpsc::channel();
    keeper.send((command, answer)).map_err(|_| gone())?;
    child.recv().map_err(|_| gone())?
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
