//! `hub withdrawal`: a court asks the registry in writing to give a demand back (撤回), and follows what becomes of it.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::{
    ApiArgs, Failure,
    client::{Api, pages},
    demands::{PageArgs, segment},
    output,
    papers::upload,
};

/// Withdrawals.
#[derive(Debug, Args)]
pub(super) struct WithdrawalArgs {
    #[command(subcommand)]
    command: WithdrawalCommand,
    #[command(flatten)]
    api: ApiArgs,
}

/// How a document is sealed.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Seal {
    /// 电子印章.
    Electronic,
    /// 实物印章的彩色扫描件.
    ColourScan,
}

impl Seal {
    fn word(self) -> &'static str {
        match self {
            Self::Electronic => "electronic",
            Self::ColourScan => "colour_scan",
        }
    }
}

#[derive(Debug, Subcommand)]
enum WithdrawalCommand {
    /// Ask for a request back: uploads the sealed letter, then asks. The registry decides; repeating it changes nothing.
    Ask {
        /// The request id that the hub answered.
        request: String,
        /// The sealed written request (书面撤回申请), a file.
        #[arg(long, value_name = "FILE")]
        letter: PathBuf,
        /// How it is sealed.
        #[arg(long, value_enum, default_value = "electronic")]
        seal: Seal,
        /// Why, in words.
        #[arg(long)]
        reason: String,
        /// Whom the registry may call.
        #[arg(long)]
        contact_name: String,
        /// Under which number.
        #[arg(long)]
        contact_phone: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// List them, oldest first.
    List {
        /// open, agreed, declined or overtaken; all when absent.
        #[arg(long)]
        state: Option<String>,
        /// Of one request.
        #[arg(long)]
        request: Option<String>,
        /// Of registries of one province, two digits.
        #[arg(long)]
        province: Option<String>,
        /// Of one registry, six digits.
        #[arg(long)]
        registry: Option<String>,
        /// The court, for operators.
        #[arg(long)]
        sender: Option<String>,
        #[command(flatten)]
        page: PageArgs,
    },
    /// Show one.
    Show {
        /// Its id.
        id: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

const COLUMNS: [(&str, &str); 7] = [
    ("ID", "/withdrawal_id"),
    ("REQUEST", "/request_id"),
    ("SENDER", "/sender"),
    ("REGISTRY", "/registry"),
    ("ASKED", "/asked_at"),
    ("REGISTRY HAS IT", "/taking"),
    ("STATE", "/state"),
];

pub(super) async fn run(args: WithdrawalArgs) -> Result<(), Failure> {
    let api = Api::new(&args.api)?;
    let shown = |value: &Value, as_json: bool| {
        if as_json { output::json(value) } else { output::outline(value) }
    };
    match args.command {
        WithdrawalCommand::Ask { request, letter, seal, reason, contact_name, contact_phone, json } => {
            let claim = upload(&api, &letter).await?;
            let wish = json!({
                "version": "1.0",
                "request_id": segment(&request)?,
                "reason": reason,
                "letter": {
                    "role": "withdrawal_letter",
                    "name": claim.name,
                    "media_type": claim.media_type,
                    "sha256": claim.sha256,
                    "size": claim.size,
                    "seal": seal.word(),
                },
                "contact": { "name": contact_name, "phone": contact_phone },
            });
            shown(&api.post("/v1/withdrawals", &wish).await?, json)?;
        }
        WithdrawalCommand::List { state, request, province, registry, sender, page } => {
            let query = [
                ("state", state),
                ("request_id", request),
                ("province", province),
                ("registry", registry),
                ("sender", sender),
            ];
            let (items, next) =
                pages(&api, "/v1/withdrawals", &query, page.limit, page.cursor.clone()).await?;
            page.print(&COLUMNS, &items, next)?;
        }
        WithdrawalCommand::Show { id, json } => {
            let value = api.get(&format!("/v1/withdrawals/{}", segment(&id)?), &[]).await?;
            shown(&value, json)?;
        }
    }
    Ok(())
}
