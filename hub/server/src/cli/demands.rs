//! `hub submit`, `show`, `list` and `feedback`: a court's side of the API.

use std::path::PathBuf;

use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    ApiArgs, Failure,
    client::{Api, pages},
    output,
    papers::{read, upload},
    shown,
};

/// Sends a demand: uploads the documents, then the demand. Repeating it with the same files changes nothing.
#[derive(Debug, Args)]
pub(super) struct SubmitArgs {
    /// The demand, JSON; `-` reads standard input.
    file: PathBuf,
    /// A document to upload before; may be given several times.
    #[arg(long = "document", value_name = "FILE")]
    documents: Vec<PathBuf>,
    /// The answer as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    api: ApiArgs,
}

pub(super) async fn submit(args: SubmitArgs) -> Result<(), Failure> {
    let api = Api::new(&args.api)?;
    let body = read(&args.file)?;
    for path in &args.documents {
        let claim = upload(&api, path).await?;
        if !String::from_utf8_lossy(&body).contains(&claim.sha256) {
            eprintln!("warning: the demand does not name this digest");
        }
    }
    let answer = api.upload(Method::POST, "/v1/demands", "application/json", body).await?;
    if args.json {
        output::json(&answer)?
    } else {
        output::outline(&answer)?
    }
    Ok(())
}

/// Shows a request with its timeline.
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// The request id that the hub answered, or the court's own demand id.
    id: String,
    /// The court, for operators who ask by demand id.
    #[arg(long)]
    sender: Option<String>,
    /// Everything that is known, not only what matters most.
    #[arg(long)]
    all: bool,
    /// As JSON; always everything.
    #[arg(long, conflicts_with = "all")]
    json: bool,
    #[command(flatten)]
    api: ApiArgs,
}

pub(super) async fn show(args: ShowArgs) -> Result<(), Failure> {
    let api = Api::new(&args.api)?;
    let path = format!("/v1/demands/{}", segment(&args.id)?);
    let value = api.get(&path, &[("sender", args.sender)]).await?;
    match (args.json, args.all) {
        (true, _) => output::json(&value)?,
        (_, true) => output::outline(&value)?,
        _ => output::text(&shown::brief(&value))?,
    }
    Ok(())
}

/// A path segment that cannot leave its place.
pub(super) fn segment(id: &str) -> Result<&str, Failure> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    if !id.is_empty() && id != "." && id != ".." && id.bytes().all(plain) {
        Ok(id)
    } else {
        Err(Failure::Usage(format!("{} is no id", output::printable(id))))
    }
}

/// Lists requests, oldest first.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// 执行案号.
    #[arg(long)]
    case_number: Option<String>,
    /// 不动产单元代码.
    #[arg(long)]
    unit: Option<String>,
    /// in_flight, delivered, registered, returned, withdrawn, undelivered or closed.
    #[arg(long)]
    state: Option<String>,
    /// Two digits.
    #[arg(long)]
    province: Option<String>,
    /// Six digits.
    #[arg(long)]
    registry: Option<String>,
    /// The court, for operators.
    #[arg(long)]
    sender: Option<String>,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    api: ApiArgs,
}

/// How much of a list.
#[derive(Debug, Args)]
pub(super) struct PageArgs {
    /// At most so many.
    #[arg(long, default_value_t = 50)]
    pub(super) limit: usize,
    /// Go on after an earlier list.
    #[arg(long)]
    pub(super) cursor: Option<String>,
    /// As JSON: `{"items": […], "next": …}`.
    #[arg(long)]
    pub(super) json: bool,
}

impl PageArgs {
    /// Prints a list that came in pages.
    pub(super) fn print(
        &self,
        columns: &[(&str, &str)],
        items: &[Value],
        next: Option<String>,
    ) -> Result<(), Failure> {
        if self.json {
            output::json(&json!({ "items": items, "next": next }))?;
            return Ok(());
        }
        output::objects(columns, items)?;
        if let Some(next) = next {
            eprintln!("there are more: --cursor {}", output::printable(&next));
        }
        Ok(())
    }
}

pub(super) async fn list(args: ListArgs) -> Result<(), Failure> {
    let api = Api::new(&args.api)?;
    let query = [
        ("case_number", args.case_number),
        ("unit", args.unit),
        ("state", args.state),
        ("province", args.province),
        ("registry", args.registry),
        ("sender", args.sender),
    ];
    let (items, next) =
        pages(&api, "/v1/demands", "items", &query, args.page.limit, args.page.cursor.clone()).await?;
    let columns = [
        ("REQUEST", "/request_id"),
        ("DEMAND", "/demand_id"),
        ("KIND", "/kind"),
        ("CASE", "/case_number"),
        ("UNIT", "/unit_code"),
        ("REGISTRY", "/registry"),
        ("STATE", "/state"),
        ("ATTEMPT", "/attempt"),
        ("ACCEPTED", "/accepted_at"),
    ];
    args.page.print(&columns, &items, next)
}

/// Reads a court's numbered stream of news.
#[derive(Debug, Args)]
pub(super) struct FeedbackArgs {
    /// Only what comes after this number.
    #[arg(long, default_value_t = 0)]
    after: i64,
    /// At most so many; without --follow.
    #[arg(long, default_value_t = 100)]
    limit: usize,
    /// Go on waiting for more.
    #[arg(long)]
    follow: bool,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    api: ApiArgs,
}

pub(super) async fn feedback(args: FeedbackArgs) -> Result<(), Failure> {
    let api = Api::new(&args.api)?;
    let mut after = args.after;
    let mut left = args.limit;
    while left > 0 {
        let query = [
            ("after", Some(after.to_string())),
            ("limit", Some(left.min(100).to_string())),
            ("wait_secs", args.follow.then(|| "30".to_owned())),
        ];
        let page = api.get("/v1/feedback", &query).await?;
        let items = page.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
        for item in &items {
            if args.json {
                output::line(&item.to_string())?;
            } else {
                print_news(item)?;
            }
        }
        let last = items.last().and_then(|item| item.get("seq")).and_then(Value::as_i64);
        match last {
            // A stream only grows; anything else would be read for ever.
            Some(last) if last > after => after = last,
            _ if args.follow => {}
            _ => break,
        }
        if !args.follow {
            left = left.saturating_sub(items.len());
        }
    }
    Ok(())
}

fn print_news(item: &Value) -> Result<(), Failure> {
    let text = |pointer: &str| match item.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => "-".to_owned(),
        Some(other) => other.to_string(),
    };
    let line = format!(
        "{}  {}  {:<12}  {}  {} unit {}  registry {}",
        text("/seq"),
        text("/at"),
        text("/body/event"),
        text("/request_id"),
        text("/demand_id"),
        text("/unit_index"),
        text("/registry")
    );
    Ok(output::line(&output::printable(&line))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_cannot_change_the_address() {
        for bad in ["", "..", "a/b", "a?b=c", "a#b", "%2e%2e", "案"] {
            assert!(segment(bad).is_err(), "{bad}");
        }
        assert!(segment("0192f0c1-8d1c-7a53-9b0e-5f4f3a2b1c0d").is_ok());
    }
}
