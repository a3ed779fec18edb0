//! A real broker with the road of one province, a local system inside the test, and a ledger that keeps what it is asked.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use async_trait::async_trait;
use axum::{Json, Router, extract::Path, http::StatusCode, routing::get};
use connector_sdk::{
    Adapter, AdapterError, Config, DeliveryOrder, LocalOutcome, LocalReceiptOffer, Outcome, RunError,
};
use futures::StreamExt as _;
use harness::{TestEnv, wait};
use jiff::Timestamp;
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties, ExchangeKind,
    options::{
        BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, ExchangeDeclareOptions, QueueBindOptions,
        QueueDeclareOptions, QueueDeleteOptions,
    },
    types::{AMQPValue, FieldTable},
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use xiezhi_schemas::{
    address::RegistryCode,
    message::{
        Answers, Demand, DemandMessage, Digest, LocalReceiptAnswer, LocalReceiptMessage, LocalReceiptVerdict,
        OutcomeAnswer, OutcomeMessage, OutcomeVerdict, ReceiptAnswer, ReceiptsMessage, Stamp, Verdict,
        header,
    },
    signature::{Covered, ProvinceKey, sign},
};

#[path = "../../src/sample.rs"]
pub mod sample;

pub const REGISTRY: &str = "990101";
pub const QUEUE: &str = "registry.990101.demand";
pub const DEAD: &str = "undelivered.province.99";
const ACCOUNT: &str = "xz-province-99";
const PASSWORD: &str = "only-for-tests";
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What the local system does with a demand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    Take,
    Fail,
    Refuse,
}

/// A local system: idempotent, with a journal of every call.
#[derive(Default)]
pub struct Local {
    pub held: Mutex<Vec<(Uuid, String, i64)>>,
    pub calls: Mutex<Vec<Uuid>>,
    pub voided: Mutex<Vec<Uuid>>,
    pub habits: Mutex<HashMap<Uuid, Habit>>,
    pub sick: AtomicBool,
    pub offers: Mutex<Vec<LocalOutcome>>,
    pub links: Mutex<Vec<LocalReceiptOffer>>,
    /// What was said about each offer of the link, by its id.
    pub told: Mutex<Vec<(String, LocalReceiptVerdict)>>,
    /// Settlings of the link that will fail.
    pub unsettled: AtomicUsize,
    busy: Mutex<HashSet<String>>,
    pub clash: AtomicBool,
}

