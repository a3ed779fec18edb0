//! `hub ledger` and `hub outbox`: on the hub's own machine, with its database.

use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use xiezhi_schemas::address::{ProvinceCode, RegistryCode};

use super::{Failure, args::actor, output};
use crate::{
    audit,
    config::{LedgerSettings, Loaded},
    ledger::{heads::HeadSigner, verify::verify},
    store::{self, Settings, Store, StoreError},
};

#[derive(Debug, Subcommand)]
pub(super) enum LedgerCommand {
    /// Recompute every chain and compare it with heads, signatures and witness file; exit code 1 when one is wrong.
    Verify {
        /// Only this registry.
        #[arg(long)]
        registry: Option<RegistryCode>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the receipts of a registry as JSON lines, with everything that its hashes cover.
    Export {
        /// The registry.
        #[arg(long)]
        registry: RegistryCode,
        /// Only receipts with a greater number.
        #[arg(long, default_value_t = 0)]
        after: i64,
    },
}

/// Lines read at once.
const PAGE: i64 = 5_000;

pub(super) async fn ledger(settings: &Loaded, command: LedgerCommand) -> Result<u8, Failure> {
    let database: Settings = settings.section("database")?;
    eprintln!("database {}", database.url.public());
    let store = Store::new(&database)?;
    match command {
        LedgerCommand::Verify { registry, json } => {
            let ledger: LedgerSettings = settings.section("ledger")?;
            let signer = HeadSigner::read(&ledger.signing_key_file)?;
            let bar = progress();
            let found = verify(&store, registry.as_ref(), &signer, ledger.witness(), |read| {
                bar.set_position(u64::try_from(read).unwrap_or_default());
            })
            .await?;
            bar.finish_and_clear();
            if json {
                output::json(&found)?;
            } else {
                let rows: Vec<_> = found
                    .iter()
                    .map(|f| {
                        let verdict = f.wrong.clone().unwrap_or_else(|| "ok".to_owned());
                        vec![f.registry.to_string(), f.receipts.to_string(), f.head.clone(), verdict]
                    })
                    .collect();
                output::table(&["REGISTRY", "RECEIPTS", "HEAD", "VERDICT"], &rows)?;
            }
            let wrong = found.iter().filter(|f| f.wrong.is_some()).count();
            let receipts: i64 = found.iter().map(|f| f.receipts).sum();
            eprintln!("{} registries, {receipts} receipts, {wrong} chains are wrong", found.len());
            if ledger.witness().is_none() {
                eprintln!(
                    "no witness file is configured (ledger.witness_file): a ledger rewritten as a whole would not show"
                );
            }
            Ok(u8::from(wrong > 0))
        }
        LedgerCommand::Export { registry, mut after } => {
            let client = store.client().await?;
            loop {
                let lines = store::ledger::lines(&client, &registry, after, PAGE).await?;
                let Some(last) = lines.last() else { return Ok(0) };
                after = last.no;
                for line in &lines {
                    output::line(&export(line))?;
                }
            }
        }
    }
}

fn export(line: &store::ledger::Line) -> String {
    json!({
        "registry": line.registry,
        "no": line.no,
        "request_id": line.request_id,
        "message_id": line.message_id,
        "body_sha256": hex::encode(&line.body_sha256),
        "channel": line.channel,
        "delivered_at": line.delivered_at,
        "recorded_at": line.recorded_at,
        "prev_hash": hex::encode(&line.prev_hash),
        "hash": hex::encode(&line.hash),
    })
    .to_string()
}

fn progress() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {pos} receipts verified, {per_sec}")
        .expect("the template is well-formed");
    ProgressBar::new_spinner().with_style(style)
}

#[derive(Debug, Subcommand)]
pub(super) enum OutboxCommand {
    /// How many rows wait for the broker's confirm, and how old the oldest is.
    Status {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Send everything in flight again, for a broker that lost its data. What it did not lose is recognised.
    Resend {
        /// Only of this province.
        #[arg(long)]
        province: Option<ProvinceCode>,
        /// Why; kept in the audit.
        #[arg(long)]
        reason: String,
        /// Only say how many requests it would be.
        #[arg(long)]
        dry_run: bool,
    },
}

pub(super) async fn outbox(settings: &Loaded, command: OutboxCommand) -> Result<(), Failure> {
    let database: Settings = settings.section("database")?;
    eprintln!("database {}", database.url.public());
    let store = Store::new(&database)?;
    let mut client = store.client().await?;
    match command {
        OutboxCommand::Status { json } => {
            let (rows, oldest_secs) = store::outbox::backlog(&client).await?;
            if json {
                output::json(&json!({ "unconfirmed": rows, "oldest_secs": oldest_secs }))?;
            } else {
                output::line(&format!("{rows} unconfirmed, the oldest {oldest_secs:.1} s old"))?;
            }
        }
        OutboxCommand::Resend { province, reason, dry_run } => {
            if reason.trim().chars().count() < 5 {
                return Err(Failure::Usage("[HUB-4101] --reason takes at least five characters".to_owned()));
            }
            let tx = client.transaction().await.map_err(StoreError::from)?;
            let province = province.as_ref().map(ProvinceCode::as_str);
            let requests = store::outbox::resend_in_flight(&tx, province).await?;
            if dry_run {
                tx.rollback().await.map_err(StoreError::from)?;
                eprintln!("{requests} requests would be sent again");
                return Ok(());
            }
            let object = format!("{requests} requests, province {}: {reason}", province.unwrap_or("all"));
            audit::record(&tx, &actor(), "host", "outbox.resend", &object).await?;
            tx.commit().await.map_err(StoreError::of_commit)?;
            eprintln!("{requests} requests are sent again");
        }
    }
    Ok(())
}
