//! `connector mapping check` and `connector mapping test`: what is right and wrong in a mapping file, before anything uses it.

use std::{
    path::{Component, Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use clap::{Args, Subcommand};
use connector_mapping::{MAX_FILE, Mapping};
use serde_json::json;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Check a mapping file; tells every mistake at once, with its line. Exit code 1 when there is one.
    Check(Options),
    /// Run the tests that stand in a mapping file. Exit code 1 when one fails.
    Test(Options),
}

#[derive(Args)]
pub(crate) struct Options {
    /// The mapping file.
    file: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Check(options) => check(options),
        Command::Test(options) => test(options),
    }
}

/// The text of a mapping file.
///
/// # Errors
/// When it cannot be read, or is far larger than any mapping.
pub(crate) fn read(path: &Path) -> anyhow::Result<String> {
    let shown = path.display();
    let size = std::fs::metadata(path).with_context(|| format!("{shown} cannot be read"))?.len();
    anyhow::ensure!(size <= MAX_FILE as u64, "{shown} is longer than {MAX_FILE} bytes and no mapping file");
    std::fs::read_to_string(path).with_context(|| format!("{shown} cannot be read as UTF-8"))
}

fn check(options: &Options) -> anyhow::Result<ExitCode> {
    match Mapping::load(&read(&options.file)?) {
        Ok(mapping) => {
            if options.json {
                let report = json!({ "ok": true, "mapping": mapping.id(), "warnings": mapping.warnings(), "problems": [] });
                println!("{report:#}");
            } else {
                for warning in mapping.warnings() {
                    println!("WARN line {}: {}", warning.line, warning.message);
                }
                println!(
                    "OK   {}, sha256 {}, {} tests",
                    mapping.id(),
                    mapping.id().sha256,
                    mapping.test_count()
                );
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(broken) => {
            if options.json {
                println!("{:#}", json!({ "ok": false, "code": "CON-6001", "problems": broken.problems }));
            } else {
                println!("{broken}");
                eprintln!("each construct stands with an example in connectors/mapping/README.md");
            }
            Ok(ExitCode::FAILURE)
        }
    }
}

fn test(options: &Options) -> anyhow::Result<ExitCode> {
    let mapping = Mapping::load(&read(&options.file)?)?;
    let folder = options.file.parent().unwrap_or(Path::new("."));
    let outcomes = mapping.run_tests(&|name| beside(folder, name));
    let failed = outcomes.iter().filter(|outcome| !outcome.passed).count();
    if options.json {
        let report =
            json!({ "ok": failed == 0 && !outcomes.is_empty(), "mapping": mapping.id(), "tests": outcomes });
        println!("{report:#}");
    } else {
        outcomes.iter().for_each(|outcome| println!("{outcome}"));
    }
    match (outcomes.len(), failed) {
        (0, _) => eprintln!("the file holds no [[test]]: nothing is proved"),
        (all, 0) => eprintln!("all {all} tests passed: {}", mapping.id()),
        (all, failed) => eprintln!("[CON-6008] {failed} of {all} tests failed"),
    }
    Ok(if failed == 0 && !outcomes.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A file beside the mapping file; a test reaches no other.
fn beside(folder: &Path, name: &str) -> Result<String, String> {
    let plain = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    if !plain || name.is_empty() {
        return Err(format!("`file:{name}` must name a file beside the mapping file or in a folder there"));
    }
    std::fs::read_to_string(folder.join(name))
        .map_err(|error| format!("`file:{name}` cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use connector_mapping::Code as MappingCode;
    use connector_sdk::code::Code;

    use super::*;

    /// The runtime's table and the mapping's say the same.
    #[test]
    fn every_code_of_a_mapping_is_in_the_table() {
        for code in MappingCode::ALL {
            assert!(Code::ALL.iter().any(|known| known.as_str() == code.as_str()), "{code}");
        }
    }

    #[test]
    fn a_test_reaches_only_files_beside_its_mapping() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        std::fs::write(folder.path().join("a.json"), "{}").expect("it can be written to");
        assert_eq!(beside(folder.path(), "a.json").as_deref(), Ok("{}"));
        for outside in ["../a.json", "/etc/hostname", "", "x/../../a.json"] {
            assert!(beside(folder.path(), outside).is_err_and(|error| error.contains("beside")), "{outside}");
        }
    }
}
