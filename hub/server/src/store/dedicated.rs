//! Connections outside the pool, and TLS to the database.

use futures::{StreamExt, stream, stream::BoxStream};
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::{AsyncMessage, Client, Config, Error, NoTls, config::SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::StoreError;

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
