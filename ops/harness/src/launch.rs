//! Starts a program as a child that dies with this process.
//!
//! `setpriv --pdeathsig KILL` (util-linux) asks the kernel to kill the child when its parent dies. The kernel means
//! the parent *thread*, so all children are started by one thread that lives as long as the process.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};

use crate::clock::FakeClock;
use crate::home::{Home, MARK};
use crate::process::Process;

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
    clock: Option<FakeClock>,
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
            clock: None,
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

    /// Runs under a clock that can be turned.
    #[must_use]
    pub fn clock(mut self, clock: Option<&FakeClock>) -> Self {
        self.clock = clock.cloned();
        self
    }

    /// Starts the program in a process group of its own.
    ///
    /// # Errors
    /// When the program or `setpriv` is not there, or the log cannot be written.
    pub fn spawn(self) -> Result<Process> {
        let program = find_program(&self.program)?;
        let mut command = Command::new(find_program(Path::new("setpriv"))?);
        if self.clear_env {
            command.env_clear().env("LANG", "C.UTF-8");
            command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        }
        if let Some(user) = self.user {
            command.args(["--reuid", user, "--regid", user, "--clear-groups"]);
        }
        command.args(["--pdeathsig", "KILL", "--"]);
        if let Some(clock) = &self.clock {
            // Loaded by the program only: in `setpriv` the library would make its semaphore, named after the process
            // id, as the wrong user.
            command.arg(find_program(Path::new("env"))?).arg(clock.preload());
            command.envs(clock.env());
        }
        command.arg(&program).args(&self.args);
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
        let process = Process::of(self.name, child, log, log_from);
        if let Some(home) = &self.home {
            home.record(process.pid(), process.started(), process.name())?;
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
            bail!("{} ended with {status}: {}", process.name(), output.trim());
        }
        if let Some(path) = process.log_path() {
            fs::remove_file(path)?;
        }
        Ok(output)
    }
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
