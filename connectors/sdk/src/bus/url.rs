//! What the broker's URL says.

use lapin::uri::{AMQPScheme, AMQPUri};

/// Heartbeat in seconds: a dead line shows after two of them; the broker's own default is a minute.
const HEARTBEAT_SECS: u16 = 10;

/// The parts of a broker URL that are checked or shown; the password is not among them.
pub(crate) struct BrokerUrl {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) user: String,
    pub(crate) encrypted: bool,
}

impl BrokerUrl {
    /// Reads the URL; the message never quotes it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("is missing; write amqps://account:password@host:5671/virtual-host".into());
        }
        let uri = read(text)?;
        if !text.contains('@') {
            return Err("must hold account and password".into());
        }
        Ok(Self {
            host: uri.authority.host,
            port: uri.authority.port,
            user: uri.authority.userinfo.username,
            encrypted: uri.scheme == AMQPScheme::AMQPS,
        })
    }
}

/// The URL with the heartbeat set.
pub(super) fn read(text: &str) -> Result<AMQPUri, String> {
    let mut uri: AMQPUri = text
        .parse()
        .map_err(|_| "must be a URL such as amqps://account:password@host:5671/virtual-host".to_owned())?;
    uri.query.heartbeat = Some(HEARTBEAT_SECS);
    Ok(uri)
}
