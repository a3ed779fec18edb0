//! From a local answer to an outcome of the published language.

use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};
use uuid::Uuid;
use xiezhi_schemas::{
    address::RegistryCode,
    message::{
        ConversionReport, LocalReceipt, LocalReceiptMessage, OutcomeMessage, ResultMessage, ReturnMessage,
        WithdrawalDeclined,
    },
};

use crate::{
    build::Builder,
    charset::Charset,
    code::Code,
    decode::{self, Reading},
    expression::{Expr, Names, NoValue, Scope},
    mapping::{Mapping, read_charset, read_word},
    problem::Problems,
    reader::{Section, listed},
    refusal::{Refusal, Refused, shape},
    rules::{self, Context, Rule, Tables},
    shapes::Shape,
    tree::lookup,
};

/// Rules from a local answer to outcomes.
#[derive(Debug)]
pub(crate) struct Inbound {
    pub(crate) reading: Reading,
    pub(crate) charset: Charset,
    each: Option<Expr>,
    absent_values: Vec<String>,
    pub(crate) outcomes: Vec<OutcomeRules>,
}

/// Rules for one sort of outcome.
#[derive(Debug)]
pub(crate) struct OutcomeRules {
    sort: Sort,
    when: Expr,
    line: usize,
    pub(crate) rules: Vec<Rule>,
}

/// The sorts of outcomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Result,
    Return,
    Declined,
    Conversion,
    LocalReceipt,
}

const SORTS: [(&str, Sort); 5] = [
    ("result", Sort::Result),
    ("return", Sort::Return),
    ("withdrawal_declined", Sort::Declined),
    ("conversion", Sort::Conversion),
    ("local_receipt", Sort::LocalReceipt),
];

impl Sort {
    fn name(self) -> &'static str {
        SORTS.iter().find(|(_, sort)| *sort == self).map_or("", |(name, _)| name)
    }

    fn shape(self) -> Shape {
        match self {
            Self::Result => Shape::of::<ResultMessage>(),
            Self::Return => Shape::of::<ReturnMessage>(),
            Self::Declined => Shape::of::<WithdrawalDeclined>(),
            Self::Conversion => Shape::of::<ConversionReport>(),
            Self::LocalReceipt => Shape::of::<LocalReceipt>(),
        }
    }
}

/// What the adapter knows about an answer without reading it.
#[derive(Debug, Clone)]
pub struct Known<'a> {
    /// The registry that answered.
    pub registry: &'a RegistryCode,
    /// The request, when the answer belongs to one call.
    pub request_id: Option<Uuid>,
    /// The connector's name.
    pub connector: &'a str,
}

/// What a local answer means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Understood {
    /// A result, a return, that a withdrawal is declined, or that a waiting seizure became formal.
    Outcome(Box<OutcomeMessage>),
    /// A demand that the local system received over its own link.
    LocalReceipt(LocalReceiptMessage),
}

impl Understood {
    /// The outcome as JSON, with its `schema`.
    pub fn to_value(&self) -> Json {
        match self {
            Self::Outcome(outcome) => serde_json::to_value(outcome),
            Self::LocalReceipt(receipt) => serde_json::to_value(receipt),
        }
        .unwrap_or_default()
    }
}

pub(crate) fn read(
    mut section: Section<'_>,
    tables: &Tables,
    warnings: &mut Vec<(usize, String)>,
    problems: &mut Problems<'_>,
) -> Option<Inbound> {
    let reading = section.needed("format", problems);
    let reading = read_word(reading, &Reading::NAMES, problems);
    let charset = read_charset(&mut section, problems);
    if reading == Some(Reading::Json) && charset != Charset::Utf8 {
        problems.add(
            section.span.clone(),
            section.at.clone(),
            "JSON is always UTF-8 (RFC 8259); leave `charset` out",
        );
    }
    let absent_values = section.texts("absent_values", problems).map(|list| list.value).unwrap_or_default();
    let known = Shape::record(&["registry", "request_id", "connector"], &["registry", "connector"]);
    let whole = Names::default().with("answer", Shape::Any).with("known", known);
    let each = section.text("each", problems).map(|each| Expr::read(&each, &whole, problems));
    let names = whole.with("src", Shape::Any);
    let mut outcomes = Vec::new();
    let sections = section.tables("outcome", problems).unwrap_or_default();
    if sections.is_empty() {
        problems.add(section.span.clone(), section.at.clone(), "there is no [[inbound.outcome]]");
    }
    for section in sections {
        outcomes.extend(outcome(section, &names, tables, warnings, problems));
    }
    section.finish(problems);
    let each = match each {
        Some(None) => return None,
        Some(each) => each,
        None => None,
    };
    Some(Inbound { reading: reading?, charset, each, absent_values, outcomes })
}

