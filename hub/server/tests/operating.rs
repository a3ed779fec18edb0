//! Setting up a hub from nothing by the command line alone, on a real database and broker, and stopping it.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use harness::TestEnv;
use serde_json::Value;

struct Hub {
    env: Vec<(&'static str, String)>,
}

impl Hub {
    fn new(env: &TestEnv) -> Self {
        let (user, password) = env.management().credentials();
        let management = env.management().url().replacen("://", &format!("://{user}:{password}@"), 1);
        let file = |name: &str| env.dir().join(name).to_str().unwrap().to_owned();
        Self {
            env: vec![
                ("XIEZHI_DATABASE__URL", env.database_url().to_owned()),
                ("XIEZHI_BROKER__URL", env.broker_url().to_owned()),
                ("XIEZHI_BROKER__MANAGEMENT_URL", management),
                ("XIEZHI_HTTP__LISTEN", "127.0.0.1:0".to_owned()),
                ("XIEZHI_SECRET__HUB_SECRET_FILE", file("hub.secret")),
                ("XIEZHI_LEDGER__SIGNING_KEY_FILE", file("ledger.pem")),
                ("XIEZHI_LEDGER__WITNESS_FILE", file("witness.jsonl")),
                ("XIEZHI_DOCUMENTS__ROOT", file("documents")),
                ("XIEZHI_WAITING__CUT_OVER_DAY", "2024-03-01".to_owned()),
            ],
        }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hub"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("XIEZHI_")) {
            command.env_remove(name);
        }
        command.args(args).envs(self.env.iter().cloned());
        command
    }

    fn run(&self, args: &[&str]) -> (i32, String, String) {
        let output = self.command(args).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    fn done(&self, args: &[&str]) -> String {
        let (code, out, err) = self.run(args);
        assert_eq!(code, 0, "{args:?}: {out}{err}");
        out
    }

    fn doctor(&self) -> (i32, Vec<Value>) {
        let (code, out, _) = self.run(&["doctor", "--json"]);
        (code, serde_json::from_str(&out).unwrap())
    }
}

fn status<'a>(checks: &'a [Value], name: &str) -> &'a str {
    let check = checks.iter().find(|check| check["name"] == name);
    check.unwrap_or_else(|| panic!("no check {name}: {checks:#?}"))["status"].as_str().unwrap()
}

/// Stops the process if the test fails half way.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_nothing_to_a_running_hub() {
    harness::install_crypto();
    let env = Box::pin(TestEnv::new("operating")).await.unwrap();
    let hub = Hub::new(&env);

    // Nothing is there yet, and the doctor says so instead of guessing.
    let (code, checks) = hub.doctor();
    assert_eq!(code, 1);
    assert_eq!(status(&checks, "database"), "ok");
    for name in ["schema", "hub secret", "signing key"] {
        assert_eq!(status(&checks, name), "fail", "{name}");
    }
    assert_eq!(status(&checks, "role"), "n/a");

    let missing = hub.done(&["migrate", "--dry-run"]);
    assert!(missing.lines().count() >= 7 && missing.starts_with("0001_"), "{missing}");
    assert_eq!(hub.done(&["migrate"]), "");
    assert_eq!(hub.done(&["migrate", "--dry-run"]), "");
    hub.done(&["keys", "init"]);

    // The broker's accounts bear their province's name and this hub has a secret of its own: a province that no other test has.
    let provinces = env.dir().join("provinces.csv");
    fs::write(&provinces, "province,name,valid_from,valid_to\n65,新疆维吾尔自治区,2024-11-01,\n").unwrap();
    let registries = env.dir().join("registries.csv");
    let rows =
        "registry,name,valid_from,valid_to,divisions\n650102,乌鲁木齐市天山,2024-11-01,,650102;650103\n";
    fs::write(&registries, rows).unwrap();
    let (provinces, registries) = (provinces.to_str().unwrap(), registries.to_str().unwrap());
    let changes = hub.done(&["directory", "import", provinces, registries]);
    assert_eq!(changes.lines().count(), 4, "{changes}");
    let listed: Value = serde_json::from_str(&hub.done(&["directory", "list", "--json"])).unwrap();
    assert_eq!(listed[0]["divisions"], serde_json::json!(["650102", "650103"]));
    // What is exported can be imported again and changes nothing.
    for (table, header) in
        [("provinces", "province,"), ("registries", "registry,"), ("divisions", "division,")]
    {
        let text = hub.done(&["directory", "export", table]);
        assert!(text.starts_with(header), "{text}");
        let path = env.dir().join(format!("again-{table}.csv"));
        fs::write(&path, text).unwrap();
        assert_eq!(hub.done(&["directory", "import", path.to_str().unwrap()]), "");
    }

    assert_eq!(hub.run(&["topology", "diff"]).0, 1);
    let (code, _, err) = hub.run(&["topology", "apply"]);
    assert!(code == 2 && err.contains("--yes"), "{code} {err}");
    hub.done(&["topology", "apply", "--yes"]);
    assert_eq!(hub.run(&["topology", "diff"]).0, 0);

    let (code, checks) = hub.doctor();
    assert_eq!(code, 0, "{checks:#?}");
    for name in [
        "settings",
        "database",
        "schema",
        "role",
        "clock",
        "directory",
        "courts",
        "broker",
        "topology",
        "fonts",
    ] {
        assert_eq!(status(&checks, name), "ok", "{checks:#?}");
    }
    // Sound, or about to end: the compiled-in years end on some day. Never unchecked.
    assert!(["ok", "warn"].contains(&status(&checks, "calendar")), "{checks:#?}");

    hub.done(&["principal", "add", "court-a", "--role", "court"]);
    let token = hub.done(&["credential", "issue", "court-a", "--expires", "2099-12-31"]);
    assert!(token.starts_with("xz_") && token.lines().count() == 1);
    assert_eq!(hub.run(&["principal", "add", "court-a", "--role", "court"]).0, 1);
    assert_eq!(hub.run(&["credential", "revoke", "court-a", "--all"]).0, 0);
    assert_eq!(hub.run(&["credential", "revoke", "court-a", "--all"]).0, 1);
    hub.done(&["audit", "verify"]);

    let mut child = hub.command(&["serve"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut child = Running(child);
    let mut log = Vec::new();
    let mut told = false;
    // Ends when the process does, because then its standard error is closed.
    for line in lines.map_while(Result::ok) {
        let event: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        if event["message"] == "the hub runs" && !told {
            told = true;
            let id = child.0.id().to_string();
            assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        }
        log.push(line);
    }
    assert!(told, "{log:#?}");
    let deadline = Instant::now() + Duration::from_secs(40);
    let code = loop {
        if let Some(status) = child.0.try_wait().unwrap() {
            break status.code();
        }
        assert!(Instant::now() < deadline, "it does not stop: {log:#?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(code, Some(0), "{log:#?}");
    assert!(log.last().unwrap().contains("the hub stopped"), "{log:#?}");
    env.finish().await.unwrap();
}
