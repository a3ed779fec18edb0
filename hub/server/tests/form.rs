//! `hub form` as a clerk or a script meets it; needs no server.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};

/// Runs `hub form …` in a folder: exit code, output, errors.
fn form(folder: &Path, args: &[&str], variables: &[(&str, &str)]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hub"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("XIEZHI_")) {
        command.env_remove(name);
    }
    let output =
        command.current_dir(folder).arg("form").args(args).envs(variables.iter().copied()).output().unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

fn renewal() -> Value {
    json!({
        "matter": "renewal",
        "court": "虚构市示例区人民法院",
        "case_number": "（2024）京0105执1234号",
        "registry": "虚构市不动产登记中心",
        "cause": "甲虚构与张三虚构金融借款合同纠纷",
        "issuing_organ": "虚构市示例区人民法院",
        "ruling_number": "（2024）京0105执1234号之一",
        "debtor": { "name": "张三虚构", "number": "E00000000" },
        "property": {
            "unit_code": "110105001001GB00001F00010001",
            "location": "虚构路1号",
            "certificates": ["京（2024）朝阳区不动产权第0001234号"],
        },
        "original_case_number": "（2015）朝执字第01234号",
        "period": { "years": 3, "from": "2024-02-29", "to": "2027-02-28" },
        "date": "2024-03-01",
        "attachment": "执行裁定书",
        "contact": { "name": "李四虚构", "phone": "010-00000000" },
    })
}

#[test]
fn a_form_is_written_read_back_sealed_and_verified() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("data.json"), renewal().to_string()).unwrap();
    let (code, out, err) = form(at, &["notice", "--data", "data.json", "--out", "notice.pdf", "--json"], &[]);
    assert_eq!((code, err.as_str()), (0, ""));
    let view: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(view["data"]["form"], "notice");

    // What was printed can be given again and gives the same bytes.
    fs::write(at.join("again.json"), &out).unwrap();
    assert_eq!(form(at, &["notice", "--data", "again.json", "--out", "again.pdf"], &[]).0, 0);
    assert_eq!(fs::read(at.join("notice.pdf")).unwrap(), fs::read(at.join("again.pdf")).unwrap());

    let made = Command::new("pdftotext")
        .current_dir(at)
        .args(["-enc", "UTF-8", "notice.pdf", "notice.txt"])
        .status();
    assert!(made.expect("poppler-utils is installed by ops/install").success());
    let (code, out, _) = form(at, &["read", "notice.txt"], &[]);
    assert_eq!((code, serde_json::from_str::<Value>(&out).unwrap()), (0, view["data"].clone()));

    hub::keys::make_signing_key(&at.join("seal.pem")).unwrap();
    let (code, _, err) =
        form(at, &["seal", "notice.pdf", "--organisation", "京0105", "--key", "seal.pem"], &[]);
    assert_eq!((code, err.as_str()), (0, ""));
    let seal: Value = serde_json::from_slice(&fs::read(at.join("notice.pdf.seal.json")).unwrap()).unwrap();
    let key = seal["mark"]["public_key"].as_str().unwrap();
    let verify = |organisation: &str| {
        let args = [
            "verify",
            "notice.pdf",
            "--seal",
            "notice.pdf.seal.json",
            "--organisation",
            organisation,
            "--public-key",
            key,
        ];
        form(at, &args, &[])
    };
    let (code, out, _) = verify("京0105");
    assert!(code == 0 && out.starts_with("sealed by 京0105"), "{out}");
    assert_eq!(verify("京0106").0, 1);
    let mut bytes = fs::read(at.join("notice.pdf")).unwrap();
    bytes[1000] ^= 1;
    fs::write(at.join("notice.pdf"), bytes).unwrap();
    let (code, _, err) = verify("京0105");
    assert!(code == 1 && err.contains("HUB-3424"), "{err}");
}

