//! JSON read so that no two readers can understand it differently.
//!
//! RFC 8259 leaves open what a repeated key, a huge number or bytes after the value mean, and readers differ: a database
//! may keep the last of two keys where a mapping keeps the first. Hub and connectors refuse all of it, before anything
//! looks at the contents.

use std::{cell::RefCell, fmt};

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// How far a reader goes.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Deepest nesting of arrays and objects; at most 100, because the parser below stops at 127.
    pub max_depth: usize,
    /// Longest text, in bytes.
    pub max_bytes: usize,
}

impl Default for Limits {
    /// Depth 32, one mebibyte: our deepest message has 5 levels, and 300 units of one demand take about 200 KiB.
    fn default() -> Self {
        Self { max_depth: 32, max_bytes: 1 << 20 }
    }
}

/// What is wrong with the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Longer than the limit.
    TooLong,
    /// Starts with a byte order mark.
    ByteOrderMark,
    /// Not UTF-8.
    NotUtf8,
    /// Not JSON: syntax, lone surrogates, number out of range, bytes after the value.
    Syntax,
    /// An object names a key twice, perhaps once in an escaped spelling.
    DuplicateKey,
    /// Nested too deep.
    TooDeep,
    /// U+0000 in a string or key; databases cannot hold it.
    Nul,
    /// A number that 64 bits cannot hold exactly.
    Number,
}

/// Why a text was refused, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} (at {place}, byte {offset})", place = if path.is_empty() { "the top" } else { path })]
pub struct StrictJsonError {
    /// What is wrong.
    pub fault: Fault,
    /// JSON pointer (RFC 6901) of the value being read; empty for the whole text.
    pub path: String,
    /// Bytes read when the fault was seen.
    pub offset: usize,
    /// What is wrong, in words; never repeats the text.
    pub message: String,
}

/// Reads one JSON text.
///
/// # Errors
/// The first fault, with its place.
pub fn parse(text: &[u8], limits: Limits) -> Result<Value, StrictJsonError> {
    let plain =
        |fault, offset, message: String| StrictJsonError { fault, path: String::new(), offset, message };
    if text.len() > limits.max_bytes {
        return Err(plain(
            Fault::TooLong,
            limits.max_bytes,
            format!("the text is longer than {} bytes", limits.max_bytes),
        ));
    }
    if text.starts_with(b"\xEF\xBB\xBF") {
        return Err(plain(
            Fault::ByteOrderMark,
            0,
            "the text starts with a byte order mark; send plain UTF-8".into(),
        ));
    }
    if let Err(error) = std::str::from_utf8(text) {
        return Err(plain(Fault::NotUtf8, error.valid_up_to(), "the text is not UTF-8".into()));
    }
    let state = State { path: RefCell::default(), fault: RefCell::new(None), max_depth: limits.max_depth };
    let mut reader = serde_json::Deserializer::from_slice(text);
    let read = Strict { state: &state, depth: 0 }.deserialize(&mut reader).and_then(|value| {
        state.path.borrow_mut().clear();
        reader.end().map(|()| value)
    });
    read.map_err(|error| {
        let (fault, message) =
            state.fault.take().unwrap_or_else(|| (Fault::Syntax, format!("not JSON: {}", words(&error))));
        let path = state.path.borrow().iter().map(|step| format!("/{}", escape(step))).collect();
        StrictJsonError { fault, path, offset: offset(text, error.line(), error.column()), message }
    })
}

/// A key as a step of a JSON pointer.
pub fn escape(step: &str) -> String {
    step.replace('~', "~0").replace('/', "~1")
}

/// The parser's words without its own position; they never hold text of the input.
fn words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}

fn offset(text: &[u8], line: usize, column: usize) -> usize {
    let start: usize =
        text.split_inclusive(|b| *b == b'\n').take(line.saturating_sub(1)).map(<[u8]>::len).sum();
    (start + column).min(text.len())
}

struct State {
    path: RefCell<Vec<String>>,
    fault: RefCell<Option<(Fault, String)>>,
    max_depth: usize,
}

impl State {
    fn refuse<E: serde::de::Error>(&self, fault: Fault, message: impl Into<String>) -> E {
        *self.fault.borrow_mut() = Some((fault, message.into()));
        E::custom("refused")
    }

