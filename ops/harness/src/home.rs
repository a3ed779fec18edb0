//! The private directory of one stack, with the list of everything started in it. The list lets the next start
//! end and delete what a killed harness left behind, and nothing else: owner and processes are known by id and
//! start time.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, getuid, kill_process};

use crate::{procfs, wait};

/// Variable that marks every process started in a home, with the home's path as value.
pub const MARK: &str = "XIEZHI_TEST_STACK_DIR";
const LIST: &str = "pids";

/// A directory below `/tmp/xiezhi-<uid>/`, deleted when dropped; kept while the thread panics, so that the logs of
/// a failed test can be read until the next start.
#[derive(Debug)]
pub struct Home {
    path: PathBuf,
    list: Mutex<File>,
}

impl Home {
    /// Clears up after dead owners, then makes a directory `<name>-<pid>`; the name is cut to 24 characters because
    /// the path of a socket must stay short.
    ///
    /// # Errors
    /// When the base directory belongs to somebody else or cannot be written.
    pub fn create(name: &str) -> Result<Self> {
        sweep()?;
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let base = base()?;
        let me = std::process::id();
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        // Made under another name and moved when the owner is written down, so that no sweep finds it half made.
        let draft = base.join(format!(".new-{n}-{me}"));
        make_dir(&draft)?;
        let mut list = OpenOptions::new().create_new(true).append(true).open(draft.join(LIST))?;
        let started = procfs::stat(me).context("this process is not in /proc")?.started;
        writeln!(list, "owner {me} {started}")?;
        let short: String =
            name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(24).collect();
        let suffix = if n == 0 { String::new() } else { format!(".{n}") };
        let path = base.join(format!("{short}{suffix}-{me}"));
        fs::rename(&draft, &path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self { path, list: Mutex::new(list) })
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a directory in it that others may pass through but not list.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn sub(&self, name: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        if !path.is_dir() {
            make_dir(&path)?;
        }
        Ok(path)
    }

    /// Writes a started process down.
    ///
    /// # Errors
    /// When the list cannot be written.
    pub fn record(&self, pid: u32, started: u64, name: &str) -> Result<()> {
        let mut list = self.list.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        writeln!(list, "child {pid} {started} {name}").context("cannot write the list of processes")
    }
}

/// Whether a home stays when it is dropped.
static KEEP: AtomicBool = AtomicBool::new(false);

/// Lets every home of this process stay when it is dropped, with its logs, until another one is made; or no longer.
pub fn keep(yes: bool) {
    KEEP.store(yes, Ordering::Relaxed);
}

impl Drop for Home {
    fn drop(&mut self) {
        if std::thread::panicking() || KEEP.load(Ordering::Relaxed) {
            eprintln!("logs of the failed run stay in {} until the next start", self.path.display());
        } else if let Err(error) = fs::remove_dir_all(&self.path) {
            eprintln!("could not delete {}: {error}", self.path.display());
        }
    }
}

fn make_dir(path: &Path) -> Result<()> {
    DirBuilder::new().mode(0o711).create(path).with_context(|| format!("cannot make {}", path.display()))
}

/// `/tmp/xiezhi-<uid>`, made when missing. `/tmp` is everybody's: a link or a stranger's directory is refused.
///
/// # Errors
/// When it is not a directory of this user.
pub fn base() -> Result<PathBuf> {
    let uid = getuid().as_raw();
    let path = PathBuf::from(format!("/tmp/xiezhi-{uid}"));
    match DirBuilder::new().mode(0o711).create(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(error).with_context(|| format!("cannot make {}", path.display()));
        }
        _ => {}
    }
    let meta = fs::symlink_metadata(&path)?;
    if !meta.is_dir() || meta.uid() != uid {
        bail!("{} is not a directory of user {uid}; remove it", path.display());
    }
    Ok(path)
}

/// Processes written down in a home: owner first, then children, as (pid, start time).
///
/// # Errors
/// When the list cannot be read.
pub fn recorded(home: &Path) -> Result<Vec<(u32, u64)>> {
    let text = fs::read_to_string(home.join(LIST))
        .with_context(|| format!("no list of processes in {}", home.display()))?;
    let parse = |line: &str| {
        let mut words = line.split(' ').skip(1);
        Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
    };
    Ok(text.lines().filter_map(parse).collect())
}

/// Ends leftover processes and deletes the directories of homes whose owner is dead. Gives the deleted ones.
///
/// # Errors
/// When a leftover process cannot be ended or the base is not ours.
pub fn sweep() -> Result<Vec<PathBuf>> {
    let mut swept = Vec::new();
    for entry in fs::read_dir(base()?)? {
        let path = entry?.path();
        let Ok(list) = recorded(&path) else {
            // A draft whose owner died before writing the list: the owner's id is in the name.
            let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
            let owner = name.rsplit('-').next().and_then(|pid| pid.parse().ok());
            if name.starts_with(".new-") && owner.and_then(procfs::stat).is_none() {
                drop(fs::remove_dir_all(&path));
            }
            continue;
        };
        if list.first().is_none_or(|(pid, started)| procfs::alive(*pid, *started)) {
            continue;
        }
        end_leftovers(&path, &list[1..])?;
        crate::postgres::forget_shared_memory(&path);
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot delete the leftover {}", path.display()));
            }
            _ => swept.push(path),
        }
    }
    Ok(swept)
}

fn end_leftovers(home: &Path, children: &[(u32, u64)]) -> Result<()> {
    let mut doomed: Vec<(u32, u64)> = children.to_vec();
    for (pid, _) in children.iter().filter(|(pid, started)| procfs::alive(*pid, *started)) {
        doomed.extend(procfs::descendants(*pid).iter().map(|s| (s.pid, s.started)));
    }
    // Grandchildren whose parent is already gone are known by the mark in their environment.
    doomed.extend(procfs::with_environment(MARK, home).iter().map(|s| (s.pid, s.started)));
    doomed.retain(|(pid, started)| procfs::alive(*pid, *started) && *pid != std::process::id());
    for (pid, _) in &doomed {
        kill_one(*pid, Signal::KILL);
    }
    wait::until_blocking("leftover processes to end", Duration::from_secs(10), || {
        doomed.iter().all(|(pid, started)| !procfs::alive(*pid, *started))
    })
}

/// Sends a signal to one process; one that is gone already is no error.
pub(crate) fn kill_one(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        kill_process(pid, signal).ok();
    }
}

/// A loopback TCP port nobody uses. It lies below the range that the kernel gives to outgoing connections, so that
/// a server which is down for a moment finds its port free again.
///
/// # Errors
/// When no port is free.
pub fn free_port() -> Result<u16> {
    let low = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .ok()
        .and_then(|text| text.split_whitespace().next()?.parse::<u16>().ok())
        .filter(|low| *low > 12_000)
        .unwrap_or(32_768);
    for _ in 0..200 {
        let port = rand::random_range(10_000..low);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free TCP port between 10000 and {low} on 127.0.0.1")
}
