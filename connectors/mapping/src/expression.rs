//! One expression of a mapping file, checked and compiled when the file is loaded.

use std::{
    collections::BTreeMap,
    error::Error as _,
    fmt,
    sync::{Arc, LazyLock},
};

use minijinja::{Environment, Error, ErrorKind, Expression, Value, value::ValueKind};
use serde_json::Value as Json;

use crate::{
    code::Code,
    filters::{self, FILTERS, TESTS, Unfit},
    problem::Problems,
    reader::{At, listed, nearest},
    scan::scan,
    shapes::{Shape, Step},
    tree::lookup,
};

/// Longest expression, in bytes; a longer one belongs into several rules.
const MAX_LENGTH: usize = 2_000;
/// Values in one result.
const MAX_VALUES: usize = 100_000;

static LANGUAGE: LazyLock<Environment<'static>> = LazyLock::new(filters::language);

/// Which names an expression may use, and what is known about what they hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names(pub(crate) BTreeMap<String, Shape>);

impl Names {
    pub(crate) fn with(&self, name: &str, shape: Shape) -> Self {
        let mut names = self.0.clone();
        names.insert(name.to_owned(), shape);
        Self(names)
    }

    fn shape(&self, path: &str) -> Result<Step, String> {
        let (name, rest) = path.split_once('.').unwrap_or((path, ""));
        let Some(shape) = self.0.get(name) else {
            let known: Vec<&String> = self.0.keys().collect();
            return Err(format!("unknown name `{name}`; here are {}", listed(&known)));
        };
        shape.step(name, rest)
    }
}

/// A compiled expression.
pub(crate) struct Expr {
    source: String,
    compiled: Expression<'static, 'static>,
    /// Paths without which it has no value.
    needs: Vec<String>,
    /// What is known about its value, when it is one path.
    shape: Shape,
}

impl fmt::Debug for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expr").field(&self.source).finish()
    }
}

/// Why an expression has no value for this message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoValue {
    /// This path is not there.
    Absent(String),
    /// Anything else.
    Unfit(Code, String),
}

impl Expr {
    /// Checks and compiles an expression; what is wrong goes to `problems`.
    pub(crate) fn read(source: &At<String>, names: &Names, problems: &mut Problems<'_>) -> Option<Self> {
        let text = source.value.as_str();
        if text.len() > MAX_LENGTH {
            source.problem(problems, format!("an expression has at most {MAX_LENGTH} bytes"));
            return None;
        }
        let mut faults = word_faults(text);
        let compiled = match LANGUAGE.compile_expression_owned(text.to_owned()) {
            Ok(compiled) => compiled,
            Err(error) => {
                let detail = error.detail().unwrap_or("it ends too early").to_owned();
                source.problem(problems, format!("`{text}` is no expression: {detail}"));
                return None;
            }
        };
        let words = scan(text);
        let mut paths: Vec<String> = compiled.undeclared_variables(true).into_iter().collect();
        paths.sort();
        let mut optional = Vec::new();
        for path in &paths {
            match names.shape(path) {
                Ok(step) => optional.push((path, step.optional_before)),
                Err(fault) => faults.push(fault),
            }
        }
        // `a.b is defined` cannot be asked while `a` itself may be missing.
        for (path, before) in optional.iter().filter(|(path, _)| words.guarded.contains(path)) {
            if let Some(before) = before.as_ref().filter(|before| !words.guarded.contains(before)) {
                faults.push(format!(
                    "`{path} is defined` is asked, but `{before}` may be missing: ask `{before} is defined`"
                ));
            }
        }
        for fault in &faults {
            source.problem(problems, fault.clone());
        }
        if !faults.is_empty() {
            return None;
        }
        let guarded = |path: &String| {
            words.guarded.iter().any(|guard| path == guard || path.starts_with(&format!("{guard}.")))
        };
        let shape = match paths.as_slice() {
            [one] if one == text.trim() => names.shape(one).map_or(Shape::Any, |step| step.shape.clone()),
            _ => Shape::Any,
        };
        let needs = paths.iter().filter(|path| !guarded(path)).cloned().collect();
        Some(Self { source: text.to_owned(), compiled, needs, shape })
    }

    /// The text in the file.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// What is known about its value.
    pub(crate) fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Whether the expression names this path or something in it.
    pub(crate) fn uses(&self, word: &str) -> bool {
        self.source.contains(word)
    }

    /// Its value for this message; never undefined.
    pub(crate) fn eval(&self, scope: &Scope) -> Result<Value, NoValue> {
        if let Some(missing) = self.needs.iter().find(|path| !scope.has(path)) {
            return Err(NoValue::Absent(missing.clone()));
        }
        let value = self.compiled.eval(scope.context.clone()).map_err(|error| self.no_value(&error))?;
        if value.is_undefined() || value.is_none() {
            return Err(NoValue::Absent(self.source.clone()));
        }
        Ok(value)
    }

    /// Yes or no; anything else is refused, because a text is neither.
    pub(crate) fn decide(&self, scope: &Scope) -> Result<bool, NoValue> {
        let value = self.eval(scope)?;
        match value.kind() {
            ValueKind::Bool => Ok(value.is_true()),
            kind => Err(NoValue::Unfit(
                Code::Unfit,
                format!("`{}` must be true or false, and is a {kind}", self.source),
            )),
        }
    }

