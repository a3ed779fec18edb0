//! `PUT /v1/documents` and `GET /v1/documents/{sha256}`.

use axum::{
    Json,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::StreamExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use xiezhi_schemas::message::Digest;

use super::{MEDIA_TYPES, read_for, record};
use crate::http::{
    App,
    auth::{Caller, Need},
    body, codes,
    problem::Problem,
    query::Query,
};

/// Answer to an upload: what an attachment must say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Uploaded {
    /// Digest under which the document is stored.
    pub sha256: Digest,
    /// Size in bytes.
    pub size: u64,
    /// Media type.
    pub media_type: String,
}

/// Query of an upload.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UploadQuery {
    /// The digest that the bytes should have, 64 hexadecimal digits.
    pub sha256: Option<String>,
}

/// Query of a download.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DownloadQuery {
    /// The demand for which a connector asks.
    pub request_id: Option<Uuid>,
}

pub(crate) async fn upload(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<UploadQuery>,
    headers: HeaderMap,
    bytes: Body,
) -> Result<Response, Problem> {
    caller.need(Need::CourtOrOperator)?;
    let media_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map(|value| value.trim().to_ascii_lowercase())
        .filter(|value| MEDIA_TYPES.contains(&value.as_str()))
        .ok_or_else(|| {
            Problem::new(codes::MEDIA_TYPE, format!("documents are of type {}", MEDIA_TYPES.join(", ")))
        })?;
    let expected = expected_digest(&query, &headers)?;
    let size = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok());
    if size.is_some_and(|size: u64| size > app.documents.max_bytes()) {
        return Err(super::StageError::TooLarge(app.documents.max_bytes()).into_problem(""));
    }
    let staged =
        body::in_time(app.upload_timeout(), app.documents.stage(&media_type, bytes.into_data_stream()))
            .await?
            .map_err(|error| error.into_problem(""))?;
    if expected.is_some_and(|expected| expected != staged.sha256) {
        app.documents.discard(&staged).await;
        return Err(Problem::new(
            codes::DIGEST_MISMATCH,
            format!("the bytes received have the SHA-256 {}; they were not kept", staged.sha256),
        ));
    }
    let (store, documents, sender) = (app.store.clone(), app.documents.clone(), caller.name.clone());
    let staged = app.finish(async move { record(&store, &documents, staged, &sender).await }).await??;
    app.metrics.add("documents_stored_total", 1);
    let answer = Uploaded { sha256: staged.sha256, size: staged.size, media_type: staged.media_type };
    let location = [(header::LOCATION, format!("/v1/documents/{}", answer.sha256))];
    Ok((StatusCode::CREATED, location, Json(answer)).into_response())
}

/// The digest the caller expects, from the query or from `Repr-Digest: sha-256=:base64:` (RFC 9530).
fn expected_digest(query: &UploadQuery, headers: &HeaderMap) -> Result<Option<Digest>, Problem> {
    let refuse = |what: &str| Problem::new(codes::QUERY, format!("{what} names no SHA-256 digest"));
    if let Some(digits) = &query.sha256 {
        return digits.parse().map(Some).map_err(|_| refuse("the query parameter sha256"));
    }
    let Some(header) = headers.get("repr-digest") else { return Ok(None) };
    let text = header.to_str().map_err(|_| refuse("the header Repr-Digest"))?;
    let encoded = text
        .split(',')
        .find_map(|part| part.trim().strip_prefix("sha-256=:")?.strip_suffix(':'))
        .ok_or_else(|| refuse("the header Repr-Digest"))?;
    base64::Engine::decode(&base64::engine::general_purpose::STANDARD, encoded)
        .ok()
        .and_then(|bytes| hex::encode(bytes).parse().ok())
        .map(Some)
        .ok_or_else(|| refuse("the header Repr-Digest"))
}

pub(crate) async fn download(
    State(app): State<App>,
    caller: Caller,
    Path(digest): Path<String>,
    Query(query): Query<DownloadQuery>,
) -> Result<Response, Problem> {
    let digest: Digest = digest.parse().map_err(|_| Problem::not_found())?;
    let (stored, found) = read_for(&app.store, &app.documents, &caller, &digest, query.request_id).await?;
    let media_type = HeaderValue::from_str(&stored.media_type).map_err(|_| Problem::not_found())?;
    let headers = [
        (header::CONTENT_TYPE, media_type),
        (header::CONTENT_LENGTH, HeaderValue::from(found.meta.size)),
        // Shown by nobody's browser in our name.
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment")),
    ];
    let bytes = Body::from_stream(found.into_stream().map(|piece| piece.map_err(axum::BoxError::from)));
    Ok((StatusCode::OK, headers, bytes).into_response())
}
