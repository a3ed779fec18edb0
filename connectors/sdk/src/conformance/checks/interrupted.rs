//! Deliveries whose answer is lost, cut, late or unreadable. The one rule behind all of them: what is not known is Unwell, and
//! the repeat tells.

use super::super::{
    bench::Condition,
    run::{Checked, Miss, Run, Said, failed},
};

pub(super) async fn lost_answer(run: &Run<'_>) -> Checked {
    interrupted(run, Condition::LoseAnswer).await
}

pub(super) async fn half_answer(run: &Run<'_>) -> Checked {
    interrupted(run, Condition::HalfAnswer).await
}

pub(super) async fn slow_answer(run: &Run<'_>) -> Checked {
    interrupted(run, Condition::Silent).await
}

pub(super) async fn wrong_code_page(run: &Run<'_>) -> Checked {
    interrupted(run, Condition::WrongCodePage).await
}

pub(super) async fn crash_before_stored(run: &Run<'_>) -> Checked {
    interrupted(run, Condition::CrashBeforeStored).await
}

pub(super) async fn crash_after_stored(run: &Run<'_>) -> Checked {
    interrupted(run, Condition::CrashAfterStored).await
}

async fn interrupted(run: &Run<'_>, condition: Condition) -> Checked {
    let bench = run.bench()?;
    let specimen = run.specimen();
    let crash = matches!(condition, Condition::CrashBeforeStored | Condition::CrashAfterStored);
    let said = if crash {
        if !bench.can_restart() {
            return Err(Miss::NotChecked("this bench cannot start the local system again".into()));
        }
        bench.set(&run.registry, condition).await?;
        let said = run.deliver(&specimen).await;
        bench.restart().await?;
        said
    } else {
        run.under(condition, run.deliver(&specimen)).await?
    };
    if matches!(said, Said::Returned(_) | Said::Refused { .. }) {
        return failed(
            format!("{said}, though nothing is known about the demand"),
            "say Unwell: the local system gave no answer that says this",
        );
    }
    let again = run.taken(&specimen).await?;
    // An adapter may ask the local system by another way and know; a guess does not know the reference.
    if let Said::Taken(claimed) = &said
        && (*claimed != again || again.is_none())
    {
        return failed(
            format!("{said}, though no whole answer came; the repeat was {}", Said::Taken(again)),
            "say Unwell: Taken is said only on a whole answer of the local system",
        );
    }
    run.once(&specimen, again.as_deref()).await?;
    Ok(format!("{said}; then {}", Said::Taken(again)))
}
