//! The forms as data and text: R70 to R77, R55, R56.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use serde_json::{Value, json};
use support::{every_form, form, notice, receipt};
use xiezhi_forms::{Form, FormError, FormKind, Notice, Wording};

fn with(mut data: Value, pointer: &str, value: Value) -> Value {
    match data.pointer_mut(pointer) {
        Some(place) => *place = value,
        None => {
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            data.pointer_mut(parent).unwrap()[name] = value;
        }
    }
    data
}

fn without(mut data: Value, name: &str) -> Value {
    data.as_object_mut().unwrap().remove(name).unwrap();
    data
}

fn errors(data: &Value) -> Vec<(String, String)> {
    let found = form(data).check();
    found.errors.iter().map(|one| (one.code.to_owned(), one.path.clone())).collect()
}

fn flags(data: &Value) -> Vec<&'static str> {
    form(data).check().warnings.iter().map(|one| one.code).collect()
}

#[test]
fn every_form_is_read_back_from_its_text() {
    let wording = Wording::embedded();
    for (name, data) in every_form() {
        let form = form(&data);
        assert!(form.check().errors.is_empty() && form.check().warnings.is_empty(), "{name}");
        let text = form.text(&wording).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(Form::read(&text, &wording).unwrap(), form, "{name}\n{text}");
        // Lines end anywhere on paper.
        for width in [7, 26] {
            let chars: Vec<char> = text.replace('\n', "").chars().collect();
            let (footer, body) = (
                text.lines().last().unwrap(),
                &chars[..chars.len() - text.lines().last().unwrap().chars().count()],
            );
            let broken: String = body.chunks(width).flat_map(|line| line.iter().chain(&['\n'])).collect();
            let back = Form::read(&format!("{broken}{footer}"), &wording).unwrap();
            assert!(back.says_the_same(&form), "{name}");
        }
    }
}

/// R70, decision 8.
#[test]
fn the_form_whose_text_is_missing_says_that_it_is_provisional() {
    let wording = Wording::embedded();
    for kind in FormKind::ALL {
        let version = wording.on(kind, "2024-03-01".parse().unwrap()).unwrap();
        assert_eq!(version.is_provisional(), kind == FormKind::Seizure, "{kind}");
    }
    let text = form(&notice("seizure", false)).text(&wording).unwrap();
    assert!(text.contains("暂定样式") && text.contains("（暂定）"), "{text}");
    assert!(!text.contains("继续") && !text.contains("原查封"), "nothing of an earlier seizure: {text}");
    assert!(!form(&notice("renewal", false)).text(&wording).unwrap().contains("暂定"));
}

