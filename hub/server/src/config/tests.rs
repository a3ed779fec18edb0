#![allow(clippy::unwrap_used, reason = "a test may panic")]
use std::{fs, path::Path};

use super::*;

fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

const NEEDED: [(&str, &str); 3] = [
    ("XIEZHI_DATABASE__URL", "postgres://hub:geheim@db:5432/xiezhi"),
    ("XIEZHI_BROKER__URL", "amqp://xz-hub:geheim@mq/xiezhi"),
    ("XIEZHI_WAITING__CUT_OVER_DAY", "2024-03-01"),
];

fn problems(error: ConfigError) -> Vec<(&'static str, String, String)> {
    match error {
        ConfigError::Problems(list) => {
            list.into_iter().map(|p| (p.code, p.key, p.source.to_string())).collect()
        }
        other => panic!("{other}"),
    }
}

#[test]
fn the_defaults_lack_only_two_addresses_and_the_day_that_the_notice_does_not_print() {
    let loaded = Loaded::from_parts(None, []).unwrap();
    let found = problems(loaded.config().unwrap_err());
    let keys: Vec<_> =
        found.iter().map(|(code, key, source)| (*code, key.as_str(), source.as_str())).collect();
    let missing =
        ["database.url", "broker.url", "waiting.cut_over_day"].map(|key| ("HUB-1014", key, "default"));
    assert_eq!(keys, missing);
    let config = Loaded::from_parts(None, env(&NEEDED)).unwrap().config().unwrap();
    assert_eq!(config.http.listen.port(), 8300);
    assert_eq!(config.documents.store, StoreKind::Local);
    assert!(!format!("{config:?}").contains("geheim"));
}

#[test]
fn every_key_is_explained_in_the_default_file() {
    let mut comment = false;
    let mut keys_below = 0;
    for line in DEFAULT.lines() {
        if line.starts_with('#') {
            comment = true;
            keys_below = 0;
        } else if line.contains(" = ") {
            // Neighbours may share one comment.
            keys_below += 1;
            assert!(comment && keys_below <= 5, "no comment above {line}");
        } else if !line.is_empty() {
            comment = false;
        }
    }
}

