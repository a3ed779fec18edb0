//! What a mapping refuses, and what it says then: the code, the field, what to do, and nothing about a person.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use connector_mapping::{Code, Document, Known, Mapping, Refused, Scalar, Tree, example_demand};
use serde_json::json;

const HEAD: &str = "[mapping]\nlanguage = 1\nname = 'p'\nversion = '1'\ndescription = 'd'\n";

fn load(rest: &str) -> Mapping {
    Mapping::load(&format!("{HEAD}{rest}")).unwrap_or_else(|error| panic!("{error}"))
}

/// A mapping with these rules to JSON.
fn rules(fields: &str) -> Mapping {
    load(&format!("[outbound]\nformat = 'json'\nfields = [\n{fields}\n]\n"))
}

fn refused(fields: &str) -> Refused {
    let demand = example_demand();
    let claims = [Document { claim: &demand.attachments[0], bytes: b"%PDF" }];
    rules(fields).outbound(&demand, &claims).unwrap_err()
}

/// Problems of a broken file, as text.
fn broken(rest: &str) -> String {
    Mapping::load(&format!("{HEAD}{rest}")).unwrap_err().to_string()
}

#[test]
fn every_refusal_of_a_demand_is_told_at_once_and_names_no_person() {
    let demand = example_demand();
    let mapping = load(
        r#"
[outbound]
format = "json"
fields = [
  { to = "a", from = "demand.remarks" },
  { to = "b", from = "demand.debtor.name", table = "t" },
  { to = "c", from = "demand.debtor.document_number", max_chars = 5 },
  { to = "d", from = "demand.unit.location | parse_date('yyyyMMdd')" },
  { to = "e", from = "demand.debtor.name | number" },
  { to = "f", from = "demand.period.years", when = "demand.remarks == '加急'" },
  { to = "g", from = "demand.contact.name + 1" },
  { to = "h", from = "demand.contact.name", when = "demand.contact.name" },
  { to = "i", from = "demand.debtor.document_kind", table = "t" },
]
[table.t]
x = "1"
"#,
    );
    let refused = mapping.outbound(&demand, &[]).unwrap_err();
    let codes: Vec<_> = refused.refusals.iter().map(|one| (one.at.as_str(), one.code)).collect();
    assert_eq!(
        codes,
        [
            ("a", Code::Absent),
            ("b", Code::UnknownValue),
            ("c", Code::Unfit),
            ("d", Code::Unfit),
            ("e", Code::Unfit),
            ("f", Code::Absent),
            ("g", Code::Unfit),
            ("h", Code::Unfit),
            ("i", Code::UnknownValue),
        ]
    );
    let told = format!("{refused} {refused:?}");
    for secret in [
        &demand.debtor.name,
        &demand.debtor.document_number,
        &demand.unit.location,
        &demand.contact.name,
        &demand.contact.phone,
    ] {
        assert!(!told.contains(secret.as_str()), "{told}");
    }
    // A word of the published vocabulary is told, because it is what the table lacks.
    assert!(refused.refusals[8].message.contains("`resident_id`"), "{refused}");
    assert!(refused.refusals[1].message.contains("a text of 4 characters (Chinese characters)"), "{refused}");
}

