//! The published test vectors, every one, against the strict and the lenient parser; and properties that must
//! hold for texts nobody thought of.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use jiff::civil::{Date, date};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::{Debug, Display};
use std::str::FromStr;
use xiezhi_schemas::identifier::*;

const AS_OF: Date = date(2025, 6, 30);

#[derive(Deserialize)]
struct Vectors {
    types: BTreeMap<String, Groups>,
}

#[derive(Deserialize)]
struct Groups {
    valid: Vec<Vector>,
    #[serde(default)]
    advisory: Vec<Vector>,
    invalid: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    value: String,
    #[serde(default)]
    warnings: Vec<String>,
    level: Option<String>,
    code: Option<String>,
    normalizes_to: Option<String>,
    valid_as: Option<String>,
    converts_to: Option<String>,
}

fn vectors() -> BTreeMap<String, Groups> {
    let vectors: Vectors = serde_json::from_str(include_str!("../vectors/identifiers.json")).unwrap();
    assert_eq!(vectors.types.len(), 9);
    vectors.types
}

fn verdict(kind: &str, value: &str) -> Verdict {
    explain(kind, value, AS_OF).unwrap()
}

#[test]
fn accepted_vectors_are_accepted() {
    for (kind, groups) in vectors() {
        for vector in groups.valid.iter().chain(&groups.advisory) {
            let verdict = verdict(&kind, &vector.value);
            assert!(verdict.ok, "{kind} {}: {verdict:?}", vector.value);
            assert_eq!(verdict.warnings, vector.warnings, "{kind} {}", vector.value);
            assert_eq!(verdict.normalised.as_deref(), Some(vector.value.as_str()), "{kind}");
        }
    }
}

#[test]
fn refused_vectors_are_refused_for_their_reason() {
    for (kind, groups) in vectors() {
        for vector in &groups.invalid {
            let shown = format!("{kind} {:?}", vector.value);
            let verdict = verdict(&kind, &vector.value);
            assert!(!verdict.ok, "{shown}");
            assert_eq!(verdict.level.map(Level::as_str), vector.level.as_deref(), "{shown} {verdict:?}");
            assert_eq!(verdict.code, vector.code.as_deref(), "{shown}");
            assert_eq!(verdict.normalised, vector.normalizes_to, "{shown}");
            assert_eq!(verdict.valid_as, vector.valid_as.as_deref(), "{shown}");
            assert_eq!(verdict.converts_to, vector.converts_to, "{shown}");
        }
    }
}

#[test]
fn a_value_named_as_another_type_is_good_there() {
    for (_, groups) in vectors() {
        for vector in groups.invalid.iter().filter(|vector| vector.valid_as.is_some()) {
            let other = vector.valid_as.as_deref().unwrap();
            assert!(verdict(other, &vector.value).ok, "{other} {}", vector.value);
        }
    }
}

/// The pattern in the JSON schema lets every accepted value through, everything that fails later than at its
/// form, and nothing that fails at its form.
#[test]
fn schema_patterns_say_what_the_format_check_says() {
    let mut schemas = BTreeMap::new();
    let mut add = |kind: &'static str, schema: schemars::Schema| {
        schemas.insert(kind, jsonschema::validator_for(&serde_json::to_value(schema).unwrap()).unwrap());
    };
    add("bdcdyh", schemars::schema_for!(UnitCode));
    add("case_number", schemars::schema_for!(CaseNumber));
    add("court_code", schemars::schema_for!(CourtCode));
    add("division_code", schemars::schema_for!(DivisionCode));
    add("resident_id", schemars::schema_for!(ResidentId));
    add("uscc", schemars::schema_for!(Uscc));
    add("bdcqzh", schemars::schema_for!(CertificateNumber));
    add("biz_msg_id", schemars::schema_for!(BizMsgId));
    add("request_no", schemars::schema_for!(RequestNo));
    for (kind, groups) in vectors() {
        let schema = &schemas[kind.as_str()];
        for vector in groups.valid.iter().chain(&groups.advisory).chain(&groups.invalid) {
            let formed = vector.level.as_deref() != Some("format");
            assert_eq!(schema.is_valid(&json!(vector.value)), formed, "{kind} {:?}", vector.value);
        }
    }
}

