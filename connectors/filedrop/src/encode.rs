//! Messages → bytes of files, in the form of the configuration. Pure.

use connector_mapping::{Charset, Document, Mapping, Refused, Scalar, Tree};
use connector_sdk::{DeliveryOrder, FetchedDocument};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;
use xiezhi_schemas::{
    address::RegistryCode,
    message::{AttachmentRole, Digest, MappingVersion},
};

use crate::{
    config::Format,
    names::{Ending, Number, document_ending},
};

/// The mapping behind the XML of this protocol.
const CANONICAL: &str = include_str!("canonical.toml");

/// One file to be written.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// All files of one order: documents, the list of them, and last the message whose appearing says that all are there.
#[derive(Debug)]
pub(crate) struct Parcel {
    /// What every name of it begins with.
    pub(crate) stem: String,
    /// Digest of the message as the hub made it.
    pub(crate) body_sha256: String,
    pub(crate) documents: Vec<Written>,
    pub(crate) manifest: Written,
    pub(crate) message: Written,
    /// What made the message; none when it is as the hub made it.
    pub(crate) mapping: Option<MappingVersion>,
    /// Fields that were cut as the mapping says; no values.
    pub(crate) notes: Vec<String>,
}

/// `….files.json`: which files belong together, and what their bytes must be.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Manifest {
    biz_msg_id: String,
    request_id: Uuid,
    registry: RegistryCode,
    /// Digest of the message as the hub made it; with it a repeat is told from a change.
    pub(crate) body_sha256: String,
    message: Part,
    documents: Vec<Part>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    /// What made the message.
    pub(crate) mapping: Option<MappingVersion>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Part {
    file: String,
    sha256: Digest,
    size: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    media_type: Option<String>,
}

/// Name of the list of files of an order.
pub(crate) fn manifest_name(stem: &str) -> String {
    format!("{stem}.files.json")
}

/// How messages are written and read.
#[derive(Debug)]
pub(crate) struct Codec {
    pub(crate) format: Format,
    pub(crate) canonical: Mapping,
    pub(crate) own: Option<Mapping>,
}

impl Codec {
    /// A codec; `own` is the mapping of the configuration.
    pub(crate) fn new(format: Format, charset: Charset, own: Option<Mapping>) -> Self {
        let text = match charset {
            Charset::Utf8 => CANONICAL.to_owned(),
            other => CANONICAL.replace(r#"charset = "utf-8""#, &format!(r#"charset = "{}""#, other.name())),
        };
        let canonical = Mapping::load(&text).expect("a test loads it in every character set");
        Self { format, canonical, own }
    }

    /// The ending of what is written in the protocol's own form.
    pub(crate) fn ending(&self) -> Ending {
        match self.format {
            Format::Json => Ending::Json,
            Format::Xml => Ending::Xml,
        }
    }

    /// The files of a demand.
    ///
    /// # Errors
    /// The fields that the form, its character set or the mapping cannot say; no values.
    pub(crate) fn demand(&self, order: &DeliveryOrder<'_>, number: Number) -> Result<Parcel, Refused> {
        let stem = format!("Biz{number}");
        let mut notes = Vec::new();
        let (ending, bytes, id) = match self.outbound() {
            None => (Ending::Json, order.body.to_vec(), None),
            Some(mapping) => {
                let documents: Vec<Document<'_>> = order
                    .documents
                    .iter()
                    .map(|one| Document { claim: &one.claim, bytes: &one.bytes })
                    .collect();
                let made = mapping.outbound(order.demand, &documents)?;
                notes = made.notes;
                (file_ending(mapping), mapping.encode(&made.tree)?, Some(made.mapping))
            }
        };
        // The message as the hub made it goes along, so that nothing is lost in a form that cannot say it all.
        let original = id.is_some().then_some(("demand.json", order.body));
        let facts = Facts {
            biz_msg_id: number.to_string(),
            request_id: order.demand.request_id,
            registry: &order.demand.registry,
            body_sha256: order.body_sha256,
            mapping: id.as_ref(),
        };
        Ok(Parcel { notes, ..parcel(stem, (ending, bytes), original, order.documents, &facts) })
    }

    /// What makes the message of a demand; none when it goes as the hub made it.
    pub(crate) fn outbound(&self) -> Option<&Mapping> {
        let own = self.own.as_ref().filter(|own| own.has_outbound());
        own.or((self.format == Format::Xml).then_some(&self.canonical))
    }

    /// The files of a wish for withdrawal; `body` is the wish as the hub made it.
    ///
    /// # Errors
    /// A character that the character set does not have.
    pub(crate) fn wish(
        &self,
        body: &[u8],
        (withdrawal_id, request_id): (Uuid, Uuid),
        registry: &RegistryCode,
        letter: &FetchedDocument,
    ) -> Result<Parcel, Refused> {
        let id = withdrawal_id.simple().to_string();
        let (bytes, original) = match self.format {
            Format::Json => (body.to_vec(), None),
            Format::Xml => {
                let data = serde_json::from_slice(body).unwrap_or_default();
                (self.order_file(&id, &data)?, Some(("wish.json", body)))
            }
        };
        let body_sha256 = Digest::of(body);
        let facts = Facts {
            biz_msg_id: id.clone(),
            request_id,
            registry,
            body_sha256: body_sha256.as_str(),
            mapping: None,
        };
        let letter = std::slice::from_ref(letter);
        Ok(parcel(format!("Wdr{id}"), (self.ending(), bytes), original, letter, &facts))
    }

    /// A small order of the connector: a void, or what the hub said about a receipt of the local link.
    ///
    /// # Errors
    /// A character that the character set does not have.
    pub(crate) fn order_file(&self, number: &str, data: &Value) -> Result<Vec<u8>, Refused> {
        match self.format {
            Format::Json => {
                let mut value = data.clone();
                value["biz_msg_id"] = json!(number);
                Ok(value.to_string().into_bytes())
            }
            Format::Xml => {
                let head = record([("BizMsgID", text(number))]);
                let message = record([("Head", head), ("Data", tree(data).unwrap_or_else(|| record([])))]);
                self.canonical.encode(&record([("Message", message)]))
            }
        }
    }
}

struct Facts<'a> {
    biz_msg_id: String,
    request_id: Uuid,
    registry: &'a RegistryCode,
    body_sha256: &'a str,
    mapping: Option<&'a MappingVersion>,
}