#[test]
fn a_value_that_is_there_beside_a_refusal_is_not_sent() {
    let refused =
        refused(r#"{ to = "a", from = "demand.case_number" }, { to = "b", from = "demand.remarks" }"#);
    assert_eq!(refused.refusals.len(), 1);
    assert_eq!(refused.code(), Code::Absent);
}

#[test]
fn a_guarded_value_may_be_missing_and_an_unguarded_one_may_not() {
    let mut demand = example_demand();
    demand.period = None;
    let guarded =
        rules(r#"{ to = "a", from = "demand.period.from if demand.period is defined else 'none'" }"#);
    let made = guarded.outbound(&demand, &[]).unwrap();
    assert_eq!(made.tree.to_value(), json!({ "a": "none" }));
    let open = rules(r#"{ to = "a", from = "'x' if demand.period.years == 3 else 'none'" }"#);
    let refused = open.outbound(&demand, &[]).unwrap_err();
    assert!(refused.to_string().contains("`demand.period.years` is not there"), "{refused}");
    // Half a guard is a mistake of the file, found before any demand comes.
    let told = broken(
        "[outbound]\nformat = 'json'\nfields = [{ to = 'a', from = \"1 if demand.period.from is defined else 2\" }]\n",
    );
    assert!(told.contains("ask `demand.period is defined`"), "{told}");
}

#[test]
fn a_document_is_sent_whole_or_not_at_all() {
    let demand = example_demand();
    let documents = [Document { claim: &demand.attachments[0], bytes: b"%PDF" }];
    let whole = rules(r#"{ to = "a", each = "documents", as = "d", from = "d.content_base64" }"#);
    let made = whole.outbound(&demand, &documents).unwrap();
    assert_eq!(made.tree.to_value(), json!({ "a": ["JVBERg=="] }));
    for change in ["| upper", "| base64", "[1:]", "[0:1]", "~ 'x'", "| length", "| pad_left(9)", "| trim"] {
        let changed = rules(&format!(
            r#"{{ to = "a", each = "documents", as = "d", from = "d.content_base64 {change}" }}"#
        ));
        let refused = changed.outbound(&demand, &documents).unwrap_err();
        assert_eq!(refused.code(), Code::Unfit, "{change}");
    }
}

#[test]
fn work_and_output_are_bounded() {
    // Two hundred copies of a long text are more than one message may hold.
    let mut demand = example_demand();
    demand.remarks = Some("备".repeat(20_000));
    let many: String = (0..40).map(|n| format!("{{ to = 'a{n}', from = 'demand.remarks' }},")).collect();
    assert_eq!(rules(&many).outbound(&demand, &[]).unwrap_err().code(), Code::TooMuch);
    let small = load(
        "[outbound]\nformat = 'json'\nmax_bytes = 20\nfields = [{ to = 'a', from = 'demand.case_number' }]\n",
    );
    let made = small.outbound(&demand, &[]).unwrap();
    assert_eq!(small.encode(&made.tree).unwrap_err().code(), Code::TooMuch);
    // What could multiply a text is not of the language.
    for costly in [
        "demand.remarks * 100000000",
        "10 ** 100",
        "range(1000000000)",
        "demand.remarks.upper()",
        "'a' | replace('a', 'b')",
    ] {
        broken(&format!("[outbound]\nformat = 'json'\nfields = [{{ to = 'a', from = \"{costly}\" }}]\n"));
    }
}

#[test]
fn mistakes_of_a_file_are_told_together_with_their_lines() {
    let told = broken(
        r#"
[outbound]
format = "yaml"
fields = [
  { to = "a.b", from = "demand.kind" },
  { to = "a", value = 1 },
  { to = "c", value = 1 },
  { to = "c", value = 2 },
  { to = "x y", value = 1 },
  { to = "d" },
  { to = "e", each = "demand.kind", as = "k", from = "k" },
  { to = "f", each = "demand.officers", as = "demand", from = "demand.name" },
  { to = "g", each = "demand.officers", as = "o", fields = [{ to = "n", from = "o.nam" }] },
  { to = "h", from = "demand.cause", max_chars = 2, cut_mark = "……" },
  { to = "i", from = "demand.accepted_at | date('YYYY')" },
  { to = "j", from = "demand." },
  { to = "k", from = "secret.value" },
]
[table]
t = 1
[[test]]
name = "no input"
expect = { a = 1 }
[other]
"#,
    );
    for (line, part) in [
        (8, "`yaml` is unknown"),
        (11, "stand in each other's way"),
        (13, "written by line 12"),
        (14, "is no path"),
        (15, "has no value"),
        (16, "is no list"),
        (17, "the name `demand` is taken"),
        (18, "perhaps `name`"),
        (19, "a cut must be seen"),
        (20, "`YYYY` is no part of a date"),
        (21, "is no expression"),
        (22, "unknown name `secret`"),
        (25, "is no table"),
        (26, "either `demand`, or `answer`"),
        (29, "unknown key `other`"),
    ] {
        assert!(
            told.lines().any(|told| told.starts_with(&format!("  line {line},")) && told.contains(part)),
            "line {line} {part}\n{told}"
        );
    }
    assert!(Mapping::load("").unwrap_err().to_string().contains("[mapping] is missing"));
    let newer =
        format!("{}[outbound]\nformat='json'\nfields=[{{to='a',value=1}}]\n", HEAD.replace("= 1", "= 2"));
    assert!(Mapping::load(&newer).unwrap_err().to_string().contains("reads language 1"));
}

#[test]
fn two_rules_that_both_apply_are_refused() {
    let refused = refused(
        r#"{ to = "a", value = 1, when = "demand.kind == 'seizure'" }, { to = "a", value = 2, when = "demand.unit_index == 1" }"#,
    );
    assert!(refused.to_string().contains("two rules write this field"), "{refused}");
}

#[test]
fn a_published_word_without_code_is_warned_of() {
    let mapping = load(
        "[outbound]\nformat = 'json'\nfields = [{ to = 'a', from = 'demand.kind', table = 't' }]\n[table.t]\nseizure = 1\n[table.idle]\na = 1\n",
    );
    let told: Vec<&str> = mapping.warnings().iter().map(|warning| warning.message.as_str()).collect();
    assert!(
        told.iter().any(|one| one.contains("[table.t] has no entry for `renewal`, `lifting`, `waiting`")),
        "{told:?}"
    );
    assert!(told.iter().any(|one| one.contains("[table.idle] is used by no rule")), "{told:?}");
    assert!(told.iter().any(|one| one.contains("content_base64")), "{told:?}");
}

const TWO: &str = r#"
[outbound]
format = "xml"
charset = "gb18030"
fields = [{ to = "请求.@号", value = "1" }, { to = "请求.法院", from = "demand.court.name" }, { to = "请求.空", value = "" }]
[inbound]
format = "xml"
charset = "gb18030"
absent_values = ["/"]
[[inbound.outcome]]
is = "withdrawal_declined"
when = "src.答.态 == '1'"
fields = [
  { to = "withdrawal_id", from = "src.答.号" },
  { to = "request_id", from = "known.request_id" },
  { to = "registry", from = "known.registry" },
  { to = "text", from = "src.答.由" },
  { to = "decided_at", from = "src.答.时 | parse_time('yyyy-MM-dd HH:mm:ss')" },
]
[[inbound.outcome]]
is = "withdrawal_declined"
when = "src.答.由 is defined and src.答.由 == '两可'"
fields = [
  { to = "withdrawal_id", from = "src.答.号" },
  { to = "request_id", from = "known.request_id" },
  { to = "registry", from = "known.registry" },
  { to = "text", from = "src.答.由" },
  { to = "decided_at", from = "src.答.时" },
]
"#;

fn answer(text: &str) -> Result<serde_json::Value, Refused> {
    let mapping = load(TWO);
    let registry = "320102".parse().unwrap();
    let known = Known {
        registry: &registry,
        request_id: Some("0197a3f0-0000-7000-8000-00000000000a".parse().unwrap()),
        connector: "c",
    };
    let bytes = encoding_rs::GB18030.encode(text).0.into_owned();
    let value = mapping.decode(&bytes)?;
    Ok(mapping.inbound(&value, &value, &known)?.to_value())
}

fn declined(fields: &str) -> String {
    format!(
        "<答><态>1</态><号>0197a3f0-0000-7000-8000-00000000000b</号><时>2026-03-03 10:00:00</时>{fields}</答>"
    )
}

#[test]
fn an_answer_is_an_outcome_or_refused() {
    let good = answer(&declined("<由>该房产已经办理轮候查封，不同意撤回</由>")).unwrap();
    assert_eq!(good["schema"], "xiezhi.withdrawal-declined.v1");
    assert_eq!(good["decided_at"], "2026-03-03T02:00:00Z");
    for (text, code, part) in [
        ("<答><态>7</态></答>".to_owned(), Code::NoOutcome, "none of the outcomes fits"),
        ("<答><由>某</由></答>".to_owned(), Code::Absent, "`src.答.态` is not in the answer"),
        (declined("<由>两可</由>"), Code::NoOutcome, "fit at once"),
        (declined("<由>/</由>"), Code::Absent, "`src.答.由` is not there"),
        (declined("<由>不同意</由>"), Code::NoOutcome, "says nothing specific"),
        (
            declined("<由>理由充分，不能撤回本件</由>").replace("00000000000b", "张三"),
            Code::NoOutcome,
            "withdrawal_id: a text of",
        ),
        (declined("<由>理由充分，不能撤回本件</由>").replace("03-03", "3-3"), Code::Unfit, "not of the form"),
        ("<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>".to_owned(), Code::Unreadable, "DOCTYPE"),
        ("<a><b></a>".to_owned(), Code::Unreadable, "well-formed"),
        ("<a>锟斤拷</a>".to_owned(), Code::Unreadable, "read in a wrong character set"),
        ("<?xml version='1.0' encoding='UTF-8'?><a/>".to_owned(), Code::Unreadable, "declaration says UTF-8"),
        ("<a>text<b/></a>".to_owned(), Code::Unreadable, "mixes text"),
    ] {
        let refused = answer(&text).unwrap_err();
        assert_eq!(refused.code(), code, "{text}: {refused}");
        assert!(refused.to_string().contains(part), "{text}: {refused}");
        assert!(!refused.to_string().contains("张三"), "{refused}");
    }
    let utf8 = load(TWO).decode("<a>虚构</a>".as_bytes()).unwrap_err();
    assert!(utf8.to_string().contains("the bytes are UTF-8, not GB18030"), "{utf8}");
}

#[test]
fn json_with_a_repeated_key_is_not_read() {
    let mapping = load(
        "[inbound]\nformat = 'json'\n[[inbound.outcome]]\nis = 'result'\nwhen = \"src.a == '1'\"\nfields = [{ to = 'request_id', from = 'src.a' }, { to = 'registry', from = 'src.a' }, { to = 'registration', from = 'src.a' }]\n",
    );
    let refused = mapping.decode(br#"{"a":{"b":1,"b":2}}"#).unwrap_err();
    assert_eq!((refused.code(), refused.refusals[0].at.as_str()), (Code::Unreadable, "/a/b"));
    let damaged = mapping.decode(r#"{"a":["b","锟斤拷"]}"#.as_bytes()).unwrap_err();
    assert_eq!((damaged.code(), damaged.refusals[0].at.as_str()), (Code::Unreadable, ".a[1]"));
    let wrong = mapping.decode(&encoding_rs::GB18030.encode(r#"{"a":"虚构"}"#).0).unwrap_err();
    assert!(wrong.to_string().contains("could be GB18030"), "{wrong}");
}

#[test]
fn an_outcome_must_be_whole_when_the_file_is_loaded() {
    let told = broken(
        "[inbound]\nformat = 'json'\n[[inbound.outcome]]\nis = 'return'\nwhen = 'true'\nfields = [{ to = 'request_id', from = 'src.a' }, { to = 'reason', from = 'src.b' }]\n",
    );
    assert!(told.contains("has no field `reason`, perhaps `reasons`"), "{told}");
    let told = broken(
        "[inbound]\nformat = 'json'\n[[inbound.outcome]]\nis = 'return'\nwhen = 'true'\nfields = [{ to = 'request_id', from = 'src.a' }]\n",
    );
    assert!(told.contains("also needs a rule for `registry`, `reasons`, `text`, `decided_at`"), "{told}");
}

#[test]
fn the_exact_bytes_of_each_format() {
    let demand = example_demand();
    let xml = load(TWO);
    let bytes = xml.encode(&xml.outbound(&demand, &[]).unwrap().tree).unwrap();
    let text = encoding_rs::GB18030.decode_without_bom_handling_and_without_replacement(&bytes).unwrap();
    assert_eq!(
        text,
        "<?xml version=\"1.0\" encoding=\"GB18030\"?><请求 号=\"1\"><法院>虚构市示例区人民法院</法院><空/></请求>"
    );
    assert_eq!(xml.media_type().unwrap(), "application/xml; charset=GB18030");

    let form = load(
        "[outbound]\nformat = 'form'\ncharset = 'gbk'\nfields = [{ to = '法院', value = '甲 &' }, { to = 'n', value = 1 }]\n",
    );
    let tree = form.outbound(&demand, &[]).unwrap().tree;
    assert_eq!(form.encode(&tree).unwrap(), b"%B7%A8%D4%BA=%BC%D7+%26&n=1");
    assert_eq!(connector_mapping::encode::fields(&tree).unwrap()[1], ("n", "1".to_owned()));

    let json = rules("{ to = 'z.b', value = 1 }, { to = 'a', value = true }, { to = 'z.a', value = '号' }");
    let tree = json.outbound(&demand, &[]).unwrap().tree;
    // In the order of the rules.
    assert_eq!(json.encode(&tree).unwrap(), r#"{"z":{"b":1,"a":"号"},"a":true}"#.as_bytes());
}

#[test]
fn what_a_format_cannot_say_is_refused_with_its_place() {
    let leaf = |text: &str| Tree::Scalar(Scalar::Text(text.into()));
    let record = |name: &str, part: Tree| Tree::Record(vec![(name.into(), part)]);
    let gb = load(TWO);
    for (tree, at) in [
        (record("a", record("b", leaf("\u{e5e5}"))), "a.b"),
        (record("a", record("b", leaf("\u{1}"))), "a.b"),
        (record("a", record("1b", leaf(""))), "a.1b"),
        (record("a", Tree::List(vec![leaf("x"), leaf("y")])), "a"),
        (record("a", record("b", Tree::List(vec![Tree::List(vec![])]))), "a.b[0]"),
        (leaf("x"), ""),
    ] {
        let refused = gb.encode(&tree).unwrap_err();
        assert_eq!((refused.code(), refused.refusals[0].at.as_str()), (Code::Unfit, at), "{refused}");
    }
    let told = broken(
        "[outbound]\nformat = 'xml'\nfields = [{ to = 'a.x', value = 1 }, { to = 'b.x', value = 1 }]\n",
    );
    assert!(told.contains("one root element"), "{told}");
    let told = broken("[outbound]\nformat = 'form'\nfields = [{ to = 'a.x', value = 1 }]\n");
    assert!(told.contains("a form is flat"), "{told}");
}

#[test]
fn a_cut_is_noted_without_its_text() {
    let mapping = rules(r#"{ to = "a", from = "demand.cause", max_gb18030_bytes = 10, cut_mark = "…" }"#);
    let made = mapping.outbound(&example_demand(), &[]).unwrap();
    assert_eq!(made.tree.to_value(), json!({ "a": "虚构人乙…" }));
    assert_eq!(made.notes, ["a: cut from 30 to 10 bytes of GB18030, marked at its end"]);
}

#[test]
fn a_failing_test_says_what_differs() {
    let mapping = load(
        "[outbound]\nformat = 'json'\nfields = [{ to = 'a', from = 'demand.kind' }]\n\
         [[test]]\nname = 'one'\ndemand = 'example:seizure'\nexpect = { a = 'lifting', b = 1 }\n\
         [[test]]\nname = 'two'\ndemand = 'file:x.json'\nrefused = 'CON-6003'\n",
    );
    let outcomes = mapping.run_tests(&|name| match name {
        "x.json" => Ok(serde_json::to_string(&example_demand()).unwrap()),
        _ => Err("no such file".into()),
    });
    assert_eq!(
        outcomes[0].differences,
        ["`a`: expected \"lifting\", found \"seizure\"", "`b`: expected 1, but it is not there"]
    );
    assert_eq!(outcomes[1].differences, ["expected the refusal CON-6003, but the message was made"]);
    let json = serde_json::to_value(&outcomes[0]).unwrap();
    assert_eq!((&json["name"], &json["passed"], &json["line"]), (&json!("one"), &json!(false), &json!(9)));
}
