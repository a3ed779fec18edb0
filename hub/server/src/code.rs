//! Stable error codes: one table, one page each in `ops/errors/`.
//!
//! A code is given once and never gets another meaning. A test holds sources, table and pages together.

use std::error::Error;

use crate::http::codes;

/// An error with its causes on one line, for logs and the command line.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        // Some libraries repeat the cause in their own text.
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}

/// One code with the title of its page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Code {
    /// `HUB-1001`.
    pub code: &'static str,
    /// What it says in one line.
    pub title: &'static str,
    /// Status of the HTTP answer that carries it, if one does.
    pub http_status: Option<u16>,
}

/// Every code of the hub, ascending.
pub fn all() -> impl Iterator<Item = Code> {
    let own = TABLE.iter().map(|(code, title, status)| Code {
        code,
        title,
        http_status: (*status != 0).then_some(*status),
    });
    // The checks of a demand, the register, the forms and the API have tables of their own.
    let checks = xiezhi_domain::check::Code::ALL.iter().map(|check| Code {
        code: check.as_str(),
        title: check.title(),
        http_status: Some(422),
    });
    let register = xiezhi_domain::register::Code::ALL.iter().map(|code| Code {
        code: code.as_str(),
        title: code.title(),
        http_status: None,
    });
    let api = codes::ALL.iter().map(|c| Code { code: c.code, title: c.title, http_status: Some(c.status) });
    let forms = xiezhi_forms::Code::ALL.iter().map(|form| Code {
        code: form.as_str(),
        title: form.title(),
        http_status: (form.http_status() != 0).then_some(form.http_status()),
    });
    let mut all: Vec<Code> = own.chain(api).chain(checks).chain(register).chain(forms).collect();
    all.sort_unstable_by_key(|code| code.code);
    all.into_iter()
}

