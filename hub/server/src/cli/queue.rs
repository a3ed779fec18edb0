//! `hub queue UNIT`: who stands where on a property unit, and why.

use clap::Args;
use serde_json::{Value, json};

use super::{ApiArgs, Failure, client::Api, demands::segment, output};

/// Shows the demands of a property unit in the order of delivery, and the register as it stands.
#[derive(Debug, Args)]
pub(super) struct QueueArgs {
    /// 不动产单元代码.
    unit: String,
    /// At most so many demands.
    #[arg(long, default_value_t = 1000)]
    limit: usize,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    api: ApiArgs,
}

/// Demands on a page; the hub allows 500.
const LARGEST_PAGE: usize = 500;

pub(super) async fn run(args: QueueArgs) -> Result<(), Failure> {
    let api = Api::new(&args.api)?;
    let path = format!("/v1/units/{}/queue", segment(&args.unit)?);
    let mut items: Vec<Value> = Vec::new();
    let mut cursor: Option<String> = None;
    // Register and turn are those of the last page: all of it is a moment's view.
    let mut queue = loop {
        let size = (args.limit - items.len()).clamp(1, LARGEST_PAGE);
        let query = [("limit", Some(size.to_string())), ("cursor", cursor.take())];
        let mut page = api.get(&path, &query).await?;
        if let Some(Value::Array(more)) = page.get_mut("items").map(Value::take) {
            items.extend(more);
        }
        cursor = page.get("next").and_then(Value::as_str).map(str::to_owned);
        if cursor.is_none() || items.len() >= args.limit {
            break page;
        }
    };
    if args.json {
        queue["items"] = json!(items);
        output::json(&queue)?;
        return Ok(());
    }
    let number = |name: &str| queue["register"].get(name).and_then(Value::as_u64).unwrap_or_default();
    let text = format!(
        "unit {}: {} 正式, {} 轮候, {} ended",
        args.unit,
        number("formal"),
        number("waiting"),
        number("ended")
    );
    output::line(&text)?;
    let columns = [
        ("PLACE", "/place"),
        ("POSITION", "/position"),
        ("KIND", "/kind"),
        ("STATE", "/state"),
        ("CHANNEL", "/channel"),
        ("NO", "/receipt_no"),
        ("DELIVERED", "/delivered_at"),
        ("LAST DAY", "/seizure/period_to"),
        ("COURT", "/demand/court_code"),
        ("CASE", "/demand/case_number"),
        ("REQUEST", "/demand/request_id"),
        ("DISAGREES", "/disagreements/0"),
        ("WHY", "/why"),
    ];
    output::objects(&columns, &items)?;
    if let Some(place) = queue.pointer("/turn/place") {
        let position = queue.pointer("/turn/position").and_then(Value::as_str);
        let position = position.map(|position| format!(", as {position} if the order is followed"));
        output::line(&format!("next to be registered: place {place}{}", position.unwrap_or_default()))?;
    }
    if cursor.is_some() {
        eprintln!("there are more: --limit shows them");
    }
    Ok(())
}
