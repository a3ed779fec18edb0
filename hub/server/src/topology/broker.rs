//! The broker through its management API: the only file of this module that talks to it.
//!
//! Works with RabbitMQ 3.10 and later. The account needs the tag `administrator`, because it makes users.

use std::{fmt, time::Duration};

use reqwest::{Method, StatusCode, Url};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    TopologyError,
    page::{self, Paged},
    running::{Running, RunningBinding},
    secret::Secret,
    value::{Arguments, Binding, Destination, Exchange, Permission},
};

/// Queues in one answer. The broker builds a page of this size in some ten milliseconds; all of 3,000 at once take it a second
/// or two, during which it does little else.
const PAGE: usize = 500;

/// Longer than the broker needs to make a quorum queue while hundreds are being made.
const TIMEOUT: Duration = Duration::from_secs(60);

/// One virtual host of a broker, through its management API.
#[derive(Clone)]
pub struct Broker {
    base: Url,
    vhost: String,
    user: String,
    password: Secret,
    http: reqwest::Client,
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").field("at", &self.host()).field("vhost", &self.vhost).finish_non_exhaustive()
    }
}

/// Number of consumers and messages of one queue, from the broker's statistics, some seconds old.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(super) struct InUse {
    #[serde(default)]
    pub(super) messages: u64,
    #[serde(default)]
    pub(super) consumers: u64,
}

impl Broker {
    /// Looks at the broker at `url` (`http://host:15672`; `https` is verified against the system's certificates) and makes sure
    /// that it can hold the topology.
    ///
    /// # Errors
    /// When the URL is none or holds credentials, the broker does not answer, refuses the user, has no such virtual host, is
    /// older than 3.10, or has a needed feature switched off.
    pub async fn connect(
        url: &str,
        vhost: &str,
        user: &str,
        password: Secret,
    ) -> Result<Self, TopologyError> {
        let base = Url::parse(url).map_err(|_| TopologyError::Url)?;
        let plain = base.username().is_empty() && base.password().is_none();
        if !plain || base.cannot_be_a_base() || !matches!(base.scheme(), "http" | "https") {
            return Err(TopologyError::Url);
        }
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .no_proxy()
            .build()
            .map_err(|source| TopologyError::Unreachable { host: public(&base), source })?;
        let broker = Self { base, vhost: vhost.to_owned(), user: user.to_owned(), password, http };
        broker.check_fit().await?;
        Ok(broker)
    }

    /// Scheme, host and port, for messages.
    pub fn host(&self) -> String {
        public(&self.base)
    }

    /// The virtual host.
    pub fn vhost(&self) -> &str {
        &self.vhost
    }

    /// Everything the virtual host holds.
    ///
    /// # Errors
    /// When the broker does not answer, refuses, or answers what this hub does not know.
    pub async fn running(&self) -> Result<Running, TopologyError> {
        let vhost = self.vhost.as_str();
        let mut running = Running::default();
        for queue in self.pages::<page::QueueRow>("queues").await? {
            running.queues.insert(queue.name.clone(), queue.into());
        }
        for exchange in self.pages::<page::ExchangeRow>("exchanges").await? {
            if !exchange.is_built_in() {
                running.exchanges.insert(exchange.name.clone(), exchange.into());
            }
        }
        let bindings: Vec<page::BindingRow> = self.get(&["bindings", vhost], &[]).await?;
        running.bindings = bindings.into_iter().filter_map(page::BindingRow::into_binding).collect();
        let users: Vec<page::UserRow> = self.get(&["users"], &[]).await?;
        running.users = users.into_iter().map(|user| (user.name, user.tags.into())).collect();
        let permissions: Vec<page::PermissionRow> = self.get(&["vhosts", vhost, "permissions"], &[]).await?;
        running.permissions = permissions.into_iter().map(|row| (row.user.clone(), row.into())).collect();
        let topics: Vec<page::TopicRow> = self.get(&["vhosts", vhost, "topic-permissions"], &[]).await?;
        running.topic_permissions = topics.into_iter().map(|row| (row.user, row.exchange)).collect();
        let policies: Vec<page::Named> = self.get(&["operator-policies", vhost], &[]).await?;
        running.operator_policies = policies.into_iter().map(|policy| policy.name).collect();
        Ok(running)
    }

