//! Applies rules to the values of one message. Everything that is wrong is collected; a message with one refusal is not made.

use serde_json::Value as Json;

use crate::{
    code::Code,
    expression::{Expr, NoValue, Scope},
    refusal::{Refusal, shape},
    rules::{Absent, Limit, Part, Rule, Source, Tables},
    tree::{Scalar, Tree},
};

/// Text of one message without its documents, in bytes; a demand has some 20 KiB.
const MAX_TEXT: usize = 1 << 20;

/// What a message is made with.
pub(crate) struct Builder<'a> {
    pub(crate) tables: &'a Tables,
    /// Base64 of the documents, which expressions see as a token only.
    pub(crate) contents: &'a [String],
    pub(crate) refusals: Vec<Refusal>,
    /// Fields that were cut, and how.
    pub(crate) notes: Vec<String>,
    text_left: usize,
}

/// What stands for the content of document `number` in expressions, so that no expression copies megabytes. Every character of
/// it is a control character, so that no part of it can pass for a text.
pub(crate) fn token(number: usize) -> String {
    let digit = |n: usize| char::from(0x0e + u8::try_from(n % 18).unwrap_or_default());
    ['\0', digit(number / 18), digit(number)].iter().collect()
}

impl<'a> Builder<'a> {
    pub(crate) fn new(tables: &'a Tables, contents: &'a [String]) -> Self {
        Self { tables, contents, refusals: Vec::new(), notes: Vec::new(), text_left: MAX_TEXT }
    }

    fn refuse(&mut self, at: &str, code: Code, message: impl Into<String>) {
        self.refusals.push(Refusal::new(code, at, message));
    }

    fn no_value(&mut self, at: &str, line: usize, why: NoValue) {
        match why {
            NoValue::Absent(path) => self.refuse(at, Code::Absent, format!(
                "`{path}` is not there (rule in line {line}); if the field may be missing, write `optional = true` or `if_absent`"
            )),
            NoValue::Unfit(code, message) => self.refuse(at, code, format!("{message} (rule in line {line})")),
        }
    }

    /// The record that these rules make of the values in `scope`; `at` is where it stands.
    pub(crate) fn record(&mut self, rules: &[Rule], scope: &Scope, at: &str) -> Tree {
        let mut tree = Tree::Record(Vec::new());
        for rule in rules {
            let path = rule.to.join(".");
            let place = if at.is_empty() { path } else { format!("{at}.{path}") };
            match rule.when.as_ref().map_or(Ok(true), |when| when.decide(scope)) {
                Ok(true) => {}
                Ok(false) => continue,
                Err(NoValue::Absent(missing)) => {
                    let line = rule.line;
                    self.refuse(&place, Code::Absent, format!(
                        "`when` of the rule in line {line} asks for `{missing}`, which is not there; ask `{missing} is defined` first"
                    ));
                    continue;
                }
                Err(why) => {
                    self.no_value(&place, rule.line, why);
                    continue;
                }
            }
            if let Some(part) = self.part(rule, scope, &place)
                && !tree.put(&rule.to, part)
            {
                self.refuse(
                    &place,
                    Code::Unfit,
                    format!(
                        "two rules write this field; make their `when` exclude each other (line {})",
                        rule.line
                    ),
                );
            }
        }
        tree
    }

    fn part(&mut self, rule: &Rule, scope: &Scope, at: &str) -> Option<Tree> {
        match &rule.from {
            Source::Constant(scalar) => Some(Tree::Scalar(scalar.clone())),
            Source::Value(expr) => self.value(rule, expr, scope, at),
            Source::Each { list, name, part } => {
                let items = match list.json(scope) {
                    Ok(Json::Array(items)) => items,
                    // A list of one in XML is no list.
                    Ok(one) => vec![one],
                    Err(NoValue::Absent(_)) if rule.absent == Absent::LeaveOut => return None,
                    Err(why) => {
                        self.no_value(at, rule.line, why);
                        return None;
                    }
                };
                if items.is_empty() && rule.absent == Absent::LeaveOut {
                    return None;
                }
                let mut parts = Vec::new();
                for (number, item) in items.into_iter().enumerate() {
                    let scope = scope.with(name, item);
                    let place = format!("{at}[{number}]");
                    parts.extend(match part {
                        Part::Value(expr) => self.value(rule, expr, &scope, &place),
                        Part::Record(rules) => Some(self.record(rules, &scope, &place)),
                    });
                }
                Some(Tree::List(parts))
            }
        }
    }