fn parcel(
    stem: String,
    (ending, bytes): (Ending, Vec<u8>),
    original: Option<(&str, &[u8])>,
    documents: &[FetchedDocument],
    facts: &Facts<'_>,
) -> Parcel {
    let part = |file: &str, bytes: &[u8]| Part {
        file: file.to_owned(),
        sha256: Digest::of(bytes),
        size: bytes.len(),
        name: None,
        role: None,
        media_type: None,
    };
    let mut files = Vec::new();
    let mut parts = Vec::new();
    if let Some((tail, bytes)) = original {
        let name = format!("{stem}.{tail}");
        parts.push(Part { role: Some("original".into()), ..part(&name, bytes) });
        files.push(Written { name, bytes: bytes.to_vec() });
    }
    for (at, document) in documents.iter().enumerate() {
        let claim = &document.claim;
        let name = format!("{stem}.d{:02}.{}", at + 1, document_ending(&claim.media_type));
        parts.push(Part {
            name: Some(claim.name.clone()),
            role: Some(role(claim.role)),
            media_type: Some(claim.media_type.clone()),
            ..part(&name, &document.bytes)
        });
        files.push(Written { name, bytes: document.bytes.to_vec() });
    }
    let message = Written { name: format!("{stem}.{}", ending.as_str()), bytes };
    let manifest = Manifest {
        biz_msg_id: facts.biz_msg_id.clone(),
        request_id: facts.request_id,
        registry: facts.registry.clone(),
        body_sha256: facts.body_sha256.to_owned(),
        message: part(&message.name, &message.bytes),
        documents: parts,
        mapping: facts.mapping.cloned(),
    };
    let manifest = serde_json::to_vec_pretty(&manifest).expect("a list of plain texts has a JSON form");
    let manifest = Written { name: manifest_name(&stem), bytes: manifest };
    Parcel {
        stem,
        body_sha256: facts.body_sha256.to_owned(),
        documents: files,
        manifest,
        message,
        mapping: facts.mapping.cloned(),
        notes: Vec::new(),
    }
}

fn role(role: AttachmentRole) -> String {
    serde_json::to_value(role).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The ending of what a mapping makes. A form (`a=b`) has none of its own; the configuration refuses it.
fn file_ending(mapping: &Mapping) -> Ending {
    match mapping.media_type() {
        Some(kind) if kind.starts_with("application/json") => Ending::Json,
        _ => Ending::Xml,
    }
}

fn text(text: &str) -> Tree {
    Tree::Scalar(Scalar::Text(text.to_owned()))
}

fn record<const N: usize>(fields: [(&str, Tree); N]) -> Tree {
    Tree::Record(fields.into_iter().map(|(name, part)| (name.to_owned(), part)).collect())
}

/// The same values as a tree; what says nothing is left out.
fn tree(value: &Value) -> Option<Tree> {
    match value {
        Value::Null => None,
        Value::Bool(flag) => Some(Tree::Scalar(Scalar::Flag(*flag))),
        Value::Number(number) => Some(match number.as_i64() {
            Some(number) => Tree::Scalar(Scalar::Number(number)),
            None => text(&number.to_string()),
        }),
        Value::String(words) => Some(text(words)),
        Value::Array(items) => Some(Tree::List(items.iter().filter_map(tree).collect())),
        Value::Object(fields) => Some(Tree::Record(
            fields.iter().filter_map(|(name, value)| Some((name.clone(), tree(value)?))).collect(),
        )),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn the_canonical_mapping_passes_its_own_tests_in_every_character_set() {
        for charset in [Charset::Utf8, Charset::Gb18030] {
            let codec = Codec::new(Format::Xml, charset, None);
            let outcomes = codec.canonical.run_tests(&|_| Err("no file".into()));
            assert!(outcomes.len() >= 8);
            for outcome in outcomes {
                assert!(outcome.passed, "{charset:?}: {outcome}");
            }
        }
    }

    #[test]
    fn small_orders_have_both_forms() {
        let data = json!({"reason": "closed", "requests": [{"no": 1}, {"no": 2}], "none": null});
        let codec = Codec::new(Format::Json, Charset::Utf8, None);
        let value: Value = serde_json::from_slice(&codec.order_file("n1", &data).unwrap()).unwrap();
        assert_eq!((&value["biz_msg_id"], &value["reason"]), (&json!("n1"), &json!("closed")));
        let codec = Codec::new(Format::Xml, Charset::Gb18030, None);
        let bytes = codec.order_file("n1", &data).unwrap();
        let value = codec.canonical.decode(&bytes).unwrap();
        assert_eq!(value["Message"]["Data"]["requests"][1]["no"], "2");
        assert!(bytes.windows(7).any(|part| part == b"GB18030"));
        let refused = codec.order_file("n1", &json!({"reason": "\u{e5e5}"})).unwrap_err();
        assert!(refused.to_string().contains("Message.Data.reason"), "{refused}");
    }
}
