//! What a demand refers to, looked up in our tables: the registry, the documents, the corrected request.

use std::collections::{HashMap, HashSet};

use deadpool_postgres::Client;
use jiff::civil::Date;
use xiezhi_schemas::{
    address::RegistryCode,
    message::{Digest, Submission},
};

use crate::{
    http::{codes, problem::Item},
    store::{
        StoreError, demands,
        divisions::{self, Destination},
        documents::{self, Stored},
    },
};

/// What was found.
pub(super) struct References {
    /// The registry of each unit; only whole when there are no problems.
    pub(super) registries: Vec<RegistryCode>,
    /// What is wrong.
    pub(super) problems: Vec<Item>,
}

/// States in which a request is over and may be corrected by a new demand.
const CORRECTABLE: [&str; 3] = ["returned", "withdrawn", "closed"];

/// Looks everything up. `arriving` are documents that come with the demand itself.
pub(super) async fn look_up(
    client: &Client,
    sender: &str,
    demand: &Submission,
    today: Date,
    arriving: &HashMap<Digest, Stored>,
) -> Result<References, StoreError> {
    let divisions: Vec<&str> = demand.units.iter().map(|unit| unit.unit_code.division()).collect();
    let mut asked = divisions.clone();
    asked.sort_unstable();
    asked.dedup();
    let digests: HashSet<&str> = demand.attachments.iter().map(|a| a.sha256.as_str()).collect();
    let digests: Vec<&str> = digests.into_iter().collect();
    let prior = async {
        match demand.prior_request_id {
            Some(id) => demands::state_of(client, id, sender).await.map(Some),
            None => Ok(None),
        }
    };
    // Asked together, the three cost one round trip.
    let (destinations, owned, prior) = tokio::try_join!(
        divisions::destinations(client, &asked, today),
        documents::owned(client, sender, &digests),
        prior
    )?;
    let mut found = References { registries: Vec::with_capacity(divisions.len()), problems: Vec::new() };
    for (index, division) in divisions.iter().enumerate() {
        let path = format!("/units/{index}/unit_code");
        let known = demand.units[index].unit_code.division_code().and_then(|_| destinations.get(*division));
        match known {
            Some(Destination::Registry(code)) => found.registries.push(code.clone()),
            Some(Destination::ProvinceTakesNoPart) => found.problems.push(no_part(division, path)),
            Some(Destination::NoRegistry) | None => found.problems.push(Item::new(
                codes::NO_REGISTRY,
                path,
                format!("no registry is known for division {division}"),
                "Compare the unit code with the certificate; if it is right, tell the hub's operator.",
            )),
        }
    }
    let stored: HashMap<_, _> = owned.into_iter().collect();
    check_documents(demand, &stored, arriving, &mut found.problems);
    if let Some(state) = prior
        && !state.as_deref().is_some_and(|state| CORRECTABLE.contains(&state))
    {
        found.problems.push(Item::new(
            codes::PRIOR_REFUSED,
            "/prior_request_id",
            "the request named here is none of this sender's that was returned, withdrawn or closed",
            "Name the request that this demand corrects, or leave the field out.",
        ));
    }
    Ok(found)
}

/// R2 and R4: outside the pilot another channel is to be used, and which comes next.
fn no_part(division: &str, path: String) -> Item {
    let province = &division[..2];
    let message = format!("province {province} does not take part in 总对总 today");
    let hint =
        "Use the province's 点对点 link if there is one, otherwise serve the papers at the registry (线下).";
    Item::new(codes::PROVINCE_NOT_PART, path, message, hint)
}

fn check_documents(
    demand: &Submission,
    stored: &HashMap<Digest, Stored>,
    arriving: &HashMap<Digest, Stored>,
    problems: &mut Vec<Item>,
) {
    for (index, attachment) in demand.attachments.iter().enumerate() {
        let path = format!("/attachments/{index}");
        let known = arriving.get(&attachment.sha256).or_else(|| stored.get(&attachment.sha256));
        let Some(known) = known else {
            problems.push(Item::new(
                codes::DOCUMENT_MISSING,
                format!("{path}/sha256"),
                "this sender has uploaded no document with this digest",
                "Upload it first with PUT /v1/documents, or send it in the same multipart request.",
            ));
            continue;
        };
        if known.size != attachment.size {
            problems.push(Item::new(
                codes::DOCUMENT_DIFFERS,
                format!("{path}/size"),
                format!("the stored document has {} bytes", known.size),
                "Write the size of the file.",
            ));
        }
        if known.media_type != attachment.media_type {
            problems.push(Item::new(
                codes::DOCUMENT_DIFFERS,
                format!("{path}/media_type"),
                format!("the stored document is {}", known.media_type),
                "Write the media type under which it was uploaded.",
            ));
        }
    }
}
