//! `hub topology`: what the broker should hold, what it holds, and making them agree.

use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};

use super::{Failure, confirm::confirm, output};
use crate::{
    config::{BrokerSettings, DeliverySettings, Loaded, SecretSettings},
    directory::{self, today},
    keys::HubSecret,
    store::{Settings, Store, feedback_queues},
    topology::{ApplyOptions, Broker, Plan, Secret, Topology, Verb, access, apply, plan},
};

#[derive(Debug, Subcommand)]
pub(super) enum TopologyCommand {
    /// Show what `apply` would change.
    Plan {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Make the broker as it should be.
    Apply {
        /// Do not ask.
        #[arg(long)]
        yes: bool,
        /// Also delete and make anew what cannot be changed in place; the demands of such a queue become 未送达.
        #[arg(long)]
        allow_replace: bool,
        /// Also set the passwords of users that exist.
        #[arg(long)]
        rotate_passwords: bool,
        /// The report as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Compare only: exit code 1 when something differs.
    Diff {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

pub(super) async fn run(settings: &Loaded, command: TopologyCommand) -> Result<u8, Failure> {
    let (broker, declared) = both(settings).await?;
    let plan = plan(&declared, &broker.running().await?);
    eprintln!("broker {}, virtual host {}", broker.host(), broker.vhost());
    match command {
        TopologyCommand::Plan { json } => print(&plan, json)?,
        TopologyCommand::Diff { json } => {
            print(&plan, json)?;
            return Ok(u8::from(!plan.is_empty()));
        }
        TopologyCommand::Apply { yes, allow_replace, rotate_passwords, json } => {
            let options = ApplyOptions { allow_replace, rotate_passwords };
            return carry_out(settings, &broker, &declared, &plan, options, yes, json).await;
        }
    }
    Ok(0)
}

/// The broker as it can be reached, and the topology that the directory asks for today.
async fn both(settings: &Loaded) -> Result<(Broker, Topology), Failure> {
    let store = Store::new(&settings.section::<Settings>("database")?)?;
    let delivery: DeliverySettings = settings.section("delivery")?;
    let client = store.client().await?;
    let tables = directory::load(&client).await?.in_force(today());
    let queues = feedback_queues::courts(&client).await?;
    let declared = Topology::declared(&tables.for_topology(queues)?, &delivery.topology())?;
    let broker = access::connect(&settings.section::<BrokerSettings>("broker")?).await?;
    Ok((broker, declared))
}

fn print(plan: &Plan, json: bool) -> Result<(), Failure> {
    if json {
        output::json(plan)?;
    } else {
        // The plan's text ends with its summary.
        output::line(plan.to_string().trim_end())?;
    }
    Ok(())
}

async fn carry_out(
    settings: &Loaded,
    broker: &Broker,
    declared: &Topology,
    plan: &Plan,
    options: ApplyOptions,
    yes: bool,
    json: bool,
) -> Result<u8, Failure> {
    if plan.changes.is_empty() && !options.rotate_passwords {
        print(plan, json)?;
        return Ok(u8::from(!plan.drift.is_empty()));
    }
    if !yes {
        eprintln!("{plan}");
    }
    let harsh = plan.changes.iter().filter(|c| matches!(c.verb, Verb::Replace | Verb::Delete)).count();
    let question =
        format!("Make {} changes, {harsh} of which replace or delete something?", plan.changes.len());
    if !confirm(&question, yes)? {
        eprintln!("nothing was changed");
        return Ok(1);
    }
    let secret = HubSecret::load(&settings.section::<SecretSettings>("secret")?.hub_secret_file)?;
    let hub = access::password(&settings.section::<BrokerSettings>("broker")?);
    let passwords = declared.passwords(
        hub,
        |province| Secret::new(secret.broker_password(province)),
        |court| Secret::new(secret.court_broker_password(court)),
    );
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}").expect("the template is sound");
    let bar = ProgressBar::new(u64::try_from(plan.changes.len()).unwrap_or_default()).with_style(style);
    let report = apply(broker, plan, &passwords, options, &|progress| {
        bar.set_position(u64::try_from(progress.done).unwrap_or_default());
        bar.set_message(progress.change.name.clone());
    })
    .await;
    bar.finish_and_clear();
    let report = report?;
    if json {
        output::json(&report)?;
    } else {
        for refused in &report.refused {
            output::line(&format!("[{}] {}: {}", refused.code, refused.name, refused.reason))?;
        }
        eprintln!(
            "{} changes made, {} refused, {} passwords set",
            report.applied,
            report.refused.len(),
            report.passwords_set
        );
    }
    Ok(u8::from(!report.refused.is_empty()))
}