    async fn check_fit(&self) -> Result<(), TopologyError> {
        let overview: page::Overview = self.get(&["overview"], &[]).await?;
        if !overview.is_at_least(3, 10) {
            let what = format!("it is RabbitMQ {}, and 3.10 is needed", overview.rabbitmq_version);
            return Err(TopologyError::Unfit(what));
        }
        match self.get::<Value>(&["vhosts", &self.vhost], &[]).await {
            Err(TopologyError::Refused { status: 404, .. }) => {
                return Err(TopologyError::NoVirtualHost { vhost: self.vhost.clone() });
            }
            other => drop(other?),
        }
        let flags: Vec<page::Flag> = self.get(&["feature-flags"], &[]).await?;
        let off: Vec<_> =
            flags.iter().filter(|flag| flag.is_needed_and_off()).map(|f| f.name.as_str()).collect();
        if !off.is_empty() {
            let what = format!(
                "feature flags {} are off, and without them dead letters may get lost; `rabbitmqctl enable_feature_flag` turns \
                 them on",
                off.join(", ")
            );
            return Err(TopologyError::Unfit(what));
        }
        Ok(())
    }

    pub(super) async fn put_exchange(&self, name: &str, exchange: &Exchange) -> Result<(), TopologyError> {
        let body = json!({"type": exchange.kind, "durable": true, "auto_delete": false, "internal": false,
            "arguments": exchange.arguments});
        self.change(Method::PUT, &["exchanges", &self.vhost, name], &body).await
    }

    pub(super) async fn put_queue(&self, name: &str, arguments: &Arguments) -> Result<(), TopologyError> {
        let body = json!({"durable": true, "auto_delete": false, "arguments": arguments});
        self.change(Method::PUT, &["queues", &self.vhost, name], &body).await
    }

    pub(super) async fn bind(&self, binding: &Binding) -> Result<(), TopologyError> {
        let to = letter(binding.to);
        let path = ["bindings", &self.vhost, "e", &binding.source, to, &binding.destination];
        self.change(Method::POST, &path, &json!({"routing_key": binding.key, "arguments": {}})).await
    }

    pub(super) async fn unbind(&self, binding: &Binding, properties_key: &str) -> Result<(), TopologyError> {
        let to = letter(binding.to);
        self.delete(&[
            "bindings",
            &self.vhost,
            "e",
            &binding.source,
            to,
            &binding.destination,
            properties_key,
        ])
        .await
    }

    pub(super) async fn delete_exchange(&self, name: &str) -> Result<(), TopologyError> {
        self.delete(&["exchanges", &self.vhost, name]).await
    }

    /// Deletes a queue whatever it holds: the caller has seen that it is empty and stays so.
    pub(super) async fn delete_queue(&self, name: &str) -> Result<(), TopologyError> {
        self.delete(&["queues", &self.vhost, name]).await
    }

