//! Pushes each court's events to its webhook: in order, at least once, signed as Standard Webhooks asks.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use futures::{StreamExt, stream};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use reqwest::{Client, redirect};
use serde::Serialize;
use sha2::Sha256;
use tokio_util::sync::CancellationToken;
use xiezhi_schemas::message::Feedback;

use super::{
    Signal,
    targets::{self, Targets},
};
use crate::{
    config::FeedbackSettings,
    http::metrics::Metrics,
    keys::HubSecret,
    store::{
        Store, StoreError, feedback,
        webhooks::{self, Claimed},
    },
};

/// Events in one post.
const BATCH: i64 = 100;
/// Webhooks served at once by one hub.
const AT_ONCE: usize = 16;
/// How often due webhooks are looked for if nobody rings.
const PERIOD: Duration = Duration::from_secs(1);

/// What is posted.
#[derive(Debug, Serialize)]
struct Post<'a> {
    sender: &'a str,
    events: &'a [Feedback],
}

/// The `webhook-signature` of a post: `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`.
pub fn sign(key: &[u8], id: &str, timestamp_secs: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(format!("{id}.{timestamp_secs}.").as_bytes());
    mac.update(body);
    format!("v1,{}", BASE64.encode(mac.finalize().into_bytes()))
}

/// The bytes of a court's webhook secret, which `hub webhook secret` prints as hexadecimal digits.
fn key(secret: &HubSecret, sender: &str) -> Vec<u8> {
    hex::decode(secret.webhook_secret(sender)).expect("the secret is written as hexadecimal digits")
}

/// What the task works with.
#[derive(Debug, Clone)]
pub struct Webhooks {
    /// The database.
    pub store: Store,
    /// The hub's secret.
    pub secret: HubSecret,
    /// Settings of feedback.
    pub settings: FeedbackSettings,
    /// Rings when a stream grew.
    pub signal: Signal,
    /// Where posts are counted.
    pub metrics: Arc<Metrics>,
    /// Where they may go.
    pub targets: Targets,
}

/// Serves all webhooks until `stop` is cancelled. What is under way then is finished; what failed is kept in the table.
///
/// # Errors
/// When the HTTP client cannot be made or the database does not answer; start it again.
pub async fn run(webhooks: Webhooks, stop: CancellationToken) -> Result<(), WebhookError> {
    let timeout = Duration::from_millis(webhooks.settings.webhook_timeout_ms);
    let client = Client::builder()
        .redirect(redirect::Policy::none())
        // A proxy would look names up itself, past the check.
        .no_proxy()
        .dns_resolver(Arc::new(webhooks.targets.clone()))
        .timeout(timeout)
        .user_agent("xiezhi-hub")
        .build()
        .map_err(WebhookError::Client)?;
    // The lease must outlast one post and its bookkeeping.
    let lease = timeout * 2 + Duration::from_secs(10);
    loop {
        let claimed = {
            let db = webhooks.store.client().await?;
            webhooks::claim(&db, lease, i64::try_from(AT_ONCE).unwrap_or(1)).await?
        };
        if claimed.is_empty() {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = webhooks.signal.any() => {}
                () = tokio::time::sleep(PERIOD) => {}
            }
            continue;
        }
        let serve = |claimed| webhooks.serve(&client, claimed);
        let mut served = stream::iter(claimed).map(serve).buffer_unordered(AT_ONCE);
        while let Some(done) = served.next().await {
            done?;
        }
        if stop.is_cancelled() {
            return Ok(());
        }
    }
}

/// Why the task ended.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The HTTP client cannot be made.
    #[error("[HUB-1503] the client for webhooks cannot be made; check the machine's trusted certificates")]
    Client(#[source] reqwest::Error),
    /// The database does not answer.
    #[error("[HUB-1503] webhooks wait for the database")]
    Store(#[from] StoreError),
}

impl Webhooks {
    async fn serve(&self, client: &Client, claimed: Claimed) -> Result<(), StoreError> {
        let events = {
            let db = self.store.client().await?;
            feedback::page(&db, &claimed.sender, claimed.delivered_seq, BATCH).await?
        };
        let (Some(first), Some(last)) = (events.first(), events.last()) else { return Ok(()) };
        let taken = last.seq;
        let id = format!("{}-{}-{taken}", claimed.sender, first.seq);
        let outcome = self.post(client, &claimed, &id, &events).await;
        let db = self.store.client().await?;
        match outcome {
            Ok(()) => {
                self.metrics.add("webhook_events_total", events.len() as u64);
                webhooks::succeed(&db, &claimed, taken).await
            }
            Err(why) => {
                let again_in = pause(claimed.failures, self.settings.webhook_max_backoff_secs);
                self.metrics.add("webhook_failures_total", 1);
                let (sender, again_secs) = (&claimed.sender, again_in.as_secs());
                tracing::warn!(sender, again_secs, error = why, "a webhook did not take its events");
                webhooks::fail(&db, &claimed, &why, again_in).await
            }
        }
    }

    /// The error is for the court's eyes: what its own server did, nothing of ours.
    async fn post(
        &self,
        client: &Client,
        claimed: &Claimed,
        id: &str,
        events: &[Feedback],
    ) -> Result<(), String> {
        let url = self.targets.check(&claimed.url).await.map_err(|e| e.to_string())?;
        let body =
            serde_json::to_vec(&Post { sender: &claimed.sender, events }).expect("events came out of JSON");
        let timestamp = Timestamp::now().as_second();
        let signature = sign(&key(&self.secret, &claimed.sender), id, timestamp, &body);
        let answer = client
            .post(url)
            .header("content-type", "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature)
            .body(body)
            .send()
            .await;
        match answer {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(format!("the server answered {}", answer.status().as_u16())),
            Err(error) if targets::reason(&error).is_some() => {
                Err(targets::reason(&error).map(ToString::to_string).unwrap_or_default())
            }
            Err(error) if error.is_timeout() => Err("the server did not answer in time".to_owned()),
            Err(error) if error.is_connect() => Err("no connection to the server".to_owned()),
            Err(_) => Err("the exchange with the server broke off".to_owned()),
        }
    }
}

/// Doubling from a second, with up to half of it as jitter, so that courts do not all come back at once.
fn pause(failures: i32, most_secs: u64) -> Duration {
    let doubled = 1_u64 << failures.clamp(0, 20);
    let whole = Duration::from_secs(doubled.min(most_secs));
    whole.mul_f64(0.5 + rand::random::<f64>() / 2.0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn a_signature_covers_id_time_and_body() {
        let signature = sign(b"key", "court-1-2", 1_700_000_000, b"{}");
        assert!(signature.starts_with("v1,"));
        assert_eq!(signature, sign(b"key", "court-1-2", 1_700_000_000, b"{}"));
        for other in [
            sign(b"yek", "court-1-2", 1_700_000_000, b"{}"),
            sign(b"key", "court-1-3", 1_700_000_000, b"{}"),
            sign(b"key", "court-1-2", 1_700_000_001, b"{}"),
            sign(b"key", "court-1-2", 1_700_000_000, b"[]"),
        ] {
            assert_ne!(signature, other);
        }
    }

    #[test]
    fn pauses_grow_up_to_the_bound() {
        for failures in 0..40 {
            let pause = pause(failures, 600);
            let whole = (1_u64 << failures.min(20)).min(600) as f64;
            assert!((whole / 2.0..=whole).contains(&pause.as_secs_f64()), "{failures}: {pause:?}");
        }
    }
}
