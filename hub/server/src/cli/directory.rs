//! `hub directory`: the provinces, registries and divisions that take part.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use jiff::civil::Date;
use serde_json::{Value, json};

use super::{Failure, args::actor, output};
use crate::{
    config::Loaded,
    directory::{self, Tables, today},
    store::{Settings, Store},
};

#[derive(Debug, Subcommand)]
pub(super) enum DirectoryCommand {
    /// Import CSV files, all of them or nothing.
    ///
    /// Which table a file fills is told by its header: `province,name,valid_from,valid_to`;
    /// `registry,name,valid_from,valid_to[,divisions]` with divisions separated by `;`; `division,registry,valid_from,
    /// valid_to`. UTF-8, days as 2024-11-01, an empty valid_to means no end is known. Rows that no file names stay; a row
    /// is ended by its valid_to. Afterwards `hub topology plan` shows what follows on the broker.
    Import {
        /// The files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Only show what would change.
        #[arg(long)]
        dry_run: bool,
        /// The changes as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print one table as CSV that `import` reads.
    Export {
        /// Which.
        table: Table,
    },
    /// List registries with the divisions they serve.
    List {
        /// Only this province, two digits.
        #[arg(long)]
        province: Option<String>,
        /// As of this day instead of today.
        #[arg(long, value_name = "DATE")]
        on: Option<Date>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Table {
    Provinces,
    Registries,
    Divisions,
}

pub(super) async fn run(settings: &Loaded, command: DirectoryCommand) -> Result<(), Failure> {
    let store = Store::new(&settings.section::<Settings>("database")?)?;
    match command {
        DirectoryCommand::Import { files, dry_run, json } => {
            let changes = directory::import(&store, &files, &actor(), dry_run).await?;
            if json {
                output::json(&changes)?;
            } else {
                for change in &changes {
                    let sign = if change.before.is_some() { '~' } else { '+' };
                    output::line(&format!("{sign} {} {}", change.object, change.after))?;
                }
            }
            let verb = if dry_run { "would change" } else { "changed" };
            eprintln!("{} rows {verb}", changes.len());
            if !dry_run && !changes.is_empty() {
                eprintln!("next: `hub topology plan` shows what follows on the broker");
            }
        }
        DirectoryCommand::Export { table } => {
            let tables = directory::load(&*store.client().await?).await?;
            export(&tables, table)?;
        }
        DirectoryCommand::List { province, on, json } => {
            let tables = directory::load(&*store.client().await?).await?;
            list(&tables.in_force(on.unwrap_or_else(today)), province.as_deref(), json)?;
        }
    }
    Ok(())
}

fn export(tables: &Tables, table: Table) -> Result<(), Failure> {
    let mut out = csv::Writer::from_writer(std::io::stdout().lock());
    let day = |to: Option<Date>| to.map(|to| to.to_string()).unwrap_or_default();
    let failed = |error: csv::Error| Failure::from(std::io::Error::from(error));
    let first = match table {
        Table::Provinces => ["province", "name"],
        Table::Registries => ["registry", "name"],
        Table::Divisions => ["division", "registry"],
    };
    out.write_record(first.iter().copied().chain(["valid_from", "valid_to"])).map_err(failed)?;
    let named = match table {
        Table::Provinces => Some(&tables.provinces),
        Table::Registries => Some(&tables.registries),
        Table::Divisions => None,
    };
    for (code, row) in named.into_iter().flatten() {
        out.write_record([code, &row.name, &row.valid_from.to_string(), &day(row.valid_to)])
            .map_err(failed)?;
    }
    if named.is_none() {
        for ((division, from), row) in &tables.divisions {
            out.write_record([division, &row.registry, &from.to_string(), &day(row.valid_to)])
                .map_err(failed)?;
        }
    }
    Ok(out.flush()?)
}

fn list(tables: &Tables, province: Option<&str>, json: bool) -> Result<(), Failure> {
    let registries: Vec<Value> = tables
        .registries
        .iter()
        .filter(|(code, _)| province.is_none_or(|province| code.starts_with(province)))
        .map(|(code, row)| {
            let served = tables.divisions.iter().filter(|(_, served)| served.registry == *code);
            json!({
                "registry": code,
                "name": row.name,
                "province": &code[..2],
                "province_name": tables.provinces.get(&code[..2]).map(|p| &p.name),
                "valid_from": row.valid_from,
                "valid_to": row.valid_to,
                "divisions": served.map(|((division, _), _)| division.clone()).collect::<Vec<_>>(),
            })
        })
        .collect();
    if json {
        output::json(&registries)?;
        return Ok(());
    }
    let text = |row: &Value, name: &str| row[name].as_str().unwrap_or("-").to_owned();
    let rows: Vec<Vec<String>> = registries
        .iter()
        .map(|row| {
            let divisions = row["divisions"].as_array().into_iter().flatten().filter_map(Value::as_str);
            vec![
                text(row, "registry"),
                text(row, "name"),
                text(row, "province_name"),
                text(row, "valid_from"),
                text(row, "valid_to"),
                divisions.collect::<Vec<_>>().join(" "),
            ]
        })
        .collect();
    output::table(&["REGISTRY", "NAME", "PROVINCE", "FROM", "TO", "DIVISIONS"], &rows)?;
    Ok(())
}
