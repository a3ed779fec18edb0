//! A simulated county that can be killed: it has a runtime of its own, with which its connections die as those of a process do.

use std::{
    net::SocketAddr,
    path::Path,
    sync::atomic::{AtomicU8, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use connector_sdk::{
    Secret,
    conformance::{Bench, BenchError, Condition, CountyBench, Entry},
};
use simulators::county::{Config, Crash, Running, serve};
use tokio::{
    runtime::{Builder, Runtime},
    sync::Mutex,
};
use uuid::Uuid;
use xiezhi_schemas::address::RegistryCode;

pub(crate) const TOKEN: &str = "conformance-test-token";

pub(crate) struct Town {
    control: CountyBench,
    process: Mutex<Option<(Runtime, Running)>>,
    address: SocketAddr,
    dir: tempfile::TempDir,
    /// Whether it keeps nothing over a restart, as a system that answers from memory.
    forgets: bool,
}

/// A loopback address of this town's own: a port that it gives up over a restart is nobody else's meanwhile, neither another
/// listener's nor the near end of a connection, which leaves from 127.0.0.1.
fn own_address() -> SocketAddr {
    static TOWNS: AtomicU8 = AtomicU8::new(1);
    let [_, _, high, low] = std::process::id().to_be_bytes();
    SocketAddr::from(([127, high.max(1), low, TOWNS.fetch_add(1, Ordering::Relaxed)], 0))
}

async fn start(dir: &Path, listen: SocketAddr) -> (Runtime, Running) {
    let config = Config {
        listen,
        journal: dir.to_owned(),
        token: TOKEN.into(),
        registries: Some(["110105".to_owned()].into()),
        decide_after: Duration::ZERO,
        seed: 1,
        crash: Crash::HangUp,
    };
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let running = runtime.spawn(serve(config)).await.unwrap().unwrap();
    (runtime, running)
}

async fn end((runtime, running): (Runtime, Running)) {
    runtime.spawn(running.stop()).await.unwrap();
    // Its connections are tasks of this runtime.
    tokio::task::spawn_blocking(move || runtime.shutdown_timeout(Duration::from_secs(10))).await.unwrap();
}

impl Town {
    pub(crate) async fn open(forgets: bool) -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let dir = tempfile::tempdir().unwrap();
        let process = start(dir.path(), own_address()).await;
        let address = process.1.address();
        let control = CountyBench::new(&format!("http://{address}"), Secret::from(TOKEN.to_owned())).unwrap();
        Self { control, process: Mutex::new(Some(process)), address, dir, forgets }
    }

    pub(crate) fn base(&self) -> String {
        format!("http://{}", self.address)
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
        self.control.set(registry, condition).await
    }

    async fn book(&self, registry: &RegistryCode, request_id: Uuid) -> Result<Vec<Entry>, BenchError> {
        self.control.book(registry, request_id).await
    }

    async fn restart(&self) -> Result<(), BenchError> {
        let mut process = self.process.lock().await;
        if let Some(running) = process.take() {
            end(running).await;
        }
        if self.forgets {
            std::fs::remove_file(self.dir.path().join("county.jsonl")).unwrap();
        }
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
