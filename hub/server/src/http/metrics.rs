//! Counters and gauges: a page that Prometheus reads, and the same numbers over OTLP when there is a collector.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Mutex, PoisonError},
};

use opentelemetry::{
    KeyValue,
    metrics::{Counter, Gauge},
};

use crate::telemetry;

/// All counters and gauges of one hub.
#[derive(Debug, Default)]
pub struct Metrics {
    series: Mutex<BTreeMap<Series, Value>>,
    /// What sends the same numbers away, made when first needed: telemetry is set up by then.
    sent: Mutex<BTreeMap<&'static str, Instrument>>,
}

#[derive(Debug)]
enum Instrument {
    Counter(Counter<u64>),
    Gauge(Gauge<i64>),
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Series {
    name: &'static str,
    label: Option<(&'static str, String)>,
}

#[derive(Debug, Clone, Copy)]
enum Value {
    Counter(u64),
    Gauge(i64),
}

impl Metrics {
    /// Adds to a counter; `name` ends in `_total`.
    pub fn add(&self, name: &'static str, by: u64) {
        self.count(Series { name, label: None }, by);
    }

    /// Adds to the counter of one label value, out of a small fixed set such as codes: every new value costs a line.
    pub fn add_for(&self, name: &'static str, label: &'static str, value: &str, by: u64) {
        self.count(Series { name, label: Some((label, value.to_owned())) }, by);
    }

    /// Sets a gauge.
    pub fn set(&self, name: &'static str, value: i64) {
        let mut series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        series.insert(Series { name, label: None }, Value::Gauge(value));
        drop(series);
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        let made = || Instrument::Gauge(telemetry::meter().i64_gauge(format!("xiezhi_{name}")).build());
        if let Instrument::Gauge(gauge) = sent.entry(name).or_insert_with(made) {
            gauge.record(value, &[]);
        }
    }

    fn count(&self, key: Series, by: u64) {
        self.send(&key, by);
        let mut series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        if let Value::Counter(count) = series.entry(key).or_insert(Value::Counter(0)) {
            *count += by;
        }
    }

    fn send(&self, Series { name, label }: &Series, by: u64) {
        let labels: Vec<_> = label.iter().map(|(key, value)| KeyValue::new(*key, value.clone())).collect();
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        let made = || Instrument::Counter(telemetry::meter().u64_counter(format!("xiezhi_{name}")).build());
        if let Instrument::Counter(counter) = sent.entry(name).or_insert_with(made) {
            counter.add(by, &labels);
        }
    }

    /// The page, in the text format 0.0.4.
    pub fn render(&self) -> String {
        let series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        let mut page = String::new();
        let mut last = "";
        for (Series { name, label }, value) in series.iter() {
            let (kind, number) = match value {
                Value::Counter(count) => ("counter", count.to_string()),
                Value::Gauge(level) => ("gauge", level.to_string()),
            };
            if *name != last {
                writeln!(page, "# TYPE xiezhi_{name} {kind}").expect("a String takes any text");
                last = name;
            }
            let label = label.as_ref().map_or_else(String::new, |(k, v)| format!("{{{k}=\"{}\"}}", plain(v)));
            writeln!(page, "xiezhi_{name}{label} {number}").expect("a String takes any text");
        }
        page
    }
}

/// Label values are codes and names of ours; anything else loses its odd characters.
fn plain(value: &str) -> String {
    value.chars().map(|c| if c.is_ascii_alphanumeric() || "-_./".contains(c) { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_groups_series_by_name() {
        let metrics = Metrics::default();
        metrics.add("demands_accepted_total", 2);
        metrics.add_for("http_problems_total", "code", "HUB-1103", 1);
        metrics.add_for("http_problems_total", "code", "HUB-1103", 1);
        metrics.add_for("http_problems_total", "code", "a\"b\n", 1);
        metrics.set("outbox_unconfirmed", 5);
        assert_eq!(
            metrics.render(),
            "# TYPE xiezhi_demands_accepted_total counter\nxiezhi_demands_accepted_total 2\n\
             # TYPE xiezhi_http_problems_total counter\nxiezhi_http_problems_total{code=\"HUB-1103\"} 2\n\
             xiezhi_http_problems_total{code=\"a_b_\"} 1\n\
             # TYPE xiezhi_outbox_unconfirmed gauge\nxiezhi_outbox_unconfirmed 5\n"
        );
    }
}
