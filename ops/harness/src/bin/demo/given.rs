//! Somebody's own servers: the demo borrows an empty database and virtual host, marks what it uses so that a killed demo
//! is cleared up after by the next, and gives everything back as it was. Nothing that it did not make is touched.

use std::env;

use anyhow::{Context as _, Result, bail, ensure};
use harness::Management;
use harness::world::{Given, PILOTS};
use reqwest::{Method, StatusCode, Url};
use serde_json::{Value, json};
use tokio_postgres::NoTls;
use tokio_postgres::error::SqlState;

/// What the demo writes on things that it may delete.
const MARK: &str = "borrowed by the xiezhi demo";
const NAMES: [&str; 3] = ["XIEZHI_DATABASE__URL", "XIEZHI_BROKER__URL", "XIEZHI_BROKER__MANAGEMENT_URL"];
/// The schema as a new database has it: everybody may look into it, which the hub's own role needs.
const CLEAR: &str =
    "DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO PUBLIC";

/// Borrowed servers.
pub(crate) struct Borrowed {
    urls: Given,
    management: Management,
    vhost: String,
    made_database: bool,
    made_vhost: bool,
}

impl Borrowed {
    /// Takes the servers that the environment names, or `None` when it names none.
    ///
    /// # Errors
    /// When only some are named, or what they name is in use.
    pub(crate) async fn from_environment() -> Result<Option<Self>> {
        harness::install_crypto();
        let found = NAMES.map(|name| env::var(name).ok().filter(|value| !value.is_empty()));
        let [database_url, broker_url, management_url] = match found {
            [None, None, None] => return Ok(None),
            [Some(database), Some(broker), Some(management)] => [database, broker, management],
            _ => bail!("to use your own servers set all of {}", NAMES.join(", ")),
        };
        let broker = Url::parse(&broker_url).context("XIEZHI_BROKER__URL is no URL")?;
        let vhost = broker.path().trim_start_matches('/').to_owned();
        let plain = vhost.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        ensure!(
            plain && !vhost.is_empty(),
            "XIEZHI_BROKER__URL must end with the name of a virtual host that may be made, such as /xiezhi-demo"
        );
        let management = Management::new(&management_url, None)?;
        // Users of a broker serve all its virtual hosts: those of a real hub must not be touched.
        refuse_foreign_users(&management, &vhost).await?;
        let made_database = take_database(&database_url).await?;
        let made_vhost = match take_vhost(&management, &vhost).await {
            Ok(made) => made,
            Err(error) => {
                return_database(&database_url, made_database).await?;
                return Err(error);
            }
        };
        println!("using the servers named by {}", NAMES.join(", "));
        let urls = Given { database_url, broker_url, management_url };
        Ok(Some(Self { urls, management, vhost, made_database, made_vhost }))
    }

    pub(crate) const fn urls(&self) -> &Given {
        &self.urls
    }

    /// Deletes what the demo made.
    pub(crate) async fn give_back(self) -> Result<()> {
        delete_users(&self.management, &self.vhost).await?;
        if self.made_vhost {
            self.management.delete_vhost(&self.vhost).await?;
        } else {
            empty_vhost(&self.management, &self.vhost).await?;
            describe(&self.management, &self.vhost, "").await?;
        }
        return_database(&self.urls.database_url, self.made_database).await?;
        println!("database and virtual host are as they were before; the database role xiezhi_app stays");
        Ok(())
    }
}

/// URL of the server's own database, and the name of the wanted one.
fn beside(url: &str) -> Result<(String, String)> {
    let mut admin =
        Url::parse(url).context("XIEZHI_DATABASE__URL is no URL (postgres://user:password@host/name)")?;
    let name = admin.path().trim_start_matches('/').to_owned();
    ensure!(!name.is_empty(), "XIEZHI_DATABASE__URL must name a database");
    admin.set_path("postgres");
    Ok((admin.into(), name))
}

async fn connect(url: &str) -> Result<tokio_postgres::Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    // Ends with the client, whose error says all.
    #[expect(clippy::disallowed_methods, reason = "a demonstration has no supervisor")]
    tokio::spawn(connection);
    Ok(client)
}

async fn execute(url: &str, sql: &str) -> Result<()> {
    Ok(connect(url).await?.batch_execute(sql).await?)
}

