//! The court table: whether it knows the courts that send, because it names the common superior court of a dispute.

use xiezhi_schemas::{courts, identifier::CourtCode};

use super::{Check, Status};
use crate::{
    code::chain,
    store::{Store, StoreError, requests_read},
};

/// Demands looked at, the newest ones.
const NEWEST: i64 = 20_000;

/// Codes named in the answer at the most.
const MOST_NAMED: usize = 10;

pub(super) async fn check(store: &Store) -> Check {
    const NAME: &str = "courts";
    let read: Result<_, StoreError> =
        async { requests_read::newest_courts(&*store.client().await?, NEWEST).await }.await;
    let sending = match read {
        Ok(sending) => sending,
        Err(error) => return Check::bad(NAME, Status::Fail, chain(&error), "see the check of the database"),
    };
    let known = |code: &str| code.parse::<CourtCode>().is_ok_and(|code| courts::find(&code).is_some());
    let missing: Vec<&str> = sending.iter().map(String::as_str).filter(|code| !known(code)).collect();
    let table = courts::all().count();
    if missing.is_empty() {
        return Check::ok(
            NAME,
            format!("the table's {table} courts are all that sent lately ({})", sending.len()),
        );
    }
    let named = missing[..missing.len().min(MOST_NAMED)].join(", ");
    Check::bad(
        NAME,
        Status::Warn,
        format!(
            "[HUB-3325] {} of {} courts that sent lately are not in the table: {named}",
            missing.len(),
            sending.len()
        ),
        "a dispute with them names no common superior court; ask 最高人民法院, and add them with their source to schemas/data/courts.csv",
    )
}
