//! The rules of one direction as read from the file: each puts one value at one path of the message.

use std::collections::BTreeMap;

use crate::{
    expression::{Expr, Names},
    problem::Problems,
    reader::{At, Section},
    shapes::Shape,
    tree::Scalar,
};

/// Longest path, in steps.
const MAX_DEPTH: usize = 12;
/// Rules in one list.
const MAX_RULES: usize = 500;
/// Longest field that a rule may ask for.
const MAX_LENGTH: usize = 1_000_000;

/// The code tables by name.
pub(crate) type Tables = BTreeMap<String, BTreeMap<String, Scalar>>;

/// One rule.
#[derive(Debug)]
pub(crate) struct Rule {
    /// Steps of the path in the message.
    pub(crate) to: Vec<String>,
    /// The rule counts only when this holds.
    pub(crate) when: Option<Expr>,
    /// Where the value comes from.
    pub(crate) from: Source,
    /// The code table that translates it.
    pub(crate) table: Option<String>,
    /// What happens when it is not there.
    pub(crate) absent: Absent,
    /// How long it may be.
    pub(crate) limit: Option<Limit>,
    /// Line in the file.
    pub(crate) line: usize,
}

/// Where a value comes from.
#[derive(Debug)]
pub(crate) enum Source {
    /// Always the same.
    Constant(Scalar),
    /// An expression.
    Value(Expr),
    /// One part for every item of a list.
    Each {
        /// The list.
        list: Box<Expr>,
        /// The name of the item in the rules below.
        name: String,
        /// What becomes of one item.
        part: Part,
    },
}

/// What becomes of one item of a list.
#[derive(Debug)]
pub(crate) enum Part {
    /// A plain value.
    Value(Expr),
    /// A record.
    Record(Vec<Rule>),
}

/// What happens when a value is not there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Absent {
    /// The message is refused.
    Refuse,
    /// The field is left out.
    LeaveOut,
    /// This is written.
    Write(Scalar),
}

/// The longest that a text may be.
#[derive(Debug)]
pub(crate) struct Limit {
    pub(crate) unit: Unit,
    pub(crate) most: usize,
    /// The sign that ends a text that was cut; without it a longer text is refused.
    pub(crate) cut_mark: Option<String>,
}

/// How a length is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Characters,
    Gb18030Bytes,
}

impl Unit {
    pub(crate) fn length(self, text: &str) -> usize {
        match self {
            Self::Characters => text.chars().count(),
            Self::Gb18030Bytes => crate::charset::gb18030_len(text),
        }
    }

    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Characters => "characters",
            Self::Gb18030Bytes => "bytes of GB18030",
        }
    }
}

/// What the rules of one list are read against.
pub(crate) struct Context<'c> {
    /// Names that expressions may use.
    pub(crate) names: Names,
    /// What the message must look like, when that is published.
    pub(crate) target: Shape,
    /// The code tables of the file.
    pub(crate) tables: &'c Tables,
    /// Collects what may be meant, but is worth a look.
    pub(crate) warnings: &'c mut Vec<(usize, String)>,
}

/// Reads the rules under `fields`.
pub(crate) fn read(
    section: &mut Section<'_>,
    context: &mut Context<'_>,
    problems: &mut Problems<'_>,
) -> Vec<Rule> {
    let (span, at) = (section.span.clone(), section.at.clone());
    let Some(list) = section.tables("fields", problems) else {
        if !section.has("fields") {
            problems.add(span, at, "`fields` is missing: the list of rules");
        }
        return Vec::new();
    };
    if list.is_empty() || list.len() > MAX_RULES {
        problems.add(span, at, format!("`fields` holds 1 to {MAX_RULES} rules"));
        return Vec::new();
    }
    let mut rules: Vec<Rule> = Vec::new();
    for section in list {
        let (span, at) = (section.span.clone(), section.at.clone());
        let Some(rule) = one(section, context, problems) else { continue };
        for before in &rules {
            let shared = before.to.iter().zip(&rule.to).take_while(|(a, b)| a == b).count();
            let same = shared == before.to.len() && shared == rule.to.len();
            let inside = shared == before.to.len().min(rule.to.len()) && !same;
            let path = rule.to.join(".");
            if same && (before.when.is_none() || rule.when.is_none()) {
                let message = format!(
                    "`{path}` is written by line {} already; two rules for one field both need `when`",
                    before.line
                );
                problems.add(span.clone(), at.clone(), message);
            } else if inside {
                let other = before.to.join(".");
                problems.add(span.clone(), at.clone(), format!("`{path}` and `{other}` of line {} stand in each other's way: one is a value, the other has fields", before.line));
            }
        }
        rules.push(rule);
    }
    rules
}

