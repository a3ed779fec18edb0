//! The county's HTTP face: the contract that the `rest` adapter speaks.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{ConnectInfo, DefaultBodyLimit, Path, Query, Request, State, rejection::BytesRejection},
    http::{HeaderMap, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{Timestamp, ToSpan as _};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{
    App, control,
    desk::{self, Taking, Wish, Wished},
    faults::Fault,
    filing::{self, Filing, Mark, Refusal, Script},
    journal::Durable,
    now,
    wire::Wire,
};

/// Largest delivery: demand and documents in base64.
const MAX_BODY: usize = 96 * 1024 * 1024;
/// How long `early_result` waits for its outcome to be fetched and settled before it answers all the same.
const EARLY_PATIENCE: Duration = Duration::from_secs(2);

pub(super) type Shared = State<Arc<App>>;

pub(super) fn router(app: Arc<App>) -> Router {
    let registry = Router::new()
        .route("/demands", post(deliver))
        .route("/demands/{request_id}/void", post(void))
        .route("/demands/{request_id}/withdrawal", post(withdrawal))
        .route("/outcomes", get(outcomes))
        .route("/outcomes/{id}/settled", post(settle))
        .route("/local-receipts", get(local_receipts))
        .route("/local-receipts/{id}/settled", post(settle_local_receipt))
        .route("/health", get(|| async { Json(json!({"status": "ok"})) }))
        .route_layer(middleware::from_fn_with_state(Arc::clone(&app), gate));
    Router::new()
        .nest("/registries/{registry}", registry)
        .nest("/_sim", control::router())
        .layer(middleware::from_fn_with_state(Arc::clone(&app), authorise))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(app)
}

async fn authorise(State(app): Shared, headers: HeaderMap, request: Request, next: Next) -> Response {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if given.and_then(|value| value.strip_prefix("Bearer ")) == Some(app.config.token.as_str()) {
        next.run(request).await
    } else {
        refuse(StatusCode::UNAUTHORIZED, "unauthorised", "a bearer token of this county is needed")
    }
}

/// Unknown registries and the faults that strike every call.
async fn gate(
    State(app): Shared,
    Path(parts): Path<std::collections::HashMap<String, String>>,
    request: Request,
    next: Next,
) -> Response {
    let registry = parts.get("registry").map_or("", String::as_str);
    let wellformed = registry.len() == 6 && registry.bytes().all(|byte| byte.is_ascii_digit());
    if !wellformed || app.config.registries.as_ref().is_some_and(|known| !known.contains(registry)) {
        return refuse(StatusCode::NOT_FOUND, "unknown_registry", "this county does not serve that registry");
    }
    // A delivery's fault is drawn when its request id is known.
    let delivery = request.uri().path().ends_with("/demands");
    if !delivery && let Some(answer) = strike_all(&app, registry, None).await.1 {
        return answer;
    }
    next.run(request).await
}

/// Draws the fault for one call and suffers what every call suffers; the answer, if that ends the call.
async fn strike_all(app: &App, registry: &str, delivery: Option<Uuid>) -> (Option<Fault>, Option<Response>) {
    let Some(mut strike) = app.faults.strike(registry, delivery) else { return (None, None) };
    match strike.fault {
        Fault::Down => {
            let mut answer =
                refuse(StatusCode::SERVICE_UNAVAILABLE, "down", "the system is being maintained");
            answer.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
            return (None, Some(answer));
        }
        Fault::Stall => strike.cleared().await,
        Fault::SlowMs(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
        _ => {}
    }
    (Some(strike.fault), None)
}

async fn deliver(
    State(app): Shared,
    Path(registry): Path<String>,
    ConnectInfo(wire): ConnectInfo<Wire>,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(rejection) => {
            return refuse(rejection.status(), "body_unreadable", "the body is too large or broke off");
        }
    };
    let (mut filing, mark) = match filing::read(&registry, &body) {
        Ok(read) => read,
        Err(Refusal(code, reason)) => return refuse(StatusCode::UNPROCESSABLE_ENTITY, code, &reason),
    };
    let fault = match strike_all(&app, &registry, Some(filing.request_id)).await {
        (_, Some(answer)) => return answer,
        (fault, None) => fault,
    };
    match (fault, mark) {
        (Some(Fault::CrashBeforeStore), _) | (_, Some(Mark::Die)) => {
            app.crash(&wire);
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
        (Some(Fault::Refuse), _) | (_, Some(Mark::Refuse)) => {
            return refuse(
                StatusCode::UNPROCESSABLE_ENTITY,
                "not_accepted",
                "拒收：该不动产单元正在合并，暂无法建卷",
            );
        }
        (Some(Fault::RefuseQuoting), _) => {
            return refuse(StatusCode::UNPROCESSABLE_ENTITY, "not_accepted", &quoting(&body));
        }
        (Some(Fault::TooLarge), _) => {
            return (StatusCode::PAYLOAD_TOO_LARGE, "<html><title>413</title></html>").into_response();
        }
        (Some(Fault::StoreNothing), _) => {
            let reference = format!("SJ{registry}-{}", filing.request_id.simple());
            return taken(&filing, &reference, now());
        }
        (Some(Fault::Return), _) | (_, Some(Mark::ReturnAtDoor)) => return turn_away(&app, &filing).await,
        (Some(Fault::ReturnLater), _) => filing.script = Script::Return,
        (Some(Fault::Twice), _) => filing.script = Script::Twice,
        (Some(Fault::Contradict), _) => filing.script = Script::Contradict,
        (_, mark) => filing.script = mark.and_then(Mark::script).unwrap_or_default(),
    }
    take(&app, &wire, filing, fault).await
}

async fn take(app: &App, wire: &Wire, filing: Filing, fault: Option<Fault>) -> Response {
    let taking = app.desk().take(filing.clone(), now(), &app.journal);
    let (reference, received_at) = match taking {
        Taking::Held { reference, received_at, durable } => match durable.wait().await {
            Ok(()) => (reference, received_at),
            Err(_) => return disk_failed(),
        },
        Taking::Turned(at) => return returned(&filing, at),
        Taking::OtherBody(durable) => {
            return after(durable, refuse(StatusCode::CONFLICT, "other_body", "held with another body"))
                .await;
        }
    };
    match fault {
        Some(Fault::CrashAfterStore) => app.crash(wire),
        Some(Fault::LoseAnswer) => wire.hang_up(),
        Some(Fault::EarlyResult) => early(app, &filing).await,
        Some(Fault::LieReference) => {
            return taken(&filing, &format!("SJ{}-9999999", filing.registry), received_at);
        }
        Some(Fault::LieTime) => {
            let earlier = received_at.checked_sub(24.hours()).unwrap_or(received_at);
            return taken(&filing, &reference, earlier);
        }
        Some(Fault::HalfAnswer) => {
            let half = r#"{"status":"taken","refer"#;
            return ([(header::CONTENT_TYPE, "application/json")], half).into_response();
        }
        Some(Fault::WrongCodePage) => {
            // 收件 in GB18030, which is no UTF-8.
            let mut answer = br#"{"status":"taken","reference":""#.to_vec();
            answer.extend_from_slice(b"\xca\xd5\xbc\xfe");
            answer.extend_from_slice(format!("{reference}\"}}").as_bytes());
            return ([(header::CONTENT_TYPE, "application/json")], answer).into_response();
        }
        _ => {}
    }
    taken(&filing, &reference, received_at)
}

/// Offers the outcome and gives the connector time to carry it to the hub before the delivery is answered.
async fn early(app: &App, filing: &Filing) {
    app.decide(Some(&(filing.registry.clone(), filing.request_id))).await;
    let deadline = tokio::time::Instant::now() + EARLY_PATIENCE;
    let through = || app.desk().is_through(&filing.registry, filing.request_id);
    while !through() && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A reason as an unwary system writes it: with the persons and places of the demand.
fn quoting(body: &[u8]) -> String {
    let delivery: Value = serde_json::from_slice(body).unwrap_or_default();
    let demand = &delivery["demand"];
    let at = |path: &str| demand.pointer(path).and_then(Value::as_str).unwrap_or_default();
    format!(
        "被执行人{}（{}）坐落{}，联系{} {}，权利人{}，承办{}：资料不符",
        at("/debtor/name"),
        at("/debtor/document_number"),
        at("/unit/location"),
        at("/contact/name"),
        at("/contact/phone"),
        at("/unit/right_holder"),
        at("/officers/0/name")
    )
}

fn taken(filing: &Filing, reference: &str, received_at: Timestamp) -> Response {
    Json(json!({"status": "taken", "request_id": filing.request_id, "reference": reference,
        "received_at": received_at}))
    .into_response()
}

async fn turn_away(app: &App, filing: &Filing) -> Response {
    let at = now();
    let line = app.desk().turn_away(filing, at, &app.journal);
    match line {
        Some(durable) => after(durable, returned(filing, at)).await,
        None => returned(filing, at),
    }
}

fn returned(filing: &Filing, at: Timestamp) -> Response {
    Json(json!({"status": "returned", "request_id": filing.request_id, "reasons": ["target_inaccurate"],
        "text": "不动产单元代码在本登记机构无对应宗地，请核对标的物", "differing_fields": [], "decided_at": at}))
    .into_response()
}

#[derive(Deserialize)]
struct VoidOrder {
    reason: String,
}

async fn void(
    State(app): Shared,
    Path((registry, request_id)): Path<(String, Uuid)>,
    Json(order): Json<VoidOrder>,
) -> Response {
    let reason = order.reason.chars().take(500).collect();
    let line = app.desk().void(&registry, request_id, reason, now(), &app.journal);
    match line {
        Some(durable) => after(durable, status("voided")).await,
        None => status("unknown"),
    }
}

async fn withdrawal(
    State(app): Shared,
    Path((registry, request_id)): Path<(String, Uuid)>,
    body: Bytes,
) -> Response {
    let unreadable = |reason: &str| refuse(StatusCode::UNPROCESSABLE_ENTITY, "unreadable", reason);
    let Ok(delivery) = serde_json::from_slice::<WishDelivery>(&body) else {
        return unreadable("the body is not a withdrawal");
    };
    let WishDelivery { withdrawal, letter } = delivery;
    if withdrawal.registry != registry || withdrawal.request_id != request_id {
        return unreadable("the withdrawal is about another request");
    }
    let Ok(bytes) = STANDARD.decode(&letter.content_base64) else {
        return unreadable("the letter is not base64");
    };
    let letter_sha256 = hex::encode(Sha256::digest(&bytes));
    if letter_sha256 != letter.sha256 || letter.sha256 != withdrawal.letter.sha256 {
        return unreadable("the letter has other bytes than it claims");
    }
    let wish = Wish {
        registry,
        request_id,
        withdrawal_id: withdrawal.withdrawal_id,
        letter_sha256,
        decline: withdrawal.reason.contains("SIM:DECLINE"),
    };
    let wished = app.desk().wish(wish, now(), &app.journal);
    match wished {
        Wished::Unknown => refuse(StatusCode::CONFLICT, "unknown_request", "no such demand is held"),
        Wished::Before => status("held"),
        Wished::Answered(decided) => {
            if desk::publish(&app.desk, vec![decided]).await {
                status("held")
            } else {
                disk_failed()
            }
        }
    }
}

#[derive(Deserialize)]
struct WishDelivery {
    withdrawal: WishBody,
    letter: Letter,
}

#[derive(Deserialize)]
struct WishBody {
    withdrawal_id: Uuid,
    request_id: Uuid,
    registry: String,
    reason: String,
    letter: LetterClaim,
}

#[derive(Deserialize)]
struct LetterClaim {
    sha256: String,
}

#[derive(Deserialize)]
struct Letter {
    sha256: String,
    content_base64: String,
}

#[derive(Deserialize)]
struct Limit {
    #[serde(default = "hundred")]
    limit: usize,
    after: Option<String>,
}

fn hundred() -> usize {
    100
}

async fn outcomes(State(app): Shared, Path(registry): Path<String>, Query(q): Query<Limit>) -> Json<Value> {
    Json(json!({"outcomes": app.desk().outcomes(&registry, q.after.as_deref(), q.limit)}))
}

async fn settle(State(app): Shared, Path((registry, id)): Path<(String, String)>) -> Response {
    let line = app.desk().settle(&registry, &id, now(), &app.journal);
    match line {
        Some(durable) => after(durable, status("settled")).await,
        None => status("unknown"),
    }
}

async fn local_receipts(
    State(app): Shared,
    Path(registry): Path<String>,
    Query(q): Query<Limit>,
) -> Json<Value> {
    Json(json!({"local_receipts": app.desk().links().offers(&registry, q.limit)}))
}

#[derive(Deserialize)]
struct Said {
    verdict: Value,
}

async fn settle_local_receipt(
    State(app): Shared,
    Path((registry, id)): Path<(String, String)>,
    Json(said): Json<Said>,
) -> Response {
    let line = app.desk().link_settled(&registry, &id, said.verdict, now(), &app.journal);
    match line {
        Some(durable) => after(durable, status("settled")).await,
        None => status("unknown"),
    }
}

/// The answer, once the line it rests on is on disk.
async fn after(durable: Durable, answer: Response) -> Response {
    if durable.wait().await.is_ok() { answer } else { disk_failed() }
}

pub(super) fn disk_failed() -> Response {
    refuse(StatusCode::SERVICE_UNAVAILABLE, "journal", "the journal cannot be written or read")
}

fn status(word: &str) -> Response {
    Json(json!({"status": word})).into_response()
}

pub(super) fn refuse(status: StatusCode, code: &str, reason: &str) -> Response {
    (status, Json(json!({"status": "refused", "code": code, "reason": reason}))).into_response()
}
