//! Bytes of incoming files → what they say. Pure. What cannot be read, or says something else than its name, is a [`Wrong`]
//! and goes to quarantine; nothing is half believed.

use connector_mapping::{Code, Known, Mapping, Refused, Understood};
use connector_sdk::{LocalOutcome, LocalReceiptOffer};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;
use xiezhi_schemas::{
    address::RegistryCode,
    message::{LocalRecord, OutcomeMessage, ReturnReason},
    strict_json,
};

use crate::{
    encode::Codec,
    names::Ending,
    quarantine::{Fault, Wrong},
};

/// What an answer file says, in one form for JSON and XML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It has what it was given, on durable storage (`taken`, `voided`, `held`; SuccessFlag 1).
    Yes { reference: Option<String>, received_at: Option<String> },
    /// 退回 (SuccessFlag 2).
    Returned {
        reasons: Vec<ReturnReason>,
        text: String,
        differing_fields: Vec<String>,
        decided_at: Option<Timestamp>,
    },
    /// It cannot take this one (`refused`, `unsupported`; SuccessFlag 0).
    No { code: Option<String>, reason: Option<String> },
}

/// What was asked, and so which words may answer it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Question {
    Demand,
    Void,
    Wish,
}

impl Question {
    /// The words of JSON that mean yes, returned and no.
    fn words(self) -> [Option<&'static str>; 3] {
        match self {
            Self::Demand => [Some("taken"), Some("returned"), Some("refused")],
            Self::Void => [Some("voided"), None, None],
            Self::Wish => [Some("held"), None, Some("unsupported")],
        }
    }
}

/// An answer of JSON.
#[derive(Deserialize)]
struct Said {
    biz_msg_id: String,
    status: String,
    request_id: Option<Uuid>,
    reference: Option<String>,
    received_at: Option<String>,
    reasons: Option<Vec<String>>,
    text: Option<String>,
    #[serde(default)]
    differing_fields: Vec<String>,
    decided_at: Option<String>,
    code: Option<String>,
    reason: Option<String>,
}

fn wrong(fault: Fault, place: &str, what: impl Into<String>) -> Wrong {
    Wrong { place: place.to_owned(), ..Wrong::new(fault, what) }
}

/// Reads an answer; `number` is the one of its file's name.
pub(crate) fn answer(
    codec: &Codec,
    (bytes, ending): (&[u8], Ending),
    question: Question,
    (number, request_id): (&str, Uuid),
) -> Result<Answer, Wrong> {
    let said = match ending {
        Ending::Json => serde_json::from_value(json(bytes)?).map_err(|_| {
            wrong(
                Fault::NotUnderstood,
                "",
                "is no answer of this protocol: `biz_msg_id` and `status` are needed",
            )
        })?,
        Ending::Xml => of_xml(&codec.canonical, bytes, question)?,
    };
    if said.biz_msg_id != number {
        return Err(wrong(Fault::Contradictory, "BizMsgID", "names another number than the file's name"));
    }
    if said.request_id.is_some_and(|id| id != request_id) {
        return Err(wrong(Fault::Contradictory, "request_id", "names another request than the file's name"));
    }
    let word = Some(said.status.as_str());
    let [yes, returned, no] = question.words();
    if word == yes {
        Ok(Answer::Yes { reference: said.reference, received_at: said.received_at })
    } else if word == returned {
        let known = |word: &String| serde_json::from_value::<ReturnReason>(word.as_str().into()).ok();
        let reasons = said.reasons.unwrap_or_default();
        let reasons: Option<Vec<_>> = reasons.iter().map(known).collect();
        let reasons = reasons.ok_or_else(|| {
            wrong(Fault::NotUnderstood, "reasons", "is no coded reason of a return (`hub schema outcome`)")
        })?;
        let decided_at = said.decided_at.map(|text| text.parse()).transpose();
        let decided_at = decided_at.map_err(|_| {
            wrong(Fault::NotUnderstood, "decided_at", "is no instant such as 2026-01-05T09:30:00+08:00")
        })?;
        let text = said.text.unwrap_or_default();
        Ok(Answer::Returned { reasons, text, differing_fields: said.differing_fields, decided_at })
    } else if word == no {
        Ok(Answer::No { code: said.code, reason: said.reason })
    } else {
        Err(wrong(Fault::NotUnderstood, "status", "is none of the words that answer this"))
    }
}

/// `Message/Head/BizMsgID` and `Message/Data/SuccessFlag ResponseCode ResponseInfo …`.
fn of_xml(canonical: &Mapping, bytes: &[u8], question: Question) -> Result<Said, Wrong> {
    let value = canonical.decode(bytes).map_err(|refused| of_refused(&refused))?;
    let said = |path: &str| match value.pointer(path) {
        // The ministry's messages write `/` for nothing.
        Some(Value::String(text)) if !matches!(text.trim(), "" | "/") => Some(text.trim().to_owned()),
        _ => None,
    };
    let all = |path: &str| match value.pointer(path) {
        Some(Value::Array(items)) => items.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect(),
        _ => said(path).into_iter().collect::<Vec<_>>(),
    };
    let needed =
        |path: &str, name: &str| said(path).ok_or_else(|| wrong(Fault::NotUnderstood, name, "is missing"));
    let biz_msg_id = needed("/Message/Head/BizMsgID", "BizMsgID")?;
    let [yes, returned, no] = question.words();
    let status = match needed("/Message/Data/SuccessFlag", "SuccessFlag")?.as_str() {
        "1" => yes,
        "2" => returned,
        "0" => no,
        _ => None,
    };
    let status = status
        .ok_or_else(|| wrong(Fault::NotUnderstood, "SuccessFlag", "is none of the flags that answer this"))?;
    Ok(Said {
        biz_msg_id,
        status: status.to_owned(),
        request_id: None,
        reference: said("/Message/Data/Reference"),
        received_at: said("/Message/Data/ReceivedAt"),
        reasons: Some(all("/Message/Data/Reason")),
        text: said("/Message/Data/ResponseInfo"),
        differing_fields: all("/Message/Data/DifferingField"),
        decided_at: said("/Message/Data/DecidedAt"),
        code: said("/Message/Data/ResponseCode"),
        reason: said("/Message/Data/ResponseInfo"),
    })
}

