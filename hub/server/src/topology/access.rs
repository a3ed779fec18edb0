//! From settings and directory to what this module works on.

use std::collections::BTreeSet;

use xiezhi_schemas::address::CourtName;

use super::{Broker, Directory, Province, Registry, Secret, Settings, TopologyError};
use crate::{
    config::{BrokerSettings, DeliverySettings},
    directory::Tables,
    store::SecretUrl,
};

fn parsed(url: &SecretUrl) -> Option<reqwest::Url> {
    reqwest::Url::parse(url.expose()).ok()
}

fn decoded(text: &str) -> Option<String> {
    percent_decoded(text.as_bytes()).and_then(|bytes| String::from_utf8(bytes).ok())
}

/// Undoes `%2F`; `None` when a percent sign is followed by anything but two hexadecimal digits.
fn percent_decoded(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            out.extend(hex::decode(after.get(..2)?).ok()?);
            rest = &after[2..];
        } else {
            out.push(*first);
            rest = after;
        }
    }
    Some(out)
}

/// The password in the AMQP URL: the one that the hub's account gets when it is made.
pub fn password(settings: &BrokerSettings) -> Option<Secret> {
    parsed(&settings.url)?.password().and_then(decoded).map(Secret::new)
}

/// The virtual host in an AMQP URL: its path without the slash, `/` when there is none.
fn vhost(url: &reqwest::Url) -> Option<String> {
    match url.path() {
        "" | "/" => Some("/".to_owned()),
        path => decoded(path.strip_prefix('/')?),
    }
}

/// Reaches the broker through its management API, with the account in `broker.management_url`.
///
/// # Errors
/// [`TopologyError::Settings`] when no such URL or account is set; otherwise as [`Broker::connect`].
pub async fn connect(settings: &BrokerSettings) -> Result<Broker, TopologyError> {
    if settings.management_url.expose().is_empty() {
        return Err(TopologyError::Settings("broker.management_url is not set"));
    }
    let mut url = parsed(&settings.management_url).ok_or(TopologyError::Url)?;
    let user = decoded(url.username()).filter(|user| !user.is_empty());
    let (Some(user), Some(password)) = (user, url.password().and_then(decoded)) else {
        return Err(TopologyError::Settings("broker.management_url names no user and password"));
    };
    let amqp = parsed(&settings.url).ok_or(TopologyError::Settings("broker.url is none"))?;
    let vhost = vhost(&amqp).ok_or(TopologyError::Settings("broker.url names no virtual host"))?;
    url.set_username("").and_then(|()| url.set_password(None)).map_err(|()| TopologyError::Url)?;
    Broker::connect(url.as_str(), &vhost, &user, Secret::new(password)).await
}

impl DeliverySettings {
    /// These limits as the broker is told them.
    pub fn topology(&self) -> Settings {
        Settings {
            delivery_window: std::time::Duration::from_secs(self.window_secs),
            max_length: self.queue_max_length,
            delivery_limit: self.delivery_limit,
        }
    }
}

impl Tables {
    /// Those rows as the topology needs them; take [`Tables::in_force`] first. `feedback_queues` comes from
    /// [`crate::store::feedback_queues::courts`].
    ///
    /// # Errors
    /// When a stored code is none; the import lets no such code in.
    pub fn for_topology(&self, feedback_queues: BTreeSet<CourtName>) -> Result<Directory, TopologyError> {
        fn code<T: std::str::FromStr>(text: &str) -> Result<T, TopologyError> {
            text.parse().map_err(|_| TopologyError::Directory(format!("{text} is no code")))
        }
        let mut provinces = Vec::new();
        for (digits, row) in &self.provinces {
            provinces.push(Province { code: code(digits)?, name: row.name.clone() });
        }
        let mut registries = Vec::new();
        for (digits, row) in &self.registries {
            let served = self.divisions.iter().filter(|(_, served)| served.registry == *digits);
            let divisions = served.map(|((division, _), _)| code(division)).collect::<Result<_, _>>()?;
            registries.push(Registry { code: code(digits)?, name: row.name.clone(), divisions });
        }
        Ok(Directory { provinces, registries, feedback_queues })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn virtual_hosts_and_passwords_are_decoded() {
        let read = |url: &str| vhost(&reqwest::Url::parse(url).unwrap());
        assert_eq!(read("amqp://u:p@h/xiezhi").as_deref(), Some("xiezhi"));
        assert_eq!(read("amqp://u:p@h:5672").as_deref(), Some("/"));
        assert_eq!(read("amqp://u:p@h/%2F").as_deref(), Some("/"));
        assert_eq!(read("amqp://u:p@h/a%2"), None);
        let settings = BrokerSettings {
            url: SecretUrl::new("amqp://u:p%40ss@h/x"),
            management_url: SecretUrl::new(""),
            publish_timeout_ms: 1000,
        };
        assert_eq!(password(&settings).unwrap().expose(), "p@ss");
    }
}
