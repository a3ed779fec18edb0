//! The papers of a demand (协执材料): sealed ruling and notice, an officer's card, and claims that do not contradict each other.

use std::collections::HashMap;

use xiezhi_schemas::message::{Attachment, AttachmentRole, OfficerCardKind, Submission};

use super::finding::{Code, Findings};

pub(super) fn check_attachments(attachments: &[Attachment], found: &mut Findings) {
    let has = |role| attachments.iter().any(|a| a.role == role);
    if !has(AttachmentRole::Ruling) {
        let message = "no 执行裁定书 is attached";
        found.error(Code::RulingMissing, "/attachments", message, "attach the sealed ruling, role ruling");
    }
    if !has(AttachmentRole::Notice) {
        let message = "no 协助执行通知书 is attached";
        found.error(Code::NoticeMissing, "/attachments", message, "attach the sealed notice, role notice");
    }
    if !has(AttachmentRole::WorkPermit) && !has(AttachmentRole::DutyPermit) {
        let message = "neither 执行人员工作证 nor 执行公务证 is attached";
        let hint = "attach one of the two, role work_permit or duty_permit";
        found.error(Code::OfficerCardMissing, "/attachments", message, hint);
    }

    let mut first_claims = HashMap::new();
    let mut uses = HashMap::new();
    for (index, attachment) in attachments.iter().enumerate() {
        let at = format!("/attachments/{index}");
        let sealed = matches!(attachment.role, AttachmentRole::Ruling | AttachmentRole::Notice);
        if sealed && attachment.seal.is_none() {
            let message = "a ruling or notice says how it is sealed";
            let hint = "set seal to electronic, or to colour_scan for a scan of the paper with its seal";
            found.error(Code::SealMissing, format!("{at}/seal"), message, hint);
        }
        if attachment.role == AttachmentRole::WithdrawalLetter {
            let message = "a letter of withdrawal belongs to a withdrawal request, not to a demand";
            let hint = "send it with the withdrawal request, or give it the role other";
            found.warning(Code::DocumentNotExpected, format!("{at}/role"), message, hint);
        }
        let first = *first_claims.entry(&attachment.sha256).or_insert(index);
        if attachments[first].size != attachment.size {
            contradicts(found, format!("{at}/size"), first, "size");
        }
        if attachments[first].media_type != attachment.media_type {
            contradicts(found, format!("{at}/media_type"), first, "media type");
        }
        if let Some(first) = uses.insert((&attachment.sha256, attachment.role), index) {
            let message = format!("the same document stands at /attachments/{first} in the same role");
            found.warning(Code::DocumentRepeated, at, message, "leave one of them out");
        }
    }
}

fn contradicts(found: &mut Findings, path: String, first: usize, what: &str) {
    let message = format!("/attachments/{first} claims the same digest with another {what}");
    let hint = "equal digests are the same bytes: compute digest, size and type from the file itself";
    found.error(Code::DocumentContradicts, path, message, hint);
}

/// Each kind of card that an officer names should be among the scans.
pub(super) fn check_officers(demand: &Submission, found: &mut Findings) {
    let has = |role| demand.attachments.iter().any(|a| a.role == role);
    let (work, duty) = (has(AttachmentRole::WorkPermit), has(AttachmentRole::DutyPermit));
    if !work && !duty {
        return; // said already, as an error
    }
    for (index, officer) in demand.officers.iter().enumerate() {
        let (attached, wanted) = match officer.kind {
            OfficerCardKind::WorkPermit => (work, "执行人员工作证"),
            OfficerCardKind::DutyPermit => (duty, "执行公务证"),
        };
        if !attached {
            let message = format!("the officer names a {wanted}, but the attached card is of the other kind");
            let hint = "attach a scan of the card that is named, or name the one that is attached";
            found.warning(Code::OfficerCardMismatch, format!("/officers/{index}/kind"), message, hint);
        }
    }
}
