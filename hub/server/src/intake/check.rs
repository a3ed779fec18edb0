//! All checks of one body, in one list.

use std::collections::HashMap;

use deadpool_postgres::Client;
use jiff::civil::Date;
use serde_json::Value;
use xiezhi_domain::Finding;
use xiezhi_schemas::{
    address::RegistryCode,
    message::{Digest, Submission},
};

use super::{identifiers, references, repair, validate};
use crate::{
    http::{
        codes,
        problem::{Item, Problem},
    },
    store::documents::Stored,
};

/// A demand that may be accepted.
pub(super) struct Good {
    pub(super) submission: Submission,
    /// The registry of each unit.
    pub(super) registries: Vec<RegistryCode>,
    pub(super) warnings: Vec<Item>,
}

/// Checks a body; `arriving` are documents that come with it, `extra` what is already known to be wrong.
///
/// # Errors
/// All problems in one answer, or the database does not answer.
pub(super) async fn check(
    client: &Client,
    sender: &str,
    body: &Value,
    today: Date,
    arriving: &HashMap<Digest, Stored>,
    extra: Vec<Item>,
) -> Result<Good, Problem> {
    let mut problems: Vec<Item> = validate::submission(body)
        .into_iter()
        .filter(|item| !(item.code == codes::VALUE_REFUSED.code && identifiers::covers(&item.path)))
        .collect();
    problems.extend(identifiers::problems(body, today));
    let Some(mended) = repair::mend(body, &problems) else {
        if problems.is_empty() {
            // The schema passes something that the types refuse: ours to mend, but never a reason to fail.
            tracing::error!(code = codes::VALUE_REFUSED.code, "a body fits the schema but not the types");
            let hint = "Compare the body with the schema; tell the hub's operator.";
            problems.push(Item::new(codes::VALUE_REFUSED, "", "a value cannot be read", hint));
        }
        problems.extend(extra);
        return Err(Problem::refused(problems));
    };
    let findings = xiezhi_domain::check(&mended.submission, today);
    let references = references::look_up(client, sender, &mended.submission, today, arriving).await?;
    let later = findings.errors.into_iter().map(item).chain(references.problems);
    problems.extend(later.filter(|item| mended.speaks_of_the_body(&item.path)));
    problems.extend(extra);
    if !problems.is_empty() {
        return Err(Problem::refused(problems));
    }
    let warnings = findings.warnings.into_iter().map(item).collect();
    Ok(Good { submission: mended.submission, registries: references.registries, warnings })
}

fn item(finding: Finding) -> Item {
    Item {
        path: finding.path,
        code: finding.code.to_owned(),
        level: None,
        message: finding.message,
        hint: finding.hint,
    }
}
