//! `hub migrate`, `doctor`, `config`, `audit` and `errors`.

use clap::Subcommand;
use futures::StreamExt;
use xiezhi_schemas::published::SCHEMAS;

use super::{Failure, output};
use crate::{
    audit, code,
    config::{self, Loaded},
    doctor::{self, Status},
    store::{Dedicated, Settings, Store, migrate as apply, pending},
};

/// Applies what is missing, or says what would be.
pub(super) async fn migrate(settings: &Loaded, dry_run: bool) -> Result<(), Failure> {
    let database: Settings = settings.section("database")?;
    eprintln!("database {}", database.url.public());
    if dry_run {
        // Not through the pool: an empty database has not even the role that the pool takes on.
        let Dedicated { client, mut messages } = Store::new(&database)?.dedicated().await?;
        let looked = pending(&client);
        tokio::pin!(looked);
        let missing = loop {
            tokio::select! {
                missing = &mut looked => break missing?,
                Some(_) = messages.next() => {}
            }
        };
        for migration in &missing {
            output::line(migration.name)?;
        }
        eprintln!("{} migrations would be applied", missing.len());
        return Ok(());
    }
    let done = apply(&database, |migration| eprintln!("applying {}", migration.name)).await?;
    eprintln!("{} migrations applied, the schema is up to date", done.len());
    Ok(())
}

/// Runs all checks; exit code 1 when one fails.
pub(super) async fn doctor(settings: &Loaded, json: bool) -> Result<u8, Failure> {
    let checks = doctor::run(settings).await;
    if json {
        output::json(&checks)?;
    } else {
        let rows: Vec<_> = checks
            .iter()
            .map(|c| vec![c.status.as_str().to_owned(), c.name.to_owned(), c.detail.clone()])
            .collect();
        output::table(&["STATUS", "CHECK", "DETAIL"], &rows)?;
        for check in checks.iter().filter(|c| !c.advice.is_empty()) {
            eprintln!("{}: {}", check.name, check.advice);
        }
    }
    Ok(u8::from(checks.iter().any(|c| c.status == Status::Fail)))
}

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Print every setting in effect and where it comes from; secrets are hidden.
    Show {
        /// Print the commented default file instead.
        #[arg(long, conflicts_with = "json")]
        default: bool,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Check the settings as `serve` would.
    Check,
}

pub(super) fn config(
    command: ConfigCommand,
    settings: &dyn Fn() -> Result<Loaded, Failure>,
) -> Result<(), Failure> {
    match command {
        ConfigCommand::Show { default: true, .. } => output::line(config::DEFAULT.trim_end())?,
        ConfigCommand::Show { json, .. } => {
            let lines = config::effective(&settings()?);
            if json {
                output::json(&lines)?;
                return Ok(());
            }
            let rows: Vec<_> =
                lines.into_iter().map(|line| vec![line.key, line.value, line.source.to_string()]).collect();
            output::table(&["KEY", "VALUE", "SOURCE"], &rows)?;
        }
        ConfigCommand::Check => {
            settings()?.config()?;
            eprintln!("the settings are sound");
        }
    }
    Ok(())
}

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Recompute the chain; exit code 1 when an entry is missing or altered.
    Verify {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

pub(super) async fn audit(settings: &Loaded, command: AuditCommand) -> Result<u8, Failure> {
    let AuditCommand::Verify { json } = command;
    let store = Store::new(&settings.section::<Settings>("database")?)?;
    let report = audit::verify(&mut *store.client().await?).await?;
    if json {
        output::json(&report)?;
    } else {
        for problem in &report.problems {
            output::line(problem)?;
        }
        eprintln!("{} entries, {} problems", report.entries, report.problems.len());
    }
    Ok(u8::from(!report.problems.is_empty()))
}

/// Prints one published schema, or the names of all.
pub(super) fn schema(name: Option<&str>) -> Result<(), Failure> {
    let names = || SCHEMAS.iter().map(|(name, _)| *name);
    let Some(wanted) = name else {
        return names().try_for_each(output::line).map_err(Failure::from);
    };
    match SCHEMAS.iter().find(|(name, _)| *name == wanted) {
        Some((_, text)) => Ok(output::line(text.trim_end())?),
        None => {
            let all = names().collect::<Vec<_>>().join(", ");
            Err(Failure::Usage(format!("there is no schema {wanted:?}; there are {all}")))
        }
    }
}

/// Lists every code with its title.
pub(super) fn errors(json: bool) -> Result<(), Failure> {
    let all: Vec<_> = code::all().collect();
    if json {
        output::json(&all)?;
        return Ok(());
    }
    let rows: Vec<_> = all
        .iter()
        .map(|c| {
            let status = c.http_status.map_or_else(|| "-".to_owned(), |status| status.to_string());
            vec![c.code.to_owned(), status, c.title.to_owned()]
        })
        .collect();
    output::table(&["CODE", "HTTP", "TITLE"], &rows)?;
    Ok(())
}
