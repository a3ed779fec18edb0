//! `hub reminders` and `hub deadlines`: what is due, and by which limits.

use clap::Args;
use serde_json::Value;
use xiezhi_domain::limits::{Length, limits};

use super::{
    ApiArgs, Failure,
    client::{Api, pages},
    demands::PageArgs,
    output,
};
use crate::config::{DeadlineSettings, Loaded};

/// Lists reminders (智能提醒), oldest first: a court's own, a connector's registries', for operators all.
#[derive(Debug, Args)]
pub(super) struct RemindersArgs {
    /// open, closed or all.
    #[arg(long, default_value = "open", value_parser = ["open", "closed", "all"])]
    status: String,
    /// passing_on, delivery, new_item, decision, receipt, return_waiting or seizure_lapses.
    #[arg(long)]
    kind: Option<String>,
    /// notice, warning or overdue.
    #[arg(long)]
    level: Option<String>,
    /// court, registry or operator; for operators.
    #[arg(long)]
    addressee: Option<String>,
    /// The court, for operators.
    #[arg(long)]
    sender: Option<String>,
    /// Two digits.
    #[arg(long)]
    province: Option<String>,
    /// Six digits.
    #[arg(long)]
    registry: Option<String>,
    /// About one request.
    #[arg(long, value_name = "REQUEST_ID")]
    request: Option<String>,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    api: ApiArgs,
}

pub(super) async fn reminders(args: RemindersArgs) -> Result<(), Failure> {
    let api = Api::new(&args.api)?;
    let query = [
        ("status", Some(args.status).filter(|status| status != "all")),
        ("kind", args.kind),
        ("level", args.level),
        ("addressee", args.addressee),
        ("sender", args.sender),
        ("province", args.province),
        ("registry", args.registry),
        ("request_id", args.request),
    ];
    let (items, next) =
        pages(&api, "/v1/reminders", &query, args.page.limit, args.page.cursor.clone()).await?;
    let columns = [
        ("NUMBER", "/reminder_id"),
        ("LEVEL", "/level"),
        ("KIND", "/kind"),
        ("FOR", "/addressee"),
        ("DUE", "/due_at"),
        ("BASIS", "/basis"),
        ("REGISTRY", "/registry"),
        ("SENDER", "/sender"),
        ("DEMAND", "/demand_id"),
        ("REQUEST", "/request_id"),
    ];
    args.page.print(&columns, &items, next)
}

/// Lists the limits by which reminders are made: those of law and the internal targets of this hub's settings.
#[derive(Debug, Args)]
pub(super) struct DeadlinesArgs {
    /// As JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn deadlines(settings: &Loaded, args: &DeadlinesArgs) -> Result<(), Failure> {
    let all = limits(&settings.section::<DeadlineSettings>("deadlines")?.targets());
    if args.json {
        output::json(&all)?;
        return Ok(());
    }
    let word = |value: Value| value.as_str().unwrap_or("-").to_owned();
    let rows: Vec<_> = all
        .iter()
        .map(|limit| {
            vec![
                length(limit.length),
                word(serde_json::json!(limit.basis)),
                word(serde_json::json!(limit.business)),
                limit.reminder.map_or("no timer", |kind| kind.as_str()).to_owned(),
                limit.what.to_owned(),
                limit.source.to_owned(),
            ]
        })
        .collect();
    output::table(&["LIMIT", "BASIS", "BUSINESS", "REMINDER", "WHAT", "SOURCE"], &rows)?;
    Ok(())
}

fn length(length: Length) -> String {
    match length {
        Length::WorkingDays(n) => format!("{n} working days"),
        Length::Days(n) => format!("{n} days"),
        Length::Minutes(n) => format!("{n} minutes"),
        Length::Open => "open".to_owned(),
    }
}
