//! `hub contact`: whom to call (联络员).

use std::{io::Write as _, path::PathBuf};

use clap::{Args, Subcommand};
use reqwest::Method;

use super::{
    ApiArgs, Failure,
    client::{Api, pages},
    demands::PageArgs,
    matter::shown,
    papers::read,
};

/// The directory of contacts.
#[derive(Debug, Args)]
pub(super) struct ContactArgs {
    #[command(subcommand)]
    command: ContactCommand,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(Debug, Subcommand)]
enum ContactCommand {
    /// List them; those whose time is over are flagged.
    List {
        /// Two digits.
        #[arg(long)]
        province: Option<String>,
        /// court or registry.
        #[arg(long)]
        side: Option<String>,
        /// The day in question, today by default.
        #[arg(long)]
        on: Option<String>,
        /// Leave out those whose time is over.
        #[arg(long)]
        current: bool,
        #[command(flatten)]
        page: PageArgs,
    },
    /// Take in a CSV file (province,side,organisation,name,duty,phone,email,valid_from,valid_to), whole or not at all.
    Import {
        /// The file; `-` reads standard input.
        file: PathBuf,
        /// Only say what would be done.
        #[arg(long)]
        dry_run: bool,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Write such a file to standard output.
    Export {
        /// Of one province, two digits; all when absent.
        #[arg(long)]
        province: Option<String>,
    },
}

const COLUMNS: [(&str, &str); 8] = [
    ("PROVINCE", "/province"),
    ("SIDE", "/side"),
    ("ORGANISATION", "/organisation"),
    ("NAME", "/name"),
    ("PHONE", "/phone"),
    ("FROM", "/valid_from"),
    ("TO", "/valid_to"),
    ("EXPIRED", "/expired"),
];

pub(super) async fn run(args: ContactArgs) -> Result<(), Failure> {
    let api = Api::new(&args.api)?;
    match args.command {
        ContactCommand::List { province, side, on, current, page } => {
            let query = [
                ("province", province),
                ("side", side),
                ("on", on),
                ("expired", current.then(|| "false".to_owned())),
            ];
            let (items, next) = pages(&api, "/v1/contacts", &query, page.limit, page.cursor.clone()).await?;
            page.print(&COLUMNS, &items, next)
        }
        ContactCommand::Import { file, dry_run, json } => {
            let path = format!("/v1/contacts/import?dry_run={dry_run}");
            shown(&api.upload(Method::POST, &path, "text/csv", read(&file)?).await?, json)
        }
        ContactCommand::Export { province } => {
            let bytes = api.bytes("/v1/contacts/export", &[("province", province)]).await?;
            Ok(std::io::stdout().lock().write_all(&bytes)?)
        }
    }
}
