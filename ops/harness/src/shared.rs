//! One pair of servers for many tests: each test gets a database and a virtual host of its own and drops them at
//! its end. The servers come from the environment (`ops/test` sets it) or are started once for the test program.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use reqwest::Url;
use tokio::sync::OnceCell;

use crate::home::Home;
use crate::management::Management;
use crate::postgres::{self, Postgres, PostgresOptions};
use crate::rabbit::{Rabbit, RabbitOptions};

/// Variable with the URL of an existing database server: a user who may make databases and roles.
pub const DATABASE_URL: &str = "XIEZHI_TEST_DATABASE_URL";
/// Variable with the AMQP URL of an existing broker's administrator.
pub const BROKER_URL: &str = "XIEZHI_TEST_BROKER_URL";
/// Variable with the URL of that broker's management API; the credentials of the AMQP URL hold when it has none.
pub const MANAGEMENT_URL: &str = "XIEZHI_TEST_BROKER_MANAGEMENT_URL";

/// Servers that tests share: given ones where the environment names them, private ones otherwise.
#[derive(Debug)]
pub struct Servers {
    database_url: String,
    broker_url: String,
    management: Management,
    // Held for their end only.
    _postgres: Option<Postgres>,
    _rabbit: Option<Rabbit>,
    home: Arc<Home>,
}

impl Servers {
    /// Takes the given servers and starts what is not given.
    ///
    /// # Errors
    /// When a server does not start, or a broker is given without its management API.
    pub async fn start(name: &str) -> Result<Self> {
        let given = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let home = Arc::new(Home::create(name)?);
        let database = async {
            if let Some(url) = given(DATABASE_URL) {
                return Ok((url, None));
            }
            // These tests kill no machine: writing through to the disk would only cost time.
            let options =
                PostgresOptions { fsync: false, max_connections: 400, ..PostgresOptions::default() };
            let server = Postgres::start(&home, options).await?;
            anyhow::Ok((server.url("postgres"), Some(server)))
        };
        let broker = async {
            let Some(url) = given(BROKER_URL) else {
                let broker = Rabbit::start(&home, RabbitOptions::default()).await?;
                return Ok((broker.amqp_url("/"), broker.management().clone(), Some(broker)));
            };
            let Some(management) = given(MANAGEMENT_URL) else {
                bail!("{BROKER_URL} is set but {MANAGEMENT_URL} is not: the tests make virtual hosts there")
            };
            let parsed = Url::parse(&url).with_context(|| format!("{BROKER_URL} is not a URL"))?;
            let own = Url::parse(&management).ok().and_then(|m| m.password().map(|_| ()));
            let credentials = (parsed.username(), parsed.password().unwrap_or_default());
            let management = Management::new(&management, own.is_none().then_some(credentials))?;
            anyhow::Ok((url, management, None))
        };
        let ((database_url, postgres), (broker_url, management, rabbit)) =
            tokio::try_join!(database, Box::pin(broker))?;
        Ok(Self { database_url, broker_url, management, _postgres: postgres, _rabbit: rabbit, home })
    }

    /// The variables by which other programs find these servers.
    #[must_use]
    pub fn env(&self) -> Vec<(String, String)> {
        let (user, password) = self.management.credentials();
        let management = self.management.url().replacen("://", &format!("://{user}:{password}@"), 1);
        vec![
            (DATABASE_URL.to_owned(), self.database_url.clone()),
            (BROKER_URL.to_owned(), self.broker_url.clone()),
            (MANAGEMENT_URL.to_owned(), management),
        ]
    }

    /// The private directory.
    #[must_use]
    pub const fn home(&self) -> &Arc<Home> {
        &self.home
    }
}

/// A database and a virtual host for one test.
#[derive(Debug)]
pub struct TestEnv {
    name: String,
    database_url: String,
    broker_url: String,
    dir: PathBuf,
    servers: &'static Servers,
    finished: bool,
}

impl TestEnv {
    /// Makes both, empty, under the test's name and a random suffix.
    ///
    /// # Errors
    /// When the servers cannot be started or refuse.
    pub async fn new(test_name: &str) -> Result<Self> {
        // Never dropped: a static lives to the end of the program, when the kernel ends the servers; the next start
        // deletes their directory.
        static SERVERS: OnceCell<Servers> = OnceCell::const_new();
        let servers = SERVERS.get_or_try_init(|| Box::pin(Servers::start("shared"))).await?;
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
        let short: String = test_name.chars().map(plain).take(40).collect();
        let name = format!("t_{short}_{:08x}", rand::random::<u32>());
        postgres::create_database(&servers.database_url, &name).await?;
        servers.management.create_vhost(&name).await?;
        Ok(Self {
            database_url: at_path(&servers.database_url, &name)?,
            broker_url: at_path(&servers.broker_url, &name)?,
            dir: servers.home.sub(&name)?,
            name,
            servers,
            finished: false,
        })
    }

    /// Name of the database and of the virtual host.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// URL of the test's database, for a user who may do everything.
    #[must_use]
    pub fn database_url(&self) -> &str {
        &self.database_url
    }

    /// AMQP URL of the test's virtual host, for the administrator.
    #[must_use]
    pub fn broker_url(&self) -> &str {
        &self.broker_url
    }

    /// AMQP URL of the test's virtual host for another user.
    ///
    /// # Errors
    /// When the broker's URL cannot hold a user.
    pub fn broker_url_as(&self, user: &str, password: &str) -> Result<String> {
        let mut url = Url::parse(&self.broker_url)?;
        if url.set_username(user).and_then(|()| url.set_password(Some(password))).is_err() {
            bail!("the broker's URL has no place for a user");
        }
        Ok(url.into())
    }

    /// The broker's management API as administrator.
    #[must_use]
    pub const fn management(&self) -> &Management {
        &self.servers.management
    }

    /// A directory for the files and logs of this test.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The home, for [`crate::Launch::home`].
    #[must_use]
    pub const fn home(&self) -> &Arc<Home> {
        &self.servers.home
    }

    /// Drops database and virtual host and says whether that worked; dropping the value does the same in silence.
    ///
    /// # Errors
    /// When a server refuses.
    pub async fn finish(mut self) -> Result<()> {
        self.finished = true;
        clear(self.servers, &self.name).await
    }
}

impl Drop for TestEnv {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        let (servers, name) = (self.servers, self.name.clone());
        // The test's own runtime may be ending: the work is done on another thread with a runtime of its own.
        let work = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map(|r| {
                r.block_on(async {
                    tokio::time::timeout(Duration::from_secs(10), clear(servers, &name)).await
                })
            })
        });
        drop(work.join());
    }
}

async fn clear(servers: &Servers, name: &str) -> Result<()> {
    servers.management.delete_vhost(name).await?;
    postgres::drop_database(&servers.database_url, name).await
}

fn at_path(url: &str, path: &str) -> Result<String> {
    let mut url = Url::parse(url).context("a server's URL is not a URL")?;
    url.set_path(path);
    Ok(url.into())
}
