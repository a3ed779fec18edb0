//! `hub province link`: from when courts serve in a province by the network and no longer over local links (点对点).

use clap::Subcommand;
use jiff::civil::Date;
use xiezhi_schemas::address::ProvinceCode;

use super::{Failure, args::actor, output};
use crate::{
    config::Loaded,
    directory::links,
    store::{Settings, Store, local_links},
};

#[derive(Debug, Subcommand)]
pub(super) enum LinkCommand {
    /// Show for each province whether its links are open, and who decided so.
    Show {
        /// Only this province, two digits.
        province: Option<ProvinceCode>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Close the links of a province from a day to come: from then on courts serve by the network (总对总), and what a link still receives is an event (HUB-3264).
    Close {
        /// Two digits.
        province: ProvinceCode,
        /// First day on which they are closed, in China.
        #[arg(long, value_name = "DATE")]
        from: Date,
        /// Why; it goes into the audit.
        #[arg(long)]
        reason: String,
    },
    /// Open them again, or take a day back that has not come yet.
    Open {
        /// Two digits.
        province: ProvinceCode,
        /// Why; it goes into the audit.
        #[arg(long)]
        reason: String,
    },
}

pub(super) async fn run(settings: &Loaded, command: LinkCommand) -> Result<(), Failure> {
    let store = Store::new(&settings.section::<Settings>("database")?)?;
    match command {
        LinkCommand::Show { province, json } => {
            let mut all = local_links::list(&*store.client().await?).await?;
            all.retain(|one| province.as_ref().is_none_or(|wanted| one.province == *wanted));
            if json {
                return Ok(output::json(&all)?);
            }
            let row = |one: &local_links::Links| {
                let decision = |text: fn(&local_links::Decision) -> String| {
                    one.decision.as_ref().map_or_else(|| "-".to_owned(), text)
                };
                let closed = one.closed_from.map_or_else(|| "-".to_owned(), |day| day.to_string());
                let by = decision(|d| d.decided_by.clone());
                let at = decision(|d| d.decided_at.to_string());
                vec![
                    one.province.to_string(),
                    one.name.clone(),
                    closed,
                    by,
                    at,
                    decision(|d| d.reason.clone()),
                ]
            };
            let rows: Vec<Vec<String>> = all.iter().map(row).collect();
            output::table(&["PROVINCE", "NAME", "CLOSED FROM", "BY", "AT", "REASON"], &rows)?;
        }
        LinkCommand::Close { province, from, reason } => {
            links::decide(&store, &province, Some(from), &actor(), &reason).await?;
            eprintln!(
                "the local links of province {province} are closed from {from} on; tell its registries and courts"
            );
        }
        LinkCommand::Open { province, reason } => {
            links::decide(&store, &province, None, &actor(), &reason).await?;
            eprintln!("the local links of province {province} are open");
        }
    }
    Ok(())
}
