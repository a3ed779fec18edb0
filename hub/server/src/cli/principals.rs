//! `hub principal` and `hub credential`: who may call the API, and with which token.

use clap::{Subcommand, ValueEnum};
use jiff::Timestamp;

use super::{
    Failure,
    args::{actor, instant},
    output, queues,
};
use crate::{
    config::Loaded,
    principals,
    store::{Settings, Store, StoreError},
};

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum RoleName {
    /// Sends demands and reads its own.
    Court,
    /// Reads everything and decides about undelivered demands.
    Operator,
    /// Fetches the documents of its province's demands.
    Connector,
    /// Enters papers at the window of its registry (线下窗口).
    Clerk,
}

impl RoleName {
    fn as_str(self) -> &'static str {
        match self {
            Self::Court => "court",
            Self::Operator => "operator",
            Self::Connector => "connector",
            Self::Clerk => "clerk",
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum PrincipalCommand {
    /// Add one.
    Add {
        /// Name: a-z, 0-9, dot, dash, underscore.
        name: String,
        /// What it may do.
        #[arg(long)]
        role: RoleName,
        /// Province of a connector, two digits.
        #[arg(long)]
        province: Option<String>,
        /// Registry of a clerk, six digits.
        #[arg(long)]
        registry: Option<String>,
    },
    /// List all.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Stop its tokens from working, at once and for good.
    Disable {
        /// Name.
        name: String,
    },
    /// A court's feedback in a queue on the broker, beside API and webhook.
    #[command(subcommand)]
    Queue(queues::QueueCommand),
}

pub(super) async fn principal(settings: &Loaded, command: PrincipalCommand) -> Result<(), Failure> {
    let command = match command {
        PrincipalCommand::Queue(command) => return queues::run(settings, command).await,
        other => other,
    };
    let store = Store::new(&settings.section::<Settings>("database")?)?;
    let mut client = store.client().await?;
    match command {
        PrincipalCommand::Add { name, role, province, registry } => {
            let tx = client.transaction().await.map_err(StoreError::from)?;
            let (province, registry) = (province.as_deref(), registry.as_deref());
            principals::add(&tx, &actor(), &name, role.as_str(), province, registry).await?;
            tx.commit().await.map_err(StoreError::of_commit)?;
            eprintln!("added {name}; next: `hub credential issue {name}`");
        }
        PrincipalCommand::Disable { name } => {
            let tx = client.transaction().await.map_err(StoreError::from)?;
            principals::disable(&tx, &actor(), &name).await?;
            tx.commit().await.map_err(StoreError::of_commit)?;
            eprintln!("{name} is disabled");
        }
        PrincipalCommand::Queue(_) => {}
        PrincipalCommand::List { json } => {
            let all = principals::list(&client).await?;
            if json {
                output::json(&all)?;
                return Ok(());
            }
            let rows: Vec<_> = all
                .into_iter()
                .map(|p| {
                    let place = p.province.or(p.registry).unwrap_or_else(|| "-".to_owned());
                    vec![p.name, p.role, place, p.credentials.to_string(), moment(p.disabled_at)]
                })
                .collect();
            output::table(&["NAME", "ROLE", "PLACE", "TOKENS", "DISABLED"], &rows)?;
        }
    }
    Ok(())
}

#[derive(Debug, Subcommand)]
pub(super) enum CredentialCommand {
    /// Make a token and print it, this one time.
    Issue {
        /// Principal.
        name: String,
        /// Last day, or instant, on which it works.
        #[arg(long, value_parser = instant)]
        expires: Option<Timestamp>,
    },
    /// Revoke tokens.
    Revoke {
        /// Principal.
        name: String,
        /// Which, by its id from `list`.
        #[arg(long, required_unless_present = "all", value_parser = hex_digits)]
        id: Option<String>,
        /// All of them.
        #[arg(long, conflicts_with = "id")]
        all: bool,
    },
    /// List the tokens of a principal by their ids.
    List {
        /// Principal.
        name: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

fn hex_digits(text: &str) -> Result<String, String> {
    if text.len() >= 4 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err("expected at least 4 hexadecimal digits".to_owned())
    }
}

pub(super) async fn credential(settings: &Loaded, command: CredentialCommand) -> Result<(), Failure> {
    let store = Store::new(&settings.section::<Settings>("database")?)?;
    let mut client = store.client().await?;
    match command {
        CredentialCommand::Issue { name, expires } => {
            let tx = client.transaction().await.map_err(StoreError::from)?;
            let token = principals::issue(&tx, &actor(), &name, expires).await?;
            tx.commit().await.map_err(StoreError::of_commit)?;
            output::line(&token)?;
            eprintln!("keep it: only its digest is stored, it cannot be shown again");
        }
        CredentialCommand::Revoke { name, id, .. } => {
            let tx = client.transaction().await.map_err(StoreError::from)?;
            let count = principals::revoke(&tx, &actor(), &name, &id.unwrap_or_default()).await?;
            tx.commit().await.map_err(StoreError::of_commit)?;
            eprintln!("{count} tokens of {name} were revoked");
            if count == 0 {
                return Err(Failure::No("no such token was working".to_owned()));
            }
        }
        CredentialCommand::List { name, json } => {
            let all = principals::credentials(&client, &name).await?;
            if json {
                output::json(&all)?;
                return Ok(());
            }
            let rows: Vec<_> = all
                .into_iter()
                .map(|c| vec![c.id, c.created_at.to_string(), moment(c.expires_at), moment(c.revoked_at)])
                .collect();
            output::table(&["ID", "CREATED", "EXPIRES", "REVOKED"], &rows)?;
        }
    }
    Ok(())
}

fn moment(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "-".to_owned(), |at| at.to_string())
}
