//! Problem details (RFC 9457): the one shape of every refusal and failure.

use std::ops::{Deref, DerefMut};

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::codes::{self, Code};
use crate::{code::chain, store::StoreError};

/// One thing that is wrong with a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Item {
    /// Where: a JSON pointer (RFC 6901) into the body; empty for the whole.
    pub path: String,
    /// Stable code; has a page in `ops/errors/`.
    pub code: String,
    /// For identifiers, the check that failed: `format`, `checksum`, `semantic`, `reference`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// What is wrong. Never repeats the value, which may be personal data.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl Item {
    /// A problem at `path`.
    pub fn new(
        code: Code,
        path: impl Into<String>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            path: path.into(),
            code: code.code.to_owned(),
            level: None,
            message: message.into(),
            hint: hint.into(),
        }
    }
}

/// Why a request was not done; boxed because most results are good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Problem(Box<Details>);

impl Deref for Problem {
    type Target = Details;
    fn deref(&self) -> &Details {
        &self.0
    }
}

impl DerefMut for Problem {
    fn deref_mut(&mut self) -> &mut Details {
        &mut self.0
    }
}

/// Body of media type `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub struct Details {
    /// Page of the code, relative to the hub's documentation: `/errors/HUB-1103`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What the code means.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What happened here, and what to do.
    pub detail: String,
    /// Stable code.
    pub code: String,
    /// The request, as `urn:uuid:…`; the same id is in the header `x-request-id` and in the hub's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Everything that is wrong with the body, in its order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Item>,
    /// Seconds after which the same request may succeed; header `retry-after`.
    #[serde(skip)]
    pub retry_after_secs: Option<u64>,
}

impl Problem {
    /// A problem of one sort.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self(Box::new(Details {
            kind: format!("/errors/{}", code.code),
            title: code.title.to_owned(),
            status: code.status,
            detail: detail.into(),
            code: code.code.to_owned(),
            instance: None,
            problems: Vec::new(),
            retry_after_secs: (code.status == 503).then_some(2),
        }))
    }

    /// The same problem under a code of another table.
    fn with_code(mut self, code: &str) -> Self {
        self.kind = format!("/errors/{code}");
        code.clone_into(&mut self.code);
        self
    }

    /// A refused body: one answer for everything that is wrong with it.
    pub fn refused(problems: Vec<Item>) -> Self {
        let mut codes: Vec<&str> = problems.iter().map(|item| item.code.as_str()).collect();
        codes.dedup();
        let mut problem = match codes.as_slice() {
            // Codes of the legal checks belong to another table; their titles stand on their pages.
            [code] => match Code::find(code) {
                Some(code) => Self::new(code, ""),
                None => {
                    let mut problem = Self::new(codes::SEVERAL, "").with_code(code);
                    "The demand breaks a rule".clone_into(&mut problem.title);
                    problem
                }
            },
            _ => Self::new(codes::SEVERAL, ""),
        };
        problem.detail = match problems.as_slice() {
            [item] => format!("{}; nothing was accepted. {}", item.message, item.hint),
            items => format!("{} problems, listed in `problems`; nothing was accepted", items.len()),
        };
        problem.problems = problems;
        problem
    }

    /// Says when to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_secs = Some(seconds);
        self
    }

    /// The answer for anything the caller may not see or that is not there: both look alike.
    pub fn not_found() -> Self {
        Self::new(codes::NOT_FOUND, "there is nothing of this name that this credential may see")
    }
}

/// A lost database is 503, a fault of ours 500; what PostgreSQL said stays in the log.
impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if let StoreError::UnknownOutcome(_) = error {
            tracing::warn!(code = error.code(), error = chain(&error), "a commit's outcome is not known");
            let detail = "the connection broke while this was being written, and it is not known whether it was; look before it is sent again";
            Self::new(codes::UNKNOWN_OUTCOME, detail).with_code(error.code())
        } else if error.is_transient() {
            tracing::warn!(code = error.code(), error = chain(&error), "the database did not answer");
            let detail = "the database does not answer in time; nothing was changed, try again";
            Self::new(codes::BUSY, detail).with_code(error.code())
        } else {
            tracing::error!(code = error.code(), error = chain(&error), "a database statement failed");
            let detail = "the hub could not do this; the operator finds the cause under the request id";
            Self::new(codes::INTERNAL, detail).with_code(error.code())
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).expect("a problem holds texts and numbers only");
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after_secs {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == 401 {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        // The frame adds the request id, which handlers do not know.
        response.extensions_mut().insert(self);
        response
    }
}
