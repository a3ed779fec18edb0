//! `hub consultation`: what courts and registration authorities talk about (会商).

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    ApiArgs, Failure,
    client::{Api, pages},
    demands::{PageArgs, segment},
    matter::{CloseArgs, NoteArgs, close, note, shown},
};

/// Consultations.
#[derive(Debug, Args)]
pub(super) struct ConsultationArgs {
    #[command(subcommand)]
    command: ConsultationCommand,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(Debug, Subcommand)]
enum ConsultationCommand {
    /// Open one. Returns for a mismatch with the register open theirs by themselves.
    Open {
        /// national or province.
        #[arg(long)]
        level: String,
        /// Two digits; for the level province, unless --request says it.
        #[arg(long)]
        province: Option<String>,
        /// The request that it is about.
        #[arg(long)]
        request: Option<String>,
        /// What it is about, in a line.
        #[arg(long)]
        subject: String,
        /// The first entry of its log.
        #[arg(long)]
        text: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// List them, oldest first.
    List {
        /// national or province.
        #[arg(long)]
        level: Option<String>,
        /// Two digits.
        #[arg(long)]
        province: Option<String>,
        /// register_mismatch or person.
        #[arg(long)]
        cause: Option<String>,
        /// About one request.
        #[arg(long)]
        request: Option<String>,
        /// Only open ones (true) or closed ones (false).
        #[arg(long)]
        open: Option<bool>,
        #[command(flatten)]
        page: PageArgs,
    },
    /// Show one with its log.
    Show {
        /// Its id.
        id: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Add a note, with or without a document.
    Note(#[command(flatten)] NoteArgs),
    /// End one with its result.
    Close(#[command(flatten)] CloseArgs),
}

const PATH: &str = "/v1/consultations";
const COLUMNS: [(&str, &str); 7] = [
    ("ID", "/consultation_id"),
    ("LEVEL", "/level"),
    ("PROVINCE", "/province"),
    ("CAUSE", "/cause"),
    ("OPENED", "/opened_at"),
    ("CLOSED", "/closed_at"),
    ("SUBJECT", "/subject"),
];

pub(super) async fn run(args: ConsultationArgs) -> Result<(), Failure> {
    let api = Api::new(&args.api)?;
    match args.command {
        ConsultationCommand::Open { level, province, request, subject, text, json } => {
            let mut body = json!({ "level": level, "subject": subject, "text": text });
            for (name, value) in [("province", province), ("request_id", request)] {
                if let Some(value) = value {
                    body[name] = json!(value);
                }
            }
            shown(&api.post(PATH, &body).await?, json)
        }
        ConsultationCommand::List { level, province, cause, request, open, page } => {
            let query = [
                ("level", level),
                ("province", province),
                ("cause", cause),
                ("request_id", request),
                ("open", open.map(|open| open.to_string())),
            ];
            let (items, next) = pages(&api, PATH, &query, page.limit, page.cursor.clone()).await?;
            page.print(&COLUMNS, &items, next)
        }
        ConsultationCommand::Show { id, json } => {
            shown(&api.get(&format!("{PATH}/{}", segment(&id)?), &[]).await?, json)
        }
        ConsultationCommand::Note(args) => note(&api, PATH, args).await,
        ConsultationCommand::Close(args) => close(&api, PATH, args).await,
    }
}
