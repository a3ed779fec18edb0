//! `hub outage`: announce that the network cannot serve, and see afterwards how the windows' papers came into line.

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::json;

use super::{
    ApiArgs, Failure,
    args::instant,
    client::{Api, pages},
    demands::{PageArgs, segment},
    output,
};

/// Announced outages (应急联动).
#[derive(Debug, Args)]
pub(super) struct OutageArgs {
    #[command(subcommand)]
    command: OutageCommand,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(Debug, Subcommand)]
enum OutageCommand {
    /// Announce one: papers handed over meanwhile may be entered within the longer bound.
    Announce {
        /// The whole province, two digits.
        #[arg(long, required_unless_present = "registry", conflicts_with = "registry")]
        province: Option<String>,
        /// One registry, six digits.
        #[arg(long)]
        registry: Option<String>,
        /// Since when, with its offset; now if left out.
        #[arg(long, value_parser = instant)]
        from: Option<Timestamp>,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// End one.
    End {
        /// Its id.
        outage_id: String,
        /// Until when, with its offset; now if left out.
        #[arg(long, value_parser = instant)]
        at: Option<Timestamp>,
        /// In words.
        #[arg(long)]
        reason: String,
    },
    /// List them in the order of announcement.
    List {
        /// Two digits.
        #[arg(long)]
        province: Option<String>,
        /// Six digits: its own and its province's.
        #[arg(long)]
        registry: Option<String>,
        /// Only those that last.
        #[arg(long)]
        open: bool,
        #[command(flatten)]
        page: PageArgs,
    },
    /// How everything that was served at windows meanwhile came into line with the rest.
    Report {
        /// Its id.
        outage_id: String,
        #[command(flatten)]
        page: PageArgs,
    },
}

const COLUMNS: [(&str, &str); 7] = [
    ("OUTAGE", "/outage_id"),
    ("PROVINCE", "/province"),
    ("REGISTRY", "/registry"),
    ("FROM", "/began_at"),
    ("UNTIL", "/ended_at"),
    ("BY", "/announced_by"),
    ("REASON", "/reason"),
];

const MERGED: [(&str, &str); 8] = [
    ("REGISTRY", "/registry"),
    ("UNIT", "/unit_code"),
    ("DELIVERED", "/delivered_at"),
    ("NO", "/no"),
    ("CHANNEL", "/channel"),
    ("STATE", "/state"),
    ("UNDER OUTAGE", "/cites_outage"),
    ("REQUEST", "/request_id"),
];

pub(super) async fn run(args: OutageArgs) -> Result<(), Failure> {
    let api = Api::new(&args.api)?;
    match args.command {
        OutageCommand::Announce { province, registry, from, reason } => {
            let body = json!({
                "province": province, "registry": registry, "began_at": from, "reason": reason,
            });
            output::json(&api.post("/v1/outages", &body).await?)?;
        }
        OutageCommand::End { outage_id, at, reason } => {
            let path = format!("/v1/outages/{}/end", segment(&outage_id)?);
            output::json(&api.post(&path, &json!({ "ended_at": at, "reason": reason })).await?)?;
        }
        OutageCommand::List { province, registry, open, page } => {
            let open = open.then(|| "true".to_owned());
            let query = [("province", province), ("registry", registry), ("open", open)];
            let (items, next) = pages(&api, "/v1/outages", &query, page.limit, page.cursor.clone()).await?;
            page.print(&COLUMNS, &items, next)?;
        }
        OutageCommand::Report { outage_id, page } => {
            let path = format!("/v1/outages/{}/report", segment(&outage_id)?);
            let (items, next) = pages(&api, &path, &[], page.limit, page.cursor.clone()).await?;
            page.print(&MERGED, &items, next)?;
        }
    }
    Ok(())
}
