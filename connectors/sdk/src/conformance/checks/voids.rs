//! What the hub takes back: voids and wishes for withdrawal.

use uuid::Uuid;
use xiezhi_schemas::message::WithdrawalTaking;

use super::super::{
    bench::Event,
    run::{Checked, Miss, Run, failed},
};

/// What the local system is told.
pub(in super::super) const VOID: &str = "一致性测试：没有送达回执，作废";

pub(super) async fn void_harmless(run: &Run<'_>) -> Checked {
    let specimen = run.specimen();
    run.taken(&specimen).await?;
    for (when, id) in [("first", specimen.id()), ("second", specimen.id()), ("unknown", Uuid::now_v7())] {
        if let Err(seen) = run.call("void", run.adapter.void(&run.registry, id, VOID)).await {
            return failed(
                format!("{seen} ({when})"),
                "a void that was heard before, or is about an unknown request, succeeds",
            );
        }
    }
    Ok("voided twice, and an unknown request once".into())
}

pub(super) async fn taken_afresh(run: &Run<'_>) -> Checked {
    let bench = run.bench()?;
    let specimen = run.specimen();
    let first = run.taken(&specimen).await?;
    run.well("void", run.adapter.void(&run.registry, specimen.id(), VOID)).await?;
    let again = run.taken(&specimen).await?;
    let book = bench.book(&run.registry, specimen.id()).await?;
    let last = |wanted: fn(&Event) -> bool| {
        book.iter().filter(|entry| wanted(&entry.event)).map(|entry| entry.place).max()
    };
    let voided = last(|event| matches!(event, Event::Voided));
    let taken = last(|event| matches!(event, Event::Taken(_)));
    if voided.is_none() {
        return failed(
            "the void succeeded and the book has none",
            "a void must reach the local system's book",
        );
    }
    if taken < voided {
        return failed(
            format!("after the void the book has no second taking; {first:?}, then {again:?} was told"),
            "after a void the request counts as new, for the adapter and for the local system",
        );
    }
    Ok("taken, voided, and taken afresh".into())
}

pub(super) async fn withdrawal_once(run: &Run<'_>) -> Checked {
    let specimen = run.specimen();
    run.taken(&specimen).await?;
    let wish = specimen.wish();
    let first = run.well("withdrawal_request", run.adapter.withdrawal_request(&wish.order())).await?;
    if first == WithdrawalTaking::Unsupported {
        return Err(Miss::NotChecked(
            "the local system has no place for a withdrawal; courts are told".into(),
        ));
    }
    let again = run.well("withdrawal_request", run.adapter.withdrawal_request(&wish.order())).await?;
    if first != again {
        return failed(
            format!("first {}, then {}", first.as_str(), again.as_str()),
            "a wish that is held is answered held again; it is known by its withdrawal_id",
        );
    }
    if let Some(bench) = run.bench {
        let book = bench.book(&run.registry, specimen.id()).await?;
        let wishes = book.iter().filter(|entry| entry.event == Event::Wished).count();
        if wishes != 1 {
            return failed(
                format!("the book has {wishes} wishes"),
                "hand the wish to the local system with its withdrawal_id, which makes it one",
            );
        }
    }
    Ok(format!("twice {}", first.as_str()))
}