#[test]
fn verdict_has_its_published_shape() {
    let shape = |kind, value| serde_json::to_string(&verdict(kind, value)).unwrap();
    assert_eq!(
        shape("division_code", "330104"),
        r#"{"type":"division_code","value":"330104","ok":true,"level":null,"normalised":"330104","warnings":["DIVISION_RETIRED"]}"#
    );
    let refused: Value = serde_json::from_str(&shape("division_code", "110 105")).unwrap();
    assert_eq!(refused["level"], "format");
    assert_eq!(refused["normalised"], "110105");
    assert_eq!(refused["code"], "WHITESPACE");
    let error = explain("passport", "E1", AS_OF).unwrap_err().to_string();
    assert!(error.contains("passport") && types().iter().all(|info| error.contains(info.name)), "{error}");
}

#[test]
fn types_beyond_the_vectors() {
    let cases = [
        ("document_number", "（2024）京0105执1234号", None),
        ("document_number", "（2024）京0105执1234号之一", None),
        ("document_number", "（2024）京0105执1234号之二十三", None),
        ("document_number", "（2024）京0105执1234号之", Some("SUFFIX_FORMAT")),
        ("document_number", "（2024）京0105执1234号之1", Some("SUFFIX_FORMAT")),
        ("document_number", "（2024）京0105执1234号之一二", Some("SUFFIX_FORMAT")),
        ("document_number", "（2024）京105执1234号之", Some("COURT_CODE")),
        ("document_number", "（2031）京0105执1号之一", Some("YEAR_FUTURE")),
        ("legacy_case_number", "（2015）朝执字第01234号", None),
        ("legacy_case_number", "（2009）京二中法执字第7号", None),
        ("legacy_case_number", "（2016）朝执字第01234号", Some("YEAR_AFTER_SCHEME")),
        ("legacy_case_number", "（2015）朝执字第000号", Some("NUMBER_ZERO")),
        ("legacy_case_number", "（2015）朝执01234号", Some("STRUCTURE")),
        ("original_case_number", "（2015）朝执字第01234号", None),
        ("original_case_number", "（2024）京0105执1234号", None),
        ("original_case_number", "（2024）京0105执01234号", Some("LEADING_ZERO")),
        ("bdcdjzmh", "京（2024）朝阳区不动产证明第0001234号", None),
        ("bdcdjzmh", "京（2024）朝阳区不动产权第0001234号", Some("OWNERSHIP_CERTIFICATE")),
        ("bdcdjzmh", "京（2030）朝阳区不动产证明第0001234号", Some("YEAR_FUTURE")),
        ("legacy_certificate", "无", Some("LENGTH")),
        ("legacy_certificate", "暂无证书", Some("NUMBER_MISSING")),
        ("legacy_certificate", "京（2024）朝阳区不动产权第0001234号", Some("UNIFIED_CERTIFICATE")),
        ("prefixed_request_no", "A220240301110000200001", None),
        ("prefixed_request_no", "a220240301110000200001", Some("CHARSET")),
        ("prefixed_request_no", "A220240230110000200001", Some("DATE_INVALID")),
        ("prefixed_request_no", "20240301110105000001", Some("LENGTH")),
        ("resident_id_15", "110105030307951", None),
        ("resident_id_15", "110105030230951", Some("DATE_INVALID")),
        ("resident_id_15", "110105190303079514", Some("LENGTH")),
        ("bdcdyh", "320100001001GB00001F00010001", Some("DIVISION_LEVEL")),
        ("bdcdyh", "110005001001GB00001F00010001", Some("LEVEL_GAP")),
        ("bdcdyh", "441900001001GB00001F00010001", None),
        ("bdcdyh", "110105001001GB00001F00010000", Some("UNIT_ZERO")),
        ("case_number", "（2024）京0000执1号", Some("DIGITS_ZERO")),
    ];
    for (kind, value, code) in cases {
        assert_eq!(verdict(kind, value).code, code, "{kind} {value}");
    }
    let warns = |kind, value| verdict(kind, value).warnings;
    assert_eq!(warns("legacy_certificate", "X京房权证朝字第123456号"), ["LEGACY_CERTIFICATE"]);
    assert_eq!(warns("bdcdyh", "130171001001GB00001F00010001"), ["DIVISION_STATISTICAL_ONLY"]);
    assert_eq!(warns("bdcdyh", "860000001001GH00001W00000000"), ["DIVISION_SPECIAL"]);
    assert_eq!(warns("case_number", "（2024）京0105某某1号"), ["CASE_TYPE_UNKNOWN"]);
    assert_eq!(verdict("legacy_case_number", "（2024）京0105执1234号").valid_as, Some("case_number"));
}

