//! Identifiers of a body, each judged by its own parser, so that one answer names every bad one with the check it failed.

use jiff::civil::Date;
use serde_json::Value;
use xiezhi_schemas::identifier::{
    CaseNumber, CourtCode, DocumentNumber, Identifier, Level, OriginalCaseNumber, UnitCode, explain,
};

use crate::http::{codes, problem::Item};

/// Fields that hold one identifier; those in `units` are found by walking.
const FIELDS: [(&str, &str); 4] = [
    ("/court/code", CourtCode::TYPE),
    ("/case_number", CaseNumber::TYPE),
    ("/judgment_number", DocumentNumber::TYPE),
    ("/original_case_number", OriginalCaseNumber::TYPE),
];

/// Every identifier that is a text but not a good one. What is no text is the schema's business.
pub(super) fn problems(body: &Value, today: Date) -> Vec<Item> {
    let mut items = Vec::new();
    for (path, kind) in FIELDS {
        judge(body.pointer(path), path, kind, today, &mut items);
    }
    let units = body.get("units").and_then(Value::as_array);
    for (index, unit) in units.into_iter().flatten().enumerate() {
        let path = format!("/units/{index}/unit_code");
        judge(unit.get("unit_code"), &path, UnitCode::TYPE, today, &mut items);
    }
    items
}

/// Whether the field at `path` is judged here; the schema's pattern is then not worth a second problem.
pub(super) fn covers(path: &str) -> bool {
    FIELDS.iter().any(|(field, _)| *field == path)
        || path.strip_prefix("/units/").is_some_and(|rest| rest.ends_with("/unit_code"))
}

fn judge(value: Option<&Value>, path: &str, kind: &'static str, today: Date, items: &mut Vec<Item>) {
    let Some(text) = value.and_then(Value::as_str) else { return };
    let verdict = explain(kind, text, today).expect("the names come from the types");
    let (Some(level), Some(reason)) = (verdict.level, verdict.code) else { return };
    let code = match level {
        Level::Format => codes::IDENTIFIER_FORMAT,
        Level::Checksum => codes::IDENTIFIER_CHECKSUM,
        Level::Semantic => codes::IDENTIFIER_SEMANTIC,
        Level::Reference => codes::IDENTIFIER_REFERENCE,
    };
    // None of these identifiers names a person, so the repaired text may be shown.
    let hint = match (&verdict.normalised, verdict.valid_as) {
        (Some(text), _) => format!("Write it as {text}"),
        (None, Some(other)) => {
            format!("The text is a good {other}; check that it stands in the right field.")
        }
        (None, None) => "Compare it with the paper; `hub identifier` explains a value.".to_owned(),
    };
    let message = format!("{kind}: {} [{reason}]", verdict.message.unwrap_or_default());
    items.push(Item { level: Some(level.as_str().to_owned()), ..Item::new(code, path, message, hint) });
}
