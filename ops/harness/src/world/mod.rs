//! The whole road with real programs: broker, database, hub, one connector and one simulated county system for every
//! province, courts and an operator. Tests, demo, chaos and load runs build on it.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use std::time::Duration;
//!
//! use harness::world::{World, demand};
//! use xiezhi_schemas::message::Kind;
//!
//! let world = World::builder("example").provinces(&["32"]).start().await?;
//! let court = world.court("court-a");
//! let request = court.send(&demand(Kind::Seizure, "320102").build()).await?[0];
//! court.wait_for_state(request, "registered", Duration::from_secs(20)).await?;
//! world.finish().await
//! # }
//! ```

mod api;
mod builder;
mod cli;
mod county;
mod demand;
mod ground;
mod links;
mod papers;
mod part;
mod programs;
mod region;
mod window;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures::future::join_all;
use serde_json::Value;

pub use api::{Answer, Caller, Court, Operator, request_ids};
pub use builder::{Builder, Https};
pub use cli::Ran;
pub use county::County;
pub use demand::{Builder as DemandBuilder, Demand, demand, unit_code};
pub use ground::{Given, Ground};
pub use links::Links;
pub use papers::{Paper, Papers, pdf};
pub use part::Part;
pub use programs::Programs;
pub use region::{PILOTS, Province, Registry, provinces_csv, registries_csv};
pub use window::Window;

use api::Tokens;
use cli::HubCli;

/// How long a program may take for an ordered end.
const GRACE: Duration = Duration::from_secs(30);

/// A running world. Everything in it is killed when it is dropped; [`World::finish`] ends it in order.
#[derive(Debug)]
pub struct World {
    /// The hub.
    pub hub: Part,
    connectors: BTreeMap<String, Part>,
    counties: BTreeMap<String, County>,
    provinces: Vec<Province>,
    operator: String,
    courts: Vec<String>,
    tokens: Tokens,
    cli: HubCli,
    hub_base: String,
    http: reqwest::Client,
    dir: PathBuf,
    links: Option<Links>,
    // Last: the servers go when nobody uses them any more.
    ground: Ground,
}

impl World {
    /// Begins a world; the name is for directories, database and virtual host.
    #[must_use]
    pub fn builder(name: &str) -> Builder {
        Builder::new(name)
    }

    /// The servers it stands on.
    #[must_use]
    pub const fn ground(&self) -> &Ground {
        &self.ground
    }

    /// Its own servers, to kill and turn.
    ///
    /// # Panics
    /// When it shares servers: a test that kills them must be built with `private`.
    #[must_use]
    pub fn stack(&self) -> &crate::Stack {
        match &self.ground {
            Ground::Private(stack) => stack,
            _ => panic!("this world shares its servers; build it with .private(…) to kill them"),
        }
    }

    /// The lines between programs and servers, to cut and silence.
    ///
    /// # Panics
    /// When it was not built with `through_proxies`.
    #[must_use]
    pub const fn links(&self) -> &Links {
        self.links.as_ref().expect("a world whose lines are struck is built with .through_proxies()")
    }

    /// Provinces with their registries.
    #[must_use]
    pub fn provinces(&self) -> &[Province] {
        &self.provinces
    }

    /// All registries.
    pub fn registries(&self) -> impl Iterator<Item = &Registry> {
        self.provinces.iter().flat_map(|province| &province.registries)
    }

    /// The connector of a province (two digits).
    ///
    /// # Panics
    /// When the world has no such province.
    #[must_use]
    pub fn connector(&self, province: &str) -> &Part {
        self.connectors.get(province).unwrap_or_else(|| panic!("no connector of province {province}"))
    }

    /// All connectors by province.
    #[must_use]
    pub const fn connectors(&self) -> &BTreeMap<String, Part> {
        &self.connectors
    }

    /// The simulated county system of a province, which serves all its registries.
    ///
    /// # Panics
    /// When the world has no such province.
    #[must_use]
    pub fn county(&self, province: &str) -> &County {
        self.counties.get(province).unwrap_or_else(|| panic!("no county system of province {province}"))
    }

    /// All county systems by province.
    #[must_use]
    pub const fn counties(&self) -> &BTreeMap<String, County> {
        &self.counties
    }

    /// Names of the courts.
    #[must_use]
    pub fn courts(&self) -> &[String] {
        &self.courts
    }

