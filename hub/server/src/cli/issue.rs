//! `hub issue`: what is open in a province, who sees to it, and until when.

use std::io::Write as _;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    ApiArgs, Failure,
    client::{Api, pages},
    demands::{PageArgs, segment},
    matter::{CloseArgs, NoteArgs, close, note, shown},
};

/// The register of open issues.
#[derive(Debug, Args)]
pub(super) struct IssueArgs {
    #[command(subcommand)]
    command: IssueCommand,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(Debug, Subcommand)]
enum IssueCommand {
    /// Open one. Parked demands, disagreements about the order, contradictions and repeated returns open theirs by themselves.
    Open {
        /// Two digits; unless --request says it.
        #[arg(long)]
        province: Option<String>,
        /// The request that it is about.
        #[arg(long)]
        request: Option<String>,
        /// What it is, in a line.
        #[arg(long)]
        subject: String,
        /// The first entry of its log.
        #[arg(long)]
        text: String,
        /// Who sees to it.
        #[arg(long)]
        owner: Option<String>,
        /// Until when, 2026-02-27.
        #[arg(long)]
        due: Option<String>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// List them, oldest first.
    List {
        /// Two digits.
        #[arg(long)]
        province: Option<String>,
        /// person, parked, order_anomaly, order_conflict, contradiction, register_flag or returned_again.
        #[arg(long)]
        cause: Option<String>,
        /// About one request.
        #[arg(long)]
        request: Option<String>,
        /// Seen to by this person or office.
        #[arg(long)]
        owner: Option<String>,
        /// Only open ones (true) or closed ones (false).
        #[arg(long)]
        open: Option<bool>,
        /// Open and due before this day.
        #[arg(long, value_name = "DAY")]
        due_before: Option<String>,
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
    /// Say who sees to one, until when, or both.
    Assign {
        /// Its id.
        id: String,
        /// Who.
        #[arg(long)]
        owner: Option<String>,
        /// Until when, 2026-02-27.
        #[arg(long)]
        due: Option<String>,
        /// Why.
        #[arg(long)]
        reason: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Add a note, with or without a document.
    Note(#[command(flatten)] NoteArgs),
    /// End one with its answer.
    Close(#[command(flatten)] CloseArgs),
    /// Write every open issue to standard output, as CSV or JSON lines.
    Export {
        /// Of one province, two digits; of all when absent.
        #[arg(long)]
        province: Option<String>,
        /// Closed ones too.
        #[arg(long)]
        closed_too: bool,
        /// JSON lines instead of CSV.
        #[arg(long)]
        json: bool,
    },
}

const PATH: &str = "/v1/issues";
const COLUMNS: [(&str, &str); 9] = [
    ("ID", "/issue_id"),
    ("PROVINCE", "/province"),
    ("CAUSE", "/cause"),
    ("STATE", "/state"),
    ("OWNER", "/owner"),
    ("DUE", "/due_on"),
    ("OVERDUE", "/overdue"),
    ("OPENED", "/opened_at"),
    ("SUBJECT", "/subject"),
];

/// `body` with those of the fields that were given.
fn with<const N: usize>(mut body: Value, fields: [(&str, Option<String>); N]) -> Value {
    for (name, value) in fields {
        if let Some(value) = value {
            body[name] = json!(value);
        }
    }
    body
}

pub(super) async fn run(args: IssueArgs) -> Result<(), Failure> {
    let api = Api::new(&args.api)?;
    match args.command {
        IssueCommand::Open { province, request, subject, text, owner, due, json } => {
            let fields = [("province", province), ("request_id", request), ("owner", owner), ("due_on", due)];
            let body = with(json!({ "subject": subject, "text": text }), fields);
            shown(&api.post(PATH, &body).await?, json)
        }
        IssueCommand::List { province, cause, request, owner, open, due_before, page } => {
            let query = [
                ("province", province),
                ("cause", cause),
                ("request_id", request),
                ("owner", owner),
                ("open", open.map(|open| open.to_string())),
                ("due_before", due_before),
            ];
            let (items, next) = pages(&api, PATH, &query, page.limit, page.cursor.clone()).await?;
            page.print(&COLUMNS, &items, next)
        }
        IssueCommand::Show { id, json } => {
            shown(&api.get(&format!("{PATH}/{}", segment(&id)?), &[]).await?, json)
        }
        IssueCommand::Assign { id, owner, due, reason, json } => {
            let fields = [("owner", owner), ("due_on", due)];
            let body = with(json!({ "reason": reason }), fields);
            shown(&api.post(&format!("{PATH}/{}/assign", segment(&id)?), &body).await?, json)
        }
        IssueCommand::Note(args) => note(&api, PATH, args).await,
        IssueCommand::Close(args) => close(&api, PATH, args).await,
        IssueCommand::Export { province, closed_too, json } => {
            let format = json.then(|| "json".to_owned());
            let query =
                [("province", province), ("closed_too", Some(closed_too.to_string())), ("format", format)];
            let bytes = api.bytes(&format!("{PATH}/export"), &query).await?;
            Ok(std::io::stdout().lock().write_all(&bytes)?)
        }
    }
}
