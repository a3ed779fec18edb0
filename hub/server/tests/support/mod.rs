//! What the database tests share: a migrated database with a small directory, and requests in it.

#![allow(dead_code, reason = "each test program uses a part")]
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

pub mod relay;

use harness::shared::TestEnv;
use hub::{
    config::{DeadlineSettings, Loaded, WaitingSettings},
    ledger::stamp::Report,
    register::WaitingRules,
    store::{SecretUrl, Settings, Store, migrate},
};
use jiff::Timestamp;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;
use xiezhi_domain::{timers::Timers, workdays::Calendar};
use xiezhi_schemas::message::{Digest, Receipt, Stamp, Verdict};

pub const REGISTRY: &str = "320102";
pub const OTHER: &str = "320104";

/// The rules of waiting seizures with 2024-03-01 as cut-over day.
pub fn rules() -> WaitingRules {
    WaitingRules::read(&WaitingSettings {
        cut_over_day: "2024-03-01".to_owned(),
        rule_before: "from_conversion".to_owned(),
        rule_before_in: Vec::new(),
    })
    .unwrap()
}

/// A database of its own.
pub struct Database {
    pub env: Option<TestEnv>,
    pub url: String,
    pub store: Store,
    /// The administrator's connection, for looking and for doing harm.
    pub admin: Client,
}

/// The limits of the default settings on the compiled-in calendar.
pub fn timers() -> Timers {
    let settings = Loaded::from_parts(None, []).unwrap();
    let deadlines: DeadlineSettings = settings.section("deadlines").unwrap();
    Timers::new(Calendar::compiled_in(), deadlines.targets())
}

/// One request as the tests need it.
#[derive(Debug, Clone)]
pub struct Request {
    pub request_id: Uuid,
    pub message_id: Uuid,
    pub registry: String,
    pub body: Vec<u8>,
}

impl Request {
    /// The report that its connector would send.
    pub fn report(&self) -> Report {
        let now = Timestamp::now();
        Report {
            connector: "test-connector".to_owned(),
            receipt: Receipt {
                request_id: self.request_id,
                message_id: self.message_id,
                registry: self.registry.parse().unwrap(),
                body_sha256: Digest::of(&self.body),
                attempt: 1,
                push_started_at: now,
                push_answered_at: now,
                local_reference: Some("L-1".to_owned()),
                local_received_at: None,
                mapping: None,
            },
        }
    }
}

impl Database {
    /// On the shared server.
    pub async fn new(name: &str) -> Self {
        let env = TestEnv::new(name).await.unwrap();
        let url = env.database_url().to_owned();
        let mut database = Self::at(url).await;
        database.env = Some(env);
        database
    }

    /// At a given URL.
    pub async fn at(url: String) -> Self {
        let settings = Settings {
            url: SecretUrl::new(url.clone()),
            pool_size: 40,
            wait_timeout_ms: 5_000,
            statement_timeout_ms: 20_000,
        };
        migrate(&settings, |_| {}).await.unwrap();
        let store = Store::new(&settings).unwrap();
        let admin = connect(&url).await;
        admin
            .batch_execute(
                "INSERT INTO province VALUES ('32', '江苏省', '2024-01-01', NULL);
                 INSERT INTO registry VALUES ('320102', '32', '甲登记中心', '2024-01-01', NULL),
                                             ('320104', '32', '乙登记中心', '2024-01-01', NULL);
                 INSERT INTO principal (name, role) VALUES ('court-a', 'court'), ('operator-a', 'operator');",
            )
            .await
            .unwrap();
        Self { env: None, url, store, admin }
    }

    /// Accepts a request in lane `unit` of `registry`, as intake leaves it.
    pub async fn request(&self, registry: &str, unit: u32) -> Request {
        self.accept(registry, unit, "seizure", "（2024）苏0102执1号", None, Timestamp::now()).await
    }

    /// The same for any kind and case number, accepted in 2020: its registration may lie in the past.
    pub async fn demand(
        &self,
        registry: &str,
        unit: u32,
        kind: &str,
        case: &str,
        original: Option<&str>,
    ) -> Request {
        let long_ago = "2020-01-01T00:00:00Z".parse().unwrap();
        self.accept(registry, unit, kind, case, original, long_ago).await
    }

