//! Reads the tables of a mapping file key by key. A wrong type or an unknown key becomes a problem with its line, and reading
//! goes on, so that one look at the file tells everything.

use std::ops::Range;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::{problem::Problems, tree::Scalar};

/// A value with its place in the file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) span: Range<usize>,
    pub(crate) at: String,
}

impl<T> At<T> {
    pub(crate) fn map<U>(self, with: impl FnOnce(T) -> U) -> At<U> {
        At { value: with(self.value), span: self.span, at: self.at }
    }

    pub(crate) fn problem(&self, problems: &mut Problems<'_>, message: impl Into<String>) {
        problems.add(self.span.clone(), self.at.clone(), message);
    }
}

/// One table of the file.
pub(crate) struct Section<'a> {
    table: &'a DeTable<'a>,
    pub(crate) span: Range<usize>,
    pub(crate) at: String,
    known: Vec<&'static str>,
}

impl<'a> Section<'a> {
    pub(crate) fn new(table: &'a DeTable<'a>, span: Range<usize>, at: impl Into<String>) -> Self {
        Self { table, span, at: at.into(), known: Vec::new() }
    }

    fn place(&self, key: &str) -> String {
        if self.at.is_empty() { key.to_owned() } else { format!("{}.{key}", self.at) }
    }

    fn get(&mut self, key: &'static str) -> Option<At<&'a DeValue<'a>>> {
        self.known.push(key);
        let (_, value) = self.table.iter().find(|(name, _)| name.get_ref() == key)?;
        Some(At { value: value.get_ref(), span: value.span(), at: self.place(key) })
    }

    /// Whether the key is there; does not count as reading it.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.iter().any(|(name, _)| name.get_ref() == key)
    }

    fn typed<T>(
        &mut self,
        key: &'static str,
        problems: &mut Problems<'_>,
        what: &str,
        read: impl FnOnce(&'a DeValue<'a>) -> Option<T>,
    ) -> Option<At<T>> {
        let found = self.get(key)?;
        match read(found.value) {
            Some(value) => Some(At { value, span: found.span, at: found.at }),
            None => {
                found.problem(problems, format!("is {}, but must be {what}", kind(found.value)));
                None
            }
        }
    }

    pub(crate) fn text(&mut self, key: &'static str, problems: &mut Problems<'_>) -> Option<At<String>> {
        self.typed(key, problems, "a text in quotes", |value| value.as_str().map(str::to_owned))
    }

    /// A text that must be there.
    pub(crate) fn needed(&mut self, key: &'static str, problems: &mut Problems<'_>) -> Option<At<String>> {
        if !self.has(key) {
            problems.add(self.span.clone(), self.at.clone(), format!("`{key}` is missing"));
        }
        self.text(key, problems)
    }

    pub(crate) fn flag(&mut self, key: &'static str, problems: &mut Problems<'_>) -> bool {
        self.typed(key, problems, "true or false", DeValue::as_bool).is_some_and(|flag| flag.value)
    }

    pub(crate) fn number(
        &mut self,
        key: &'static str,
        range: std::ops::RangeInclusive<usize>,
        problems: &mut Problems<'_>,
    ) -> Option<At<usize>> {
        let what = format!("a whole number from {} to {}", range.start(), range.end());
        self.typed(key, problems, &what, |value| {
            integer(value).and_then(|n| usize::try_from(n).ok()).filter(|n| range.contains(n))
        })
    }

    pub(crate) fn scalar(&mut self, key: &'static str, problems: &mut Problems<'_>) -> Option<At<Scalar>> {
        self.typed(key, problems, "a text, a whole number, true or false", scalar)
    }

    pub(crate) fn texts(
        &mut self,
        key: &'static str,
        problems: &mut Problems<'_>,
    ) -> Option<At<Vec<String>>> {
        self.typed(key, problems, "a list of texts", |value| {
            value.as_array()?.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect()
        })
    }

    /// Any value, as JSON; a date becomes its text.
    pub(crate) fn json(&mut self, key: &'static str) -> Option<At<serde_json::Value>> {
        Some(self.get(key)?.map(json))
    }

    pub(crate) fn table(&mut self, key: &'static str, problems: &mut Problems<'_>) -> Option<Section<'a>> {
        let found = self.typed(key, problems, "a table", DeValue::as_table)?;
        Some(Section::new(found.value, found.span, found.at))
    }

    /// A list of tables, in the order of the file.
    pub(crate) fn tables(
        &mut self,
        key: &'static str,
        problems: &mut Problems<'_>,
    ) -> Option<Vec<Section<'a>>> {
        let found = self.typed(key, problems, "a list of tables", |value| {
            value
                .as_array()?
                .iter()
                .map(|item| Some((item.get_ref().as_table()?, item.span())))
                .collect::<Option<Vec<_>>>()
        })?;
        let named = |(at, (table, span))| Section::new(table, span, format!("{}[{at}]", found.at));
        Some(found.value.into_iter().enumerate().map(named).collect())
    }

    /// Every entry of a table whose keys are the author's own.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (At<String>, &'a DeValue<'a>, Range<usize>)> + '_ {
        self.table.iter().map(|(key, value)| {
            let at = self.place(key.get_ref());
            (At { value: key.get_ref().to_string(), span: key.span(), at }, value.get_ref(), value.span())
        })
    }

    /// Everything that was not asked for is unknown.
    pub(crate) fn finish(self, problems: &mut Problems<'_>) {
        for (key, _) in self.table {
            let name = key.get_ref().as_ref();
            if !self.known.contains(&name) {
                let hint = nearest(name, &self.known);
                let message = format!("unknown key `{name}`{hint}; here may stand {}", listed(&self.known));
                problems.add(key.span(), self.at.clone(), message);
            }
        }
    }
}