#[async_trait]
impl Adapter for Local {
    fn name(&self) -> &'static str {
        "test"
    }

    async fn deliver(&self, order: &DeliveryOrder<'_>) -> Outcome {
        let demand = order.demand;
        let unit = demand.unit.unit_code.to_string();
        if !self.busy.lock().unwrap().insert(unit.clone()) {
            self.clash.store(true, Ordering::SeqCst);
        }
        assert_eq!(order.documents[0].bytes.as_ref(), b"ruling");
        self.calls.lock().unwrap().push(demand.request_id);
        tokio::time::sleep(Duration::from_millis(3)).await;
        let habit = self.habits.lock().unwrap().get(&demand.request_id).copied().unwrap_or(Habit::Take);
        let outcome = match habit {
            _ if self.sick.load(Ordering::SeqCst) => {
                Outcome::Unwell { reason: "sick".into(), retry_after: None }
            }
            Habit::Fail => Outcome::Unwell { reason: "dies of this one".into(), retry_after: None },
            Habit::Refuse => Outcome::Refused { code: "NO".into(), reason: "not mine".into() },
            Habit::Take => {
                let mut held = self.held.lock().unwrap();
                if held.iter().all(|(id, ..)| *id != demand.request_id) {
                    held.push((demand.request_id, unit.clone(), demand.lane_seq));
                }
                Outcome::Taken { local_reference: Some("L-1".into()), local_received_at: None, mapping: None }
            }
        };
        self.busy.lock().unwrap().remove(&unit);
        outcome
    }

    async fn void(&self, _: &RegistryCode, request_id: Uuid, _: &str) -> Result<(), AdapterError> {
        self.voided.lock().unwrap().push(request_id);
        Ok(())
    }

    async fn fetch_outcomes(
        &self,
        _: &RegistryCode,
        limit: usize,
    ) -> Result<Vec<LocalOutcome>, AdapterError> {
        Ok(self.offers.lock().unwrap().iter().take(limit).cloned().collect())
    }

    async fn settle(&self, _: &RegistryCode, outcome_id: &str) -> Result<(), AdapterError> {
        self.offers.lock().unwrap().retain(|offer| offer.outcome_id != outcome_id);
        Ok(())
    }

    async fn fetch_local_receipts(
        &self,
        _: &RegistryCode,
        limit: usize,
    ) -> Result<Vec<LocalReceiptOffer>, AdapterError> {
        Ok(self.links.lock().unwrap().iter().take(limit).cloned().collect())
    }

    async fn settle_local_receipt(
        &self,
        _: &RegistryCode,
        receipt_id: &str,
        verdict: &LocalReceiptVerdict,
    ) -> Result<(), AdapterError> {
        let fails = |left: usize| left.checked_sub(1);
        if self.unsettled.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fails).is_ok() {
            return Err(AdapterError::transient("the line broke"));
        }
        self.told.lock().unwrap().push((receipt_id.to_owned(), verdict.clone()));
        self.links.lock().unwrap().retain(|offer| offer.receipt_id != receipt_id);
        Ok(())
    }

    async fn health(&self, _: &RegistryCode) -> Result<(), AdapterError> {
        if self.sick.load(Ordering::SeqCst) { Err(AdapterError::transient("sick")) } else { Ok(()) }
    }
}

/// What the ledger was asked and what it says.
#[derive(Default)]
pub struct Ledger {
    pub numbers: Mutex<HashMap<Uuid, i64>>,
    pub order: Mutex<Vec<Uuid>>,
    pub asked: Mutex<Vec<usize>>,
    pub verdicts: Mutex<HashMap<Uuid, Verdict>>,
    pub mute: AtomicBool,
    pub outcomes: Mutex<Vec<OutcomeMessage>>,
    /// What it says about each local number, one after another; then that it is known.
    pub links: Mutex<HashMap<String, VecDeque<Option<LocalReceiptVerdict>>>>,
    /// Reports of local receipts as they came: local number and instant.
    pub reported: Mutex<Vec<(String, Timestamp)>>,
}

impl Ledger {
    fn receipts(&self, message: ReceiptsMessage) -> Answers {
        let items = message.into_receipts().items;
        self.asked.lock().unwrap().push(items.len());
        let answer = |id: Uuid| {
            if let Some(verdict) = self.verdicts.lock().unwrap().remove(&id) {
                return verdict;
            }
            let mut numbers = self.numbers.lock().unwrap();
            let next = numbers.len() as i64 + 1;
            let known = numbers.get(&id).copied();
            let no = known.unwrap_or(next);
            let stamp = Stamp { no, delivered_at: Timestamp::now(), hash: Digest::of(b"test") };
            match known {
                Some(_) => Verdict::Repeated(stamp),
                None => {
                    numbers.insert(id, no);
                    self.order.lock().unwrap().push(id);
                    Verdict::Recorded(stamp)
                }
            }
        };
        let answers = items
            .iter()
            .map(|item| ReceiptAnswer { request_id: item.request_id, verdict: answer(item.request_id) });
        Answers::Receipts { answers: answers.collect() }
    }

    fn outcome(&self, message: OutcomeMessage) -> Answers {
        let request_id = message.request_id();
        self.outcomes.lock().unwrap().push(message);
        Answers::Outcome(OutcomeAnswer { request_id, verdict: OutcomeVerdict::Effective })
    }

