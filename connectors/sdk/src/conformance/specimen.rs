//! Demands that nobody sent. Everything in them is invented; every one is for a unit of its own, unless a rule is about a unit's lane.

use bytes::Bytes;
use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use serde_json::{Value, json};
use uuid::Uuid;
use xiezhi_schemas::{
    address::RegistryCode,
    identifier::UnitCode,
    message::{Attachment, AttachmentRole, Demand, DemandMessage, Digest, Withdrawal, WithdrawalMessage},
};

use crate::adapter::{DeliveryOrder, FetchedDocument, WithdrawalOrder};

/// What no reason may hold: persons, numbers and places of every specimen.
pub(super) const PERSONAL: [&str; 9] = [
    "虚构债务人甲",
    "110105190303079514",
    "虚构权利人乙",
    "虚构市示例区虚构路1号",
    "虚构承办人丙",
    "010-00000000",
    "虚构干警丁",
    "XF-0000001",
    "虚构不动产权第0000001号",
];

/// One demand with its bytes and documents.
pub(super) struct Specimen {
    pub(super) demand: Demand,
    body: Vec<u8>,
    sha256: String,
    documents: Vec<FetchedDocument>,
}

/// A wish to take a specimen back.
pub(super) struct Wish {
    withdrawal: Withdrawal,
    body: Vec<u8>,
    letter: FetchedDocument,
}

impl Specimen {
    /// A seizure of a unit that nobody else names.
    pub(super) fn new(registry: &RegistryCode) -> Self {
        Self::of_unit(registry, Uuid::now_v7(), 1)
    }

    /// The demand with this place in the lane of a unit; equal `lot` is one unit.
    pub(super) fn of_unit(registry: &RegistryCode, lot: Uuid, lane_seq: i64) -> Self {
        let request_id = Uuid::now_v7();
        let documents = [
            (AttachmentRole::Ruling, "执行裁定书.pdf", "application/pdf", "%PDF-1.7\n% 一致性测试 裁定书\n"),
            (
                AttachmentRole::Notice,
                "协助执行通知书.pdf",
                "application/pdf",
                "%PDF-1.7\n% 一致性测试 通知书\n",
            ),
            (AttachmentRole::WorkPermit, "工作证.jpg", "image/jpeg", "一致性测试 工作证"),
        ]
        .map(|(role, name, media_type, content)| document(role, name, media_type, content));
        let claims: Vec<&Attachment> = documents.iter().map(|document| &document.claim).collect();
        let now = Timestamp::now();
        let today = now.to_zoned(TimeZone::fixed(jiff::tz::offset(8))).date();
        let end = today.saturating_add(3.years()).saturating_sub(1.day());
        let message = json!({"schema": "xiezhi.demand.v1", "request_id": request_id,
            "message_id": Uuid::now_v7(), "sender": "conformance", "demand_id": format!("conformance-{request_id}"),
            "unit_index": 1, "unit_count": 1, "registry": registry, "lane_seq": lane_seq, "accepted_at": now,
            "kind": "seizure", "court": {"code": "京0105", "name": "虚构市示例区人民法院"},
            "case_number": "（2024）京0105执1234号", "judgment_number": "（2024）京0105民初56号",
            "issuing_organ": "虚构市示例区人民法院", "cause": "一致性测试，非真实案件",
            "debtor": {"name": PERSONAL[0], "document_kind": "resident_id", "document_number": PERSONAL[1]},
            "unit": {"unit_code": unit_code(registry, lot), "right_holder": PERSONAL[2], "location": PERSONAL[3],
                "certificates": [PERSONAL[8]]},
            "period": {"years": 3, "from": today, "to": end},
            "contact": {"name": PERSONAL[4], "phone": PERSONAL[5]},
            "officers": [{"name": PERSONAL[6], "kind": "work_permit", "number": PERSONAL[7]}],
            "attachments": claims, "remarks": "一致性测试，非真实案件"});
        let (message, body): (DemandMessage, _) = both(&message);
        let sha256 = Digest::of(&body).to_string();
        Self { demand: message.into_demand(), sha256, body, documents: documents.to_vec() }
    }

