//! What the county writes and reads as XML or JSON. Written apart from the connector, so that a misunderstanding shows.

use serde_json::{Value, json};
use uuid::Uuid;

/// The form of the county's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileForm {
    /// JSON.
    Json,
    /// XML in UTF-8.
    Xml,
    /// XML in GB18030.
    XmlGb18030,
}

impl FileForm {
    pub(super) fn ending(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Xml | Self::XmlGb18030 => "xml",
        }
    }

    fn bytes(self, xml: &str) -> Vec<u8> {
        match self {
            Self::XmlGb18030 => {
                let head = r#"<?xml version="1.0" encoding="GB18030"?>"#;
                encoding_rs::GB18030.encode(&format!("{head}{xml}")).0.into_owned()
            }
            Self::Json | Self::Xml => format!(r#"<?xml version="1.0" encoding="UTF-8"?>{xml}"#).into_bytes(),
        }
    }

    fn text(self, bytes: &[u8]) -> Option<String> {
        match self {
            Self::XmlGb18030 => encoding_rs::GB18030
                .decode_without_bom_handling_and_without_replacement(bytes)
                .map(std::borrow::Cow::into_owned),
            Self::Json | Self::Xml => String::from_utf8(bytes.to_vec()).ok(),
        }
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A value as elements: a list repeats its element, nothing is left out.
fn element(name: &str, value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Array(items) => items.iter().map(|item| element(name, item)).collect(),
        Value::Object(fields) => {
            let inner: String = fields.iter().map(|(name, value)| element(name, value)).collect();
            format!("<{name}>{inner}</{name}>")
        }
        Value::String(text) => format!("<{name}>{}</{name}>", escape(text)),
        plain => format!("<{name}>{plain}</{name}>"),
    }
}

fn message(number: &str, data: &str) -> String {
    format!("<Message><Head><BizMsgID>{number}</BizMsgID></Head><Data>{data}</Data></Message>")
}

/// An answer file: what the desk said over HTTP, under the number of the asking.
pub(super) fn answer(number: &str, said: &Value, form: FileForm) -> Vec<u8> {
    if form == FileForm::Json {
        let mut said = said.clone();
        said["biz_msg_id"] = json!(number);
        return said.to_string().into_bytes();
    }
    let flag = match said["status"].as_str() {
        Some("returned") => "2",
        Some("refused" | "unsupported") => "0",
        _ => "1",
    };
    let words = if said["text"].is_string() { &said["text"] } else { &said["reason"] };
    let data = [
        element("SuccessFlag", &json!(flag)),
        element("ResponseCode", if said["code"].is_null() { &Value::Null } else { &said["code"] }),
        element("ResponseInfo", if words.is_null() { &Value::Null } else { words }),
        element("Reference", &said["reference"]),
        element("ReceivedAt", &said["received_at"]),
        element("Reason", &said["reasons"]),
        element("DifferingField", &said["differing_fields"]),
        element("DecidedAt", &said["decided_at"]),
    ];
    form.bytes(&message(number, &data.concat()))
}

/// The same text in another character set than the one that it declares.
pub(super) fn in_the_wrong_set(bytes: &[u8], form: FileForm) -> Vec<u8> {
    let text = form.text(bytes).unwrap_or_default();
    match form {
        FileForm::XmlGb18030 => text.into_bytes(),
        FileForm::Json | FileForm::Xml => encoding_rs::GB18030.encode(&text).0.into_owned(),
    }
}

/// A result, return, declined withdrawal or conversion as the desk offers it: `{"id", "result": …}`.
pub(super) fn outcome(id: &str, offer: &Value, form: FileForm) -> Vec<u8> {
    let kinds = [
        ("result", "xiezhi.result.v1"),
        ("return", "xiezhi.return.v1"),
        ("declined", "xiezhi.withdrawal-declined.v1"),
        ("conversion", "xiezhi.conversion.v1"),
    ];
    let kind = kinds.into_iter().find(|(kind, _)| offer[*kind].is_object());
    let Some((kind, schema)) = kind else { return Vec::new() };
    if form == FileForm::Json {
        let mut body = offer[kind].clone();
        body["schema"] = json!(schema);
        return body.to_string().into_bytes();
    }
    form.bytes(&message(id, &element(kind, &offer[kind])))
}

/// The request that a message of XML is about.
pub(super) fn request_id(bytes: &[u8], form: FileForm) -> Option<Uuid> {
    let text = form.text(bytes)?;
    let document = roxmltree::Document::parse(&text).ok()?;
    let named = document.descendants().find(|node| node.has_tag_name("RequestID"))?;
    named.text()?.parse().ok()
}

/// A small order of the connector, as JSON.
pub(super) fn order(bytes: &[u8], name: &str, form: FileForm) -> Option<Value> {
    if name.ends_with(".json") {
        return serde_json::from_slice(bytes).ok();
    }
    let text = form.text(bytes)?;
    let document = roxmltree::Document::parse(&text).ok()?;
    let data = document.descendants().find(|node| node.has_tag_name("Data"))?;
    let child = |node: roxmltree::Node<'_, '_>, name: &str| {
        let found = node.children().find(|child| child.has_tag_name(name))?;
        found.text().map(str::to_owned)
    };
    let mut order = json!({"request_id": child(data, "request_id"), "reason": child(data, "reason")});
    if let Some(verdict) = data.children().find(|child| child.has_tag_name("verdict")) {
        let unit = |request: roxmltree::Node<'_, '_>| {
            let index = child(request, "unit_index").and_then(|index| index.parse::<u64>().ok());
            json!({"request_id": child(request, "request_id"), "unit_index": index})
        };
        let requests = verdict.children().filter(|child| child.has_tag_name("requests"));
        let requests: Vec<Value> = requests.map(unit).collect();
        order["verdict"] = json!({"is": child(verdict, "is"), "requests": requests});
    }
    Some(order)
}
