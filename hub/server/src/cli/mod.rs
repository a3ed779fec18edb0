//! The command line of `hub`.
//!
//! Data goes to standard output, everything else to standard error. Exit codes: 0 done, 1 the answer is no (refused, not
//! found, a check failed), 2 wrong usage or settings, 3 a server could not be reached, 130 interrupted (`serve`: by a second
//! signal; the first stops it in order).
//! Commands about demands speak the same HTTP API as everyone; `migrate`, `directory`, `principal` and their like are for the
//! hub's own machine and use its database.

mod args;
mod client;
mod confirm;
mod consultation;
mod contact;
mod demands;
mod directory;
mod dispute;
mod failure;
mod form;
mod identifier;
mod issue;
mod keys;
mod ledger;
mod lines;
mod links;
mod matter;
mod operate;
mod outage;
mod output;
mod papers;
mod principals;
mod queue;
mod queues;
mod reminders;
mod report;
mod shown;
mod topology;
mod undelivered;
mod window;
mod withdrawal;
mod workdays;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

pub use client::ApiArgs;
pub use failure::Failure;

use crate::config::Loaded;

/// Xiezhi (獬豸): the message hub for 协执.
#[derive(Debug, Parser)]
#[command(name = "hub", version, about, after_help = EXIT_CODES)]
struct Cli {
    /// Configuration file; see `hub config show --default`.
    #[arg(long, global = true, env = "XIEZHI_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done; 1 the answer is no; 2 wrong usage or settings; 3 a server could not be reached; \
                          130 interrupted (serve: by a second signal).\nEvery error has a code; `ops/errors/<code>.md` says what to do.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the hub until SIGTERM or SIGINT.
    Serve,
    /// Bring the database schema up to date.
    Migrate {
        /// Only say what would be applied.
        #[arg(long)]
        dry_run: bool,
    },
    /// Check broker, database, clocks, keys, disks and data.
    Doctor {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show the settings.
    #[command(subcommand)]
    Config(operate::ConfigCommand),
    /// Check the log of what people did.
    #[command(subcommand)]
    Audit(operate::AuditCommand),
    /// Make the hub's secret and the key that signs the ledger.
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Provinces, registries and the divisions they serve.
    #[command(subcommand)]
    Directory(directory::DirectoryCommand),
    /// Compare the broker with what it should be, and mend it.
    #[command(subcommand)]
    Topology(topology::TopologyCommand),
    /// The receipts (送达).
    #[command(subcommand)]
    Ledger(ledger::LedgerCommand),
    /// What waits for the broker.
    #[command(subcommand)]
    Outbox(ledger::OutboxCommand),
    /// Who may call the API.
    #[command(subcommand)]
    Principal(principals::PrincipalCommand),
    /// Tokens of principals.
    #[command(subcommand)]
    Credential(principals::CredentialCommand),
    /// What a province needs to connect, and until when its local links are received.
    #[command(subcommand)]
    Province(keys::ProvinceCommand),
    /// What a court needs to trust the news that are posted to it; it sets the address itself (`PUT /v1/webhook`).
    #[command(subcommand)]
    Webhook(keys::WebhookCommand),
    /// Explain an identifier (案号, 不动产单元代码, …).
    Identifier(identifier::IdentifierArgs),
    /// Count working days (工作日): until when something is due.
    Workdays(workdays::WorkdaysArgs),
    /// List the error codes.
    Errors {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the API's description (OpenAPI 3.1).
    Openapi,
    /// Print a published JSON Schema, or the names of all.
    Schema {
        /// Which, e.g. `submission`.
        name: Option<String>,
    },
    /// Send a demand.
    Submit(demands::SubmitArgs),
    /// Show a request with its timeline.
    Show(demands::ShowArgs),
    /// List requests.
    List(demands::ListArgs),
    /// Show the order of a property unit's demands and the register as it stands.
    Queue(queue::QueueArgs),
    /// Read a court's stream of news.
    Feedback(demands::FeedbackArgs),
    /// Ask a registry in writing to give a demand back (撤回).
    Withdrawal(withdrawal::WithdrawalArgs),
    /// Disputes about the order of demands on one unit (查封顺位异议).
    Dispute(dispute::DisputeArgs),
    /// What courts and registration authorities talk about (会商).
    Consultation(consultation::ConsultationArgs),
    /// What is open in a province, who sees to it, and until when.
    Issue(issue::IssueArgs),
    /// Whom to call (联络员).
    Contact(contact::ContactArgs),
    /// What is due (智能提醒), and at whom.
    Reminders(reminders::RemindersArgs),
    /// By which limits reminders are made.
    Deadlines(reminders::DeadlinesArgs),
    /// Write, read and seal the forms of the annex (协助执行通知书, 回执).
    #[command(subcommand)]
    Form(form::FormCommand),
    /// What was not delivered (未送达), and what is done about it.
    Undelivered(undelivered::UndeliveredArgs),
    /// Papers handed in at a registry's window (线下窗口).
    Window(window::WindowArgs),
    /// Announced outages (应急联动) and how the windows' papers came into line.
    Outage(outage::OutageArgs),
    /// Counts for the ministry, as tables, CSV or JSON.
    Report(report::ReportArgs),
}

/// Reads the command line, does what it says and returns the exit code.
pub async fn run() -> u8 {
    let cli = Cli::parse();
    if !matches!(cli.command, Command::Serve) {
        end_when_interrupted();
    }
    match Box::pin(dispatch(cli)).await {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}

/// Ends the process with 130 on SIGINT, also while a command reads standard input. Nothing is left half done: what a command
/// changes it changes in one transaction, or in steps each of which may be repeated.
fn end_when_interrupted() {
    #[expect(
        clippy::disallowed_methods,
        reason = "a command has no supervisor, and this ends with the process"
    )]
    tokio::spawn(async {
        if tokio::signal::ctrl_c().await.is_ok() {
            eprintln!("interrupted; the same command may be given again");
            std::process::exit(130);
        }
    });
}

async fn dispatch(cli: Cli) -> Result<u8, Failure> {
    let file = cli.config;
    let settings = || Loaded::read(file.as_deref()).map_err(Failure::from);
    match cli.command {
        Command::Serve => {
            let config = settings()?.config()?;
            let reason = crate::serve::run(config).await?;
            return Ok(reason.exit_code());
        }
        Command::Migrate { dry_run } => operate::migrate(&settings()?, dry_run).await?,
        Command::Doctor { json } => return operate::doctor(&settings()?, json).await,
        Command::Config(command) => operate::config(command, &settings)?,
        Command::Audit(command) => return operate::audit(&settings()?, command).await,
        Command::Keys(command) => keys::keys(&settings()?, &command)?,
        Command::Directory(command) => directory::run(&settings()?, command).await?,
        Command::Topology(command) => return topology::run(&settings()?, command).await,
        Command::Ledger(command) => return ledger::ledger(&settings()?, command).await,
        Command::Outbox(command) => ledger::outbox(&settings()?, command).await?,
        Command::Principal(command) => principals::principal(&settings()?, command).await?,
        Command::Credential(command) => principals::credential(&settings()?, command).await?,
        Command::Province(command) => keys::province(&settings()?, command).await?,
        Command::Webhook(command) => keys::webhook(&settings()?, &command)?,
        Command::Identifier(args) => return identifier::run(&args),
        Command::Workdays(args) => workdays::run(&settings()?, &args)?,
        Command::Errors { json } => operate::errors(json)?,
        Command::Openapi => output::json(&crate::http::openapi::document())?,
        Command::Schema { name } => operate::schema(name.as_deref())?,
        Command::Submit(args) => demands::submit(args).await?,
        Command::Show(args) => demands::show(args).await?,
        Command::List(args) => demands::list(args).await?,
        Command::Queue(args) => queue::run(args).await?,
        Command::Feedback(args) => demands::feedback(args).await?,
        Command::Withdrawal(args) => withdrawal::run(args).await?,
        Command::Dispute(args) => return dispute::run(args).await,
        Command::Consultation(args) => consultation::run(args).await?,
        Command::Issue(args) => issue::run(args).await?,
        Command::Contact(args) => contact::run(args).await?,
        Command::Reminders(args) => reminders::reminders(args).await?,
        Command::Deadlines(args) => reminders::deadlines(&settings()?, &args)?,
        Command::Form(command) => form::run(&settings()?, command).await?,
        Command::Undelivered(args) => return undelivered::run(args).await,
        Command::Window(args) => window::run(args).await?,
        Command::Outage(args) => outage::run(args).await?,
        Command::Report(args) => return report::run(args).await,
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_commands_are_sound_and_take_the_address_anywhere() {
        Cli::command().debug_assert();
        for line in [
            &["hub", "undelivered", "list", "--api", "http://h", "--token", "t", "--json"][..],
            &["hub", "undelivered", "--api", "http://h", "replay", "7", "--reason", "county is back"],
            &["hub", "list", "--state", "delivered", "--api", "http://h"],
            &["hub", "form", "notice", "--data", "-", "--out", "x.pdf"],
            &["hub", "config", "show", "--config", "hub.toml"],
        ] {
            assert!(Cli::try_parse_from(line).is_ok(), "{line:?}");
        }
    }
}
