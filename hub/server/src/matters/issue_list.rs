//! Issues in pages and as a file.

use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use jiff::{Timestamp, civil::Date};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use xiezhi_schemas::address::ProvinceCode;

use super::views::{self, IssueView};
use crate::{
    audit,
    directory::today,
    http::{
        App,
        auth::{Caller, Need},
        cursor::{cursor, cut, page_size, read_cursor},
        problem::Problem,
        query::Query,
    },
    store::{
        StoreError,
        issues::{self as table, Cause, Filter, Line},
    },
};

/// Query of the list; all given conditions hold together.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    /// Of one province.
    province: Option<ProvinceCode>,
    /// Opened for this cause.
    cause: Option<Cause>,
    /// About one request.
    request_id: Option<Uuid>,
    /// Seen to by this person or office, exactly.
    owner: Option<String>,
    /// Open ones, or closed ones.
    open: Option<bool>,
    /// Open and due before this day; `today` + 1 finds what is due today too.
    due_before: Option<Date>,
    /// At most so many, 50 by default.
    #[schemars(range(min = 1, max = 500))]
    limit: Option<i64>,
    /// `next` of the page before; goes with the same conditions only.
    cursor: Option<String>,
}

/// One page, oldest first.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IssuePage")]
pub(crate) struct Page {
    /// The issues.
    items: Vec<IssueView>,
    /// Cursor of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page>, Problem> {
    caller.need(Need::Operator)?;
    let limit = page_size(query.limit)?;
    let filter = Filter {
        province: query.province.as_ref().map(ProvinceCode::as_str),
        cause: query.cause,
        request_id: query.request_id,
        owner: query.owner.as_deref(),
        open: query.open,
        due_before: query.due_before,
        issue_id: None,
        after: query.cursor.as_deref().map(read_cursor).transpose()?,
    };
    let client = app.store.client().await?;
    let mut lines = table::page(&client, &filter, limit + 1).await?;
    let more = cut(&mut lines, limit);
    let next = lines.last().filter(|_| more).map(|last| cursor(last.opened_at, last.issue_id));
    Ok(Json(Page { items: views::issues(&client, lines).await?, next }))
}

/// Query of the export.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExportQuery {
    /// Of one province; of all when absent.
    province: Option<ProvinceCode>,
    /// Closed ones too; only open ones when absent.
    #[serde(default)]
    closed_too: bool,
    /// `csv`, or `json` for JSON lines; CSV when absent.
    #[serde(default)]
    format: Format,
}

/// How a file is written.
#[derive(Debug, Default, Clone, Copy, Deserialize, JsonSchema)]
#[schemars(rename = "IssueFormat")]
#[serde(rename_all = "snake_case")]
enum Format {
    #[default]
    Csv,
    Json,
}

/// One line of the file.
#[derive(Debug, Serialize)]
struct Row {
    issue_id: Uuid,
    province: String,
    cause: Cause,
    state: views::IssueState,
    subject: String,
    request_id: Option<Uuid>,
    owner: Option<String>,
    due_on: Option<Date>,
    overdue: bool,
    opened_at: Timestamp,
    opened_by: String,
    closed_at: Option<Timestamp>,
    answer: Option<String>,
}

/// The columns of the file, also when it has no line.
const COLUMNS: [&str; 13] = [
    "issue_id",
    "province",
    "cause",
    "state",
    "subject",
    "request_id",
    "owner",
    "due_on",
    "overdue",
    "opened_at",
    "opened_by",
    "closed_at",
    "answer",
];

impl Row {
    fn of(line: Line, today: Date) -> Self {
        let (state, overdue) = views::issue_state(&line, today);
        Self {
            issue_id: line.issue_id,
            province: line.province,
            cause: line.cause,
            state,
            subject: line.subject,
            request_id: line.request_id,
            owner: line.owner,
            due_on: line.due_on,
            overdue,
            opened_at: line.opened_at,
            opened_by: line.opened_by,
            closed_at: line.closed_at,
            answer: line.answer,
        }
    }
}

pub(super) async fn export(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ExportQuery>,
) -> Result<Response, Problem> {
    caller.need(Need::Operator)?;
    let province = query.province.as_ref().map(ProvinceCode::as_str);
    let open = (!query.closed_too).then_some(true);
    let filter = Filter { province, open, ..Filter::default() };
    let mut client = app.store.client().await?;
    let today = today();
    let rows: Vec<Row> =
        table::page(&client, &filter, i64::MAX).await?.into_iter().map(|line| Row::of(line, today)).collect();
    let tx = client.transaction().await.map_err(StoreError::from)?;
    let object = format!("issues of {}: {} lines", province.unwrap_or("all"), rows.len());
    audit::record(&tx, &caller.name, caller.role.as_str(), "issue.export", &object).await?;
    tx.commit().await.map_err(StoreError::of_commit)?;
    let (media_type, bytes) = match query.format {
        Format::Csv => ("text/csv; charset=utf-8", csv_of(&rows)),
        Format::Json => ("application/x-ndjson", json_of(&rows)),
    };
    Ok(([(header::CONTENT_TYPE, media_type)], bytes).into_response())
}

fn csv_of(rows: &[Row]) -> Vec<u8> {
    let in_memory = "writing to memory does not fail";
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    writer.write_record(COLUMNS).expect(in_memory);
    rows.iter().for_each(|row| writer.serialize(row).expect(in_memory));
    writer.into_inner().expect(in_memory)
}

fn json_of(rows: &[Row]) -> Vec<u8> {
    let line = |row: &Row| format!("{}\n", serde_json::to_string(row).expect("a row is plain data"));
    rows.iter().map(line).collect::<String>().into_bytes()
}
