//! The hub's HTTP API as its callers see it: courts and operators, each with a token of their own.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::demand::Demand;
use super::papers::{Paper, Papers};
use crate::wait::{self, Step};

/// One answer of the hub.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Body as JSON; `null` when it is empty or no JSON.
    pub body: Value,
}

impl Answer {
    /// The body of a good answer.
    ///
    /// # Errors
    /// Any other status, with the body.
    pub fn ok(self) -> Result<Value> {
        if !self.status.is_success() {
            bail!("the hub answered {}: {}", self.status, self.body);
        }
        Ok(self.body)
    }

    /// Code of the problem, `HUB-nnnn`, or an empty text.
    #[must_use]
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

/// Somebody with a token.
#[derive(Clone)]
pub struct Caller {
    name: String,
    base: String,
    token: String,
    http: reqwest::Client,
}

impl std::fmt::Debug for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Caller({} at {})", self.name, self.base)
    }
}

impl Caller {
    pub(super) fn new(name: &str, base: &str, token: &str, http: &reqwest::Client) -> Self {
        Self { name: name.to_owned(), base: base.to_owned(), token: token.to_owned(), http: http.clone() }
    }

    /// Name of the principal.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The bearer token.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Any request: `path` begins with `/`; `body` is sent as it is with its media type.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn request(&self, method: Method, path: &str, body: Option<(&str, Vec<u8>)>) -> Result<Answer> {
        let mut request = self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token);
        if let Some((media_type, bytes)) = body {
            request = request.header("content-type", media_type).body(bytes);
        }
        let response = request.send().await.with_context(|| format!("{path} got no answer"))?;
        let status = response.status();
        let bytes = response.bytes().await.with_context(|| format!("{path} got half an answer"))?;
        Ok(Answer { status, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) })
    }

    /// GET.
    ///
    /// # Errors
    /// When no good answer comes.
    pub async fn get(&self, path: &str) -> Result<Value> {
        self.request(Method::GET, path, None).await?.ok()
    }

    /// POST with a JSON body.
    ///
    /// # Errors
    /// When no answer comes; a refusal is an answer.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        self.request(Method::POST, path, Some(("application/json", body.to_string().into_bytes()))).await
    }
}

/// A court as a client of the hub.
#[derive(Debug, Clone)]
pub struct Court(Caller);

impl std::ops::Deref for Court {
    type Target = Caller;
    fn deref(&self) -> &Caller {
        &self.0
    }
}

impl Court {
    pub(super) const fn new(caller: Caller) -> Self {
        Self(caller)
    }

    /// Stores one document.
    ///
    /// # Errors
    /// When it is refused or no answer comes.
    pub async fn upload(&self, paper: &Paper) -> Result<()> {
        let body = (paper.attachment.media_type.as_str(), paper.bytes.clone());
        let answer = self.request(Method::PUT, "/v1/documents", Some(body)).await?.ok()?;
        ensure!(
            answer["sha256"] == paper.attachment.sha256.as_str(),
            "the hub stored other bytes than were sent: {answer}"
        );
        Ok(())
    }

    /// Stores all documents of a case.
    ///
    /// # Errors
    /// As [`Court::upload`].
    pub async fn upload_all(&self, papers: &Papers) -> Result<()> {
        for paper in papers.iter() {
            self.upload(paper).await?;
        }
        Ok(())
    }

    /// Submits a body and gives whatever the hub answers, refusals too.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn try_submit(&self, submission: &Value) -> Result<Answer> {
        self.post("/v1/demands", submission).await
    }

    /// Submits a body that must be accepted.
    ///
    /// # Errors
    /// When it is refused or no answer comes.
    pub async fn submit(&self, submission: &Value) -> Result<Value> {
        self.try_submit(submission).await?.ok()
    }

    /// Uploads the documents, submits, and gives the ids of the requests in the order of the units.
    ///
    /// # Errors
    /// When something is refused or no answer comes.
    pub async fn send(&self, demand: &Demand) -> Result<Vec<Uuid>> {
        self.upload_all(&demand.papers).await?;
        request_ids(&self.submit(&demand.value()).await?)
    }

    /// One request with its timeline.
    ///
    /// # Errors
    /// When the hub does not know it, or it is somebody else's.
    pub async fn show(&self, request: Uuid) -> Result<Value> {
        let mut shown = self.get(&format!("/v1/demands/{request}")).await?;
        match shown["requests"][0].take() {
            Value::Null => bail!("a demand without requests: {shown}"),
            view => Ok(view),
        }
    }

    /// A page of the court's demands; `query` as `case_number=…&state=…`, encoded, or empty.
    ///
    /// # Errors
    /// When the query is refused.
    pub async fn list(&self, query: &str) -> Result<Value> {
        self.get(&format!("/v1/demands?{query}")).await
    }

    /// Events after a number, waiting up to `wait_secs` for the first.
    ///
    /// # Errors
    /// When the hub does not answer.
    pub async fn feedback(&self, after: i64, wait_secs: u64) -> Result<Vec<Value>> {
        let path = format!("/v1/feedback?after={after}&limit=1000&wait_secs={wait_secs}");
        match self.get(&path).await?["items"].take() {
            Value::Array(events) => Ok(events),
            other => bail!("feedback without events: {other}"),
        }
    }

    /// All events so far.
    ///
    /// # Errors
    /// When the hub does not answer.
    pub async fn all_feedback(&self) -> Result<Vec<Value>> {
        let mut all: Vec<Value> = Vec::new();
        loop {
            let after = all.last().and_then(|event| event["seq"].as_i64()).unwrap_or(0);
            let page = self.feedback(after, 0).await?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }

    /// Events of one request so far, by their word, in order.
    ///
    /// # Errors
    /// When the hub does not answer.
    pub async fn events_of(&self, request: Uuid) -> Result<Vec<Value>> {
        let id = request.to_string();
        let mut all = self.all_feedback().await?;
        all.retain(|event| event["request_id"] == id.as_str());
        Ok(all)
    }

    /// State of one request.
    ///
    /// # Errors
    /// When the hub does not know it.
    pub async fn state(&self, request: Uuid) -> Result<String> {
        let shown = self.show(request).await?;
        shown["state"].as_str().map(str::to_owned).with_context(|| format!("no state in {shown}"))
    }

    /// Waits until a request is in a state, and gives it as it is then.
    ///
    /// # Errors
    /// When it is not `within` the time; the message has the last state.
    pub async fn wait_for_state(&self, request: Uuid, state: &str, within: Duration) -> Result<Value> {
        wait::until(&format!("{request} to be {state}"), within, async || match self.show(request).await {
            Ok(shown) if shown["state"] == state => Step::Done(shown),
            Ok(shown) => Step::Again(format!("it is {}", shown["state"])),
            Err(error) => Step::Again(format!("{error:#}")),
        })
        .await
    }
}

