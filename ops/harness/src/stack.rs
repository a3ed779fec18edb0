//! A private PostgreSQL and RabbitMQ pair in one directory, for a run that kills or turns them as it likes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::home::Home;
use crate::launch::Launch;
use crate::postgres::{Postgres, PostgresOptions};
use crate::rabbit::{Rabbit, RabbitOptions};

/// How both servers are run.
#[derive(Debug, Clone, Default)]
pub struct StackOptions {
    /// The database.
    pub postgres: PostgresOptions,
    /// The broker.
    pub rabbit: RabbitOptions,
}

/// Two private servers. Everything ends and the directory is deleted when it is dropped.
#[derive(Debug)]
pub struct Stack {
    /// The database server.
    pub postgres: Postgres,
    /// The broker.
    pub rabbit: Rabbit,
    started_in: Duration,
    // Last, so that the directory goes when nobody writes there any more.
    home: Arc<Home>,
}

impl Stack {
    /// Starts both servers side by side and waits until they answer.
    ///
    /// # Errors
    /// When one is not installed or does not start.
    pub async fn start(name: &str, options: StackOptions) -> Result<Self> {
        let begin = Instant::now();
        let home = Arc::new(Home::create(name)?);
        let (postgres, rabbit) = tokio::try_join!(
            Postgres::start(&home, options.postgres),
            Box::pin(Rabbit::start(&home, options.rabbit))
        )?;
        Ok(Self { postgres, rabbit, started_in: begin.elapsed(), home })
    }

    /// Two servers with the usual options for one test that kills them.
    ///
    /// # Errors
    /// As [`Stack::start`].
    pub async fn private(test_name: &str) -> Result<Self> {
        Self::start(test_name, StackOptions::default()).await
    }

    /// The private directory; logs are `<name>.log` in it.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.home.path()
    }

    /// The home, for [`Launch::home`].
    #[must_use]
    pub const fn home(&self) -> &Arc<Home> {
        &self.home
    }

    /// Time from nothing to both servers answering.
    #[must_use]
    pub const fn started_in(&self) -> Duration {
        self.started_in
    }

    /// A program that belongs to this stack: logged in its directory, written down, ended with it.
    #[must_use]
    pub fn launch(&self, name: &str, program: impl Into<PathBuf>) -> Launch {
        Launch::new(name, program).home(&self.home)
    }

    /// Orderly shutdown of both servers, then everything is deleted.
    ///
    /// # Errors
    /// When a server had to be killed.
    pub async fn stop(self) -> Result<()> {
        tokio::try_join!(async { self.postgres.stop().await.map(drop) }, self.rabbit.stop()).map(drop)
    }
}
