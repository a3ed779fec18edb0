//! SIGTERM and ctrl-c: the first asks for an orderly end, the second ends at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The exit code of a process that SIGINT ended, by the custom of shells.
const INTERRUPTED: i32 = 130;

/// A token that the first signal cancels.
#[expect(clippy::disallowed_methods, reason = "lives as long as the process, cannot fail, and ends it")]
pub(crate) fn listen() -> std::io::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let token = stop.clone();
    // Lives as long as the process and has no error to hand on, so nobody waits for it.
    drop(tokio::spawn(async move {
        for first in [true, false] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if first {
                tracing::info!("told to stop; work in hand may finish, a second signal ends at once");
                token.cancel();
            }
        }
        tracing::warn!("told to stop at once; what was in hand is delivered again");
        std::process::exit(INTERRUPTED);
    }));
    Ok(stop)
}
