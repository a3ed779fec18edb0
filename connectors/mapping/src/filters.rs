//! The filters and tests of the expression language: these and no others. None reads a clock, a file or the environment, and
//! none makes a text longer than its limits say.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value, value::ValueKind};

use crate::{
    build::is_control,
    charset::{Charset, gb18030_len},
    code::Code,
    dates::Pattern,
};

/// Steps of the engine for one expression; an honest one needs some dozens.
const FUEL: u64 = 20_000;
/// Widest field that a text is filled up to.
const MAX_WIDTH: usize = 1000;
/// Items of one list; a demand has at most 30 documents.
pub(crate) const MAX_ITEMS: usize = 10_000;

/// A filter's name, its arguments, and how its literal arguments are checked when the file is loaded.
pub(crate) struct Filter {
    pub(crate) name: &'static str,
    pub(crate) usage: &'static str,
    pub(crate) check: fn(&[String]) -> Result<(), String>,
}

fn anything(_: &[String]) -> Result<(), String> {
    Ok(())
}

fn pattern(arguments: &[String]) -> Result<(), String> {
    match arguments.first() {
        Some(text) => Pattern::parse(text).map(drop),
        None => Err("write the pattern as a text in quotes, such as 'yyyy/MM/dd'".into()),
    }
}

fn charset(arguments: &[String]) -> Result<(), String> {
    match arguments.first() {
        Some(name) if Charset::named(name).is_none() => {
            Err(format!("there is no character set `{name}`; there are {}", Charset::NAMES.join(", ")))
        }
        _ => Ok(()),
    }
}

/// Every filter.
pub(crate) const FILTERS: [Filter; 17] = [
    Filter { name: "date", usage: "date('yyyy/MM/dd')", check: pattern },
    Filter { name: "parse_date", usage: "parse_date('yyyy/MM/dd')", check: pattern },
    Filter { name: "parse_time", usage: "parse_time('yyyy/MM/dd HH:mm:ss')", check: pattern },
    Filter { name: "base64", usage: "base64 or base64('gb18030')", check: charset },
    Filter { name: "from_base64", usage: "from_base64 or from_base64('gb18030')", check: charset },
    Filter { name: "pad_left", usage: "pad_left(18, '0')", check: anything },
    Filter { name: "pad_right", usage: "pad_right(20, ' ')", check: anything },
    Filter { name: "upper", usage: "upper", check: anything },
    Filter { name: "lower", usage: "lower", check: anything },
    Filter { name: "trim", usage: "trim", check: anything },
    Filter { name: "text", usage: "text", check: anything },
    Filter { name: "number", usage: "number", check: anything },
    Filter { name: "length", usage: "length", check: anything },
    Filter { name: "gb18030_length", usage: "gb18030_length", check: anything },
    Filter { name: "join", usage: "join(';')", check: anything },
    Filter { name: "one", usage: "one", check: anything },
    Filter { name: "only", usage: "only('role', 'ruling')", check: anything },
];

/// Every test after `is`.
pub(crate) const TESTS: [&str; 1] = ["defined"];

/// What a filter says about a value that it does not take. Holds no value.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Unfit {
    pub(crate) code: Code,
    pub(crate) message: String,
}

fn unfit(message: impl Into<String>) -> Error {
    let source = Unfit { code: Code::Unfit, message: message.into() };
    Error::new(ErrorKind::InvalidOperation, "a filter refuses a value").with_source(source)
}

fn word<'a>(value: &'a Value, filter: &str) -> Result<&'a str, Error> {
    if value.is_undefined() {
        return Err(ErrorKind::UndefinedError.into());
    }
    let text =
        value.as_str().ok_or_else(|| unfit(format!("`{filter}` takes a text, not a {}", value.kind())))?;
    if text.chars().any(is_control) {
        return Err(unfit(format!("`{filter}` takes no control characters and no document's content")));
    }
    Ok(text)
}

fn set(name: Option<&str>) -> Result<Charset, Error> {
    let name = name.unwrap_or("utf-8");
    Charset::named(name).ok_or_else(|| unfit(format!("there is no character set `{name}`")))
}

fn pad(value: &Value, filter: &str, width: usize, fill: Option<&str>) -> Result<(String, String), Error> {
    if width > MAX_WIDTH {
        return Err(unfit(format!("`{filter}` fills up to {MAX_WIDTH} characters at the most")));
    }
    let mut fill = fill.unwrap_or(" ").chars();
    let (Some(sign), None) = (fill.next(), fill.next()) else {
        return Err(unfit(format!("`{filter}` fills up with exactly one character")));
    };
    let text = match value.kind() {
        ValueKind::Number => value.to_string(),
        _ => word(value, filter)?.to_owned(),
    };
    let length = text.chars().count();
    if length > width {
        return Err(unfit(format!("has {length} characters and does not fit into a field of {width}")));
    }
    let padding = std::iter::repeat_n(sign, width - length).collect();
    Ok((text, padding))
}