/// Reads a result, a return or a declined withdrawal of this registry.
pub(crate) fn outcome(
    codec: &Codec,
    (bytes, ending): (&[u8], Ending),
    id: &str,
    registry: &RegistryCode,
) -> Result<LocalOutcome, Wrong> {
    let message = match mapped(codec, (bytes, ending), registry)? {
        None => serde_json::from_value::<OutcomeMessage>(json(bytes)?).map_err(|_| {
            wrong(Fault::NotUnderstood, "", "is not of the published form (`hub schema outcome`)")
        })?,
        Some(Understood::Outcome(message)) => *message,
        Some(Understood::LocalReceipt(_)) => {
            return Err(wrong(
                Fault::Contradictory,
                "",
                "is a receipt of the local link under the name of an outcome",
            ));
        }
    };
    if message.registry() != registry {
        return Err(wrong(Fault::Contradictory, "registry", "is another registry's than the folder"));
    }
    Ok(LocalOutcome { outcome_id: id.to_owned(), message })
}

/// The published form of a receipt, with its demand left as it is: the hub's one checklist reads it.
#[derive(Deserialize)]
struct Receipt {
    schema: String,
    registry: Option<RegistryCode>,
    local: LocalRecord,
    demand: Value,
}

/// Reads a receipt of the registry's own link.
pub(crate) fn local_receipt(
    codec: &Codec,
    (bytes, ending): (&[u8], Ending),
    id: &str,
    registry: &RegistryCode,
) -> Result<LocalReceiptOffer, Wrong> {
    let (of, local, demand) = match mapped(codec, (bytes, ending), registry)? {
        None => {
            let receipt: Receipt = serde_json::from_value(json(bytes)?)
                .ok()
                .filter(|receipt: &Receipt| receipt.schema == "xiezhi.local-receipt.v1")
                .ok_or_else(|| {
                    wrong(
                        Fault::NotUnderstood,
                        "",
                        "is not of the published form (`hub schema local-receipt`)",
                    )
                })?;
            (receipt.registry, receipt.local, receipt.demand)
        }
        Some(Understood::LocalReceipt(message)) => {
            let receipt = message.into_receipt();
            let demand = serde_json::to_value(&receipt.demand).unwrap_or_default();
            (Some(receipt.registry), receipt.local, demand)
        }
        Some(Understood::Outcome(_)) => {
            return Err(wrong(
                Fault::Contradictory,
                "",
                "is an outcome under the name of a receipt of the local link",
            ));
        }
    };
    if of.is_some_and(|of| of != *registry) {
        return Err(wrong(Fault::Contradictory, "registry", "is another registry's than the folder"));
    }
    Ok(LocalReceiptOffer { receipt_id: id.to_owned(), local, demand })
}

/// What a mapping understands: the configuration's for everything if it has one, else the protocol's own for XML. None: JSON
/// of the published form.
fn mapped(
    codec: &Codec,
    (bytes, ending): (&[u8], Ending),
    registry: &RegistryCode,
) -> Result<Option<Understood>, Wrong> {
    let own = codec.own.as_ref().filter(|own| own.has_inbound());
    let Some(mapping) = own.or((ending == Ending::Xml).then_some(&codec.canonical)) else { return Ok(None) };
    let known = Known { registry, request_id: None, connector: "filedrop" };
    let read = || -> Result<Understood, Refused> {
        let value = mapping.decode(bytes)?;
        let records = mapping.records(&value, &known)?;
        match records.as_slice() {
            [one] => mapping.inbound(&value, one, &known),
            _ => Err(Refused { refusals: Vec::new() }),
        }
    };
    read().map(Some).map_err(|refused| of_refused(&refused))
}

fn of_refused(refused: &Refused) -> Wrong {
    let Some(first) = refused.refusals.first() else {
        return wrong(Fault::NotUnderstood, "", "holds none or several messages; one file holds one");
    };
    let fault = if first.code == Code::Unreadable { Fault::Unreadable } else { Fault::NotUnderstood };
    wrong(fault, &first.at, refused.to_string())
}

/// JSON in one reading only: no repeated keys, no damaged text.
fn json(bytes: &[u8]) -> Result<Value, Wrong> {
    let limits = strict_json::Limits { max_bytes: bytes.len(), ..strict_json::Limits::default() };
    strict_json::parse(bytes, limits).map_err(|error| {
        wrong(Fault::Unreadable, &error.path, format!("{} (byte {})", error.message, error.offset))
    })
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
