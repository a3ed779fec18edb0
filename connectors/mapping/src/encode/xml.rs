//! XML: records are elements, lists are repeated elements, names that begin with `@` are attributes.

use quick_xml::{
    Writer,
    events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event, attributes::Attribute},
    name::QName,
};

use super::{text, unfit};
use crate::{
    charset::Charset,
    refusal::Refused,
    tree::{Scalar, Tree},
};

/// The document, in one line, with its declaration.
pub(super) fn bytes(tree: &Tree, charset: Charset) -> Result<Vec<u8>, Refused> {
    let Tree::Record(fields) = tree else {
        return Err(unfit("", "XML has a root element, and this has no name"));
    };
    let [(root, content)] = fields.as_slice() else {
        return Err(unfit("", "XML has exactly one root element"));
    };
    if matches!(content, Tree::List(_)) {
        return Err(unfit(root, "XML has exactly one root element, and this is a list"));
    }
    let mut writer = Writer::new(Vec::new());
    write(&mut writer, Event::Decl(BytesDecl::new("1.0", Some(charset.name()), None)), root)?;
    element(&mut writer, root, content, root)?;
    let document =
        String::from_utf8(writer.into_inner()).map_err(|_| unfit("", "the document is no text"))?;
    match charset {
        Charset::Utf8 => Ok(document.into_bytes()),
        _ => {
            // Looked at field by field first, so that a refusal names the field.
            places(content, charset, root)?;
            text(&document, charset, "")
        }
    }
}

fn element(writer: &mut Writer<Vec<u8>>, name: &str, content: &Tree, at: &str) -> Result<(), Refused> {
    check_name(name, at)?;
    let mut start = BytesStart::new(name);
    match content {
        Tree::List(items) => {
            for (number, item) in items.iter().enumerate() {
                let at = format!("{at}[{number}]");
                if matches!(item, Tree::List(_)) {
                    return Err(unfit(&at, "XML has no list inside a list; give the inner one a name"));
                }
                element(writer, name, item, &at)?;
            }
            Ok(())
        }
        Tree::Scalar(scalar) => {
            let text = escaped(&scalar.to_text(), at)?;
            if text.is_empty() {
                return write(writer, Event::Empty(start), at);
            }
            write(writer, Event::Start(start), at)?;
            write(writer, Event::Text(BytesText::from_escaped(text)), at)?;
            write(writer, Event::End(BytesEnd::new(name)), at)
        }
        Tree::Record(fields) => {
            let (attributes, elements): (Vec<_>, Vec<_>) =
                fields.iter().partition(|(name, _)| name.starts_with('@'));
            for (attribute, value) in attributes {
                let at = format!("{at}.{attribute}");
                let attribute = attribute.trim_start_matches('@');
                check_name(attribute, &at)?;
                let Tree::Scalar(scalar) = value else {
                    return Err(unfit(&at, "an attribute is a plain value"));
                };
                let text = escaped(&scalar.to_text(), &at)?;
                start.push_attribute(Attribute { key: QName(attribute), value: text.into() });
            }
            if elements.is_empty() {
                return write(writer, Event::Empty(start), at);
            }
            write(writer, Event::Start(start), at)?;
            for (inner, content) in elements {
                element(writer, inner, content, &format!("{at}.{inner}"))?;
            }
            write(writer, Event::End(BytesEnd::new(name)), at)
        }
    }
}

fn write(writer: &mut Writer<Vec<u8>>, event: Event<'_>, at: &str) -> Result<(), Refused> {
    writer.write_event(event).map_err(|_| unfit(at, "cannot be written as XML"))
}

/// Markup, and the blanks that a reader would normalise, as references.
fn escaped(text: &str, at: &str) -> Result<String, Refused> {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\t' => out.push_str("&#9;"),
            '\n' => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            c if c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}') => {
                return Err(unfit(at, "holds a control character, which XML cannot"));
            }
            c => out.push(c),
        }
    }
    Ok(out)
}

fn check_name(name: &str, at: &str) -> Result<(), Refused> {
    let mut chars = name.chars();
    let first = chars.next().is_some_and(|c| c.is_alphabetic() || c == '_');
    let local = first && chars.clone().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
    let reserved = name.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("xml"));
    if local && !reserved { Ok(()) } else { Err(unfit(at, format!("`{name}` is no name of XML"))) }
}

/// Whether every name and value is of the character set.
fn places(tree: &Tree, charset: Charset, at: &str) -> Result<(), Refused> {
    match tree {
        Tree::Scalar(Scalar::Text(value)) => text(value, charset, at).map(drop),
        Tree::Scalar(_) => Ok(()),
        Tree::List(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(number, item)| places(item, charset, &format!("{at}[{number}]"))),
        Tree::Record(fields) => fields.iter().try_for_each(|(name, part)| {
            let at = format!("{at}.{name}");
            text(name, charset, &at)?;
            places(part, charset, &at)
        }),
    }
}