    async fn accept(
        &self,
        registry: &str,
        unit: u32,
        kind: &str,
        case: &str,
        original: Option<&str>,
        accepted_at: Timestamp,
    ) -> Request {
        let request = Request {
            request_id: Uuid::now_v7(),
            message_id: Uuid::now_v7(),
            registry: registry.to_owned(),
            body: format!("body {}", Uuid::now_v7()).into_bytes(),
        };
        let unit_key = format!("{registry}001001GB{unit:05}F00010001");
        let lane = format!("{registry}/{unit_key}");
        let demand_id = request.request_id.simple().to_string();
        let digest = hex::decode(Digest::of(&request.body).as_str()).unwrap();
        let key = format!("{kind}.32.3201.{registry}.registry");
        self.admin
            .execute(
                "WITH d AS (INSERT INTO demand VALUES ('court-a', $1, $2, $3, '{}', clock_timestamp())),
                      l AS (INSERT INTO lane VALUES ($4, 1)
                            ON CONFLICT (lane) DO UPDATE SET last_seq = lane.last_seq + 1 RETURNING last_seq),
                      r AS (INSERT INTO request (request_id, sender, demand_id, unit_index, kind, court_code, case_number,
                                judgment_number, original_case_number, unit_key, province, registry, lane, lane_seq, routing_key, message_id, body,
                                body_sha256, accepted_at, state, state_n)
                            SELECT $5, 'court-a', $1, 1, $10, '苏0102', $11, '（2024）苏0102民初1号', $12, $6,
                                '32', $7, $4, last_seq, $8, $9, $3, $2, $13, 'in_flight', 1 FROM l
                            RETURNING request_id, lane, lane_seq, message_id),
                      s AS (INSERT INTO request_state SELECT request_id, 1, 'in_flight', clock_timestamp(), 'court-a', 'accepted' FROM r)
                 INSERT INTO outbox (request_id, kind, lane, lane_seq, message_id, attempt, created_at)
                 SELECT request_id, 'first', lane, lane_seq, message_id, 1, clock_timestamp() FROM r",
                &[
                    &demand_id,
                    &digest,
                    &request.body,
                    &lane,
                    &request.request_id,
                    &unit_key,
                    &registry,
                    &key,
                    &request.message_id,
                    &kind,
                    &case,
                    &original,
                    &accepted_at,
                ],
            )
            .await
            .unwrap();
        request
    }

    /// One number, by SQL.
    pub async fn number(&self, sql: &str) -> i64 {
        self.admin.query_one(sql, &[]).await.unwrap().get(0)
    }

    /// V10 and V11 for all registries.
    pub async fn assert_gapless(&self) {
        let gaps = "SELECT count(*) FROM (SELECT registry FROM inv_receipt GROUP BY 1 HAVING min(no) <> 1 OR max(no) <> count(*)) x";
        assert_eq!(self.number(gaps).await, 0, "numbers have a gap");
        let backwards = "SELECT count(*) FROM (SELECT recorded_at <= lag(recorded_at) OVER (PARTITION BY registry ORDER BY no) AS bad
                         FROM inv_receipt) x WHERE bad";
        assert_eq!(self.number(backwards).await, 0, "times do not increase");
    }

    pub async fn state(&self, request: &Request) -> String {
        let sql = "SELECT state FROM inv_request WHERE request_id = $1";
        self.admin.query_one(sql, &[&request.request_id]).await.unwrap().get(0)
    }

    pub async fn finish(self) {
        drop(self.store);
        drop(self.admin);
        if let Some(env) = self.env {
            env.finish().await.unwrap();
        }
    }
}

/// The stamp of a receipt that was recorded now.
pub fn recorded(verdict: &Verdict) -> &Stamp {
    match verdict {
        Verdict::Recorded(stamp) => stamp,
        other => panic!("not recorded: {other:?}"),
    }
}

pub async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    #[expect(clippy::disallowed_methods, reason = "a test has no supervisor")]
    tokio::spawn(connection);
    client
}
