//! How answers are classified, whether health tells the truth, and what reasons may hold.

use std::sync::PoisonError;

use super::super::{
    bench::Condition,
    run::{Checked, Miss, Run, Said, failed},
    specimen::PERSONAL,
};

pub(super) async fn not_before_held(run: &Run<'_>) -> Checked {
    run.bench()?;
    let specimen = run.specimen();
    let reference = run.taken(&specimen).await?;
    run.once(&specimen, reference.as_deref()).await?;
    let said = run.under(Condition::Down, run.deliver(&run.specimen())).await?;
    match said {
        Said::Taken(_) | Said::Returned(_) => failed(
            format!("{said}, while the local system was down and stored nothing"),
            "wait for the local system's own word that the demand is on its disk, and hand on nothing else",
        ),
        other => Ok(other.to_string()),
    }
}

pub(super) async fn returned_at_door(run: &Run<'_>) -> Checked {
    let specimen = run.specimen();
    let message = match run.under(Condition::ReturnAtDoor, run.deliver(&specimen)).await? {
        Said::Returned(message) => message,
        other => return failed(other.to_string(), "the local system returned the demand: say Returned"),
    };
    if message.request_id != specimen.id() || message.registry != run.registry {
        return failed(
            "the return names another request or registry",
            "a return names the request and the registry of the demand",
        );
    }
    if let Err(error) = message.check() {
        return failed(error.to_string(), "hand on the registry's coded reasons and its words as they are");
    }
    Ok(Said::Returned(message).to_string())
}

pub(super) async fn refused(run: &Run<'_>) -> Checked {
    let specimen = run.specimen();
    let said = run.under(Condition::Refuse, run.deliver(&specimen)).await?;
    spoken_refusal(&said)?;
    if run.takings(specimen.id()).await?.is_some_and(|takings| !takings.is_empty()) {
        return failed("Refused, and the book holds the demand", "say Refused only when nothing was stored");
    }
    run.taken(&run.specimen()).await?;
    Ok(format!("{said}; the next demand was taken"))
}

pub(super) async fn unwell_when_down(run: &Run<'_>) -> Checked {
    let specimen = run.specimen();
    let said = run.under(Condition::Down, run.deliver(&specimen)).await?;
    if !said.is_open() {
        return failed(
            format!("{said}, while the local system was down"),
            "say Unwell: unreachable, unavailable and internal errors say nothing about this demand",
        );
    }
    let reference = run.taken(&specimen).await?;
    run.once(&specimen, reference.as_deref()).await?;
    Ok(format!("{said}; later {}", Said::Taken(reference)))
}

pub(super) async fn oversize(run: &Run<'_>) -> Checked {
    let said = run.under(Condition::TooLarge, run.deliver(&run.specimen())).await?;
    spoken_refusal(&said)?;
    run.taken(&run.specimen()).await?;
    Ok(format!("{said}; the next demand was taken"))
}

/// That it is a refusal which says something.
fn spoken_refusal(said: &Said) -> Checked<()> {
    match said {
        Said::Refused { code, reason } if !code.is_empty() && !reason.is_empty() => Ok(()),
        Said::Refused { .. } => failed(
            "Refused without a code or a reason",
            "give both: they are what the court and the operator see",
        ),
        other => failed(
            other.to_string(),
            "the system is well and cannot take this one demand: say Refused, so that others need not wait",
        ),
    }
}

pub(super) async fn health_true(run: &Run<'_>) -> Checked {
    let health = || run.call("health", run.adapter.health(&run.registry));
    let change = "health asks the local system of this registry itself, every time";
    if let Err(seen) = health().await {
        return failed(format!("{seen}, while the system was well"), change);
    }
    let down = match run.under(Condition::Down, health()).await? {
        Ok(()) => return failed("well, while the system was down", change),
        Err(seen) => seen,
    };
    match health().await {
        Ok(()) => Ok(format!("well; {down}; well again")),
        Err(seen) => failed(format!("{seen}, after the system was back"), change),
    }
}

pub(super) async fn no_personal_data(run: &Run<'_>) -> Checked {
    let quoted = match run.bench {
        Some(_) => run.under(Condition::RefuseQuoting, run.deliver(&run.specimen())).await,
        None => run.bench().map(|_| Said::Nothing),
    };
    let texts = run.texts.lock().unwrap_or_else(PoisonError::into_inner).clone();
    // What was found is not repeated here: the report is read by people, too.
    let found = PERSONAL.iter().position(|word| texts.iter().any(|text| text.contains(word)));
    if let Some(place) = found {
        let what = [
            "debtor's name",
            "document number",
            "right holder",
            "location",
            "contact's name",
            "phone",
            "officer's name",
            "officer's number",
            "certificate",
        ][place];
        return failed(
            format!("a reason or error holds the {what} of a demand"),
            "take persons, numbers and places out of what the local system says before it is handed on",
        );
    }
    match quoted {
        Ok(said) => Ok(format!("nothing in {} texts; the quoting refusal came as {said}", texts.len())),
        Err(Miss::NotChecked(why)) => {
            Err(Miss::NotChecked(format!("nothing in {} texts, but nobody was quoted: {why}", texts.len())))
        }
        Err(other) => Err(other),
    }
}
