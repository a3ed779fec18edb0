//! The whole minimal path: the steps that no correct design can leave out, with no checks and no telemetry. A row in an
//! outbox for each demand; a relay that publishes through three exchanges to a quorum queue for each registry and marks
//! what is confirmed; a consumer that sends one receipt message for each demand up through two exchanges; a ledger that
//! numbers and stores receipts in batches and replies; the acknowledgement after the reply.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use futures::StreamExt as _;
use futures::future::{join_all, try_join_all};
use futures::stream::select_all;
use lapin::BasicProperties;
use lapin::options::{BasicAckOptions, ConfirmSelectOptions};
use tokio::task::JoinSet;
use tokio_postgres::Client;
use uuid::Uuid;

use super::amqp;
use super::measure::{Cpu, Latency, Measured, Servers, per};
use crate::invariants::connect;
use crate::procfs;
use crate::stack::Stack;

/// Name of database and virtual host.
pub(super) const VHOST: &str = "minimal";
/// Size of a demand, that of the hub's own messages.
pub(super) const BODY: usize = 2_048;
/// Connections that accept, each one demand a transaction, as the hub does.
const ACCEPTING: usize = 8;
/// Rows that the relay sends at once.
const RELAY: i64 = 256;
/// Receipts stored in one transaction, and how long the first waits for others.
const BATCH: usize = 128;
const LINGER: Duration = Duration::from_millis(2);

const SCHEMA: &str = "\
    CREATE TABLE outbox (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, message_id uuid NOT NULL, registry text NOT NULL, \
        body bytea NOT NULL, accepted_at timestamptz NOT NULL DEFAULT clock_timestamp(), confirmed_at timestamptz); \
    CREATE INDEX outbox_open ON outbox (id) WHERE confirmed_at IS NULL; \
    CREATE UNIQUE INDEX outbox_message ON outbox (message_id); \
    CREATE TABLE head (registry text PRIMARY KEY, no bigint NOT NULL); \
    CREATE TABLE receipt (registry text, no bigint, message_id uuid NOT NULL UNIQUE, recorded_at timestamptz NOT NULL, \
        PRIMARY KEY (registry, no))";

const STAMP: &str = "\
    WITH wanted AS (SELECT * FROM unnest($1::text[], $2::uuid[]) WITH ORDINALITY AS w (registry, message_id, place)), \
    counted AS (SELECT registry, count(*) AS n FROM wanted GROUP BY registry), \
    moved AS (UPDATE head h SET no = h.no + c.n FROM counted c WHERE h.registry = c.registry RETURNING h.registry, h.no - c.n AS base) \
    INSERT INTO receipt SELECT w.registry, m.base + row_number() OVER (PARTITION BY w.registry ORDER BY w.place), w.message_id, \
        clock_timestamp() FROM wanted w JOIN moved m USING (registry)";

pub(super) fn queue(registry: &str) -> String {
    format!("registry.{registry}.demand")
}

fn key(registry: &str) -> String {
    format!("seizure.{}.{}.{registry}.registry", &registry[..2], &registry[..4])
}

/// Database and virtual host of the minimal path.
pub(super) struct Minimal {
    database: String,
    broker: String,
    registries: Vec<String>,
}

impl Minimal {
    pub(super) async fn prepare(stack: &Stack, registries: &[String]) -> Result<Self> {
        let database = stack.postgres.create_database(VHOST).await?;
        let broker = stack.rabbit.create_vhost(VHOST).await?;
        let client = connect(&database).await?;
        client.batch_execute(SCHEMA).await?;
        client.execute("INSERT INTO head SELECT unnest($1::text[]), 0", &[&registries]).await?;
        let connection = amqp::connect(&broker).await?;
        let channel = connection.create_channel().await?;
        for name in ["court", "ministry", "ministry.up"] {
            amqp::exchange(&channel, name).await?;
        }
        amqp::route(&channel, "court", "ministry", "seizure.#").await?;
        amqp::quorum_queue(&channel, "hub.receipts").await?;
        amqp::bind(&channel, "hub.receipts", "ministry.up", "receipt.#").await?;
        for registry in registries {
            let province = &registry[..2];
            let (down, up) = (format!("province.{province}"), format!("province.{province}.up"));
            amqp::exchange(&channel, &down).await?;
            amqp::exchange(&channel, &up).await?;
            amqp::route(&channel, "ministry", &down, &format!("*.{province}.#")).await?;
            amqp::route(&channel, &up, "ministry.up", "#").await?;
            amqp::quorum_queue(&channel, &queue(registry)).await?;
            amqp::bind(&channel, &queue(registry), &down, &key(registry)).await?;
        }
        connection.close(200, "declared".into()).await?;
        Ok(Self { database, broker, registries: registries.to_vec() })
    }

