//! From a demand to the local message.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value as Json, json};
use xiezhi_schemas::message::{Attachment, Demand, MappingVersion};

use crate::{
    build::{Builder, token},
    charset::Charset,
    code::Code,
    encode::{self, Format},
    expression::{Names, Scope},
    mapping::{Mapping, read_charset, read_word},
    problem::Problems,
    reader::Section,
    refusal::Refused,
    rules::{self, Context, Part, Rule, Source, Tables},
    shapes::Shape,
    tree::Tree,
};

/// Largest local message when the file says nothing, in bytes: documents of one demand with room to spare.
const MAX_BYTES: usize = 256 << 20;

/// Rules from a demand to a local message.
#[derive(Debug)]
pub(crate) struct Outbound {
    pub(crate) format: Format,
    pub(crate) charset: Charset,
    pub(crate) max_bytes: usize,
    pub(crate) rules: Vec<Rule>,
}

/// A document that goes with a demand.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a> {
    /// What the demand says about it.
    pub claim: &'a Attachment,
    /// The bytes.
    pub bytes: &'a [u8],
}

/// A local message, before it becomes bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapped {
    /// Which mapping made it.
    pub mapping: MappingVersion,
    /// The message.
    pub tree: Tree,
    /// What was cut, with its field; no values.
    pub notes: Vec<String>,
}

pub(crate) fn read(
    mut section: Section<'_>,
    tables: &Tables,
    warnings: &mut Vec<(usize, String)>,
    problems: &mut Problems<'_>,
) -> Option<Outbound> {
    let line = problems.line(section.span.start);
    let format = section.needed("format", problems);
    let format = read_word(format, &Format::NAMES, problems);
    let charset = read_charset(&mut section, problems);
    let max_bytes = section.number("max_bytes", 1..=MAX_BYTES, problems).map_or(MAX_BYTES, |most| most.value);
    let document = ["role", "name", "media_type", "sha256", "size", "content_base64"];
    let names = Names::default()
        .with("demand", Shape::of::<Demand>())
        .with("documents", Shape::record(&document, &document).list_of())
        .with("mapping", Shape::record(&["name", "version"], &["name", "version"]));
    let mut context = Context { names, target: Shape::Any, tables, warnings: &mut *warnings };
    let rules = rules::read(&mut section, &mut context, problems);
    if format == Some(Format::Json) && charset != Charset::Utf8 {
        problems.add(
            section.span.clone(),
            section.at.clone(),
            "JSON is always UTF-8 (RFC 8259); leave `charset` out",
        );
    }
    if let Some(fault) = format.and_then(|format| format.fault(&rules)) {
        problems.add(section.span.clone(), section.at.clone(), fault);
    }
    section.finish(problems);
    if !sends_documents(&rules) {
        warnings.push((
            line,
            "no rule sends `content_base64`: the documents must reach the local system by another way".into(),
        ));
    }
    Some(Outbound { format: format?, charset, max_bytes, rules })
}

fn sends_documents(rules: &[Rule]) -> bool {
    rules.iter().any(|rule| match &rule.from {
        Source::Constant(_) => false,
        Source::Value(expr) => expr.uses("content_base64"),
        Source::Each { part: Part::Value(expr), .. } => expr.uses("content_base64"),
        Source::Each { part: Part::Record(inner), .. } => sends_documents(inner),
    })
}

impl Mapping {
    /// Makes the local message of a demand with its documents.
    ///
    /// # Errors
    /// Everything that has no value or does not fit; then there is no message. CON-6007 when the file has no `[outbound]`.
    pub fn outbound(&self, demand: &Demand, documents: &[Document<'_>]) -> Result<Mapped, Refused> {
        let Some(outbound) = &self.outbound else {
            return Err(Refused::one(Code::NoOutcome, "", "this mapping has no [outbound]"));
        };
        let Ok(demand) = serde_json::to_value(demand) else {
            return Err(Refused::one(Code::Unfit, "", "the demand has no JSON form"));
        };
        let contents: Vec<String> =
            documents.iter().map(|document| STANDARD.encode(document.bytes)).collect();
        let seen: Vec<Json> =
            documents.iter().enumerate().map(|(number, document)| describe(number, document)).collect();
        let scope = Scope::new()
            .with("demand", demand)
            .with("documents", Json::Array(seen))
            .with("mapping", json!({ "name": self.id.name, "version": self.id.version }));
        let mut builder = Builder::new(&self.tables, &contents);
        let tree = builder.record(&outbound.rules, &scope, "");
        if builder.refusals.is_empty() {
            Ok(Mapped { mapping: self.id.clone(), tree, notes: builder.notes })
        } else {
            Err(Refused { refusals: builder.refusals })
        }
    }

    /// The bytes of a local message, in the format of the file.
    ///
    /// # Errors
    /// A name or character that the format or its character set does not have, with its place.
    pub fn encode(&self, tree: &Tree) -> Result<Vec<u8>, Refused> {
        let Some(outbound) = &self.outbound else {
            return Err(Refused::one(Code::NoOutcome, "", "this mapping has no [outbound]"));
        };
        let bytes = encode::bytes(tree, outbound.format, outbound.charset)?;
        if bytes.len() > outbound.max_bytes {
            let message = format!(
                "the message has {} bytes, and `max_bytes` allows {}",
                bytes.len(),
                outbound.max_bytes
            );
            return Err(Refused::one(Code::TooMuch, "", message));
        }
        Ok(bytes)
    }

    /// The media type of the bytes, with their character set.
    pub fn media_type(&self) -> Option<String> {
        let outbound = self.outbound.as_ref()?;
        Some(outbound.format.media_type(outbound.charset))
    }
}

fn describe(number: usize, document: &Document<'_>) -> Json {
    let claim = document.claim;
    json!({
        "role": claim.role, "name": claim.name, "media_type": claim.media_type, "sha256": claim.sha256,
        "size": claim.size, "content_base64": token(number),
    })
}