    /// Messages and consumers of a queue; `None` when it does not exist.
    pub(super) async fn in_use(&self, queue: &str) -> Result<Option<InUse>, TopologyError> {
        let columns = [("columns", "messages,consumers")];
        match self.get(&["queues", &self.vhost, queue], &columns).await {
            Ok(in_use) => Ok(Some(in_use)),
            Err(TopologyError::Refused { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What leads to a queue, without the implicit binding of the default exchange.
    pub(super) async fn bindings_to(&self, queue: &str) -> Result<Vec<RunningBinding>, TopologyError> {
        match self.get::<Vec<page::BindingRow>>(&["queues", &self.vhost, queue, "bindings"], &[]).await {
            Ok(rows) => Ok(rows.into_iter().filter_map(page::BindingRow::into_binding).collect()),
            Err(TopologyError::Refused { status: 404, .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Makes a user without tags, or gives an existing one this password.
    pub(super) async fn put_user(&self, user: &str, password: &Secret) -> Result<(), TopologyError> {
        let body = json!({"password": password.expose(), "tags": ""});
        self.change(Method::PUT, &["users", user], &body).await
    }

    /// Takes the tags from a user and keeps the password, whose hash the API lets an administrator read and write.
    pub(super) async fn clear_tags(&self, user: &str) -> Result<(), TopologyError> {
        let page::UserHash { password_hash, hashing_algorithm } = self.get(&["users", user], &[]).await?;
        let body =
            json!({"password_hash": password_hash, "hashing_algorithm": hashing_algorithm, "tags": ""});
        self.change(Method::PUT, &["users", user], &body).await
    }

    pub(super) async fn put_permission(&self, user: &str, granted: &Permission) -> Result<(), TopologyError> {
        let body = json!({"configure": granted.configure, "write": granted.write, "read": granted.read});
        self.change(Method::PUT, &["permissions", &self.vhost, user], &body).await
    }

    pub(super) async fn delete_permission(&self, user: &str) -> Result<(), TopologyError> {
        self.delete(&["permissions", &self.vhost, user]).await
    }

    /// All pages of a list. `disable_stats` leaves out what is costly and stale; totals and policy come from the queue itself.
    async fn pages<Row: DeserializeOwned>(&self, what: &str) -> Result<Vec<Row>, TopologyError> {
        let mut rows = Vec::new();
        let size = PAGE.to_string();
        for number in 1.. {
            let number = number.to_string();
            let query = [
                ("page", number.as_str()),
                ("page_size", &size),
                ("disable_stats", "true"),
                ("enable_queue_totals", "true"),
            ];
            let page: Paged<Row> = self.get(&[what, &self.vhost], &query).await?;
            let last = page.page >= page.page_count;
            rows.extend(page.items);
            if last {
                break;
            }
        }
        Ok(rows)
    }

    async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<T, TopologyError> {
        let body = self.send(Method::GET, path, query, None).await?;
        serde_json::from_slice(&body)
            .map_err(|source| TopologyError::Unreadable { path: format!("/{}", path.join("/")), source })
    }

    async fn change(&self, method: Method, path: &[&str], body: &Value) -> Result<(), TopologyError> {
        self.send(method, path, &[], Some(body)).await.map(drop)
    }

    /// Deletes; what is gone already counts as deleted.
    async fn delete(&self, path: &[&str]) -> Result<(), TopologyError> {
        match self.send(Method::DELETE, path, &[], None).await {
            Err(TopologyError::Refused { status: 404, .. }) => Ok(()),
            other => other.map(drop),
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Vec<u8>, TopologyError> {
        let mut url = self.base.clone();
        url.path_segments_mut().map_err(|()| TopologyError::Url)?.pop_if_empty().push("api").extend(path);
        let mut request = self
            .http
            .request(method.clone(), url)
            .basic_auth(&self.user, Some(self.password.expose()))
            .query(query);
        if let Some(body) = body {
            request = request.json(body);
        }
        // The URL stays out of the error: it may not be needed, and the host is named beside it.
        let unreachable = |error: reqwest::Error| TopologyError::Unreachable {
            host: self.host(),
            source: error.without_url(),
        };
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(unreachable)?;
        if status.is_success() {
            return Ok(bytes.to_vec());
        }
        Err(TopologyError::Refused {
            status: status.as_u16(),
            method: method.to_string(),
            path: format!("/{}", path.join("/")),
            reason: reason(status, &bytes),
        })
    }
}

/// The broker's own words, if it gave any.
fn reason(status: StatusCode, body: &[u8]) -> String {
    let said: Option<Value> = serde_json::from_slice(body).ok();
    let said = said.as_ref().and_then(|body| body.get("reason")).and_then(Value::as_str);
    let words = said.unwrap_or_else(|| status.canonical_reason().unwrap_or("no reason given"));
    words.chars().take(300).collect()
}

fn public(url: &Url) -> String {
    url.origin().ascii_serialization()
}

fn letter(to: Destination) -> &'static str {
    match to {
        Destination::Queue => "q",
        Destination::Exchange => "e",
    }
}
