//! What comes back: results, returns, and receipts of the local link.

use std::collections::HashSet;

use futures::future::join;
use tokio::time::timeout;
use uuid::Uuid;
use xiezhi_schemas::message::LocalReceiptVerdict;

use super::super::{
    bench::Condition,
    run::{Checked, Miss, Run, Said, failed},
};
use crate::adapter::{LocalOutcome, LocalReceiptOffer};

/// A page that is smaller than what waits.
const SMALL: usize = 2;
/// Pages after which a list is held to have no end.
const MANY_PAGES: usize = 5_000;
/// Receipts of the link asked for at once.
const RECEIPTS: usize = 500;

pub(super) async fn offered_until_settled(run: &Run<'_>) -> Checked {
    let (_, outcome) = run.with_outcome().await?;
    run.still_offered(&*run.adapter, &outcome, "when it was fetched again").await?;
    let fresh = (run.build)().map_err(|error| Miss::NotChecked(error.to_string()))?;
    run.still_offered(&*fresh, &outcome, "to an adapter built anew").await?;
    Ok(format!("{} was offered three times", outcome.outcome_id))
}

pub(super) async fn before_receipt(run: &Run<'_>) -> Checked {
    let specimen = run.specimen();
    let early = async {
        // It comes before the answer or, when the local system loses patience, after it: both must be kept.
        timeout(run.decision_wait, run.decided(specimen.id())).await.ok()
    };
    let (said, early) = run.under(Condition::EarlyResult, join(run.deliver(&specimen), early)).await?;
    if !matches!(said, Said::Taken(_)) {
        run.taken(&specimen).await?;
    }
    let outcome = match early {
        Some(outcome) => outcome?,
        None => run.decided(specimen.id()).await?,
    };
    run.still_offered(&*run.adapter, &outcome, "after the delivery was answered").await?;
    Ok(format!("{} came early and was still offered", outcome.outcome_id))
}

pub(super) async fn settled_once(run: &Run<'_>) -> Checked {
    let (specimen, outcome) = run.with_outcome().await?;
    let id = outcome.outcome_id.as_str();
    for when in ["first", "second"] {
        if let Err(seen) = run.call("settle", run.adapter.settle(&run.registry, id)).await {
            return failed(format!("{seen} ({when} time)"), "settling what is settled succeeds");
        }
    }
    match run.offered(&*run.adapter, specimen.id()).await? {
        Some(now) if now.outcome_id == id => failed(
            format!("{id} was offered again after it was settled"),
            "settle must reach the local system, which then offers it no more",
        ),
        _ => Ok(format!("{id} was settled twice and is gone")),
    }
}

pub(super) async fn paging(run: &Run<'_>) -> Checked {
    let mut wanted = Vec::new();
    for _ in 0..3 {
        wanted.push(run.with_outcome().await?.1.outcome_id);
    }
    let all = behind(run, None).await?;
    let Pages::Whole(all) = all else {
        return Err(Miss::NotChecked(
            "the adapter does not read behind a page; allowed, but a page that waits for receipts holds up the rest".into(),
        ));
    };
    let ours =
        |list: &[String]| -> Vec<String> { list.iter().filter(|id| wanted.contains(*id)).cloned().collect() };
    let found = ours(&all);
    if found.len() != wanted.len() {
        let missing = wanted.iter().filter(|id| !found.contains(*id)).count();
        return failed(
            format!("{missing} of 3 outcomes were in no page"),
            "pages together hold every outcome that is not settled, in one order",
        );
    }
    let first = &found[0];
    run.well("settle", run.adapter.settle(&run.registry, first)).await?;
    let Pages::Whole(rest) = behind(run, Some(first)).await? else {
        return failed(
            "behind a settled outcome nothing was found",
            "fetch_outcomes_after works also when the named outcome is settled meanwhile",
        );
    };
    if ours(&rest) != found[1..] {
        return failed(
            format!("behind the settled {first} came {:?} instead of {:?}", ours(&rest), &found[1..]),
            "fetch_outcomes_after works also when the named outcome is settled meanwhile, and keeps the order",
        );
    }
    Ok("three outcomes in pages of two, and two behind the settled one".into())
}

/// What reading page after page gave.
enum Pages {
    /// All that stands there.
    Whole(Vec<String>),
    /// Nothing behind a full page.
    OneOnly,
}

