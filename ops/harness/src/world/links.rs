//! The lines of a world, each through a proxy that can strike at it.

use anyhow::Result;

use super::ground::Ground;
use crate::proxy::{Protocol, Proxy, Way};

/// The proxies on the way of the hub and of the connectors to their servers. The test's own looks do not pass through them.
#[derive(Debug)]
pub struct Links {
    /// Hub to database.
    pub database: Proxy,
    /// Hub to broker.
    pub broker: Proxy,
    /// Connectors to broker.
    pub provinces: Proxy,
}

impl Links {
    pub(super) async fn before(ground: &Ground) -> Result<Self> {
        Ok(Self {
            database: Proxy::start(Protocol::Postgres, &ground.database_url()).await?,
            broker: Proxy::start(Protocol::Amqp, &ground.broker_url()).await?,
            provinces: Proxy::start(Protocol::Amqp, &ground.broker_url()).await?,
        })
    }

    /// Silences both ways of both lines to the broker.
    pub fn silence_brokers(&self) {
        for proxy in [&self.broker, &self.provinces] {
            proxy.silence(&[Way::Up, Way::Down]);
        }
    }

    /// Clears all lines.
    pub fn clear(&self) {
        for proxy in [&self.database, &self.broker, &self.provinces] {
            proxy.clear();
        }
    }
}
