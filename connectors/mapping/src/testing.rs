//! Tests that stand beside the rules in the same file: a demand or an answer, and what must come of it.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;
use serde_json::Value as Json;
use uuid::Uuid;
use xiezhi_schemas::message::{Demand, DemandMessage};

use crate::{
    code::Code,
    examples,
    inbound::Known,
    mapping::Mapping,
    outbound::Document,
    problem::Problems,
    reader::{At, Section},
    refusal::{Refused, shape},
    tree::lookup,
};

/// One test of the file.
#[derive(Debug)]
pub(crate) struct Case {
    name: String,
    line: usize,
    input: Input,
    expected: Expected,
}

#[derive(Debug)]
enum Input {
    /// A demand with changes.
    Demand { source: String, set: BTreeMap<String, Json>, unset: Vec<String> },
    /// A local answer.
    Answer { source: Answer, request_id: Option<Uuid> },
}

#[derive(Debug)]
enum Answer {
    Value(Json),
    Text(String),
}

#[derive(Debug)]
enum Expected {
    /// These fields, and the absence of those.
    Fields { fields: BTreeMap<String, Json>, absent: Vec<String> },
    /// A refusal with this code, perhaps of this field.
    Refusal { code: String, at: Option<String> },
}

/// What one test showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TestOutcome {
    /// Its name.
    pub name: String,
    /// Its line in the file.
    pub line: usize,
    /// Whether everything was as expected.
    pub passed: bool,
    /// What was not; empty when it passed.
    pub differences: Vec<String>,
}

impl fmt::Display for TestOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.passed { "OK  " } else { "FAIL" };
        write!(f, "{word} {} (line {})", self.name, self.line)?;
        self.differences.iter().try_for_each(|difference| write!(f, "\n     {difference}"))
    }
}

pub(crate) fn read(
    mut section: Section<'_>,
    has_outbound: bool,
    has_inbound: bool,
    problems: &mut Problems<'_>,
) -> Option<Case> {
    let (span, at) = (section.span.clone(), section.at.clone());
    let line = problems.line(span.start);
    let name = section.needed("name", problems);
    let demand = section.text("demand", problems);
    let set = section.json("set");
    let unset = section.texts("unset", problems).map(|list| list.value).unwrap_or_default();
    let answer = section.json("answer");
    let answer_text = section.text("answer_text", problems);
    let request_id = section.text("request_id", problems).and_then(|text| uuid(&text, problems));
    let expect = section.json("expect");
    let absent = section.texts("expect_absent", problems).map(|list| list.value).unwrap_or_default();
    let refused = section.text("refused", problems);
    let refused_at = section.text("refused_at", problems).map(|at| at.value);
    section.finish(problems);

    let mut wrong = |message: &str| problems.add(span.clone(), at.clone(), message);
    let answer = match (answer, answer_text) {
        (Some(value), None) => Some(Answer::Value(value.value)),
        (None, Some(text)) => Some(Answer::Text(text.value)),
        (None, None) => None,
        (Some(_), Some(_)) => {
            wrong("`answer` and `answer_text` exclude each other");
            return None;
        }
    };
    let input = match (demand, answer) {
        (Some(_), None) if !has_outbound => {
            wrong("the test has a `demand`, but the file has no [outbound]");
            return None;
        }
        (None, Some(_)) if !has_inbound => {
            wrong("the test has an answer, but the file has no [inbound]");
            return None;
        }
        (Some(source), None) => Input::Demand { source: source.value, set: flat(set), unset },
        (None, Some(source)) => Input::Answer { source, request_id },
        _ => {
            wrong("a test has either `demand`, or `answer` (a table) or `answer_text`");
            return None;
        }
    };
    let expected = match (expect, refused) {
        (None, Some(code)) => {
            if !Code::ALL.iter().any(|known| known.as_str() == code.value) {
                code.problem(
                    problems,
                    format!("there is no code {}; there are CON-6002 to CON-6007", code.value),
                );
            }
            Expected::Refusal { code: code.value, at: refused_at }
        }
        (Some(_), Some(_)) => {
            wrong("`expect` and `refused` exclude each other");
            return None;
        }
        (None, None) if absent.is_empty() => {
            wrong(
                "the test expects nothing: write `expect` (a table of paths and values), `expect_absent` or `refused`",
            );
            return None;
        }
        (expect, None) => Expected::Fields { fields: flat(expect), absent },
    };
    Some(Case { name: name?.value, line, input, expected })
}

