//! Table `contact`: whom to call (联络员), on both sides, from when to when.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio_postgres::Client;

use super::{StoreError, Transaction, decode};

/// On which side somebody is to be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// 人民法院.
    Court,
    /// 自然资源主管部门、不动产登记机构.
    Registry,
}

impl Side {
    /// The word in SQL, CSV and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Court => "court",
            Self::Registry => "registry",
        }
    }
}

/// One line of the directory; the form of the CSV file too. Its `Debug` names nobody.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// Province, two digits; empty for a national contact.
    pub province: Option<String>,
    /// On which side.
    pub side: Side,
    /// Where the person works.
    pub organisation: String,
    /// The person.
    pub name: String,
    /// What the person is for.
    pub duty: Option<String>,
    /// Telephone.
    pub phone: String,
    /// Mail.
    pub email: Option<String>,
    /// First day.
    pub valid_from: Date,
    /// Last day; open when empty.
    pub valid_to: Option<Date>,
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Person")
            .field("province", &self.province)
            .field("side", &self.side)
            .finish_non_exhaustive()
    }
}

/// What an import did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Imported {
    /// Lines that are new.
    pub added: usize,
    /// Lines that changed.
    pub changed: usize,
    /// Lines that were known as they are.
    pub unchanged: usize,
}

/// Adds or changes lines, known by province, side, organisation, name and first day. Locks the changed rows.
///
/// # Errors
/// When the statement fails.
pub async fn upsert(tx: &Transaction<'_>, people: &[Person]) -> Result<Imported, StoreError> {
    fn column<'a, T>(people: &'a [Person], get: impl Fn(&'a Person) -> T) -> Vec<T> {
        people.iter().map(get).collect()
    }
    let rows = tx
        .query(
            include_str!("queries/contact/upsert.sql"),
            &[
                &column(people, |p| p.province.as_deref()),
                &column(people, |p| p.side.as_str()),
                &column(people, |p| p.organisation.as_str()),
                &column(people, |p| p.name.as_str()),
                &column(people, |p| p.duty.as_deref()),
                &column(people, |p| p.phone.as_str()),
                &column(people, |p| p.email.as_deref()),
                &column(people, |p| p.valid_from),
                &column(people, |p| p.valid_to),
            ],
        )
        .await?;
    let mut added = 0;
    for row in &rows {
        added += usize::from(row.try_get::<_, bool>(0)?);
    }
    Ok(Imported { added, changed: rows.len() - added, unchanged: people.len() - rows.len() })
}

/// Which lines are wanted; `None` does not restrict.
#[derive(Debug, Clone, Default)]
pub struct Filter<'a> {
    /// Of this province.
    pub province: Option<&'a str>,
    /// On this side.
    pub side: Option<Side>,
    /// Whether lines count whose last day is over on `on`.
    pub with_expired: bool,
    /// The day in question.
    pub on: Date,
    /// After this number.
    pub after: i64,
}

/// At most `limit` lines with their numbers, in the order of their coming. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn page(
    client: &Client,
    filter: &Filter<'_>,
    limit: i64,
) -> Result<Vec<(i64, Person)>, StoreError> {
    let side = filter.side.map(Side::as_str);
    let rows = client
        .query(
            include_str!("queries/contact/page.sql"),
            &[&filter.province, &side, &filter.with_expired, &filter.on, &filter.after, &limit],
        )
        .await?;
    rows.iter()
        .map(|row| {
            let side: String = row.try_get("side")?;
            let person = Person {
                province: row.try_get("province")?,
                side: serde_json::from_value(side.into()).map_err(|e| decode("contact.side", e))?,
                organisation: row.try_get("organisation")?,
                name: row.try_get("name")?,
                duty: row.try_get("duty")?,
                phone: row.try_get("phone")?,
                email: row.try_get("email")?,
                valid_from: row.try_get("valid_from")?,
                valid_to: row.try_get("valid_to")?,
            };
            Ok((row.try_get("contact_id")?, person))
        })
        .collect()
}
