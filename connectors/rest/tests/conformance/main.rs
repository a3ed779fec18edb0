//! The conformance suite on this adapter and the simulated county: it passes as it is, and each deliberate defect is named by the
//! rule that it breaks, and by no other.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod broken;
mod town;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use connector_sdk::{
    Adapter,
    conformance::{Bench, Report, Rule, Suite, Verdict, options_digest},
};
use futures::future::join_all;

use broken::{Broken, Defect};
use town::{TOKEN, Town};

/// The adapter's own patience; one rule waits for its end.
const TIMEOUT_MS: i64 = 4_000;

/// A run of the suite with a defect, or none.
async fn report(defect: Option<Defect>, with_bench: bool) -> Report {
    let town = Town::open(defect == Some(Defect::SystemForgets)).await;
    let mut options = toml::Table::new();
    options.insert("base_url".into(), town.base().into());
    options.insert("token".into(), TOKEN.into());
    options.insert("timeout_ms".into(), TIMEOUT_MS.into());
    let built = AtomicUsize::new(0);
    let build = || {
        let inner = connector_rest::build(options.clone())?;
        let generation = built.fetch_add(1, Ordering::Relaxed);
        Ok(match defect {
            Some(defect) => Arc::new(Broken::new(inner, defect, generation)) as Arc<dyn Adapter>,
            None => inner,
        })
    };
    let suite = Suite {
        build: &build,
        bench: with_bench.then_some(&town as &dyn Bench),
        registry: "110105".parse().unwrap(),
        call_timeout: Duration::from_secs(30),
        decision_wait: Duration::from_secs(20),
        options_sha256: options_digest("rest", &options),
    };
    suite.run().await.unwrap()
}

fn verdicts(report: &Report) -> BTreeMap<&'static str, &Verdict> {
    report.rules.iter().map(|rule| (rule.rule.id(), &rule.verdict)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_adapter_passes_every_rule() {
    let report = report(None, true).await;
    assert!(report.passed && report.complete, "{report}");
    assert!(report.left_behind.is_empty());
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["schema"], "xiezhi.conformance.v1");
    assert_eq!(json["subject"]["adapter"], "rest");
    assert_eq!(json["subject"]["options_sha256"].as_str().unwrap().len(), 64);
    assert_eq!(json["rules"].as_array().unwrap().len(), Rule::ALL.len());
    assert_eq!((&json["rules"][0]["id"], &json["rules"][0]["verdict"]), (&"CR-01".into(), &"passed".into()));
    let text = json.to_string() + &report.markdown() + &report.to_string();
    assert!(!text.contains(TOKEN) && !text.contains("虚构"), "neither secrets nor persons");
    assert!(report.markdown().contains("| CR-29 "));
}

/// Without control over the local system the suite still looks at what it can, and says what it left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_bench_the_rest_is_told_as_not_checked() {
    let report = report(None, false).await;
    assert!(report.passed && !report.complete, "{report}");
    let verdicts = verdicts(&report);
    for id in ["CR-01", "CR-03", "CR-05", "CR-06", "CR-13", "CR-20", "CR-22", "CR-23", "CR-25", "CR-26"] {
        assert!(matches!(verdicts[id], Verdict::Passed { .. }), "{id}: {:?}", verdicts[id]);
    }
    for id in ["CR-02", "CR-04", "CR-07", "CR-14", "CR-17", "CR-29"] {
        assert!(matches!(verdicts[id], Verdict::NotChecked { .. }), "{id}: {:?}", verdicts[id]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_defect_is_named_by_the_rule_that_it_breaks() {
    let reports = join_all(Defect::ALL.map(async |defect| (defect, report(Some(defect), true).await))).await;
    let mut wrong = String::new();
    for (defect, report) in reports {
        let failed: Vec<&str> = report.failed().map(|rule| rule.rule.id()).collect();
        if failed != [defect.breaks()] || report.passed {
            wrong.push_str(&format!(
                "{defect:?} breaks {}, named was {failed:?}:\n{report}\n",
                defect.breaks()
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