/// `a`, `b`, `c`, each name once.
pub(crate) fn listed<T: AsRef<str>>(names: &[T]) -> String {
    let mut seen: Vec<String> = Vec::new();
    for name in names {
        let name = format!("`{}`", name.as_ref());
        if !seen.contains(&name) {
            seen.push(name);
        }
    }
    seen.join(", ")
}

/// `, perhaps x` when one of the names was probably meant.
pub(crate) fn nearest<T: AsRef<str>>(meant: &str, names: &[T]) -> String {
    let close = |name: &str| strsim::damerau_levenshtein(meant, name);
    match names.iter().map(AsRef::as_ref).min_by_key(|name| close(name)) {
        Some(name) if close(name) <= 2 => format!(", perhaps `{name}`"),
        _ => String::new(),
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn integer(value: &DeValue<'_>) -> Option<i64> {
    let number = value.as_integer()?;
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

/// A plain value of the file.
pub(crate) fn scalar(value: &DeValue<'_>) -> Option<Scalar> {
    match value {
        DeValue::String(text) => Some(Scalar::Text(text.to_string())),
        DeValue::Boolean(flag) => Some(Scalar::Flag(*flag)),
        value => integer(value).map(Scalar::Number),
    }
}

fn json(value: &DeValue<'_>) -> serde_json::Value {
    match value {
        DeValue::String(text) => text.as_ref().into(),
        DeValue::Boolean(flag) => (*flag).into(),
        DeValue::Integer(_) => integer(value).into(),
        DeValue::Float(number) => number.as_str().parse::<f64>().ok().into(),
        DeValue::Datetime(date) => date.to_string().into(),
        DeValue::Array(items) => items.iter().map(|item| json(item.get_ref())).collect(),
        DeValue::Table(table) => {
            table.iter().map(|(key, value)| (key.get_ref().to_string(), json(value.get_ref()))).collect()
        }
    }
}

/// Reads the text; what is no TOML is told with its lines, and nothing else is looked at.
pub(crate) fn parse<'a>(text: &'a str, problems: &mut Problems<'_>) -> Option<Spanned<DeTable<'a>>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let hint = match error.message() {
            message if message.contains("unquoted key") => "; a key with Chinese characters stands in quotes",
            _ => "",
        };
        problems.add(error.span().unwrap_or(0..0), "", format!("{}{hint}", error.message()));
    }
    errors.is_empty().then_some(table)
}