    /// A court as a client.
    ///
    /// # Panics
    /// When the world has no such court.
    #[must_use]
    pub fn court(&self, name: &str) -> Court {
        Court::new(self.caller(name))
    }

    /// The operator as a client.
    #[must_use]
    pub fn operator(&self) -> Operator {
        Operator::new(self.caller(&self.operator))
    }

    /// The window of a registry whose clerks the world was built with.
    ///
    /// # Errors
    /// When there is no room for its files.
    pub fn window(&self, registry: &str) -> Result<Window<'_>> {
        Window::open(self, registry)
    }

    /// Anybody as a client: a court, `operator-1`, `connector-32`, `clerk-320102-a`.
    ///
    /// # Panics
    /// When the world has nobody of this name.
    #[must_use]
    pub fn caller(&self, name: &str) -> Caller {
        let token = self.tokens.get(name).unwrap_or_else(|| panic!("nobody here is called {name}"));
        Caller::new(name, &self.hub_base, token, &self.http)
    }

    /// Names and tokens of everybody.
    #[must_use]
    pub const fn tokens(&self) -> &BTreeMap<String, String> {
        &self.tokens
    }

    /// Tells the county system in charge of a registry to misbehave; `none` ends it.
    ///
    /// # Errors
    /// When it does not know the fault or does not answer.
    pub async fn fault(&self, registry: &str, fault: &str) -> Result<()> {
        self.county(registry.get(..2).unwrap_or_default()).fault(registry, fault).await
    }

    /// What the county system of a province wrote.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn journal(&self, province: &str) -> Result<Vec<Value>> {
        self.county(province).journal().await
    }

    /// Runs a command of the hub, which must end well; gives its standard output.
    ///
    /// # Errors
    /// When it ends otherwise; its output is in the message.
    pub async fn hub_cli(&self, args: &[&str]) -> Result<String> {
        self.cli.must(args).await
    }

    /// Runs a command of the hub, whatever it ends with.
    ///
    /// # Errors
    /// When it cannot be run or does not end.
    pub async fn hub_cli_raw(&self, args: &[&str]) -> Result<Ran> {
        self.cli.run(args).await
    }

    /// Runs a command that asks the API as somebody.
    ///
    /// # Errors
    /// As [`World::hub_cli`].
    pub async fn hub_cli_as(&self, name: &str, args: &[&str]) -> Result<String> {
        let token = self.tokens.get(name).with_context(|| format!("nobody here is called {name}"))?;
        let mut cli = self.cli.clone();
        cli.env.push(("XIEZHI_TOKEN".to_owned(), token.clone()));
        cli.must(args).await
    }

    /// The hub's environment, to run it in other ways.
    #[must_use]
    pub fn hub_env(&self) -> &[(String, String)] {
        &self.cli.env
    }

    /// `http://127.0.0.1:port` of the hub.
    #[must_use]
    pub fn hub_base(&self) -> &str {
        &self.hub_base
    }

    /// A new connection to the database as administrator, for checks.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn sql(&self) -> Result<tokio_postgres::Client> {
        let url = self.ground.database_url();
        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls)
            .await
            .context("the world's database does not answer")?;
        // Ends with the client; its error is the client's error.
        tokio::spawn(connection);
        Ok(client)
    }

    /// The directory with logs, configuration, keys and journals.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where a registry and its connector exchange files, in a world that was built with `by_files`.
    #[must_use]
    pub fn exchange_folder(&self, registry: &str) -> PathBuf {
        builder::exchange_root(&self.dir, registry.get(..2).unwrap_or_default()).join(registry)
    }

    /// Ends everything in order. Programs that do not end in time are killed.
    ///
    /// # Errors
    /// When a server refuses to give back what the world had.
    pub async fn finish(self) -> Result<()> {
        if let Some(links) = &self.links {
            links.clear();
        }
        join_all(self.connectors.values().map(|connector| connector.terminate(GRACE))).await;
        self.hub.terminate(GRACE).await;
        join_all(self.counties.values().map(|county| county.terminate(GRACE))).await;
        match self.ground {
            Ground::Private(stack) => stack.stop().await,
            Ground::Shared(env) => env.finish().await,
            Ground::Given(..) => Ok(()),
        }
    }
}
