//! Taking, and taking the same again.

use std::time::Duration;

use futures::future::join_all;
use tokio::time::timeout;
use uuid::Uuid;

use super::super::{
    run::{Checked, Miss, Run, Said, failed},
    specimen::Specimen,
};

/// Longest reference that a receipt carries, in characters.
const MAX_REFERENCE: usize = 100;

pub(super) async fn taken(run: &Run<'_>) -> Checked {
    let specimen = run.specimen();
    let reference = run.taken(&specimen).await?;
    if let Some(reference) = &reference
        && !(1..=MAX_REFERENCE).contains(&reference.chars().count())
    {
        return failed(
            format!("the reference has {} characters", reference.chars().count()),
            "tell a reference of 1 to 100 characters, or none",
        );
    }
    Ok(Said::Taken(reference).to_string())
}

pub(super) async fn durable(run: &Run<'_>) -> Checked {
    let bench = run.bench()?;
    if !bench.can_restart() {
        return Err(Miss::NotChecked("this bench cannot start the local system again".into()));
    }
    let specimen = run.specimen();
    let first = run.taken(&specimen).await?;
    bench.restart().await?;
    if run.takings(specimen.id()).await?.is_some_and(|takings| takings.is_empty()) {
        return failed(
            format!("{}; after a crash the book had no such demand", Said::Taken(first)),
            "the local system must answer taken only when the demand is on its disk",
        );
    }
    let again = run.taken(&specimen).await?;
    same(&first, &again)?;
    run.once(&specimen, again.as_deref()).await?;
    Ok(format!("{}, before and after the crash", Said::Taken(again)))
}

pub(super) async fn same_again(run: &Run<'_>) -> Checked {
    let specimen = run.specimen();
    let first = run.taken(&specimen).await?;
    let again = run.taken(&specimen).await?;
    same(&first, &again)?;
    run.once(&specimen, again.as_deref()).await?;
    Ok(format!("twice {}", Said::Taken(again)))
}

pub(super) async fn at_once(run: &Run<'_>) -> Checked {
    let specimen = run.specimen();
    let said = join_all((0..4).map(|_| run.deliver(&specimen))).await;
    let settled = run.taken(&specimen).await?;
    for one in &said {
        match one {
            Said::Taken(reference) => same(reference, &settled)?,
            Said::Unwell(_) | Said::Nothing => {}
            Said::Returned(_) | Said::Refused { .. } => {
                return failed(
                    format!("one of four deliveries at once was answered with {one}"),
                    "a demand that is being stored is Taken or, while that is not known, Unwell",
                );
            }
        }
    }
    run.once(&specimen, settled.as_deref()).await?;
    let taken = said.iter().filter(|one| matches!(one, Said::Taken(_))).count();
    Ok(format!("{taken} of 4 at once Taken, all as {}", settled.as_deref().unwrap_or("without reference")))
}

pub(super) async fn known_anew(run: &Run<'_>) -> Checked {
    let specimen = run.specimen();
    let first = run.taken(&specimen).await?;
    let fresh = (run.build)().map_err(|error| Miss::NotChecked(error.to_string()))?;
    match run.deliver_by(&*fresh, &specimen).await {
        Said::Taken(again) => same(&first, &again)?,
        other => {
            return failed(
                format!("a fresh adapter was answered with {other}"),
                "keep nothing in the adapter; the local system must know the demand by its request id",
            );
        }
    }
    run.once(&specimen, first.as_deref()).await?;
    Ok(format!("{}, by both adapters", Said::Taken(first)))
}

pub(super) async fn dropped(run: &Run<'_>) -> Checked {
    for millis in [0, 1, 2, 5, 20] {
        let specimen = run.specimen();
        // Whether it was ready in time does not matter: both must end in one taking.
        let _dropped_or_done = timeout(Duration::from_millis(millis), run.deliver(&specimen)).await.is_ok();
        let first = run.taken(&specimen).await?;
        let again = run.taken(&specimen).await?;
        same(&first, &again)?;
        run.once(&specimen, again.as_deref()).await?;
    }
    Ok("five calls were dropped; each demand was taken once".into())
}

pub(super) async fn lane_order(run: &Run<'_>) -> Checked {
    run.bench()?;
    let lot = Uuid::now_v7();
    let lane = [1, 2, 3].map(|lane_seq| Specimen::of_unit(&run.registry, lot, lane_seq));
    for specimen in &lane {
        run.taken(specimen).await?;
    }
    let mut places = Vec::new();
    for specimen in &lane {
        let takings = run.takings(specimen.id()).await?.unwrap_or_default();
        let Some((place, _)) = takings.first() else {
            return failed(
                format!("number {} of the lane is not in the book", specimen.demand.lane_seq),
                "say Taken only on the local system's own word that it is stored",
            );
        };
        places.push(*place);
    }
    if !places.is_sorted() {
        return failed(
            format!("the demands 1, 2, 3 of a unit stand at {places:?} in the book"),
            "hand each over before Taken is said; never gather, sort or send side by side within a unit",
        );
    }
    Ok("three demands of a unit stand in the book in their order".into())
}

/// That two answers name the same taking.
fn same(first: &Option<String>, again: &Option<String>) -> Checked<()> {
    if first == again {
        return Ok(());
    }
    let told = |reference: &Option<String>| reference.clone().unwrap_or_else(|| "no reference".into());
    failed(
        format!("first {}, then {}", told(first), told(again)),
        "a demand that is held is answered with the reference of its first taking; it is known by its request id",
    )
}
