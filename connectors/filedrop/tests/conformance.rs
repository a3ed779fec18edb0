//! The conformance suite on this adapter and the simulated county's folder: every rule of `connectors/CONTRACT.md`.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use async_trait::async_trait;
use connector_sdk::{
    Secret,
    conformance::{Bench, BenchError, Condition, CountyBench, Entry, Suite, options_digest},
};
use simulators::county::{Config, Crash, FileDoor, FileForm, Running, serve};
use tokio::{
    runtime::{Builder, Runtime},
    sync::Mutex,
};
use uuid::Uuid;
use xiezhi_schemas::address::RegistryCode;

const TOKEN: &str = "conformance-test-token";

/// A county that exchanges files and can be killed. Where it is down, its folder is: that is all that the adapter can see of it.
struct Town {
    control: CountyBench,
    process: Mutex<Option<(Runtime, Running)>>,
    address: SocketAddr,
    dir: tempfile::TempDir,
}

async fn start(dir: &Path, listen: SocketAddr) -> (Runtime, Running) {
    let config = Config {
        listen,
        journal: dir.join("journal"),
        token: TOKEN.into(),
        registries: Some(["110105".to_owned()].into()),
        decide_after: Duration::ZERO,
        seed: 1,
        crash: Crash::HangUp,
    };
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut running = runtime.spawn(serve(config)).await.unwrap().unwrap();
    let door = FileDoor { root: dir.join("exchange"), form: FileForm::Xml };
    {
        // Its tasks belong to its runtime.
        let _inside = runtime.enter();
        running.exchange_files(door);
    }
    (runtime, running)
}

async fn end((runtime, running): (Runtime, Running)) {
    runtime.spawn(running.stop()).await.unwrap();
    tokio::task::spawn_blocking(move || runtime.shutdown_timeout(Duration::from_secs(10))).await.unwrap();
}

impl Town {
    async fn open() -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let dir = tempfile::tempdir().unwrap();
        for part in ["out", "in", "archive", "quarantine"] {
            fs::create_dir_all(dir.path().join("exchange/110105").join(part)).unwrap();
        }
        let process = start(dir.path(), "127.0.0.1:0".parse().unwrap()).await;
        let address = process.1.address();
        let control = CountyBench::new(&format!("http://{address}"), Secret::from(TOKEN.to_owned())).unwrap();
        Self { control, process: Mutex::new(Some(process)), address, dir }
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("exchange")
    }

    /// Takes the folder away, or brings it back.
    fn mount(&self, there: bool) {
        let (here, away) = (self.root().join("110105"), self.root().join("away"));
        let (from, to) = if there { (away, here) } else { (here, away) };
        if from.exists() {
            fs::rename(from, to).unwrap();
        }
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        if let Some((runtime, running)) = self.process.get_mut().take() {
            drop(running);
            runtime.shutdown_background();
        }
    }
}

#[async_trait]
impl Bench for Town {
    fn name(&self) -> String {
        self.control.name()
    }

    async fn set(&self, registry: &RegistryCode, condition: Condition) -> Result<(), BenchError> {
        self.control.set(registry, condition).await?;
        self.mount(condition != Condition::Down);
        Ok(())
    }

    async fn book(&self, registry: &RegistryCode, request_id: Uuid) -> Result<Vec<Entry>, BenchError> {
        self.control.book(registry, request_id).await
    }

    async fn restart(&self) -> Result<(), BenchError> {
        let mut process = self.process.lock().await;
        if let Some(running) = process.take() {
            end(running).await;
        }
        self.mount(true);
        *process = Some(start(self.dir.path(), self.address).await);
        Ok(())
    }

    fn can_restart(&self) -> bool {
        true
    }

    async fn local_demand(&self, registry: &RegistryCode, number: &str) -> Result<(), BenchError> {
        self.control.local_demand(registry, number).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_adapter_passes_every_rule() {
    let town = Town::open().await;
    let options: toml::Table = format!(
        "root = '{}'\nsteady_ms = 0\npoll_ms = 20\nmin_free_mb = 1\nanswer_within_ms = 3000",
        town.root().display()
    )
    .parse()
    .unwrap();
    let build = || connector_filedrop::build(options.clone());
    let suite = Suite {
        build: &build,
        bench: Some(&town),
        registry: "110105".parse().unwrap(),
        call_timeout: Duration::from_secs(30),
        decision_wait: Duration::from_secs(20),
        options_sha256: options_digest("filedrop", &options),
    };
    let report = suite.run().await.unwrap();
    assert!(report.passed && report.complete, "{report}");
    assert!(report.left_behind.is_empty());
}
