//! A private RabbitMQ node: own directory, own cookie, own epmd, random ports on the loopback. Debian's system
//! broker, if there is one, is never touched: nothing is shared with it but the programs.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use lapin::{Connection, ConnectionProperties};
use tokio::net::TcpStream;

use crate::home::{Home, free_port};
use crate::launch::Launch;
use crate::management::Management;
use crate::process::{Ended, Process, see_gone};
use crate::procfs::{self, Usage};
use crate::wait::{self, Step};

const START: Duration = Duration::from_secs(120);
const CONTROL: Duration = Duration::from_secs(60);

/// How the broker is run.
#[derive(Debug, Clone)]
pub struct RabbitOptions {
    /// Time after which an unacknowledged delivery closes its channel; the broker's default (30 min) when `None`.
    pub consumer_timeout: Option<Duration>,
    /// Free space below which the disk alarm is raised.
    pub disk_free_limit: String,
    /// Erlang schedulers, that is: processor cores the broker uses at most.
    pub schedulers: u32,
    /// More lines for `rabbitmq.conf`.
    pub config: Vec<String>,
}

impl Default for RabbitOptions {
    fn default() -> Self {
        Self { consumer_timeout: None, disk_free_limit: "50MB".to_owned(), schedulers: 2, config: Vec::new() }
    }
}

/// A private node; stopped hard when dropped.
#[derive(Debug)]
pub struct Rabbit {
    home: Arc<Home>,
    dir: PathBuf,
    bin: PathBuf,
    amqp_port: u16,
    epmd_port: u16,
    dist_port: u16,
    password: String,
    options: RabbitOptions,
    management: Management,
    process: Mutex<Option<Process>>,
    // Dropped after the node: a node that finds no epmd would start one of its own, which nobody ends.
    _epmd: Process,
}

const USER: &str = "xiezhi-admin";

impl Rabbit {
    /// Makes a new node below the home and starts it. Its administrator is `xiezhi-admin` with a random password.
    ///
    /// # Errors
    /// When RabbitMQ is not installed or does not start; the end of its log is in the message.
    pub async fn start(home: &Arc<Home>, options: RabbitOptions) -> Result<Self> {
        let bin = find_bin()?;
        let dir = home.sub("mq")?;
        let mut cookie =
            OpenOptions::new().write(true).create_new(true).mode(0o400).open(dir.join(".erlang.cookie"))?;
        write!(cookie, "{:032X}", rand::random::<u128>())?;
        let (amqp_port, management_port) = (free_port()?, free_port()?);
        let (epmd_port, dist_port) = (free_port()?, free_port()?);
        let password = format!("{:032x}", rand::random::<u128>());
        let mut config = vec![
            format!("listeners.tcp.1 = 127.0.0.1:{amqp_port}"),
            "management.tcp.ip = 127.0.0.1".to_owned(),
            format!("management.tcp.port = {management_port}"),
            format!("default_user = {USER}"),
            format!("default_pass = {password}"),
            format!("disk_free_limit.absolute = {}", options.disk_free_limit),
        ];
        config.extend(options.consumer_timeout.map(|t| format!("consumer_timeout = {}", t.as_millis())));
        config.extend(options.config.iter().cloned());
        fs::write(dir.join("rabbitmq.conf"), config.join("\n") + "\n")?;
        fs::write(dir.join("env.conf"), "")?;
        fs::write(dir.join("enabled_plugins"), "[rabbitmq_management].\n")?;
        let epmd = Launch::new("epmd", "epmd")
            .args(["-port", &epmd_port.to_string(), "-address", "127.0.0.1"])
            .clear_env()
            .home(home)
            .spawn()?;
        wait::until("epmd to listen", CONTROL, async || TcpStream::connect(("127.0.0.1", epmd_port)).await)
            .await?;
        let management =
            Management::new(&format!("http://127.0.0.1:{management_port}"), Some((USER, &password)))?;
        let broker = Self {
            home: Arc::clone(home),
            dir,
            bin,
            amqp_port,
            epmd_port,
            dist_port,
            password,
            options,
            management,
            process: Mutex::new(None),
            _epmd: epmd,
        };
        broker.launch().await?;
        Ok(broker)
    }