#[test]
fn parts_of_parsed_values() {
    let unit: UnitCode = "330106017008GB00019F00431502".parse().unwrap();
    assert_eq!((unit.province(), unit.division(), unit.parcel()), ("33", "330106", "330106017008GB00019"));
    assert_eq!(unit.printed(), "330106 017008 GB00019 F00431502");
    assert_eq!(UnitCode::lenient(&unit.printed()).unwrap().value, unit);

    let case: CaseNumber = "（2024）京0105执恢1234号".parse().unwrap();
    assert_eq!((case.year(), case.court().as_str(), case.serial()), (2024, "京0105", 1234));
    assert!(case.is_enforcement() && case.court().level() == CourtLevel::Basic);
    let case: CaseNumber = "（2024）最高法知民终88号".parse().unwrap();
    assert_eq!((case.case_type(), case.court().level()), ("民终", CourtLevel::Supreme));
    assert!(!case.is_enforcement() && case.court().province().is_none());
    let case: CaseNumber = "（2023）浙执复45号".parse().unwrap();
    assert_eq!((case.case_type(), case.court().level()), ("执复", CourtLevel::High));

    let document: DocumentNumber = "（2024）京0105执1234号之二十三".parse().unwrap();
    assert_eq!((document.case_number().as_str(), document.sequence()), ("（2024）京0105执1234号", Some(23)));

    let division: DivisionCode = "320104".parse().unwrap();
    assert_eq!((division.province(), division.prefecture(), division.county()), ("32", "3201", "04"));
    assert!(division.is_county_level());

    let request: PrefixedRequestNo = "A220240301110000200001".parse().unwrap();
    assert_eq!((request.prefix(), request.request_no().date()), ("A2", date(2024, 3, 1)));
    let message: BizMsgId = "110105240301000001".parse().unwrap();
    assert_eq!((message.division(), message.date()), ("110105", date(2024, 3, 1)));
}

#[test]
fn serde_goes_through_the_strict_parser() {
    let unit: UnitCode = serde_json::from_value(json!("330106017008GB00019F00431502")).unwrap();
    assert_eq!(serde_json::to_value(&unit).unwrap(), json!("330106017008GB00019F00431502"));
    let error = serde_json::from_value::<ResidentId>(json!("110105190303079510")).unwrap_err().to_string();
    assert!(error.contains("CHECKSUM") && !error.contains("19030307"), "{error}");
    let next_year = today().year() + 1;
    assert!(serde_json::from_value::<CaseNumber>(json!(format!("（{next_year}）京0105执1号"))).is_err());
}

