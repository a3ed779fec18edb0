//! XML → values: an element with parts becomes a record, repeated elements a list, an attribute a field whose name begins
//! with `@`, and an element of text only its text. Prefixes of name spaces are dropped.

use roxmltree::{Document, Node, ParsingOptions};
use serde_json::{Map, Value as Json};

use super::unreadable;
use crate::{charset::Charset, refusal::Refused};

/// Elements and texts of one answer.
const MAX_NODES: u32 = 1_000_000;
/// Nesting.
const MAX_DEPTH: usize = 64;

/// The record with the root element as its only field.
pub(super) fn value(text: &str, charset: Charset) -> Result<Json, Refused> {
    if let Some(named) = declared(text)
        && Charset::named(&named) != Some(charset)
        && !(charset == Charset::Gb18030 && Charset::named(&named) == Some(Charset::Gbk))
    {
        let message = format!(
            "its declaration says {named}, but the mapping says {}; one of them is wrong",
            charset.name()
        );
        return Err(unreadable("", message));
    }
    // The parser refuses DOCTYPE, and with it entities of the sender's own.
    let options = ParsingOptions { allow_dtd: false, nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options).map_err(|error| {
        let place = error.pos();
        let what = match error {
            roxmltree::Error::DtdDetected => "has a DOCTYPE, which is never read",
            roxmltree::Error::NodesLimitReached => "has too many elements",
            _ => "is no well-formed XML",
        };
        unreadable("", format!("{what} (line {}, column {})", place.row, place.col))
    })?;
    let root = document.root_element();
    let name = root.tag_name().name().to_owned();
    let content = element(root, &name, MAX_DEPTH)?;
    Ok(Json::Object(Map::from_iter([(name, content)])))
}

/// The character set in the declaration.
fn declared(text: &str) -> Option<String> {
    let declaration = text.strip_prefix("<?xml")?.split_once("?>")?.0;
    let value = declaration.split_once("encoding")?.1.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    Some(value[1..].split(quote).next()?.to_owned())
}

fn element(node: Node<'_, '_>, at: &str, depth: usize) -> Result<Json, Refused> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(unreadable(at, format!("is nested deeper than {MAX_DEPTH}")));
    };
    let text: String = node.children().filter(Node::is_text).filter_map(|part| part.text()).collect();
    let mut fields = Map::new();
    for attribute in node.attributes().filter(|one| !is_instance(one.namespace())) {
        fields.insert(format!("@{}", attribute.name()), attribute.value().into());
    }
    let has_parts = node.children().any(|child| child.is_element());
    if !has_parts && fields.is_empty() {
        return Ok(text.into());
    }
    if !has_parts && !text.is_empty() {
        fields.insert("#text".into(), text.into());
        return Ok(Json::Object(fields));
    }
    if !text.trim().is_empty() {
        return Err(unreadable(at, "mixes text and elements"));
    }
    for child in node.children().filter(Node::is_element) {
        let name = child.tag_name().name();
        let value = element(child, &format!("{at}.{name}"), depth)?;
        match fields.get_mut(name) {
            None => drop(fields.insert(name.to_owned(), value)),
            Some(Json::Array(items)) => items.push(value),
            Some(first) => *first = Json::Array(vec![first.take(), value]),
        }
    }
    Ok(Json::Object(fields))
}

/// Remarks for parsers, not content.
fn is_instance(namespace: Option<&str>) -> bool {
    namespace == Some("http://www.w3.org/2001/XMLSchema-instance")
}
