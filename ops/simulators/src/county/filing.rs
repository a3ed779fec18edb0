//! What the county keeps of a demand: enough to decide it, and nothing about a person.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// What is demanded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// 查封.
    Seizure,
    /// 续封.
    Renewal,
    /// 解封.
    Lifting,
    /// 轮候查封.
    Waiting,
}

/// How the county will behave when it decides; fixed when it takes the demand, so that a restart changes nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Script {
    /// As the register says.
    #[default]
    Plain,
    /// Return it (退回).
    Return,
    /// Offer the outcome twice, with another id.
    Twice,
    /// Offer a second outcome that contradicts the first.
    Contradict,
    /// Return it because the certificate differs from the register.
    Mismatch,
    /// Return it because an advance notice (预告登记) of somebody else than the debtor stands.
    AdvanceNotice,
    /// Leave it undecided until a wish for withdrawal was declined.
    Hold,
    /// As the register says; when it waited and becomes formal, tell that too.
    TellConversion,
    /// The same, and restart the period, which the law forbids.
    NewPeriod,
}

/// One demand as the county files it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filing {
    /// The request; with the registry it makes a delivery unique.
    pub request_id: Uuid,
    /// The message that brought it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<Uuid>,
    /// The registry that took it, six digits.
    pub registry: String,
    /// 不动产单元代码.
    pub unit: String,
    /// What is demanded.
    pub kind: Kind,
    /// 执行案号, in one spelling of brackets and blanks.
    pub case_number: String,
    /// 原查封案号, in the same spelling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_case_number: Option<String>,
    /// The period asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// SHA-256 of the demand's JSON exactly as it came.
    pub body_sha256: String,
    /// What the county will do with it.
    #[serde(default)]
    pub script: Script,
}

/// 查封期限, both days included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Period {
    /// Years as printed.
    pub years: u8,
    /// First day.
    pub from: Date,
    /// Last day.
    pub to: Date,
}

/// What a remark of the demand tells the simulator to do, so that a test can choose the fate of one demand among thousands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    Return,
    ReturnAtDoor,
    Refuse,
    Die,
    Mismatch,
    AdvanceNotice,
    Hold,
    TellConversion,
    NewPeriod,
}

impl Mark {
    /// How the demand will be decided, if the mark is about that and not about the delivery.
    pub(crate) fn script(self) -> Option<Script> {
        match self {
            Self::Return => Some(Script::Return),
            Self::Mismatch => Some(Script::Mismatch),
            Self::AdvanceNotice => Some(Script::AdvanceNotice),
            Self::Hold => Some(Script::Hold),
            Self::TellConversion => Some(Script::TellConversion),
            Self::NewPeriod => Some(Script::NewPeriod),
            Self::ReturnAtDoor | Self::Refuse | Self::Die => None,
        }
    }

    fn of(remarks: &str) -> Option<Self> {
        // The longest word first: one begins with the other.
        [
            ("SIM:RETURN-AT-DOOR", Self::ReturnAtDoor),
            ("SIM:RETURN", Self::Return),
            ("SIM:REFUSE", Self::Refuse),
            ("SIM:DIE", Self::Die),
            ("SIM:MISMATCH", Self::Mismatch),
            ("SIM:ADVANCE-NOTICE", Self::AdvanceNotice),
            ("SIM:HOLD", Self::Hold),
            ("SIM:TELL-CONVERSION", Self::TellConversion),
            ("SIM:NEW-PERIOD", Self::NewPeriod),
        ]
        .into_iter()
        .find_map(|(word, mark)| remarks.contains(word).then_some(mark))
    }
}

/// A delivery that the county cannot take: code and reason as it answers them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal(pub(crate) &'static str, pub(crate) String);

#[derive(Deserialize)]
struct Delivery<'a> {
    #[serde(borrow)]
    demand: &'a RawValue,
    #[serde(default)]
    documents: Vec<Document>,
}

#[derive(Deserialize)]
struct Document {
    sha256: String,
    content_base64: String,
}

#[derive(Deserialize)]
struct Demand {
    request_id: Uuid,
    message_id: Option<Uuid>,
    registry: String,
    kind: Kind,
    case_number: String,
    original_case_number: Option<String>,
    unit: Unit,
    period: Option<Period>,
    #[serde(default)]
    attachments: Vec<Claim>,
    remarks: Option<String>,
}

#[derive(Deserialize)]
struct Unit {
    unit_code: String,
}

#[derive(Deserialize)]
struct Claim {
    sha256: String,
}

