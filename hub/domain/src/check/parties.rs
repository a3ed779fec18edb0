//! Who and what a demand names: court, debtor, property units and their numbers.
//!
//! Numbers are parsed strictly here, at the sending side, where a slip can still be mended. No message repeats a debtor's
//! number or name: findings end up in logs and in answers that pass through many hands.

use std::collections::HashMap;

use jiff::civil::Date;
use xiezhi_schemas::{
    identifier::{
        CertificateNumber, CertificateOfProof, Identifier, LegacyCertificate, Refusal, ResidentId, UnitCode,
        Uscc, Warning,
    },
    message::{Debtor, DocumentKind, Submission, Unit},
};

use super::finding::{Code, Findings};

/// Case number against the court that sends, and what the parsers noted about both.
pub(super) fn check_court(demand: &Submission, today: Date, found: &mut Findings) {
    if !demand.case_number.is_enforcement() {
        let message = format!("a case of type {} is unusual here", demand.case_number.case_type());
        let hint = "demands carry the number of the enforcement case: 执, 执恢, 执保 or 财保";
        found.warning(Code::CaseTypeUnusual, "/case_number", message, hint);
    }
    let of_number = demand.case_number.court();
    if of_number != demand.court.code {
        let message =
            format!("the case number is one of {of_number}, the sender names {}", demand.court.code);
        let hint = "check both; a demand on behalf of another court is for people to confirm";
        found.warning(Code::CourtDiffers, "/court/code", message, hint);
    }
    note(&demand.court.code, "/court/code", today, found);
    note(&demand.case_number, "/case_number", today, found);
    note(&demand.judgment_number, "/judgment_number", today, found);
    if let Some(original) = &demand.original_case_number {
        note(original, "/original_case_number", today, found);
    }
}

/// 证件号码 by the rule of its kind, where there is one.
pub(super) fn check_debtor(debtor: &Debtor, today: Date, found: &mut Findings) {
    const PATH: &str = "/debtor/document_number";
    let number = debtor.document_number.as_str();
    let parsed = match debtor.document_kind {
        DocumentKind::ResidentId => warnings_of::<ResidentId>(number, today),
        DocumentKind::Uscc => warnings_of::<Uscc>(number, today),
        _ => return,
    };
    match parsed {
        Ok(warnings) => add_notes(warnings, PATH, found),
        Err(refusal) => {
            // The parser's own sentence speaks of positions and rules only, never of the number.
            let hint = "compare it with the document; choose another document_kind if it is not of this kind";
            found.error(Code::DebtorNumber, PATH, refusal.to_string(), hint);
        }
    }
}

/// Every unit once, with certificate numbers that are marked when they are not of the present form.
pub(super) fn check_units(units: &[Unit], today: Date, found: &mut Findings) {
    let mut first_named: HashMap<&UnitCode, usize> = HashMap::new();
    for (index, unit) in units.iter().enumerate() {
        let path = format!("/units/{index}/unit_code");
        note(&unit.unit_code, &path, today, found);
        let first = *first_named.entry(&unit.unit_code).or_insert(index);
        if first != index {
            let message = format!("the unit is already named at /units/{first}");
            let hint = "one demand names a unit once; put all its certificates into one entry";
            found.error(Code::UnitRepeated, path, message, hint);
        }
        for (place, certificate) in unit.certificates.iter().enumerate() {
            check_certificate(certificate, format!("/units/{index}/certificates/{place}"), today, found);
        }
    }
}

fn check_certificate(number: &str, path: String, today: Date, found: &mut Findings) {
    if number.trim().is_empty() {
        return; // found as blank
    }
    let present = warnings_of::<CertificateNumber>(number, today)
        .or_else(|refusal| warnings_of::<CertificateOfProof>(number, today).map_err(|_| refusal));
    let refusal = match present {
        Ok(warnings) => return add_notes(warnings, &path, found),
        Err(refusal) => refusal,
    };
    match warnings_of::<LegacyCertificate>(number, today) {
        Ok(_) => {
            let message = format!("taken as a number from before the unified registry ({})", refusal.code);
            let hint = "check it for a slip of the pen; only the registry's archive can tell";
            found.warning(Code::CertificateOld, path, message, hint);
        }
        Err(old) => {
            // Which parser's words help depends on what the clerk meant it to be.
            let unified = old.code == "UNIFIED_CERTIFICATE";
            let message = if unified { refusal } else { old }.to_string();
            let hint = "compare it with the certificate; several numbers are several entries";
            found.error(Code::CertificateNumber, path, message, hint);
        }
    }
}

/// Required texts hold more than white space. The structure only counts characters.
pub(super) fn check_texts(demand: &Submission, found: &mut Findings) {
    let mut texts: Vec<(String, &str)> = vec![
        ("/court/name".into(), &demand.court.name),
        ("/issuing_organ".into(), &demand.issuing_organ),
        ("/debtor/name".into(), &demand.debtor.name),
        ("/debtor/document_number".into(), &demand.debtor.document_number),
        ("/contact/name".into(), &demand.contact.name),
    ];
    for (index, unit) in demand.units.iter().enumerate() {
        texts.push((format!("/units/{index}/right_holder"), &unit.right_holder));
        texts.push((format!("/units/{index}/location"), &unit.location));
        for (place, certificate) in unit.certificates.iter().enumerate() {
            texts.push((format!("/units/{index}/certificates/{place}"), certificate));
        }
    }
    for (index, officer) in demand.officers.iter().enumerate() {
        texts.push((format!("/officers/{index}/name"), &officer.name));
        texts.push((format!("/officers/{index}/number"), &officer.number));
    }
    for (path, text) in texts {
        if text.trim().is_empty() {
            let hint = "fill it in; it must equal the text of the sealed notice";
            found.error(Code::Blank, path, "this text is required and is blank", hint);
        }
    }
}

/// Notes of the parser about a value that was parsed before.
fn note<T: Identifier>(value: &T, path: &str, today: Date, found: &mut Findings) {
    add_notes(warnings_of::<T>(value.as_str(), today).unwrap_or_default(), path, found);
}

fn warnings_of<T: Identifier>(text: &str, today: Date) -> Result<Vec<Warning>, Refusal> {
    T::parse_at(text, today).map(|accepted| accepted.warnings)
}

fn add_notes(warnings: Vec<Warning>, path: &str, found: &mut Findings) {
    for Warning { code, message } in warnings {
        found.warning(
            Code::IdentifierNoted,
            path,
            format!("{message} [{code}]"),
            "nothing to do if it is right",
        );
    }
}