    /// The answer to a report of a local receipt; none where the hub is to stay silent.
    fn local_receipt(&self, message: LocalReceiptMessage<Value>) -> Option<Answers> {
        let receipt = message.into_receipt();
        assert_eq!((receipt.connector.as_str(), receipt.registry.as_str()), ("test", REGISTRY));
        let number = receipt.local.number;
        self.reported.lock().unwrap().push((number.clone(), receipt.local.received_at));
        let next = self.links.lock().unwrap().get_mut(&number).and_then(VecDeque::pop_front);
        let verdict = next.unwrap_or(Some(LocalReceiptVerdict::Repeated { requests: Vec::new() }))?;
        Some(Answers::LocalReceipt(LocalReceiptAnswer { registry: receipt.registry, number, verdict }))
    }

    pub fn received(&self) -> usize {
        self.numbers.lock().unwrap().len()
    }
}

/// One province with one registry on a virtual host of its own.
pub struct Road {
    pub env: TestEnv,
    pub local: Arc<Local>,
    pub ledger: Arc<Ledger>,
    pub key: ProvinceKey,
    pub channel: Channel,
    _connection: Connection,
    hub: String,
    _tasks: JoinSet<()>,
}

/// A connector inside the test.
pub struct Running {
    pub stop: CancellationToken,
    pub work: JoinHandle<Result<(), RunError>>,
}

impl Running {
    pub async fn finish(self) -> Result<()> {
        self.stop.cancel();
        Ok(tokio::time::timeout(PATIENCE, self.work).await.context("it does not stop")???)
    }
}