    /// Sends demands through and waits until the last is acknowledged.
    pub(super) async fn measure(&mut self, stack: &Stack, count: u64, rate: Option<f64>) -> Result<Measured> {
        let client = connect(&self.database).await?;
        client.batch_execute("TRUNCATE outbox, receipt; UPDATE head SET no = 0; CHECKPOINT").await?;
        let me = || procfs::usage(std::process::id()).map(|usage| usage.cpu).unwrap_or_default();
        let (own, servers, begin) = (me(), Servers::now(stack), Instant::now());
        let accepted = Arc::<AtomicBool>::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(registry_side(self.broker.clone(), self.registries.clone(), count));
        tasks.spawn(ledger(self.broker.clone(), self.database.clone(), count));
        tasks.spawn(relay(self.broker.clone(), self.database.clone(), Arc::clone(&accepted)));
        accept(&self.database, &self.registries, count, rate).await?;
        let accepted_in = begin.elapsed();
        accepted.store(true, Ordering::Release);
        while let Some(done) = tasks.join_next().await {
            done.context("a part of the minimal path ended badly")??;
        }
        let (broker_us, database_us) = servers.since(stack, count);
        let program_us = per(me().saturating_sub(own), count);
        let row = client
            .query_one(
                "SELECT count(*), (extract(epoch FROM max(c.recorded_at) - min(o.accepted_at)) * 1000000)::bigint, \
                 array_agg((extract(epoch FROM c.recorded_at - o.accepted_at) * 1000000)::bigint) \
                 FROM receipt c JOIN outbox o USING (message_id)",
                &[],
            )
            .await?;
        let (found, whole, times): (i64, i64, Vec<i64>) = (row.get(0), row.get(1), row.get(2));
        ensure!(found.unsigned_abs() == count, "the minimal path has {found} receipts for {count} demands");
        Ok(Measured {
            demands: count,
            accepted_per_second: count as f64 / accepted_in.as_secs_f64(),
            receipted_per_second: count as f64 * 1e6 / whole as f64,
            latency: Latency::of(times)?,
            cpu: Cpu { program_us, broker_us, database_us, ..Cpu::default() },
        })
    }
}

async fn accept(database: &str, registries: &[String], count: u64, rate: Option<f64>) -> Result<()> {
    let (next, begin) = (AtomicU64::new(0), Instant::now());
    let body = vec![b'x'; BODY];
    let one = async || -> Result<()> {
        let client = connect(database).await?;
        let insert =
            client.prepare("INSERT INTO outbox (message_id, registry, body) VALUES ($1, $2, $3)").await?;
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            if n >= count {
                return Ok(());
            }
            if let Some(rate) = rate {
                let due = Duration::from_secs_f64(n as f64 / rate);
                tokio::time::sleep(due.saturating_sub(begin.elapsed())).await;
            }
            let registry = &registries[usize::try_from(n).unwrap_or(0) % registries.len()];
            client.execute(&insert, &[&Uuid::now_v7(), registry, &body]).await?;
        }
    };
    try_join_all((0..ACCEPTING).map(|_| one())).await?;
    Ok(())
}

