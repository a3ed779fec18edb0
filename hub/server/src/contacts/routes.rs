//! `/v1/contacts`: the directory of contacts, read by courts and operators, renewed by operators from a file.

use axum::{
    Json,
    body::Body,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use xiezhi_schemas::{address::ProvinceCode, identifier::today};

use super::file;
use crate::{
    audit,
    http::{
        App,
        auth::{Caller, Need},
        body, codes,
        cursor::{cut, page_size},
        problem::Problem,
        query::Query,
        routes::{Answer, PLAIN, Route, json, schema_of},
    },
    store::{
        StoreError,
        contacts::{self as table, Filter, Imported, Person, Side},
    },
};

/// The operations of this room.
pub const ROUTES: &[Route] = &[
    Route {
        path: "/v1/contacts",
        operation: "listContacts",
        summary: "Whom to call (联络员), page by page; those whose time is over are flagged.",
        need: Some(Need::CourtOrOperator),
        query: Some(schema_of::<ListQuery>),
        answers: &[json::<Page>(200, "One page; next is absent on the last.")],
        handler: || get(list),
        ..PLAIN
    },
    Route {
        path: "/v1/contacts/export",
        operation: "exportContacts",
        summary: "For operators: the directory as a CSV file, of one province if asked.",
        need: Some(Need::Operator),
        query: Some(schema_of::<ExportQuery>),
        answers: &[Answer { status: 200, meaning: "The file.", media_type: "text/csv", schema: None }],
        handler: || get(export),
        ..PLAIN
    },
    Route {
        method: "post",
        path: "/v1/contacts/import",
        operation: "importContacts",
        summary: "For operators: takes in a CSV file, whole or not at all; a line that is known is renewed.",
        need: Some(Need::Operator),
        query: Some(schema_of::<ImportQuery>),
        body: &[("text/csv", None)],
        answers: &[json::<Imported>(200, "What was done, or in a dry run would be done.")],
        problems: &[codes::CONTACT_FILE, codes::BODY_TOO_LARGE, codes::TOO_SLOW],
        handler: || post(import),
        ..PLAIN
    },
];

/// Largest file.
const MOST_BYTES: usize = 4 << 20;

/// Query of the list; all given conditions hold together.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    /// Of one province; national contacts have none.
    province: Option<ProvinceCode>,
    /// `court` or `registry`.
    side: Option<Side>,
    /// The day in question, today by default.
    on: Option<Date>,
    /// Whether those count whose time is over on that day; true by default.
    expired: Option<bool>,
    /// At most so many, 50 by default.
    #[schemars(range(min = 1, max = 500))]
    limit: Option<i64>,
    /// `next` of the page before.
    cursor: Option<i64>,
}

/// Somebody to call.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ContactView {
    /// Number of the line.
    contact_id: i64,
    /// Province; absent for a national contact.
    #[serde(skip_serializing_if = "Option::is_none")]
    province: Option<String>,
    /// On which side.
    side: Side,
    /// Where the person works.
    organisation: String,
    /// The person.
    name: String,
    /// What the person is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    duty: Option<String>,
    /// Telephone.
    phone: String,
    /// Mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    /// First day.
    valid_from: Date,
    /// Last day.
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_to: Option<Date>,
    /// Whether the person's time is over on the day in question.
    expired: bool,
}

/// One page, in the order in which people were entered.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ContactPage")]
pub(crate) struct Page {
    /// The people.
    items: Vec<ContactView>,
    /// Cursor of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<i64>,
}

fn view(contact_id: i64, person: Person, on: Date) -> ContactView {
    ContactView {
        contact_id,
        expired: person.valid_to.is_some_and(|to| to < on),
        province: person.province,
        side: person.side,
        organisation: person.organisation,
        name: person.name,
        duty: person.duty,
        phone: person.phone,
        email: person.email,
        valid_from: person.valid_from,
        valid_to: person.valid_to,
    }
}

async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page>, Problem> {
    caller.need(Need::CourtOrOperator)?;
    let limit = page_size(query.limit)?;
    let on = query.on.unwrap_or_else(today);
    let filter = Filter {
        province: query.province.as_ref().map(ProvinceCode::as_str),
        side: query.side,
        with_expired: query.expired.unwrap_or(true),
        on,
        after: query.cursor.unwrap_or(0),
    };
    let mut found = table::page(&*app.store.client().await?, &filter, limit + 1).await?;
    let more = cut(&mut found, limit);
    let next = found.last().filter(|_| more).map(|(id, _)| *id);
    Ok(Json(Page { items: found.into_iter().map(|(id, person)| view(id, person, on)).collect(), next }))
}

/// Query of the export.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExportQuery {
    /// Of one province; all, national ones too, when absent.
    province: Option<ProvinceCode>,
}

async fn export(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ExportQuery>,
) -> Result<Response, Problem> {
    caller.need(Need::Operator)?;
    let mut client = app.store.client().await?;
    let province = query.province.as_ref().map(ProvinceCode::as_str);
    let filter = Filter { province, side: None, with_expired: true, on: today(), after: 0 };
    let people: Vec<Person> =
        table::page(&client, &filter, i64::MAX).await?.into_iter().map(|(_, person)| person).collect();
    let tx = client.transaction().await.map_err(StoreError::from)?;
    let object = format!("contacts of {}: {} lines", province.unwrap_or("all"), people.len());
    audit::record(&tx, &caller.name, "operator", "contact.export", &object).await?;
    tx.commit().await.map_err(StoreError::of_commit)?;
    let headers = [(header::CONTENT_TYPE, "text/csv; charset=utf-8")];
    Ok((headers, file::write(&people)).into_response())
}

/// Query of the import.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImportQuery {
    /// Only says what would be done.
    dry_run: Option<bool>,
}

async fn import(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ImportQuery>,
    bytes: Body,
) -> Result<Json<Imported>, Problem> {
    caller.need(Need::Operator)?;
    let bytes = body::whole(bytes, MOST_BYTES, app.request_timeout()).await?;
    let people = file::read(&bytes).map_err(Problem::refused)?;
    let dry_run = query.dry_run.unwrap_or(false);
    let (store, actor) = (app.store.clone(), caller.name.clone());
    let work = async move {
        let mut client = store.client().await?;
        let tx = client.transaction().await?;
        let imported = table::upsert(&tx, &people).await?;
        if dry_run {
            tx.rollback().await?;
            return Ok(imported);
        }
        let object = format!("contacts: {} added, {} changed", imported.added, imported.changed);
        audit::record(&tx, &actor, "operator", "contact.import", &object).await?;
        tx.commit().await.map_err(StoreError::of_commit)?;
        Ok::<_, StoreError>(imported)
    };
    Ok(Json(app.finish(work).await??))
}