/// Runs the properties of one type on one text.
fn properties<T>(text: &str)
where
    T: Identifier + FromStr<Err = Refusal> + Display + Debug + PartialEq,
{
    let once = T::normalise(text);
    assert_eq!(T::normalise(&once), once, "{} lenient repairs are idempotent", T::TYPE);
    let lenient = T::lenient(text);
    if let Ok(strict) = T::parse_at(text, today()) {
        assert_eq!(strict.value.to_string(), text);
        assert_eq!(lenient.as_ref(), Ok(&strict), "{} lenient agrees with strict", T::TYPE);
    }
    if let Ok(accepted) = lenient {
        assert_eq!(accepted.value.to_string().parse(), Ok(accepted.value));
    }
}

fn all_properties(text: &str) {
    properties::<UnitCode>(text);
    properties::<CaseNumber>(text);
    properties::<LegacyCaseNumber>(text);
    properties::<OriginalCaseNumber>(text);
    properties::<DocumentNumber>(text);
    properties::<CourtCode>(text);
    properties::<DivisionCode>(text);
    properties::<ResidentId>(text);
    properties::<ResidentId15>(text);
    properties::<Uscc>(text);
    properties::<CertificateNumber>(text);
    properties::<CertificateOfProof>(text);
    properties::<LegacyCertificate>(text);
    properties::<BizMsgId>(text);
    properties::<RequestNo>(text);
    properties::<PrefixedRequestNo>(text);
}

#[test]
fn properties_hold_for_every_vector() {
    for groups in vectors().values() {
        for vector in groups.valid.iter().chain(&groups.advisory).chain(&groups.invalid) {
            all_properties(&vector.value);
        }
    }
}

/// One accepted value of some type, changed at one place.
fn damaged() -> impl Strategy<Value = String> {
    let seeds: Vec<String> = vectors()
        .into_values()
        .flat_map(|groups| groups.valid.into_iter().chain(groups.advisory))
        .map(|vector| vector.value)
        .chain(["（2015）朝执字第01234号", "A220240301110000200001", "110105030307951"].map(str::to_owned))
        .chain(["（2024）京0105执1234号之一".to_owned(), "X京房权证朝字第123456号".to_owned()])
        .collect();
    let piece =
        proptest::string::string_regex("[ 0-9A-Zx（）()０-９Ａｘ号之一字第知执é\u{3000}\u{feff}𠀀-]{0,2}")
            .unwrap();
    (proptest::sample::select(seeds), any::<proptest::sample::Index>(), 0..3usize, piece).prop_map(
        |(seed, at, drop, piece)| {
            let mut characters: Vec<char> = seed.chars().collect();
            let at = at.index(characters.len() + 1);
            let end = (at + drop).min(characters.len());
            characters.splice(at..end, piece.chars());
            characters.into_iter().collect()
        },
    )
}

proptest! {
    #[test]
    fn properties_hold_for_any_text(text in any::<String>()) {
        all_properties(&text);
    }

    #[test]
    fn properties_hold_for_texts_of_the_right_length(text in "[0-9xXGB京证é]{14,23}|[京证]{17}[xX0]|[0-9é]{28}") {
        all_properties(&text);
    }

    #[test]
    fn properties_hold_for_damaged_values(text in damaged()) {
        all_properties(&text);
    }

    #[test]
    fn unit_codes_round_trip(text in "(110105|330106|441900)[0-9]{6}[GZ][BSX]0[0-9]{3}[1-9]F0[0-9]{2}[1-9]0[0-9]{2}[1-9]") {
        prop_assert_eq!(text.parse::<UnitCode>().unwrap().to_string(), text);
    }

    #[test]
    fn one_changed_digit_breaks_the_check(at in 0..17usize, by in 1..10u32) {
        let mut digits: Vec<char> = "110105190303079514".chars().collect();
        digits[at] = char::from_digit((digits[at].to_digit(10).unwrap() + by) % 10, 10).unwrap();
        prop_assert!(digits.iter().collect::<String>().parse::<ResidentId>().is_err());
    }
}