/// Reads one delivery and checks that each document is there and has the digest that the demand names.
pub(crate) fn read(registry: &str, body: &[u8]) -> Result<(Filing, Option<Mark>), Refusal> {
    let unreadable =
        |error: serde_json::Error| Refusal("unreadable", format!("line {}: not a delivery", error.line()));
    let delivery: Delivery<'_> = serde_json::from_slice(body).map_err(unreadable)?;
    let raw = delivery.demand.get();
    let demand: Demand = serde_json::from_str(raw).map_err(unreadable)?;
    if demand.registry != registry {
        return Err(Refusal("wrong_registry", format!("the demand is for registry {}", demand.registry)));
    }
    let mut sent = Vec::new();
    for document in &delivery.documents {
        let bytes = STANDARD
            .decode(&document.content_base64)
            .map_err(|_| Refusal("document_unreadable", format!("{} is not base64", document.sha256)))?;
        if hex::encode(Sha256::digest(&bytes)) != document.sha256 {
            return Err(Refusal("document_damaged", format!("{} has other bytes", document.sha256)));
        }
        sent.push(document.sha256.as_str());
    }
    if let Some(missing) = demand.attachments.iter().find(|claim| !sent.contains(&claim.sha256.as_str())) {
        return Err(Refusal("document_missing", format!("{} was not sent", missing.sha256)));
    }
    let mark = demand.remarks.as_deref().and_then(Mark::of);
    let filing = Filing {
        request_id: demand.request_id,
        message_id: demand.message_id,
        registry: demand.registry,
        unit: demand.unit.unit_code,
        kind: demand.kind,
        case_number: one_spelling(&demand.case_number),
        original_case_number: demand.original_case_number.as_deref().map(one_spelling),
        period: demand.period,
        body_sha256: hex::encode(Sha256::digest(raw.as_bytes())),
        script: Script::Plain,
    };
    Ok((filing, mark))
}

/// What reached the county without the connector: the same demand, as the court states it.
#[derive(Deserialize)]
struct Submission {
    kind: Kind,
    case_number: String,
    original_case_number: Option<String>,
    units: Vec<Unit>,
    period: Option<Period>,
    remarks: Option<String>,
}

/// Files a demand of the county's own link, one filing for each unit, under ids of the county.
pub(crate) fn of_link(registry: &str, demand: &serde_json::Value) -> Result<Vec<Filing>, Refusal> {
    of_submission(registry, demand, std::iter::repeat_with(Uuid::now_v7))
}

/// Files papers of the window, one filing for each unit, under the ids that the hub gave the clerk.
pub(crate) fn of_window(
    registry: &str,
    demand: &serde_json::Value,
    request_ids: &[Uuid],
) -> Result<Vec<Filing>, Refusal> {
    let filings = of_submission(registry, demand, request_ids.iter().copied())?;
    let units = demand["units"].as_array().map_or(0, Vec::len);
    if filings.len() != units || request_ids.len() != units {
        return Err(Refusal("unreadable", "every unit needs its request id".to_owned()));
    }
    Ok(filings)
}

fn of_submission(
    registry: &str,
    demand: &serde_json::Value,
    ids: impl Iterator<Item = Uuid>,
) -> Result<Vec<Filing>, Refusal> {
    let body = demand.to_string();
    let submission: Submission = serde_json::from_str(&body)
        .map_err(|error| Refusal("unreadable", format!("not a demand: {error}")))?;
    let mark = submission.remarks.as_deref().and_then(Mark::of);
    let filing = |(unit, request_id): (Unit, Uuid)| Filing {
        request_id,
        message_id: None,
        registry: registry.to_owned(),
        unit: unit.unit_code,
        kind: submission.kind,
        case_number: one_spelling(&submission.case_number),
        original_case_number: submission.original_case_number.as_deref().map(one_spelling),
        period: submission.period,
        body_sha256: hex::encode(Sha256::digest(&body)),
        script: mark.and_then(Mark::script).unwrap_or_default(),
    };
    Ok(submission.units.into_iter().zip(ids).map(filing).collect())
}

/// Case numbers are compared by people; brackets of either width and blanks make no difference.
fn one_spelling(number: &str) -> String {
    number
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| match c {
            '(' | '〔' | '[' => '（',
            ')' | '〕' | ']' => '）',
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    fn delivery(documents: &str) -> String {
        format!(
            r#"{{"demand":{{"schema":"xiezhi.demand.v1","request_id":"00000000-0000-0000-0000-000000000001",
            "registry":"320102","kind":"seizure","case_number":"(2024) 苏0102执1号","unit":{{"unit_code":"U"}},
            "attachments":[{{"sha256":"{A}"}}],"remarks":"SIM:RETURN-AT-DOOR"}},"documents":[{documents}]}}"#
        )
    }

    /// Digest of the single byte `a`.
    const A: &str = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";

    #[test]
    fn a_delivery_is_read_and_its_documents_are_checked() {
        let good = delivery(&format!(r#"{{"sha256":"{A}","content_base64":"YQ=="}}"#));
        let (filing, mark) = read("320102", good.as_bytes()).unwrap();
        assert_eq!(filing.case_number, "（2024）苏0102执1号");
        assert_eq!(mark, Some(Mark::ReturnAtDoor));
        let raw = &good[good.find(r#"{"schema"#).unwrap()..good.find(r#","documents"#).unwrap()];
        assert_eq!(
            filing.body_sha256,
            hex::encode(Sha256::digest(raw)),
            "the digest covers the bytes as they came"
        );

        let code = |registry: &str, body: &str| read(registry, body.as_bytes()).unwrap_err().0;
        assert_eq!(code("320104", &good), "wrong_registry");
        assert_eq!(code("320102", &delivery("")), "document_missing");
        let damaged = delivery(&format!(r#"{{"sha256":"{A}","content_base64":"Yg=="}}"#));
        assert_eq!(code("320102", &damaged), "document_damaged");
        let garbled = delivery(&format!(r#"{{"sha256":"{A}","content_base64":"?"}}"#));
        assert_eq!(code("320102", &garbled), "document_unreadable");
        assert_eq!(code("320102", "{"), "unreadable");
    }
}