/// R71: the sentences of form 2.
#[test]
fn the_renewal_has_the_sentences_of_the_annex() {
    let text = form(&notice("renewal", false)).text(&Wording::embedded()).unwrap();
    for part in [
        "继续查封被执行人（姓名或名称）林知远（证件号码或统一社会信用代码：110105199003077513）名下不动产单元号320102001001GB00001F00010001",
        "查封期限3年，自2024年2月29日起至2027年2月28日止",
        "（2024）京0105执1234号之一裁定书已经发生法律效力",
        "二〇二四年三月一日",
        "附：（2024）京0105执1234号之一执行裁定书",
        "联系人：周敏　　联系电话：010-55501234",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

/// R72: a changed article is a changed file.
#[test]
fn another_article_needs_no_other_program() {
    let embedded = include_str!("../data/wording.toml");
    let old = embedded.replace("version = \"2024.1\"", "version = \"2024.1\"\nvalid_to = \"2026-12-31\"");
    let new = embedded
        .replace("version = \"2024.1\"", "version = \"2027.1\"\nvalid_from = \"2027-01-01\"")
        .replace("第二百五十五条", "第三百零一条");
    let wording = Wording::parse(&format!("{old}\n{new}")).unwrap();
    let at = |date: &str| form(&with(notice("renewal", false), "/date", json!(date))).text(&wording).unwrap();
    assert!(at("2026-12-31").contains("第二百五十五条") && at("2026-12-31").contains("样式版本 2024.1"));
    assert!(at("2027-01-01").contains("第三百零一条") && at("2027-01-01").contains("样式版本 2027.1"));
    // Both are still read.
    for date in ["2026-12-31", "2027-01-01"] {
        assert_eq!(Form::read(&at(date), &wording).unwrap().date(), date.parse().unwrap());
    }
    // Without a version for the day nothing is made up.
    let ended = Wording::parse(&old).unwrap();
    let error = form(&with(notice("renewal", false), "/date", json!("2027-01-01"))).text(&ended).unwrap_err();
    assert!(matches!(error, FormError::NoVersion { kind: FormKind::Renewal, .. }), "{error}");
    assert_eq!(error.code(), "HUB-3410");
}

#[test]
fn a_broken_wording_says_what_is_wrong() {
    let embedded = include_str!("../data/wording.toml");
    for (from, to, says) in [
        ("联系电话：{contact_phone}", "联系电话：", "the blank `contact_phone` is missing"),
        ("{court}", "{colour}", "there is no blank `colour`"),
        ("协助执行以下事项", "协助{执行以下事项", "a brace is not closed"),
        ("provisional = true", "", "exactly when it is provisional"),
        ("{years}", "{years:han}", "no form in Chinese numerals"),
        ("source = ", "sauce = ", "unknown field `sauce`"),
    ] {
        let error = Wording::parse(&embedded.replace(from, to)).unwrap_err();
        assert!(error.to_string().contains(says), "{from} → {to}: {error}");
    }
    let twice = Wording::parse(&format!("{embedded}\n{embedded}")).unwrap_err();
    assert!(twice.to_string().contains("in force at once"), "{twice}");
}

/// R73.
#[test]
fn a_lifting_has_a_day_of_seizure_and_no_period() {
    let period = json!({ "years": 3, "from": "2024-02-29", "to": "2027-02-28" });
    let given = with(notice("lifting", false), "/period", period.clone());
    assert_eq!(errors(&given), [("HUB-3403".to_owned(), "/period".to_owned())]);
    assert!(matches!(form(&given).text(&Wording::embedded()), Err(FormError::Refused(_))));
    assert_eq!(errors(&with(receipt("lifting", None), "/period", period))[0].0, "HUB-3403");

    assert_eq!(errors(&without(notice("lifting", false), "original_seizure_date"))[0].0, "HUB-3406");
    assert_eq!(
        errors(&with(notice("renewal", false), "/original_seizure_date", json!("2024-01-01")))[0].0,
        "HUB-3406"
    );

    let Form::Notice(lifting) = form(&notice("lifting", false)) else { panic!("a notice") };
    let lifting: Notice = *lifting;
    assert!(lifting.compare_with_register("2024-02-29".parse().unwrap()).warnings.is_empty());
    let flagged = lifting.compare_with_register("2024-02-28".parse().unwrap());
    assert_eq!(flagged.warnings[0].code, "HUB-3408");
    let text = form(&notice("lifting", false)).text(&Wording::embedded()).unwrap();
    assert!(text.contains("本院于2024年2月29日查封了被执行人"), "{text}");
}

/// R74: 其他机关、本院.
#[test]
fn another_organ_may_have_ruled() {
    let data = with(notice("lifting", false), "/issuing_organ", json!("北京市第三中级人民法院"));
    let data = with(data, "/ruling_number", json!("（2024）京03执复88号"));
    let text = form(&data).text(&Wording::embedded()).unwrap();
    assert!(
        text.contains("北京市第三中级人民法院作出的（2024）京03执复88号裁定书已经发生法律效力"),
        "{text}"
    );
}

/// R55: success and period; R75: the status; R56: 轮候 in the data and on the form.
#[test]
fn receipts_say_success_period_and_standing() {
    let wording = Wording::embedded();
    for matter in ["seizure", "renewal"] {
        assert_eq!(errors(&without(receipt(matter, Some("formal")), "period"))[0].0, "HUB-3404", "{matter}");
        assert_eq!(errors(&receipt(matter, None))[0].0, "HUB-3405", "{matter}");
    }
    let formal = form(&receipt("seizure", Some("formal"))).text(&wording).unwrap();
    assert!(formal.contains("查封成功，查封状态为正式查封（正式查封或轮候查封），查封期限3年"), "{formal}");
    assert!(!formal.contains("回执·轮候") && !formal.contains("轮候顺序"), "{formal}");
    let waiting = form(&receipt("seizure", Some("waiting"))).text(&wording).unwrap();
    assert!(
        waiting.contains("（回执·轮候）")
            && waiting.contains("查封状态为轮候查封（正式查封或轮候查封），轮候顺序第2位"),
        "{waiting}"
    );

    let unmarked = waiting.replace("（回执·轮候）", "（回执）");
    let error = Form::read(&unmarked, &wording).unwrap_err();
    assert_eq!(error.code(), "HUB-3411", "a waiting receipt without its mark is none");

    assert_eq!(
        errors(&with(receipt("seizure", Some("formal")), "/waiting_position", json!(1)))[0].0,
        "HUB-3405"
    );
    assert_eq!(
        errors(&with(receipt("seizure", Some("waiting")), "/waiting_position", json!(0)))[0].0,
        "HUB-3405"
    );
}

/// R76.
#[test]
fn contact_name_and_phone_are_mandatory() {
    for pointer in ["/contact/name", "/contact/phone"] {
        for blank in ["", "  ", "\u{3000}"] {
            let data = with(notice("renewal", false), pointer, json!(blank));
            assert_eq!(errors(&data), [("HUB-3401".to_owned(), pointer.to_owned())]);
        }
    }
    assert!(serde_json::from_value::<Form>(without(notice("renewal", false), "contact")).is_err());
}

/// R77.
#[test]
fn years_and_days_that_differ_are_flagged() {
    let period = |to: &str| with(notice("renewal", false), "/period/to", json!(to));
    assert_eq!(flags(&period("2027-02-28")), [""; 0]);
    assert_eq!(flags(&period("2027-03-01")), ["HUB-3407"]);
    assert!(form(&period("2027-03-01")).text(&Wording::embedded()).is_ok(), "flagged, not refused");
    assert_eq!(errors(&period("2023-03-01"))[0].0, "HUB-3404");
}

#[test]
fn what_cannot_stand_on_paper_is_refused() {
    for (pointer, value, code) in [
        ("/cause", json!("字".repeat(501)), "HUB-3402"),
        ("/debtor/name", json!("林\u{202e}知远"), "HUB-3402"),
        ("/debtor/name", json!("林\n知远"), "HUB-3402"),
        ("/property/location", json!("\u{200b}"), "HUB-3402"),
        ("/property/certificates", json!([]), "HUB-3401"),
        ("/property/certificates", json!(["甲、乙"]), "HUB-3402"),
        ("/registry", json!(""), "HUB-3401"),
    ] {
        let data = with(notice("renewal", false), pointer, value);
        assert_eq!(errors(&data)[0].0, code, "{pointer}");
        assert_eq!(form(&data).text(&Wording::embedded()).unwrap_err().code(), code);
    }
}

/// What is filled in may not take the form's own words and so move a border between two fields.
#[test]
fn a_form_that_could_be_read_in_two_ways_is_refused() {
    let wording = Wording::embedded();
    for (pointer, value) in [
        ("/cause", "甲与乙纠纷一案，本院作出的（2024）京0105执1号裁定书已经发生法律效力"),
        ("/property/location", "甲路1号、不动产权证书号苏（2020）宁玄不动产权第0000001号"),
        ("/cause", "甲与乙一案，丙"),
    ] {
        let result = form(&with(notice("renewal", false), pointer, json!(value))).text(&wording);
        match result {
            Err(FormError::Ambiguous) => {}
            other => panic!("{pointer} {value}: {other:?}"),
        }
    }
}

#[test]
fn other_texts_are_no_forms() {
    let wording = Wording::embedded();
    let text = form(&notice("renewal", false)).text(&wording).unwrap();
    for bad in [
        String::new(),
        "协助执行通知书".to_owned(),
        text.replace("3年", "三年"),
        text.replace("2027年2月28日", "2027年2月30日"),
        text.replace("320102001001GB00001F00010001", "320102001001GB00001F0001000"),
        text.replace("（2024）京0105执1234号\n", "（2024）京0105执01234号\n"),
        text.replace("继续查封", "查封"),
        format!("{text}另"),
        "协".repeat(10_000),
    ] {
        assert_eq!(Form::read(&bad, &wording).unwrap_err().code(), "HUB-3411", "{bad}");
    }
}

#[test]
fn names_with_blanks_stay_what_they_are() {
    let wording = Wording::embedded();
    let data = with(notice("seizure", false), "/debtor/name", json!("John Michael Smith"));
    let back = Form::read(&form(&data).text(&wording).unwrap(), &wording).unwrap();
    assert_eq!(back, form(&data));
}