    /// Its value as JSON.
    pub(crate) fn json(&self, scope: &Scope) -> Result<Json, NoValue> {
        let value = self.eval(scope)?;
        let mut left = MAX_VALUES;
        to_json(&value, &mut left).map_err(|error| self.no_value(&error))
    }

    pub(crate) fn no_value(&self, error: &Error) -> NoValue {
        if let Some(unfit) = error.source().and_then(|source| source.downcast_ref::<Unfit>()) {
            return NoValue::Unfit(unfit.code, format!("`{}`: {}", self.source, unfit.message));
        }
        match error.kind() {
            ErrorKind::UndefinedError => NoValue::Absent(self.source.clone()),
            ErrorKind::OutOfFuel => NoValue::Unfit(
                Code::TooMuch,
                format!("`{}` takes too many steps; make it simpler", self.source),
            ),
            // Not the engine's own words: they may repeat values.
            kind => NoValue::Unfit(Code::Unfit, format!("`{}` cannot be worked out: {kind}", self.source)),
        }
    }
}

fn word_faults(text: &str) -> Vec<String> {
    let words = scan(text);
    let mut faults = Vec::new();
    for (name, arguments) in &words.filters {
        match FILTERS.iter().find(|filter| filter.name == name) {
            None => {
                let known: Vec<&str> = FILTERS.iter().map(|filter| filter.name).collect();
                faults.push(format!(
                    "there is no filter `{name}`{}; there are {}",
                    nearest(name, &known),
                    listed(&known)
                ));
            }
            Some(filter) => {
                if let Err(fault) = (filter.check)(arguments) {
                    faults.push(format!("filter `{}`: {fault}", filter.usage));
                }
            }
        }
    }
    for test in words.tests.iter().filter(|test| !TESTS.contains(&test.as_str())) {
        faults.push(format!("there is no test `is {test}`; there are {}", listed(&TESTS)));
    }
    for call in &words.calls {
        faults.push(format!("`{call}(…)` is called, but there are no functions; filters stand after `|`"));
    }
    if let Some(sign) = words.costly {
        faults.push(format!("`{sign}` is not of this language; there are + - ~ and comparisons"));
    }
    faults
}

/// The values that expressions see.
#[derive(Clone)]
pub(crate) struct Scope {
    values: BTreeMap<String, (Arc<Json>, Value)>,
    context: Value,
}

impl Scope {
    pub(crate) fn new() -> Self {
        Self { values: BTreeMap::new(), context: Value::from(BTreeMap::<String, Value>::new()) }
    }

    /// The same with one more name.
    pub(crate) fn with(&self, name: &str, value: Json) -> Self {
        let mut values = self.values.clone();
        let seen = from_json(&value);
        values.insert(name.to_owned(), (Arc::new(value), seen));
        let context: BTreeMap<String, Value> =
            values.iter().map(|(name, (_, seen))| (name.clone(), seen.clone())).collect();
        Self { values, context: Value::from(context) }
    }

    fn has(&self, path: &str) -> bool {
        let (name, rest) = path.split_once('.').unwrap_or((path, ""));
        self.values.get(name).is_some_and(|(value, _)| lookup(value, rest).is_some())
    }
}

/// JSON as a value of the engine.
fn from_json(value: &Json) -> Value {
    match value {
        Json::Null => Value::from(()),
        Json::Bool(flag) => Value::from(*flag),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => Value::from(number),
            (None, Some(number)) => Value::from(number),
            _ => Value::from(number.as_f64()),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::from(items.iter().map(from_json).collect::<Vec<_>>()),
        Json::Object(fields) => {
            let fields: BTreeMap<String, Value> =
                fields.iter().map(|(name, value)| (name.clone(), from_json(value))).collect();
            Value::from(fields)
        }
    }
}

/// A value of the engine as JSON, as long as it is plain data.
fn to_json(value: &Value, left: &mut usize) -> Result<Json, Error> {
    *left = left.checked_sub(1).ok_or_else(too_much)?;
    Ok(match value.kind() {
        ValueKind::Bool => Json::Bool(value.is_true()),
        ValueKind::Number => match value.as_i64().filter(|_| value.is_integer()) {
            Some(number) => number.into(),
            None => return Err(no_data("is a number with a fraction or too large; write it as a text")),
        },
        ValueKind::String => Json::String(value.as_str().unwrap_or_default().to_owned()),
        ValueKind::Seq => {
            let items = filters::items(value)?;
            Json::Array(items.iter().map(|item| to_json(item, left)).collect::<Result<_, _>>()?)
        }
        ValueKind::Map => {
            let mut fields = serde_json::Map::new();
            for key in value.try_iter()?.take(filters::MAX_ITEMS) {
                let name = key.as_str().ok_or_else(|| no_data("has a key that is no text"))?;
                fields.insert(name.to_owned(), to_json(&value.get_item(&key)?, left)?);
            }
            Json::Object(fields)
        }
        ValueKind::Undefined | ValueKind::None => return Err(ErrorKind::UndefinedError.into()),
        _ => return Err(no_data("is no plain value")),
    })
}

fn no_data(message: &str) -> Error {
    let source = Unfit { code: Code::Unfit, message: message.into() };
    Error::new(ErrorKind::InvalidOperation, "no plain data").with_source(source)
}

fn too_much() -> Error {
    let source = Unfit { code: Code::TooMuch, message: format!("makes more than {MAX_VALUES} values") };
    Error::new(ErrorKind::InvalidOperation, "too much").with_source(source)
}
