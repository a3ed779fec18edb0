//! One hub's API for one test: own database, own folder of documents, port 0.

use std::{path::PathBuf, sync::Arc};

use harness::TestEnv;
use hub::{
    config::{DocumentsSettings, FeedbackSettings, HttpSettings},
    documents::Documents,
    feedback,
    health::Health,
    http,
    http::App,
    intake,
    keys::{HubSecret, make_hub_secret},
    store::{self, SecretUrl, Store},
};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub const PDF: &[u8] = b"%PDF-1.7 a ruling of a court that does not exist";

pub struct Hub {
    pub url: String,
    pub store: Store,
    pub app: App,
    pub dir: PathBuf,
    client: reqwest::Client,
    tasks: TaskTracker,
    stop: CancellationToken,
    _env: TestEnv,
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.stop.cancel();
        self.tasks.close();
    }
}

/// Answer of the hub.
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Answer {
    /// Code and path of every problem.
    pub fn problems(&self) -> Vec<(String, String)> {
        let text = |item: &Value, name: &str| item[name].as_str().unwrap_or_default().to_owned();
        let items = self.body["problems"].as_array().cloned().unwrap_or_default();
        items.iter().map(|item| (text(item, "code"), text(item, "path"))).collect()
    }

    /// Whether one of the problems has this code at this path.
    pub fn has(&self, code: &str, path: &str) -> bool {
        self.problems().contains(&(code.to_owned(), path.to_owned()))
    }
}

impl Hub {
    pub async fn start(name: &str) -> Self {
        Self::with(name, "").await
    }

