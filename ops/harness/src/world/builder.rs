//! Puts a world together, step by step as an administrator would, with the hub's own commands.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures::future::try_join_all;

use super::World;
use super::api::Tokens;
use super::cli::HubCli;
use super::county::County;
use super::ground::{Given, Ground};
use super::links::Links;
use super::part::{Pages, Part};
use super::programs::Programs;
use super::region::{self, PILOTS, Province};
use crate::home::{Home, free_port};
use crate::launch::Launch;
use crate::shared::TestEnv;
use crate::stack::{Stack, StackOptions};

/// Longest time until a started program can do its work; generous, as tests share few cores.
const READY: Duration = Duration::from_secs(60);
/// Name of the operator's principal.
const OPERATOR: &str = "operator-1";
/// All worlds on one broker use this secret, as the passwords of its users come from it.
const SHARED_SECRET: &str = "7e57000000000000000000000000000000000000000000000000000000007e57";

#[derive(Debug)]
enum Choice {
    Shared,
    Private(StackOptions),
    Ready(Box<Stack>),
    Given(Given),
}

/// What is told while a world comes up.
type Narrator = Box<dyn Fn(&str) + Send + Sync>;

/// Options of a world; [`Builder::start`] brings it up.
pub struct Builder {
    name: String,
    ground: Choice,
    provinces: Vec<String>,
    registries_each: usize,
    registries_total: Option<usize>,
    courts: Vec<String>,
    clerks_of: Vec<String>,
    window: Duration,
    decide_after: Duration,
    programs: Option<PathBuf>,
    hub_env: Vec<(String, String)>,
    connector_env: Vec<(String, String)>,
    proxied: bool,
    https: Option<Https>,
    by_files: bool,
    narrator: Option<Narrator>,
}

/// Files (PEM) by which the hub speaks HTTPS, for the address 127.0.0.1.
#[derive(Debug, Clone)]
pub struct Https {
    /// Its certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// Whom connectors, command line and courts trust, and nobody else.
    pub roots: PathBuf,
}

impl Https {
    /// The variable by which programs learn whom they trust instead of the machine's authorities.
    pub const ROOTS: &str = "SSL_CERT_FILE";

    fn client(&self) -> Result<reqwest::ClientBuilder> {
        let roots = reqwest::Certificate::from_pem_bundle(&fs::read(&self.roots)?)?;
        Ok(reqwest::Client::builder().tls_certs_only(roots))
    }
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Builder({})", self.name)
    }
}

