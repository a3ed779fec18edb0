//! The table of routes: one line for each operation, from which router and OpenAPI document are made.

use std::time::Duration;

use axum::{
    Router,
    http::Method,
    routing::{MethodRouter, any, delete, get, post, put},
};
use schemars::{Schema, SchemaGenerator};

use super::{App, auth::Need, codes, codes::Code, frame, problem::Problem, whoami};
use crate::{
    channels, contacts, documents, feedback, forms, health::Readiness, intake, matters, register, reminders,
    reports, undelivered, withdrawals,
};

/// One operation of the API.
#[derive(Clone, Copy)]
pub struct Route {
    /// Method, lower case.
    pub method: &'static str,
    /// Path with `{parameters}`.
    pub path: &'static str,
    /// Id of the operation, for generated clients.
    pub operation: &'static str,
    /// What it does, in a sentence.
    pub summary: &'static str,
    /// Who may; nobody needs a credential for `None`.
    pub need: Option<Need>,
    /// Query parameters, as an object schema.
    pub query: Option<fn(&mut SchemaGenerator) -> Schema>,
    /// Bodies it takes: media type and, for JSON, the schema.
    pub body: &'static [(&'static str, Option<SchemaOf>)],
    /// Good answers: status, what it means, media type and schema.
    pub answers: &'static [Answer],
    /// Problems of its own, beside those that every operation has.
    pub problems: &'static [Code],
    /// Whether it may take longer than other requests, and how that is bounded.
    pub pace: Pace,
    /// Makes the handler.
    pub handler: fn() -> MethodRouter<App>,
}

/// How long an operation may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As long as any request.
    Usual,
    /// It takes in documents.
    Upload,
    /// It waits for news.
    LongPoll,
}

/// Makes the schema of a type.
pub type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// One good answer.
#[derive(Clone, Copy)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// What it means.
    pub meaning: &'static str,
    /// Media type, empty for no body.
    pub media_type: &'static str,
    /// Schema of a JSON body.
    pub schema: Option<SchemaOf>,
}

/// The schema of `T` as a reference into the components.
pub fn schema_of<T: schemars::JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// A JSON answer of type `T`.
pub const fn json<T: schemars::JsonSchema>(status: u16, meaning: &'static str) -> Answer {
    Answer { status, meaning, media_type: "application/json", schema: Some(schema_of::<T>) }
}

/// Most routes differ from this one in a few fields.
pub const PLAIN: Route = Route {
    method: "get",
    path: "/",
    operation: "",
    summary: "",
    need: None,
    query: None,
    body: &[],
    answers: &[],
    problems: &[],
    pace: Pace::Usual,
    handler: MethodRouter::new,
};