fn uuid(text: &At<String>, problems: &mut Problems<'_>) -> Option<Uuid> {
    let parsed = text.value.parse().ok();
    if parsed.is_none() {
        text.problem(problems, "is no request id");
    }
    parsed
}

/// Paths and values of a table; `{ a = { b = 1 } }` is the same as `"a.b" = 1`.
fn flat(table: Option<At<Json>>) -> BTreeMap<String, Json> {
    fn walk(prefix: &str, value: Json, into: &mut BTreeMap<String, Json>) {
        match value {
            Json::Object(fields) if !fields.is_empty() => {
                for (name, field) in fields {
                    let path = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
                    walk(&path, field, into);
                }
            }
            value => drop(into.insert(prefix.to_owned(), value)),
        }
    }
    let mut paths = BTreeMap::new();
    if let Some(table) = table {
        walk("", table.value, &mut paths);
    }
    paths
}

impl Mapping {
    /// Runs the tests of the file. `file` reads a demand that a test names by a path beside the mapping file.
    pub fn run_tests(&self, file: &dyn Fn(&str) -> Result<String, String>) -> Vec<TestOutcome> {
        self.cases.iter().map(|case| self.run(case, file)).collect()
    }

    fn run(&self, case: &Case, file: &dyn Fn(&str) -> Result<String, String>) -> TestOutcome {
        let made = match &case.input {
            Input::Demand { source, set, unset } => {
                demand(source, set, unset, file).map(|demand| self.test_demand(&demand))
            }
            Input::Answer { source, request_id } => Ok(self.test_answer(source, *request_id)),
        };
        let differences = match made {
            Err(fault) => vec![fault],
            Ok(made) => compare(&case.expected, made),
        };
        TestOutcome { name: case.name.clone(), line: case.line, passed: differences.is_empty(), differences }
    }

    fn test_demand(&self, demand: &Demand) -> Result<Json, Refused> {
        let documents: Vec<Document<'_>> =
            demand.attachments.iter().map(|claim| Document { claim, bytes: examples::DOCUMENT }).collect();
        let mapped = self.outbound(demand, &documents)?;
        self.encode(&mapped.tree)?;
        Ok(mapped.tree.to_value())
    }

    fn test_answer(&self, source: &Answer, request_id: Option<Uuid>) -> Result<Json, Refused> {
        let demand = examples::demand();
        let known = Known { registry: &demand.registry, request_id, connector: "test" };
        let answer = match source {
            Answer::Value(value) => value.clone(),
            Answer::Text(text) => self.decode(&self.answer_bytes(text)?)?,
        };
        let records = self.records(&answer, &known)?;
        let outcomes = records.iter().map(|record| Ok(self.inbound(&answer, record, &known)?.to_value()));
        let mut outcomes = outcomes.collect::<Result<Vec<Json>, Refused>>()?;
        // One outcome is looked at as it is, several by their number.
        Ok(if outcomes.len() == 1 { outcomes.remove(0) } else { Json::Array(outcomes) })
    }

    fn answer_bytes(&self, text: &str) -> Result<Vec<u8>, Refused> {
        let charset = self.inbound.as_ref().map_or(crate::Charset::Utf8, |inbound| inbound.charset);
        charset
            .encode(text)
            .ok_or_else(|| Refused::one(Code::Unreadable, "", "`answer_text` is not of the character set"))
    }
}

