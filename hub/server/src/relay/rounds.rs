//! One round of the relay: claim, publish, mark.

use std::collections::HashMap;

use tokio_postgres::Client;
use tracing::{Instrument, info_span};
use xiezhi_schemas::{
    address::Tier,
    message::header,
    signature::{Covered, ProvinceKey, sign},
};

use super::Error;
use crate::{
    bus::{Outgoing, Patience, Publisher, Settled},
    failpoint,
    keys::HubSecret,
    store::{
        Store,
        outbox::{self, Due},
    },
    telemetry::trace,
};

/// Rounds of one relay, and the rows that wait because the broker refused them.
pub(super) struct Rounds<'a> {
    store: &'a Store,
    client: &'a Client,
    limit: i64,
    secret: &'a HubSecret,
    keys: HashMap<String, ProvinceKey>,
    patience: Patience<i64>,
}

impl<'a> Rounds<'a> {
    pub(super) fn new(store: &'a Store, client: &'a Client, batch_size: u32, secret: &'a HubSecret) -> Self {
        Self {
            store,
            client,
            limit: i64::from(batch_size),
            secret,
            keys: HashMap::new(),
            patience: Patience::default(),
        }
    }

    /// Publishes what is due; gives the number of rows that were confirmed.
    pub(super) async fn one(&mut self, publisher: Publisher) -> Result<(Publisher, usize), Error> {
        let waiting: Vec<i64> = self.patience.waiting().copied().collect();
        let due =
            self.store.patiently(super::STATEMENTS, outbox::claim(self.client, &waiting, self.limit)).await?;
        if due.is_empty() {
            return Ok((publisher, 0));
        }
        failpoint::hit("before_publish");
        let span = info_span!("outbox.publish", messages = due.len());
        let batch = due.iter().map(|row| self.outgoing(row)).collect();
        let (publisher, settled) = publisher.publish(batch).instrument(span).await?;
        failpoint::hit("after_publish");
        let confirmed = self.sort(&due, settled).await?;
        self.store.patiently(super::STATEMENTS, outbox::confirm(self.client, &confirmed)).await?;
        failpoint::hit("after_confirm");
        Ok((publisher, confirmed.len()))
    }

    /// Separates what the broker has from what it refused, and lets the refused wait.
    async fn sort(&mut self, due: &[Due], settled: Vec<Settled>) -> Result<Vec<i64>, Error> {
        let mut confirmed = Vec::with_capacity(due.len());
        let mut failed = Vec::new();
        let mut reasons = Vec::new();
        for (row, settled) in due.iter().zip(settled) {
            let reason = match settled {
                Settled::Confirmed => {
                    self.patience.taken(&row.outbox_id);
                    confirmed.push(row.outbox_id);
                    continue;
                }
                Settled::Returned { reason } => format!("HUB-2005 came back: {reason}"),
                Settled::Refused => "HUB-2006 refused by the broker: a queue is full".to_owned(),
            };
            tracing::warn!(request_id = %row.request_id, routing_key = row.routing_key, reason, "not sent; tried again");
            self.patience.refused(row.outbox_id);
            failed.push(row.outbox_id);
            reasons.push(reason);
        }
        if !failed.is_empty() {
            self.store.patiently(super::STATEMENTS, outbox::fail(self.client, &failed, &reasons)).await?;
        }
        Ok(confirmed)
    }

    fn outgoing(&mut self, row: &Due) -> Outgoing {
        let province = row.registry.province();
        let key =
            self.keys.entry(province.to_string()).or_insert_with(|| self.secret.province_key(&province));
        let covered = Covered {
            sender: &row.sender,
            registry: &row.registry,
            request_id: row.request_id,
            message_id: row.message_id,
        };
        let mut headers = vec![
            (header::SIGNATURE, sign(key, &covered, &row.body)),
            (header::SENDER, row.sender.clone()),
            (header::REQUEST_ID, row.request_id.to_string()),
        ];
        if let Some(accepted) = &row.traceparent {
            let span = info_span!("court publish", otel.kind = "producer", request_id = %row.request_id);
            trace::set_parent(&span, accepted);
            headers
                .push((trace::HEADER, span.in_scope(trace::traceparent).unwrap_or_else(|| accepted.clone())));
        }
        Outgoing {
            exchange: Tier::Court.exchange(),
            routing_key: row.routing_key.clone(),
            message_id: row.message_id.to_string(),
            headers,
            attempt: Some(u32::try_from(row.attempt).unwrap_or(1)),
            body: row.body.clone(),
        }
    }
}