/// Whether the database was made.
async fn take_database(url: &str) -> Result<bool> {
    let (admin, name) = beside(url)?;
    let (client, made) = match connect(url).await {
        Ok(client) => (client, false),
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_DATABASE) => {
            harness::postgres::create_database(&admin, &name).await?;
            (connect(url).await?, true)
        }
        Err(error) => return Err(error).context("the database of XIEZHI_DATABASE__URL does not answer"),
    };
    let look = "SELECT obj_description('public'::regnamespace, 'pg_namespace'), \
                (SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace)";
    let row = client.query_one(look, &[]).await?;
    let (comment, relations): (Option<String>, i64) = (row.try_get(0)?, row.try_get(1)?);
    if comment.as_deref() == Some(MARK) {
        client.batch_execute(CLEAR).await?;
    } else if relations > 0 {
        bail!(
            "database {name} holds {relations} tables or other objects; name an empty database, or one to be made"
        );
    }
    client.batch_execute(&format!("COMMENT ON SCHEMA public IS '{MARK}'")).await?;
    Ok(made)
}

async fn return_database(url: &str, made: bool) -> Result<()> {
    if !made {
        return execute(url, CLEAR).await;
    }
    let (admin, name) = beside(url)?;
    harness::postgres::drop_database(&admin, &name).await
}

/// Whether the virtual host was made.
async fn take_vhost(management: &Management, name: &str) -> Result<bool> {
    let (status, found) = management.request(Method::GET, &["vhosts", name], None).await?;
    let made = status == StatusCode::NOT_FOUND;
    ensure!(made || status.is_success(), "the broker's management API answered {status}: {found}");
    if made {
        management.create_vhost(name).await?;
    } else if found["description"] == MARK {
        empty_vhost(management, name).await?;
    } else {
        let held = list(management, "queues", name).await?.len() + exchanges(management, name).await?.len();
        ensure!(
            held == 0,
            "virtual host {name} holds {held} queues and exchanges; name an empty one, or one to be made"
        );
    }
    describe(management, name, MARK).await?;
    Ok(made)
}

async fn describe(management: &Management, vhost: &str, text: &str) -> Result<()> {
    let body = json!({"description": text});
    let (status, answer) = management.request(Method::PUT, &["vhosts", vhost], Some(&body)).await?;
    ensure!(status.is_success(), "virtual host {vhost} cannot be described: {status} {answer}");
    Ok(())
}

async fn list(management: &Management, what: &str, vhost: &str) -> Result<Vec<String>> {
    let found = management.get(&[what, vhost]).await?;
    let names = found.as_array().into_iter().flatten().filter_map(|one| one["name"].as_str());
    Ok(names.map(str::to_owned).collect())
}

/// The exchanges that the broker does not make itself.
async fn exchanges(management: &Management, vhost: &str) -> Result<Vec<String>> {
    let mut all = list(management, "exchanges", vhost).await?;
    all.retain(|name| !name.is_empty() && !name.starts_with("amq."));
    Ok(all)
}

/// Only for a virtual host that was empty when the demo took it.
async fn empty_vhost(management: &Management, vhost: &str) -> Result<()> {
    for name in list(management, "queues", vhost).await? {
        management.request(Method::DELETE, &["queues", vhost, &name], None).await?;
    }
    for name in exchanges(management, vhost).await? {
        management.request(Method::DELETE, &["exchanges", vhost, &name], None).await?;
    }
    Ok(())
}

/// Virtual hosts in which a user has rights; `None` when there is no such user.
async fn rights(management: &Management, user: &str) -> Result<Option<Vec<String>>> {
    let (status, found) = management.request(Method::GET, &["users", user, "permissions"], None).await?;
    if status == StatusCode::NOT_FOUND {
        return Ok(None);
    }
    let vhost = |right: &Value| right["vhost"].as_str().map(str::to_owned);
    Ok(Some(found.as_array().into_iter().flatten().filter_map(vhost).collect()))
}

/// The users that the topology makes.
fn users() -> impl Iterator<Item = String> {
    PILOTS.iter().map(|code| format!("xz-province-{code}")).chain(["xz-hub".to_owned()])
}

async fn refuse_foreign_users(management: &Management, vhost: &str) -> Result<()> {
    for user in users() {
        let elsewhere = rights(management, &user).await?.unwrap_or_default();
        if elsewhere.iter().any(|name| name != vhost) {
            bail!("broker user {user} belongs to a hub on this broker; use another broker for the demo");
        }
    }
    delete_users(management, vhost).await
}

/// Deletes the hub's users that have rights in this virtual host only.
async fn delete_users(management: &Management, vhost: &str) -> Result<()> {
    for user in users() {
        if rights(management, &user).await?.is_some_and(|all| all.iter().all(|name| name == vhost)) {
            management.request(Method::DELETE, &["users", &user], None).await?;
        }
    }
    Ok(())
}
