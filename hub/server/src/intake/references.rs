//! What a demand refers to, looked up in our tables: the registry, the documents, the corrected request.

use std::collections::{BTreeSet, HashMap};

use deadpool_postgres::Client;
use jiff::civil::Date;
use uuid::Uuid;
use xiezhi_schemas::{
    address::RegistryCode,
    message::{Digest, Submission},
};

use crate::{
    http::{codes, problem::Item},
    store::{
        StoreError,
        demands::{self, Prior},
        divisions::{self, Destination},
        documents::{self, Stored},
    },
};

/// What was found.
pub(super) struct References {
    /// The registry of each unit; only whole when there are no problems.
    pub(super) registries: Vec<RegistryCode>,
    /// The property unit of the request that the demand corrects.
    pub(super) prior_unit: Option<String>,
    /// What is wrong.
    pub(super) problems: Vec<Item>,
}

/// States in which a request is over and may be corrected by a new demand.
const CORRECTABLE: [&str; 3] = ["returned", "withdrawn", "closed"];

/// What our tables say about everything that some demands refer to.
pub(super) struct Tables {
    destinations: HashMap<String, Destination>,
    owned: HashMap<(String, Digest), Stored>,
    priors: HashMap<(Uuid, String), Prior>,
}

/// Looks up what these demands of these senders refer to, all in one round trip.
pub(super) async fn look_up(
    client: &Client,
    demands: &[(&str, &Submission)],
    today: Date,
) -> Result<Tables, StoreError> {
    let units = demands.iter().flat_map(|(_, demand)| &demand.units);
    let divisions: BTreeSet<&str> = units.map(|unit| unit.unit_code.division()).collect();
    let divisions: Vec<&str> = divisions.into_iter().collect();
    let papers = demands
        .iter()
        .flat_map(|(sender, demand)| demand.attachments.iter().map(|paper| (*sender, paper.sha256.as_str())));
    let papers: Vec<(&str, &str)> = papers.collect::<BTreeSet<_>>().into_iter().collect();
    let priors = demands.iter().filter_map(|(sender, demand)| Some((demand.prior_request_id?, *sender)));
    let priors: Vec<(Uuid, &str)> = priors.collect();
    let (destinations, owned, priors) = tokio::try_join!(
        divisions::destinations(client, &divisions, today),
        documents::owned(client, &papers),
        demands::priors(client, &priors)
    )?;
    Ok(Tables { destinations, owned, priors })
}

/// Holds one demand against the tables. `arriving` are documents that come with the demand itself.
pub(super) fn judge(
    tables: &Tables,
    sender: &str,
    demand: &Submission,
    arriving: &HashMap<Digest, Stored>,
) -> References {
    let mut found = References {
        registries: Vec::with_capacity(demand.units.len()),
        prior_unit: None,
        problems: Vec::new(),
    };
    for (index, unit) in demand.units.iter().enumerate() {
        let (division, path) = (unit.unit_code.division(), format!("/units/{index}/unit_code"));
        let known = unit.unit_code.division_code().and_then(|_| tables.destinations.get(division));
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
    check_documents(tables, sender, demand, arriving, &mut found.problems);
    if let Some(prior) = demand.prior_request_id {
        match check_prior(demand, tables.priors.get(&(prior, sender.to_owned()))) {
            Ok(unit) => found.prior_unit = Some(unit),
            Err(problem) => found.problems.push(problem),
        }
    }
    found
}

/// R38: a corrected demand names what it corrects, and corrects it for the same unit. Gives that unit.
fn check_prior(demand: &Submission, prior: Option<&Prior>) -> Result<String, Item> {
    let refused = |message| {
        let hint = "Name the request that this demand corrects, or leave the field out.";
        Item::new(codes::PRIOR_REFUSED, "/prior_request_id", message, hint)
    };
    let prior = prior.filter(|prior| CORRECTABLE.contains(&prior.state.as_str())).ok_or_else(|| {
        refused("the request named here is none of this sender's that was returned, withdrawn or closed")
    })?;
    if !demand.units.iter().any(|unit| unit.unit_code.as_ref() == prior.unit_key) {
        return Err(refused(
            "the request named here is about a property unit that this demand does not name",
        ));
    }
    Ok(prior.unit_key.clone())
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
    tables: &Tables,
    sender: &str,
    demand: &Submission,
    arriving: &HashMap<Digest, Stored>,
    problems: &mut Vec<Item>,
) {
    for (index, attachment) in demand.attachments.iter().enumerate() {
        let path = format!("/attachments/{index}");
        let stored = || tables.owned.get(&(sender.to_owned(), attachment.sha256.clone()));
        let known = arriving.get(&attachment.sha256).or_else(stored);
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
