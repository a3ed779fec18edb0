//! Table `consultation`: what courts and registration authorities talk about (会商). The log is its matter's.

use jiff::Timestamp;
use tokio_postgres::Client;
use uuid::Uuid;
use xiezhi_schemas::address::ProvinceCode;

use super::{StoreError, Transaction};

/// A return for a mismatch that asks for a consultation.
#[derive(Debug)]
pub struct Mismatch {
    /// The request that was returned.
    pub request_id: Uuid,
    /// Its province.
    pub province: ProvinceCode,
    /// What it is about, in a line.
    pub subject: String,
    /// The registry's words.
    pub text: String,
    /// When.
    pub at: Timestamp,
    /// The registry.
    pub actor: String,
}

/// Opens a consultation for each of these returns that has none yet, with matter and first entry. Takes no lock on what
/// others hold: the requests are locked by this transaction, and the rest is new.
///
/// # Errors
/// When the statement fails.
pub async fn open_mismatches(tx: &Transaction<'_>, new: &[Mismatch]) -> Result<(), StoreError> {
    if new.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = new.iter().map(|_| Uuid::now_v7()).collect();
    let requests: Vec<Uuid> = new.iter().map(|m| m.request_id).collect();
    let provinces: Vec<&str> = new.iter().map(|m| m.province.as_str()).collect();
    let subjects: Vec<&str> = new.iter().map(|m| m.subject.as_str()).collect();
    let texts: Vec<&str> = new.iter().map(|m| m.text.as_str()).collect();
    let ats: Vec<Timestamp> = new.iter().map(|m| m.at).collect();
    let actors: Vec<&str> = new.iter().map(|m| m.actor.as_str()).collect();
    tx.execute(
        include_str!("queries/consultation/open_mismatches.sql"),
        &[&ids, &requests, &provinces, &subjects, &texts, &ats, &actors],
    )
    .await?;
    Ok(())
}

/// A consultation opened by a person; its matter must have been inserted by this transaction.
#[derive(Debug)]
pub struct NewConsultation<'a> {
    /// Its id, that of its matter.
    pub consultation_id: Uuid,
    /// `national` or `province`.
    pub level: &'a str,
    /// Which province.
    pub province: Option<&'a str>,
    /// The request that it is about.
    pub request_id: Option<Uuid>,
    /// What it is about, in a line.
    pub subject: &'a str,
}

/// Inserts a consultation.
///
/// # Errors
/// When the statement fails.
pub async fn insert(tx: &Transaction<'_>, new: &NewConsultation<'_>) -> Result<(), StoreError> {
    tx.execute(
        include_str!("queries/consultation/insert.sql"),
        &[&new.consultation_id, &"person", &new.level, &new.province, &new.request_id, &new.subject],
    )
    .await?;
    Ok(())
}

/// The province of a request, if there is such a request. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn province_of(client: &Client, request_id: Uuid) -> Result<Option<String>, StoreError> {
    let row =
        client.query_opt(include_str!("queries/consultation/request_province.sql"), &[&request_id]).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// Which consultations are wanted; `None` does not restrict.
#[derive(Debug, Clone, Default)]
pub struct Filter<'a> {
    /// About a request of this sender.
    pub sender: Option<&'a str>,
    /// `national` or `province`.
    pub level: Option<&'a str>,
    /// Of this province.
    pub province: Option<&'a str>,
    /// `register_mismatch` or `person`.
    pub cause: Option<&'a str>,
    /// About this request.
    pub request_id: Option<Uuid>,
    /// Open or closed.
    pub open: Option<bool>,
    /// This one.
    pub consultation_id: Option<Uuid>,
    /// After this one, in the order of opening.
    pub after: Option<(Timestamp, Uuid)>,
}

/// A consultation without its log.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its id.
    pub consultation_id: Uuid,
    /// `register_mismatch` or `person`.
    pub cause: String,
    /// `national` or `province`.
    pub level: String,
    /// Which province.
    pub province: Option<String>,
    /// The request that it is about.
    pub request_id: Option<Uuid>,
    /// What it is about.
    pub subject: String,
    /// When it began.
    pub opened_at: Timestamp,
    /// Who opened it.
    pub opened_by: String,
    /// When it ended.
    pub closed_at: Option<Timestamp>,
}

/// At most `limit` consultations in the order of opening. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn page(client: &Client, filter: &Filter<'_>, limit: i64) -> Result<Vec<Line>, StoreError> {
    let (at, id) = filter.after.unzip();
    let rows = client
        .query(
            include_str!("queries/consultation/page.sql"),
            &[
                &filter.sender,
                &filter.level,
                &filter.province,
                &filter.cause,
                &filter.request_id,
                &filter.open,
                &filter.consultation_id,
                &at,
                &id,
                &limit,
            ],
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Line {
                consultation_id: row.try_get("consultation_id")?,
                cause: row.try_get("cause")?,
                level: row.try_get("level")?,
                province: row.try_get("province")?,
                request_id: row.try_get("request_id")?,
                subject: row.try_get("subject")?,
                opened_at: row.try_get("opened_at")?,
                opened_by: row.try_get("opened_by")?,
                closed_at: row.try_get("closed_at")?,
            })
        })
        .collect()
}