#[test]
fn mistakes_are_named_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let refused = |data: String, says: &str| {
        fs::write(at.join("data.json"), data).unwrap();
        let (code, out, err) = form(at, &["notice", "--data", "data.json", "--out", "x.pdf"], &[]);
        assert!(code == 1 && out.is_empty() && err.contains(says), "{says}: {code} {out} {err}");
        assert!(!at.join("x.pdf").exists(), "{says}");
    };
    refused("[]".to_owned(), "HUB-3400");
    refused("{\"matter\": \"renewal\", \"matter\": \"lifting\"}".to_owned(), "HUB-3400");
    refused(" ".repeat(3_000_000), "HUB-3400");
    let changed = |name: &str, value: Value| {
        let mut data = renewal();
        data[name] = value;
        data.to_string()
    };
    refused(changed("form", json!("receipt")), "it is another form");
    refused(changed("colour", json!("red")), "HUB-3400");
    refused(changed("case_number", json!("（2024）京0105执01234号")), "HUB-3400");
    refused(changed("contact", json!({ "name": "", "phone": "010-00000000" })), "HUB-3401");
    refused(changed("cause", json!("案".repeat(501))), "HUB-3402");
    refused(changed("matter", json!("lifting")), "HUB-3403");
    refused(changed("issuing_organ", json!("\u{1F600}")), "HUB-3413");

    fs::write(at.join("data.json"), renewal().to_string()).unwrap();
    let write = ["notice", "--data", "data.json", "--out", "x.pdf"];
    let (code, _, err) = form(at, &write, &[("XIEZHI_FORMS__FONTS", "/nowhere")]);
    assert!(code == 2 && err.contains("HUB-3412") && err.contains("apt-get install fonts-noto-cjk"), "{err}");
    let (code, _, err) = form(at, &["notice", "--data", "data.json"], &[]);
    assert!(code == 2 && err.contains("--out"), "{err}");
    let (code, _, err) = form(at, &["notice", "--data", "data.json", "--out", "nowhere/x.pdf"], &[]);
    assert!(code == 2 && err.contains("HUB-1041"), "{err}");

    // R77: shown, not refused.
    let mut odd = renewal();
    odd["period"]["to"] = json!("2027-03-01");
    fs::write(at.join("data.json"), odd.to_string()).unwrap();
    let (code, _, err) = form(at, &write, &[]);
    assert!(code == 0 && err.contains("warning: [HUB-3407] /period"), "{err}");
}

/// R72, R61: articles and permissions are settings.
#[test]
fn wording_and_permission_to_scan_are_settings() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let (code, wording, _) = form(at, &["wording"], &[]);
    assert!(code == 0 && wording.contains("第二百五十五条"));
    fs::write(at.join("wording.toml"), wording.replace("第二百五十五条", "第三百零一条")).unwrap();
    fs::write(at.join("data.json"), renewal().to_string()).unwrap();
    let own = [("XIEZHI_FORMS__WORDING_FILE", "wording.toml")];
    let (code, out, _) = form(at, &["notice", "--data", "data.json", "--json"], &own);
    assert!(code == 0 && out.contains("第三百零一条"), "{out}");
    fs::write(at.join("wording.toml"), wording.replace("{cause}", "")).unwrap();
    let (code, _, err) = form(at, &["notice", "--data", "data.json", "--json"], &own);
    assert!(code == 2 && err.contains("HUB-3416") && err.contains("cause"), "{err}");

    fs::write(at.join("page.png"), b"no picture").unwrap();
    fs::write(at.join("notice.pdf"), b"%PDF").unwrap();
    let scan = ["seal", "notice.pdf", "--organisation", "320102", "--scan", "page.png"];
    let (code, _, err) = form(at, &scan, &[]);
    assert!(code == 1 && err.contains("HUB-3421"), "{err}");
    let (code, _, err) = form(at, &scan, &[("XIEZHI_FORMS__COLOUR_SCAN_ORGANISATIONS", "京0105, 320102")]);
    assert!(code == 1 && err.contains("HUB-3423"), "{err}");
}