fn outcome(
    mut section: Section<'_>,
    names: &Names,
    tables: &Tables,
    warnings: &mut Vec<(usize, String)>,
    problems: &mut Problems<'_>,
) -> Option<OutcomeRules> {
    let line = problems.line(section.span.start);
    let sort = section.needed("is", problems);
    let sort = read_word(sort, &SORTS, problems);
    let when = section.needed("when", problems).and_then(|when| Expr::read(&when, names, problems));
    let target = sort.map_or(Shape::Any, Sort::shape);
    let required = target.required_paths();
    let mut context = Context { names: names.clone(), target, tables, warnings };
    let (span, at) = (section.span.clone(), section.at.clone());
    let rules = rules::read(&mut section, &mut context, problems);
    section.finish(problems);
    let covered = |path: &String| {
        rules.iter().any(|rule| {
            let to = rule.to.join(".");
            *path == to || path.starts_with(&format!("{to}.")) || to.starts_with(&format!("{path}."))
        })
    };
    let missing: Vec<String> = required.into_iter().filter(|path| !covered(path)).collect();
    if let (false, Some(sort)) = (missing.is_empty() || rules.is_empty(), sort) {
        problems.add(span, at, format!("a `{}` also needs a rule for {}", sort.name(), listed(&missing)));
    }
    Some(OutcomeRules { sort: sort?, when: when?, line, rules })
}

impl Mapping {
    fn inbound_rules(&self) -> Result<&Inbound, Refused> {
        self.inbound.as_ref().ok_or_else(|| {
            Refused::one(
                Code::NoOutcome,
                "",
                "this mapping has no [inbound]: the local answer means nothing to it",
            )
        })
    }

    /// Reads the bytes of a local answer, in the format and character set of the file.
    ///
    /// # Errors
    /// CON-6006 when they are of another character set, no JSON or XML, or hold what must not be there.
    pub fn decode(&self, bytes: &[u8]) -> Result<Json, Refused> {
        let inbound = self.inbound_rules()?;
        decode::value(bytes, inbound.reading, inbound.charset)
    }

    /// The records of an answer: the items of `each`, or the whole as the only one.
    ///
    /// # Errors
    /// When `each` finds no list.
    pub fn records(&self, answer: &Json, known: &Known<'_>) -> Result<Vec<Json>, Refused> {
        let inbound = self.inbound_rules()?;
        let answer = without_absent(answer, &inbound.absent_values);
        let Some(each) = &inbound.each else { return Ok(vec![answer]) };
        match each.json(&scope(&answer, known)) {
            Ok(Json::Array(items)) => Ok(items),
            Ok(one) => Ok(vec![one]),
            Err(why) => Err(Refused { refusals: vec![refusal("inbound.each", why)] }),
        }
    }

    /// What one record of an answer means.
    ///
    /// # Errors
    /// CON-6007 when none or several of the outcomes fit, or what they make is no whole message; other codes for fields.
    pub fn inbound(&self, answer: &Json, record: &Json, known: &Known<'_>) -> Result<Understood, Refused> {
        let inbound = self.inbound_rules()?;
        let answer = without_absent(answer, &inbound.absent_values);
        let scope = scope(&answer, known).with("src", without_absent(record, &inbound.absent_values));
        let mut fitting = Vec::new();
        let mut refusals = Vec::new();
        for (number, outcome) in inbound.outcomes.iter().enumerate() {
            match outcome.when.decide(&scope) {
                Ok(true) => fitting.push(outcome),
                Ok(false) => {}
                Err(why) => refusals.push(refusal(&format!("inbound.outcome[{number}].when"), why)),
            }
        }
        let [outcome] = fitting.as_slice() else {
            if refusals.is_empty() {
                refusals.push(choice(inbound, &fitting, record));
            }
            return Err(Refused { refusals });
        };
        if !refusals.is_empty() {
            return Err(Refused { refusals });
        }
        let mut builder = Builder::new(&self.tables, &[]);
        let tree = builder.record(&outcome.rules, &scope, "");
        if !builder.refusals.is_empty() {
            return Err(Refused { refusals: builder.refusals });
        }
        parse(outcome.sort, tree.to_value())
    }
}