impl Builder {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ground: Choice::Shared,
            provinces: PILOTS.map(str::to_owned).to_vec(),
            registries_each: 2,
            registries_total: None,
            courts: vec!["court-a".to_owned(), "court-b".to_owned()],
            clerks_of: Vec::new(),
            window: Duration::from_secs(300),
            decide_after: Duration::from_millis(500),
            programs: None,
            hub_env: Vec::new(),
            connector_env: Vec::new(),
            proxied: false,
            https: None,
            by_files: false,
            narrator: None,
        }
    }

    /// Stands on servers of its own, which may be killed. Otherwise it shares the tests' servers.
    #[must_use]
    pub fn private(mut self, options: StackOptions) -> Self {
        self.ground = Choice::Private(options);
        self
    }

    /// Stands on private servers that run already.
    #[must_use]
    pub fn on(mut self, stack: Stack) -> Self {
        self.ground = Choice::Ready(Box::new(stack));
        self
    }

    /// Stands on somebody's servers.
    #[must_use]
    pub fn given(mut self, servers: Given) -> Self {
        self.ground = Choice::Given(servers);
        self
    }

    /// The provinces, two digits each; the eight pilots otherwise.
    #[must_use]
    pub fn provinces(mut self, codes: &[&str]) -> Self {
        self.provinces = codes.iter().map(|code| (*code).to_owned()).collect();
        self
    }

    /// Registries of each province; 2 otherwise.
    #[must_use]
    pub const fn registries_each(mut self, count: usize) -> Self {
        self.registries_each = count;
        self
    }

    /// Registries of all provinces together, spread as evenly as the provinces allow.
    #[must_use]
    pub const fn registries_total(mut self, count: usize) -> Self {
        self.registries_total = Some(count);
        self
    }

    /// Names of the courts' principals; `court-a` and `court-b` otherwise.
    #[must_use]
    pub fn courts(mut self, names: &[&str]) -> Self {
        self.courts = names.iter().map(|name| (*name).to_owned()).collect();
        self
    }

    /// Gives each of these registries (six digits) two clerks for its window, `clerk-320102-a` and `clerk-320102-b`.
    #[must_use]
    pub fn clerks_of(mut self, registries: &[&str]) -> Self {
        self.clerks_of = registries.iter().map(|code| (*code).to_owned()).collect();
        self
    }

    /// Delivery window, whole seconds; 5 minutes otherwise.
    #[must_use]
    pub const fn window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// How long a county thinks before it decides; 500 ms otherwise, so that the receipt is stamped before.
    #[must_use]
    pub const fn decide_after(mut self, time: Duration) -> Self {
        self.decide_after = time;
        self
    }

    /// Takes the programs from this directory instead of the one where the current program lies.
    #[must_use]
    pub fn programs(mut self, dir: impl Into<PathBuf>) -> Self {
        self.programs = Some(dir.into());
        self
    }

    /// A variable for the hub, such as a fail point or another setting.
    #[must_use]
    pub fn hub_env(mut self, key: &str, value: &str) -> Self {
        self.hub_env.push((key.to_owned(), value.to_owned()));
        self
    }

    /// A variable for every connector.
    #[must_use]
    pub fn connector_env(mut self, key: &str, value: &str) -> Self {
        self.connector_env.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Leads hub and connectors to their servers by way of proxies: [`World::links`].
    #[must_use]
    pub const fn through_proxies(mut self) -> Self {
        self.proxied = true;
        self
    }

    /// The hub speaks HTTPS, and everybody speaks HTTPS with it.
    #[must_use]
    pub fn https(mut self, files: Https) -> Self {
        let file = |path: &Path| path.display().to_string();
        for (key, path) in [
            ("XIEZHI_HTTP__TLS_CERTIFICATE_FILE", &files.certificate),
            ("XIEZHI_HTTP__TLS_KEY_FILE", &files.key),
        ] {
            self.hub_env.push((key.to_owned(), file(path)));
        }
        let trust = (Https::ROOTS.to_owned(), file(&files.roots));
        self.hub_env.push(trust.clone());
        self.connector_env.push(trust);
        self.https = Some(files);
        self
    }

    /// Connectors and counties exchange files instead of calls: [`World::exchange_folder`].
    #[must_use]
    pub const fn by_files(mut self) -> Self {
        self.by_files = true;
        self
    }

    /// Tells what is being done, one line a step.
    #[must_use]
    pub fn narrate(mut self, tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.narrator = Some(Box::new(tell));
        self
    }

    fn tell(&self, line: &str) {
        if let Some(narrator) = &self.narrator {
            narrator(line);
        }
    }

    /// Brings everything up and waits until it is ready.
    ///
    /// # Errors
    /// When a program is not built, a server not installed, or a step fails; the step's output is in the message.
    pub async fn start(mut self) -> Result<World> {
        crate::install_crypto();
        let programs = match &self.programs {
            Some(dir) => Programs::in_dir(dir)?,
            None => Programs::beside_me()?,
        };
        let provinces = region::choose(&self.provinces, self.registries_each, self.registries_total)?;
        let ground = self.make_ground().await?;
        ground.prepare().await?;
        let links = if self.proxied { Some(Links::before(&ground).await?) } else { None };
        let dir = ground.dir();
        // No connection is kept: programs are killed and come back, and a kept connection would fail then.
        let client = self.https.as_ref().map_or_else(|| Ok(reqwest::Client::builder()), Https::client)?;
        let http = client.no_proxy().pool_max_idle_per_host(0).timeout(Duration::from_secs(60)).build()?;
        let scheme = if self.https.is_some() { "https" } else { "http" };
        let hub_base = format!("{scheme}://127.0.0.1:{}", free_port()?);
        let cli = self.hub_cli(&programs, &ground, &dir, &hub_base, links.as_ref())?;
        self.declare(&cli, &dir, &provinces, ground.shares_broker()).await?;
        let tokens = self.issue(&cli, &provinces).await?;

        self.tell("starting hub, county systems and connectors");
        let launch = |name: &str, program: &Path| {
            // Nothing of the caller's environment, whose variables would change the programs' settings.
            Launch::new(name, program).clear_env().home(ground.home()).log_dir(&dir).directory(&dir)
        };
        let pages =
            Pages { alive: format!("{hub_base}/healthz"), ready: format!("{hub_base}/readyz"), token: None };
        let serve = launch("hub", &programs.hub).args(["serve"]).envs(cli.env.clone());
        let hub = Part::new("hub", serve, pages, &http);
        hub.spawn()?;

        let mut counties = BTreeMap::new();
        let mut connectors = BTreeMap::new();
        for province in &provinces {
            let county = self.county(province, launch, &programs, &dir, &http)?;
            county.spawn()?;
            let health = format!("http://127.0.0.1:{}", free_port()?);
            let file = self
                .connector_file(&cli, &ground, links.as_ref(), province, &county, &tokens, &hub_base, &health)
                .await?;
            let name = format!("connector-{}", province.code);
            let args = ["run", "--config"].map(str::to_owned).into_iter().chain([file.display().to_string()]);
            let run = launch(&name, &programs.connector).args(args).envs(self.connector_env.clone());
            let pages =
                Pages { alive: format!("{health}/healthz"), ready: format!("{health}/readyz"), token: None };
            connectors.insert(province.code.clone(), Part::new(&name, run, pages, &http));
            counties.insert(province.code.clone(), county);
        }
        hub.ready(READY).await?;
        try_join_all(counties.values().map(|county| county.ready(READY))).await?;
        // After the hub and the counties, so that their first look finds everything well.
        for connector in connectors.values() {
            connector.spawn()?;
        }
        try_join_all(connectors.values().map(|connector| connector.ready(READY))).await?;
        self.tell("everything is ready");
        Ok(World {
            hub,
            connectors,
            counties,
            provinces,
            operator: OPERATOR.to_owned(),
            courts: self.courts,
            tokens,
            cli,
            hub_base,
            http,
            dir,
            links,
            ground,
        })
    }

    async fn make_ground(&mut self) -> Result<Ground> {
        Ok(match std::mem::replace(&mut self.ground, Choice::Shared) {
            Choice::Shared => Ground::Shared(Box::new(Box::pin(TestEnv::new(&self.name)).await?)),
            Choice::Private(options) => {
                self.tell("starting a private PostgreSQL and RabbitMQ");
                Ground::Private(Box::new(Box::pin(Stack::start(&self.name, options)).await?))
            }
            Choice::Ready(stack) => Ground::Private(stack),
            Choice::Given(given) => Ground::Given(given, Arc::new(Home::create(&self.name)?)),
        })
    }

    fn hub_cli(
        &self,
        programs: &Programs,
        ground: &Ground,
        dir: &Path,
        base: &str,
        links: Option<&Links>,
    ) -> Result<HubCli> {
        let file = |name: &str| dir.join(name).display().to_string();
        let (database, broker) = match links {
            Some(links) => (links.database.url(), links.broker.url()),
            None => (ground.database_url(), ground.broker_url()),
        };
        let listen = base.split_once("://").map_or(base, |(_, address)| address).to_owned();
        let mut env: Vec<(String, String)> = [
            ("XIEZHI_DATABASE__URL", database),
            ("XIEZHI_BROKER__URL", broker),
            ("XIEZHI_BROKER__MANAGEMENT_URL", ground.management_url()?),
            ("XIEZHI_HTTP__LISTEN", listen),
            ("XIEZHI_HTTP__RATE_PER_SECOND", "100000".to_owned()),
            ("XIEZHI_HTTP__RATE_BURST", "100000".to_owned()),
            ("XIEZHI_DOCUMENTS__ROOT", file("documents")),
            ("XIEZHI_DELIVERY__WINDOW_SECS", self.window.as_secs().to_string()),
            ("XIEZHI_LEDGER__SIGNING_KEY_FILE", file("keys/ledger.pem")),
            ("XIEZHI_LEDGER__WITNESS_FILE", file("witness.jsonl")),
            ("XIEZHI_SECRET__HUB_SECRET_FILE", file("keys/hub.secret")),
            ("XIEZHI_FEEDBACK__WEBHOOK_ALLOW_PRIVATE", "true".to_owned()),
            // A day before every registration of this world.
            ("XIEZHI_WAITING__CUT_OVER_DAY", "2024-03-01".to_owned()),
            // For the commands that ask the API.
            ("XIEZHI_API", base.to_owned()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .to_vec();
        // Last, so that they win.
        env.extend(self.hub_env.iter().cloned());
        Ok(HubCli { program: programs.hub.clone(), env, dir: dir.to_owned() })
    }

    /// Keys, schema, directory and topology.
    async fn declare(&self, cli: &HubCli, dir: &Path, provinces: &[Province], shared: bool) -> Result<()> {
        self.tell("making keys and database schema");
        if shared {
            write_private(&dir.join("keys/hub.secret"), &format!("{SHARED_SECRET}\n"))?;
        }
        cli.must(&["keys", "init"]).await?;
        cli.must(&["migrate"]).await?;
        self.tell("importing provinces and registries, applying the topology to the broker");
        let provinces_file = dir.join("provinces.csv");
        let registries_file = dir.join("registries.csv");
        fs::write(&provinces_file, region::provinces_csv(provinces))?;
        let registries = provinces.iter().flat_map(|province| &province.registries);
        fs::write(&registries_file, region::registries_csv(registries))?;
        let files = [provinces_file, registries_file].map(|path| path.display().to_string());
        cli.must(&["directory", "import", &files[0], &files[1]]).await?;
        cli.must(&["topology", "apply", "--yes"]).await?;
        Ok(())
    }

    /// Principals and their tokens: courts, one operator, one connector for each province, clerks.
    async fn issue(&self, cli: &HubCli, provinces: &[Province]) -> Result<Tokens> {
        self.tell("issuing tokens to courts, operator, connectors and clerks");
        let courts = self.courts.iter().map(|name| (name.clone(), "court", None));
        let operator = [(OPERATOR.to_owned(), "operator", None)];
        let connectors = provinces
            .iter()
            .map(|p| (format!("connector-{}", p.code), "connector", Some(["--province", &p.code])));
        let clerks = self.clerks_of.iter().flat_map(|registry| {
            ["a", "b"]
                .map(|person| (format!("clerk-{registry}-{person}"), "clerk", Some(["--registry", registry])))
        });
        let mut tokens = Tokens::new();
        for (name, role, place) in courts.chain(operator).chain(connectors).chain(clerks) {
            let mut args = vec!["principal", "add", &name, "--role", role];
            args.extend(place.into_iter().flatten());
            cli.must(&args).await?;
            let token = cli.must(&["credential", "issue", &name]).await?;
            tokens.insert(name.clone(), token.trim().to_owned());
        }
        Ok(tokens)
    }

    fn county(
        &self,
        province: &Province,
        launch: impl Fn(&str, &Path) -> Launch,
        programs: &Programs,
        dir: &Path,
        http: &reqwest::Client,
    ) -> Result<County> {
        let name = format!("county-{}", province.code);
        let listen = format!("127.0.0.1:{}", free_port()?);
        let base = format!("http://{listen}");
        let token = format!("{:032x}", rand::random::<u128>());
        let codes: Vec<&str> = province.registries.iter().map(|registry| registry.code.as_str()).collect();
        let journal = dir.join(&name).display().to_string();
        let registries = if codes.is_empty() { "*".to_owned() } else { codes.join(",") };
        let decide = self.decide_after.as_millis().to_string();
        let mut run = launch(&name, &programs.county)
            .args(["--journal", &journal, "--listen", &listen, "--registries", &registries])
            .args(["--decide-after-ms", &decide])
            .env("COUNTY_TOKEN", &token);
        if self.by_files {
            let root = exchange_root(dir, province.code.as_str());
            for folder in codes.iter().flat_map(|code| PARTS.map(|part| root.join(code).join(part))) {
                fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
            }
            run = run.args(["--files", &root.display().to_string()]);
        }
        let stats = format!("{base}/_sim/stats");
        let pages = Pages { alive: stats.clone(), ready: stats, token: Some(token.clone()) };
        Ok(County { part: Part::new(&name, run, pages, http), base, token, http: http.clone() })
    }

    /// Writes a connector's configuration, as the province's administrator would.
    #[expect(clippy::too_many_arguments, reason = "each is one line of the file")]
    async fn connector_file(
        &self,
        cli: &HubCli,
        ground: &Ground,
        links: Option<&Links>,
        province: &Province,
        county: &County,
        tokens: &Tokens,
        hub_base: &str,
        health: &str,
    ) -> Result<PathBuf> {
        let code = province.code.as_str();
        let key = cli.must(&["province", "key", code]).await?;
        let password = cli.must(&["province", "broker-password", code]).await?;
        let name = format!("connector-{code}");
        let token = tokens.get(&name).context("every connector has a token")?;
        let registries: Vec<&str> =
            province.registries.iter().map(|registry| registry.code.as_str()).collect();
        let mut broker = ground.broker_url_as(&format!("xz-province-{code}"), password.trim())?;
        if let Some(links) = links {
            broker = links.provinces.in_front_of(&broker);
        }
        let (adapter, options) = if self.by_files {
            let root = exchange_root(&ground.dir(), code);
            // County and connector rename, so that nothing has to stand still.
            ("filedrop", serde_json::json!({ "root": root, "poll_ms": 50, "steady_ms": 0, "min_free_mb": 1 }))
        } else {
            ("rest", serde_json::json!({ "base_url": county.base, "token": county.token }))
        };
        let text = toml::to_string(&serde_json::json!({
            "name": name,
            "province": code,
            "province_key": key.trim(),
            "registries": registries,
            "adapter": adapter,
            "broker": { "url": broker, "allow_plaintext": true },
            "hub": { "url": hub_base, "token": token },
            "pace": { "first_wait_millis": 100, "probe_most_secs": 2 },
            "outcomes": { "period_millis": 250 },
            "health": { "listen": health.trim_start_matches("http://") },
            adapter: options,
        }))?;
        let path = ground.dir().join(format!("{name}.toml"));
        write_private(&path, &text)?;
        Ok(path)
    }
}

/// Parts of a registry's exchange folder.
const PARTS: [&str; 4] = ["out", "in", "archive", "quarantine"];

/// Above the exchange folders of a province's registries.
pub(super) fn exchange_root(dir: &Path, province: &str) -> PathBuf {
    dir.join(format!("exchange-{province}"))
}

/// Writes a file that nobody else may read, and its folder.
fn write_private(path: &Path, text: &str) -> Result<()> {
    let shown = || format!("cannot write {}", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(shown)?;
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .with_context(shown)?;
    file.write_all(text.as_bytes()).with_context(shown)
}
