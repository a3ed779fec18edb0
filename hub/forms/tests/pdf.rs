//! The forms as PDF, read back by an independent reader (poppler's pdftotext).
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::json;
use support::{every_form, fonts, form, notice};
use xiezhi_forms::{Fonts, Form, Wording};

/// The text of a PDF as poppler reads it.
fn pdftotext(pdf: &[u8]) -> String {
    let mut child = Command::new("pdftotext")
        .args(["-enc", "UTF-8", "-", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("pdftotext is in Debian's package poppler-utils, which ops/install brings");
    child.stdin.take().unwrap().write_all(pdf).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_form_is_read_back_from_its_pdf() {
    let (wording, fonts) = (Wording::embedded(), fonts());
    for (name, data) in every_form() {
        let form = form(&data);
        let pdf = form.pdf(&wording, &fonts).unwrap_or_else(|error| panic!("{name}: {error}"));
        let text = pdftotext(&pdf);
        let back = Form::read(&text, &wording).unwrap_or_else(|error| panic!("{name}: {error}\n{text}"));
        assert!(back.says_the_same(&form), "{name}\n{text}");
        // These hold no blanks, so that even white space is the same.
        assert_eq!(back, form, "{name}\n{text}");
    }
}

#[test]
fn equal_data_gives_equal_bytes_and_the_pdf_is_of_the_archive_kind() {
    let wording = Wording::embedded();
    let data = notice("renewal", false);
    let first = form(&data).pdf(&wording, &fonts()).unwrap();
    // Fonts read anew, as after a restart.
    assert_eq!(form(&data).pdf(&wording, &fonts()).unwrap(), first);
    let mut other = data;
    other["date"] = json!("2024-03-02");
    assert_ne!(form(&other).pdf(&wording, &fonts()).unwrap(), first);

    let raw = String::from_utf8_lossy(&first);
    assert!(
        raw.contains("<pdfaid:part>2</pdfaid:part>")
            && raw.contains("<pdfaid:conformance>B</pdfaid:conformance>")
    );
    assert!(!raw.contains("林知远"), "names stand on the page only, not in the properties of the file");
    assert!(first.len() < 200_000, "fonts are cut down to what is used: {} bytes", first.len());
}

/// A name is printed as it is or not at all.
#[test]
fn a_character_without_a_picture_is_an_error_that_names_it() {
    let mut data = notice("seizure", false);
    data["debtor"]["name"] = json!("林\u{1F600}");
    let error = form(&data).pdf(&Wording::embedded(), &fonts()).unwrap_err();
    assert_eq!(error.code(), "HUB-3413");
    assert!(error.to_string().contains("U+1F600"), "{error}");
}

/// Rare characters of names and places outside the first plane.
#[test]
fn rare_characters_are_printed_and_read_back() {
    let (wording, fonts) = (Wording::embedded(), fonts());
    let mut data = notice("seizure", false);
    data["debtor"]["name"] = json!("𬱖㛃䶮·Ömer O'Brien");
    data["property"]["location"] = json!("𬇕水镇㙍头村Room 5, Block B－2");
    let form = form(&data);
    let back = Form::read(&pdftotext(&form.pdf(&wording, &fonts).unwrap()), &wording).unwrap();
    assert!(back.says_the_same(&form), "{back:?}");
}

/// The longest that the checks let through still becomes a form, on several pages, and is read back.
#[test]
fn the_longest_form_goes_on_to_further_pages() {
    let (wording, fonts) = (Wording::embedded(), fonts());
    let mut data = notice("renewal", true);
    data["cause"] = json!("案".repeat(500));
    data["debtor"]["name"] = json!("名".repeat(200));
    data["property"]["location"] = json!("A1".repeat(150));
    let certificates: Vec<String> =
        (0..20).map(|n| format!("苏（2021）宁玄不动产权第{n:07}号{}", "附".repeat(50))).collect();
    data["property"]["certificates"] = json!(certificates);
    let form = form(&data);
    assert!(form.check().errors.is_empty());
    let text = pdftotext(&form.pdf(&wording, &fonts).unwrap());
    assert!(text.matches('\u{c}').count() > 1, "several pages");
    assert!(Form::read(&text, &wording).unwrap().says_the_same(&form));
}

#[test]
fn missing_fonts_are_named_with_their_package() {
    let error = Fonts::open(Path::new("/nowhere")).unwrap_err();
    assert_eq!(error.code(), "HUB-3412");
    assert!(error.to_string().contains("apt-get install fonts-noto-cjk"), "{error}");
    let folder = std::env::temp_dir().join(format!("xiezhi-forms-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("NotoSerifCJK-Regular.ttc"), b"no font").unwrap();
    let error = Fonts::open(&folder).unwrap_err();
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(error.to_string().contains("does not hold the font"), "{error}");
}
