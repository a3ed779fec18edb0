//! The language reference is true: every example in it is loaded and its tests are run.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use connector_mapping::Mapping;

const README: &str = include_str!("../README.md");

/// Fenced blocks with this info string, with the line of each.
fn blocks(info: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut open: Option<(usize, String, bool)> = None;
    for (number, line) in README.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(begin)) => open = Some((number + 1, String::new(), begin == info)),
            (Some((at, text, wanted)), Some(_)) => {
                if *wanted {
                    found.push((*at, text.clone()));
                }
                open = None;
            }
            (Some((_, text, _)), None) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    found
}

fn head() -> String {
    let [(_, head)] = &blocks("toml head")[..] else { panic!("one block is the head") };
    format!("{head}\n")
}

#[test]
fn every_example_loads_and_its_tests_pass() {
    let examples = blocks("toml");
    assert!(examples.len() >= 10, "{} examples", examples.len());
    for (line, text) in examples {
        let mapping = Mapping::load(&(head() + &text)).unwrap_or_else(|error| panic!("line {line}: {error}"));
        let outcomes = mapping.run_tests(&|name| Err(format!("no file {name} here")));
        assert!(!outcomes.is_empty(), "line {line}: an example has a test");
        for outcome in outcomes {
            assert!(outcome.passed, "example in line {line}: {outcome}");
        }
    }
}

#[test]
fn the_broken_example_is_told_as_the_reference_says() {
    let [(_, broken)] = &blocks("toml refused")[..] else { panic!("one block is broken") };
    let [(_, told)] = &blocks("text")[..] else { panic!("one block tells the mistakes") };
    // Told by lines of the block itself.
    let text = format!("{broken}{}", head());
    assert_eq!(Mapping::load(&text).unwrap_err().to_string(), told.trim_end());
}

#[test]
fn every_filter_is_described() {
    // The list that a wrong filter is answered with is the list of all.
    let text =
        head() + "[outbound]\nformat = 'json'\nfields = [{ to = 'a', from = 'demand.kind | nothing' }]\n";
    let problem = Mapping::load(&text).unwrap_err().problems.remove(0).message;
    let names: Vec<&str> = problem.split("there are ").nth(1).unwrap().split(", ").collect();
    assert!(names.len() > 10);
    for name in names {
        let name = name.trim_matches('`');
        assert!(README.contains(&format!("`{name}`")) || README.contains(&format!("`{name}(")), "{name}");
    }
}