fn choice(inbound: &Inbound, fitting: &[&OutcomeRules], record: &Json) -> Refusal {
    let lines: Vec<String> = fitting.iter().map(|outcome| format!("line {}", outcome.line)).collect();
    let message = if lines.is_empty() {
        let asked: Vec<&str> = inbound.outcomes.iter().map(|outcome| outcome.when.source()).collect();
        format!(
            "none of the outcomes fits {}; asked were {}. Find out what the local system means and add an [[inbound.outcome]]",
            shape(record),
            listed(&asked)
        )
    } else {
        format!("the outcomes of {} fit at once; make their `when` exclude each other", listed(&lines))
    };
    Refusal::new(Code::NoOutcome, "inbound.outcome", message)
}

fn scope(answer: &Json, known: &Known<'_>) -> Scope {
    let mut facts = json!({ "registry": known.registry, "connector": known.connector });
    if let Some(request_id) = known.request_id {
        facts["request_id"] = json!(request_id);
    }
    Scope::new().with("answer", answer.clone()).with("known", facts)
}

fn refusal(at: &str, why: NoValue) -> Refusal {
    match why {
        NoValue::Absent(path) => Refusal::new(
            Code::Absent,
            at,
            format!("`{path}` is not in the answer; ask `{path} is defined` first if it may be missing"),
        ),
        NoValue::Unfit(code, message) => Refusal::new(code, at, message),
    }
}

/// The same without nulls and without the texts that stand for "nothing" at this local system.
fn without_absent(value: &Json, absent: &[String]) -> Json {
    let is_absent = |value: &Json| match value {
        Json::Null => true,
        Json::String(text) => absent.contains(text),
        _ => false,
    };
    match value {
        Json::Object(fields) => fields
            .iter()
            .filter(|(_, value)| !is_absent(value))
            .map(|(name, value)| (name.clone(), without_absent(value, absent)))
            .collect(),
        Json::Array(items) => {
            items.iter().filter(|item| !is_absent(item)).map(|item| without_absent(item, absent)).collect()
        }
        plain => plain.clone(),
    }
}

/// Through the published type's own parser: nothing else decides what an outcome is.
fn parse(sort: Sort, value: Json) -> Result<Understood, Refused> {
    match sort {
        Sort::Result => {
            let result: ResultMessage = typed(value)?;
            Ok(Understood::Outcome(Box::new(OutcomeMessage::ResultV1(result))))
        }
        Sort::Return => {
            let returned: ReturnMessage = typed(value)?;
            returned.check().map_err(|error| {
                use xiezhi_schemas::message::ReturnReasonError as E;
                let (at, message) = match error {
                    E::NoCode => ("reasons", "names no coded reason"),
                    E::Boilerplate(_) => {
                        ("text", "says nothing specific; a return explains itself in words of its own")
                    }
                    E::NoField => ("differing_fields", "register_mismatch names the fields that differ"),
                    E::Field(_) => {
                        ("differing_fields", "names a field twice or one that is no field of the target")
                    }
                };
                Refused::one(Code::NoOutcome, at, message)
            })?;
            Ok(Understood::Outcome(Box::new(OutcomeMessage::ReturnV1(returned))))
        }
        Sort::Declined => {
            let declined: WithdrawalDeclined = typed(value)?;
            let silent = "says nothing specific; a declined withdrawal is explained in words of its own";
            declined.check().map_err(|_| Refused::one(Code::NoOutcome, "text", silent))?;
            Ok(Understood::Outcome(Box::new(OutcomeMessage::DeclinedV1(declined))))
        }
        Sort::Conversion => {
            let conversion: ConversionReport = typed(value)?;
            conversion.check().map_err(|error| {
                use xiezhi_schemas::message::ConversionError as E;
                let (at, message) = match error {
                    E::Backwards { .. } => ("period_to", "ends before it begins"),
                    E::BusinessNumber => ("business_number", "has 1 to 100 characters"),
                };
                Refused::one(Code::NoOutcome, at, message)
            })?;
            Ok(Understood::Outcome(Box::new(OutcomeMessage::ConversionV1(conversion))))
        }
        Sort::LocalReceipt => {
            let receipt: LocalReceipt = typed(value)?;
            Ok(Understood::LocalReceipt(LocalReceiptMessage::V1(Box::new(receipt))))
        }
    }
}

fn typed<T: DeserializeOwned>(value: Json) -> Result<T, Refused> {
    serde_path_to_error::deserialize(&value).map_err(|error| {
        let path = error.path().to_string();
        let text = error.inner().to_string();
        // Only what names no value is repeated.
        let message = if text.starts_with("missing field") {
            text
        } else {
            let found =
                lookup(&value, &path.replace('[', ".").replace(']', "")).map_or_else(|| "it".into(), shape);
            format!("{found} is not of the published form of this field (schemas/json)")
        };
        Refused::one(Code::NoOutcome, if path == "." { String::new() } else { path }, message)
    })
}
