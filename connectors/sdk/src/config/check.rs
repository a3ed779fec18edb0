//! From what was written to what may be used: every mistake is collected, none is repaired silently.

use std::{net::IpAddr, time::Duration};

use toml::Table;
use xiezhi_schemas::{
    address::{ProvinceCode, RegistryCode},
    signature::{ProvinceKey, body_sha256},
};

use super::{Broker, Config, Hub, OutcomePace, Pace, Raw, ReceiptPace};
use crate::{
    config_error::{ConfigError, ConfigProblem},
    secret::Secret,
};

/// Above this many unacknowledged deliveries a quorum queue no longer keeps their order when they go back (it walks an
/// unordered map from 33 entries on); half of it leaves room.
const PREFETCH_MOST: u16 = 16;

struct Problems(Vec<ConfigProblem>);

impl Problems {
    fn add(&mut self, key: &str, message: impl Into<String>) {
        self.0.push(ConfigProblem { key: key.into(), message: message.into() });
    }

    fn range(&mut self, key: &str, value: u64, from: u64, to: u64) {
        if !(from..=to).contains(&value) {
            self.add(key, format!("must be from {from} to {to}, not {value}"));
        }
    }
}

pub(super) fn check(raw: Raw, adapter_options: Table) -> Result<Config, ConfigError> {
    let mut problems = Problems(Vec::new());
    check_numbers(&raw, &mut problems);
    if raw.name.is_empty()
        || raw.name.len() > 60
        || !raw.name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
    {
        problems.add("name", "must be 1 to 60 letters, digits, dots and hyphens");
    }
    if raw.adapter.is_empty() {
        problems.add("adapter", "is missing; write the kind of local system, such as rest");
    }
    let province =
        raw.province.parse::<ProvinceCode>().map_err(|error| problems.add("province", error.to_string()));
    let key = raw
        .province_key
        .expose()
        .parse::<ProvinceKey>()
        .map_err(|error| problems.add("province_key", error.to_string()));
    let registries = check_registries(&raw.registries, province.as_ref().ok(), &mut problems);
    let broker = check_broker(&raw, province.as_ref().ok(), &mut problems);
    let hub = check_hub(&raw, &mut problems);
    let listen = match raw.health.listen.as_str() {
        "" => None,
        text => text
            .parse()
            .map_err(|_| {
                problems.add("health.listen", "must be an address with port, such as 127.0.0.1:9120")
            })
            .ok(),
    };
    ConfigError::check(problems.0)?;
    let (Ok(province), Ok(province_key), Some(broker), Some(hub)) = (province, key, broker, hub) else {
        unreachable!("each of them added a problem when it is absent");
    };
    Ok(Config {
        name: raw.name,
        province,
        key_fingerprint: body_sha256(format!("xiezhi-key-fingerprint\n{}", province_key.expose()).as_bytes())
            [..16]
            .to_owned(),
        province_key,
        registries,
        adapter: raw.adapter,
        adapter_options,
        broker,
        hub,
        documents: raw.documents,
        pace: Pace {
            prefetch: raw.pace.prefetch,
            lanes: raw.pace.lanes,
            deliver_timeout: Duration::from_secs(raw.pace.deliver_timeout_secs),
            tries: raw.pace.tries,
            first_wait: Duration::from_millis(raw.pace.first_wait_millis),
            probe_first: Duration::from_secs(raw.pace.probe_first_secs),
            probe_most: Duration::from_secs(raw.pace.probe_most_secs),
            isolate_after: raw.pace.isolate_after,
        },
        receipts: ReceiptPace {
            batch: raw.receipts.batch,
            linger: Duration::from_millis(raw.receipts.linger_millis),
            answer_timeout: Duration::from_secs(raw.receipts.answer_timeout_secs),
        },
        outcomes: OutcomePace {
            period: Duration::from_millis(raw.outcomes.period_millis),
            batch: raw.outcomes.batch,
        },
        grace: Duration::from_secs(raw.shutdown.grace_secs),
        listen,
        telemetry: raw.telemetry,
    })
}

