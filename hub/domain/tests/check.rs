//! Court-side checks, one table a rule. Every row changes one thing in a demand that is otherwise in order, and names
//! exactly what must be found: nothing missing, nothing beside it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;

use jiff::civil::{Date, date};
use serde_json::{Value, json};
use xiezhi_domain::{Code, Findings, check};
use xiezhi_schemas::message::Submission;

const TODAY: Date = date(2024, 6, 3);

/// A demand in order. Persons, organisations and numbers are invented.
fn demand(kind: &str) -> Value {
    let digest = |n: u8| format!("{n:064x}");
    let paper = |role: &str, n: u8, seal: Value| {
        let mut paper = json!({"role": role, "name": format!("{role}.pdf"), "media_type": "application/pdf",
            "sha256": digest(n), "size": 1000 + u32::from(n)});
        if !seal.is_null() {
            paper["seal"] = seal;
        }
        paper
    };
    let mut demand = json!({
        "version": "1.0", "demand_id": "d-1", "kind": kind,
        "court": {"code": "京0105", "name": "北京市朝阳区人民法院"},
        "case_number": "（2024）京0105执1234号",
        "judgment_number": "（2023）京0105民初77号",
        "issuing_organ": "北京市朝阳区人民法院",
        "debtor": {"name": "甲某", "document_kind": "resident_id", "document_number": "110105190303079514"},
        "units": [{"unit_code": "110105001001GB00001F00010001", "right_holder": "甲某", "location": "某路1号",
            "certificates": ["京（2024）朝阳区不动产权第0001234号"]}],
        "contact": {"name": "乙某", "phone": "010-12345678"},
        "officers": [{"name": "丙某", "kind": "work_permit", "number": "京A0001"}],
        "attachments": [paper("ruling", 1, json!("electronic")), paper("notice", 2, json!("colour_scan")),
            paper("work_permit", 3, Value::Null)],
    });
    if kind != "lifting" {
        demand["period"] = json!({"years": 3, "from": "2024-06-10", "to": "2027-06-09"});
    }
    if matches!(kind, "renewal" | "lifting") {
        demand["original_case_number"] = json!("（2021）京0105执99号");
    }
    if kind == "lifting" {
        demand["original_seizure_date"] = json!("2021-06-10");
    }
    demand
}

fn findings(demand: Value) -> Findings {
    check(&serde_json::from_value::<Submission>(demand).unwrap(), TODAY)
}