const OWN: &[Route] = &[
    Route {
        path: "/healthz",
        operation: "live",
        summary: "Whether the process runs.",
        answers: &[Answer { status: 200, meaning: "It runs.", media_type: "text/plain", schema: None }],
        handler: || get(frame::live),
        ..PLAIN
    },
    Route {
        path: "/readyz",
        operation: "ready",
        summary: "Whether the hub can do its work, and what it lacks.",
        answers: &[json::<Readiness>(200, "Every part works."), json::<Readiness>(503, "A part is missing.")],
        handler: || get(frame::ready),
        ..PLAIN
    },
    Route {
        path: "/metrics",
        operation: "metrics",
        summary: "Counters and gauges for Prometheus.",
        answers: &[Answer { status: 200, meaning: "The page.", media_type: "text/plain", schema: None }],
        handler: || get(frame::metrics),
        ..PLAIN
    },
    Route {
        path: "/openapi.json",
        operation: "openapi",
        summary: "This document.",
        answers: &[Answer {
            status: 200,
            meaning: "OpenAPI 3.1.",
            media_type: "application/json",
            schema: None,
        }],
        handler: || get(frame::document),
        ..PLAIN
    },
    Route {
        path: "/v1/whoami",
        operation: "whoami",
        summary: "Whose credential this is.",
        need: Some(Need::Any),
        answers: &[json::<whoami::Whoami>(200, "The holder.")],
        handler: || get(whoami::whoami),
        ..PLAIN
    },
    Route {
        method: "put",
        path: "/v1/documents",
        operation: "uploadDocument",
        summary: "Stores a document under its SHA-256, to be named by demands and matters of the same sender. Repeats are harmless.",
        need: Some(Need::Uploader),
        query: Some(schema_of::<documents::routes::UploadQuery>),
        body: &[
            ("application/pdf", None),
            ("application/ofd", None),
            ("image/jpeg", None),
            ("image/png", None),
        ],
        answers: &[json::<documents::routes::Uploaded>(201, "It is stored.")],
        problems: &[
            codes::MEDIA_TYPE,
            codes::DOCUMENT_TOO_LARGE,
            codes::DIGEST_MISMATCH,
            codes::DOCUMENT_CONTENT,
            codes::DOCUMENT_DIFFERS,
        ],
        pace: Pace::Upload,
        handler: || put(documents::routes::upload),
    },
    Route {
        path: "/v1/documents/{sha256}",
        operation: "downloadDocument",
        summary: "The bytes of a document: courts read their own, connectors those of their province's demands.",
        need: Some(Need::Any),
        query: Some(schema_of::<documents::routes::DownloadQuery>),
        answers: &[Answer {
            status: 200,
            meaning: "The bytes, with the document's media type.",
            media_type: "application/octet-stream",
            schema: None,
        }],
        problems: &[codes::NOT_FOUND],
        pace: Pace::Upload,
        handler: || get(documents::routes::download),
        ..PLAIN
    },
    Route {
        method: "post",
        path: "/v1/demands",
        operation: "submitDemand",
        summary: "Submits a demand. Idempotent by sender and demand_id: the same demand again gets the first answer.",
        need: Some(Need::Court),
        body: &[
            ("application/json", Some(schema_of::<xiezhi_schemas::message::Submission>)),
            ("multipart/form-data", Some(schema_of::<intake::routes::MultipartSubmission>)),
        ],
        answers: &[
            json::<intake::Accepted>(201, "Accepted now; header location names it."),
            json::<intake::Accepted>(200, "Accepted before; the first answer again."),
        ],
        problems: intake::routes::PROBLEMS,
        pace: Pace::Upload,
        handler: || post(intake::routes::submit),
        ..PLAIN
    },
    Route {
        path: "/v1/demands",
        operation: "listDemands",
        summary: "Requests by what they are about, oldest first, page by page.",
        need: Some(Need::CourtOrOperator),
        query: Some(schema_of::<intake::list::ListQuery>),
        answers: &[json::<intake::list::Page>(200, "One page; next is absent on the last.")],
        handler: || get(intake::list::list),
        ..PLAIN
    },
    Route {
        path: "/v1/demands/{id}",
        operation: "showDemand",
        summary: "A request by its id, or a whole demand by the court's own demand_id, with everything that happened.",
        need: Some(Need::CourtOrOperator),
        query: Some(schema_of::<intake::show::ShowQuery>),
        answers: &[json::<intake::show::Shown>(200, "The demand with its requests and their timelines.")],
        problems: &[codes::NOT_FOUND],
        handler: || get(intake::show::show),
        ..PLAIN
    },
    Route {
        path: "/v1/feedback",
        operation: "readFeedback",
        summary: "The court's events after a cursor, waiting for some if there are none.",
        need: Some(Need::Court),
        query: Some(schema_of::<feedback::routes::FeedbackQuery>),
        answers: &[json::<feedback::routes::Events>(200, "Events in order, without gaps; perhaps none.")],
        pace: Pace::LongPoll,
        handler: || get(feedback::routes::read),
        ..PLAIN
    },
    Route {
        method: "put",
        path: "/v1/webhook",
        operation: "putWebhook",
        summary: "Sets the address to which the court's events are sent, in order and signed.",
        need: Some(Need::Court),
        body: &[("application/json", Some(schema_of::<feedback::routes::WebhookAddress>))],
        answers: &[json::<feedback::routes::WebhookState>(200, "It is set.")],
        problems: &[codes::WEBHOOK_URL],
        handler: || put(feedback::routes::put_webhook),
        ..PLAIN
    },
    Route {
        path: "/v1/webhook",
        operation: "getWebhook",
        summary: "The webhook and how far it has come.",
        need: Some(Need::Court),
        answers: &[json::<feedback::routes::WebhookState>(200, "The webhook.")],
        problems: &[codes::NOT_FOUND],
        handler: || get(feedback::routes::get_webhook),
        ..PLAIN
    },
    Route {
        method: "delete",
        path: "/v1/webhook",
        operation: "deleteWebhook",
        summary: "Stops the webhook and forgets how far it had come.",
        need: Some(Need::Court),
        answers: &[Answer { status: 204, meaning: "It is gone.", media_type: "", schema: None }],
        problems: &[codes::NOT_FOUND],
        handler: || delete(feedback::routes::delete_webhook),
        ..PLAIN
    },
];

/// Every operation. A room with routes of its own adds its table here.
pub fn all() -> impl Iterator<Item = &'static Route> {
    [
        OWN,
        channels::routes::ROUTES,
        contacts::routes::ROUTES,
        forms::routes::ROUTES,
        matters::CONSULTATION_ROUTES,
        matters::ISSUE_ROUTES,
        matters::DISPUTE_ROUTES,
        register::routes::ROUTES,
        reminders::routes::ROUTES,
        reports::routes::ROUTES,
        undelivered::routes::ROUTES,
        withdrawals::routes::ROUTES,
    ]
    .into_iter()
    .flatten()
}

/// Codes that any operation may answer with.
pub const COMMON: &[Code] =
    &[codes::NO_SUCH_ADDRESS, codes::METHOD_NOT_ALLOWED, codes::BUSY, codes::INTERNAL];
/// Codes of operations behind the gate.
pub const GUARDED: &[Code] = &[codes::UNAUTHENTICATED, codes::FORBIDDEN, codes::TOO_MANY];

/// R42: whatever would change a dispatched demand is refused with the reason, not with a bare 405.
pub(super) fn dispatched(router: Router<App>) -> Router<App> {
    let refuse = || {
        let methods = [Method::PUT, Method::PATCH, Method::DELETE, Method::POST];
        methods.into_iter().fold(MethodRouter::new(), |router, method| {
            let filter = method.try_into().expect("these four are known to the router");
            router.on(filter, intake::show::refuse_change)
        })
    };
    router
        .route("/v1/demands/{id}", refuse())
        .route("/v1/demands/{id}/{*rest}", any(intake::show::refuse_change_below))
}

/// The longest a request to this route may take.
pub(super) fn time_limit(method: &Method, path: &str, app: &App) -> Duration {
    let pace = all()
        .find(|route| route.path == path && route.method.eq_ignore_ascii_case(method.as_str()))
        .map_or(Pace::Usual, |route| route.pace);
    let usual = app.request_timeout();
    match pace {
        Pace::Usual => usual,
        Pace::Upload => app.longest_upload(),
        Pace::LongPoll => usual + Duration::from_secs(app.feedback_settings.long_poll_max_secs),
    }
}

/// Schema of every refusal.
pub(super) fn problem_schema(generator: &mut SchemaGenerator) -> Schema {
    schema_of::<Problem>(generator)
}