    async fn launch(&self) -> Result<()> {
        let process = self.tool("rabbitmq", "rabbitmq-server").spawn()?;
        *self.process.lock().unwrap_or_else(PoisonError::into_inner) = Some(process);
        let ready = wait::until("RabbitMQ to answer", START, async || match self.ask().await {
            Ok(()) => Step::Done(()),
            Err(_) if !self.is_running() => Step::Abort(anyhow!("the broker ended")),
            Err(error) => Step::Again(format!("{error:#}")),
        });
        ready.await.with_context(|| format!("last lines of its log:\n{}", self.log_tail(30)))
    }

    /// AMQP answers and so does the management API.
    async fn ask(&self) -> Result<()> {
        // The bare connection first: while the port is closed, a whole AMQP client is a costly way to see it.
        drop(TcpStream::connect(("127.0.0.1", self.amqp_port)).await?);
        let connection = Connection::connect(&self.amqp_url("/"), ConnectionProperties::default()).await?;
        connection.close(200, "ready".into()).await?;
        self.management.get(&["overview"]).await.map(drop)
    }

    /// A program of the package with the environment of this node only.
    fn tool(&self, name: &str, program: &str) -> Launch {
        let loopback = "-kernel inet_dist_use_interface {127,0,0,1}";
        let schedulers = self.options.schedulers;
        let in_dir = |file: &str| self.dir.join(file).into_os_string();
        Launch::new(name, self.bin.join(program))
            .clear_env()
            .env("HOME", &self.dir)
            .env("RABBITMQ_NODENAME", self.node_name())
            .env("RABBITMQ_CONF_ENV_FILE", in_dir("env.conf"))
            .env("RABBITMQ_CONFIG_FILE", in_dir("rabbitmq.conf"))
            .env("RABBITMQ_ADVANCED_CONFIG_FILE", in_dir("advanced.config"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", in_dir("enabled_plugins"))
            .env("RABBITMQ_MNESIA_BASE", in_dir("data"))
            .env("RABBITMQ_LOG_BASE", in_dir("log"))
            .env("RABBITMQ_LOGS", "-")
            .env("RABBITMQ_PID_FILE", in_dir("pid"))
            .env("RABBITMQ_DIST_PORT", self.dist_port.to_string())
            .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", format!("+S {schedulers}:{schedulers} {loopback}"))
            .env("RABBITMQ_CTL_ERL_ARGS", format!("+S 1:1 {loopback}"))
            .env("RABBITMQ_CTL_DIST_PORT_MIN", "0")
            .env("RABBITMQ_CTL_DIST_PORT_MAX", "0")
            .env("ERL_EPMD_PORT", self.epmd_port.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            // Nothing may start an epmd that outlives the stack.
            .env("ERL_AFLAGS", "-start_epmd false")
            // The start script then becomes the Erlang machine instead of watching over it.
            .env("RUNNING_UNDER_SYSTEMD", "true")
            .directory(&self.dir)
            .home(&self.home)
    }

    fn node_name(&self) -> String {
        format!("xz{}@localhost", self.amqp_port)
    }

    fn with<T>(&self, f: impl FnOnce(&Process) -> T) -> Option<T> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(f)
    }

    /// AMQP URL of a virtual host for the administrator.
    #[must_use]
    pub fn amqp_url(&self, vhost: &str) -> String {
        let vhost = if vhost == "/" { "%2f" } else { vhost };
        format!("amqp://{USER}:{}@127.0.0.1:{}/{vhost}", self.password, self.amqp_port)
    }

    /// AMQP port on 127.0.0.1; the same after a restart.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.amqp_port
    }

    /// The management API, with its URL and the administrator's credentials.
    #[must_use]
    pub const fn management(&self) -> &Management {
        &self.management
    }

    /// URL of the management API, without credentials.
    #[must_use]
    pub fn management_url(&self) -> &str {
        self.management.url()
    }

    /// User and password of the administrator.
    #[must_use]
    pub fn credentials(&self) -> (&str, &str) {
        (USER, &self.password)
    }

    /// Makes a virtual host and gives its AMQP URL.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn create_vhost(&self, name: &str) -> Result<String> {
        self.management.create_vhost(name).await?;
        Ok(self.amqp_url(name))
    }

