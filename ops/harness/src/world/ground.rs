//! The servers on which a world stands: private ones, the tests' shared ones, or given ones.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use reqwest::Url;

use crate::home::Home;
use crate::management::Management;
use crate::shared::TestEnv;
use crate::stack::Stack;

/// Servers by URL. Database and virtual host are those of the URLs and must be there.
#[derive(Clone)]
pub struct Given {
    /// `postgres://…/database` of a user who may make tables and the role `xiezhi_app`.
    pub database_url: String,
    /// `amqp://…/vhost` of an administrator.
    pub broker_url: String,
    /// `http://user:password@host:port` of the management API.
    pub management_url: String,
}

impl std::fmt::Debug for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Given(urls hidden)")
    }
}

/// Database and broker of one world.
#[derive(Debug)]
pub enum Ground {
    /// A pair of servers of its own, which may be killed.
    Private(Box<Stack>),
    /// A database and a virtual host on the tests' servers.
    Shared(Box<TestEnv>),
    /// Somebody else's servers.
    Given(Given, Arc<Home>),
}

/// Name of database and virtual host on private servers.
const NAME: &str = "xiezhi";

impl Ground {
    /// Makes database and virtual host on private servers.
    pub(super) async fn prepare(&self) -> Result<()> {
        if let Self::Private(stack) = self {
            stack.postgres.create_database(NAME).await?;
            stack.rabbit.create_vhost(NAME).await?;
        }
        Ok(())
    }

    /// URL of the database as administrator.
    #[must_use]
    pub fn database_url(&self) -> String {
        match self {
            Self::Private(stack) => stack.postgres.url(NAME),
            Self::Shared(env) => env.database_url().to_owned(),
            Self::Given(given, _) => given.database_url.clone(),
        }
    }

    /// AMQP URL of the virtual host as administrator.
    #[must_use]
    pub fn broker_url(&self) -> String {
        match self {
            Self::Private(stack) => stack.rabbit.amqp_url(NAME),
            Self::Shared(env) => env.broker_url().to_owned(),
            Self::Given(given, _) => given.broker_url.clone(),
        }
    }

    /// AMQP URL of the virtual host for another user.
    ///
    /// # Errors
    /// When the URL has no place for a user.
    pub fn broker_url_as(&self, user: &str, password: &str) -> Result<String> {
        let mut url = Url::parse(&self.broker_url()).context("the broker's URL is no URL")?;
        if url.set_username(user).and_then(|()| url.set_password(Some(password))).is_err() {
            bail!("the broker's URL has no place for a user");
        }
        Ok(url.into())
    }

    /// Name of the virtual host.
    #[must_use]
    pub fn vhost(&self) -> String {
        match self {
            Self::Private(_) => NAME.to_owned(),
            Self::Shared(env) => env.name().to_owned(),
            Self::Given(given, _) => Url::parse(&given.broker_url)
                .map(|url| url.path().trim_start_matches('/').replace("%2f", "/").replace("%2F", "/"))
                .ok()
                .filter(|name| !name.is_empty())
                .unwrap_or_else(|| "/".to_owned()),
        }
    }

    /// The broker's management API as administrator.
    ///
    /// # Errors
    /// When a given URL is none.
    pub fn management(&self) -> Result<Management> {
        Ok(match self {
            Self::Private(stack) => stack.rabbit.management().clone(),
            Self::Shared(env) => env.management().clone(),
            Self::Given(given, _) => Management::new(&given.management_url, None)?,
        })
    }

    /// URL of the management API with the administrator's credentials.
    pub(super) fn management_url(&self) -> Result<String> {
        let management = self.management()?;
        let (user, password) = management.credentials();
        let mut url = Url::parse(management.url())?;
        if url.set_username(user).and_then(|()| url.set_password(Some(password))).is_err() {
            bail!("the management URL has no place for a user");
        }
        Ok(String::from(url).trim_end_matches('/').to_owned())
    }

    /// Whether other worlds use the same broker, whose users are the same for all virtual hosts.
    pub(super) const fn shares_broker(&self) -> bool {
        matches!(self, Self::Shared(_))
    }

    /// The home in which programs are written down.
    #[must_use]
    pub fn home(&self) -> &Arc<Home> {
        match self {
            Self::Private(stack) => stack.home(),
            Self::Shared(env) => env.home(),
            Self::Given(_, home) => home,
        }
    }

    /// A directory for this world's files and logs.
    #[must_use]
    pub fn dir(&self) -> PathBuf {
        let dir: &Path = match self {
            Self::Private(stack) => stack.dir(),
            Self::Shared(env) => env.dir(),
            Self::Given(_, home) => home.path(),
        };
        dir.to_owned()
    }
}
