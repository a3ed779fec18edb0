//! Bodies against the published JSON Schema: the one place that names the validator, with our codes and our words.
//!
//! The validator's own messages quote the value, which may be a name or a number of a person; ours never do.

use std::sync::LazyLock;

use jsonschema::{
    ValidationError, Validator,
    error::{TypeKind, ValidationErrorKind as Kind},
};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::Value;
use xiezhi_schemas::{message::Submission, strict_json::escape};

use crate::http::{
    codes::{self, Code},
    problem::Item,
};

static SUBMISSION: LazyLock<Validator> = LazyLock::new(validator::<Submission>);

/// The validator of a type's own schema; made once, as making it costs more than using it.
///
/// # Panics
/// When the generated schema does not compile, which a test of each type shows.
pub(crate) fn validator<T: JsonSchema>() -> Validator {
    let schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>();
    jsonschema::options()
        .should_validate_formats(true)
        .build(schema.as_value())
        .expect("a test compiles the generated schema")
}

/// Everything in which a body differs from the schema of a submission, in the order of the schema.
pub fn submission(body: &Value) -> Vec<Item> {
    problems(&SUBMISSION, body)
}

/// Everything in which a body differs from the validator's schema, in the order of the schema.
pub(crate) fn problems(validator: &Validator, body: &Value) -> Vec<Item> {
    let mut items = Vec::new();
    for error in validator.iter_errors(body) {
        collect(&error, &mut items);
    }
    items
}

fn collect(error: &ValidationError<'_>, items: &mut Vec<Item>) {
    let path = error.instance_path().to_string();
    let mut say = |code: Code, path: String, message: String, hint: &str| {
        items.push(Item::new(code, path, message, hint));
    };
    match error.kind() {
        Kind::AdditionalProperties { unexpected } => {
            for key in unexpected {
                let message = "this field is unknown".to_owned();
                let hint = "Remove it, or spell it as the schema does; nothing is silently ignored.";
                say(codes::UNKNOWN_FIELD, format!("{path}/{}", escape(key)), message, hint);
            }
        }
        Kind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            let path = format!("{path}/{}", escape(name));
            say(codes::MISSING_FIELD, path, "this field is missing".to_owned(), "Add it.");
        }
        Kind::Type { kind } => {
            let (message, hint) = wrong_type(kind, error.instance());
            say(codes::WRONG_TYPE, path, message, hint);
        }
        Kind::OneOfNotValid { context } => choice(error, context, path, items),
        Kind::AnyOf { context } => {
            // An optional field: its own schema or null. What its own schema says is what helps.
            let own = context.iter().find(|branch| !branch.iter().any(wants_null));
            match own {
                Some(branch) => branch.iter().for_each(|error| collect(error, items)),
                None => {
                    let message = "no form of this field fits".to_owned();
                    say(codes::VALUE_REFUSED, path, message, "See the schema of the field.");
                }
            }
        }
        kind => {
            let (message, hint) = refused(kind);
            say(codes::VALUE_REFUSED, path, message, &hint);
        }
    }
}

fn wants_null(error: &ValidationError<'_>) -> bool {
    matches!(error.kind(), Kind::Type { kind: TypeKind::Single(kind) } if kind.to_string() == "null")
}

/// A list of words, each with its own schema because each has its own description.
fn choice(
    error: &ValidationError<'_>,
    context: &[Vec<ValidationError<'static>>],
    path: String,
    items: &mut Vec<Item>,
) {
    let words: Vec<&str> = context
        .iter()
        .flatten()
        .filter_map(|error| match error.kind() {
            Kind::Constant { expected_value } => expected_value.as_str(),
            _ => None,
        })
        .collect();
    if error.instance().is_string() {
        let hint = format!("One of: {}.", words.join(", "));
        items.push(Item::new(codes::VALUE_REFUSED, path, "the word is not one of the known ones", hint));
    } else {
        let message = format!("expected a string, found {}", type_of(error.instance()));
        items.push(Item::new(codes::WRONG_TYPE, path, message, "Write one of the known words in quotes."));
    }
}

fn wrong_type(kind: &TypeKind, found: &Value) -> (String, &'static str) {
    let expected = match kind {
        TypeKind::Single(kind) => kind.to_string(),
        TypeKind::Multiple(kinds) => kinds
            .iter()
            .map(|kind| kind.to_string())
            .filter(|kind| kind != "null")
            .collect::<Vec<_>>()
            .join(" or "),
    };
    let hint = match (expected.as_str(), found) {
        ("string", Value::Number(_)) => "Codes and numbers of things are texts: write them in quotes.",
        (_, Value::String(_)) => "Write it without quotes.",
        _ => "See the schema of the field.",
    };
    (format!("expected {expected}, found {}", type_of(found)), hint)
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn refused(kind: &Kind) -> (String, String) {
    match kind {
        Kind::Enum { options } => {
            ("the value is not one of the known ones".into(), format!("One of {options}."))
        }
        Kind::Pattern { pattern } => {
            ("the text has not the written form".into(), format!("It must match {pattern}"))
        }
        Kind::Format { format } => {
            let hint = match format.as_str() {
                "date" => "A date is YYYY-MM-DD and exists in the calendar.".to_owned(),
                "uuid" => "A UUID is 8-4-4-4-12 hexadecimal digits.".to_owned(),
                other => format!("See the format {other} of JSON Schema."),
            };
            (format!("the text is not a {format}"), hint)
        }
        Kind::MinLength { limit } => {
            ("the text is too short".into(), format!("At least {limit} characters."))
        }
        Kind::MaxLength { limit } => ("the text is too long".into(), format!("At most {limit} characters.")),
        Kind::MinItems { limit } => ("the list is too short".into(), format!("At least {limit} entries.")),
        Kind::MaxItems { limit } => ("the list is too long".into(), format!("At most {limit} entries.")),
        Kind::Minimum { limit } => ("the number is too small".into(), format!("At least {limit}.")),
        Kind::Maximum { limit } => ("the number is too large".into(), format!("At most {limit}.")),
        other => {
            (format!("the value breaks the schema's rule {}", other.keyword()), "See the schema.".into())
        }
    }
}