    /// Deletes a virtual host with everything in it.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn delete_vhost(&self, name: &str) -> Result<()> {
        self.management.delete_vhost(name).await
    }

    /// Runs `rabbitmqctl` on this node and gives what it wrote.
    ///
    /// # Errors
    /// When it fails, with its output.
    pub async fn ctl(&self, args: &[&str]) -> Result<String> {
        self.tool("rabbitmqctl", "rabbitmqctl").args(args).run(CONTROL).await
    }

    /// Makes the broker write down which quorum queues exist. RabbitMQ 3.10 does so up to a second after it has
    /// confirmed declaration and publishes; a queue younger than that comes back from `kill -9` without its messages
    /// and without a leader, for ever. Call it between declaring queues and a kill that is not meant to show this.
    ///
    /// # Errors
    /// When the broker does not answer.
    pub async fn settle(&self) -> Result<()> {
        let sync = "[ok = dets:sync(Table) || Table <- dets:all()].";
        self.ctl(&["eval", sync]).await.map(drop)
    }

    /// Raises or clears the disk alarm by moving the limit, and waits until it is in force or gone.
    ///
    /// # Errors
    /// When the broker does not obey.
    pub async fn set_disk_alarm(&self, on: bool) -> Result<()> {
        let limit = if on { "1000000000000000" } else { &self.options.disk_free_limit };
        self.ctl(&["set_disk_free_limit", limit]).await?;
        wait::until("the disk alarm to change", CONTROL, async || match self.management.alarm().await {
            Ok(now) if now == on => Step::Done(()),
            other => Step::Again(format!("alarm: {other:?}")),
        })
        .await
    }

    /// Whether the broker's process runs.
    pub fn is_running(&self) -> bool {
        self.with(Process::is_running).unwrap_or(false)
    }

    /// Process id of the Erlang machine; `None` when it was stopped or killed.
    pub fn pid(&self) -> Option<u32> {
        self.with(Process::pid)
    }

    /// SIGKILL of the Erlang machine; its helpers are seen out too.
    pub fn kill9(&self) {
        let taken = self.process.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(process) = taken {
            let helpers = procfs::descendants(process.pid());
            process.kill9();
            see_gone(&helpers, Duration::from_secs(2));
        }
    }

    /// Freezes the broker.
    pub fn sigstop(&self) {
        self.with(Process::sigstop);
    }

    /// Lets a frozen broker go on.
    pub fn sigcont(&self) {
        self.with(Process::sigcont);
    }

    /// Orderly shutdown.
    ///
    /// # Errors
    /// When it does not end in a minute; it is killed then.
    pub async fn stop(&self) -> Result<()> {
        let taken = self.process.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(process) = taken else { return Ok(()) };
        match process.terminate(CONTROL).await {
            Ended::Gracefully(_) => Ok(()),
            Ended::Killed => bail!("RabbitMQ did not stop within {CONTROL:?} and was killed"),
        }
    }

    /// Starts the broker again on the same data and ports; stops it before when it runs.
    ///
    /// # Errors
    /// When it does not come up; the end of its log is in the message.
    pub async fn restart(&self) -> Result<()> {
        self.stop().await?;
        self.launch().await
    }

    /// CPU time and memory of the Erlang machine.
    #[must_use]
    pub fn usage(&self) -> Option<Usage> {
        self.with(Process::usage).flatten()
    }

    /// The last lines of the log since the last start.
    pub fn log_tail(&self, lines: usize) -> String {
        self.with(|process| process.log_tail(lines)).unwrap_or_default()
    }
}

impl Drop for Rabbit {
    fn drop(&mut self) {
        self.kill9();
    }
}

/// Directory of RabbitMQ's own scripts. The programs in `PATH` of Debian's package are no use: they change to the
/// user `rabbitmq` and the system broker's directory.
///
/// # Errors
/// When RabbitMQ is not installed.
pub fn find_bin() -> Result<PathBuf> {
    let known = ["/usr/lib/rabbitmq/bin", "/opt/rabbitmq/sbin", "/usr/local/sbin"];
    let found = known.iter().map(Path::new).find(|dir| dir.join("rabbitmq-server").is_file());
    found.map(Path::to_owned).context("RabbitMQ is not installed; ops/install installs it")
}