async fn behind(run: &Run<'_>, begin: Option<&str>) -> Checked<Pages> {
    let (adapter, registry) = (&run.adapter, &run.registry);
    let mut ids: Vec<String> = Vec::new();
    let mut seen = HashSet::new();
    let mut after = begin.map(str::to_owned);
    for number in 0..MANY_PAGES {
        let page: Vec<LocalOutcome> = match &after {
            None => run.well("fetch_outcomes", adapter.fetch_outcomes(registry, SMALL)).await?,
            Some(after) => {
                let call = adapter.fetch_outcomes_after(registry, after, SMALL);
                run.well("fetch_outcomes_after", call).await?
            }
        };
        if page.len() > SMALL {
            return failed(
                format!("{} outcomes came when {SMALL} were asked for", page.len()),
                "a page has at most `limit` outcomes",
            );
        }
        for outcome in &page {
            if !seen.insert(outcome.outcome_id.clone()) {
                return failed(
                    format!("{} came twice while the list was read once", outcome.outcome_id),
                    "fetch_outcomes_after gives only what stands behind the named outcome",
                );
            }
            ids.push(outcome.outcome_id.clone());
        }
        if page.is_empty() && number == 1 && begin.is_none() && ids.len() == SMALL {
            return Ok(Pages::OneOnly);
        }
        if page.len() < SMALL {
            return Ok(Pages::Whole(ids));
        }
        after = ids.last().cloned();
    }
    failed(
        format!("the list of outcomes did not end after {MANY_PAGES} pages"),
        "fetch_outcomes_after gives only what stands behind the named outcome",
    )
}

pub(super) async fn fetch_fails_aloud(run: &Run<'_>) -> Checked {
    let (_, outcome) = run.with_outcome().await?;
    let both = async {
        let fetched = run.call("fetch_outcomes", run.adapter.fetch_outcomes(&run.registry, 1)).await;
        let settled = run.call("settle", run.adapter.settle(&run.registry, &outcome.outcome_id)).await;
        (fetched, settled)
    };
    let (fetched, settled) = run.under(Condition::Down, both).await?;
    let Err(fetched) = fetched else {
        return failed(
            "fetch_outcomes gave a list while the system was down",
            "what could not be asked is an error; an empty list says that there is nothing",
        );
    };
    let Err(settled) = settled else {
        return failed(
            "settle succeeded while the system was down",
            "settle succeeds only when the local system confirmed it",
        );
    };
    run.still_offered(&*run.adapter, &outcome, "after a settling that was not heard").await?;
    Ok(format!("{fetched}; {settled}; offered again"))
}

pub(super) async fn local_receipts(run: &Run<'_>) -> Checked {
    let bench = run.bench()?;
    let number = format!("CR-{}", Uuid::now_v7().simple());
    bench.local_demand(&run.registry, &number).await?;
    let look = || async {
        let call = run.adapter.fetch_local_receipts(&run.registry, RECEIPTS);
        let offers = run.well("fetch_local_receipts", call).await?;
        Ok::<Option<LocalReceiptOffer>, Miss>(offers.into_iter().find(|offer| offer.local.number == number))
    };
    let Some(offer) = run.until(look).await? else {
        return failed(
            "a demand came over the local link and was not offered",
            "offer it until it is settled",
        );
    };
    match look().await? {
        Some(again) if again.receipt_id == offer.receipt_id => {}
        _ => {
            return failed(
                format!("{} was not offered again before it was settled", offer.receipt_id),
                "offer every receipt until settle_local_receipt was called for it",
            );
        }
    }
    let verdict = LocalReceiptVerdict::Refused {
        code: "CONFORMANCE".into(),
        message: "一致性测试，不登记送达".into(),
    };
    for when in ["first", "second"] {
        let call = run.adapter.settle_local_receipt(&run.registry, &offer.receipt_id, &verdict);
        if let Err(seen) = run.call("settle_local_receipt", call).await {
            return failed(format!("{seen} ({when} time)"), "settling what is settled succeeds");
        }
    }
    match look().await? {
        Some(_) => failed(
            format!("{} was offered again after it was settled", offer.receipt_id),
            "the hub's word must reach the local system, which then offers the receipt no more",
        ),
        None => Ok(format!("{} was offered twice, settled twice, and is gone", offer.receipt_id)),
    }
}