/// Ids of the requests in the answer to a submission, in the order of the units.
///
/// # Errors
/// When the answer has none.
pub fn request_ids(answer: &Value) -> Result<Vec<Uuid>> {
    let requests = answer["requests"].as_array().with_context(|| format!("no requests in {answer}"))?;
    requests
        .iter()
        .map(|request| {
            let id = request["request_id"].as_str().context("a request without an id")?;
            id.parse().context("an id that is none")
        })
        .collect()
}

/// An operator as a client of the hub.
#[derive(Debug, Clone)]
pub struct Operator(Caller);

impl std::ops::Deref for Operator {
    type Target = Caller;
    fn deref(&self) -> &Caller {
        &self.0
    }
}

impl Operator {
    pub(super) const fn new(caller: Caller) -> Self {
        Self(caller)
    }

    /// The queue of a property unit, all pages.
    ///
    /// # Errors
    /// When the hub knows nothing of the unit.
    pub async fn queue(&self, unit: &str) -> Result<Vec<Value>> {
        let path = format!("/v1/units/{unit}/queue?limit=200");
        let (mut items, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("{path}{cursor}")).await?;
            items.extend(page["items"].as_array().context("a page without items")?.iter().cloned());
            let Some(next) = page["next"].as_str() else { return Ok(items) };
            cursor = format!("&cursor={next}");
        }
    }

    /// Undelivered attempts, the first 1000; `filter` as `status=open&province=32`, or empty.
    ///
    /// # Errors
    /// When the filter is refused.
    pub async fn undelivered(&self, filter: &str) -> Result<Vec<Value>> {
        let mut page = self.get(&format!("/v1/undelivered?limit=1000&{filter}")).await?;
        match page["items"].take() {
            Value::Array(items) => Ok(items),
            _ => bail!("a page of undelivered attempts without a list: {page}"),
        }
    }

    /// Sends again what is selected (`{"dead_ids":[7]}` or `{"filter":{"registry":"320102"}}`), and waits until the job
    /// is done. Gives the job, `null` when nothing was open.
    ///
    /// # Errors
    /// When it is refused or does not finish in a minute.
    pub async fn replay(&self, select: &Value, reason: &str) -> Result<Value> {
        self.decide("replay", select, reason).await
    }

    /// Gives up what is selected, and waits until the job is done.
    ///
    /// # Errors
    /// As [`Operator::replay`].
    pub async fn close(&self, select: &Value, reason: &str) -> Result<Value> {
        self.decide("close", select, reason).await
    }

    async fn decide(&self, action: &str, select: &Value, reason: &str) -> Result<Value> {
        let order = json!({
            "action": action, "reason": reason, "pace_per_second": 1000, "dry_run": false, "select": select,
        });
        let answer = self.post("/v1/undelivered/jobs", &order).await?.ok()?;
        match answer["job_id"].as_str() {
            Some(id) => self.wait_for_job(id, Duration::from_secs(60)).await,
            None => Ok(Value::Null),
        }
    }

    /// Waits until a job is done.
    ///
    /// # Errors
    /// When it is not `within` the time.
    pub async fn wait_for_job(&self, job: &str, within: Duration) -> Result<Value> {
        wait::until(&format!("job {job}"), within, async || {
            match self.get(&format!("/v1/undelivered/jobs/{job}")).await {
                Ok(job) if !job["finished_at"].is_null() => Step::Done(job),
                Ok(job) => Step::Again(job.to_string()),
                Err(error) => Step::Again(format!("{error:#}")),
            }
        })
        .await
    }
}

/// Tokens by the name of their holder.
pub(super) type Tokens = BTreeMap<String, String>;
