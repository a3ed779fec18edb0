//! The directory as the database holds it.

use std::collections::BTreeMap;

use jiff::{Zoned, civil::Date, tz::TimeZone};
use serde::Serialize;
use tokio_postgres::Client;

use crate::store::StoreError;

/// The zone in which courts and registries count days.
pub fn zone() -> TimeZone {
    TimeZone::get("Asia/Shanghai").expect("the zones are compiled in")
}

/// Today where courts and registries are.
pub fn today() -> Date {
    Zoned::now().with_time_zone(zone()).date()
}

/// A province or a registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Named {
    /// Name.
    pub name: String,
    /// First day.
    pub valid_from: Date,
    /// Last day; `None` while no end is known.
    pub valid_to: Option<Date>,
}

/// That a registry serves a division from some day on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Served {
    /// The registry.
    pub registry: String,
    /// Last day; `None` while no end is known.
    pub valid_to: Option<Date>,
}

/// All rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tables {
    /// By two digits.
    pub provinces: BTreeMap<String, Named>,
    /// By six digits.
    pub registries: BTreeMap<String, Named>,
    /// By six digits and first day.
    pub divisions: BTreeMap<(String, Date), Served>,
}

/// Whether `day` lies within the dates, both included.
fn holds(from: Date, to: Option<Date>, day: Date) -> bool {
    from <= day && to.is_none_or(|to| day <= to)
}

impl Tables {
    /// The rows in force on `day`; a registry counts only while its province does, a division only while its registry does.
    pub fn in_force(&self, day: Date) -> Self {
        let named = |all: &BTreeMap<String, Named>| -> BTreeMap<String, Named> {
            let held = all.iter().filter(|(_, row)| holds(row.valid_from, row.valid_to, day));
            held.map(|(code, row)| (code.clone(), row.clone())).collect()
        };
        let provinces = named(&self.provinces);
        let mut registries = named(&self.registries);
        registries.retain(|code, _| provinces.contains_key(&code[..2]));
        let divisions = self
            .divisions
            .iter()
            .filter(|((_, from), row)| {
                holds(*from, row.valid_to, day) && registries.contains_key(&row.registry)
            })
            .map(|(key, row)| (key.clone(), row.clone()))
            .collect();
        Self { provinces, registries, divisions }
    }
}

/// Reads all rows. Takes no lock.
///
/// # Errors
/// When a statement fails.
pub async fn load(client: &Client) -> Result<Tables, StoreError> {
    let named = |row: &tokio_postgres::Row| {
        (row.get(0), Named { name: row.get(1), valid_from: row.get(2), valid_to: row.get(3) })
    };
    let provinces = client.query(include_str!("../store/queries/province/list.sql"), &[]).await?;
    let registries = client.query(include_str!("../store/queries/registry/list.sql"), &[]).await?;
    let divisions = client.query(include_str!("../store/queries/registry_division/list.sql"), &[]).await?;
    Ok(Tables {
        provinces: provinces.iter().map(named).collect(),
        registries: registries.iter().map(named).collect(),
        divisions: divisions
            .iter()
            .map(|row| ((row.get(0), row.get(2)), Served { registry: row.get(1), valid_to: row.get(3) }))
            .collect(),
    })
}
