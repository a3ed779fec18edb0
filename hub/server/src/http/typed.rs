//! JSON bodies of one type: strict JSON, held against the type's own schema, all problems in one answer.

use axum::body::Body;
use jsonschema::Validator;
use serde::de::DeserializeOwned;
use serde_json::Value;
use xiezhi_schemas::strict_json::{self, Limits};

use super::{
    App, body,
    codes::{self, Code},
    problem::{Item, Problem},
};
use crate::intake::validate;

/// Largest body of this sort; documents are uploaded apart.
const MOST_BYTES: usize = 256 << 10;

/// A body in its three forms.
#[derive(Debug)]
pub(crate) struct Typed<T> {
    /// The bytes received, to be kept as evidence.
    pub(crate) bytes: Vec<u8>,
    /// What they say.
    pub(crate) value: Value,
    /// What that means.
    pub(crate) body: T,
}

/// Reads a body whole and holds it against `validator`, which is that of `T`.
///
/// # Errors
/// Everything in which it differs from the schema, as one problem.
pub(crate) async fn read<T: DeserializeOwned>(
    app: &App,
    body: Body,
    validator: &Validator,
) -> Result<Typed<T>, Problem> {
    let bytes = body::whole(body, MOST_BYTES, app.request_timeout()).await?.to_vec();
    let value = strict_json::parse(&bytes, Limits { max_bytes: MOST_BYTES, ..Limits::default() })
        .map_err(|error| Problem::new(codes::NOT_JSON, error.to_string()))?;
    let problems = validate::problems(validator, &value);
    if !problems.is_empty() {
        return Err(Problem::refused(problems));
    }
    // Not with serde's words: they quote the value.
    let body = T::deserialize(&value).map_err(|_| {
        let hint = "Compare it with the schema; codes and numbers have their written forms.";
        Problem::refused(vec![Item::new(codes::VALUE_REFUSED, "", "a value cannot be read", hint)])
    })?;
    Ok(Typed { bytes, value, body })
}

/// Problems that every operation with such a body may have.
const PROBLEMS: [Code; 9] = [
    codes::SEVERAL,
    codes::NOT_JSON,
    codes::UNKNOWN_FIELD,
    codes::WRONG_TYPE,
    codes::MISSING_FIELD,
    codes::VALUE_REFUSED,
    codes::BODY_TOO_LARGE,
    codes::TOO_SLOW,
    codes::UNKNOWN_OUTCOME,
];

/// The problems of an operation with such a body: those, and its own. `ALL` is nine more than `OWN`.
pub(crate) const fn problems<const OWN: usize, const ALL: usize>(own: [Code; OWN]) -> [Code; ALL] {
    assert!(ALL == OWN + PROBLEMS.len(), "ALL is nine more than OWN");
    let mut all = [codes::SEVERAL; ALL];
    let mut at = 0;
    while at < ALL {
        all[at] = if at < PROBLEMS.len() { PROBLEMS[at] } else { own[at - PROBLEMS.len()] };
        at += 1;
    }
    all
}
