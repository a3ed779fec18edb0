//! `POST /v1/demands`.

use std::collections::{HashMap, HashSet};

use axum::{
    Json,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::Value;
use xiezhi_schemas::{
    message::Digest,
    strict_json::{self, Fault, Limits, StrictJsonError},
};

pub use super::multipart::MultipartSubmission;
use super::{
    accept::{Incoming, Outcome},
    multipart,
};
use crate::{
    forms,
    http::{
        App,
        auth::{Caller, Need},
        body,
        codes::{self, Code},
        problem::{Item, Problem},
    },
};

/// Problems a submission may have beside those of every operation.
pub const PROBLEMS: &[Code] = &[
    codes::SEVERAL,
    codes::NOT_JSON,
    codes::DUPLICATE_KEY,
    codes::UNKNOWN_FIELD,
    codes::WRONG_TYPE,
    codes::MISSING_FIELD,
    codes::VALUE_REFUSED,
    codes::IDENTIFIER_FORMAT,
    codes::IDENTIFIER_CHECKSUM,
    codes::IDENTIFIER_SEMANTIC,
    codes::IDENTIFIER_REFERENCE,
    codes::PROVINCE_NOT_PART,
    codes::NO_REGISTRY,
    codes::DOCUMENT_MISSING,
    codes::DOCUMENT_DIFFERS,
    codes::PRIOR_REFUSED,
    codes::DOCUMENT_TOO_LARGE,
    codes::DIGEST_MISMATCH,
    codes::DOCUMENT_CONTENT,
    codes::DOCUMENT_STORE,
    codes::KEY_REUSED,
    codes::BACKLOG,
    codes::UNKNOWN_OUTCOME,
    forms::routes::api(xiezhi_forms::Code::ScanNotPermitted),
    codes::BODY_TOO_LARGE,
    codes::TOO_SLOW,
    codes::MEDIA_TYPE,
];

pub(crate) async fn submit(
    State(app): State<App>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    caller.need(Need::Court)?;
    app.backlog.admit()?;
    let outcome = if multipart::is_multipart(&request) {
        Box::pin(with_documents(&app, &caller, request)).await?
    } else {
        plain(&app, &caller, request).await?
    };
    let (status, accepted) = match outcome {
        Outcome::New(accepted) => {
            app.metrics.add("demands_accepted_total", 1);
            app.metrics.add("requests_accepted_total", accepted.requests.len() as u64);
            (StatusCode::CREATED, accepted)
        }
        Outcome::Repeat(accepted) => {
            app.metrics.add("demands_repeated_total", 1);
            (StatusCode::OK, accepted)
        }
    };
    let location = [(header::LOCATION, format!("/v1/demands/{}", accepted.demand_id))];
    Ok((status, location, Json(accepted)).into_response())
}

async fn plain(app: &App, caller: &Caller, request: Request) -> Result<Outcome, Problem> {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.and_then(|text| text.split(';').next()).unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        let detail = "send application/json, or multipart/form-data with the documents";
        return Err(Problem::new(codes::MEDIA_TYPE, detail));
    }
    let most = app.settings.max_body_bytes;
    let bytes = body::whole(request.into_body(), most, app.request_timeout()).await?.to_vec();
    let incoming = Incoming {
        sender: caller.name.clone(),
        body: parse(&bytes, most)?,
        bytes,
        arriving: HashMap::new(),
        extra: Vec::new(),
    };
    finish(app, caller, incoming).await
}

async fn with_documents(app: &App, caller: &Caller, request: Request) -> Result<Outcome, Problem> {
    let parts = body::in_time(app.upload_timeout(), multipart::read(app, request)).await??;
    let read = read_demand(app, caller, &parts).await;
    let (incoming, clean) = match read {
        Ok(read) => read,
        Err(problem) => {
            parts.discard(app).await;
            return Err(problem);
        }
    };
    if clean {
        let (app, sender) = (app.clone(), caller.name.clone());
        let files = parts.files;
        app.clone().finish(async move { multipart::record(&app, files, &sender).await }).await??;
    } else {
        parts.discard(app).await;
    }
    finish(app, caller, incoming).await
}

/// The demand of a multipart body, and whether its files are those it names.
async fn read_demand(
    app: &App,
    caller: &Caller,
    parts: &multipart::Parts,
) -> Result<(Incoming, bool), Problem> {
    let missing = || Problem::new(codes::NOT_JSON, "the part `demand` is missing");
    let bytes = parts.demand.clone().ok_or_else(missing)?;
    let body = parse(&bytes, app.settings.max_body_bytes)?;
    let named: HashSet<&str> = body
        .get("attachments")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|attachment| attachment.get("sha256")?.as_str())
        .collect();
    let extra = multipart::strangers(&parts.files, &|digest: &Digest| named.contains(digest.as_str()));
    let clean = extra.is_empty();
    let arriving = multipart::arriving(&parts.files);
    Ok((Incoming { sender: caller.name.clone(), bytes, body, arriving, extra }, clean))
}

/// Accepts in a task of its own: a client that hangs up cannot cut a transaction in half (A34).
async fn finish(app: &App, caller: &Caller, mut incoming: Incoming) -> Result<Outcome, Problem> {
    let scans = app.forms.unpermitted_scans(&incoming.body);
    incoming.extra.extend(scans);
    let (store, acceptor) = (app.store.clone(), app.acceptor.clone());
    app.finish_soon(caller.waited, async move { acceptor.accept(&store, incoming).await }).await?
}

pub(crate) fn parse(bytes: &[u8], most: usize) -> Result<Value, Problem> {
    let limits = Limits { max_bytes: most, ..Limits::default() };
    let value = strict_json::parse(bytes, limits).map_err(|error| not_plain(&error))?;
    if value.is_object() {
        return Ok(value);
    }
    Err(Problem::refused(vec![Item::new(
        codes::WRONG_TYPE,
        "",
        "a demand is a JSON object",
        "See the schema of a submission.",
    )]))
}

fn not_plain(error: &StrictJsonError) -> Problem {
    let (code, hint) = match error.fault {
        Fault::DuplicateKey => {
            (codes::DUPLICATE_KEY, "Name each key once; \"\\u0061\" and \"a\" are the same key.")
        }
        Fault::Number => (codes::WRONG_TYPE, "Write long numbers and codes in quotes."),
        Fault::TooLong => (codes::BODY_TOO_LARGE, "Upload documents apart."),
        _ => (codes::NOT_JSON, "Send one JSON text in UTF-8 (RFC 8259)."),
    };
    Problem::refused(vec![Item::new(code, error.path.clone(), error.to_string(), hint)])
}
