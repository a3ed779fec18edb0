//! Lays the file and the environment over the defaults and remembers where each value came from.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::{Config, ConfigError, DEFAULT, Problem, environment, sections};

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Compiled in.
    Default,
    /// The configuration file.
    File(PathBuf),
    /// An environment variable.
    Env(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Env(name) => write!(f, "environment {name}"),
        }
    }
}

/// Keys that hold paths; relative ones are resolved where they are written.
const PATHS: &[&str] = &[
    "calendar.extra_file",
    "documents.root",
    "http.tls_certificate_file",
    "http.tls_client_ca_file",
    "http.tls_key_file",
    "ledger.signing_key_file",
    "ledger.witness_file",
    "secret.hub_secret_file",
];

/// All keys with known names and types; what the values mean is not checked yet.
#[derive(Debug, Clone)]
pub struct Loaded {
    values: Table,
    origins: BTreeMap<String, Source>,
}

impl Loaded {
    /// Reads the file, if one is named, and the variables of this process.
    ///
    /// # Errors
    /// [`ConfigError`] with every unknown key and every value of a wrong type.
    pub fn read(file: Option<&Path>) -> Result<Self, ConfigError> {
        // Names and values that are no UTF-8 cannot be ours by name; a value like that of ours is caught as unknown text.
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
        });
        Self::from_parts(file, variables)
    }

    /// The same from given variables.
    ///
    /// # Errors
    /// As for [`Loaded::read`].
    pub fn from_parts(
        file: Option<&Path>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let values: Table = DEFAULT.parse().expect("a test reads the compiled-in file");
        let mut loaded = Self { values, origins: BTreeMap::new() };
        let mut problems = Vec::new();
        if let Some(path) = file {
            let table = parse(path)?;
            let source = Source::File(path.to_owned());
            loaded.lay_over(&table, &mut Vec::new(), &source, &mut problems);
        }
        let mut variables: Vec<_> = variables.into_iter().collect();
        variables.sort();
        for (name, text) in variables {
            if let Some(path) = environment::path(&name) {
                loaded.set_from_env(&path, &name, &text, &mut problems);
            }
        }
        if problems.is_empty() { Ok(loaded) } else { Err(ConfigError::Problems(problems)) }
    }

    fn lay_over(
        &mut self,
        table: &Table,
        at: &mut Vec<String>,
        source: &Source,
        problems: &mut Vec<Problem>,
    ) {
        for (name, value) in table {
            at.push(name.clone());
            let key = at.join(".");
            let problem =
                |code, expected| Problem { code, key: key.clone(), source: source.clone(), expected };
            match (lookup(&self.values, at), value) {
                (None, _) => problems.push(problem("HUB-1012", self.unknown(&key))),
                (Some(Value::Table(_)), Value::Table(inner)) => self.lay_over(inner, at, source, problems),
                (Some(known), value) => match coerce(value, known) {
                    Some(value) => self.set(at, value, source.clone()),
                    None => {
                        let expected = format!("expected {}", environment::type_name(known));
                        problems.push(problem("HUB-1013", expected));
                    }
                },
            }
            at.pop();
        }
    }

    fn set_from_env(&mut self, path: &[String], name: &str, text: &str, problems: &mut Vec<Problem>) {
        let key = path.join(".");
        let source = Source::Env(name.to_owned());
        match lookup(&self.values, path).map(|known| environment::typed(text, known)) {
            Some(Ok(value)) => self.set(path, value, source),
            Some(Err(expected)) => problems.push(Problem { code: "HUB-1013", key, source, expected }),
            None => {
                let expected = self.unknown(&key);
                problems.push(Problem { code: "HUB-1012", key, source, expected });
            }
        }
    }

    fn set(&mut self, path: &[String], value: Value, source: Source) {
        let key = path.join(".");
        let value = match (&source, value) {
            (Source::File(file), Value::String(text))
                if PATHS.contains(&key.as_str()) && !text.is_empty() =>
            {
                let folder = file.parent().unwrap_or(Path::new(""));
                Value::String(folder.join(text).to_string_lossy().into_owned())
            }
            (_, value) => value,
        };
        let (last, sections) = path.split_last().expect("a key has a name");
        let mut table = &mut self.values;
        for section in sections {
            let Some(Value::Table(inner)) = table.get_mut(section) else { return };
            table = inner;
        }
        table.insert(last.clone(), value);
        self.origins.insert(key, source);
    }

    fn unknown(&self, key: &str) -> String {
        let closest = self
            .keys()
            .into_iter()
            .map(|known| (distance(key, &known), known))
            .min()
            .filter(|(distance, _)| *distance <= 3);
        match closest {
            Some((_, known)) => format!("there is no such key; did you mean {known}?"),
            None => "there is no such key".to_owned(),
        }
    }

    /// Every key, in the order of the default file's sections.
    pub fn keys(&self) -> Vec<String> {
        let mut keys = Vec::new();
        collect(&self.values, "", &mut keys);
        keys
    }

    /// The value of a key.
    pub(super) fn value(&self, key: &str) -> Option<&Value> {
        let path: Vec<_> = key.split('.').map(str::to_owned).collect();
        lookup(&self.values, &path)
    }

    /// Where a key's value came from.
    pub fn source(&self, key: &str) -> Source {
        self.origins.get(key).cloned().unwrap_or(Source::Default)
    }

    /// One section, checked alone: for commands that need the database and nothing else.
    ///
    /// # Errors
    /// With every problem in that section.
    pub fn section<T: DeserializeOwned>(&self, name: &str) -> Result<T, ConfigError> {
        let problems: Vec<_> =
            sections::check(self).into_iter().filter(|p| p.key.split('.').next() == Some(name)).collect();
        if !problems.is_empty() {
            return Err(ConfigError::Problems(problems));
        }
        let value = self.values.get(name).cloned().unwrap_or(Value::Table(Table::new()));
        value.try_into().map_err(|error: toml::de::Error| self.shape(name, &error))
    }

    /// All settings, checked.
    ///
    /// # Errors
    /// With every problem.
    pub fn config(&self) -> Result<Config, ConfigError> {
        let problems = sections::check(self);
        if !problems.is_empty() {
            return Err(ConfigError::Problems(problems));
        }
        Value::Table(self.values.clone()).try_into().map_err(|error: toml::de::Error| self.shape("", &error))
    }

    fn shape(&self, key: &str, error: &toml::de::Error) -> ConfigError {
        let key = if key.is_empty() { "(all)" } else { key }.to_owned();
        let source = self.source(&key);
        ConfigError::Problems(vec![Problem {
            code: "HUB-1013",
            key,
            source,
            expected: error.message().to_owned(),
        }])
    }
}

fn parse(path: &Path) -> Result<Table, ConfigError> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { path: shown.clone(), source })?;
    text.parse().map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or("");
        let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
        ConfigError::Syntax { path: shown, line, detail: error.message().to_owned() }
    })
}

fn lookup<'a>(table: &'a Table, path: &[String]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    let value = table.get(first)?;
    if rest.is_empty() { Some(value) } else { lookup(value.as_table()?, rest) }
}

/// A value of the type of `like`; a whole number also serves where a fraction is allowed.
fn coerce(value: &Value, like: &Value) -> Option<Value> {
    match (value, like) {
        #[expect(clippy::cast_precision_loss, reason = "settings are small numbers")]
        (Value::Integer(whole), Value::Float(_)) => Some(Value::Float(*whole as f64)),
        (value, like) if value.same_type(like) => Some(value.clone()),
        _ => None,
    }
}

fn collect(table: &Table, prefix: &str, keys: &mut Vec<String>) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            Value::Table(inner) => collect(inner, &key, keys),
            _ => keys.push(key),
        }
    }
}

/// Levenshtein distance, for "did you mean".
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let cost = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
