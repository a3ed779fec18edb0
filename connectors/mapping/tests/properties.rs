//! What must hold for every input: loading never panics, nothing leaves that lacks a required value, and what is encoded comes
//! back as it was.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::LazyLock;

use connector_mapping::{Code, Known, Mapping, Scalar, Tree, example_demand};
use proptest::prelude::*;

const HEAD: &str = "[mapping]\nlanguage = 1\nname = 'p'\nversion = '1'\ndescription = 'd'\n";
const WHOLE: &str = r#"
[outbound]
format = "xml"
charset = "gb18030"
fields = [
  { to = "Q.AH", from = "demand.case_number | trim", max_chars = 40 },
  { to = "Q.KS", from = "demand.period.from | date('yyyyMMdd')", when = "demand.period is defined" },
  { to = "Q.LB", from = "demand.kind", table = "t" },
  { to = "Q.R", each = "demand.officers", as = "o", fields = [{ to = "XM", from = "o.name" }] },
]
[inbound]
format = "json"
[[inbound.outcome]]
is = "return"
when = "src.状态 == '2' and src.原因 is defined"
fields = [
  { to = "request_id", from = "src.编号" },
  { to = "registry", from = "known.registry" },
  { to = "reasons", each = "src.原因", as = "r", from = "r" },
  { to = "text", from = "src.说明" },
  { to = "decided_at", from = "src.时间 | parse_time('yyyy-MM-dd HH:mm:ss')" },
]
[table.t]
seizure = "11"
[[test]]
name = "t"
demand = "example:seizure"
expect = { "Q.LB" = "11" }
"#;

/// The required values that the rules below use, by their path in the demand's JSON.
const USED: [&str; 4] = ["remarks", "cause", "period", "original_case_number"];

static XML: LazyLock<Mapping> = LazyLock::new(|| format("xml", "utf-8"));
static XML_GB: LazyLock<Mapping> = LazyLock::new(|| format("xml", "gb18030"));
static JSON: LazyLock<Mapping> = LazyLock::new(|| format("json", "utf-8"));

fn format(format: &str, charset: &str) -> Mapping {
    let charset = if format == "xml" { format!("charset = '{charset}'\n") } else { String::new() };
    let outbound =
        format!("[outbound]\nformat = '{format}'\n{charset}fields = [{{ to = 'r.a', value = 1 }}]\n");
    let inbound = format!(
        "[inbound]\nformat = '{format}'\n{charset}[[inbound.outcome]]\nis = 'withdrawal_declined'\nwhen = 'true'\n\
         fields = [{{ to = 'withdrawal_id', from = 'src.a' }}, {{ to = 'request_id', from = 'src.a' }}, \
         {{ to = 'registry', from = 'src.a' }}, {{ to = 'text', from = 'src.a' }}, {{ to = 'decided_at', from = 'src.a' }}]\n"
    );
    Mapping::load(&format!("{HEAD}{outbound}{inbound}")).unwrap()
}

/// Texts that XML can hold.
fn text() -> impl Strategy<Value = String> {
    proptest::string::string_regex("[ -~\t\r\n一-龥（）〔〕𠀀-𠀐é]{0,20}").unwrap()
}

fn name() -> impl Strategy<Value = String> {
    proptest::string::string_regex("[A-WYZa-wyz案号书_][A-Za-z0-9案号_.-]{0,5}").unwrap()
}

/// Trees of texts that XML tells apart: no empty record, no list of one, no list in a list.
fn xml_tree() -> impl Strategy<Value = Tree> {
    let leaf = text().prop_map(|text| Tree::Scalar(Scalar::Text(text)));
    leaf.prop_recursive(4, 40, 5, |inner| {
        let list = proptest::collection::vec(
            inner.clone().prop_filter("a list", |part| !matches!(part, Tree::List(_))),
            2..4,
        )
        .prop_map(Tree::List);
        let attribute =
            (name(), text()).prop_map(|(name, text)| (format!("@{name}"), Tree::Scalar(Scalar::Text(text))));
        let fields = proptest::collection::btree_map(name(), prop_oneof![3 => inner, 1 => list], 1..5);
        (fields, proptest::option::of(attribute))
            .prop_map(|(fields, attribute)| Tree::Record(attribute.into_iter().chain(fields).collect()))
    })
}

fn json_tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        "[^\\x00]{0,10}"
            .prop_filter("not damaged", |text| !text.contains('\u{fffd}') && !text.contains("锟斤拷"))
            .prop_map(Scalar::Text),
        any::<i64>().prop_map(Scalar::Number),
        any::<bool>().prop_map(Scalar::Flag),
    ]
    .prop_map(Tree::Scalar);
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Tree::List),
            proptest::collection::btree_map("[^\\x00]{0,6}", inner, 0..4)
                .prop_map(|fields| Tree::Record(fields.into_iter().collect())),
        ]
    })
}

