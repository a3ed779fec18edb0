//! Where webhooks may go. A court names a host, and the hub must not be sent against its own machine or its neighbours by a
//! name that leads there: every address of the name is checked when it is registered and again when the connection is made.
//! Only a checked address is connected to, so a name that changes its answer in between gains nothing.

use std::{
    error::Error,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use ipnet::IpNet;
use reqwest::{
    Url,
    dns::{Addrs, Name, Resolve, Resolving},
};

use crate::config::FeedbackSettings;

/// Why an address is not taken.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum AddressError {
    /// Not a URL.
    #[error("the webhook address is not a URL of at most 2000 characters")]
    NotUrl,
    /// Plain HTTP to somewhere else.
    #[error("a webhook address begins with https://, so that feedback cannot be read on the way")]
    NotHttps,
    /// User and password in the URL.
    #[error("a webhook address holds no user and no password; events are signed instead")]
    Credentials,
    /// The name has no address.
    #[error("the host of the webhook address has no address here; check the name")]
    NoAddress,
    /// An address that leads into the hub's own machine or network.
    #[error(
        "the host of the webhook address leads into a network that is not open to webhooks (loopback, private, link-local or \
         reserved); the operator can open one (feedback.webhook_networks)"
    )]
    Inside,
}

/// Looking a name up must not take longer than a court waits for the answer to its registration.
const LOOKUP: Duration = Duration::from_secs(5);

/// Networks that are not the public internet, beside those that have a name in the standard library: this network, shared
/// (RFC 6598), protocol assignments, benchmarks (RFC 2544), reserved, documentation; and the IPv6 ranges that carry an IPv4
/// address inside (NAT64, 6to4, Teredo), behind which any of these could hide.
const RESERVED: [&str; 14] = [
    "0.0.0.0/8",
    "100.64.0.0/10",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "240.0.0.0/4",
    "::/96",
    "64:ff9b::/32",
    "100::/64",
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
];

/// Which addresses webhooks may go to.
#[derive(Debug, Clone)]
pub struct Targets {
    /// Everything, plain HTTP to the loopback included.
    allow_private: bool,
    /// Networks of the operator's that are open although they are not public.
    open: Vec<IpNet>,
    resolver: Resolver,
}

/// Looks names up.
#[derive(Clone)]
struct Resolver(Arc<dyn Resolve>);

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Resolver")
    }
}

/// The machine's own resolver.
struct System;

impl Resolve for System {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// The networks in a setting: `10.20.0.0/16, fd00:20::/32`.
///
/// # Errors
/// When a part is no network.
pub fn networks(text: &str) -> Result<Vec<IpNet>, ipnet::AddrParseError> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::parse).collect()
}

impl Targets {
    /// As the settings say, with the machine's resolver. Settings have been checked.
    pub fn new(settings: &FeedbackSettings) -> Self {
        Self::with(settings, Arc::new(System))
    }

    /// With another resolver.
    pub fn with(settings: &FeedbackSettings, resolver: Arc<dyn Resolve>) -> Self {
        let open = networks(&settings.webhook_networks).unwrap_or_default();
        Self { allow_private: settings.webhook_allow_private, open, resolver: Resolver(resolver) }
    }

    /// The URL, if its form is right and every address of its host may be called now.
    ///
    /// # Errors
    /// [`AddressError`].
    pub async fn check(&self, text: &str) -> Result<Url, AddressError> {
        let url = Url::parse(text).ok().filter(|_| text.len() <= 2000).ok_or(AddressError::NotUrl)?;
        let host = url.host_str().ok_or(AddressError::NotUrl)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(AddressError::Credentials);
        }
        let plain = match url.scheme() {
            "https" => false,
            "http" if self.allow_private => true,
            _ => return Err(AddressError::NotHttps),
        };
        let addresses = match host.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => {
                let name = host.parse().map_err(|_| AddressError::NotUrl)?;
                let found = tokio::time::timeout(LOOKUP, self.lookup(name)).await;
                found.map_err(|_| AddressError::NoAddress)??.into_iter().map(|found| found.ip()).collect()
            }
        };
        if !addresses.iter().all(|address| self.allows(*address)) {
            return Err(AddressError::Inside);
        }
        if plain && !addresses.iter().all(|address| address.to_canonical().is_loopback()) {
            return Err(AddressError::NotHttps);
        }
        Ok(url)
    }

    /// Every address of a name, if all of them may be called: one that may not be makes the name suspect as a whole.
    async fn lookup(&self, name: Name) -> Result<Vec<SocketAddr>, AddressError> {
        let found: Vec<_> =
            self.resolver.0.resolve(name).await.map_err(|_| AddressError::NoAddress)?.collect();
        match found.iter().all(|found| self.allows(found.ip())) {
            _ if found.is_empty() => Err(AddressError::NoAddress),
            true => Ok(found),
            false => Err(AddressError::Inside),
        }
    }

    fn allows(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.allow_private || self.open.iter().any(|network| network.contains(&address)) || is_public(address)
    }
}

