//! The switch of a province from its local links (点对点) to the network (总对总): 已经实现“点对点”不动产网络查封登记的，应逐步拓展到
//! “总对总” (法〔2024〕32号 一). Which day it is, is data: each decision is kept, and the newest one counts. A link that receives
//! something after its day is an event for people; what a registry did receive keeps its receipt and its rank.

use jiff::{Timestamp, civil::Date};
use xiezhi_domain::workdays::day_of;
use xiezhi_schemas::address::ProvinceCode;

use super::{DirectoryError, today};
use crate::{
    audit,
    store::{Store, StoreError, local_links, outages},
};

/// Whether what a link received at this instant came after the links were closed.
pub fn is_closed(closed_from: Option<Date>, received_at: Timestamp) -> bool {
    closed_from.is_some_and(|from| day_of(received_at) >= from)
}

/// Decides that the links of a province are closed from a day on, or, without a day, that they are open.
///
/// A day that has begun cannot be chosen: courts must be able to know before they serve.
///
/// # Errors
/// [`DirectoryError::Link`] when the decision cannot be; then nothing was changed.
pub async fn decide(
    store: &Store,
    province: &ProvinceCode,
    closed_from: Option<Date>,
    actor: &str,
    reason: &str,
) -> Result<(), DirectoryError> {
    let reason = reason.trim();
    if !(5..=500).contains(&reason.chars().count()) {
        return Err(DirectoryError::Link("a decision gives its reason in 5 to 500 characters".to_owned()));
    }
    if let Some(from) = closed_from.filter(|from| *from <= today()) {
        let why = format!("{from} has begun or passed; links are closed from a day to come");
        return Err(DirectoryError::Link(why));
    }
    let mut client = store.client().await?;
    let tx = client.transaction().await.map_err(StoreError::from)?;
    if !outages::place_exists(&tx, province, None).await? {
        return Err(DirectoryError::Link(format!("province {province} is not in the directory")));
    }
    local_links::insert(&tx, province, closed_from, actor, reason).await?;
    let what = match closed_from {
        Some(from) => format!("province {province} closed from {from}: {reason}"),
        None => format!("province {province} open: {reason}"),
    };
    audit::record(&tx, actor, "operator", "province.link", &what).await?;
    tx.commit().await.map_err(StoreError::of_commit)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    /// The day is one of China: its first instant is closed, the last one before it is open.
    #[test]
    fn links_close_at_midnight_in_china() {
        let from: Option<Date> = Some("2027-01-01".parse().unwrap());
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert!(is_closed(from, at("2026-12-31T16:00:00Z")));
        assert!(!is_closed(from, at("2026-12-31T15:59:59.999999Z")));
        assert!(!is_closed(None, at("2030-01-01T00:00:00Z")));
    }
}
