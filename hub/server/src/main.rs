//! The binary `hub`.

use std::process::ExitCode;

use anyhow::Context;

fn main() -> anyhow::Result<ExitCode> {
    // Before anything can build a TLS client: without a provider that would panic.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        anyhow::bail!("a TLS provider is installed already");
    }
    // Telemetry's exporters need a second worker; one alone could wait for itself.
    let workers = std::thread::available_parallelism().map_or(2, |n| n.get().max(2));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .context("the system gives no threads")?;
    let code = runtime.block_on(hub::cli::run());
    // A second signal means at once: do not wait for what still runs on other threads.
    runtime.shutdown_background();
    Ok(ExitCode::from(code))
}
