//! Nothing started here may outlive its owner, however the owner ends, and what a killed owner leaves on the disk
//! is gone after the next start.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use harness::home::{self, Home, MARK};
use harness::process::exit_code;
use harness::{Ended, Launch, Process, procfs, wait};

const STACK: &str = env!("CARGO_BIN_EXE_stack");
const LONG: Duration = Duration::from_secs(90);

/// A `stack run` that starts servers of its own whatever surrounds the tests, in a home of the test's own.
fn stack_run(log_dir: &Path, command: &[&str]) -> Process {
    Launch::new("stack-run", STACK)
        .args(["run", "--"])
        .args(command)
        .envs(
            ["DATABASE_URL", "BROKER_URL", "BROKER_MANAGEMENT_URL"].map(|v| (format!("XIEZHI_TEST_{v}"), "")),
        )
        .log_dir(log_dir)
        .spawn()
        .unwrap()
}

/// The home and everything that runs in it, once the servers are up.
async fn running(process: &Process) -> (PathBuf, Vec<procfs::Stat>) {
    let line = process.wait_for_log("servers ready", LONG).await.unwrap();
    let home = PathBuf::from(line.rsplit(' ').next().unwrap());
    wait::until("the command", LONG, async || home::recorded(&home).is_ok_and(|l| l.len() >= 5))
        .await
        .unwrap();
    let mut all = procfs::descendants(process.pid());
    all.extend(procfs::with_environment(MARK, &home));
    (home, all)
}

fn names(all: &[procfs::Stat]) -> String {
    all.iter().filter_map(|s| std::fs::read_to_string(format!("/proc/{}/comm", s.pid)).ok()).collect()
}

#[tokio::test]
async fn kill_9_of_the_owner_ends_everything_and_the_next_start_cleans_up() {
    let logs = tempfile::tempdir().unwrap();
    // The grandchild is nobody's child of record: the shell dies with its parent, the sleep does not.
    let process = stack_run(logs.path(), &["sh", "-c", "sleep 600 & sleep 601; true"]);
    let (dir, all) = running(&process).await;
    for name in ["beam", "epmd", "postgres", "sleep"] {
        assert!(names(&all).contains(name), "{name} should be running, found: {}", names(&all));
    }
    let recorded = home::recorded(&dir).unwrap();
    process.kill9();
    wait::until("all recorded processes to end", Duration::from_secs(10), async || {
        let left: Vec<_> = recorded.iter().filter(|(pid, started)| procfs::alive(*pid, *started)).collect();
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?} still run")) }
    })
    .await
    .unwrap();
    wait::until("all servers' helpers to end", Duration::from_secs(10), async || {
        let left: Vec<_> = all.iter().filter(|s| procfs::alive(s.pid, s.started)).cloned().collect();
        let left = names(&left);
        if left.replace("sleep\n", "").is_empty() { Ok(()) } else { Err(left) }
    })
    .await
    .unwrap();

    // A killed owner cannot delete its directory; whoever starts next does.
    let next = Home::create("next").unwrap();
    assert!(!dir.exists(), "the next start must delete the leftover directory");
    let left: Vec<_> = all.iter().filter(|s| procfs::alive(s.pid, s.started)).cloned().collect();
    assert!(left.is_empty(), "still there after the next start: {}", names(&left));
    assert!(next.path().exists());
}

#[tokio::test]
async fn the_commands_exit_code_and_environment_come_through_and_nothing_stays() {
    let logs = tempfile::tempdir().unwrap();
    let check =
        "test -n \"$XIEZHI_TEST_DATABASE_URL\" && test -n \"$XIEZHI_TEST_BROKER_URL\" && exit 7; exit 8";
    let process = stack_run(logs.path(), &["sh", "-c", check]);
    let line = process.wait_for_log("servers ready", LONG).await.unwrap();
    assert_eq!(exit_code(process.wait(LONG).await.unwrap()), 7);
    let dir = PathBuf::from(line.rsplit(' ').next().unwrap());
    assert!(!dir.exists());
    assert_eq!(procfs::with_environment(MARK, &dir), []);
}

#[tokio::test]
async fn sigterm_ends_command_and_servers_in_order() {
    let logs = tempfile::tempdir().unwrap();
    let process = stack_run(logs.path(), &["sleep", "600"]);
    let (dir, all) = running(&process).await;
    let Ended::Gracefully(status) = process.terminate(Duration::from_secs(30)).await else {
        panic!("it had to be killed: {}", process.log());
    };
    assert_eq!(exit_code(status), 143);
    assert!(!dir.exists());
    let left: Vec<_> = all.into_iter().filter(|s| procfs::alive(s.pid, s.started)).collect();
    assert!(left.is_empty(), "{}", names(&left));
}

#[test]
fn a_living_owners_home_is_never_swept() {
    let mine = Home::create("living").unwrap();
    let status = Command::new(STACK).arg("sweep").stdout(Stdio::null()).status().unwrap();
    assert!(status.success() && mine.path().exists());
    let dir = mine.path().to_owned();
    drop(mine);
    assert!(!dir.exists());
}

#[tokio::test]
async fn signals_logs_and_usage_of_a_child() {
    let logs = tempfile::tempdir().unwrap();
    let script = "echo begun; trap 'echo asked; exit 3' TERM; while :; do sleep 0.05; done";
    let sh = |script: &str| Process::spawn("child", "sh", ["-c", script], [("A", "b")], logs.path()).unwrap();
    let child = sh(script);
    assert_eq!(child.wait_for_log("begun", LONG).await.unwrap(), "begun");
    child.sigstop();
    wait::until("the stop", LONG, async || procfs::stat(child.pid()).unwrap().state == 'T').await.unwrap();
    assert!(child.is_running());
    child.sigcont();
    wait::until("it to go on", LONG, async || procfs::stat(child.pid()).unwrap().state != 'T').await.unwrap();
    assert!(child.usage().unwrap().resident > 0);
    let Ended::Gracefully(status) = child.terminate(LONG).await else { panic!("killed") };
    assert_eq!((exit_code(status), child.log_tail(1).as_str()), (3, "asked"));
    assert!(!child.is_running());

    // A second run appends to the same file and sees only its own lines; a deaf child is killed after its grace.
    let child = sh("trap '' TERM; echo again; while :; do sleep 0.05; done");
    child.wait_for_log("again", LONG).await.unwrap();
    assert!(!child.log().contains("begun"));
    assert_eq!(child.terminate(Duration::from_millis(300)).await, Ended::Killed);

    let child = sh("echo last words; exit 1");
    let error = child.wait_for_log("never", LONG).await.unwrap_err();
    assert!(format!("{error:#}").contains("last words"), "{error:#}");
    assert!(Process::spawn("none", "no-such-program", [""; 0], [("", ""); 0], logs.path()).is_err());
}
