//! Another door to the same desk: the exchange of files that the `filedrop` adapter speaks. For every registry with a folder
//! below the root it looks for orders, carries each to the desk as if it had come over HTTP, and writes the answer as a file. So
//! every fault of the county strikes here too: a lost answer is a file that is never written, half an answer a broken one.

mod forms;

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::ConnectInfo,
    http::{Method, Request, StatusCode, header},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use sha2::{Digest as _, Sha256};
use tokio::task::JoinSet;
use tower::ServiceExt as _;
use uuid::Uuid;

pub use self::forms::FileForm;
use super::{App, http, wire::Wire};

/// How often a folder is looked at.
const LOOK: Duration = Duration::from_millis(10);
/// Largest answer of the desk.
const MAX_ANSWER: usize = 64 << 20;

/// How files are exchanged.
#[derive(Debug, Clone)]
pub struct FileDoor {
    /// Above the folders of the registries, each named by six digits and made by somebody else.
    pub root: PathBuf,
    /// The form of what the county writes.
    pub form: FileForm,
}

/// Serves every folder below the root until it is dropped.
pub(super) async fn serve(app: Arc<App>, door: FileDoor) {
    let router = http::router(Arc::clone(&app));
    let mut clerks = JoinSet::new();
    let mut known = BTreeMap::new();
    loop {
        for registry in names(&door.root) {
            let six_digits = registry.len() == 6 && registry.bytes().all(|byte| byte.is_ascii_digit());
            if six_digits && known.insert(registry.clone(), ()).is_none() {
                let clerk = Clerk {
                    router: router.clone(),
                    token: app.config.token.clone(),
                    folder: door.root.join(&registry),
                    form: door.form,
                    registry,
                };
                clerks.spawn(clerk.work());
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Names in a folder, in order; none when it is not there.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

struct Clerk {
    router: Router,
    token: String,
    registry: String,
    folder: PathBuf,
    form: FileForm,
}

#[derive(Deserialize)]
struct Manifest {
    request_id: Uuid,
    message: Part,
    documents: Vec<Part>,
}

/// An order with all of its files.
struct Parcel {
    request_id: Uuid,
    message: Vec<u8>,
    documents: Vec<(Part, Vec<u8>)>,
}

#[derive(Deserialize)]
struct Part {
    file: String,
    sha256: String,
    role: Option<String>,
}

impl Clerk {
    async fn work(self) {
        loop {
            for name in names(&self.folder.join("out")) {
                let Some((stem, ending)) = name.rsplit_once('.') else { continue };
                if stem.contains('.') || !matches!(ending, "json" | "xml") {
                    continue;
                }
                if let Some(number) = stem.strip_prefix("Biz") {
                    self.demand(number, &name).await;
                } else if let Some(number) = stem.strip_prefix("Void") {
                    self.void(number, &name).await;
                } else if let Some(id) = stem.strip_prefix("Wdr") {
                    self.wish(id, &name).await;
                } else if let Some(id) = stem.strip_prefix("Ack") {
                    self.verdict(id, &name).await;
                }
            }
            self.offer_outcomes().await;
            self.offer_receipts().await;
            tokio::time::sleep(LOOK).await;
        }
    }

    /// One call at the desk; none when the desk hung up.
    async fn call(&self, method: Method, tail: &str, body: Vec<u8>) -> Option<(StatusCode, Vec<u8>)> {
        let wire = Wire::loose();
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/registries/{}/{tail}", self.registry))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body))
            .ok()?;
        request.extensions_mut().insert(ConnectInfo(wire.clone()));
        let response = match self.router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let status = response.status();
        let bytes = to_bytes(response.into_body(), MAX_ANSWER).await.ok()?;
        (!wire.is_cut()).then(|| (status, bytes.to_vec()))
    }

    async fn ask(&self, tail: &str) -> Value {
        match self.call(Method::GET, tail, Vec::new()).await {
            Some((StatusCode::OK, bytes)) => serde_json::from_slice(&bytes).unwrap_or_default(),
            _ => Value::Null,
        }
    }

    /// Whether a file of this name, of either form, lies in one of these parts.
    fn has(&self, parts: &[&str], stem: &str) -> bool {
        parts.iter().any(|part| {
            ["json", "xml"]
                .iter()
                .any(|ending| self.folder.join(part).join(format!("{stem}.{ending}")).exists())
        })
    }

    fn read(&self, name: &str) -> Option<Vec<u8>> {
        // Names in a list of files are data; only plain ones are followed.
        let plain = !name.contains('/') && !name.contains("..");
        plain.then(|| fs::read(self.folder.join("out").join(name)).ok()).flatten()
    }

    /// Writes a file in one step: under another name, forced to disk, renamed.
    fn write(&self, stem: &str, ending: &str, bytes: &[u8]) {
        let target = self.folder.join("in").join(format!("{stem}.{ending}"));
        let part = target.with_extension(format!("{ending}.part"));
        let write = || -> std::io::Result<()> {
            let mut file = fs::File::create(&part)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&part, &target)
        };
        if let Err(error) = write() {
            tracing::warn!(%error, "a file cannot be written into the exchange folder");
        }
    }

    /// The files that belong to an order, whole and with the digests of their list; none while one is missing or differs.
    fn parcel(&self, stem: &str) -> Option<Parcel> {
        let mut manifest: Manifest =
            serde_json::from_slice(&self.read(&format!("{stem}.files.json"))?).ok()?;
        let whole = |part: &Part| {
            let bytes = self.read(&part.file)?;
            (hex::encode(Sha256::digest(&bytes)) == part.sha256).then_some(bytes)
        };
        let message = whole(&manifest.message)?;
        let documents = std::mem::take(&mut manifest.documents);
        let documents = documents
            .into_iter()
            .map(|part| whole(&part).map(|bytes| (part, bytes)))
            .collect::<Option<Vec<_>>>()?;
        Some(Parcel { request_id: manifest.request_id, message, documents })
    }

    async fn demand(&self, number: &str, name: &str) {
        let answer = format!("Res{number}");
        if self.has(&["in", "archive"], &answer) || self.has(&["archive"], &format!("Ref{number}")) {
            return;
        }
        let Some(Parcel { request_id, message, documents }) = self.parcel(&format!("Biz{number}")) else {
            return;
        };
        if name.ends_with(".xml") && forms::request_id(&message, self.form) != Some(request_id) {
            tracing::warn!(number, "the message names another request than its list of files");
            return;
        }
        let Some(body) = delivery("demand", &message, &documents) else { return };
        let Some((status, bytes)) = self.call(Method::POST, "demands", body).await else { return };
        match (status.as_u16(), serde_json::from_slice::<Value>(&bytes)) {
            (200 | 201 | 400 | 409 | 413 | 422, Ok(said)) => self.say(&answer, number, &said),
            // A proxy's page: the partner says it in a file.
            (413, Err(_)) => self.say(&answer, number, &json!({"status": "refused", "code": "too_large"})),
            (200, Err(_)) if std::str::from_utf8(&bytes).is_err() => {
                let said = json!({"status": "taken", "reference": "收件"});
                let bytes = forms::in_the_wrong_set(&forms::answer(number, &said, self.form), self.form);
                self.write(&answer, self.form.ending(), &bytes);
            }
            // Half an answer of the desk is a file that breaks off.
            (200, Err(_)) => {
                let whole = forms::answer(number, &json!({"status": "taken"}), self.form);
                self.write(&answer, self.form.ending(), &whole[..20]);
            }
            _ => {}
        }
    }

    fn say(&self, stem: &str, number: &str, said: &Value) {
        self.write(stem, self.form.ending(), &forms::answer(number, said, self.form));
    }

    async fn void(&self, number: &str, name: &str) {
        let answer = format!("ResVoid{number}");
        if self.has(&["in", "archive"], &answer) {
            return;
        }
        let Some(order) = self.read(name).and_then(|bytes| forms::order(&bytes, name, self.form)) else {
            return;
        };
        let (Some(request_id), Some(reason)) = (order["request_id"].as_str(), order["reason"].as_str())
        else {
            return;
        };
        let body = json!({"reason": reason}).to_string().into_bytes();
        let called = self.call(Method::POST, &format!("demands/{request_id}/void"), body).await;
        if let Some((StatusCode::OK, _)) = called {
            self.say(&answer, number, &json!({"status": "voided"}));
        }
    }

    async fn wish(&self, id: &str, _name: &str) {
        let answer = format!("ResWdr{id}");
        if self.has(&["in", "archive"], &answer) {
            return;
        }
        let Some(Parcel { request_id, message, documents }) = self.parcel(&format!("Wdr{id}")) else {
            return;
        };
        let Some(body) = delivery("withdrawal", &message, &documents) else { return };
        let tail = format!("demands/{request_id}/withdrawal");
        if let Some((StatusCode::OK, _)) = self.call(Method::POST, &tail, body).await {
            self.say(&answer, id, &json!({"status": "held"}));
        }
    }

    async fn verdict(&self, id: &str, name: &str) {
        let Some(order) = self.read(name).and_then(|bytes| forms::order(&bytes, name, self.form)) else {
            return;
        };
        let body = json!({"verdict": order["verdict"]}).to_string().into_bytes();
        let called = self.call(Method::POST, &format!("local-receipts/{id}/settled"), body).await;
        if let Some((StatusCode::OK, _)) = called
            && let Err(error) = fs::remove_file(self.folder.join("out").join(name))
        {
            tracing::warn!(%error, "a file cannot be taken out of the exchange folder");
        }
    }

    async fn offer_outcomes(&self) {
        let page = self.ask("outcomes?limit=1000").await;
        for offer in page["outcomes"].as_array().into_iter().flatten() {
            let Some(id) = offer["id"].as_str() else { continue };
            let stem = format!("Out{id}");
            if self.has(&["archive"], &stem) {
                // What was moved there is settled.
                self.call(Method::POST, &format!("outcomes/{id}/settled"), b"{}".to_vec()).await;
            } else if !self.has(&["in", "quarantine"], &stem) {
                self.write(&stem, self.form.ending(), &forms::outcome(id, offer, self.form));
            }
        }
    }

    async fn offer_receipts(&self) {
        let page = self.ask("local-receipts?limit=1000").await;
        for offer in page["local_receipts"].as_array().into_iter().flatten() {
            let Some(id) = offer["id"].as_str() else { continue };
            let stem = format!("Loc{id}");
            if !self.has(&["in", "archive", "quarantine"], &stem) {
                let receipt = json!({"schema": "xiezhi.local-receipt.v1", "connector": "county",
                    "registry": self.registry, "local": offer["local"], "demand": offer["demand"]});
                self.write(&stem, "json", receipt.to_string().as_bytes());
            }
        }
    }
}

/// The body by which the desk takes an order over HTTP: the message exactly as the hub made it, with its documents.
fn delivery(kind: &str, message: &[u8], documents: &[(Part, Vec<u8>)]) -> Option<Vec<u8>> {
    let is_original = |part: &Part| part.role.as_deref() == Some("original");
    let original = documents.iter().find(|(part, _)| is_original(part)).map_or(message, |(_, bytes)| bytes);
    let raw: &RawValue = serde_json::from_slice(original).ok()?;
    let papers: Vec<Value> = documents
        .iter()
        .filter(|(part, _)| !is_original(part))
        .map(|(part, bytes)| json!({"sha256": part.sha256, "content_base64": STANDARD.encode(bytes)}))
        .collect();
    let rest = match kind {
        "demand" => format!(r#""documents":{}"#, Value::Array(papers)),
        _ => format!(r#""letter":{}"#, papers.first()?),
    };
    Some(format!(r#"{{"{kind}":{raw},{rest}}}"#).into_bytes())
}
