//! `GET /v1/demands/{id}/forms/{form}` and its PDF.

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
    routing::get,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use xiezhi_domain::check::{Finding, Findings};
use xiezhi_forms::{Code as FormCode, Form, FormError};

use super::{Which, of_request};
use crate::{
    http::{
        App,
        auth::{Caller, Need},
        codes::{self, Code},
        problem::{Item, Problem},
        query::Query,
        routes::{Answer, PLAIN, Route, json, schema_of},
    },
    intake::show,
    store::forms::{self as table, FormSource},
};

/// Query of a form.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FormQuery {
    /// For operators: whose demand, when several courts use the same demand_id.
    pub sender: Option<String>,
    /// Which unit, from 1, when the demand is named by its demand_id and has several.
    pub unit: Option<i16>,
}

/// A form's data, and what a person should look at before it is used.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FormView {
    /// The data.
    pub data: Form,
    /// What is printed, a paragraph a line.
    pub text: String,
    /// Whether the official text of this form is still missing.
    pub provisional: bool,
    /// What is odd: years and days that differ (R77), a date that differs from the register (R73).
    pub warnings: Vec<Finding>,
}

/// A code of the forms as the API lists its own.
pub(crate) const fn api(code: FormCode) -> Code {
    Code { code: code.as_str(), status: code.http_status(), title: code.title() }
}

const PROBLEMS: &[Code] = &[
    codes::NOT_FOUND,
    codes::QUERY,
    api(FormCode::Blank),
    api(FormCode::Unfit),
    api(FormCode::PeriodRefused),
    api(FormCode::PeriodMissing),
    api(FormCode::StandingUnfit),
    api(FormCode::OriginalMissing),
    api(FormCode::Ambiguous),
    api(FormCode::NoVersion),
    api(FormCode::NoResult),
];

/// Routes of this room.
pub const ROUTES: &[Route] = &[
    Route {
        path: "/v1/demands/{id}/forms/{form}",
        operation: "showForm",
        summary: "The data and text of a form of the annex, `notice` or `receipt`, written from the stored demand and its result.",
        need: Some(Need::CourtOrOperator),
        query: Some(schema_of::<FormQuery>),
        answers: &[json::<FormView>(200, "The form.")],
        problems: PROBLEMS,
        handler: || get(show_form),
        ..PLAIN
    },
    Route {
        path: "/v1/demands/{id}/forms/{form}/pdf",
        operation: "printForm",
        summary: "The same form as PDF/A-2b; the same bytes for the same data.",
        need: Some(Need::CourtOrOperator),
        query: Some(schema_of::<FormQuery>),
        answers: &[Answer { status: 200, meaning: "The form.", media_type: "application/pdf", schema: None }],
        problems: &[
            codes::NOT_FOUND,
            codes::QUERY,
            api(FormCode::Blank),
            api(FormCode::Unfit),
            api(FormCode::PeriodRefused),
            api(FormCode::PeriodMissing),
            api(FormCode::StandingUnfit),
            api(FormCode::OriginalMissing),
            api(FormCode::Ambiguous),
            api(FormCode::NoVersion),
            api(FormCode::NoResult),
            api(FormCode::NoFonts),
            api(FormCode::Unprintable),
            api(FormCode::NotSet),
        ],
        handler: || get(print_form),
        ..PLAIN
    },
];

async fn show_form(
    State(app): State<App>,
    caller: Caller,
    Path((id, form)): Path<(String, String)>,
    Query(query): Query<FormQuery>,
) -> Result<Json<FormView>, Problem> {
    let (source, data) = find(&app, &caller, &id, &form, &query).await?;
    let text = data.text(app.forms.wording()).map_err(refused)?;
    let mut warnings = data.check().warnings;
    warnings.extend(compare(&app, &source, &data).await?.warnings);
    let version = app.forms.wording().on(data.kind(), data.date());
    let provisional = version.is_some_and(xiezhi_forms::Version::is_provisional);
    Ok(Json(FormView { data, text, provisional, warnings }))
}

async fn print_form(
    State(app): State<App>,
    caller: Caller,
    Path((id, form)): Path<(String, String)>,
    Query(query): Query<FormQuery>,
) -> Result<Response, Problem> {
    let (source, data) = find(&app, &caller, &id, &form, &query).await?;
    let desk = app.forms.clone();
    // Fonts are read from a disk and a page takes milliseconds of a core: no work for the runtime's own threads.
    let printing = tokio::task::spawn_blocking(move || {
        let fonts = desk.fonts().map_err(|error| {
            tracing::error!(code = error.code(), "{error}");
            Problem::new(api(FormCode::NoFonts), error.to_string())
        })?;
        data.pdf(desk.wording(), &fonts).map_err(refused)
    });
    let pdf = printing.await.map_err(|_| Problem::new(codes::INTERNAL, "the form was not printed"))??;
    let name = format!("attachment; filename=\"{form}-{}.pdf\"", source.demand.request_id);
    let name = HeaderValue::from_str(&name).map_err(|_| Problem::not_found())?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/pdf")),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((headers, pdf).into_response())
}

/// The form, behind the same walls as the demand itself.
async fn find(
    app: &App,
    caller: &Caller,
    id: &str,
    form: &str,
    query: &FormQuery,
) -> Result<(FormSource, Form), Problem> {
    let found = show::requests(app, id, show::visible(caller, query.sender.as_deref())?).await?;
    let mut wanted = found.iter().filter(|request| query.unit.is_none_or(|unit| unit == request.unit_index));
    let request = match (wanted.next(), wanted.next()) {
        (None, _) => return Err(Problem::not_found()),
        (Some(request), None) => request,
        (Some(_), Some(_)) => {
            let detail =
                "the demand names several units; each has forms of its own: give ?unit= or the request id";
            return Err(Problem::new(codes::QUERY, detail));
        }
    };
    let which = Which::find(form).ok_or_else(Problem::not_found)?;
    let client = app.store.client().await?;
    let source = table::source(&client, request.request_id).await?.ok_or_else(Problem::not_found)?;
    let Some(data) = of_request(which, &source) else {
        let detail = format!("the request is `{}`; a receipt form states what was registered", request.state);
        return Err(Problem::new(api(FormCode::NoResult), detail));
    };
    Ok((source, data))
}

/// R73: the day of the original seizure as the hub knows it from the registry's own result.
async fn compare(app: &App, source: &FormSource, data: &Form) -> Result<Findings, Problem> {
    let Form::Notice(notice) = data else { return Ok(Findings::default()) };
    let (Some(number), Some(_)) = (&notice.original_case_number, notice.original_seizure_date) else {
        return Ok(Findings::default());
    };
    let (unit, registry) = (source.demand.unit.unit_code.as_ref(), source.demand.registry.as_str());
    let client = app.store.client().await?;
    let registered = table::registered_on(&client, unit, registry, number.as_ref()).await?;
    Ok(registered.map(|day| notice.compare_with_register(day)).unwrap_or_default())
}

fn refused(error: FormError) -> Problem {
    let code = FormCode::ALL.iter().find(|code| code.as_str() == error.code());
    let code = code.map_or(codes::INTERNAL, |code| api(*code));
    let FormError::Refused(found) = &error else { return Problem::new(code, error.to_string()) };
    let mut problem = Problem::new(code, "the form is not written; what is wrong is listed in `problems`");
    problem.problems = found.errors.iter().map(item).collect();
    problem
}

fn item(found: &Finding) -> Item {
    Item {
        path: found.path.clone(),
        code: found.code.to_owned(),
        level: None,
        message: found.message.clone(),
        hint: found.hint.clone(),
    }
}