    fn value(&mut self, rule: &Rule, expr: &Expr, scope: &Scope, at: &str) -> Option<Tree> {
        let value = match expr.json(scope) {
            Ok(value) => value,
            Err(NoValue::Absent(missing)) => {
                return match &rule.absent {
                    Absent::LeaveOut => None,
                    Absent::Write(scalar) => Some(Tree::Scalar(scalar.clone())),
                    Absent::Refuse => {
                        self.no_value(at, rule.line, NoValue::Absent(missing));
                        None
                    }
                };
            }
            Err(why) => {
                self.no_value(at, rule.line, why);
                return None;
            }
        };
        let value = match &rule.table {
            Some(name) => Tree::Scalar(self.translate(name, &value, expr, at)?),
            None => self.tree(&value, at)?,
        };
        match &rule.limit {
            Some(limit) => self.limited(value, limit, at),
            None => Some(value),
        }
    }

    fn translate(&mut self, name: &str, value: &Json, expr: &Expr, at: &str) -> Option<Scalar> {
        let key = Scalar::of(value).map(|scalar| scalar.to_text());
        let table = self.tables.get(name);
        if let Some(found) = key.as_ref().and_then(|key| table?.get(key)) {
            return Some(found.clone());
        }
        // A word of the published vocabulary is no personal data.
        let seen = match key.filter(|key| expr.shape().words().contains(key)) {
            Some(word) => format!("`{word}`"),
            None => shape(value),
        };
        self.refuse(at, Code::UnknownValue, format!(
            "`{}` is {seen}, which [table.{name}] does not know; ask what it means, then add it to the table",
            expr.source()
        ));
        None
    }

    fn limited(&mut self, value: Tree, limit: &Limit, at: &str) -> Option<Tree> {
        let Tree::Scalar(scalar) = &value else {
            self.refuse(at, Code::Unfit, "a length is asked for, but this is a list or record");
            return None;
        };
        let text = scalar.to_text();
        let (length, most, unit) = (limit.unit.length(&text), limit.most, limit.unit);
        if length <= most {
            return Some(value);
        }
        let words = unit.words();
        let Some(mark) = &limit.cut_mark else {
            self.refuse(at, Code::Unfit, format!(
                "has {length} {words}, and the local field takes {most}; nothing is cut unless the rule has a `cut_mark`"
            ));
            return None;
        };
        let mut cut = text;
        while unit.length(&cut) + unit.length(mark) > most {
            cut.pop();
        }
        self.notes.push(format!("{at}: cut from {length} to {most} {words}, marked at its end"));
        Some(Tree::Scalar(Scalar::Text(cut + mark)))
    }

    fn tree(&mut self, value: &Json, at: &str) -> Option<Tree> {
        Some(match value {
            Json::Array(items) => {
                let parts = items.iter().enumerate().map(|(n, item)| self.tree(item, &format!("{at}[{n}]")));
                Tree::List(parts.collect::<Vec<_>>().into_iter().collect::<Option<_>>()?)
            }
            Json::Object(fields) => {
                let parts = fields
                    .iter()
                    .map(|(name, field)| Some((name.clone(), self.tree(field, &format!("{at}.{name}"))?)));
                Tree::Record(parts.collect::<Vec<_>>().into_iter().collect::<Option<_>>()?)
            }
            Json::String(text) => Tree::Scalar(Scalar::Text(self.text(text, at)?)),
            plain => match Scalar::of(plain) {
                Some(scalar) => Tree::Scalar(scalar),
                None => {
                    self.refuse(
                        at,
                        Code::Unfit,
                        format!("{} cannot be sent exactly; make it a text", shape(plain)),
                    );
                    return None;
                }
            },
        })
    }

    fn text(&mut self, text: &str, at: &str) -> Option<String> {
        if let Some(number) = (0..self.contents.len()).find(|number| text == token(*number)) {
            return Some(self.contents[number].clone());
        }
        if text.chars().any(is_control) {
            self.refuse(at, Code::Unfit, "holds a control character, or changes a document's content, which is sent alone and as it is");
            return None;
        }
        match self.text_left.checked_sub(text.len()) {
            Some(left) => {
                self.text_left = left;
                Some(text.to_owned())
            }
            None => {
                self.refuse(
                    at,
                    Code::TooMuch,
                    format!("the message holds more than {MAX_TEXT} bytes of text"),
                );
                None
            }
        }
    }
}

/// Whether no local field can hold this character.
pub(crate) fn is_control(c: char) -> bool {
    c.is_ascii_control() && !matches!(c, '\t' | '\n' | '\r')
}