/// What must be found: `E` or `W`, code, path.
type Expected<'a> = &'a [(char, Code, &'a str)];

#[track_caller]
fn expect(what: &str, demand: Value, expected: Expected<'_>) {
    let found = findings(demand);
    let flat = |level, list: &[xiezhi_domain::Finding]| {
        list.iter().map(|f| (level, f.code.to_owned(), f.path.clone())).collect::<Vec<_>>()
    };
    let got: BTreeSet<_> =
        [flat('E', &found.errors), flat('W', &found.warnings)].concat().into_iter().collect();
    let wanted: BTreeSet<_> = expected
        .iter()
        .map(|(level, code, path)| (*level, code.as_str().to_owned(), (*path).to_owned()))
        .collect();
    assert_eq!(got, wanted, "{what}: {found:#?}");
    assert_eq!(found.errors.len() + found.warnings.len(), wanted.len(), "{what}: said twice");
    assert_eq!(found.is_acceptable(), expected.iter().all(|(level, ..)| *level == 'W'), "{what}");
}

fn with(kind: &str, pointer: &str, value: Value) -> Value {
    let mut demand = demand(kind);
    set(&mut demand, pointer, value);
    demand
}

/// Sets or adds the field at `pointer`; `null` removes it.
fn set(demand: &mut Value, pointer: &str, value: Value) {
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    match demand.pointer_mut(parent).unwrap() {
        Value::Object(map) if value.is_null() => drop(map.remove(field)),
        Value::Object(map) => drop(map.insert(field.to_owned(), value)),
        Value::Array(list) => list[field.parse::<usize>().unwrap()] = value,
        other => panic!("{other} has no fields"),
    }
}

/// R24: all four kinds.
#[test]
fn r24_a_demand_in_order_of_each_kind_is_accepted_without_a_word() {
    for kind in ["seizure", "renewal", "lifting", "waiting"] {
        expect(kind, demand(kind), &[]);
    }
}

/// R1: the court's own region and level are of no account.
#[test]
fn r1_courts_of_every_level_and_system_are_accepted() {
    for court in ["最高法", "京", "京01", "京0105", "兵01", "军01", "京71", "沪72"] {
        let mut demand = demand("seizure");
        set(&mut demand, "/court/code", json!(court));
        set(&mut demand, "/case_number", json!(format!("（2024）{court}执1234号")));
        expect(court, demand, &[]);
    }
}

#[test]
fn r25_a_period_is_required_except_for_a_lifting_which_has_none() {
    for kind in ["seizure", "renewal", "waiting"] {
        expect(kind, with(kind, "/period", Value::Null), &[('E', Code::PeriodMissing, "/period")]);
    }
    let period = json!({"years": 1, "from": "2024-06-10", "to": "2025-06-09"});
    // R73: form 3 has no period.
    expect("lifting", with("lifting", "/period", period), &[('E', Code::PeriodRefused, "/period")]);
}

#[test]
fn r25_r77_r143_r147_periods() {
    let disagrees = ('W', Code::PeriodDisagrees, "/period");
    let too_long = ('W', Code::PeriodTooLong, "/period");
    let over = ('E', Code::PeriodOver, "/period/to");
    let rows: &[(u8, &str, &str, Expected<'_>)] = &[
        (3, "2024-06-10", "2027-06-09", &[]),
        (3, "2024-06-10", "2027-06-10", &[]),
        (3, "2024-02-29", "2027-02-28", &[]),
        (3, "2024-06-10", "2027-06-11", &[disagrees, too_long]),
        (2, "2024-06-10", "2027-06-09", &[disagrees]),
        (4, "2024-06-10", "2028-06-09", &[too_long]),
        (1, "2024-06-10", "2024-06-09", &[('E', Code::PeriodBackwards, "/period/to")]),
        (1, "2024-06-10", "2024-06-10", &[disagrees]),
        (1, "2023-06-03", "2024-06-03", &[]),
        (1, "2023-06-03", "2024-06-02", &[over]),
        (1, "2022-01-01", "2022-12-01", &[over, disagrees]),
    ];
    for (years, from, to, expected) in rows {
        let period = json!({"years": years, "from": from, "to": to});
        expect(&format!("{years} years {from} to {to}"), with("seizure", "/period", period), expected);
    }
}

#[test]
fn r28_renewal_and_lifting_name_the_original_case() {
    let missing = ('E', Code::OriginalCaseMissing, "/original_case_number");
    let odd = ('W', Code::OriginalNotExpected, "/original_case_number");
    for (kind, number, expected) in [
        ("renewal", Value::Null, &[missing][..]),
        ("lifting", Value::Null, &[missing]),
        ("renewal", json!("（2015）朝执字第01234号"), &[]),
        ("lifting", json!("（2015）朝执字第01234号"), &[]),
        ("seizure", json!("（2021）京0105执99号"), &[odd]),
        ("waiting", json!("（2021）京0105执99号"), &[odd]),
    ] {
        expect(&format!("{kind} {number}"), with(kind, "/original_case_number", number), expected);
    }
}

#[test]
fn r73_a_lifting_and_nothing_else_states_the_original_date() {
    let path = "/original_seizure_date";
    expect("lifting", with("lifting", path, Value::Null), &[('W', Code::OriginalDateMissing, path)]);
    for kind in ["seizure", "renewal", "waiting"] {
        expect(kind, with(kind, path, json!("2021-06-10")), &[('W', Code::OriginalNotExpected, path)]);
    }
}

#[test]
fn r26_ruling_and_notice_are_attached_and_sealed() {
    // Each is turned into something else, so that only its role is missing.
    expect(
        "no ruling",
        with("seizure", "/attachments/0/role", json!("other")),
        &[('E', Code::RulingMissing, "/attachments")],
    );
    expect(
        "no notice",
        with("seizure", "/attachments/1/role", json!("other")),
        &[('E', Code::NoticeMissing, "/attachments")],
    );
    for index in [0, 1] {
        let path = format!("/attachments/{index}/seal");
        expect(&path, with("seizure", &path, Value::Null), &[('E', Code::SealMissing, &path)]);
    }
    expect("card without seal", with("seizure", "/attachments/2/seal", json!("colour_scan")), &[]);
    let letter = with("seizure", "/attachments/2/role", json!("withdrawal_letter"));
    expect(
        "letter of withdrawal",
        letter,
        &[
            ('E', Code::OfficerCardMissing, "/attachments"),
            ('W', Code::DocumentNotExpected, "/attachments/2/role"),
        ],
    );
}

#[test]
fn r27_one_of_the_two_cards_is_attached() {
    let mismatch = ('W', Code::OfficerCardMismatch, "/officers/0/kind");
    for (attached, named, expected) in [
        ("work_permit", "work_permit", &[][..]),
        ("duty_permit", "duty_permit", &[]),
        ("duty_permit", "work_permit", &[mismatch]),
        ("work_permit", "duty_permit", &[mismatch]),
        ("other", "work_permit", &[('E', Code::OfficerCardMissing, "/attachments")]),
    ] {
        let mut demand = with("seizure", "/attachments/2/role", json!(attached));
        set(&mut demand, "/officers/0/kind", json!(named));
        expect(&format!("{attached} for {named}"), demand, expected);
    }
}

#[test]
fn a_digest_has_one_size_and_one_type() {
    let mut demand = demand("seizure");
    let ruling = demand["attachments"][0].clone();
    let add = |demand: &Value, field: &str, value: Value| {
        let (mut demand, mut copy) = (demand.clone(), ruling.clone());
        copy["role"] = json!("other");
        copy[field] = value;
        demand["attachments"].as_array_mut().unwrap().push(copy);
        demand
    };
    expect("another role", add(&demand, "name", json!("again.pdf")), &[]);
    expect(
        "another size",
        add(&demand, "size", json!(7)),
        &[('E', Code::DocumentContradicts, "/attachments/3/size")],
    );
    expect(
        "another type",
        add(&demand, "media_type", json!("image/png")),
        &[('E', Code::DocumentContradicts, "/attachments/3/media_type")],
    );
    demand["attachments"].as_array_mut().unwrap().push(ruling.clone());
    expect("the same twice", demand, &[('W', Code::DocumentRepeated, "/attachments/3")]);
}

/// R149: the demand is split per unit, so a unit named twice would become two requests for one thing.
#[test]
fn r149_a_unit_is_named_once() {
    let mut demand = demand("seizure");
    let mut other = demand["units"][0].clone();
    other["unit_code"] = json!("310115012038GB00127F00230406");
    let again = demand["units"][0].clone();
    demand["units"].as_array_mut().unwrap().extend([other, again]);
    expect("third repeats first", demand, &[('E', Code::UnitRepeated, "/units/2/unit_code")]);
}

/// R29: four target fields; white space is not a value.
#[test]
fn r29_target_fields_are_not_blank() {
    for path in [
        "/units/0/right_holder",
        "/units/0/location",
        "/units/0/certificates/0",
        "/debtor/name",
        "/contact/name",
        "/court/name",
        "/issuing_organ",
        "/officers/0/name",
        "/officers/0/number",
    ] {
        for blank in [" ", "\u{3000}\t"] {
            expect(path, with("seizure", path, json!(blank)), &[('E', Code::Blank, path)]);
        }
    }
}

#[test]
fn certificates_are_of_the_present_form_or_marked() {
    let path = "/units/0/certificates/0";
    for (number, expected) in [
        ("京（2024）朝阳区不动产证明第0001234号", &[][..]),
        ("沪（2018）徐字不动产权第015979号", &[('W', Code::IdentifierNoted, path)]),
        ("X京房权证朝字第123456号", &[('W', Code::CertificateOld, path)]),
        ("京(2024)朝阳区不动产权第0001234号", &[('E', Code::CertificateNumber, path)]),
        ("京（2024）朝阳区不动产权第1号、第2号", &[('E', Code::CertificateNumber, path)]),
        ("见附件", &[('E', Code::CertificateNumber, path)]),
    ] {
        expect(number, with("seizure", path, json!(number)), expected);
    }
}

#[test]
fn debtors_numbers_are_strict_by_kind() {
    let path = "/debtor/document_number";
    for (kind, number, expected) in [
        ("resident_id", "110105190303079514", &[][..]),
        ("resident_id", "110105190303079510", &[('E', Code::DebtorNumber, path)]),
        ("resident_id", "11010519030307951", &[('E', Code::DebtorNumber, path)]),
        ("resident_id", "91110105TT00A1B20X", &[('E', Code::DebtorNumber, path)]),
        ("uscc", "91110105TT00A1B20X", &[]),
        ("uscc", "91110105TT00A1B20Y", &[('E', Code::DebtorNumber, path)]),
        ("uscc", "91110105TT00A1B211", &[('W', Code::IdentifierNoted, path)]),
        ("uscc", "91330104TT00P8Q94R", &[('W', Code::IdentifierNoted, path)]),
        ("passport", "E00000000", &[]),
        ("other", "?", &[]),
    ] {
        let mut demand = with("seizure", path, json!(number));
        set(&mut demand, "/debtor/document_kind", json!(kind));
        expect(&format!("{kind} {number}"), demand, expected);
    }
}

#[test]
fn case_numbers_that_are_odd_are_noted() {
    let unusual = ('W', Code::CaseTypeUnusual, "/case_number");
    let differs = ('W', Code::CourtDiffers, "/court/code");
    for (number, expected) in [
        ("（2024）京0105执恢12号", &[][..]),
        ("（2024）京0105执保12号", &[]),
        ("（2024）京0105财保12号", &[]),
        ("（2024）京0105民初12号", &[unusual]),
        ("（2024）沪0115执12号", &[differs]),
        ("（2024）沪0115民初12号", &[unusual, differs]),
    ] {
        expect(number, with("seizure", "/case_number", json!(number)), expected);
    }
}

#[test]
fn retired_divisions_are_noted() {
    let demand = with("seizure", "/units/0/unit_code", json!("330104001009GB00011F00020301"));
    let found = findings(demand.clone());
    expect("retired", demand, &[('W', Code::IdentifierNoted, "/units/0/unit_code")]);
    assert!(found.warnings[0].message.contains("DIVISION_RETIRED"), "{found:?}");
}

#[test]
fn a_higher_minor_version_is_known_and_another_major_is_not() {
    expect("1.7", with("seizure", "/version", json!("1.7")), &[]);
    for version in ["2.0", "10.0", "1", "0.1"] {
        expect(
            version,
            with("seizure", "/version", json!(version)),
            &[('E', Code::VersionUnknown, "/version")],
        );
    }
}

#[test]
fn everything_wrong_is_found_in_one_go_and_nothing_personal_is_repeated() {
    let mut demand = demand("renewal");
    set(&mut demand, "/version", json!("3.0"));
    set(&mut demand, "/period", Value::Null);
    set(&mut demand, "/original_case_number", Value::Null);
    set(&mut demand, "/attachments/0/seal", Value::Null);
    set(&mut demand, "/debtor/name", json!("欧阳张三丰"));
    set(&mut demand, "/debtor/document_number", json!("110105190403079514"));
    set(&mut demand, "/units/0/location", json!(" "));
    set(&mut demand, "/units/0/certificates/0", json!("特别秘密"));
    let mut found = findings(demand);
    let paths: BTreeSet<_> = found.errors.iter().map(|f| f.path.as_str()).collect();
    assert_eq!(
        paths,
        BTreeSet::from([
            "/version",
            "/period",
            "/original_case_number",
            "/attachments/0/seal",
            "/debtor/document_number",
            "/units/0/location",
            "/units/0/certificates/0",
        ])
    );
    found.errors.append(&mut found.warnings);
    let said = serde_json::to_string(&found).unwrap();
    for secret in ["110105190403079514", "190403", "9514", "张三丰", "特别秘密", "12345678"] {
        assert!(!said.contains(secret), "{secret} is repeated: {said}");
    }
    assert!(found.errors.iter().all(|f| !f.message.is_empty() && !f.hint.is_empty()));
}
