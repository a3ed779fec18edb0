//! `hub report`: counts for the ministry, as tables, CSV or JSON.

use std::io;

use clap::{Args, Subcommand};
use jiff::civil::Date;
use serde_json::Value;
use xiezhi_schemas::address::ProvinceCode;

use super::{
    Failure,
    client::{Api, ApiArgs},
    output,
};

#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    command: ReportCommand,
}

#[derive(Debug, Subcommand)]
enum ReportCommand {
    /// What became of the requests accepted in a span of days (R63).
    Summary {
        /// First day of acceptance, in China: 2024-01-01.
        #[arg(long)]
        from: Date,
        /// Last day, included.
        #[arg(long)]
        to: Date,
        /// Of one province.
        #[arg(long)]
        province: Option<ProvinceCode>,
        /// As JSON.
        #[arg(long, conflicts_with = "csv")]
        json: bool,
        /// As CSV, one number a line: section, key, measure, value.
        #[arg(long)]
        csv: bool,
    },
}

pub(super) async fn run(args: ReportArgs) -> Result<u8, Failure> {
    let ReportCommand::Summary { from, to, province, json, csv } = args.command;
    let query = [
        ("from", Some(from.to_string())),
        ("to", Some(to.to_string())),
        ("province", province.map(|code| code.to_string())),
    ];
    let report = Api::new(&args.api)?.get("/v1/reports/summary", &query).await?;
    if json {
        output::json(&report)?;
    } else if csv {
        lines(&report, io::stdout().lock()).map_err(io::Error::from)?;
    } else {
        tables(&report)?;
    }
    Ok(0)
}

/// Sections whose entries have counts.
const GROUPS: [(&str, &str); 6] = [
    ("all", "ALL"),
    ("by_kind", "KIND"),
    ("by_channel", "CHANNEL"),
    ("by_court", "COURT"),
    ("by_province", "PROVINCE"),
    ("by_registry", "REGISTRY"),
];

fn tables(report: &Value) -> io::Result<()> {
    let text = |pointer: &str| report.pointer(pointer).and_then(Value::as_str).unwrap_or("all").to_owned();
    let head = format!(
        "requests accepted from {} to {}, province: {}, as of {}",
        text("/from"),
        text("/to"),
        text("/province"),
        text("/made_at")
    );
    output::line(&head)?;
    for (section, title) in GROUPS {
        let columns = [
            (title, "/key"),
            ("ACCEPTED", "/accepted"),
            ("RECEIVED", "/received"),
            ("正式", "/registered_formal"),
            ("轮候", "/registered_waiting"),
            ("解封", "/lifted"),
            ("退回", "/returned"),
            ("撤回", "/withdrawn"),
            ("在途", "/in_flight"),
            ("UNDECIDED", "/undecided"),
            ("未送达", "/undelivered"),
            ("CLOSED", "/closed"),
            ("P50 S", "/wait_p50_seconds"),
            ("P99 S", "/wait_p99_seconds"),
            ("DUE", "/results_due"),
            ("ON TIME", "/results_on_time"),
            ("SHARE", "/on_time_share"),
        ];
        section_table(&columns, &entries(report, section))?;
    }
    let reasons = [("REASON OF RETURN", "/reason"), ("RETURNS", "/returns")];
    section_table(&reasons, &entries(report, "returns_by_reason"))?;
    let causes = [
        ("CAUSE OF 未送达", "/cause"),
        ("TIER", "/tier"),
        ("ATTEMPTS", "/attempts"),
        ("OPEN", "/open"),
        ("REPLAYED", "/replayed"),
        ("CLOSED", "/closed"),
    ];
    section_table(&causes, &entries(report, "undelivered_by_cause"))?;
    let scans = [("彩色扫描件", "/organisation"), ("DEMANDS", "/demands"), ("DOCUMENTS", "/documents")];
    section_table(&scans, &entries(report, "scans_by_organisation"))?;
    let issues = [("ISSUES", "/cause"), ("OPENED", "/opened"), ("OPEN", "/open"), ("OVERDUE", "/overdue")];
    section_table(&issues, &entries(report, "issues_by_cause"))
}

fn section_table(columns: &[(&str, &str)], items: &[Value]) -> io::Result<()> {
    if items.is_empty() {
        return Ok(());
    }
    output::line("")?;
    output::objects(columns, items)
}

fn entries(report: &Value, section: &str) -> Vec<Value> {
    match report.get(section) {
        Some(Value::Array(items)) => items.clone(),
        Some(one @ Value::Object(_)) => vec![one.clone()],
        _ => Vec::new(),
    }
}

/// One number a line, so that a spreadsheet can turn it in any direction.
fn lines(report: &Value, out: impl io::Write) -> Result<(), csv::Error> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(["section", "key", "measure", "value"])?;
    let lists = ["returns_by_reason", "undelivered_by_cause", "scans_by_organisation", "issues_by_cause"];
    let sections = GROUPS.iter().map(|(section, _)| *section).chain(lists);
    for section in sections {
        for entry in entries(report, section) {
            let Value::Object(fields) = entry else { continue };
            let names = ["key", "reason", "cause", "tier", "organisation"]
                .iter()
                .filter_map(|name| fields.get(*name)?.as_str());
            let key = names.collect::<Vec<_>>().join(" ");
            for (measure, value) in fields.iter().filter(|(_, value)| value.is_number()) {
                csv.write_record([section, &key, measure, &value.to_string()])?;
            }
        }
    }
    csv.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use serde_json::json;

    use super::*;

    #[test]
    fn csv_has_one_number_a_line() {
        let report = json!({
            "all": {"accepted": 3, "wait_p50_seconds": 0.5},
            "by_court": [{"key": "京0105", "accepted": 3}],
            "returns_by_reason": [{"reason": "other", "returns": 1}],
            "undelivered_by_cause": [{"cause": "expired", "tier": "province", "attempts": 2}],
        });
        let mut out = Vec::new();
        lines(&report, &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "section,key,measure,value\nall,,accepted,3\nall,,wait_p50_seconds,0.5\nby_court,京0105,accepted,3\n\
             returns_by_reason,other,returns,1\nundelivered_by_cause,expired province,attempts,2\n"
        );
    }
}
