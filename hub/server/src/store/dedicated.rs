//! Connections outside the pool, and TLS to the database.

use std::time::Duration;

use futures::{StreamExt, stream, stream::BoxStream};
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::Notify;
use tokio_postgres::{AsyncMessage, Client, Config, Error, NoTls, config::SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{StoreError, bounded};

/// One connection of its own: for LISTEN, session locks and migrations.
///
/// Nothing moves unless `messages` is polled; its end means that the connection, and every lock it held, is gone.
pub struct Dedicated {
    /// Sends statements.
    pub client: Client,
    /// Notifications and notices.
    pub messages: BoxStream<'static, Result<AsyncMessage, Error>>,
}

impl Dedicated {
    pub(super) async fn connect(config: &Config) -> Result<Self, StoreError> {
        if wants_tls(config) {
            let (client, mut connection) = config.connect(tls()).await.map_err(unavailable)?;
            Ok(Self { client, messages: stream::poll_fn(move |cx| connection.poll_message(cx)).boxed() })
        } else {
            let (client, mut connection) = config.connect(NoTls).await.map_err(unavailable)?;
            Ok(Self { client, messages: stream::poll_fn(move |cx| connection.poll_message(cx)).boxed() })
        }
    }
}

/// Wakes whoever waits at each notification. Nothing moves on a connection unless its messages are polled, so this must run
/// beside the work; when it ends, the connection is gone, and every lock it held.
pub async fn ring(mut messages: BoxStream<'static, Result<AsyncMessage, Error>>, wake: &Notify) {
    while let Some(message) = messages.next().await {
        if let Ok(AsyncMessage::Notification(_)) = message {
            wake.notify_one();
        }
    }
}

/// The right to do something that one hub at a time may do: a session lock, which ends with its connection and so with
/// everything that its holder could still mark.
#[derive(Debug, Clone, Copy)]
pub struct Sole(i64);

/// The server answers without waiting for anything; longer than this the line is silent.
const AT_ONCE: Duration = Duration::from_secs(10);

impl Sole {
    /// Publishing the outbox.
    pub const RELAY: Self = Self(0x7869_657A_6869_0002);
    /// Publishing the courts' feedback.
    pub const FEEDBACK: Self = Self(0x7869_657A_6869_0003);

    /// Waits on this connection until nobody else has the right; tells once when it has to wait.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn wait(
        self,
        client: &Client,
        period: Duration,
        standing_by: impl FnOnce(),
    ) -> Result<(), StoreError> {
        let mut standing_by = Some(standing_by);
        loop {
            let asked = async { Ok(client.query_one("SELECT pg_try_advisory_lock($1)", &[&self.0]).await?) };
            if bounded(AT_ONCE, asked).await?.try_get(0)? {
                return Ok(());
            }
            if let Some(tell) = standing_by.take() {
                tell();
            }
            tokio::time::sleep(period).await;
        }
    }
}

fn unavailable(error: Error) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}

/// Whether the URL asks for TLS. `prefer`, the default of the URL format, means plain here: a link that is sometimes
/// encrypted would hide a broken certificate.
pub(super) fn wants_tls(config: &Config) -> bool {
    !matches!(config.get_ssl_mode(), SslMode::Disable | SslMode::Prefer)
}

/// TLS that trusts what the machine trusts.
pub(super) fn tls() -> MakeRustlsConnect {
    let mut roots = RootCertStore::empty();
    let (_added, _ignored) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    MakeRustlsConnect::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
}
