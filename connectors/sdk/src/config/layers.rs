//! Where a configuration comes from: the commented default compiled in, then a file, then the environment.

use toml::{Table, Value};

use crate::config_error::{ConfigError, ConfigProblem};

/// Every key with its default and its meaning; what `connector example-config` prints.
pub const EXAMPLE: &str = include_str!("../default.toml");

/// All environment variables of a connector start with this.
pub const ENV_PREFIX: &str = "XIEZHI_CONNECTOR__";

/// Lays the file over the default and the environment over both.
///
/// # Errors
/// When the file is not TOML, or a variable does not have the type of its key.
pub(super) fn merge(
    file: &str,
    env: impl IntoIterator<Item = (String, String)>,
) -> Result<Table, ConfigError> {
    let mut table: Table = EXAMPLE.parse().expect("the default configuration is TOML; a test reads it");
    lay_over(&mut table, parse(file)?);
    let mut problems = Vec::new();
    for (name, text) in env {
        let Some(path) = name.strip_prefix(ENV_PREFIX) else { continue };
        let path: Vec<String> = path.split("__").map(str::to_ascii_lowercase).collect();
        if let Err(message) = set(&mut table, &path, &text) {
            problems.push(ConfigProblem { key: name, message });
        }
    }
    ConfigError::check(problems)?;
    Ok(table)
}

/// The text may hold secrets, so a message names the line and never quotes it.
fn parse(file: &str) -> Result<Table, ConfigError> {
    file.parse::<Table>().map_err(|error| {
        let line = error.span().map_or(0, |span| file[..span.start.min(file.len())].lines().count().max(1));
        ConfigError::new(format!("line {line}"), format!("is not TOML: {}", error.message()))
    })
}

fn lay_over(below: &mut Table, above: Table) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => lay_over(below, above),
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}

fn set(table: &mut Table, path: &[String], text: &str) -> Result<(), String> {
    match path {
        [] => Err("names no key".into()),
        [key] => {
            let value = typed(table.get(key), text)?;
            table.insert(key.clone(), value);
            Ok(())
        }
        [key, rest @ ..] => match table.entry(key.clone()).or_insert_with(|| Value::Table(Table::new())) {
            Value::Table(inner) => set(inner, rest, text),
            _ => Err(format!("`{key}` is not a table")),
        },
    }
}

/// Environment values are text; the default's type says what they mean. Where there is no default (options of an adapter),
/// numbers and truth values are read as such.
fn typed(default: Option<&Value>, text: &str) -> Result<Value, String> {
    let integer = || text.parse().map(Value::Integer).map_err(|_| "must be a whole number".to_owned());
    let boolean = || text.parse().map(Value::Boolean).map_err(|_| "must be true or false".to_owned());
    match default {
        Some(Value::Integer(_)) => integer(),
        Some(Value::Boolean(_)) => boolean(),
        Some(Value::Array(_)) => Ok(Value::Array(
            text.split(',')
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .map(|part| Value::String(part.into()))
                .collect(),
        )),
        Some(Value::Table(_)) => Err("names a table; name one key in it".into()),
        Some(_) => Ok(Value::String(text.into())),
        None => Ok(integer().or_else(|_| boolean()).unwrap_or_else(|_| Value::String(text.into()))),
    }
}
