//! A demand for tests. Everybody in it is invented.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use uuid::Uuid;
use xiezhi_schemas::message::{
    Attachment, AttachmentRole, Contact, Court, Debtor, Demand, Digest, DocumentKind, Kind, OfficerCard,
    OfficerCardKind, SealMode, Unit,
};

/// A seizure for registry 320102.
pub(crate) fn demand() -> Demand {
    Demand {
        request_id: Uuid::from_u128(1),
        message_id: Uuid::from_u128(2),
        sender: "court-a".into(),
        demand_id: "D-1".into(),
        unit_index: 1,
        unit_count: 1,
        registry: "320102".parse().unwrap(),
        lane_seq: 1,
        accepted_at: "2024-03-01T01:02:03Z".parse().unwrap(),
        kind: Kind::Seizure,
        court: Court { code: "京0105".parse().unwrap(), name: "某某区人民法院".into() },
        case_number: "（2024）京0105执123号".parse().unwrap(),
        judgment_number: "（2023）京0105民初456号".parse().unwrap(),
        issuing_organ: "某某区人民法院".into(),
        original_case_number: None,
        original_seizure_date: None,
        cause: None,
        debtor: Debtor {
            name: "甲某".into(),
            document_kind: DocumentKind::Other,
            document_number: "X-1".into(),
        },
        unit: Unit {
            unit_code: "320102001001GB00001F00010001".parse().unwrap(),
            right_holder: "甲某".into(),
            location: "某路1号".into(),
            certificates: vec!["证1".into()],
        },
        period: None,
        contact: Contact { name: "乙某".into(), phone: "010-00000000".into() },
        officers: vec![OfficerCard {
            name: "乙某".into(),
            kind: OfficerCardKind::WorkPermit,
            number: "1".into(),
        }],
        attachments: vec![Attachment {
            role: AttachmentRole::Ruling,
            name: "ruling.pdf".into(),
            media_type: "application/pdf".into(),
            sha256: Digest::of(b"ruling"),
            size: 6,
            seal: Some(SealMode::Electronic),
        }],
        prior_request_id: None,
        remarks: None,
    }
}