async fn relay(broker: String, database: String, accepted: Arc<AtomicBool>) -> Result<()> {
    let client = connect(&database).await?;
    let due = client
        .prepare("SELECT id, message_id, registry, body FROM outbox WHERE confirmed_at IS NULL ORDER BY id LIMIT $1")
        .await?;
    let mark =
        client.prepare("UPDATE outbox SET confirmed_at = clock_timestamp() WHERE id = ANY ($1)").await?;
    let connection = amqp::connect(&broker).await?;
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    loop {
        let last = accepted.load(Ordering::Acquire);
        let rows = client.query(&due, &[&RELAY]).await?;
        if rows.is_empty() {
            if last {
                connection.close(200, "done".into()).await?;
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
            continue;
        }
        let mut confirms = Vec::with_capacity(rows.len());
        let mut ids: Vec<i64> = Vec::with_capacity(rows.len());
        for row in &rows {
            let (message, registry, body): (Uuid, &str, &[u8]) = (row.get(1), row.get(2), row.get(3));
            let properties = amqp::persistent(&message.to_string());
            confirms.push(amqp::publish(&channel, "court", &key(registry), body, properties, true).await?);
            ids.push(row.get(0));
        }
        for confirm in join_all(confirms).await {
            ensure!(confirm?.is_ack(), "the broker refused a message");
        }
        client.execute(&mark, &[&ids]).await?;
    }
}

async fn registry_side(broker: String, registries: Vec<String>, count: u64) -> Result<()> {
    let (taking, asking) = (amqp::connect(&broker).await?, amqp::connect(&broker).await?);
    let (inn, out) = (taking.create_channel().await?, asking.create_channel().await?);
    let mut replies = amqp::replies(&out).await?;
    let mut consumers = Vec::new();
    for registry in &registries {
        consumers.push(amqp::consume(&inn, &queue(registry), 16).await?);
    }
    let mut deliveries = select_all(consumers);
    let mut waiting = HashMap::new();
    let mut done = 0;
    while done < count {
        tokio::select! {
            delivery = deliveries.next() => {
                let Some(delivery) = delivery else { bail!("the broker ended the registries' consumers") };
                let delivery = delivery?;
                let id = delivery.properties.message_id().clone().context("a message without an id")?;
                let registry = delivery.routing_key.as_str().split('.').nth(3).unwrap_or_default().to_owned();
                let properties = amqp::persistent(id.as_str())
                    .with_correlation_id(id.clone())
                    .with_reply_to("amq.rabbitmq.reply-to".into());
                let (exchange, key) =
                    (format!("province.{}.up", &registry[..2]), format!("receipt.{}.{registry}", &registry[..2]));
                waiting.insert(id, delivery.acker);
                amqp::publish(&out, &exchange, &key, registry.as_bytes(), properties, false).await?;
            }
            reply = replies.next() => {
                let Some(reply) = reply else { bail!("the broker ended the replies") };
                let id = reply?.properties.correlation_id().clone().context("a reply to nothing")?;
                let acker = waiting.remove(&id).context("a reply to an unknown message")?;
                acker.ack(BasicAckOptions::default()).await?;
                done += 1;
            }
        }
    }
    taking.close(200, "done".into()).await?;
    asking.close(200, "done".into()).await?;
    Ok(())
}

async fn ledger(broker: String, database: String, count: u64) -> Result<()> {
    let client: Client = connect(&database).await?;
    let stamp = client.prepare(STAMP).await?;
    let connection = amqp::connect(&broker).await?;
    let channel = connection.create_channel().await?;
    let mut receipts = amqp::consume(&channel, "hub.receipts", 256).await?;
    let mut done = 0;
    while done < count {
        let mut batch = Vec::new();
        let until = tokio::time::Instant::now() + Duration::from_secs(600);
        let mut deadline = until;
        while batch.len() < BATCH
            && let Ok(next) = tokio::time::timeout_at(deadline, receipts.next()).await
        {
            let Some(receipt) = next else { bail!("the broker ended the ledger's consumer") };
            if batch.is_empty() {
                deadline = tokio::time::Instant::now() + LINGER;
            }
            batch.push(receipt?);
        }
        ensure!(!batch.is_empty(), "no receipt came for ten minutes");
        let text = |value: &Option<lapin::types::ShortString>| {
            value.as_ref().map(ToString::to_string).unwrap_or_default()
        };
        let registries: Vec<String> =
            batch.iter().map(|r| String::from_utf8_lossy(&r.data).into_owned()).collect();
        let ids = batch.iter().map(|r| text(r.properties.message_id()).parse());
        let ids: Vec<Uuid> = ids.collect::<Result<_, _>>()?;
        client.execute(&stamp, &[&registries, &ids]).await?;
        for receipt in &batch {
            let id = text(receipt.properties.correlation_id());
            let answer = BasicProperties::default().with_correlation_id(id.as_str().into());
            amqp::publish(&channel, "", &text(receipt.properties.reply_to()), b"ok", answer, false).await?;
        }
        if let Some(last) = batch.last() {
            last.acker.ack(BasicAckOptions { multiple: true }).await?;
        }
        done += batch.len() as u64;
    }
    connection.close(200, "done".into()).await?;
    Ok(())
}
