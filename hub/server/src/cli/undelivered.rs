//! `hub undelivered`: look at what was not delivered (未送达), send it again or give it up.

use std::time::Duration;

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::{
    ApiArgs, Failure,
    client::{Api, pages},
    confirm::confirm,
    demands::{PageArgs, segment},
    output,
};

/// What was not delivered.
#[derive(Debug, Args)]
pub(super) struct UndeliveredArgs {
    #[command(subcommand)]
    command: UndeliveredCommand,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(Debug, Subcommand)]
enum UndeliveredCommand {
    /// List them, oldest first.
    List {
        #[command(flatten)]
        filter: Filter,
        /// open, replayed or closed.
        #[arg(long, default_value = "open")]
        status: String,
        #[command(flatten)]
        page: PageArgs,
    },
    /// Show one.
    Show {
        /// Its number.
        dead_id: i64,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Send again: a new attempt of the same request, with a later receipt.
    Replay(#[command(flatten)] Decision),
    /// Give up for good: the court must send anew.
    Close(#[command(flatten)] Decision),
    /// Follow a job.
    Job {
        /// Its id.
        job_id: String,
        /// As JSON, without following.
        #[arg(long)]
        json: bool,
    },
}

/// Which of them.
#[derive(Debug, Args, Clone)]
struct Filter {
    /// Two digits.
    #[arg(long)]
    province: Option<String>,
    /// Six digits.
    #[arg(long)]
    registry: Option<String>,
    /// expired, unroutable, parked, delivery_limit or queue_full.
    #[arg(long)]
    cause: Option<String>,
}

impl Filter {
    fn is_empty(&self) -> bool {
        self.province.is_none() && self.registry.is_none() && self.cause.is_none()
    }

    fn as_json(&self) -> Value {
        let mut filter = serde_json::Map::new();
        for (name, value) in
            [("province", &self.province), ("registry", &self.registry), ("cause", &self.cause)]
        {
            if let Some(value) = value {
                filter.insert(name.to_owned(), json!(value));
            }
        }
        Value::Object(filter)
    }
}

/// What is decided about which, and how.
#[derive(Debug, Args)]
struct Decision {
    /// Numbers from `hub undelivered list`; instead of them a filter, or --all.
    #[arg(value_name = "DEAD_ID")]
    dead_ids: Vec<i64>,
    #[command(flatten)]
    filter: Filter,
    /// Every open one.
    #[arg(long)]
    all: bool,
    /// Why; kept with the decision and shown to the court when a demand is closed.
    #[arg(long)]
    reason: String,
    /// At most so many a second.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pace: u32,
    /// Only show what it would be done to.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    /// Do not wait for the end.
    #[arg(long)]
    no_wait: bool,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

impl Decision {
    /// Exactly one way of choosing, so that nothing is chosen by accident.
    fn select(&self) -> Result<Value, Failure> {
        let ways = [!self.dead_ids.is_empty(), !self.filter.is_empty(), self.all];
        match ways {
            [true, false, false] => Ok(json!({ "dead_ids": self.dead_ids })),
            [false, true, false] | [false, false, true] => Ok(json!({ "filter": self.filter.as_json() })),
            [false, false, false] => Err(Failure::Usage(
                "nothing is chosen: give numbers, a filter (--province, --registry, --cause) or --all"
                    .to_owned(),
            )),
            _ => Err(Failure::Usage(
                "choose by numbers, by a filter or by --all, not by two of them".to_owned(),
            )),
        }
    }
}

const COLUMNS: [(&str, &str); 8] = [
    ("ID", "/dead_id"),
    ("REQUEST", "/request_id"),
    ("REGISTRY", "/registry"),
    ("TIER", "/tier"),
    ("CAUSE", "/cause"),
    ("ATTEMPT", "/attempt"),
    ("SINCE", "/first_at"),
    ("STATUS", "/status"),
];

pub(super) async fn run(args: UndeliveredArgs) -> Result<u8, Failure> {
    let api = Api::new(&args.api)?;
    match args.command {
        UndeliveredCommand::List { filter, status, page } => {
            let query = [
                ("province", filter.province),
                ("registry", filter.registry),
                ("cause", filter.cause),
                ("status", Some(status)),
            ];
            let (items, next) =
                pages(&api, "/v1/undelivered", &query, page.limit, page.cursor.clone()).await?;
            page.print(&COLUMNS, &items, next)?;
        }
        UndeliveredCommand::Show { dead_id, json } => {
            let value = api.get(&format!("/v1/undelivered/{dead_id}"), &[]).await?;
            if json { output::json(&value)? } else { output::outline(&value)? }
        }
        UndeliveredCommand::Replay(decision) => return decide(&api, "replay", &decision).await,
        UndeliveredCommand::Close(decision) => return decide(&api, "close", &decision).await,
        UndeliveredCommand::Job { job_id, json } => {
            let id = segment(&job_id)?;
            if json {
                output::json(&api.get(&format!("/v1/undelivered/jobs/{id}"), &[]).await?)?;
            } else {
                return follow(&api, id, false).await;
            }
        }
    }
    Ok(0)
}

async fn decide(api: &Api, action: &str, decision: &Decision) -> Result<u8, Failure> {
    let mut select = decision.select()?;
    let job = |select: &Value, dry_run: bool| {
        json!({
            "action": action,
            "reason": decision.reason,
            "pace_per_second": decision.pace,
            "dry_run": dry_run,
            "select": select,
        })
    };
    let preview = api.post("/v1/undelivered/jobs", &job(&select, true)).await?;
    let targets = preview.get("targets").and_then(Value::as_array).cloned().unwrap_or_default();
    let total = preview.get("total").and_then(Value::as_u64).unwrap_or_default();
    if decision.dry_run {
        print_preview(decision.json, &preview, &targets, total)?;
        return Ok(0);
    }
    if total == 0 {
        eprintln!("nothing open is chosen; nothing to {action}");
        return Ok(0);
    }
    if !decision.yes {
        output_preview_on_stderr(&targets, total);
    }
    if !confirm(
        &format!("{action} {total} undelivered demands at {} a second?", decision.pace),
        decision.yes,
    )? {
        eprintln!("nothing was changed");
        return Ok(1);
    }
    // What was shown is what is done, even if more came in meanwhile; beyond the preview's length the hub freezes the list.
    let shown: Vec<i64> = targets.iter().filter_map(|t| t.get("dead_id").unwrap_or(t).as_i64()).collect();
    if u64::try_from(shown.len()) == Ok(total) {
        select = json!({ "dead_ids": shown });
    }
    let made = api.post("/v1/undelivered/jobs", &job(&select, false)).await?;
    let Some(job_id) = made.get("job_id").and_then(Value::as_str) else {
        return Err(Failure::No("the hub made no job".to_owned()));
    };
    if decision.no_wait {
        if decision.json {
            output::json(&made)?
        } else {
            output::line(job_id)?
        }
        return Ok(0);
    }
    eprintln!("job {job_id}; `hub undelivered job {job_id}` follows it from anywhere");
    follow(api, segment(job_id)?, decision.json).await
}

fn print_preview(as_json: bool, preview: &Value, targets: &[Value], total: u64) -> Result<(), Failure> {
    if as_json {
        output::json(preview)?;
        return Ok(());
    }
    output::objects(&COLUMNS, targets)?;
    eprintln!("{total} in all; nothing was changed");
    Ok(())
}

fn output_preview_on_stderr(targets: &[Value], total: u64) {
    const SHOWN: usize = 10;
    for target in targets.iter().take(SHOWN) {
        let text = |name: &str| output::printable(target.get(name).and_then(Value::as_str).unwrap_or("-"));
        let id = target.get("dead_id").unwrap_or(target);
        eprintln!("  {id}  {}  registry {}  {}", text("request_id"), text("registry"), text("cause"));
    }
    let more = total.saturating_sub(SHOWN as u64);
    if more > 0 {
        eprintln!("  … and {more} more");
    }
}

/// How often a job is asked for its progress.
const LOOK: Duration = Duration::from_millis(400);

async fn follow(api: &Api, job_id: &str, as_json: bool) -> Result<u8, Failure> {
    let style =
        ProgressStyle::with_template("{bar:30} {pos}/{len} {msg} {eta}").expect("the template is sound");
    let bar = ProgressBar::new(0).with_style(style);
    loop {
        let job = api.get(&format!("/v1/undelivered/jobs/{job_id}"), &[]).await?;
        let number = |name: &str| job.get(name).and_then(Value::as_u64).unwrap_or_default();
        let (done, skipped) = (number("done"), number("skipped"));
        bar.set_length(number("total"));
        bar.set_position(done + skipped);
        if job.get("finished_at").is_some_and(|at| !at.is_null()) {
            bar.finish_and_clear();
            if as_json {
                output::json(&job)?
            } else {
                output::line(&format!("done {done}, skipped {skipped}"))?
            }
            if skipped > 0 {
                eprintln!("skipped ones were decided by somebody else meanwhile");
            }
            return Ok(0);
        }
        tokio::time::sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        decision: Decision,
    }

    fn select(args: &[&str]) -> Result<Value, Failure> {
        let args = ["x", "--reason", "county is back"].iter().chain(args);
        Line::try_parse_from(args).unwrap().decision.select()
    }

    #[test]
    fn exactly_one_way_of_choosing() {
        assert_eq!(select(&["7", "8"]).unwrap(), json!({ "dead_ids": [7, 8] }));
        assert_eq!(select(&["--registry", "320102"]).unwrap(), json!({ "filter": { "registry": "320102" } }));
        assert_eq!(select(&["--all"]).unwrap(), json!({ "filter": {} }));
        for wrong in [&[][..], &["7", "--all"], &["--all", "--cause", "expired"], &["7", "--province", "32"]]
        {
            assert!(matches!(select(wrong), Err(Failure::Usage(_))), "{wrong:?}");
        }
        assert!(Line::try_parse_from(["x", "7"]).is_err(), "a reason is required");
    }
}