/// The HTTP client asks here, so it can connect to nothing else.
impl Resolve for Targets {
    fn resolve(&self, name: Name) -> Resolving {
        let own = self.clone();
        Box::pin(async move {
            let found = own.lookup(name).await?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// The reason in an error of the HTTP client, if it is ours.
pub(super) fn reason(error: &reqwest::Error) -> Option<&AddressError> {
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(error) = cause {
        if let Some(ours) = error.downcast_ref() {
            return Some(ours);
        }
        cause = error.source();
    }
    None
}

fn is_public(address: IpAddr) -> bool {
    let named = match address {
        IpAddr::V4(v4) => {
            v4.is_loopback()
                || v4.is_private()
                || v4.is_link_local()
                || v4.is_unspecified()
                || v4.is_multicast()
                || v4.is_broadcast()
        }
        IpAddr::V6(v6) => {
            v6 == Ipv6Addr::LOCALHOST
                || v6.is_unspecified()
                || v6.is_multicast()
                || v6.is_unique_local()
                || v6.is_unicast_link_local()
        }
    };
    let reserved = RESERVED.iter().filter_map(|text| text.parse::<IpNet>().ok());
    !named && !reserved.into_iter().any(|network| network.contains(&address))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use std::{collections::HashMap, sync::Mutex};

    use super::*;

    /// Answers from a table that a test may change.
    #[derive(Default)]
    struct Table(Mutex<HashMap<String, Vec<IpAddr>>>);

    impl Table {
        fn set(&self, name: &str, addresses: &[&str]) {
            let addresses = addresses.iter().map(|a| a.parse().unwrap()).collect();
            self.0.lock().unwrap().insert(name.to_owned(), addresses);
        }
    }

    impl Resolve for Table {
        fn resolve(&self, name: Name) -> Resolving {
            let found = self.0.lock().unwrap().get(name.as_str()).cloned();
            Box::pin(async move {
                let found = found.ok_or("no such name")?;
                Ok(Box::new(found.into_iter().map(|ip| SocketAddr::new(ip, 0))) as Addrs)
            })
        }
    }

    fn settings(allow_private: bool, networks: &str) -> FeedbackSettings {
        FeedbackSettings {
            long_poll_max_secs: 30,
            webhook_timeout_ms: 2000,
            webhook_max_backoff_secs: 1,
            webhook_allow_private: allow_private,
            webhook_networks: networks.to_owned(),
        }
    }

    #[test]
    fn every_list_of_networks_can_be_read() {
        assert!(RESERVED.iter().all(|network| network.parse::<IpNet>().is_ok()));
        assert_eq!(networks(" 10.0.0.0/8,fd00::/8 ,").unwrap().len(), 2);
        assert!(networks("10.0.0.0/8, ten").is_err());
    }

    #[tokio::test]
    async fn addresses_lead_to_the_court_and_nowhere_else() {
        let table = Arc::new(Table::default());
        table.set("court.example", &["93.184.215.14", "2606:2800:21f:cb07::1"]);
        table.set("inside.example", &["10.20.30.40"]);
        table.set("mixed.example", &["93.184.215.14", "127.0.0.1"]);
        let (closed, all) = (settings(false, ""), settings(true, ""));
        let one = settings(false, "10.20.0.0/16");
        let check = async |settings: &FeedbackSettings, url: &str| {
            Targets::with(settings, table.clone()).check(url).await.err()
        };
        for (url, error) in [
            ("https://court.example/hook", None),
            ("https://93.184.215.14/hook", None),
            ("http://court.example/hook", Some(AddressError::NotHttps)),
            ("https://a:b@court.example/", Some(AddressError::Credentials)),
            ("https://unknown.example/", Some(AddressError::NoAddress)),
            ("https://inside.example/", Some(AddressError::Inside)),
            ("https://mixed.example/", Some(AddressError::Inside)),
            ("ftp://court.example/", Some(AddressError::NotHttps)),
            ("court.example", Some(AddressError::NotUrl)),
        ] {
            assert_eq!(check(&closed, url).await, error, "{url}");
        }
        for inside in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0.0.0.0",
            "10.0.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.100.100.200",
            "192.0.0.192",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "[::1]",
            "[::]",
            "[fe80::1]",
            "[fd00:ec2::254]",
            "[ff02::1]",
            "[::ffff:10.0.0.1]",
            "[::10.0.0.1]",
            "[64:ff9b::a00:1]",
            "[2002:a00:1::]",
        ] {
            let url = format!("https://{inside}/");
            assert_eq!(check(&closed, &url).await, Some(AddressError::Inside), "{url}");
        }
        assert_eq!(check(&one, "https://inside.example/").await, None);
        assert_eq!(check(&one, "https://10.21.0.1/").await, Some(AddressError::Inside));
        assert_eq!(check(&one, "http://10.20.0.1/").await, Some(AddressError::NotHttps));
        assert_eq!(check(&all, "http://127.0.0.1:9/").await, None);
        assert_eq!(check(&all, "https://inside.example/").await, None);
        assert_eq!(check(&all, "http://court.example/").await, Some(AddressError::NotHttps));
    }

    /// The name is public when it is registered and leads to the own machine when the post is made.
    #[tokio::test]
    async fn a_name_that_changes_its_answer_is_not_followed() {
        drop(rustls::crypto::ring::default_provider().install_default());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let table = Arc::new(Table::default());
        table.set("court.example", &["93.184.215.14"]);
        let targets = Targets::with(&settings(false, ""), table.clone());
        let url = targets.check(&format!("https://court.example:{port}/hook")).await.unwrap();
        table.set("court.example", &["127.0.0.1"]);
        let client = reqwest::Client::builder().no_proxy().dns_resolver(Arc::new(targets)).build().unwrap();
        let error = client.post(url).send().await.unwrap_err();
        assert_eq!(reason(&error), Some(&AddressError::Inside), "{error:?}");
        let nobody_came = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
        assert!(nobody_came.is_err());
    }
}
