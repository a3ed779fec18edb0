//! The published JSON Schemas are those of the types, and the examples are what they say they are.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{collections::BTreeSet, fs, path::PathBuf, process::Command};

use schemars::{JsonSchema, generate::SchemaSettings};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use xiezhi_schemas::{
    message::{
        Answers, DemandMessage, DisputeEvidenceMessage, Feedback, LocalReceiptMessage, OutcomeMessage,
        ReceiptsMessage, Submission, UndeliveredNotice, WindowEntry, WithdrawalMessage, WithdrawalRequest,
    },
    strict_json::{self, Limits},
};

/// One published message.
struct Published {
    name: &'static str,
    schema: fn() -> Value,
    /// Reads the type and writes it again.
    round_trip: fn(&Value) -> Result<Value, String>,
}

fn schema<T: JsonSchema>() -> Value {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>().to_value()
}

fn round_trip<T: DeserializeOwned + Serialize>(value: &Value) -> Result<Value, String> {
    let read: T = serde_json::from_value(value.clone()).map_err(|error| error.to_string())?;
    serde_json::to_value(read).map_err(|error| error.to_string())
}

macro_rules! published {
    ($($name:literal $type:ty,)*) => {
        const PUBLISHED: &[Published] =
            &[$(Published { name: $name, schema: schema::<$type>, round_trip: round_trip::<$type> }),*];
    };
}

published! {
    "submission" Submission,
    "demand" DemandMessage,
    "dispute-evidence" DisputeEvidenceMessage,
    "receipts" ReceiptsMessage,
    "answers" Answers,
    "local-receipt" LocalReceiptMessage,
    "outcome" OutcomeMessage,
    "feedback" Feedback,
    "withdrawal-request" WithdrawalRequest,
    "withdrawal" WithdrawalMessage,
    "undelivered-notice" UndeliveredNotice,
    "window-entry" WindowEntry,
}

#[derive(Deserialize)]
struct Example {
    file: String,
    schema: String,
    #[serde(default = "seen")]
    seen_by_schema: bool,
}

fn seen() -> bool {
    true
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The examples of a folder; every file of it is in its manifest.
fn examples(folder: &str) -> Vec<(Example, Value)> {
    let folder = root().join("examples").join(folder);
    let manifest = fs::read(folder.join("manifest.json")).unwrap();
    let examples: Vec<Example> = serde_json::from_slice(&manifest).unwrap();
    let listed: BTreeSet<String> = examples.iter().map(|example| example.file.clone()).collect();
    let there: BTreeSet<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "manifest.json")
        .collect();
    assert_eq!(listed, there);
    examples
        .into_iter()
        .map(|example| {
            let bytes = fs::read(folder.join(&example.file)).unwrap();
            let value = strict_json::parse(&bytes, Limits::default()).unwrap();
            (example, value)
        })
        .collect()
}

fn published(name: &str) -> &'static Published {
    PUBLISHED.iter().find(|published| published.name == name).unwrap_or_else(|| panic!("no schema {name}"))
}

fn is_valid(published: &Published, value: &Value) -> bool {
    let schema = (published.schema)();
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap().is_valid(value)
}

/// Run with `XIEZHI_BLESS=1` after a change of the contract that is meant.
#[test]
fn the_files_are_the_schemas_of_the_types() {
    for published in PUBLISHED {
        let path = root().join(format!("json/{}.schema.json", published.name));
        let text = format!("{}\n", serde_json::to_string_pretty(&(published.schema)()).unwrap());
        if std::env::var_os("XIEZHI_BLESS").is_some() {
            fs::write(&path, &text).unwrap();
        }
        let file = fs::read_to_string(&path).unwrap_or_default();
        assert!(file == text, "{} differs from its type; bless it with XIEZHI_BLESS=1", path.display());
    }
    let files = fs::read_dir(root().join("json")).unwrap().map(|entry| entry.unwrap().file_name());
    let schemas = files.filter(|name| name.to_string_lossy().ends_with(".schema.json")).count();
    assert_eq!(schemas, PUBLISHED.len(), "a schema of no type lies in schemas/json");
}

#[test]
fn accepted_examples_fit_schema_and_type() {
    let examples = examples("accepted");
    for (example, value) in &examples {
        let published = published(&example.schema);
        assert!(is_valid(published, value), "{} does not fit its schema", example.file);
        assert_eq!((published.round_trip)(value).as_ref(), Ok(value), "{} changes on its way", example.file);
    }
    let covered: BTreeSet<&str> = examples.iter().map(|(example, _)| example.schema.as_str()).collect();
    assert_eq!(covered.len(), PUBLISHED.len(), "every message has an example");
    let kinds: BTreeSet<&str> = examples.iter().filter_map(|(_, value)| value["kind"].as_str()).collect();
    assert_eq!(kinds.len(), 4, "every kind has an example");
}

#[test]
fn refused_examples_are_refused_where_they_say() {
    for (example, value) in examples("refused") {
        let valid = is_valid(published(&example.schema), &value);
        assert_eq!(valid, !example.seen_by_schema, "{}", example.file);
    }
}

/// A validator of another ecosystem reads the schemas as we do.
#[test]
fn python_agrees() {
    let script = root().join("../ops/check-examples.py");
    let run = Command::new("python3").arg(&script).output().expect("python3 is installed (ops/install)");
    let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{} failed:\n{out}{err}", script.display());
    assert!(out.contains("examples agree"), "{out}");
}
