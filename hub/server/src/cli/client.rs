//! The hub's HTTP API as the command line uses it: the same one as everyone's.

use std::time::Duration;

use clap::Args;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;

use super::{Failure, output::printable};
use crate::code::chain;

/// Where the API is and who asks.
#[derive(Debug, Args, Clone)]
pub struct ApiArgs {
    /// Address of the hub's API.
    #[arg(
        long,
        global = true,
        env = "XIEZHI_API",
        default_value = "http://127.0.0.1:8300",
        value_name = "URL"
    )]
    api: String,
    /// Bearer token (`hub credential issue`). Better given by the environment, where other users cannot see it.
    #[arg(long, global = true, env = "XIEZHI_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    token: Option<Token>,
}

/// A token whose `Debug` hides it.
#[derive(Clone)]
struct Token(String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(hidden)")
    }
}

impl std::str::FromStr for Token {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let sound = !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        if sound { Ok(Self(text.to_owned())) } else { Err("a token is one printable word") }
    }
}

/// A client of the API.
pub(super) struct Api {
    base: String,
    token: Option<Token>,
    http: reqwest::Client,
}

/// Longer than the longest long poll.
const TIMEOUT: Duration = Duration::from_secs(330);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

impl Api {
    pub(super) fn new(args: &ApiArgs) -> Result<Self, Failure> {
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .user_agent(concat!("hub/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Failure::Usage(chain(&error)))?;
        Ok(Self { base: args.api.trim_end_matches('/').to_owned(), token: args.token.clone(), http })
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(Token(token)) => request.bearer_auth(token),
            None => request,
        }
    }

    /// GET with those parameters that have a value.
    pub(super) async fn get(&self, path: &str, query: &[(&str, Option<String>)]) -> Result<Value, Failure> {
        let query: Vec<_> =
            query.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))).collect();
        self.send(self.request(Method::GET, path).query(&query)).await
    }

    /// GET of something that is no JSON, with those parameters that have a value.
    pub(super) async fn bytes(
        &self,
        path: &str,
        query: &[(&str, Option<String>)],
    ) -> Result<Vec<u8>, Failure> {
        let query: Vec<_> =
            query.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))).collect();
        let (status, body) = self.exchange(self.request(Method::GET, path).query(&query)).await?;
        if status.is_success() {
            return Ok(body);
        }
        Err(match serde_json::from_slice(&body) {
            Ok(problem) => refused(status, &problem),
            Err(_) => self.no_hub(status),
        })
    }

    /// POST of a JSON value.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// Bytes as they are.
    pub(super) async fn upload(
        &self,
        method: Method,
        path: &str,
        media_type: &str,
        body: Vec<u8>,
    ) -> Result<Value, Failure> {
        let request = self.request(method, path).header(reqwest::header::CONTENT_TYPE, media_type);
        self.send(request.body(body)).await
    }

    /// One request and its whole answer.
    async fn exchange(&self, request: RequestBuilder) -> Result<(StatusCode, Vec<u8>), Failure> {
        let unreachable = |error: reqwest::Error| {
            let text = chain(&error.without_url());
            if text.contains("builder error") {
                return Failure::Usage(format!("{} is no address of an API: {text}", self.base));
            }
            Failure::Unreachable(format!("[HUB-1042] the hub at {} does not answer: {text}", self.base))
        };
        let answer = request.send().await.map_err(unreachable)?;
        let status = answer.status();
        Ok((status, answer.bytes().await.map_err(unreachable)?.to_vec()))
    }

    fn no_hub(&self, status: StatusCode) -> Failure {
        Failure::No(format!("{} answered {status} with something that is no JSON; is it a hub?", self.base))
    }

    async fn send(&self, request: RequestBuilder) -> Result<Value, Failure> {
        let (status, body) = self.exchange(request).await?;
        let value: Option<Value> = serde_json::from_slice(&body).ok();
        match value {
            Some(value) if status.is_success() => Ok(value),
            None if status.is_success() && body.is_empty() => Ok(Value::Null),
            Some(problem) => Err(refused(status, &problem)),
            None => Err(self.no_hub(status)),
        }
    }
}

/// Problem details (RFC 9457) for people.
fn refused(status: StatusCode, problem: &Value) -> Failure {
    let text =
        |value: &Value, name: &str| printable(value.get(name).and_then(Value::as_str).unwrap_or_default());
    let mut lines = format!("[{}] {} ({status})", text(problem, "code"), text(problem, "title"));
    let detail = text(problem, "detail");
    if !detail.is_empty() {
        lines.push_str(&format!("\n{detail}"));
    }
    for one in problem.get("problems").and_then(Value::as_array).into_iter().flatten() {
        let place = match text(one, "path") {
            empty if empty.is_empty() => "/".to_owned(),
            path => path,
        };
        lines.push_str(&format!("\n  {place}: [{}] {}", text(one, "code"), text(one, "message")));
        let hint = text(one, "hint");
        if !hint.is_empty() {
            lines.push_str(&format!("\n      {hint}"));
        }
    }
    if status == StatusCode::UNAUTHORIZED {
        lines.push_str("\nGive a token with --token or XIEZHI_TOKEN; `hub credential issue` makes one.");
    }
    Failure::No(lines)
}

/// Reads pages until `limit` items are there or there are no more; returns them and the cursor of the next page. `name` is
/// what the answer calls its items.
pub(super) async fn pages(
    api: &Api,
    path: &str,
    name: &str,
    query: &[(&str, Option<String>)],
    limit: usize,
    mut cursor: Option<String>,
) -> Result<(Vec<Value>, Option<String>), Failure> {
    const LARGEST_PAGE: usize = 100;
    let mut items = Vec::new();
    while items.len() < limit {
        let page_size = (limit - items.len()).min(LARGEST_PAGE);
        let mut with_page = query.to_vec();
        with_page.push(("limit", Some(page_size.to_string())));
        with_page.push(("cursor", cursor.take()));
        let mut page = api.get(path, &with_page).await?;
        cursor = page.get("next").and_then(|next| match next {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        });
        if let Some(Value::Array(more)) = page.get_mut(name).map(Value::take) {
            items.extend(more);
        }
        if cursor.is_none() {
            break;
        }
    }
    Ok((items, cursor))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn problem_details_read_well() {
        let problem = json!({
            "title": "The demand has several problems", "status": 422, "code": "HUB-1100", "detail": "2 problems",
            "problems": [
                { "path": "/units/0/unit_code", "code": "HUB-1111", "message": "check fails", "hint": "compare it" },
                { "path": "", "code": "HUB-1105", "message": "`kind` is missing" },
            ],
        });
        let Failure::No(text) = refused(StatusCode::UNPROCESSABLE_ENTITY, &problem) else {
            panic!("a refusal is a no")
        };
        assert_eq!(
            text,
            "[HUB-1100] The demand has several problems (422 Unprocessable Entity)\n2 problems\n  \
             /units/0/unit_code: [HUB-1111] check fails\n      compare it\n  /: [HUB-1105] `kind` is missing"
        );
    }
}
