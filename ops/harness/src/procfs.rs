//! Reads `/proc`: who is alive, whose child it is, and what it has used. The kernel gives process ids out again,
//! so a process is identified by its id together with its start time.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

/// One line of `/proc/<pid>/stat`, as far as it is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    /// Process id.
    pub pid: u32,
    /// Parent's process id.
    pub parent: u32,
    /// Process group.
    pub group: u32,
    /// State letter: `R`, `S`, `T` stopped, `Z` dead but not reaped, …
    pub state: char,
    /// User and kernel time, in clock ticks.
    pub cpu_ticks: u64,
    /// Start, in clock ticks since boot; with `pid` it names one process for ever.
    pub started: u64,
}

/// What a process has used so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// User and kernel time.
    pub cpu: Duration,
    /// Resident memory now, bytes.
    pub resident: u64,
    /// Highest resident memory so far, bytes.
    pub resident_peak: u64,
}

/// Reads one process; `None` when there is none with this id.
#[must_use]
pub fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in brackets and may hold blanks and brackets itself.
    let rest: Vec<&str> = text[text.rfind(')')? + 1..].split_whitespace().collect();
    let number = |field: usize| rest.get(field - 3)?.parse::<u64>().ok();
    Some(Stat {
        pid,
        parent: u32::try_from(number(4)?).ok()?,
        group: u32::try_from(number(5)?).ok()?,
        state: rest.first()?.chars().next()?,
        cpu_ticks: number(14)? + number(15)?,
        started: number(22)?,
    })
}

/// All processes of the machine that can be seen.
#[must_use]
pub fn all() -> Vec<Stat> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|e| e.file_name().to_str()?.parse().ok()).filter_map(stat).collect()
}

/// Whether exactly this process still runs; one that is dead and only not reaped counts as gone.
#[must_use]
pub fn alive(pid: u32, started: u64) -> bool {
    stat(pid).is_some_and(|s| s.started == started && !matches!(s.state, 'Z' | 'X'))
}

/// All descendants of a process, without itself.
#[must_use]
pub fn descendants(pid: u32) -> Vec<Stat> {
    let mut children: HashMap<u32, Vec<Stat>> = HashMap::new();
    for s in all() {
        children.entry(s.parent).or_default().push(s);
    }
    let (mut found, mut open, mut seen) = (Vec::new(), vec![pid], HashSet::from([pid]));
    while let Some(next) = open.pop() {
        for child in children.remove(&next).unwrap_or_default() {
            if seen.insert(child.pid) {
                open.push(child.pid);
                found.push(child);
            }
        }
    }
    found
}

/// Use of one process; `None` when it is gone.
#[must_use]
pub fn usage(pid: u32) -> Option<Usage> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let kib = |key: &str| {
        let line = status.lines().find_map(|l| l.strip_prefix(key))?;
        line.split_whitespace().next()?.parse::<u64>().ok().map(|n| n * 1024)
    };
    let ticks = stat(pid)?.cpu_ticks;
    let hertz = rustix::param::clock_ticks_per_second().max(1);
    Some(Usage {
        cpu: Duration::from_micros(ticks * 1_000_000 / hertz),
        resident: kib("VmRSS:").unwrap_or(0),
        resident_peak: kib("VmHWM:").unwrap_or(0),
    })
}

/// Use of a process and its present descendants; shared memory is counted once for each of them.
#[must_use]
pub fn usage_of_tree(pid: u32) -> Option<Usage> {
    let own = usage(pid)?;
    Some(descendants(pid).iter().filter_map(|s| usage(s.pid)).fold(own, |sum, u| Usage {
        cpu: sum.cpu + u.cpu,
        resident: sum.resident + u.resident,
        resident_peak: sum.resident_peak + u.resident_peak,
    }))
}

/// Processes that were started with the variable `name=value`, as far as this user may look.
#[must_use]
pub fn with_environment(name: &str, value: &Path) -> Vec<Stat> {
    let wanted = format!("{name}={}", value.display());
    let holds = |s: &Stat| {
        fs::read(format!("/proc/{}/environ", s.pid))
            .is_ok_and(|bytes| bytes.split(|b| *b == 0).any(|entry| entry == wanted.as_bytes()))
    };
    all().into_iter().filter(holds).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn knows_this_process_and_its_start_time() {
        let me = stat(std::process::id()).unwrap();
        assert!(alive(me.pid, me.started));
        assert!(!alive(me.pid, me.started + 1), "another start time is another process");
        assert!(usage(me.pid).unwrap().resident > 1024 * 1024);
    }

    #[test]
    fn finds_children_by_parent_and_by_environment() {
        let mark = std::env::temp_dir().join(format!("procfs-{}", std::process::id()));
        let mut child =
            std::process::Command::new("sleep").arg("60").env("PROCFS_MARK", &mark).spawn().unwrap();
        let seen = |list: Vec<Stat>| list.iter().any(|s| s.pid == child.id());
        let by_parent = seen(descendants(std::process::id()));
        let by_mark = seen(with_environment("PROCFS_MARK", &mark));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(by_parent && by_mark);
    }
}
