//! A private PostgreSQL server: own data directory, own port on the loopback, own password. It can be killed and
//! started again on the same data, and its clock can be turned.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use rustix::process::{Signal, getuid};
use tokio_postgres::NoTls;

use crate::clock::FakeClock;
use crate::home::{Home, free_port};
use crate::launch::{Launch, User};
use crate::process::{Process, see_gone};
use crate::procfs::{self, Usage};
use crate::wait::{self, Step};

const START: Duration = Duration::from_secs(60);

/// How the server is run.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    /// Write through to the disk. Off is faster, and safe against the kill of a process but not of the machine.
    pub fsync: bool,
    /// Start under libfaketime, so that [`Postgres::set_clock_offset`] works.
    pub faketime: bool,
    /// `max_connections`.
    pub max_connections: u32,
    /// More settings as `name=value`.
    pub settings: Vec<String>,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self { fsync: true, faketime: false, max_connections: 200, settings: Vec::new() }
    }
}

/// A private server; stopped hard when dropped.
#[derive(Debug)]
pub struct Postgres {
    home: Arc<Home>,
    bin: PathBuf,
    data: PathBuf,
    port: u16,
    password: String,
    options: PostgresOptions,
    clock: Option<FakeClock>,
    process: Mutex<Option<Process>>,
}

impl Postgres {
    /// Makes a new cluster below the home and starts it. The superuser is `xiezhi` with a random password.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not start; the end of its log is in the message.
    pub async fn start(home: &Arc<Home>, options: PostgresOptions) -> Result<Self> {
        let bin = find_bin()?;
        let dir = home.sub("pg")?;
        let password = format!("{:032x}", rand::random::<u128>());
        let secret = dir.join("secret");
        fs::write(&secret, &password)?;
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600))?;
        if let Some(user) = server_user() {
            let (uid, gid) = ids_of(user)?;
            chown(&dir, Some(uid), Some(gid))?;
            chown(&secret, Some(uid), Some(gid))?;
        }
        let data = dir.join("data");
        Launch::new("initdb", bin.join("initdb"))
            .args(["--username=xiezhi", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"])
            .args([format!("--pwfile={}", secret.display()), format!("--pgdata={}", data.display())])
            .clear_env()
            .user(server_user())
            .directory("/")
            .home(home)
            .run(START)
            .await?;
        fs::remove_file(&secret)?;
        let clock = if options.faketime { Some(FakeClock::new(home.path(), "postgres")?) } else { None };
        let server = Self {
            home: Arc::clone(home),
            bin,
            data,
            port: free_port()?,
            password,
            options,
            clock,
            process: Mutex::new(None),
        };
        server.launch().await?;
        Ok(server)
    }

    async fn launch(&self) -> Result<()> {
        let yes_no = |on: bool| if on { "on" } else { "off" };
        let sockets = self.data.parent().context("the data directory has a parent")?.display();
        let mut settings = vec![
            format!("port={}", self.port),
            "listen_addresses=127.0.0.1".to_owned(),
            format!("unix_socket_directories={sockets}"),
            format!("max_connections={}", self.options.max_connections),
            format!("fsync={}", yes_no(self.options.fsync)),
            format!("full_page_writes={}", yes_no(self.options.fsync)),
            "shared_buffers=64MB".to_owned(),
            // Its segments lie in the data directory: in /dev/shm a killed server's would stay for ever.
            "dynamic_shared_memory_type=mmap".to_owned(),
            "timezone=UTC".to_owned(),
            "log_timezone=UTC".to_owned(),
        ];
        settings.extend(self.options.settings.iter().cloned());
        let process = Launch::new("postgres", self.bin.join("postgres"))
            .args([OsStr::new("-D"), self.data.as_os_str()])
            .args(settings.iter().flat_map(|s| ["-c", s]))
            .clear_env()
            .clock(self.clock.as_ref())
            .user(server_user())
            .directory("/")
            .home(&self.home)
            .spawn()?;
        *self.process.lock().unwrap_or_else(PoisonError::into_inner) = Some(process);
        let ready = wait::until("PostgreSQL to answer", START, async || match self.ask().await {
            Ok(()) => Step::Done(()),
            Err(_) if !self.is_running() => Step::Abort(anyhow!("the server ended")),
            Err(error) => Step::Again(error.to_string()),
        });
        ready.await.with_context(|| format!("last lines of its log:\n{}", self.log_tail(20)))
    }

    async fn ask(&self) -> Result<()> {
        execute(&self.url("postgres"), "SELECT 1").await
    }

    fn with<T>(&self, f: impl FnOnce(&Process) -> T) -> Option<T> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(f)
    }

    /// URL of a database for the superuser.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://xiezhi:{}@127.0.0.1:{}/{database}", self.password, self.port)
    }

    /// TCP port on 127.0.0.1; the same after a restart.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Directory of PostgreSQL's programs, such as `psql` and `pg_dump`.
    #[must_use]
    pub fn bin(&self) -> &Path {
        &self.bin
    }

    /// Makes a database and gives its URL.
    ///
    /// # Errors
    /// As the server says.
    pub async fn create_database(&self, name: &str) -> Result<String> {
        create_database(&self.url("postgres"), name).await?;
        Ok(self.url(name))
    }

    /// Drops a database and whoever is connected to it.
    ///
    /// # Errors
    /// As the server says.
    pub async fn drop_database(&self, name: &str) -> Result<()> {
        drop_database(&self.url("postgres"), name).await
    }

    /// Whether the server process runs.
    pub fn is_running(&self) -> bool {
        self.with(Process::is_running).unwrap_or(false)
    }

    /// The main process's id, `None` when it was never started or has been stopped.
    pub fn pid(&self) -> Option<u32> {
        self.with(Process::pid)
    }

    /// SIGKILL of the main process. Its children notice and end by themselves; this waits for that, as a restart on
    /// the same data would be refused before.
    pub fn kill9(&self) {
        let taken = self.process.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(process) = taken {
            let children = procfs::descendants(process.pid());
            process.kill9();
            see_gone(&children, Duration::from_secs(5));
        }
    }

    /// Freezes the server with all its sessions.
    pub fn sigstop(&self) {
        self.signal_all(Signal::STOP);
    }

    /// Lets a frozen server go on.
    pub fn sigcont(&self) {
        self.signal_all(Signal::CONT);
    }

    fn signal_all(&self, signal: Signal) {
        self.with(|process| {
            process.signal(signal);
            // Each session is a process in a session of its own: the group's signal does not reach it.
            for child in procfs::descendants(process.pid()) {
                crate::home::kill_one(child.pid, signal);
            }
        });
    }

    /// Fast shutdown: sessions are cut, everything is written.
    ///
    /// # Errors
    /// When it does not end within a minute; it is killed then.
    pub async fn stop(&self) -> Result<Option<ExitStatus>> {
        let taken = self.process.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(process) = taken else { return Ok(None) };
        process.signal(Signal::INT);
        process.wait(START).await.map(Some)
    }

    /// Starts the server again on the same data and port; stops it before when it runs.
    ///
    /// # Errors
    /// When it does not come up; the end of its log is in the message.
    pub async fn restart(&self) -> Result<()> {
        self.stop().await?;
        self.launch().await
    }

    /// Moves the server's clock, e.g. `-300s`, `+2h`; `+0` sets it right.
    ///
    /// # Errors
    /// When the server was not started with [`PostgresOptions::faketime`].
    pub fn set_clock_offset(&self, offset: &str) -> Result<()> {
        self.clock.as_ref().context("start PostgreSQL with faketime to turn its clock")?.set(offset)
    }

    /// CPU time and memory of the server with its present sessions (shared memory counted for each).
    #[must_use]
    pub fn usage(&self) -> Option<Usage> {
        procfs::usage_of_tree(self.pid()?)
    }

    /// The last lines of the log since the last start.
    pub fn log_tail(&self, lines: usize) -> String {
        self.with(|process| process.log_tail(lines)).unwrap_or_default()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGQUIT is quick and writes nothing, but unlike a kill it gives the kernel's shared memory back.
        self.sigcont();
        self.with(|process| process.signal(Signal::QUIT));
        if let Err(error) =
            wait::until_blocking("PostgreSQL to end", Duration::from_secs(5), || !self.is_running())
        {
            eprintln!("{error:#}; it is killed");
        }
        self.kill9();
        forget_shared_memory(self.home.path());
    }
}

