//! `hub dispute`: disputes about the order of demands on one unit (查封顺位异议).

use std::{io::Write as _, path::PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;
use xiezhi_domain::superior::{Superior, common_superior};
use xiezhi_schemas::{courts, identifier::CourtCode};

use super::{
    ApiArgs, Failure,
    client::{Api, pages},
    demands::{PageArgs, segment},
    matter::{CloseArgs, NoteArgs, close, document, note, shown},
    output,
};

/// Disputes about the order.
#[derive(Debug, Args)]
pub(super) struct DisputeArgs {
    #[command(subcommand)]
    command: DisputeCommand,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(Debug, Subcommand)]
enum DisputeCommand {
    /// Open one: the evidence is frozen, the common superior court is named, the order stays.
    Open {
        /// Requests of one unit; a court names its own, the hub adds the others that stand there.
        #[arg(required = true, value_name = "REQUEST")]
        requests: Vec<String>,
        /// What is disputed, in words.
        #[arg(long)]
        reason: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// List them, oldest first.
    List {
        /// 不动产单元代码.
        #[arg(long)]
        unit: Option<String>,
        /// Six digits.
        #[arg(long)]
        registry: Option<String>,
        /// Two digits.
        #[arg(long)]
        province: Option<String>,
        /// With one request.
        #[arg(long)]
        request: Option<String>,
        /// person, or late_receipt for those that the hub opened.
        #[arg(long)]
        cause: Option<String>,
        /// Only open ones (true) or closed ones (false).
        #[arg(long)]
        open: Option<bool>,
        #[command(flatten)]
        page: PageArgs,
    },
    /// Show one with its parties, decisions and log.
    Show {
        /// Its id.
        id: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Write the frozen evidence to standard output, byte for byte.
    Evidence {
        /// Its id.
        id: String,
    },
    /// Add a note, with or without a document.
    Note(#[command(flatten)] NoteArgs),
    /// Record the decision of the superior court: the only thing that changes an order.
    Order {
        /// Its id.
        id: String,
        /// 法院代字 of the court that decided.
        #[arg(long)]
        court: String,
        /// The day of its document.
        #[arg(long)]
        date: String,
        /// Number of its document.
        #[arg(long)]
        number: String,
        /// The document, a file.
        #[arg(long, value_name = "FILE")]
        document: PathBuf,
        /// Every request that stands, from the first to the last.
        #[arg(required = true, value_name = "REQUEST")]
        order: Vec<String>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// End one that needs no decision.
    Close(#[command(flatten)] CloseArgs),
    /// Name the common superior court of courts, by the table, without asking the hub.
    Superior {
        /// 法院代字, two or more.
        #[arg(required = true, num_args = 2.., value_name = "COURT")]
        courts: Vec<CourtCode>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

const PATH: &str = "/v1/disputes";
const COLUMNS: [(&str, &str); 7] = [
    ("ID", "/dispute_id"),
    ("CAUSE", "/cause"),
    ("UNIT", "/unit_code"),
    ("REGISTRY", "/registry"),
    ("OPENED", "/opened_at"),
    ("SUPERIOR", "/superior_name"),
    ("CLOSED", "/closed_at"),
];

pub(super) async fn run(args: DisputeArgs) -> Result<u8, Failure> {
    if let DisputeCommand::Superior { courts, json } = &args.command {
        return superior(courts, *json);
    }
    let api = Api::new(&args.api)?;
    match args.command {
        DisputeCommand::Open { requests, reason, json } => {
            let body = json!({ "request_ids": requests, "reason": reason });
            shown(&api.post(PATH, &body).await?, json)?;
        }
        DisputeCommand::List { unit, registry, province, request, cause, open, page } => {
            let query = [
                ("unit", unit),
                ("registry", registry),
                ("province", province),
                ("request_id", request),
                ("cause", cause),
                ("open", open.map(|open| open.to_string())),
            ];
            let (items, next) = pages(&api, PATH, &query, page.limit, page.cursor.clone()).await?;
            page.print(&COLUMNS, &items, next)?;
        }
        DisputeCommand::Show { id, json } => {
            shown(&api.get(&format!("{PATH}/{}", segment(&id)?), &[]).await?, json)?;
        }
        DisputeCommand::Evidence { id } => {
            let bytes = api.bytes(&format!("{PATH}/{}/evidence", segment(&id)?), &[]).await?;
            std::io::stdout().lock().write_all(&bytes)?;
        }
        DisputeCommand::Note(args) => note(&api, PATH, args).await?,
        DisputeCommand::Order { id, court, date, number, document: file, order, json } => {
            let document = document(&api, &file).await?;
            let body = json!({
                "decided_by": court, "decided_on": date, "document_number": number, "document": document,
                "order": order,
            });
            shown(&api.post(&format!("{PATH}/{}/order", segment(&id)?), &body).await?, json)?;
        }
        DisputeCommand::Close(args) => close(&api, PATH, args).await?,
        DisputeCommand::Superior { .. } => unreachable!("answered above, without the hub"),
    }
    Ok(0)
}

fn superior(parties: &[CourtCode], as_json: bool) -> Result<u8, Failure> {
    let mut distinct = parties.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let named = common_superior(&distinct, |court| courts::find(court)?.superior.clone());
    if as_json {
        output::json(&serde_json::to_value(&named).expect("a superior court is plain data"))?;
        return Ok(u8::from(matches!(named, Superior::Unknown { .. } | Superior::NoneAbove)));
    }
    match &named {
        Superior::Court { code } | Superior::OneCourt { code } => {
            let name = courts::find(code).map_or("", |court| court.name.as_str());
            output::line(&format!("{code} {name}"))?;
            return Ok(0);
        }
        Superior::NoneAbove => eprintln!("最高法 is a party; no court is above it"),
        Superior::Unknown { missing } => {
            let missing: Vec<&str> = missing.iter().map(AsRef::as_ref).collect();
            eprintln!("[HUB-3325] the table does not have {}; ask 最高人民法院", missing.join(", "));
        }
    }
    Ok(1)
}
