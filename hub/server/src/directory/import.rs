//! Lays files over the directory: all checks first, then every change with its before and after, then one commit.

use std::path::{Path, PathBuf};

use jiff::civil::Date;
use serde::Serialize;
use serde_json::{Value, json};
use tokio_postgres::types::Json;

use super::{DirectoryError, Named, Served, Tables, load, parse::Parsed};
use crate::{
    audit,
    store::{Store, StoreError, Transaction},
};

/// One row that is new or differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// `province 32`, `registry 320102`, `division 320102 from 2024-11-01`.
    pub object: String,
    /// As it was; `None` for a new row.
    pub before: Option<Value>,
    /// As it is now.
    pub after: Value,
    #[serde(skip)]
    row: Row,
}

#[derive(Debug, Clone, PartialEq)]
enum Row {
    Province(String, Named),
    Registry(String, Named),
    Division(String, Date, Served),
}

/// Imports the files in one transaction and returns what changed. With `dry_run` nothing is kept. Rows that the files do
/// not name stay as they are; a row is ended by its `valid_to`.
///
/// # Errors
/// [`DirectoryError::Refused`] with every problem of every file; then nothing was changed.
pub async fn import(
    store: &Store,
    files: &[PathBuf],
    actor: &str,
    dry_run: bool,
) -> Result<Vec<Change>, DirectoryError> {
    let mut parsed = Parsed::default();
    for path in files {
        let bytes = std::fs::read(path)
            .map_err(|source| DirectoryError::Unreadable { path: path.clone(), source })?;
        let name = path.file_name().unwrap_or(Path::new("-").as_os_str()).to_string_lossy();
        parsed.add(&name, &bytes);
    }
    if !parsed.problems.is_empty() {
        return Err(DirectoryError::Refused(parsed.problems));
    }
    let mut client = store.client().await?;
    let tx = client.transaction().await.map_err(StoreError::from)?;
    // One import at a time: the checks below are about the whole.
    tx.execute(include_str!("../store/queries/directory_change/lock.sql"), &[])
        .await
        .map_err(StoreError::from)?;
    let known = load(tx.client()).await?;
    let problems = contradictions(&known, &parsed);
    if !problems.is_empty() {
        return Err(DirectoryError::Refused(problems));
    }
    let changes = changes(&known, &parsed.tables);
    if dry_run || changes.is_empty() {
        return Ok(changes);
    }
    for change in &changes {
        write(&tx, change, actor).await?;
    }
    tx.commit().await.map_err(StoreError::of_commit)?;
    Ok(changes)
}

/// Everything that does not fit when the files lie over what is known.
fn contradictions(known: &Tables, parsed: &Parsed) -> Vec<String> {
    let new = &parsed.tables;
    let mut all = known.clone();
    all.provinces.extend(new.provinces.clone());
    all.registries.extend(new.registries.clone());
    all.divisions.extend(new.divisions.clone());
    let mut problems = Vec::new();
    for (code, line) in &parsed.registry_lines {
        if !all.provinces.contains_key(&code[..2]) {
            problems.push(format!("{line}: province {} is not in the directory; import it too", &code[..2]));
        }
    }
    for ((division, from), line) in &parsed.division_lines {
        let row = &new.divisions[&(division.clone(), *from)];
        if !all.registries.contains_key(&row.registry) {
            problems
                .push(format!("{line}: registry {} is not in the directory; import it too", row.registry));
        }
        if division[..2] != row.registry[..2] {
            problems.push(format!(
                "{line}: division {division} and registry {} lie in different provinces",
                row.registry
            ));
        }
        let mut others = all
            .divisions
            .range((division.clone(), Date::MIN)..=(division.clone(), Date::MAX))
            .filter(|((_, start), _)| start != from);
        if let Some(((_, start), other)) = others.find(|((_, start), other)| {
            row.valid_to.is_none_or(|end| *start <= end) && other.valid_to.is_none_or(|end| *from <= end)
        }) {
            problems.push(format!(
                "{line}: from {from} division {division} would have two registries, {} and {} (since {start}); end one first",
                row.registry, other.registry
            ));
        }
    }
    problems
}

/// Rows that are new or differ, provinces first, so that every row finds what it refers to.
fn changes(known: &Tables, new: &Tables) -> Vec<Change> {
    let mut changes = Vec::new();
    for (code, row) in &new.provinces {
        let change = differs(known.provinces.get(code), row, format!("province {code}"));
        changes.extend(change.map(|c| c(Row::Province(code.clone(), row.clone()))));
    }
    for (code, row) in &new.registries {
        let change = differs(known.registries.get(code), row, format!("registry {code}"));
        changes.extend(change.map(|c| c(Row::Registry(code.clone(), row.clone()))));
    }
    for (key, row) in &new.divisions {
        let object = format!("division {} from {}", key.0, key.1);
        let change = differs(known.divisions.get(key), row, object);
        changes.extend(change.map(|c| c(Row::Division(key.0.clone(), key.1, row.clone()))));
    }
    changes
}

fn differs<T: Serialize + PartialEq>(
    before: Option<&T>,
    after: &T,
    object: String,
) -> Option<impl FnOnce(Row) -> Change> {
    if before == Some(after) {
        return None;
    }
    let (before, after) = (before.map(|row| json!(row)), json!(after));
    Some(move |row| Change { object, before, after, row })
}

async fn write(tx: &Transaction<'_>, change: &Change, actor: &str) -> Result<(), StoreError> {
    match &change.row {
        Row::Province(code, row) => {
            let sql = include_str!("../store/queries/province/upsert.sql");
            tx.execute(sql, &[code, &row.name, &row.valid_from, &row.valid_to]).await?;
        }
        Row::Registry(code, row) => {
            let sql = include_str!("../store/queries/registry/upsert.sql");
            tx.execute(sql, &[code, &&code[..2], &row.name, &row.valid_from, &row.valid_to]).await?;
        }
        Row::Division(code, from, row) => {
            let sql = include_str!("../store/queries/registry_division/upsert.sql");
            tx.execute(sql, &[code, &row.registry, from, &row.valid_to]).await?;
        }
    }
    let sql = include_str!("../store/queries/directory_change/insert.sql");
    tx.execute(sql, &[&actor, &change.object, &change.before.as_ref().map(Json), &Json(&change.after)])
        .await?;
    audit::record(tx, actor, "host", "directory.change", &change.object).await?;
    Ok(())
}