/// Code, title, HTTP status (0: never in an answer). Codes of one hundred belong together.
#[rustfmt::skip]
const TABLE: &[(&str, &str, u16)] = &[
    ("HUB-1010", "the configuration file cannot be read", 0),
    ("HUB-1011", "the configuration file is not valid TOML", 0),
    ("HUB-1012", "a setting is unknown", 0),
    ("HUB-1013", "a setting has a wrong value", 0),
    ("HUB-1014", "a needed setting is missing", 0),
    ("HUB-1015", "the API would be open to a network", 0),
    ("HUB-1016", "the telemetry exporter cannot be made", 0),
    ("HUB-1017", "logging was set up twice", 0),
    ("HUB-1018", "a secret file cannot be read", 0),
    ("HUB-1019", "others may read a secret file", 0),
    ("HUB-1020", "a secret file does not hold a secret", 0),
    ("HUB-1021", "a secret exists and is not overwritten", 0),
    ("HUB-1022", "a secret file cannot be written", 0),
    ("HUB-1023", "the system gives no signal handlers", 0),
    ("HUB-1024", "the API cannot listen", 0),
    ("HUB-1030", "directory files contradict themselves or what is known", 0),
    ("HUB-1031", "a directory file cannot be read", 0),
    ("HUB-1032", "the principal exists already", 0),
    ("HUB-1033", "the principal is unknown", 0),
    ("HUB-1034", "the principal cannot be like this", 0),
    ("HUB-1035", "a decision about a province's local links cannot be made", 0),
    ("HUB-1040", "a line or type of an identifier check cannot be used", 0),
    ("HUB-1041", "the output cannot be written", 0),
    ("HUB-1042", "the hub does not answer the command line", 0),
    ("HUB-1043", "the TLS files cannot be used", 0),
    ("HUB-1200", "a request cannot change like this", 409),
    ("HUB-1310", "the folder of documents cannot be used", 0),
    ("HUB-1502", "feedback cannot be listened for", 0),
    ("HUB-1503", "webhooks wait", 0),
    ("HUB-2001", "the broker is unreachable", 0),
    ("HUB-2002", "the broker did not answer in time", 0),
    ("HUB-2003", "the broker broke off", 0),
    ("HUB-2004", "the broker ended a consumer", 0),
    ("HUB-2005", "a published demand came back", 0),
    ("HUB-2006", "the broker refused a demand", 0),
    ("HUB-2101", "the management API does not answer", 0),
    ("HUB-2102", "the management API refused", 0),
    ("HUB-2103", "the management API's answer cannot be read", 0),
    ("HUB-2104", "the URL of the management API cannot be used", 0),
    ("HUB-2105", "the directory contradicts itself", 0),
    ("HUB-2106", "the broker settings cannot be used", 0),
    ("HUB-2107", "passwords of new broker users are missing", 0),
    ("HUB-2108", "the broker cannot do what delivery relies on", 0),
    ("HUB-2109", "the broker lacks the virtual host", 0),
    ("HUB-2110", "replacing was not allowed", 0),
    ("HUB-2111", "a queue is in use", 0),
    ("HUB-2121", "a foreign binding hangs on a routing exchange", 0),
    ("HUB-2122", "a foreign binding brings messages in", 0),
    ("HUB-2123", "a policy overrides a queue or exchange", 0),
    ("HUB-2124", "an operator policy is set", 0),
    ("HUB-2125", "a topic permission restricts our users", 0),
    ("HUB-2126", "a court's feedback queue does not exist", 0),
    ("HUB-2127", "a court's feedback queue is full", 0),
    ("HUB-3001", "the clock is not trusted", 0),
    ("HUB-3002", "the clock is behind the ledger", 0),
    ("HUB-3003", "the request gets no receipt in its state", 0),
    ("HUB-3004", "the hub never sent this request", 0),
    ("HUB-3005", "the registry does not match", 0),
    ("HUB-3006", "the bytes differ from those accepted", 0),
    ("HUB-3007", "the message is not the request's", 0),
    ("HUB-3010", "the signing key cannot be used", 0),
    ("HUB-3011", "the witness file cannot be used", 0),
    ("HUB-3012", "the ledger is not the one that was witnessed", 0),
    ("HUB-3101", "a message was not understood", 0),
    ("HUB-3102", "the publisher may not speak for this registry", 0),
    ("HUB-3103", "a result does not fit its demand", 0),
    ("HUB-3104", "a return is not complete", 0),
    ("HUB-3105", "a reported conversion cannot be taken", 0),
    ("HUB-3219", "a decision names a request twice", 0),
    ("HUB-3304", "a declined withdrawal cannot be taken", 0),
    ("HUB-3305", "a withdrawal that no court asked for", 0),
    ("HUB-3325", "the common superior court is not known", 0),
    ("HUB-3350", "the working days of a year are not loaded", 0),
    ("HUB-3351", "a question about working days cannot be used", 0),
    ("HUB-3352", "the file of working days cannot be read", 0),
    ("HUB-3353", "the file of working days is not sound", 0),
    ("HUB-3354", "the loaded working days end soon", 0),
    ("HUB-3261", "a local receipt's instant is out of bounds", 0),
    ("HUB-3262", "a local receipt's demand does not pass the checklist", 0),
    ("HUB-3263", "a local receipt contradicts the one that stands", 0),
    ("HUB-3264", "the local links of the province are closed", 0),
    ("HUB-4001", "undelivered: the delivery window ended", 0),
    ("HUB-4002", "undelivered: no road led on", 0),
    ("HUB-4003", "undelivered: the connector parked it", 0),
    ("HUB-4004", "undelivered: it came back too often", 0),
    ("HUB-4005", "undelivered: the queue was full", 0),
    ("HUB-5000", "the database URL cannot be read", 0),
    ("HUB-5001", "no database connection", 503),
    ("HUB-5002", "the connection broke during a commit", 503),
    ("HUB-5003", "a database statement failed", 500),
    ("HUB-5004", "a stored value cannot be read", 500),
    ("HUB-5005", "the relay lost its session", 0),
    ("HUB-5006", "a value does not fit its statement", 500),
    ("HUB-5011", "an applied migration differs", 0),
    ("HUB-5012", "the database is newer than this hub", 0),
    ("HUB-5013", "a migration failed", 0),
    ("HUB-5014", "migrations are missing", 0),
    ("HUB-5015", "the publisher of feedback lost its session", 0),
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use std::{
        collections::BTreeSet,
        fs,
        path::{Path, PathBuf},
    };

    use super::*;

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    /// Rust and SQL of the hub and of what it is built on; tests, which may make codes up, left out.
    fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != "tests" && name != "target" {
                sources(&path, found);
            } else if (name.ends_with(".rs") || name.ends_with(".sql")) && !name.ends_with("tests.rs") {
                found.push(path);
            }
        }
    }

    fn codes_in(text: &str) -> BTreeSet<String> {
        text.match_indices("HUB-")
            .filter_map(|(at, _)| text.get(at..at + 8))
            .filter(|code| code[4..].bytes().all(|b| b.is_ascii_digit()))
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn sources_table_and_pages_agree() {
        let listed: BTreeSet<String> = all().map(|code| code.code.to_owned()).collect();
        assert_eq!(listed.len(), all().count(), "a code is listed twice");

        let mut files = Vec::new();
        for folder in ["hub", "schemas", "connectors", "migrations"] {
            sources(&root().join(folder), &mut files);
        }
        assert!(files.len() > 50, "the sources were not found");
        let mut used = BTreeSet::new();
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            used.extend(codes_in(text));
        }
        let unlisted: Vec<_> = used.difference(&listed).collect();
        assert!(unlisted.is_empty(), "add to TABLE, with a page each: {unlisted:?}");

        let pages: BTreeSet<String> = fs::read_dir(root().join("ops/errors"))
            .unwrap()
            .filter_map(|entry| entry.unwrap().file_name().to_str()?.strip_suffix(".md").map(str::to_owned))
            .filter(|name| name.starts_with("HUB-"))
            .collect();
        assert_eq!(pages, listed, "left: pages, right: table");
    }

    #[test]
    fn every_page_says_the_four_things() {
        for code in all() {
            let text = fs::read_to_string(root().join(format!("ops/errors/{}.md", code.code))).unwrap();
            let title = text.lines().next().unwrap();
            assert_eq!(title.to_lowercase(), format!("# {}: {}", code.code, code.title).to_lowercase());
            for part in ["**Cause.** ", "**Effect.** ", "**What to do.** ", "**First command.** `"] {
                assert!(text.contains(part), "{}: {part}", code.code);
            }
        }
    }

    #[test]
    fn a_chain_names_each_cause_once() {
        let inner = std::io::Error::other("disk full");
        let outer = crate::config::ConfigError::Unreadable { path: "x".to_owned(), source: inner };
        assert_eq!(chain(&outer), "[HUB-1010] the configuration file x cannot be read: disk full");
    }
}
