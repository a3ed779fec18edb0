//! Which names on the broker belong to this project: what bears one and is not declared may be taken away, all else may not.

use xiezhi_schemas::address::{
    CourtName, FEEDBACK, MINISTRY_UP, PARKED, ProvinceCode, RegistryCode, Tier, Upward,
};

use super::value::HUB_USER;

fn is_province(text: &str) -> bool {
    text.parse::<ProvinceCode>().is_ok()
}

/// The court whose feedback queue bears this name.
pub(super) fn feedback_of(queue: &str) -> Option<CourtName> {
    queue.strip_prefix(FEEDBACK)?.strip_prefix('.')?.parse().ok()
}

/// Whether an exchange of this name is one of ours, declared or not.
pub(super) fn is_our_exchange(name: &str) -> bool {
    name == MINISTRY_UP
        || name == PARKED
        || name == FEEDBACK
        || name.strip_prefix("undelivered.").unwrap_or(name).parse::<Tier>().is_ok()
        || name.strip_prefix("province.").and_then(|rest| rest.strip_suffix(".up")).is_some_and(is_province)
}

/// Whether a queue of this name is.
pub(super) fn is_our_queue(name: &str) -> bool {
    let is_registry = |code: &str| code.parse::<RegistryCode>().is_ok();
    let caught =
        |name: &str| name.strip_prefix("undelivered.").is_some_and(|tier| tier.parse::<Tier>().is_ok());
    name == PARKED
        || feedback_of(name).is_some()
        || Upward::ALL.iter().any(|upward| upward.hub_queue() == name)
        || caught(name.strip_prefix("hub.").unwrap_or(name))
        || name
            .strip_prefix("registry.")
            .and_then(|rest| rest.strip_suffix(".demand"))
            .is_some_and(is_registry)
}

/// Whether a user of this name is.
pub(super) fn is_our_user(name: &str) -> bool {
    name == HUB_USER
        || name.strip_prefix("xz-province-").is_some_and(is_province)
        || name.strip_prefix("xz-court-").is_some_and(|name| name.parse::<CourtName>().is_ok())
}