    pub(super) fn order(&self) -> DeliveryOrder<'_> {
        DeliveryOrder {
            demand: &self.demand,
            body: &self.body,
            body_sha256: &self.sha256,
            attempt: 1,
            documents: &self.documents,
        }
    }

    pub(super) fn id(&self) -> Uuid {
        self.demand.request_id
    }

    pub(super) fn wish(&self) -> Wish {
        let letter = document(
            AttachmentRole::WithdrawalLetter,
            "撤回函.pdf",
            "application/pdf",
            "%PDF-1.7\n% 一致性测试 撤回函\n",
        );
        let message = json!({"schema": "xiezhi.withdrawal.v1", "withdrawal_id": Uuid::now_v7(),
            "request_id": self.id(), "registry": self.demand.registry, "sender": "conformance",
            "asked_at": Timestamp::now(), "reason": "一致性测试：申请执行人撤回申请", "letter": letter.claim,
            "contact": {"name": PERSONAL[4], "phone": PERSONAL[5]}});
        let (message, body): (WithdrawalMessage, _) = both(&message);
        Wish { withdrawal: message.into_withdrawal(), body, letter }
    }
}

impl Wish {
    pub(super) fn order(&self) -> WithdrawalOrder<'_> {
        WithdrawalOrder { withdrawal: &self.withdrawal, body: &self.body, letter: &self.letter }
    }
}

/// The message and the bytes that it travels as.
fn both<T: serde::de::DeserializeOwned>(message: &Value) -> (T, Vec<u8>) {
    let body = message.to_string().into_bytes();
    (serde_json::from_slice(&body).expect("the specimen has the published form, as a test shows"), body)
}

fn document(role: AttachmentRole, name: &str, media_type: &str, content: &str) -> FetchedDocument {
    let bytes = Bytes::copy_from_slice(content.as_bytes());
    let claim = Attachment {
        role,
        name: name.to_owned(),
        media_type: media_type.to_owned(),
        sha256: Digest::of(&bytes),
        size: bytes.len() as u64,
        seal: None,
    };
    FetchedDocument { claim, bytes }
}

/// A unit code (不动产单元代码) of the registry's area, in the last of its 宗地 so that no real one is met. Building and unit count from
/// 0001 (GB/T 37346-2019). A registry whose code is no county's, such as a city's, gets units of a county that there is.
fn unit_code(registry: &RegistryCode, lot: Uuid) -> String {
    let lot = lot.as_u128();
    let in_area =
        |area: &str| format!("{area}999999GB99999F{:04}{:04}", lot % 9_999 + 1, lot / 9_999 % 9_999 + 1);
    let own = in_area(&registry.to_string());
    if own.parse::<UnitCode>().is_ok() { own } else { in_area("110105") }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn specimens_have_the_published_form_and_name_all_that_is_personal() {
        let registry = "320102".parse().unwrap();
        let specimen = Specimen::new(&registry);
        let order = specimen.order();
        let text = std::str::from_utf8(order.body).unwrap();
        for word in PERSONAL {
            assert!(text.contains(word), "{word}");
        }
        assert_eq!(order.body_sha256, Digest::of(order.body).as_str());
        assert!(order.documents.iter().zip(&order.demand.attachments).all(|(d, claim)| d.claim == *claim));
        assert_eq!(specimen.wish().order().withdrawal.request_id, specimen.id());
        // Every number of a building and of a unit is one.
        for lot in (0..20_000).chain((0..20_000).map(|n| n * 9_999)).map(Uuid::from_u128) {
            let code = unit_code(&registry, lot);
            assert!(code.parse::<UnitCode>().is_ok(), "{code}");
        }
        for registry in ["320100", "999999"] {
            Specimen::new(&registry.parse().unwrap());
        }
        let lot = Uuid::now_v7();
        let of = |seq| Specimen::of_unit(&registry, lot, seq).demand;
        assert_eq!(of(1).unit.unit_code, of(2).unit.unit_code);
        assert_ne!(of(1).request_id, of(2).request_id);
    }
}
