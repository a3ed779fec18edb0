//! SIGTERM and ctrl-c: the first asks for an orderly end, the second ends at once. SIGHUP asks for the mapping to be read again.

use std::sync::Arc;

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::Notify,
};
use tokio_util::sync::CancellationToken;

/// The exit code of a process that SIGINT ended, by the custom of shells.
const INTERRUPTED: i32 = 130;

/// A token that the first signal to stop cancels, and the bell that every SIGHUP rings.
#[expect(clippy::disallowed_methods, reason = "lives as long as the process, cannot fail, and ends it")]
pub(crate) fn listen() -> std::io::Result<(CancellationToken, Arc<Notify>)> {
    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let reload = Arc::new(Notify::new());
    let bell = Arc::clone(&reload);
    let token = stop.clone();
    // Lives as long as the process and has no error to hand on, so nobody waits for it.
    drop(tokio::spawn(async move {
        let mut first = true;
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                _ = hangup.recv() => {
                    bell.notify_one();
                    continue;
                }
            }
            if first {
                first = false;
                tracing::info!("told to stop; work in hand may finish, a second signal ends at once");
                token.cancel();
                continue;
            }
            break;
        }
        tracing::warn!("told to stop at once; what was in hand is delivered again");
        std::process::exit(INTERRUPTED);
    }));
    Ok((stop, reload))
}