impl Road {
    pub async fn open(name: &str) -> Result<Self> {
        let env = TestEnv::new(name).await?;
        let management = env.management();
        let user = json!({"password": PASSWORD, "tags": ""});
        management.request(Method::PUT, &["users", ACCOUNT], Some(&user)).await?;
        let rights = json!({"configure": "^$", "write": "^province\\.99\\.up$", "read": "^registry\\.990101\\.demand$"});
        let (status, body) =
            management.request(Method::PUT, &["permissions", env.name(), ACCOUNT], Some(&rights)).await?;
        ensure!(status.is_success(), "{body}");
        let connection = Connection::connect(env.broker_url(), ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        let durable = ExchangeDeclareOptions { durable: true, ..Default::default() };
        for (exchange, kind) in [
            ("province.99", ExchangeKind::Topic),
            ("province.99.up", ExchangeKind::Topic),
            (DEAD, ExchangeKind::Fanout),
        ] {
            channel.exchange_declare(exchange.into(), kind, durable, FieldTable::default()).await?;
        }
        let durable = QueueDeclareOptions { durable: true, ..Default::default() };
        channel.queue_declare(DEAD.into(), durable, arguments(&[])).await?;
        channel
            .queue_bind(
                DEAD.into(),
                DEAD.into(),
                "".into(),
                QueueBindOptions::default(),
                FieldTable::default(),
            )
            .await?;
        channel.queue_declare("hub.up".into(), durable, arguments(&[])).await?;
        channel
            .queue_bind(
                "hub.up".into(),
                "province.99.up".into(),
                "#".into(),
                QueueBindOptions::default(),
                FieldTable::default(),
            )
            .await?;
        let mut tasks = JoinSet::new();
        let ledger = Arc::new(Ledger::default());
        let key = ProvinceKey::derive(b"test", &"99".parse()?);
        let hub = serve_hub(&mut tasks).await?;
        let road = Self {
            local: Arc::default(),
            key,
            channel,
            _connection: connection,
            hub,
            _tasks: tasks,
            ledger,
            env,
        };
        road.make_queue().await?;
        Ok(road).map(|mut road| {
            road._tasks.spawn(keep_ledger(road.channel.clone(), Arc::clone(&road.ledger)));
            road
        })
    }

    pub async fn make_queue(&self) -> Result<()> {
        let durable = QueueDeclareOptions { durable: true, ..Default::default() };
        let more = [
            ("x-single-active-consumer", AMQPValue::Boolean(true)),
            ("x-dead-letter-exchange", AMQPValue::LongString(DEAD.into())),
            ("x-dead-letter-strategy", AMQPValue::LongString("at-least-once".into())),
            ("x-overflow", AMQPValue::LongString("reject-publish".into())),
            ("x-delivery-limit", AMQPValue::LongInt(1000)),
        ];
        self.channel.queue_declare(QUEUE.into(), durable, arguments(&more)).await?;
        self.channel
            .queue_bind(
                QUEUE.into(),
                "province.99".into(),
                "#".into(),
                QueueBindOptions::default(),
                FieldTable::default(),
            )
            .await?;
        Ok(())
    }

    pub async fn delete_queue(&self) -> Result<()> {
        self.channel.queue_delete(QUEUE.into(), QueueDeleteOptions::default()).await?;
        Ok(())
    }

    pub fn config(&self) -> Result<Config> {
        let broker = self.env.broker_url_as(ACCOUNT, PASSWORD)?;
        let text = format!(
            r#"
name = "test"
province = "99"
province_key = "{}"
registries = ["{REGISTRY}"]
adapter = "test"
[broker]
url = "{broker}"
[hub]
url = "{}"
token = "token"
[pace]
tries = 2
first_wait_millis = 5
probe_first_secs = 1
probe_most_secs = 1
[receipts]
answer_timeout_secs = 1
[outcomes]
period_millis = 50
[shutdown]
grace_secs = 1
"#,
            self.key.expose(),
            self.hub
        );
        Ok(Config::read(&text, [])?)
    }

    pub fn start(&self) -> Result<Running> {
        let stop = CancellationToken::new();
        let adapter: Arc<dyn Adapter> = Arc::<Local>::clone(&self.local);
        let work = connector_sdk::run(self.config()?, adapter, stop.clone(), Arc::default());
        #[expect(clippy::disallowed_methods, reason = "a test watches over it")]
        let work = tokio::spawn(work);
        Ok(Running { stop, work })
    }

    /// Sends `count` demands round-robin over `units` property units; gives their ids in order.
    pub async fn send(&self, count: usize, units: usize) -> Result<Vec<Uuid>> {
        let mut ids = Vec::new();
        for n in 0..count {
            let mut demand = sample::demand();
            demand.registry = REGISTRY.parse()?;
            demand.request_id = Uuid::now_v7();
            demand.message_id = Uuid::now_v7();
            demand.unit.unit_code =
                format!("320102001001GB{:05}F00010001", n % units + 1).parse().context("unit code")?;
            demand.lane_seq = (n / units) as i64 + 1;
            ids.push(demand.request_id);
            self.publish(&demand, |_| {}).await?;
        }
        Ok(ids)
    }

    pub async fn publish(&self, demand: &Demand, spoil: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
        let mut body = serde_json::to_vec(&DemandMessage::V1(Box::new(demand.clone())))?;
        let covered = Covered {
            sender: &demand.sender,
            registry: &demand.registry,
            request_id: demand.request_id,
            message_id: demand.message_id,
        };
        let signature = sign(&self.key, &covered, &body);
        spoil(&mut body);
        let mut headers = FieldTable::default();
        headers.insert(header::SIGNATURE.into(), AMQPValue::LongString(signature.into()));
        headers
            .insert(header::REQUEST_ID.into(), AMQPValue::LongString(demand.request_id.to_string().into()));
        headers.insert(header::ATTEMPT.into(), AMQPValue::LongInt(1));
        let properties = BasicProperties::default().with_delivery_mode(2).with_headers(headers);
        #[expect(clippy::disallowed_methods, reason = "the test plays the hub")]
        self.channel
            .basic_publish(
                "province.99".into(),
                "seizure".into(),
                BasicPublishOptions::default(),
                &body,
                properties,
            )
            .await?
            .await?;
        Ok(())
    }

    /// Messages that wait in a queue, without those in somebody's hand.
    pub async fn waiting(&self, queue: &str) -> Result<u32> {
        let passive = QueueDeclareOptions { passive: true, ..Default::default() };
        Ok(self.channel.queue_declare(queue.into(), passive, FieldTable::default()).await?.message_count())
    }

    /// Cuts every connection of the connector.
    pub async fn cut(&self) -> Result<usize> {
        let management = self.env.management();
        let all = management.get(&["vhosts", self.env.name(), "connections"]).await?;
        let mut cut = 0;
        for connection in all.as_array().into_iter().flatten().filter(|one| one["user"] == ACCOUNT) {
            let name = connection["name"].as_str().context("a connection has a name")?;
            management.request(Method::DELETE, &["connections", name], None).await?;
            cut += 1;
        }
        Ok(cut)
    }

    /// Waits until the ledger has this many receipts and the queue holds nothing more.
    pub async fn settled(&self, receipts: usize) -> Result<()> {
        wait::until("all receipts and an empty queue", PATIENCE, async || {
            let (have, left) = (self.ledger.received(), self.unsettled().await?);
            ensure!(have == receipts && left == 0, "{have} receipts, {left} left");
            Ok(())
        })
        .await
    }

    /// Ready and unacknowledged messages of the registry's queue, as the management counts them.
    pub async fn unsettled(&self) -> Result<u64> {
        let queue = self.env.management().get(&["queues", self.env.name(), QUEUE]).await?;
        queue["messages"].as_u64().context("no count yet")
    }
}

fn arguments(more: &[(&str, AMQPValue)]) -> FieldTable {
    let mut table = FieldTable::default();
    table.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    for (key, value) in more {
        table.insert((*key).into(), value.clone());
    }
    table
}

async fn serve_hub(tasks: &mut JoinSet<()>) -> Result<String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let print = Digest::of(
        format!("xiezhi-key-fingerprint\n{}", ProvinceKey::derive(b"test", &"99".parse()?).expose())
            .as_bytes(),
    );
    let who = json!({"role": "connector", "name": "test", "province": "99", "key_fingerprint": &print.as_str()[..16]});
    let pages = Router::new()
        .route(
            "/v1/documents/{sha256}",
            get(async |Path(sha256): Path<String>| {
                if sha256 == Digest::of(b"ruling").as_str() {
                    (StatusCode::OK, "ruling")
                } else {
                    (StatusCode::NOT_FOUND, "")
                }
            }),
        )
        .route("/v1/whoami", get(async move || Json(who)));
    tasks.spawn(async move {
        axum::serve(listener, pages).await.unwrap();
    });
    Ok(format!("http://{address}"))
}

