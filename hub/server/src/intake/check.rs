//! All checks of one body, in one list: first those that need nothing but the body, then those against our tables.

use std::collections::HashMap;

use deadpool_postgres::Client;
use jiff::civil::Date;
use serde_json::Value;
use xiezhi_domain::Finding;
use xiezhi_schemas::{
    address::RegistryCode,
    message::{Digest, Submission},
};

use super::{
    identifiers,
    references::{self, Tables},
    repair::{self, Mended},
    validate,
};
use crate::{
    http::{
        codes,
        problem::{Item, Problem},
    },
    store::documents::Stored,
};

/// A demand that may be accepted.
pub(crate) struct Good<'a> {
    pub(crate) submission: &'a Submission,
    /// The registry of each unit.
    pub(crate) registries: Vec<RegistryCode>,
    /// The property unit of the request that the demand corrects.
    pub(crate) prior_unit: Option<String>,
    pub(crate) warnings: &'a [Item],
}

/// A body that was read: what is wrong with it by itself, and what can still be looked up.
pub(super) struct Read {
    problems: Vec<Item>,
    warnings: Vec<Item>,
    /// `None` if it is beyond looking anything up.
    mended: Option<Mended>,
}

/// Reads a body and makes the checks that need no table.
pub(super) fn read(body: &Value, today: Date) -> Read {
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
        return Read { problems, warnings: Vec::new(), mended: None };
    };
    let findings = xiezhi_domain::check(&mended.submission, today);
    let errors = findings.errors.into_iter().map(item);
    problems.extend(errors.filter(|item| mended.speaks_of_the_body(&item.path)));
    let warnings = findings.warnings.into_iter().map(item).collect();
    Read { problems, warnings, mended: Some(mended) }
}

impl Read {
    /// What it refers to can be looked up in this.
    pub(super) fn submission(&self) -> Option<&Submission> {
        self.mended.as_ref().map(|mended| &mended.submission)
    }

    /// Makes the checks against the tables; `arriving` are documents that come with the body, `extra` what is already known
    /// to be wrong.
    ///
    /// # Errors
    /// All problems in one answer.
    pub(super) fn against(
        &self,
        tables: &Tables,
        sender: &str,
        arriving: &HashMap<Digest, Stored>,
        extra: &[Item],
    ) -> Result<Good<'_>, Problem> {
        let mut problems = self.problems.clone();
        let mut registries = Vec::new();
        let mut prior_unit = None;
        if let Some(mended) = &self.mended {
            let references = references::judge(tables, sender, &mended.submission, arriving);
            let missing = references.problems.into_iter();
            problems.extend(missing.filter(|item| mended.speaks_of_the_body(&item.path)));
            registries = references.registries;
            prior_unit = references.prior_unit;
        }
        problems.extend_from_slice(extra);
        match &self.mended {
            Some(mended) if problems.is_empty() => {
                Ok(Good { submission: &mended.submission, registries, prior_unit, warnings: &self.warnings })
            }
            _ => Err(Problem::refused(problems)),
        }
    }
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

/// A demand of another channel that passed the same list.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) submission: Submission,
    /// The registry of each unit.
    pub(crate) registries: Vec<RegistryCode>,
    prior_unit: Option<String>,
    pub(crate) warnings: Vec<Item>,
}

impl Checked {
    /// The same as intake hands it on.
    pub(crate) fn as_good(&self) -> Good<'_> {
        Good {
            submission: &self.submission,
            registries: self.registries.clone(),
            prior_unit: self.prior_unit.clone(),
            warnings: &self.warnings,
        }
    }
}

/// The whole list (统一要件) for one demand that does not come by the network. `arriving` are documents that need not be here.
///
/// # Errors
/// All problems in one answer, or the database does not answer.
pub(crate) async fn one(
    client: &Client,
    sender: &str,
    body: &Value,
    today: Date,
    arriving: &HashMap<Digest, Stored>,
) -> Result<Checked, Problem> {
    let read = read(body, today);
    let named: Vec<(&str, &Submission)> =
        read.submission().map(|named| (sender, named)).into_iter().collect();
    let tables = references::look_up(client, &named, today).await?;
    let Good { submission, registries, prior_unit, warnings } =
        read.against(&tables, sender, arriving, &[])?;
    Ok(Checked { submission: submission.clone(), registries, prior_unit, warnings: warnings.to_vec() })
}
