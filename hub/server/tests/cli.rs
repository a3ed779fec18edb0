//! The binary as a person or a script meets it.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

fn hub(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hub"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("XIEZHI_")) {
        command.env_remove(name);
    }
    command.args(args);
    command
}

fn run(args: &[&str]) -> (i32, String, String) {
    told(hub(args).output().unwrap())
}

fn told(output: Output) -> (i32, String, String) {
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn one_identifier_is_explained() {
    let (code, out, _) = run(&["identifier", "division_code", "320102", "--json"]);
    let verdict: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (code, verdict["ok"].as_bool(), verdict["normalised"].as_str()),
        (0, Some(true), Some("320102"))
    );

    let (code, out, _) = run(&["identifier", "division_code", "320199", "--as-of", "2026-01-01"]);
    assert_eq!(code, 1);
    assert!(out.contains("ok: false") && out.contains("level: "), "{out}");

    let (code, out, err) = run(&["identifier", "colour", "red"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("HUB-1040") && err.contains("division_code"), "{err}");

    let (code, out, _) = run(&["identifier", "--types"]);
    assert_eq!(code, 0);
    assert!(out.lines().count() > 10 && out.contains("不动产单元代码"), "{out}");

    let (code, _, err) = run(&["identifier"]);
    assert_eq!(code, 2, "{err}");
}

#[test]
fn a_long_list_is_answered_line_by_line() {
    let mut child = hub(&["identifier", "--stdin", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        for n in 0..20_000 {
            match n % 4 {
                3 => writeln!(stdin, "not json {n}").unwrap(),
                _ => writeln!(stdin, "{{\"type\":\"division_code\",\"value\":\"{:06}\"}}", 320_000 + n % 200)
                    .unwrap(),
            }
        }
    });
    let (code, out, err) = told(child.wait_with_output().unwrap());
    writer.join().unwrap();
    assert_eq!((code, err.as_str()), (0, ""));
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines.len(), 20_000);
    for (n, line) in lines.iter().enumerate() {
        let answer: serde_json::Value = serde_json::from_str(line).unwrap();
        if n % 4 == 3 {
            assert_eq!(
                (answer["ok"].as_bool(), answer["error"]["line"].as_u64()),
                (Some(false), Some(n as u64 + 1))
            );
        } else {
            assert_eq!(answer["value"], format!("{:06}", 320_000 + n % 200));
            assert!(answer["ok"].is_boolean() && answer.get("warnings").is_some());
        }
    }
}

#[test]
fn working_days_are_counted_and_explained() {
    let from = "2024-02-09T17:00:00+08:00";
    let (code, out, err) = run(&["workdays", "--from", from, "--days", "1"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.starts_with("due_date: 2024-02-18\ndue_exclusive: 2024-02-19T00:00:00+08:00\n"), "{out}");
    assert!(out.contains("2024-02-18  worked  春节"), "{out}");
    let (code, out, _) = run(&["workdays", "--from", from, "--days", "5", "--json"]);
    let answer: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, answer["due_date"].as_str()), (0, Some("2024-02-22")));
    assert_eq!(answer["basis"][0]["notice"], "国办发明电〔2023〕7号");

    // No guess beyond the loaded years, and none about the day of an instant without offset.
    let (code, out, err) = run(&["workdays", "--from", "2099-12-31T10:00:00+08:00", "--days", "1"]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("[HUB-3350] the working days of 2100 are not loaded"), "{err}");
    let (code, _, err) = run(&["workdays", "--from", "2024-02-09T17:00:00", "--days", "1"]);
    assert!(code == 2 && err.contains("[HUB-3351]") && err.contains("offset"), "{err}");
    assert_eq!(run(&["workdays", "--from", from]).0, 2);

    let mut child = hub(&["workdays", "--stdin", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        for n in 0..10_000 {
            match n % 2 {
                0 => writeln!(stdin, "{{\"start\":\"2024-03-04T09:30:00+08:00\",\"n\":{}}}", n % 10 + 1)
                    .unwrap(),
                _ => writeln!(stdin, "{{\"start\":\"2024-03-04T09:30:00\",\"n\":1}}").unwrap(),
            }
        }
    });
    let (code, out, err) = told(child.wait_with_output().unwrap());
    writer.join().unwrap();
    assert_eq!((code, err.as_str(), out.lines().count()), (0, "", 10_000));
    assert_eq!(
        out.lines().next(),
        Some(r#"{"due_date":"2024-03-05","due_exclusive":"2024-03-06T00:00:00+08:00"}"#)
    );
    assert!(out.lines().nth(1).unwrap().contains(r#""code":"HUB-3351","reason":"OFFSET_MISSING","line":2"#));
}

#[test]
fn a_file_of_working_days_is_used_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("days.csv");
    let ask = |text: &str| {
        std::fs::write(&path, text).unwrap();
        let mut command = hub(&["workdays", "--from", "2024-02-09T17:00:00+08:00", "--days", "1"]);
        told(command.env("XIEZHI_CALENDAR__EXTRA_FILE", &path).output().unwrap())
    };
    let table = include_str!("../../../schemas/data/workdays.csv");
    let of_2024: String = table.lines().filter(|l| l.starts_with("2024")).map(|l| format!("{l}\n")).collect();
    // As if 18 February had not been made a working day.
    let other = format!("date,day,name,notice\n{}", of_2024.replace("2024-02-18,work", "2024-02-18,off"));
    let (code, out, err) = ask(&other);
    assert!(code == 0 && out.contains("due_date: 2024-02-19"), "{out}{err}");
    let (code, out, err) = ask("date,day,name,notice\n2024-02-18,off,春节,虚构通知\n");
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("[HUB-3353]") && err.contains("2024 is not whole: 2024-10-01"), "{err}");
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let mut child =
        hub(&["identifier", "--types"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let (code, _, err) = told(child.wait_with_output().unwrap());
    assert!(code == 0 && !err.contains("panicked"), "{code} {err}");
}

#[test]
fn settings_are_checked_before_anything_else() {
    let output = hub(&["serve"]).env("XIEZHI_DATABASE__POOL_SIZE", "many").output().unwrap();
    let (code, out, err) = told(output);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("[HUB-1013] database.pool_size (environment XIEZHI_DATABASE__POOL_SIZE)"), "{err}");

    let (code, _, err) = run(&["serve"]);
    assert_eq!(code, 2);
    assert!(err.contains("database.url (default)") && err.contains("broker.url (default)"), "{err}");

    let output =
        hub(&["config", "show"]).env("XIEZHI_DATABASE__URL", "postgres://u:geheim@db/x").output().unwrap();
    let (code, out, _) = told(output);
    assert_eq!(code, 0);
    assert!(out.contains("postgres://db/x") && !out.contains("geheim"), "{out}");

    let (code, out, _) = run(&["config", "show", "--default"]);
    assert_eq!((code, out.trim_end()), (0, hub::config::DEFAULT.trim_end()));
}

#[test]
fn keys_are_made_once_and_serve_everything_derived() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("hub.toml");
    let text = "[secret]\nhub_secret_file = \"keys/s\"\n[ledger]\nsigning_key_file = \"keys/l.pem\"\n";
    std::fs::write(&config, text).unwrap();
    let config = config.to_str().unwrap();
    let (code, _, err) = run(&["--config", config, "province", "key", "32"]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("hub keys init"), "{err}");
    for (made, kept) in [(2, 0), (0, 2)] {
        let (code, out, err) = run(&["--config", config, "keys", "init"]);
        assert_eq!((code, out.as_str()), (0, ""));
        assert_eq!((err.matches("made ").count(), err.matches("kept ").count()), (made, kept), "{err}");
    }
    let key = |province: &str| {
        let (code, out, err) = run(&["--config", config, "province", "key", province]);
        assert_eq!((code, err.as_str(), out.trim().len()), (0, "", 64));
        out
    };
    assert_eq!(key("32"), key("32"));
    assert_ne!(key("32"), key("33"));
    let (code, out, _) = run(&["--config", config, "webhook", "secret", "court-a"]);
    assert_eq!((code, out.trim().len()), (0, 64));
}

