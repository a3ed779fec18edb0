//! How the findings of `connector check` are shown.

use std::process::ExitCode;

use connector_sdk::{check::Finding, code::Code};

/// Prints all findings; failure when one is wrong.
pub(crate) fn print(findings: &[Finding], json: bool) -> anyhow::Result<ExitCode> {
    if json {
        println!("{}", serde_json::to_string_pretty(findings)?);
    } else {
        for finding in findings {
            let (word, code) =
                if finding.ok { ("OK  ", "") } else { ("FAIL", finding.code.unwrap_or_default()) };
            let gap = if code.is_empty() { "" } else { " " };
            println!("{word} {code}{gap}{}: {}", finding.what, finding.detail);
        }
        let wrong = findings.iter().filter(|finding| !finding.ok).count();
        match wrong {
            0 => eprintln!("all {} checks passed", findings.len()),
            _ => {
                eprintln!("{wrong} of {} checks failed; each code has a page in ops/errors/", findings.len())
            }
        }
    }
    Ok(if findings.iter().all(|finding| finding.ok) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The configuration could not be used, so nothing else was looked at.
pub(crate) fn not_even_read(error: &anyhow::Error, json: bool) -> anyhow::Result<ExitCode> {
    let finding = Finding {
        what: "configuration".into(),
        ok: false,
        code: Some(Code::Config.as_str()),
        detail: connector_sdk::chain(error.as_ref()),
    };
    print(&[finding], json)
}
