//! The commands about mapping files, as an engineer of a province runs them.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{path::Path, process::Command};

const GOOD: &str = r#"
[mapping]
language = 1
name = "soap-32"
version = "7"
description = "a test"
[outbound]
format = "xml"
charset = "gb18030"
fields = [
  { to = "Q.AH", from = "demand.case_number" },
  { to = "Q.KZCS", from = "demand.kind", table = "control" },
  { to = "Q.WS", each = "documents", as = "d", from = "d.content_base64" },
]
[table.control]
seizure = "11"
[[test]]
name = "own file"
demand = "file:demand.json"
expect = { Q.KZCS = "11" }
"#;

const DEMAND: &str = include_str!("../../../schemas/examples/accepted/demand-seizure.json");

struct Said {
    good: bool,
    out: Vec<u8>,
    err: String,
}

impl Said {
    fn text(&self) -> String {
        String::from_utf8(self.out.clone()).unwrap()
    }

    fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.out).unwrap()
    }
}

fn connector(folder: &Path, arguments: &[&str]) -> Said {
    let done =
        Command::new(env!("CARGO_BIN_EXE_connector")).args(arguments).current_dir(folder).output().unwrap();
    Said { good: done.status.success(), out: done.stdout, err: String::from_utf8(done.stderr).unwrap() }
}

fn folder(mapping: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("m.toml"), mapping).unwrap();
    std::fs::write(folder.path().join("demand.json"), DEMAND).unwrap();
    folder
}

#[test]
fn a_good_file_is_checked_tested_and_tried() {
    let folder = folder(GOOD);
    let said = connector(folder.path(), &["mapping", "check", "m.toml"]);
    assert!(said.good, "{}", said.err);
    assert!(said.text().contains("OK   soap-32 7 ("), "{}", said.text());
    assert!(
        said.text().contains("WARN line 12: [table.control] has no entry for `renewal`"),
        "{}",
        said.text()
    );

    let said = connector(folder.path(), &["mapping", "test", "m.toml", "--json"]);
    assert!(said.good);
    assert_eq!(said.json()["tests"][0]["passed"], true);
    assert_eq!(said.json()["mapping"]["version"], "7");
    assert_eq!(
        said.json()["mapping"]["sha256"],
        xiezhi_schemas::message::Digest::of(GOOD.as_bytes()).as_str()
    );

    let said = connector(folder.path(), &["dry-run", "--mapping", "m.toml", "--demand", "demand.json"]);
    assert!(said.good, "{}", said.err);
    // The full-width brackets, 京 and 执 of the case number in GB18030.
    let head = b"<?xml version=\"1.0\" encoding=\"GB18030\"?><Q><AH>\xa3\xa82024\xa3\xa9\xbe\xa90105\xd6\xb41234\xba\xc5</AH><KZCS>11</KZCS><WS>dGVzdA==</WS>";
    assert_eq!(&said.out[..head.len()], head);
    assert!(said.out.ends_with(b"</Q>"));
    assert!(said.err.contains("application/xml; charset=GB18030, "), "{}", said.err);

    // The real documents.
    for name in ["执行裁定书.pdf", "协助执行通知书.pdf", "工作证.jpg"] {
        std::fs::write(folder.path().join(name), name).unwrap();
    }
    let said = connector(
        folder.path(),
        &["dry-run", "--mapping", "m.toml", "--demand", "demand.json", "--documents", "."],
    );
    assert!(said.out.windows(8).any(|part| part == b"5omn6KGM"), "the name of the ruling in base64");
}

#[test]
fn a_broken_file_is_refused_with_all_its_mistakes() {
    let folder =
        folder(&GOOD.replace("table = \"control\"", "tabel = \"control\"").replace("case_number", "case_no"));
    for command in [
        &["mapping", "check", "m.toml"][..],
        &["mapping", "test", "m.toml"],
        &["dry-run", "--mapping", "m.toml", "--demand", "demand.json"],
    ] {
        let said = connector(folder.path(), command);
        assert!(!said.good);
        let told = said.text() + &said.err;
        assert!(told.contains("[CON-6001] the mapping file has 2 problems"), "{told}");
        assert!(told.contains("line 11, column") && told.contains("perhaps `table`"), "{told}");
    }
    let said = connector(folder.path(), &["mapping", "check", "m.toml", "--json"]);
    assert_eq!(said.json()["problems"].as_array().unwrap().len(), 2);
}

#[test]
fn a_failing_test_and_a_refused_demand_end_with_a_failure() {
    let folder = folder(&GOOD.replace("KZCS = \"11\" }", "KZCS = \"12\" }"));
    let said = connector(folder.path(), &["mapping", "test", "m.toml"]);
    assert!(!said.good);
    assert!(said.text().contains("`Q.KZCS`: expected \"12\", found \"11\""), "{}", said.text());
    assert!(said.err.contains("CON-6008"), "{}", said.err);

    std::fs::write(folder.path().join("demand.json"), DEMAND.replace("\"seizure\"", "\"waiting\"")).unwrap();
    let said = connector(folder.path(), &["dry-run", "--mapping", "m.toml", "--demand", "demand.json"]);
    assert!(!said.good && said.out.is_empty(), "nothing is shown of a message that is not made");
    assert!(said.err.contains("[CON-6003] Q.KZCS: `demand.kind` is `waiting`"), "{}", said.err);
}

