//! What a configuration may say.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::*;

const KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn good() -> String {
    format!(
        r#"
name = "nanjing-1"
province = "32"
province_key = "{KEY}"
registries = ["320102", "320104"]
adapter = "rest"
[broker]
url = "amqp://xz-province-32:secret-pass@127.0.0.1:5672/xiezhi"
[hub]
url = "http://127.0.0.1:8080/"
token = "secret-token"
[rest]
base = "http://127.0.0.1:9000"
"#
    )
}

fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn problems(file: &str, pairs: &[(&str, &str)]) -> Vec<String> {
    let error = Config::read(file, env(pairs)).unwrap_err();
    error.problems.iter().map(|problem| format!("{}: {}", problem.key, problem.message)).collect()
}

#[test]
fn a_short_file_is_enough_and_the_rest_comes_from_the_default() {
    let config = Config::read(&good(), env(&[("HOME", "/root")])).unwrap();
    assert_eq!(config.registries.len(), 2);
    assert_eq!(config.pace.prefetch, 16);
    assert_eq!(config.hub.url, "http://127.0.0.1:8080");
    assert_eq!(config.broker.host, "127.0.0.1:5672");
    assert_eq!(config.broker.user, "xz-province-32");
    assert_eq!(config.adapter_options["base"].as_str(), Some("http://127.0.0.1:9000"));
    assert_eq!(config.key_fingerprint.len(), 16);
}

#[test]
fn the_environment_has_the_last_word_in_every_type() {
    let config = Config::read(
        &good(),
        env(&[
            ("XIEZHI_CONNECTOR__REGISTRIES", "320111, 320102"),
            ("XIEZHI_CONNECTOR__PACE__PREFETCH", "4"),
            ("XIEZHI_CONNECTOR__BROKER__ALLOW_PLAINTEXT", "true"),
            ("XIEZHI_CONNECTOR__HUB__TOKEN", "123456"),
            ("XIEZHI_CONNECTOR__REST__BASE", "http://127.0.0.1:9001"),
            ("XIEZHI_CONNECTOR__REST__TIMEOUT_SECS", "7"),
        ]),
    )
    .unwrap();
    assert_eq!(config.registries[0].as_str(), "320111");
    assert_eq!(config.pace.prefetch, 4);
    assert_eq!(config.hub.token.expose(), "123456");
    assert_eq!(config.adapter_options["base"].as_str(), Some("http://127.0.0.1:9001"));
    assert_eq!(config.adapter_options["timeout_secs"].as_integer(), Some(7));
    let found = problems(&good(), &[("XIEZHI_CONNECTOR__PACE__PREFETCH", "many")]);
    assert!(found[0].contains("XIEZHI_CONNECTOR__PACE__PREFETCH: must be a whole number"), "{found:?}");
}

#[test]
fn an_empty_file_names_everything_that_is_missing_at_once() {
    let found = problems("", &[]);
    for key in
        ["name", "province", "province_key", "registries", "adapter", "broker.url", "hub.url", "hub.token"]
    {
        assert!(found.iter().any(|problem| problem.starts_with(&format!("{key}:"))), "{key} in {found:?}");
    }
}

#[test]
fn mistakes_are_refused_each_with_its_key() {
    let cases = [
        (good().replace("nanjing-1", "南京"), "name"),
        (good().replace("\"320104\"", "\"330104\""), "registries"),
        (good().replace("\"320104\"", "\"320102\""), "registries"),
        (good().replace("xz-province-32", "xz-province-33"), "broker.url"),
        (
            good()
                .replace("amqp://xz-province-32:secret-pass@127.0.0.1", "amqp://xz-province-32:x@192.0.2.1"),
            "broker.url",
        ),
        (good().replace("http://127.0.0.1:8080", "http://192.0.2.1"), "hub.url"),
        (good().replace("secret-token", "two words"), "hub.token"),
        (good() + "[pace]\nprefetch = 17\n", "pace.prefetch"),
        (good() + "[pace]\nlanes = 0\n", "pace.lanes"),
        (good() + "[health]\nlisten = \"9120\"\n", "health.listen"),
    ];
    for (file, key) in cases {
        let found = problems(&file, &[]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(&format!("{key}:")), "{found:?}");
    }
}

#[test]
fn unknown_keys_are_refused_everywhere() {
    let with = |text: &str| problems(&(good() + text), &[]);
    assert!(with("[soap]\nurl = \"x\"\n")[0].contains("soap"));
    assert!(with("[pace]\nprefetchh = 3\n")[0].contains("prefetchh"));
    assert!(problems(&good(), &[("XIEZHI_CONNECTOR__BROKER__HOST", "x")])[0].contains("host"));
}

#[test]
fn secrets_reach_no_message() {
    let config = Config::read(&good(), env(&[])).unwrap();
    let shown = format!("{config:?}");
    let broken = Config::read(&good().replace("token = \"secret-token\"", "token = secret-token"), env(&[]));
    let broken = broken.unwrap_err().to_string();
    let bad_key = Config::read(&good().replace(KEY, "secret-key"), env(&[])).unwrap_err().to_string();
    let digits = good().replace("\"secret-token\"", "98765");
    let digits = Config::read(&digits, env(&[])).unwrap_err().to_string();
    for text in [shown, broken, bad_key, digits] {
        for secret in ["secret-pass", "secret-token", "secret-key", "98765", KEY] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}
