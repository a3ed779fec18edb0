//! A TCP proxy that understands what it carries, PostgreSQL or AMQP, and strikes at a chosen message: cuts, loses, delays,
//! holds or half-closes. It also makes whole links slow or silent, without a word to either side.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use std::time::Duration;
//!
//! use harness::proxy::{Deed, Frame, Protocol, Proxy, Rule};
//!
//! let proxy = Proxy::start(Protocol::Postgres, "postgres://user:secret@127.0.0.1:5432/xiezhi").await?;
//! let url = proxy.url(); // for the program under test
//! let lost = proxy.arm(Rule::new(Frame::Committed, Deed::CutBefore).within("INSERT INTO receipt"));
//! // … work that commits a receipt …
//! lost.sprung(Duration::from_secs(20)).await?;
//! # drop(url);
//! # Ok(())
//! # }
//! ```

mod frames;
mod link;
mod rule;
mod state;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use reqwest::Url;
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::task::JoinHandle;

pub use frames::{Frame, Protocol, Way};
use rule::Armed;
pub use rule::{Deed, Rule, Trap};
use state::{Control, lock};

/// A proxy in front of one server, on a port of its own on the loopback. All its links end when it is dropped.
pub struct Proxy {
    control: Arc<Control>,
    address: SocketAddr,
    url: Url,
    listener: JoinHandle<()>,
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Proxy({:?} at {})", self.control.protocol, self.address)
    }
}

impl Proxy {
    /// Listens for connections to the server of this URL.
    ///
    /// # Errors
    /// When the URL names no server or no port can be opened.
    pub async fn start(protocol: Protocol, url: &str) -> Result<Self> {
        let url = Url::parse(url).context("the server's URL is not a URL")?;
        let host = url.host_str().context("the server's URL has no host")?;
        let usual = match protocol {
            Protocol::Postgres => 5432,
            Protocol::Amqp => 5672,
        };
        let upstream = lookup_host((host, url.port().unwrap_or(usual))).await?.next();
        let upstream = upstream.with_context(|| format!("{host} has no address"))?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let control = Arc::new(Control::new(protocol, upstream));
        let listener = tokio::spawn(listen(listener, Arc::clone(&control)));
        Ok(Self { control, address, url, listener })
    }

    /// The server's URL, by way of the proxy.
    #[must_use]
    pub fn url(&self) -> String {
        self.in_front_of(self.url.as_str())
    }

    /// Any other URL of the same server, by way of the proxy.
    ///
    /// # Panics
    /// When it is no URL with a host.
    #[must_use]
    pub fn in_front_of(&self, url: &str) -> String {
        let mut url = Url::parse(url).expect("a test knows its servers' URLs");
        url.set_host(Some("127.0.0.1")).expect("a URL of a server has a host");
        url.set_port(Some(self.address.port())).expect("a URL of a server has a port");
        url.into()
    }

    /// Puts a rule into force, until the trap is dropped.
    pub fn arm(&self, rule: Rule) -> Trap {
        let trap = Trap { rule: rule.clone(), struck: Arc::default() };
        self.control.arm(Armed { rule, seen: 0, struck: Arc::downgrade(&trap.struck) });
        trap
    }

    /// Lets nothing pass any more in these directions, on any link, old or new, and tells nobody.
    pub fn silence(&self, ways: &[Way]) {
        self.control.weather.send_modify(|weather| weather.silent = ways.to_vec());
    }

    /// Lets everything come so much later, in each direction.
    pub fn delay(&self, time: Duration) {
        self.control.weather.send_modify(|weather| weather.delay = time);
    }

    /// Ends silence and delay, and lets go of what was held.
    pub fn clear(&self) {
        self.control.weather.send_modify(|weather| {
            (weather.silent, weather.delay) = (Vec::new(), Duration::ZERO);
            weather.cleared += 1;
        });
    }

    /// Cuts all links. New ones pass.
    pub fn cut(&self) {
        self.control.weather.send_modify(|weather| weather.cuts += 1);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listener.abort();
        let misread = lock(&self.control.misread).clone();
        assert!(misread.is_empty() || std::thread::panicking(), "the proxy did not understand: {misread:?}");
    }
}

async fn listen(listener: TcpListener, control: Arc<Control>) {
    let mut links = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { continue };
                links.spawn(carry(Arc::clone(&control), client));
            }
            Some(_) = links.join_next() => {}
        }
    }
}

async fn carry(control: Arc<Control>, client: TcpStream) {
    if let Err(error) = link::carry(&control, client).await {
        // A server that is down is the test's own doing; what cannot be read makes every rule worthless.
        if error.downcast_ref::<std::io::Error>().is_none() {
            lock(&control.misread).push(format!("{error:#}"));
        }
    }
}

#[cfg(test)]
mod tests;
