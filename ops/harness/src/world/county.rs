//! A county's simulated system, and how it is told to misbehave.

use std::ops::Deref;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use uuid::Uuid;

use super::part::Part;

/// One simulator, which serves all registries of a province.
#[derive(Debug)]
pub struct County {
    pub(super) part: Part,
    pub(super) base: String,
    pub(super) token: String,
    pub(super) http: reqwest::Client,
}

impl Deref for County {
    type Target = Part;
    fn deref(&self) -> &Part {
        &self.part
    }
}

impl County {
    /// Where it listens: `http://127.0.0.1:port`.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Gives an order to misbehave: a fault's word, `none` to end it, for a registry or `*`.
    ///
    /// # Errors
    /// When the simulator does not know the fault or does not answer.
    pub async fn fault(&self, registry: &str, fault: &str) -> Result<()> {
        self.order(&json!({"registry": registry, "fault": fault})).await
    }

    /// Gives an order with `times` and `percent`.
    ///
    /// # Errors
    /// As [`County::fault`].
    pub async fn order(&self, order: &Value) -> Result<()> {
        self.tell("faults", order).await
    }

    async fn tell(&self, what: &str, order: &Value) -> Result<()> {
        let url = format!("{}/_sim/{what}", self.base);
        let response = self.http.post(url).bearer_auth(&self.token).json(order).send().await?;
        if !response.status().is_success() {
            bail!("{} refused the order {order}: {}", self.name(), response.text().await?);
        }
        Ok(())
    }

    /// A court serves a demand over the county's own link (点对点) under a number of that link, now.
    ///
    /// # Errors
    /// When the simulator refuses it or does not answer.
    pub async fn by_its_own_link(&self, registry: &str, number: &str, demand: &Value) -> Result<()> {
        self.tell("local-demands", &json!({"registry": registry, "number": number, "demand": demand})).await
    }

    /// A clerk files papers of the window, which the hub knows under these ids.
    ///
    /// # Errors
    /// When the simulator refuses them or does not answer.
    pub async fn at_its_window(&self, registry: &str, request_ids: &[Uuid], demand: &Value) -> Result<()> {
        let order = json!({"registry": registry, "request_ids": request_ids, "demand": demand});
        self.tell("window-demands", &order).await
    }

    /// What came over the links of a registry, each with what the hub said about it.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn links(&self, registry: &str) -> Result<Vec<Value>> {
        let url = format!("{}/_sim/local-demands", self.base);
        let mut all: Value = self.http.get(url).bearer_auth(&self.token).send().await?.json().await?;
        Ok(serde_json::from_value(all["registries"][registry].take()).unwrap_or_default())
    }

    /// Deliveries that a stall holds at this moment.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn held(&self) -> Result<u64> {
        let url = format!("{}/_sim/faults", self.base);
        let faults: Value = self.http.get(url).bearer_auth(&self.token).send().await?.json().await?;
        faults["held"].as_u64().context("a county tells how many deliveries it holds")
    }

    /// What it wrote, read from disk: all entries, in order.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn journal(&self) -> Result<Vec<Value>> {
        let url = format!("{}/_sim/journal", self.base);
        let response = self.http.get(url).bearer_auth(&self.token).send().await?.error_for_status()?;
        match response.json::<Value>().await?["entries"].take() {
            Value::Array(entries) => Ok(entries),
            other => bail!("{} keeps no journal: {other}", self.name()),
        }
    }
}