#[test]
fn the_environment_sets_values_of_every_type() {
    let mut vars = env(&NEEDED);
    vars.extend(env(&[
        ("XIEZHI_HTTP__LISTEN", "0.0.0.0:80"),
        ("XIEZHI_HTTP__ALLOW_PUBLIC_BIND", "yes"),
        ("XIEZHI_HTTP__RATE_PER_SECOND", " 7 "),
        ("XIEZHI_TELEMETRY__SAMPLE_RATIO", "1"),
        ("XIEZHI_TELEMETRY__LOG_FORMAT", "text"),
        ("XIEZHI_DOCUMENTS__STORE", "s3"),
        ("XIEZHI_DOCUMENTS__S3__ENDPOINT", "http://127.0.0.1:9000"),
        ("XIEZHI_DOCUMENTS__S3__BUCKET", "papers"),
        ("XIEZHI_DOCUMENTS__S3__ACCESS_KEY", "me"),
        ("XIEZHI_DOCUMENTS__S3__SECRET_KEY", "verborgen"),
        ("XIEZHI_DATABASE__POOL_SIZE", "9"),
    ]));
    let loaded = Loaded::from_parts(None, vars).unwrap();
    let config = loaded.config().unwrap();
    assert!(config.http.allow_public_bind);
    assert_eq!((config.http.rate_per_second, config.database.pool_size), (7, 9));
    assert!((config.telemetry.sample_ratio - 1.0).abs() < f64::EPSILON);
    assert_eq!(config.telemetry.log_format, LogFormat::Text);
    assert_eq!(config.documents.s3.secret_key.expose(), "verborgen");
    let shown: String =
        effective(&loaded).iter().map(|l| format!("{} {} {}\n", l.key, l.value, l.source)).collect();
    for secret in ["geheim", "verborgen", "xz-hub"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(
        shown.contains("database.url \"postgres://db:5432/xiezhi\" environment XIEZHI_DATABASE__URL"),
        "{shown}"
    );
    assert!(shown.contains("shutdown.grace_secs 25 default"), "{shown}");
}

#[test]
fn wrong_values_of_every_type_are_refused_with_key_and_source() {
    for (name, value, key) in [
        ("XIEZHI_HTTP__RATE_PER_SECOND", "many", "http.rate_per_second"),
        ("XIEZHI_HTTP__RATE_PER_SECOND", "0", "http.rate_per_second"),
        ("XIEZHI_HTTP__RATE_PER_SECOND", "-1", "http.rate_per_second"),
        ("XIEZHI_HTTP__RATE_PER_SECOND", "99999999999999999999", "http.rate_per_second"),
        ("XIEZHI_HTTP__ALLOW_PUBLIC_BIND", "perhaps", "http.allow_public_bind"),
        ("XIEZHI_TELEMETRY__SAMPLE_RATIO", "1.5", "telemetry.sample_ratio"),
        ("XIEZHI_TELEMETRY__SAMPLE_RATIO", "NaN", "telemetry.sample_ratio"),
        ("XIEZHI_TELEMETRY__LOG_FORMAT", "xml", "telemetry.log_format"),
        ("XIEZHI_TELEMETRY__LOG_FILTER", "hub=loud", "telemetry.log_filter"),
        ("XIEZHI_HTTP__LISTEN", "localhost", "http.listen"),
        ("XIEZHI_HTTP__LISTEN", "0.0.0.0:8300", "http.listen"),
        ("XIEZHI_DATABASE__URL", "mysql://db/xiezhi", "database.url"),
        ("XIEZHI_BROKER__URL", "amqp:///", "broker.url"),
        ("XIEZHI_SECRET__HUB_SECRET_FILE", "", "secret.hub_secret_file"),
        ("XIEZHI_WAITING__CUT_OVER_DAY", "2024-02-30", "waiting.cut_over_day"),
        ("XIEZHI_WAITING__RULE_BEFORE", "usual", "waiting.rule_before"),
        ("XIEZHI_WAITING__RULE_BEFORE_IN", "62", "waiting.rule_before_in"),
        ("XIEZHI_DOCUMENTS__ROOT", "", "documents.root"),
        ("XIEZHI_DOCUMENTS__S3", "x", "documents.s3"),
        ("XIEZHI_DOCUMENTS__STORE", "tape", "documents.store"),
    ] {
        let mut vars = env(&NEEDED);
        vars.retain(|(known, _)| known != name);
        vars.extend(env(&[(name, value)]));
        let error =
            Loaded::from_parts(None, vars).and_then(|loaded| loaded.config().map(|_| ())).unwrap_err();
        let found = problems(error);
        assert!(
            found.iter().any(|(code, k, source)| k == key
                && source == &format!("environment {name}")
                && code.starts_with("HUB-101")),
            "{name}={value}: {found:?}"
        );
    }
}

#[test]
fn unknown_names_are_refused_with_the_nearest_known_one() {
    let vars = env(&[
        ("XIEZHI_DATABASE__ULR", "x"),
        ("XIEZHI_NOVEL", "x"),
        ("XIEZHI_TOKEN", "x"),
        ("XIEZHI_TEST_DATABASE_URL", "x"),
        ("XIEZHI_CONNECTOR__X", "x"),
        ("PATH", "x"),
    ]);
    let error = Loaded::from_parts(None, vars).unwrap_err();
    assert!(error.to_string().contains("did you mean database.url?"), "{error}");
    let keys: Vec<_> = problems(error).into_iter().map(|(code, key, _)| (code, key)).collect();
    assert_eq!(keys, [("HUB-1012", "database.ulr".to_owned()), ("HUB-1012", "novel".to_owned())]);
}

#[test]
fn a_file_lies_between_and_its_paths_start_at_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hub.toml");
    let write = |text: &str| fs::write(&path, text).unwrap();
    write(
        "[database]\nurl = \"postgres://a/b\"\npool_size = 5\n[secret]\nhub_secret_file = \"s\"\n[telemetry]\nsample_ratio = 1\n[documents]\nroot = \"/papers\"\n",
    );
    let mut vars = env(&NEEDED[1..]);
    vars.extend(env(&[("XIEZHI_DATABASE__POOL_SIZE", "6"), ("XIEZHI_LEDGER__WITNESS_FILE", "w")]));
    let config = Loaded::from_parts(Some(&path), vars).unwrap().config().unwrap();
    assert_eq!(config.database.pool_size, 6);
    assert_eq!(config.database.url.expose(), "postgres://a/b");
    assert_eq!(config.secret.hub_secret_file, folder.path().join("s"));
    assert_eq!(config.ledger.witness_file, Path::new("w"));
    assert_eq!(config.documents.root, Path::new("/papers"));

    write("[database]\npool_size = \"5\"\ncolour = 1\nurl = { a = 1 }\n[nonsense]\nx = 1\n");
    let found = problems(Loaded::from_parts(Some(&path), []).unwrap_err());
    let mut keys: Vec<_> = found.iter().map(|(code, key, _)| (*code, key.as_str())).collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        [
            ("HUB-1012", "database.colour"),
            ("HUB-1012", "nonsense"),
            ("HUB-1013", "database.pool_size"),
            ("HUB-1013", "database.url")
        ]
    );
    assert!(found.iter().all(|(_, _, source)| source.ends_with("hub.toml")));

    write("[database]\nurl = \"postgres://u:geheim@h/b\n");
    let error = Loaded::from_parts(Some(&path), []).unwrap_err();
    assert!(error.to_string().contains("line 2") && !error.to_string().contains("geheim"), "{error}");
    let error = Loaded::from_parts(Some(Path::new("/nowhere/hub.toml")), []).unwrap_err();
    assert_eq!(error.code(), "HUB-1010");
}

#[test]
fn a_section_can_be_read_without_the_others() {
    let loaded = Loaded::from_parts(None, env(&NEEDED[..1])).unwrap();
    assert_eq!(loaded.section::<crate::store::Settings>("database").unwrap().pool_size, 16);
    assert!(loaded.section::<BrokerSettings>("broker").is_err());
}
