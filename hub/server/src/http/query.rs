//! Query strings with the same strictness as bodies: an unknown or repeated parameter is refused, so that a filter that
//! was misspelled never widens a result.

use axum::{
    extract::{FromRequestParts, Query as Parsed},
    http::request::Parts,
};
use serde::de::DeserializeOwned;

use super::{codes, problem::Problem};

/// A query string read into `T`, which must refuse unknown fields.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Parsed::<T>::try_from_uri(&parts.uri).map(|Parsed(query)| Self(query)).map_err(|error| {
            // serde's words name fields and expected forms; the value itself is at most a number or an id.
            let cause =
                std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            Problem::new(codes::QUERY, cause)
        })
    }
}
