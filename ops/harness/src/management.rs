//! The broker's management API, as far as tests and tools need it: virtual hosts, alarms, and any other path as
//! JSON. Declaring what the project itself uses is the hub's business, not this crate's.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use reqwest::{Method, StatusCode, Url};
use serde_json::{Value, json};

/// A user of the management API.
#[derive(Clone)]
pub struct Management {
    base: Url,
    user: String,
    password: String,
    http: reqwest::Client,
}

impl std::fmt::Debug for Management {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Management").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

impl Management {
    /// `url` as `http://host:port`; credentials in it are used when `credentials` has none.
    ///
    /// # Errors
    /// When the URL is none or nobody gives a user.
    pub fn new(url: &str, credentials: Option<(&str, &str)>) -> Result<Self> {
        crate::install_crypto();
        let mut base = Url::parse(url).context("the management URL is not a URL")?;
        let (user, password) = match (credentials, base.password()) {
            (Some((user, password)), _) => (user.to_owned(), password.to_owned()),
            (None, Some(password)) => (base.username().to_owned(), password.to_owned()),
            (None, None) => bail!("the management URL has no user and password"),
        };
        if base.set_username("").and_then(|()| base.set_password(None)).is_err() {
            bail!("the management URL has no host");
        }
        // No connection is kept: each test has a runtime of its own, and a kept one dies with the runtime.
        let http = reqwest::Client::builder()
            .pool_max_idle_per_host(0)
            .no_proxy()
            .timeout(Duration::from_secs(15))
            .build()?;
        Ok(Self { base, user, password, http })
    }

    /// URL without credentials.
    #[must_use]
    pub fn url(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// User and password.
    #[must_use]
    pub fn credentials(&self) -> (&str, &str) {
        (&self.user, &self.password)
    }

    /// One request to `/api/<segments…>`; each segment is percent-encoded. Gives status and body (`null` if empty).
    ///
    /// # Errors
    /// When the broker cannot be reached or answers no JSON.
    pub async fn request(
        &self,
        method: Method,
        segments: &[&str],
        body: Option<&Value>,
    ) -> Result<(StatusCode, Value)> {
        let mut url = self.base.clone();
        match url.path_segments_mut() {
            Ok(mut path) => drop(path.pop_if_empty().push("api").extend(segments)),
            Err(()) => bail!("the management URL has no path"),
        }
        let mut request = self.http.request(method, url).basic_auth(&self.user, Some(&self.password));
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let status = response.status();
        let text = response.bytes().await?;
        let value = if text.is_empty() { Value::Null } else { serde_json::from_slice(&text)? };
        Ok((status, value))
    }

    /// The JSON at a path.
    ///
    /// # Errors
    /// When the answer is no success.
    pub async fn get(&self, segments: &[&str]) -> Result<Value> {
        self.must(Method::GET, segments, None).await
    }

    async fn must(&self, method: Method, segments: &[&str], body: Option<&Value>) -> Result<Value> {
        let (status, value) = self.request(method.clone(), segments, body).await?;
        if !status.is_success() {
            bail!("{method} /api/{} answered {status}: {value}", segments.join("/"));
        }
        Ok(value)
    }

    /// Makes a virtual host on which this user may do everything.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn create_vhost(&self, name: &str) -> Result<()> {
        self.must(Method::PUT, &["vhosts", name], Some(&json!({}))).await?;
        let all = json!({"configure": ".*", "write": ".*", "read": ".*"});
        self.must(Method::PUT, &["permissions", name, &self.user], Some(&all)).await?;
        Ok(())
    }

    /// Deletes a virtual host with everything in it; one that is not there is no error.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn delete_vhost(&self, name: &str) -> Result<()> {
        match self.request(Method::DELETE, &["vhosts", name], None).await? {
            (status, _) if status.is_success() || status == StatusCode::NOT_FOUND => Ok(()),
            (status, body) => bail!("cannot delete virtual host {name}: {status} {body}"),
        }
    }

    /// Whether a disk or memory alarm is in force.
    ///
    /// # Errors
    /// When the broker cannot be reached or the answer is of another kind.
    pub async fn alarm(&self) -> Result<bool> {
        match self.request(Method::GET, &["health", "checks", "local-alarms"], None).await? {
            (StatusCode::OK, _) => Ok(false),
            (StatusCode::SERVICE_UNAVAILABLE, _) => Ok(true),
            (status, body) => bail!("the check for alarms answered {status}: {body}"),
        }
    }
}