fn check_numbers(raw: &Raw, problems: &mut Problems) {
    let pace = &raw.pace;
    problems.range("pace.prefetch", pace.prefetch.into(), 1, PREFETCH_MOST.into());
    problems.range("pace.lanes", pace.lanes as u64, 1, PREFETCH_MOST.into());
    problems.range("pace.deliver_timeout_secs", pace.deliver_timeout_secs, 1, 600);
    problems.range("pace.tries", pace.tries.into(), 1, 20);
    problems.range("pace.first_wait_millis", pace.first_wait_millis, 1, 60_000);
    problems.range("pace.probe_first_secs", pace.probe_first_secs, 1, 600);
    problems.range("pace.probe_most_secs", pace.probe_most_secs, pace.probe_first_secs.max(1), 3600);
    problems.range("pace.isolate_after", pace.isolate_after.into(), 2, 100);
    problems.range("receipts.batch", raw.receipts.batch as u64, 1, 256);
    problems.range("receipts.linger_millis", raw.receipts.linger_millis, 0, 1000);
    problems.range("receipts.answer_timeout_secs", raw.receipts.answer_timeout_secs, 1, 300);
    problems.range("outcomes.period_millis", raw.outcomes.period_millis, 10, 3_600_000);
    problems.range("outcomes.batch", raw.outcomes.batch as u64, 1, 1000);
    problems.range("broker.timeout_secs", raw.broker.timeout_secs, 1, 120);
    problems.range("hub.timeout_secs", raw.hub.timeout_secs, 1, 600);
    problems.range("documents.max_bytes", raw.documents.max_bytes, 1, 1 << 30);
    problems.range("documents.cache_bytes", raw.documents.cache_bytes, 0, 1 << 34);
    problems.range("documents.parallel", raw.documents.parallel as u64, 1, 64);
    problems.range("shutdown.grace_secs", raw.shutdown.grace_secs, 0, 600);
}

fn check_registries(
    texts: &[String],
    province: Option<&ProvinceCode>,
    problems: &mut Problems,
) -> Vec<RegistryCode> {
    let mut registries: Vec<RegistryCode> = Vec::new();
    if texts.is_empty() {
        problems.add("registries", "is empty; name at least one, such as [\"320102\"]");
    }
    for text in texts {
        match text.parse::<RegistryCode>() {
            Err(error) => problems.add("registries", error.to_string()),
            Ok(registry) if province.is_some_and(|province| registry.province() != *province) => {
                problems.add("registries", format!("{registry} does not lie in the province"));
            }
            Ok(registry) if registries.contains(&registry) => {
                problems.add("registries", format!("{registry} is named twice"))
            }
            Ok(registry) => registries.push(registry),
        }
    }
    registries
}

fn check_broker(raw: &Raw, province: Option<&ProvinceCode>, problems: &mut Problems) -> Option<Broker> {
    let url = match crate::bus::BrokerUrl::parse(raw.broker.url.expose()) {
        Ok(url) => url,
        Err(message) => {
            problems.add("broker.url", message);
            return None;
        }
    };
    if !url.encrypted && !raw.broker.allow_plaintext && !is_loopback(&url.host) {
        problems
            .add("broker.url", "uses no TLS to another host; write amqps:// or set broker.allow_plaintext");
    }
    if let Some(expected) = province.map(ProvinceCode::broker_user)
        && url.user != expected
    {
        problems.add(
            "broker.url",
            format!("must use the account {expected}; the hub takes receipts of this province from no other"),
        );
    }
    Some(Broker {
        host: format!("{}:{}", url.host, url.port),
        user: url.user,
        url: raw.broker.url.clone(),
        timeout: Duration::from_secs(raw.broker.timeout_secs),
    })
}

fn check_hub(raw: &Raw, problems: &mut Problems) -> Option<Hub> {
    let before = problems.0.len();
    match reqwest::Url::parse(&raw.hub.url) {
        Ok(url)
            if matches!(url.scheme(), "http" | "https")
                && url.host_str().is_some()
                && url.query().is_none() =>
        {
            let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
            if url.scheme() == "http" && !raw.hub.allow_plaintext && !is_loopback(&host) {
                problems
                    .add("hub.url", "uses no TLS to another host; write https:// or set hub.allow_plaintext");
            }
            if !url.username().is_empty() || url.password().is_some() {
                problems.add("hub.url", "must not hold a password; write it as hub.token");
            }
        }
        _ => problems.add("hub.url", "must be a URL such as https://hub.example"),
    }
    let token = raw.hub.token.expose();
    if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
        problems
            .add("hub.token", "is missing or holds blanks; it is the bearer token of the role `connector`");
    }
    (problems.0.len() == before).then(|| Hub {
        url: raw.hub.url.trim_end_matches('/').to_owned(),
        token: Secret::clone(&raw.hub.token),
        timeout: Duration::from_secs(raw.hub.timeout_secs),
    })
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