/// Gives back the 56 bytes of System V shared memory of a killed server: the kernel keeps them, and only 4,096 such
/// segments, until somebody asks. Only a segment that nobody is attached to is touched.
pub(crate) fn forget_shared_memory(home: &Path) {
    let lock = fs::read_to_string(home.join("pg/data/postmaster.pid")).unwrap_or_default();
    let Some((key, id)) = lock.lines().nth(6).and_then(|line| line.trim().split_once(char::is_whitespace))
    else {
        return;
    };
    let list = fs::read_to_string("/proc/sysvipc/shm").unwrap_or_default();
    let unused = list.lines().any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields.len() > 6 && fields[0] == key && fields[1] == id.trim() && fields[6] == "0"
    });
    if unused && let Err(error) = Command::new("ipcrm").args(["-m", id.trim()]).status() {
        eprintln!("could not run ipcrm: {error}");
    }
}

/// Directory of the newest installed PostgreSQL's programs.
///
/// # Errors
/// When none is installed.
pub fn find_bin() -> Result<PathBuf> {
    let version = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|e| e.path());
    let newest = debian.filter(|p| p.join("bin/postgres").is_file()).max_by_key(version);
    if let Some(path) = newest {
        return Ok(path.join("bin"));
    }
    let postgres = crate::launch::find_program(Path::new("postgres"))?;
    Ok(fs::canonicalize(postgres)?.parent().context("a program lies in a directory")?.to_owned())
}

/// PostgreSQL refuses to run as root: root lends it the package's own user.
fn server_user() -> Option<User> {
    getuid().is_root().then_some("postgres")
}

fn ids_of(user: User) -> Result<(u32, u32)> {
    let accounts = fs::read_to_string("/etc/passwd")?;
    let Some(line) = accounts.lines().find(|l| l.starts_with(&format!("{user}:"))) else {
        bail!("there is no user {user}, which PostgreSQL needs when root starts it; ops/install makes it")
    };
    let mut fields = line.split(':').skip(2).map(str::parse);
    match (fields.next(), fields.next()) {
        (Some(Ok(uid)), Some(Ok(gid))) => Ok((uid, gid)),
        _ => bail!("cannot read the line of user {user} in /etc/passwd"),
    }
}

/// Makes a database on any server, through the URL of one that exists.
///
/// # Errors
/// As the server says.
pub async fn create_database(admin_url: &str, name: &str) -> Result<()> {
    execute(admin_url, &format!("CREATE DATABASE {} TEMPLATE template0", quoted(name))).await
}

/// Drops a database on any server and whoever is connected to it.
///
/// # Errors
/// As the server says.
pub async fn drop_database(admin_url: &str, name: &str) -> Result<()> {
    execute(admin_url, &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quoted(name))).await
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

async fn execute(url: &str, sql: &str) -> Result<()> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    let driver = tokio::spawn(connection);
    let done = client.batch_execute(sql).await;
    drop(client);
    driver.await.context("the connection's task ended badly")?.ok();
    Ok(done?)
}