/// The items of a list, at most [`MAX_ITEMS`].
pub(crate) fn items(value: &Value) -> Result<Vec<Value>, Error> {
    if value.is_undefined() {
        return Err(ErrorKind::UndefinedError.into());
    }
    if value.kind() != ValueKind::Seq {
        return Err(unfit(format!("a list is needed, not a {}", value.kind())));
    }
    let items: Vec<Value> = value.try_iter()?.take(MAX_ITEMS + 1).collect();
    if items.len() > MAX_ITEMS {
        let source = Unfit { code: Code::TooMuch, message: format!("a list of more than {MAX_ITEMS} items") };
        return Err(Error::new(ErrorKind::InvalidOperation, "too long").with_source(source));
    }
    Ok(items)
}

fn number(value: &Value) -> Result<i64, Error> {
    if let Some(number) = value.as_i64().filter(|_| value.is_integer()) {
        return Ok(number);
    }
    let text = word(value, "number")?;
    let plain = text.strip_prefix('-').unwrap_or(text);
    let digits = !plain.is_empty() && plain.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or_else(|| unfit("is no whole number"))
}

fn only(list: &Value, field: &str, wanted: &Value) -> Result<Vec<Value>, Error> {
    let mut kept = Vec::new();
    for item in items(list)? {
        if item.get_attr(field)? == *wanted {
            kept.push(item);
        }
    }
    Ok(kept)
}

fn join(list: &Value, between: Option<&str>) -> Result<String, Error> {
    let parts = items(list)?;
    let parts: Vec<&str> = parts.iter().map(|part| word(part, "join")).collect::<Result<_, _>>()?;
    Ok(parts.join(between.unwrap_or_default()))
}

/// The language: nothing of the engine's own but operators and literals.
pub(crate) fn language() -> Environment<'static> {
    let mut env = Environment::empty();
    env.set_fuel(Some(FUEL));
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    let read = |text: &str| Pattern::parse(text).map_err(unfit);
    env.add_filter("date", move |value: &Value, pattern: &str| {
        read(pattern)?.format(word(value, "date")?).map_err(unfit)
    });
    env.add_filter("parse_date", move |value: &Value, pattern: &str| {
        read(pattern)?.day(word(value, "parse_date")?).map_err(unfit)
    });
    env.add_filter("parse_time", move |value: &Value, pattern: &str| {
        read(pattern)?.instant(word(value, "parse_time")?).map_err(unfit)
    });
    env.add_filter("base64", |value: &Value, name: Option<&str>| {
        let charset = set(name)?;
        let bytes = charset.encode(word(value, "base64")?);
        let bytes =
            bytes.ok_or_else(|| unfit(format!("holds a character that {} has not", charset.name())))?;
        Ok::<_, Error>(STANDARD.encode(bytes))
    });
    env.add_filter("from_base64", |value: &Value, name: Option<&str>| {
        let bytes = STANDARD.decode(word(value, "from_base64")?).map_err(|_| unfit("is not base64"))?;
        set(name)?.decode(&bytes).map_err(unfit)
    });
    env.add_filter("pad_left", |value: &Value, width: usize, fill: Option<&str>| {
        pad(value, "pad_left", width, fill).map(|(text, padding)| padding + &text)
    });
    env.add_filter("pad_right", |value: &Value, width: usize, fill: Option<&str>| {
        pad(value, "pad_right", width, fill).map(|(text, padding)| text + &padding)
    });
    env.add_filter("upper", |value: &Value| word(value, "upper").map(str::to_uppercase));
    env.add_filter("lower", |value: &Value| word(value, "lower").map(str::to_lowercase));
    env.add_filter("trim", |value: &Value| word(value, "trim").map(|text| text.trim().to_owned()));
    env.add_filter("text", |value: &Value| match value.kind() {
        ValueKind::Number | ValueKind::Bool => Ok(value.to_string()),
        _ => word(value, "text").map(str::to_owned),
    });
    env.add_filter("number", number);
    env.add_filter("length", |value: &Value| match value.kind() {
        ValueKind::Seq => items(value).map(|items| items.len()),
        _ => word(value, "length").map(|text| text.chars().count()),
    });
    env.add_filter("gb18030_length", |value: &Value| word(value, "gb18030_length").map(gb18030_len));
    env.add_filter("join", join);
    env.add_filter("only", |list: &Value, field: &str, wanted: &Value| only(list, field, wanted));
    env.add_filter("one", |list: &Value| match items(list)?.as_slice() {
        [one] => Ok(one.clone()),
        many => Err(unfit(format!("needs exactly one item, and there are {}", many.len()))),
    });
    env.add_test("defined", |value: &Value| !value.is_undefined());
    env
}
