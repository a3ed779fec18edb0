//! The rest: where things are, timelines, the ledger, and whether everything ended as it must.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use anyhow::Result;
use harness::world::{Ground, World};
use serde_json::Value;
use uuid::Uuid;

use crate::board::time_of_day;
use crate::story::Expected;

/// Prints what runs where and writes the tokens to a file.
pub(crate) fn addresses(world: &World) -> Result<()> {
    println!("\n  hub          {} (API, /readyz, /metrics, /openapi.json)", world.hub_base());
    let provinces = world.provinces().len();
    println!("  connectors   {provinces}, one for each province, each with its own broker account");
    println!("  registries   {}, simulated by {provinces} county systems", world.registries().count());
    if let Ground::Private(stack) = world.ground() {
        println!("  broker       {} (management)", stack.rabbit.management_url());
    }
    println!("  files, logs  {}", world.dir().display());
    write_tokens(world)
}

fn tokens_file(world: &World) -> PathBuf {
    world.dir().join("tokens.sh")
}

/// Tokens never go to the screen: screens are recorded.
fn write_tokens(world: &World) -> Result<()> {
    let mut text = "# source this file, then use the hub's command line\n".to_owned();
    writeln!(text, "export XIEZHI_API={}", world.hub_base())?;
    for (name, token) in world.tokens() {
        writeln!(text, "export TOKEN_{}={token}", name.replace(['-', '.'], "_"))?;
    }
    writeln!(text, "export XIEZHI_TOKEN=$TOKEN_operator_1")?;
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(tokens_file(world))?;
    file.write_all(text.as_bytes())?;
    Ok(())
}

/// One full timeline for each province: the replayed demand where it is, the first seizure elsewhere.
pub(crate) async fn timelines(world: &World, expected: &[Expected], replayed: Uuid) -> Result<()> {
    let mut told = BTreeSet::new();
    for one in expected.iter().rev() {
        let first = one.kind == xiezhi_schemas::message::Kind::Seizure;
        if (one.request == replayed || first) && told.insert(one.registry[..2].to_owned()) {
            println!("\n  $ hub show {} --json", one.request);
            let shown = world.hub_cli_as(&one.court, &["show", &one.request.to_string(), "--json"]).await?;
            let shown: Value = serde_json::from_str(&shown)?;
            print_timeline(&shown["requests"][0]);
        }
    }
    Ok(())
}

fn print_timeline(request: &Value) {
    let text = |key: &str| request[key].as_str().unwrap_or_default().to_owned();
    println!(
        "  {} at registry {}, {}: {}",
        text("kind"),
        text("registry"),
        text("case_number"),
        text("state")
    );
    for entry in request["timeline"].as_array().into_iter().flatten() {
        let at = entry["at"].as_str().and_then(|at| at.parse().ok()).map(time_of_day).unwrap_or_default();
        let event = entry["event"].as_str().unwrap_or_default();
        let tier = entry["tier"].as_str().unwrap_or_default();
        let attempt = entry["attempt"].as_u64().map(|n| format!("attempt {n}")).unwrap_or_default();
        let line =
            format!("    {at}  {event:<12} {tier:<16} {attempt:<10} {}", particulars(&entry["detail"]));
        println!("{}", line.trim_end());
    }
}

/// `no 3, state delivered`; without hashes, which say nothing to a reader.
fn particulars(detail: &Value) -> String {
    let shown = |(key, value): (&String, &Value)| match value {
        Value::Null => None,
        Value::String(_) if key == "hash" => None,
        Value::String(text) => {
            Some(format!("{key} {}", text.parse().map_or_else(|_| text.clone(), time_of_day)))
        }
        other => Some(format!("{key} {other}")),
    };
    detail.as_object().into_iter().flatten().filter_map(shown).collect::<Vec<_>>().join(", ")
}

/// Lets the hub check numbers, times and hashes of every registry.
pub(crate) async fn ledger(world: &World) -> Result<bool> {
    let ran = world.hub_cli_raw(&["ledger", "verify"]).await?;
    ran.out.lines().for_each(|line| println!("  {line}"));
    if ran.code != 0 {
        println!("✗ hub ledger verify ended with {}\n{}", ran.code, ran.err.trim());
    }
    Ok(ran.code == 0)
}

/// Prints counts by state and every demand that did not end as it must.
pub(crate) async fn compare(world: &World, expected: &[Expected]) -> Result<bool> {
    let mut counts: BTreeMap<(String, String), [usize; 2]> = BTreeMap::new();
    let mut good = true;
    for one in expected {
        let shown = world.court(&one.court).show(one.request).await?;
        let state = shown["state"].as_str().unwrap_or("unknown").to_owned();
        let registration = shown.pointer("/result/body/registration/status");
        let status = registration.and_then(|status| status.as_str()).unwrap_or("-").to_owned();
        if (state.as_str(), status.as_str()) != (one.state, one.status) {
            println!(
                "✗ {} {} at {} is {state} ({status}) instead of {} ({})",
                one.kind.as_str(),
                one.request,
                one.registry,
                one.state,
                one.status
            );
            good = false;
        }
        counts.entry((one.state.to_owned(), one.status.to_owned())).or_default()[0] += 1;
        counts.entry((state, status)).or_default()[1] += 1;
    }
    println!("  state       register   expected  is");
    for ((state, status), [wanted, is]) in counts {
        let mark = if wanted == is { '✓' } else { '✗' };
        println!("{mark} {state:<11} {status:<10} {wanted:>8}  {is:>2}");
    }
    Ok(good)
}

/// Says where to look next.
pub(crate) fn next_steps(world: &World, keep: bool) -> Result<()> {
    if !keep {
        println!(
            "\nNothing is left running. To look around: ./ops/demo --keep. Every test: ./ops/test. More: README.md"
        );
        return Ok(());
    }
    let hub = std::env::current_exe()?.with_file_name("hub");
    let hub = hub.display();
    println!("\nWhere to look next, in another terminal:");
    println!("  source {}", tokens_file(world).display());
    println!("  {hub} list --province 32");
    println!("  {hub} undelivered list --status replayed");
    println!("  XIEZHI_TOKEN=$TOKEN_court_a {hub} feedback");
    println!("  curl -s {}/readyz", world.hub_base());
    println!("  curl -s {}/openapi.json", world.hub_base());
    Ok(())
}