    /// `http` are lines that replace settings of the API.
    pub async fn with(name: &str, http: &str) -> Self {
        harness::install_crypto();
        let env = TestEnv::new(name).await.unwrap();
        let database = store::Settings {
            url: SecretUrl::new(env.database_url()),
            pool_size: 8,
            wait_timeout_ms: 10_000,
            statement_timeout_ms: 10_000,
        };
        store::migrate(&database, |_| {}).await.unwrap();
        let store = Store::new(&database).unwrap();
        let dir = env.dir().to_owned();
        make_hub_secret(&dir.join("hub.secret")).unwrap();
        let secret = HubSecret::load(&dir.join("hub.secret")).unwrap();
        let documents: DocumentsSettings = toml::from_str(&format!(
            "store = 'local'\nroot = '{}'\nmax_document_bytes = 20000\n\
             [s3]\nendpoint = ''\nregion = ''\nbucket = ''\naccess_key = ''\nsecret_key = ''",
            dir.join("documents").display()
        ))
        .unwrap();
        let feedback: FeedbackSettings = toml::from_str(
            "long_poll_max_secs = 30\nwebhook_timeout_ms = 2000\nwebhook_max_backoff_secs = 1\n\
             webhook_allow_private = true\nwebhook_networks = ''",
        )
        .unwrap();
        let mut settings: toml::Table = toml::from_str(
            "listen = '127.0.0.1:0'\nallow_public_bind = false\nmax_body_bytes = 100000\nrate_per_second = 100000\n\
             rate_burst = 100000\nrequest_timeout_ms = 20000\nmax_unconfirmed = 100000\nmax_connections = 1000\n\
             tls_certificate_file = ''\ntls_key_file = ''\ntls_client_ca_file = ''",
        )
        .unwrap();
        settings.extend(toml::from_str::<toml::Table>(http).unwrap());
        let settings: HttpSettings = settings.try_into().unwrap();
        let app = App::new(
            store.clone(),
            Documents::open(&documents).unwrap(),
            settings,
            feedback,
            secret,
            Arc::new(Health::expecting(&[])),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        tasks.spawn(http::serve(listener, http::router(app.clone()), 1000, None, stop.clone()));
        tasks.spawn(feedback::listen(store.clone(), app.signal.clone(), stop.clone()));
        tasks.spawn(intake::watch_backlog(app.clone(), stop.clone()));
        let webhooks = feedback::webhook::Webhooks {
            store: store.clone(),
            secret: app.secret.clone(),
            settings: (*app.feedback_settings).clone(),
            signal: app.signal.clone(),
            metrics: app.metrics.clone(),
            targets: app.targets.clone(),
        };
        tasks.spawn(feedback::webhook::run(webhooks, stop.clone()));
        let client = reqwest::Client::new();
        let hub = Self { url, store, app, dir, client, tasks, stop, _env: env };
        hub.directory().await;
        hub
    }

    /// Two provinces with a registry each, one of which ended; three courts, an operator, two connectors.
    async fn directory(&self) {
        self.sql(
            "INSERT INTO province VALUES ('11', '北京', '2024-01-01', NULL), ('32', '江苏', '2024-01-01', NULL),
                                         ('33', '浙江', '2024-01-01', '2024-12-31');
             INSERT INTO registry VALUES ('110105', '11', '朝阳', '2024-01-01'), ('320102', '32', '玄武', '2024-01-01');
             INSERT INTO registry_division VALUES ('110105', '110105', '2024-01-01'), ('320102', '320102', '2024-01-01');
             INSERT INTO principal (name, role, province) VALUES ('court-a', 'court', NULL), ('court-b', 'court', NULL),
                 ('operator', 'operator', NULL), ('connector-11', 'connector', '11'), ('connector-32', 'connector', '32');",
        )
        .await;
        for name in ["court-a", "court-b", "operator", "connector-11", "connector-32"] {
            let digest = hex::encode(Sha256::digest(format!("token-{name}")));
            self.sql(&format!(
                "INSERT INTO credential (token_sha256, principal) VALUES (decode('{digest}', 'hex'), '{name}')"
            ))
            .await;
        }
    }

    pub async fn sql(&self, statements: &str) {
        self.store.client().await.unwrap().batch_execute(statements).await.unwrap();
    }

    /// One number from the database.
    pub async fn count(&self, query: &str) -> i64 {
        self.store.client().await.unwrap().query_one(query, &[]).await.unwrap().get(0)
    }

    pub fn request(&self, who: &str, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url)).bearer_auth(format!("token-{who}"))
    }

    pub async fn get(&self, who: &str, path: &str) -> Answer {
        answer(self.request(who, Method::GET, path)).await
    }

    pub async fn submit(&self, who: &str, body: &Value) -> Answer {
        self.submit_text(who, body.to_string()).await
    }

    pub async fn submit_text(&self, who: &str, body: impl Into<reqwest::Body>) -> Answer {
        let request =
            self.request(who, Method::POST, "/v1/demands").header("content-type", "application/json");
        answer(request.body(body)).await
    }

    pub async fn upload(&self, who: &str, bytes: &[u8]) -> Answer {
        let request =
            self.request(who, Method::PUT, "/v1/documents").header("content-type", "application/pdf");
        answer(request.body(bytes.to_vec())).await
    }

    /// A demand whose document is uploaded and which will be accepted.
    pub async fn good(&self, who: &str, demand_id: &str) -> Value {
        assert_eq!(self.upload(who, PDF).await.status, 201);
        demand(demand_id)
    }

    /// Rows of everything that acceptance writes.
    pub async fn rows(&self) -> [i64; 5] {
        let mut rows = [0; 5];
        for (at, table) in ["demand", "request", "request_state", "outbox", "lane"].into_iter().enumerate() {
            rows[at] = self.count(&format!("SELECT count(*) FROM {table}")).await;
        }
        rows
    }
}

pub async fn answer(request: RequestBuilder) -> Answer {
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let bytes = answer.bytes().await.unwrap();
    Answer { status, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
}

pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

pub const BEIJING: &str = "110105001001GB00001F00010001";

/// A demand of the kind seizure for one unit in Beijing.
pub fn demand(demand_id: &str) -> Value {
    let paper = |role: &str| {
        json!({"role": role, "name": format!("{role}.pdf"), "media_type": "application/pdf", "sha256": sha256(PDF),
               "size": PDF.len(), "seal": "electronic"})
    };
    json!({
        "version": "1.0",
        "demand_id": demand_id,
        "kind": "seizure",
        "court": {"code": "京0105", "name": "虚构市示例区人民法院"},
        "case_number": "（2024）京0105执1234号",
        "judgment_number": "（2024）京0105民初56号",
        "issuing_organ": "虚构市示例区人民法院",
        "debtor": {"name": "张三虚构", "document_kind": "passport", "document_number": "E00000000"},
        "units": [{
            "unit_code": BEIJING, "right_holder": "张三虚构", "location": "虚构路1号",
            "certificates": ["京（2024）朝阳区不动产权第0001234号"],
        }],
        "period": {"years": 3, "from": "2090-01-01", "to": "2092-12-31"},
        "contact": {"name": "李四虚构", "phone": "010-00000000"},
        "officers": [{"name": "王五虚构", "kind": "work_permit", "number": "0001"}],
        "attachments": [paper("ruling"), paper("notice"), paper("work_permit")],
    })
}