fn root(tree: Tree) -> Tree {
    let tree = if matches!(tree, Tree::List(_)) { Tree::Record(vec![("list".into(), tree)]) } else { tree };
    Tree::Record(vec![("r".into(), tree)])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn loading_any_text_never_panics(text in "\\PC{0,200}") {
        let whole = format!("{HEAD}{text}");
        let rule = format!("{HEAD}[outbound]\nformat = 'json'\nfields = [{{ to = 'a', from = '''{text}''' }}]\n");
        prop_assert!(Mapping::load(&text).is_err());
        prop_assert!(Mapping::load(&whole).is_err());
        // Any expression: refused with its line, or worked out or refused for a demand; the process goes on.
        match Mapping::load(&rule) {
            Ok(mapping) => drop(mapping.outbound(&example_demand(), &[])),
            Err(broken) => prop_assert!(broken.problems.iter().all(|problem| problem.line >= 6), "{}", broken),
        }
    }

    #[test]
    fn loading_a_damaged_file_never_panics(at in 0usize..1400, cut in 0usize..12, with in "[\\[\\]{}|'\"=.,a-z0-9\n是]{0,4}") {
        let mut whole: Vec<char> = format!("{HEAD}{WHOLE}").chars().collect();
        let at = at.min(whole.len());
        let end = (at + cut).min(whole.len());
        whole.splice(at..end, with.chars());
        let text: String = whole.into_iter().collect();
        // Either it is still a mapping, whose tests run, or every problem has a line of the file.
        match Mapping::load(&text) {
            Ok(mapping) => drop(mapping.run_tests(&|_| Err("no files".into()))),
            Err(broken) => {
                prop_assert!(!broken.problems.is_empty());
                let lines = text.lines().count().max(1);
                prop_assert!(broken.problems.iter().all(|problem| (1..=lines + 1).contains(&problem.line)), "{}", broken);
            }
        }
    }

    #[test]
    fn nothing_leaves_that_lacks_a_required_value(present in proptest::collection::vec(any::<bool>(), USED.len()), needed in 0..USED.len()) {
        let mut demand = example_demand();
        let case = "（2021）京0105执567号".parse().unwrap();
        let keep = |at: usize| present[at];
        demand.remarks = keep(0).then(|| "备注".to_owned());
        demand.cause = demand.cause.filter(|_| keep(1));
        demand.period = demand.period.filter(|_| keep(2));
        demand.original_case_number = keep(3).then_some(case);
        let rules: String = USED.iter().enumerate().map(|(at, name)| {
            let optional = if at == needed { "" } else { ", optional = true" };
            format!("{{ to = '{name}', from = 'demand.{name}'{optional} }}, ")
        }).collect();
        let mapping = Mapping::load(&format!("{HEAD}[outbound]\nformat = 'json'\nfields = [{rules}]\n")).unwrap();
        match mapping.outbound(&demand, &[]) {
            Ok(mapped) => {
                prop_assert!(present[needed]);
                let value = mapped.tree.to_value();
                for (at, name) in USED.iter().enumerate() {
                    prop_assert_eq!(value.get(*name).is_some(), present[at]);
                }
            }
            Err(refused) => {
                prop_assert!(!present[needed]);
                prop_assert_eq!(refused.code(), Code::Absent);
                prop_assert_eq!(refused.refusals[0].at.as_str(), USED[needed]);
            }
        }
    }

    #[test]
    fn xml_comes_back_as_it_was(tree in xml_tree()) {
        let tree = root(tree);
        for mapping in [&*XML, &*XML_GB] {
            let bytes = mapping.encode(&tree).unwrap();
            match mapping.decode(&bytes) {
                Ok(read) => prop_assert_eq!(read, tree.to_value()),
                // Rare characters whose bytes could be UTF-8 are refused, never misread.
                Err(refused) => prop_assert!(std::str::from_utf8(&bytes).is_ok() && !bytes.is_ascii(), "{}", refused),
            }
        }
    }

    #[test]
    fn json_comes_back_as_it_was(tree in json_tree()) {
        let bytes = JSON.encode(&tree).unwrap();
        prop_assert_eq!(JSON.decode(&bytes).unwrap(), tree.to_value());
    }

    #[test]
    fn reading_any_answer_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let registry = "320102".parse().unwrap();
        let known = Known { registry: &registry, request_id: None, connector: "c" };
        for mapping in [&*XML, &*XML_GB, &*JSON] {
            if let Ok(value) = mapping.decode(&bytes) {
                // Nothing of it is a whole outcome.
                prop_assert!(mapping.inbound(&value, &value, &known).is_err());
            }
        }
    }
}
