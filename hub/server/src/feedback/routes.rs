//! `GET /v1/feedback` and the court's webhook settings.

use std::time::Duration;

use axum::{
    Json,
    body::Body,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use xiezhi_schemas::{
    message::Feedback,
    strict_json::{self, Limits},
};

use crate::{
    http::{
        App,
        auth::{Caller, Need},
        body, codes,
        problem::Problem,
        query::Query,
    },
    store,
};

/// Query of the event stream.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FeedbackQuery {
    /// Events with a greater `seq` are wanted; 0, the default, for all.
    #[schemars(range(min = 0))]
    pub after: Option<i64>,
    /// At most so many events, 100 by default.
    #[schemars(range(min = 1, max = 1000))]
    pub limit: Option<i64>,
    /// How long to wait for an event if there is none, in seconds; 0 by default.
    #[schemars(range(min = 0))]
    pub wait_secs: Option<u64>,
}

/// Events of the stream.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Events {
    /// In order of `seq`, without gaps.
    pub items: Vec<Feedback>,
    /// The cursor for the next call.
    pub next: i64,
}

/// A woken poll looks at once; this is how often it looks if nobody wakes it.
const LOOK_ANYWAY: Duration = Duration::from_secs(3);

pub(crate) async fn read(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<FeedbackQuery>,
) -> Result<Json<Events>, Problem> {
    caller.need(Need::Court)?;
    let (after, limit) = (query.after.unwrap_or(0), query.limit.unwrap_or(100));
    let most = app.feedback_settings.long_poll_max_secs;
    let wait = query.wait_secs.unwrap_or(0);
    if after < 0 || !(1..=1000).contains(&limit) || wait > most {
        let detail = format!("after is at least 0, limit is 1 to 1000, wait_secs is at most {most}");
        return Err(Problem::new(codes::QUERY, detail));
    }
    let until = Instant::now() + Duration::from_secs(wait);
    let mut bell = app.signal.subscribe(&caller.name);
    loop {
        // The connection goes back before the wait: a thousand waiting courts hold none.
        let events = {
            let client = app.store.client().await?;
            store::feedback::page(&client, &caller.name, after, limit).await?
        };
        if !events.is_empty() || Instant::now() >= until || app.stopping.is_cancelled() {
            let next = events.last().map_or(after, |event| event.seq);
            return Ok(Json(Events { items: events, next }));
        }
        let look = until.min(Instant::now() + LOOK_ANYWAY);
        tokio::select! {
            () = app.stopping.cancelled() => {}
            () = tokio::time::sleep_until(look) => {}
            changed = bell.changed() => if changed.is_err() {
                bell = app.signal.subscribe(&caller.name);
            },
        }
    }
}

/// Body of `PUT /v1/webhook`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookAddress {
    /// `https://…`; events are posted there as `{sender, events}`.
    #[schemars(length(min = 1, max = 2000))]
    pub url: String,
}

/// A webhook and how far it has come.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct WebhookState {
    /// Where events go.
    pub url: String,
    /// Last event that was taken.
    pub delivered_seq: i64,
    /// Failed attempts since the last success.
    pub failures: i32,
    /// Why the last attempt failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When events were last taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_success_at: Option<Timestamp>,
    /// Before this time nothing is tried.
    pub next_attempt_at: Timestamp,
}

async fn state(app: &App, sender: &str) -> Result<Json<WebhookState>, Problem> {
    let found = store::webhooks::find(&*app.store.client().await?, sender).await?;
    let hook = found.ok_or_else(Problem::not_found)?;
    Ok(Json(WebhookState {
        url: hook.url,
        delivered_seq: hook.delivered_seq,
        failures: hook.failures,
        last_error: hook.last_error,
        last_success_at: hook.last_success_at,
        next_attempt_at: hook.next_attempt_at,
    }))
}

pub(crate) async fn put_webhook(
    State(app): State<App>,
    caller: Caller,
    bytes: Body,
) -> Result<Json<WebhookState>, Problem> {
    caller.need(Need::Court)?;
    let bytes = body::whole(bytes, 4096, app.request_timeout()).await?;
    let value = strict_json::parse(&bytes, Limits::default())
        .map_err(|error| Problem::new(codes::NOT_JSON, error.to_string()))?;
    let wanted: WebhookAddress = serde_json::from_value(value).map_err(|_| {
        Problem::new(codes::WEBHOOK_URL, "the body is {\"url\": \"https://…\"} and nothing else")
    })?;
    let checked = app.targets.check(&wanted.url).await;
    let url = checked.map_err(|error| Problem::new(codes::WEBHOOK_URL, error.to_string()))?;
    store::webhooks::put(&*app.store.client().await?, &caller.name, url.as_str()).await?;
    app.signal.ring(&caller.name);
    state(&app, &caller.name).await
}

pub(crate) async fn get_webhook(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<WebhookState>, Problem> {
    caller.need(Need::Court)?;
    state(&app, &caller.name).await
}

pub(crate) async fn delete_webhook(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    caller.need(Need::Court)?;
    match store::webhooks::delete(&*app.store.client().await?, &caller.name).await? {
        true => Ok(StatusCode::NO_CONTENT.into_response()),
        false => Err(Problem::not_found()),
    }
}