fn demand(
    source: &str,
    set: &BTreeMap<String, Json>,
    unset: &[String],
    file: &dyn Fn(&str) -> Result<String, String>,
) -> Result<Demand, String> {
    let text = match source.strip_prefix("file:") {
        Some(path) => file(path)?,
        None => examples::named(source).ok_or_else(|| {
            format!("there is no example `{source}`; there are {}, and file:NAME", examples::NAMES.join(", "))
        })?,
    };
    let mut value: Json = serde_json::from_str(&text).map_err(|_| format!("`{source}` is no JSON"))?;
    for path in unset {
        remove(&mut value, path).ok_or_else(|| format!("`unset`: `{path}` is not in the demand"))?;
    }
    for (path, with) in set {
        put(&mut value, path, with.clone())
            .ok_or_else(|| format!("`set`: there is no place `{path}` in the demand"))?;
    }
    parse_demand(value)
}

/// A demand message, with or without its `schema`, through the published parser.
pub(crate) fn parse_demand(mut value: Json) -> Result<Demand, String> {
    if let Some(fields) = value.as_object_mut() {
        fields.entry("schema").or_insert_with(|| "xiezhi.demand.v1".into());
    }
    let message: DemandMessage = serde_path_to_error::deserialize(value).map_err(|error| {
        format!("it is no demand of the published form: {} at `{}`", error.inner(), error.path())
    })?;
    Ok(message.into_demand())
}

fn parent<'v>(value: &'v mut Json, path: &str) -> Option<(&'v mut Json, String)> {
    let (before, last) = path.rsplit_once('.').map_or(("", path), |(before, last)| (before, last));
    let parent =
        before.split('.').filter(|step| !step.is_empty()).try_fold(value, |value, step| match value {
            Json::Object(fields) => {
                Some(fields.entry(step).or_insert_with(|| Json::Object(serde_json::Map::new())))
            }
            Json::Array(items) => items.get_mut(step.parse::<usize>().ok()?),
            _ => None,
        })?;
    Some((parent, last.to_owned()))
}

fn put(value: &mut Json, path: &str, with: Json) -> Option<()> {
    match parent(value, path)? {
        (Json::Object(fields), last) => drop(fields.insert(last, with)),
        (Json::Array(items), last) => *items.get_mut(last.parse::<usize>().ok()?)? = with,
        _ => return None,
    }
    Some(())
}

fn remove(value: &mut Json, path: &str) -> Option<Json> {
    match parent(value, path)? {
        (Json::Object(fields), last) => fields.remove(&last),
        (Json::Array(items), last) => {
            let at = last.parse::<usize>().ok().filter(|at| *at < items.len())?;
            Some(items.remove(at))
        }
        _ => None,
    }
}

fn compare(expected: &Expected, made: Result<Json, Refused>) -> Vec<String> {
    match (expected, made) {
        (Expected::Refusal { code, at }, Err(refused)) => {
            let fits = |refusal: &crate::Refusal| {
                refusal.code.as_str() == code && at.as_ref().is_none_or(|at| *at == refusal.at)
            };
            if refused.refusals.iter().any(fits) {
                return Vec::new();
            }
            let place = at.as_ref().map(|at| format!(" at `{at}`")).unwrap_or_default();
            let mut lines = vec![format!("expected the refusal {code}{place}, but it was refused so:")];
            lines.extend(refused.refusals.iter().map(ToString::to_string));
            lines
        }
        (Expected::Refusal { code, .. }, Ok(_)) => {
            vec![format!("expected the refusal {code}, but the message was made")]
        }
        (Expected::Fields { .. }, Err(refused)) => refused.refusals.iter().map(ToString::to_string).collect(),
        (Expected::Fields { fields, absent }, Ok(made)) => {
            let mut lines = Vec::new();
            for (path, wanted) in fields {
                match lookup(&made, path) {
                    Some(found) if found == wanted => {}
                    Some(found) => lines.push(format!("`{path}`: expected {wanted}, found {}", shown(found))),
                    None => lines.push(format!("`{path}`: expected {wanted}, but it is not there")),
                }
            }
            let there = absent.iter().filter_map(|path| Some((path, lookup(&made, path)?)));
            lines.extend(
                there.map(|(path, found)| format!("`{path}`: expected nothing, found {}", shown(found))),
            );
            lines
        }
    }
}

/// A value of a test's own message; tests hold invented data, but a long one is of no use to read.
fn shown(value: &Json) -> String {
    let text = value.to_string();
    if text.chars().count() <= 200 { text } else { shape(value) }
}
