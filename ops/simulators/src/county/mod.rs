//! A simulated county registry system (属地不动产登记系统): a real HTTP server with its own journal, for one registry or many.
//!
//! It takes demands, keeps them, decides them by a small register of its own, offers the outcomes, and misbehaves on command.
//! It reads only the published JSON and shares no code with the hub, so that a misunderstanding shows.

mod control;
mod desk;
mod faults;
mod files;
mod filing;
mod http;
mod journal;
mod links;
mod outcome;
mod register;
mod wire;

use std::{
    collections::BTreeSet,
    fs::TryLockError,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use jiff::Timestamp;
use tokio::{net::TcpListener, task::JoinSet};

pub use self::{
    faults::{Fault, FaultOrder, UnknownFault},
    files::{FileDoor, FileForm},
    filing::{Filing, Kind, Period, Script},
    journal::{Event, Record},
    links::LinkOrder,
};

use self::{
    desk::Desk,
    faults::Faults,
    journal::Journal,
    wire::{Switchboard, Wire},
};

/// How long somebody else must hold the journal's lock until that is believed, and how often it is tried.
const HANDED_ON: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(10);

/// How a county is run.
#[derive(Clone)]
pub struct Config {
    /// Where to listen; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Directory of the journal.
    pub journal: PathBuf,
    /// Bearer token that every call must carry, the control calls too.
    pub token: String,
    /// Registries it serves, six digits each; none means any.
    pub registries: Option<BTreeSet<String>>,
    /// How long it takes to decide a demand.
    pub decide_after: Duration,
    /// Chooses which deliveries a fault with a share strikes.
    pub seed: u64,
    /// What a crash does.
    pub crash: Crash,
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config").field("listen", &self.listen).finish_non_exhaustive()
    }
}

/// What the crash faults do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    /// The process aborts, as a real crash.
    Abort,
    /// Only the connection dies: what the client sees of a crash, for counties that live inside a test process.
    HangUp,
}

/// A running county; it stops when dropped.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    app: Arc<App>,
    tasks: JoinSet<()>,
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Misbehaves as ordered; `POST /_sim/faults` from within the process.
    pub fn misbehave(&self, order: FaultOrder) {
        self.app.faults.set(order);
    }

    /// What is ordered; `GET /_sim/faults` from within the process.
    pub fn faults(&self) -> Vec<FaultOrder> {
        self.app.faults.list()
    }

    /// The book, from disk; `GET /_sim/journal` from within the process.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn records(&self) -> anyhow::Result<Vec<Record>> {
        self.app.journal.read()
    }

    /// A court sends a demand over the county's own link; the id of its receipt. `POST /_sim/local-demands` from within the process.
    ///
    /// # Errors
    /// When it is no demand, or the disk failed.
    pub async fn receive_over_link(&self, order: LinkOrder) -> anyhow::Result<String> {
        let received = control::receive(&self.app, order).await;
        received
            .map_err(|filing::Refusal(code, reason)| anyhow::anyhow!("{code}: {reason}"))?
            .context("the journal cannot be written")
    }

    /// Also exchanges files, as another door to the same desk; until it stops.
    pub fn exchange_files(&mut self, door: FileDoor) {
        self.tasks.spawn(files::serve(Arc::clone(&self.app), door));
    }

    /// Ends it and lets go of the journal, so that another can be started on the same directory.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
        self.app.journal.close();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.app.journal.close();
    }
}

struct App {
    config: Config,
    journal: Journal,
    desk: Mutex<Desk>,
    faults: Faults,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.config.fmt(f)
    }
}

impl App {
    fn desk(&self) -> std::sync::MutexGuard<'_, Desk> {
        self.desk.lock().expect("no holder of this lock panics")
    }

    fn crash(&self, wire: &Wire) {
        match self.config.crash {
            Crash::Abort => std::process::abort(),
            Crash::HangUp => wire.hang_up(),
        }
    }

    /// Decides what is due and what was taken up to `until`, and offers it once it is on disk.
    async fn decide(&self, until: Option<&(String, uuid::Uuid)>) {
        let decided = self.desk().decide_due(until, now(), &self.journal);
        // What is not on disk is not offered, and the journal has said so.
        let _all_written = desk::publish(&self.desk, decided).await;
    }
}

/// The county's clock, in microseconds as everything that travels.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}

/// Opens the journal. A process that this one starts has all its open files between fork and exec, and holds their locks for
/// that long although this one has let go of them; so one refusal of the lock is not believed.
async fn open(dir: &Path) -> anyhow::Result<(Journal, Vec<Record>)> {
    let begin = Instant::now();
    loop {
        match Journal::open(dir) {
            Err(error) if error.is::<TryLockError>() && begin.elapsed() < HANDED_ON => {
                tokio::time::sleep(LOOK).await;
            }
            settled => return settled,
        }
    }
}

/// Starts a county: reads its journal, then listens.
///
/// # Errors
/// When the journal cannot be opened or the address is taken.
pub async fn serve(config: Config) -> anyhow::Result<Running> {
    let (journal, records) = open(&config.journal).await?;
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}", config.listen))?;
    let address = listener.local_addr()?;
    tracing::info!(%address, journal_lines = records.len(), "county is open");
    let desk = Mutex::new(Desk::new(config.decide_after, records));
    let faults = Faults::new(config.seed);
    let app = Arc::new(App { config, journal, desk, faults });

    let mut tasks = JoinSet::new();
    let service = http::router(Arc::clone(&app)).into_make_service_with_connect_info::<Wire>();
    tasks.spawn(async move {
        if let Err(error) = axum::serve(Switchboard(listener), service).await {
            tracing::error!(%error, "county stopped listening");
        }
    });
    let clerk = Arc::clone(&app);
    tasks.spawn(async move {
        let mut tick = tokio::time::interval(Duration::from_millis(10));
        loop {
            tick.tick().await;
            clerk.decide(None).await;
        }
    });
    Ok(Running { address, app, tasks })
}