async fn keep_ledger(channel: Channel, ledger: Arc<Ledger>) {
    let consume = channel.basic_consume(
        "hub.up".into(),
        "".into(),
        BasicConsumeOptions::default(),
        FieldTable::default(),
    );
    let mut consumer = consume.await.unwrap();
    while let Some(Ok(delivery)) = consumer.next().await {
        delivery.acker.ack(BasicAckOptions::default()).await.unwrap();
        let properties = &delivery.properties;
        assert_eq!(properties.user_id().as_ref().unwrap().as_str(), ACCOUNT);
        let answers = if delivery.routing_key.as_str().starts_with("receipt.99.") {
            let message: ReceiptsMessage = serde_json::from_slice(&delivery.data).unwrap();
            if ledger.mute.load(Ordering::SeqCst) {
                ledger.asked.lock().unwrap().push(0);
                continue;
            }
            ledger.receipts(message)
        } else if delivery.routing_key.as_str().starts_with("local-receipt.99.") {
            let message = serde_json::from_slice(&delivery.data).unwrap();
            let Some(answer) = ledger.local_receipt(message) else { continue };
            answer
        } else {
            ledger.outcome(serde_json::from_slice(&delivery.data).unwrap())
        };
        let body = serde_json::to_vec(&answers).unwrap();
        let reply =
            BasicProperties::default().with_correlation_id(properties.correlation_id().clone().unwrap());
        #[expect(clippy::disallowed_methods, reason = "the test plays the hub")]
        let published = channel.basic_publish(
            "".into(),
            properties.reply_to().clone().unwrap(),
            BasicPublishOptions::default(),
            &body,
            reply,
        );
        published.await.unwrap();
    }
}