    fn text<E: serde::de::Error>(&self, text: &str) -> Result<(), E> {
        match text.contains('\0') {
            true => Err(self.refuse(Fault::Nul, "U+0000 is not allowed in a text")),
            false => Ok(()),
        }
    }
}

#[derive(Clone, Copy)]
struct Strict<'a> {
    state: &'a State,
    depth: usize,
}

impl Strict<'_> {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == self.state.max_depth {
            let message = format!("nested deeper than {} levels", self.state.max_depth);
            return Err(self.state.refuse(Fault::TooDeep, message));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        // An integer that did not fit 64 bits arrives here rounded; so does an exponent that makes one.
        let exact = value.abs() < 9_007_199_254_740_992.0;
        match Number::from_f64(value).filter(|_| exact) {
            Some(number) => Ok(Value::Number(number)),
            None => Err(self.state.refuse(
                Fault::Number,
                "a number that 64 bits cannot hold exactly; long numbers and codes are strings",
            )),
        }
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        self.state.text(text)?;
        Ok(Value::String(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut list = Vec::new();
        loop {
            self.state.path.borrow_mut().push(list.len().to_string());
            match items.next_element_seed(inner)? {
                Some(item) => list.push(item),
                None => break,
            }
            self.state.path.borrow_mut().pop();
        }
        self.state.path.borrow_mut().pop();
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            self.state.path.borrow_mut().push(key.clone());
            self.state.text(&key)?;
            if map.contains_key(&key) {
                return Err(self.state.refuse(Fault::DuplicateKey, "the object names this key twice"));
            }
            map.insert(key, entries.next_value_seed(inner)?);
            self.state.path.borrow_mut().pop();
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    fn fault(text: &[u8]) -> (Fault, String) {
        let error = parse(text, Limits::default()).unwrap_err();
        (error.fault, error.path)
    }

    #[test]
    fn what_readers_understand_differently_is_refused() {
        for (text, expected, path) in [
            (&br#"{"a":1,"a":2}"#[..], Fault::DuplicateKey, "/a"),
            (br#"{"registry":"1","re\u0067istry":"2"}"#, Fault::DuplicateKey, "/registry"),
            (br#"{"x":[{"a":1,"\u0061":2}]}"#, Fault::DuplicateKey, "/x/0/a"),
            (b"\xEF\xBB\xBF{}", Fault::ByteOrderMark, ""),
            (b"{} {}", Fault::Syntax, ""),
            (b"{}\0", Fault::Syntax, ""),
            (br#"{"a":"\u0000"}"#, Fault::Nul, "/a"),
            (br#"{"a\u0000":1}"#, Fault::Nul, "/a\0"),
            (br#"{"a":"\ud800"}"#, Fault::Syntax, "/a"),
            (br#"{"a":1e400}"#, Fault::Syntax, "/a"),
            (br#"{"a":1234567890123456789012345678}"#, Fault::Number, "/a"),
            (br#"{"a":01}"#, Fault::Syntax, "/a"),
            (b"{\"a\":\"\xff\"}", Fault::NotUtf8, ""),
            (b"", Fault::Syntax, ""),
            (b"NaN", Fault::Syntax, ""),
        ] {
            assert_eq!(fault(text), (expected, path.to_owned()), "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn depth_is_bounded_without_recursion_trouble() {
        let deep = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
        assert_eq!(fault(&deep).0, Fault::TooDeep);
        let fits = [vec![b'['; 32], vec![b']'; 32]].concat();
        assert!(parse(&fits, Limits::default()).is_ok());
        let over = [vec![b'['; 33], vec![b']'; 33]].concat();
        assert_eq!(fault(&over).0, Fault::TooDeep);
    }

    #[test]
    fn what_is_plain_is_read_as_it_stands() {
        let text = r#"{"单元":["a","\u0061",1,-2,1.5,true,null],"n":18446744073709551615}"#;
        let value = parse(text.as_bytes(), Limits::default()).unwrap();
        assert_eq!(value, serde_json::from_str::<Value>(text).unwrap());
    }

    #[test]
    fn the_place_of_a_fault_is_named() {
        let error = parse(b"{\n \"a\": [1,\n  {\"b\": 1, \"b\": 2}]}", Limits::default()).unwrap_err();
        assert_eq!(error.path, "/a/1/b");
        assert!((20..=26).contains(&error.offset), "{}", error.offset);
        assert!(!error.to_string().is_empty());
    }
}
