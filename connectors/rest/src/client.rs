//! The only file with sockets.

use std::error::Error as _;

use connector_sdk::ConfigError;
use reqwest::{Certificate, Client as Http, Method, Url, header, redirect};
use xiezhi_schemas::address::RegistryCode;

use crate::{
    classify::{Failure, Reply},
    config::Config,
    encode::Call,
};

/// Largest answer that is read: a full page of outcomes is far below.
const MAX_ANSWER: usize = 8 * 1024 * 1024;

/// Media type of everything but mapped messages.
pub(crate) const JSON: &str = "application/json";

/// Connections to the local systems of one configuration.
#[derive(Debug)]
pub(crate) struct Client {
    http: Http,
    config: Config,
}

impl Client {
    /// Reads the certificate file; opens no connection yet.
    pub(crate) fn new(config: Config) -> Result<Self, ConfigError> {
        // The binary may have chosen a provider already, which then stays.
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            rustls::crypto::ring::default_provider().install_default().ok();
        }
        let mut builder = Http::builder()
            .timeout(config.timeout)
            .connect_timeout(config.connect_timeout)
            // A redirect may lead to a host that was never checked, and would repeat the demand there.
            .redirect(redirect::Policy::none())
            // Retries are the runtime's: it counts them and knows the order.
            .retry(reqwest::retry::never())
            // A local system stands on the local network, not behind the machine's proxy.
            .no_proxy()
            .user_agent(concat!("xiezhi-connector/", env!("CARGO_PKG_VERSION")));
        if let Some(path) = &config.ca_file {
            let shown = path.display();
            let bad = |what: &str| ConfigError::new("ca_file", format!("{shown} {what}"));
            let pem = std::fs::read(path).map_err(|error| bad(&format!("cannot be read: {error}")))?;
            let certificates =
                Certificate::from_pem_bundle(&pem).map_err(|_| bad("holds no certificates in PEM form"))?;
            if certificates.is_empty() {
                return Err(bad("holds no certificates in PEM form"));
            }
            builder = builder.tls_certs_only(certificates);
        }
        let http = builder.build().map_err(|error| {
            ConfigError::new("options", format!("no HTTP client can be made of them: {}", root(&error)))
        })?;
        Ok(Self { http, config })
    }

    /// Where a call goes.
    pub(crate) fn url(&self, registry: &RegistryCode, call: Call<'_>) -> Url {
        call.url(&self.config.endpoint(registry).base_url, registry)
    }

    /// Makes one call with JSON and reads the whole answer.
    pub(crate) async fn call(&self, registry: &RegistryCode, call: Call<'_>, body: Option<Vec<u8>>) -> Reply {
        self.call_with(registry, call, body.map(|body| (body, JSON.to_owned()))).await
    }

    /// Makes one call with a body of this media type and reads the whole answer.
    pub(crate) async fn call_with(
        &self,
        registry: &RegistryCode,
        call: Call<'_>,
        body: Option<(Vec<u8>, String)>,
    ) -> Reply {
        match self.exchange(registry, call, body).await {
            Ok(reply) => reply,
            Err(failure) => Reply::Failed(failure),
        }
    }

    async fn exchange(
        &self,
        registry: &RegistryCode,
        call: Call<'_>,
        body: Option<(Vec<u8>, String)>,
    ) -> Result<Reply, Failure> {
        let endpoint = self.config.endpoint(registry);
        let method = match call {
            Call::Outcomes(..) | Call::LocalReceipts(_) | Call::Health => Method::GET,
            Call::Deliver
            | Call::Void(_)
            | Call::Withdrawal(_)
            | Call::Settle(_)
            | Call::SettleLocalReceipt(_) => Method::POST,
        };
        let mut request = self
            .http
            .request(method, self.url(registry, call))
            .bearer_auth(endpoint.token.expose())
            .header(header::ACCEPT, JSON);
        if let Some((body, media_type)) = body {
            request = request.header(header::CONTENT_TYPE, media_type).body(body);
        }
        let mut response = request.send().await.map_err(failure)?;
        let status = response.status().as_u16();
        let retry_after = response
            .headers()
            .get(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failure)? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(Failure::Oversize(MAX_ANSWER));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply::Answered { status, retry_after, body })
    }
}

fn failure(error: reqwest::Error) -> Failure {
    let error = error.without_url();
    // A connection that is not made in time is still no connection: surely nothing was handed over.
    if error.is_connect() {
        Failure::Connect(error)
    } else if error.is_timeout() {
        Failure::Timeout(error)
    } else {
        Failure::Broken(error)
    }
}

fn root(error: &reqwest::Error) -> String {
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}