#[test]
fn an_unreachable_hub_is_exit_code_three() {
    // Nothing listens on a port that was just given back.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let api = format!("http://127.0.0.1:{port}");
    let (code, out, err) = run(&["list", "--api", &api, "--token", "xz_secret"]);
    assert_eq!((code, out.as_str()), (3, ""));
    assert!(err.contains("HUB-1042") && !err.contains("xz_secret"), "{err}");
    let (code, _, err) = run(&["list", "--api", "nonsense"]);
    assert_eq!(code, 2, "{err}");
    let (code, _, err) = run(&["undelivered", "replay", "--all", "--api", &api]);
    assert!(code == 2 && err.contains("--reason"), "{err}");
}

/// Interrupted while it waits for a server or for its input, a command ends with 130 and has changed nothing.
#[tokio::test]
async fn an_interrupted_command_ends_with_130() {
    let env = harness::shared::TestEnv::new("interrupted").await.unwrap();
    let (client, connection) =
        tokio_postgres::connect(env.database_url(), tokio_postgres::NoTls).await.unwrap();
    let work = async {
        // Another hub is migrating: this one waits for the lock.
        client.execute("SELECT pg_advisory_lock(x'7869657A68690001'::bigint)", &[]).await.unwrap();
        let waiting = hub(&["migrate"])
            .env("XIEZHI_DATABASE__URL", env.database_url())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
        harness::wait::until("the command to wait", std::time::Duration::from_secs(20), async || {
            client.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) > 0
        })
        .await
        .unwrap();
        assert_eq!(interrupted(waiting), 130);
        let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
        assert_eq!(client.query_one(tables, &[]).await.unwrap().get::<_, i64>(0), 0);
    };
    tokio::select! {
        () = work => {}
        ended = connection => panic!("the database went away: {ended:?}"),
    }
    env.finish().await.unwrap();

    let mut reading = hub(&["identifier", "--stdin", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It answers, so it runs and reads on.
    let mut stdin = reading.stdin.take().unwrap();
    for _ in 0..2_000 {
        writeln!(stdin, "{{\"type\":\"division_code\",\"value\":\"320102\"}}").unwrap();
    }
    let mut first = [0];
    std::io::Read::read_exact(reading.stdout.as_mut().unwrap(), &mut first).unwrap();
    assert_eq!(interrupted(reading), 130);
}

/// Sends SIGINT and gives the exit code.
fn interrupted(mut child: std::process::Child) -> i32 {
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    child.wait().unwrap().code().unwrap()
}