fn one(mut section: Section<'_>, context: &mut Context<'_>, problems: &mut Problems<'_>) -> Option<Rule> {
    let line = problems.line(section.span.start);
    let to = section.needed("to", problems);
    let to = to.and_then(|to| path(&to, problems).map(|steps| (to, steps)));
    let target = to.as_ref().and_then(|(at, steps)| target(at, steps, context, problems));
    let when = section.text("when", problems);
    let when = when.map(|when| Expr::read(&when, &context.names, problems));
    let from = source(&mut section, target.unwrap_or(Shape::Any), context, problems);
    let table = section.text("table", problems).and_then(|table| match context.tables.get(&table.value) {
        Some(_) => Some(table.value),
        None => {
            table.problem(problems, format!("there is no [table.{}] in this file", table.value));
            None
        }
    });
    let optional = section.flag("optional", problems);
    let if_absent = section.scalar("if_absent", problems);
    let absent = match (if_absent, optional) {
        (Some(both), true) => {
            both.problem(
                problems,
                "`optional` leaves the field out, `if_absent` writes it: keep one of them",
            );
            Absent::Refuse
        }
        (Some(write), false) => Absent::Write(write.value),
        (None, true) => Absent::LeaveOut,
        (None, false) => Absent::Refuse,
    };
    let limit = limit(&mut section, problems);
    if let Some(Source::Constant(_)) = from
        && (table.is_some() || absent != Absent::Refuse || limit.is_some())
    {
        problems.add(
            section.span.clone(),
            section.at.clone(),
            "a constant `value` needs no `table`, `optional`, `if_absent` or length",
        );
    }
    let (from, to) = (from, to.map(|(_, steps)| steps));
    section.finish(problems);
    let when = match when {
        Some(None) => return None,
        Some(when) => when,
        None => None,
    };
    let (from, to) = (from?, to?);
    missing_codes(&from, table.as_deref(), line, context);
    Some(Rule { to, when, from, table, absent, limit, line })
}

/// Says which published words a table does not know.
fn missing_codes(from: &Source, table: Option<&str>, line: usize, context: &mut Context<'_>) {
    let expr = match from {
        Source::Value(expr) | Source::Each { part: Part::Value(expr), .. } => expr,
        _ => return,
    };
    let Some((name, table)) = table.and_then(|name| Some((name, context.tables.get(name)?))) else { return };
    let missing: Vec<String> =
        expr.shape().words().into_iter().filter(|word| !table.contains_key(word)).collect();
    if !missing.is_empty() {
        let missing = crate::reader::listed(&missing);
        context.warnings.push((
            line,
            format!("[table.{name}] has no entry for {missing}: a demand with it will be refused"),
        ));
    }
}

fn path(to: &At<String>, problems: &mut Problems<'_>) -> Option<Vec<String>> {
    let steps: Vec<String> = to.value.split('.').map(str::to_owned).collect();
    let good = |step: &String| {
        let name = step.strip_prefix('@').unwrap_or(step);
        !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c.is_control() || "[]@'\"".contains(c))
    };
    let attribute_inside = steps.iter().rev().skip(1).any(|step| step.starts_with('@'));
    if steps.len() > MAX_DEPTH || !steps.iter().all(good) || attribute_inside {
        to.problem(problems, format!(
            "`{}` is no path; write names with dots between, such as `Message.Head.ASID`, an attribute last: `Message.@Id`; at most {MAX_DEPTH} names",
            to.value
        ));
        return None;
    }
    Some(steps)
}

fn target(
    at: &At<String>,
    steps: &[String],
    context: &Context<'_>,
    problems: &mut Problems<'_>,
) -> Option<Shape> {
    if context.target == Shape::Any {
        return None;
    }
    match context.target.step("the outcome", &steps.join(".")) {
        Ok(step) => Some(step.shape),
        Err(fault) => {
            at.problem(problems, fault);
            None
        }
    }
}