#[test]
fn the_bytes_of_an_adapter_are_shown_without_calling_anybody() {
    let folder = folder(&GOOD.replace("xml\"\ncharset = \"gb18030", "xml\"\ncharset = \"utf-8"));
    let config = |mapping: &str| {
        format!(
            "name = 'c-11'\nprovince = '11'\nprovince_key = '{}'\nregistries = ['110105']\nadapter = 'rest'\n\
             [broker]\nurl = 'amqp://xz-province-11:p@127.0.0.1:1/xiezhi'\n[hub]\nurl = 'http://127.0.0.1:1'\ntoken = 't'\n\
             [rest]\nbase_url = 'http://127.0.0.1:1/api'\ntoken = 'local-token'\n{mapping}",
            "ab".repeat(32)
        )
    };
    let dry_run = ["dry-run", "--config", "c.toml", "--demand", "demand.json"];
    std::fs::write(folder.path().join("c.toml"), config("[rest.mapping]\nfile = 'm.toml'\n")).unwrap();
    let said = connector(folder.path(), &dry_run);
    assert!(said.good, "{}", said.err);
    assert!(
        said.text()
            .starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Q><AH>（2024）京0105执1234号</AH>")
    );
    assert!(said.err.contains("POST http://127.0.0.1:1/api/registries/110105/demands"), "{}", said.err);
    assert!(said.err.contains("by soap-32 7 (") && !said.err.contains("local-token"), "{}", said.err);

    // Without a mapping the demand goes as it is.
    std::fs::write(folder.path().join("c.toml"), config("")).unwrap();
    let said = connector(folder.path(), &dry_run);
    assert_eq!(said.json()["demand"]["schema"], "xiezhi.demand.v1");
    assert_eq!(said.json()["documents"][0]["content_base64"], "dGVzdA==");

    // A broken mapping does not even start.
    std::fs::write(folder.path().join("m.toml"), "[outbound").unwrap();
    std::fs::write(folder.path().join("c.toml"), config("[rest.mapping]\nfile = 'm.toml'\n")).unwrap();
    let said = connector(folder.path(), &dry_run);
    assert!(
        !said.good && said.err.contains("rest.mapping.file") && said.err.contains("CON-6001"),
        "{}",
        said.err
    );
}

/// A process that is killed however the test ends.
struct Running(std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// The status page of a connector; empty while it does not answer.
fn status(port: u16) -> serde_json::Value {
    use std::io::{Read as _, Write as _};
    let page = || -> std::io::Result<String> {
        let mut line = std::net::TcpStream::connect(("127.0.0.1", port))?;
        line.write_all(b"GET /readyz HTTP/1.1\r\nHost: c\r\nConnection: close\r\n\r\n")?;
        let mut text = String::new();
        line.read_to_string(&mut text)?;
        Ok(text)
    };
    let text = page().unwrap_or_default();
    let body = text.split("\r\n\r\n").nth(1).unwrap_or_default();
    serde_json::from_str(body).unwrap_or_default()
}

#[expect(
    clippy::disallowed_methods,
    reason = "waits for another process between two looks at a condition, in no runtime"
)]
#[test]
fn a_hangup_reads_the_mapping_again_and_a_broken_one_changes_nothing() {
    let folder = folder(GOOD);
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    // Neither broker nor hub nor local system is there; the mapping is in force all the same.
    let config = format!(
        "name = 'c-11'\nprovince = '11'\nprovince_key = '{}'\nregistries = ['110105']\nadapter = 'rest'\n\
         [broker]\nurl = 'amqp://xz-province-11:p@127.0.0.1:1/xiezhi'\n[hub]\nurl = 'http://127.0.0.1:1'\ntoken = 't'\n\
         [health]\nlisten = '127.0.0.1:{port}'\n\
         [rest]\nbase_url = 'http://127.0.0.1:1/api'\ntoken = 'local-token'\n[rest.mapping]\nfile = 'm.toml'\n",
        "ab".repeat(32)
    );
    std::fs::write(folder.path().join("c.toml"), config).unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_connector"))
        .args(["run", "--config", "c.toml"])
        .current_dir(folder.path())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let running = Running(child);
    let until = |what: &str, holds: &dyn Fn(&serde_json::Value) -> bool| {
        let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
        loop {
            let mapping = status(port)["mapping"].take();
            if holds(&mapping) {
                return;
            }
            assert!(std::time::Instant::now() < end, "{what}: {mapping}");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    };
    let reload = |mapping: &str| {
        std::fs::write(folder.path().join("m.toml"), mapping).unwrap();
        let told = Command::new("kill").args(["-HUP", &running.0.id().to_string()]).status().unwrap();
        assert!(told.success());
    };
    until("the first is in force", &|mapping| mapping["version"] == "7" && mapping["refused"].is_null());

    reload(&GOOD.replace("demand.case_number", "demand.case_no"));
    until("the broken one is refused", &|mapping| {
        let refused = mapping["refused"].as_str().unwrap_or_default();
        mapping["version"] == "7" && refused.contains("CON-6009") && refused.contains("line 11, column")
    });

    reload(&GOOD.replace("version = \"7\"", "version = \"8\""));
    until("the good one is in force", &|mapping| mapping["version"] == "8" && mapping["refused"].is_null());
}
