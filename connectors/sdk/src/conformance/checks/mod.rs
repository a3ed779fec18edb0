//! One function for each rule.

mod back;
mod doors;
mod interrupted;
mod repeats;
pub(super) mod voids;

use super::{
    rules::Rule,
    run::{Checked, Run},
};

/// Looks at one rule; gives what was seen when it holds.
pub(super) async fn check(run: &Run<'_>, rule: Rule) -> Checked {
    match rule {
        Rule::Taken => repeats::taken(run).await,
        Rule::NotBeforeHeld => doors::not_before_held(run).await,
        Rule::Durable => repeats::durable(run).await,
        Rule::SameAgain => repeats::same_again(run).await,
        Rule::AtOnce => repeats::at_once(run).await,
        Rule::KnownAnew => repeats::known_anew(run).await,
        Rule::LostAnswer => interrupted::lost_answer(run).await,
        Rule::HalfAnswer => interrupted::half_answer(run).await,
        Rule::SlowAnswer => interrupted::slow_answer(run).await,
        Rule::WrongCodePage => interrupted::wrong_code_page(run).await,
        Rule::CrashBeforeStored => interrupted::crash_before_stored(run).await,
        Rule::CrashAfterStored => interrupted::crash_after_stored(run).await,
        Rule::Dropped => repeats::dropped(run).await,
        Rule::LaneOrder => repeats::lane_order(run).await,
        Rule::ReturnedAtDoor => doors::returned_at_door(run).await,
        Rule::Refused => doors::refused(run).await,
        Rule::UnwellWhenDown => doors::unwell_when_down(run).await,
        Rule::Oversize => doors::oversize(run).await,
        Rule::HealthTrue => doors::health_true(run).await,
        Rule::VoidHarmless => voids::void_harmless(run).await,
        Rule::TakenAfresh => voids::taken_afresh(run).await,
        Rule::WithdrawalOnce => voids::withdrawal_once(run).await,
        Rule::OfferedUntilSettled => back::offered_until_settled(run).await,
        Rule::BeforeReceipt => back::before_receipt(run).await,
        Rule::SettledOnce => back::settled_once(run).await,
        Rule::Paging => back::paging(run).await,
        Rule::FetchFailsAloud => back::fetch_fails_aloud(run).await,
        Rule::LocalReceipts => back::local_receipts(run).await,
        Rule::NoPersonalData => doors::no_personal_data(run).await,
    }
}