fn source(
    section: &mut Section<'_>,
    target: Shape,
    context: &mut Context<'_>,
    problems: &mut Problems<'_>,
) -> Option<Source> {
    let constant = section.scalar("value", problems);
    let from = section.text("from", problems);
    let each = section.text("each", problems);
    let name = section.text("as", problems);
    if let Some(each) = each {
        if constant.is_some() {
            each.problem(problems, "`each` and `value` exclude each other");
        }
        let list = Expr::read(&each, &context.names, problems);
        let item = list.as_ref().map_or(Shape::Any, |list| list.shape().item());
        if list.as_ref().is_some_and(|list| list.shape().is_no_list()) {
            each.problem(problems, format!("`{}` is no list", each.value));
        }
        let Some(name) = name.filter(|name| is_name(name, &context.names, problems)) else {
            each.problem(
                problems,
                "`each` needs `as`: the name of one item in the rules below, such as as = \"officer\"",
            );
            // Still read, so that its problems are told as well.
            drop(section.tables("fields", problems));
            return None;
        };
        let mut inner = Context {
            names: context.names.with(&name.value, item),
            target: target.item(),
            tables: context.tables,
            warnings: &mut *context.warnings,
        };
        let part = match from {
            Some(from) => {
                if section.has("fields") {
                    from.problem(problems, "`from` and `fields` exclude each other");
                    drop(section.tables("fields", problems));
                }
                Part::Value(Expr::read(&from, &inner.names, problems)?)
            }
            None => Part::Record(read(section, &mut inner, problems)),
        };
        return Some(Source::Each { list: Box::new(list?), name: name.value, part });
    }
    if let Some(name) = name {
        name.problem(problems, "`as` belongs to `each`");
    }
    match (constant, from) {
        (Some(constant), None) => Some(Source::Constant(constant.value)),
        (None, Some(from)) => Some(Source::Value(Expr::read(&from, &context.names, problems)?)),
        (Some(constant), Some(_)) => {
            constant.problem(problems, "`value` and `from` exclude each other");
            None
        }
        (None, None) => {
            let message = "the rule has no value: write `from` (an expression), `value` (a constant) or `each` (a list)";
            problems.add(section.span.clone(), section.at.clone(), message);
            None
        }
    }
}

fn is_name(name: &At<String>, names: &Names, problems: &mut Problems<'_>) -> bool {
    let mut chars = name.value.chars();
    let shaped =
        chars.next().is_some_and(|c| c.is_alphabetic()) && chars.all(|c| c.is_alphanumeric() || c == '_');
    if !shaped {
        name.problem(problems, format!("`{}` is no name: letters, digits and _, a letter first", name.value));
    } else if names.0.contains_key(&name.value) {
        name.problem(problems, format!("the name `{}` is taken here; choose another", name.value));
        return false;
    }
    shaped
}

fn limit(section: &mut Section<'_>, problems: &mut Problems<'_>) -> Option<Limit> {
    let characters = section.number("max_chars", 1..=MAX_LENGTH, problems);
    let bytes = section.number("max_gb18030_bytes", 1..=MAX_LENGTH, problems);
    let mark = section.text("cut_mark", problems);
    let (unit, most) = match (characters, bytes) {
        (Some(most), None) => (Unit::Characters, most.value),
        (None, Some(most)) => (Unit::Gb18030Bytes, most.value),
        (None, None) => {
            if let Some(mark) = mark {
                mark.problem(problems, "`cut_mark` belongs to `max_chars` or `max_gb18030_bytes`");
            }
            return None;
        }
        (Some(_), Some(both)) => {
            both.problem(problems, "`max_chars` and `max_gb18030_bytes` exclude each other");
            return None;
        }
    };
    if let Some(mark) = mark.as_ref().filter(|mark| mark.value.is_empty() || unit.length(&mark.value) >= most)
    {
        mark.problem(problems, "a cut must be seen: `cut_mark` is a short text, shorter than the field");
    }
    Some(Limit { unit, most, cut_mark: mark.map(|mark| mark.value) })
}
