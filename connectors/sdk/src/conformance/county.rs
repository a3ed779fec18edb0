//! The bench of the simulated county: its control calls (`/_sim` in `ops/simulators/README.md`), whichever door the adapter uses.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use reqwest::{Client, Method, RequestBuilder, redirect};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;
use xiezhi_schemas::address::RegistryCode;

use super::bench::{Bench, BenchError, Condition, Entry, Event};
use crate::secret::Secret;

/// For one control call. It touches a disk and nothing else.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A running simulated county.
#[derive(Debug)]
pub struct CountyBench {
    http: Client,
    base: String,
    token: Secret,
}

#[derive(Deserialize)]
struct Book {
    entries: Vec<Line>,
}

#[derive(Deserialize)]
struct Line {
    seq: u64,
    event: String,
    request_id: Option<Uuid>,
    reference: Option<String>,
}

impl CountyBench {
    /// The county at this base URL, such as `http://127.0.0.1:41234`.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(base: &str, token: Secret) -> Result<Self, BenchError> {
        let http = Client::builder()
            .timeout(TIMEOUT)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| BenchError::Failed(error.to_string()))?;
        Ok(Self { http, base: base.trim_end_matches('/').to_owned(), token })
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}/_sim/{path}", self.base)).bearer_auth(self.token.expose())
    }

    async fn answer(&self, request: RequestBuilder) -> Result<Value, BenchError> {
        let failed = |error: reqwest::Error| BenchError::Failed(error.to_string());
        let response = request.send().await.map_err(failed)?;
        response.error_for_status().map_err(failed)?.json().await.map_err(failed)
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value, BenchError> {
        self.answer(self.request(Method::POST, path).json(body)).await
    }

    /// Whether it answers with this token; to be asked before anything is delivered to it.
    ///
    /// # Errors
    /// When there is no county, or it does not take the token.
    pub async fn is_there(&self) -> Result<(), BenchError> {
        self.answer(self.request(Method::GET, "stats")).await.map(drop)
    }
}

fn fault(condition: Condition) -> &'static str {
    match condition {
        Condition::Well => "none",
        Condition::Down => "down",
        Condition::Silent => "stall",
        Condition::LoseAnswer => "lose_answer",
        Condition::HalfAnswer => "half_answer",
        Condition::WrongCodePage => "wrong_code_page",
        Condition::CrashBeforeStored => "crash_before_store",
        Condition::CrashAfterStored => "crash_after_store",
        Condition::ReturnAtDoor => "return",
        Condition::Refuse => "refuse",
        Condition::RefuseQuoting => "refuse_quoting",
        Condition::TooLarge => "too_large",
        Condition::EarlyResult => "early_result",
    }
}

#[async_trait]
impl Bench for CountyBench {
    fn name(&self) -> String {
        format!("county at {}", self.base)
    }

    async fn set(&self, registry: &RegistryCode, condition: Condition) -> Result<(), BenchError> {
        self.post("faults", &json!({"registry": registry, "fault": fault(condition)})).await.map(drop)
    }

    async fn book(&self, registry: &RegistryCode, request_id: Uuid) -> Result<Vec<Entry>, BenchError> {
        let request = self.request(Method::GET, "journal").query(&[("registry", registry.to_string())]);
        let unread = |_| BenchError::Failed("the journal cannot be read".into());
        let book: Book = serde_json::from_value(self.answer(request).await?).map_err(unread)?;
        let about = book.entries.into_iter().filter(|line| line.request_id == Some(request_id));
        let entry = |line: Line| {
            let event = match line.event.as_str() {
                "taken" => Event::Taken(line.reference.unwrap_or_default()),
                "voided" => Event::Voided,
                "wished" => Event::Wished,
                _ => Event::Other,
            };
            Entry { place: line.seq, event }
        };
        Ok(about.map(entry).collect())
    }

    async fn restart(&self) -> Result<(), BenchError> {
        Err(BenchError::CannotDo("start the county again; it did not start it"))
    }

    fn can_restart(&self) -> bool {
        false
    }

    async fn local_demand(&self, registry: &RegistryCode, number: &str) -> Result<(), BenchError> {
        let unit_code = format!("{registry}999999GB99999F99999999");
        let order = json!({"registry": registry, "number": number, "received_at": Timestamp::now(),
            "demand": {"kind": "seizure", "case_number": "（2024）京0105执1234号",
            "units": [{"unit_code": unit_code}], "period": {"years": 3, "from": "2026-01-05", "to": "2029-01-04"}}});
        self.post("local-demands", &order).await.map(drop)
    }
}
