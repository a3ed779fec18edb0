//! Illness and lies on command. One fault per registry, or one for all (`*`); a registry's own goes first.

use std::{
    collections::HashMap,
    str::FromStr,
    sync::{Arc, Mutex},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;
use uuid::Uuid;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Fault {
    /// Nothing.
    None,
    /// Every call answers 503 with `Retry-After: 1`.
    Down,
    /// Every call is accepted and not answered until the fault is changed.
    Stall,
    /// Every call waits this many milliseconds.
    SlowMs(u64),
    /// The process dies when a delivery arrives.
    CrashBeforeStore,
    /// The process dies when a delivery is stored, before the answer.
    CrashAfterStore,
    /// Stores, then closes the connection without an answer.
    LoseAnswer,
    /// Answers 422 with a reason.
    Refuse,
    /// Returns at the door (退回); not stored as taken.
    Return,
    /// Takes, and returns when it decides.
    ReturnLater,
    /// Offers the outcome twice, under two ids.
    Twice,
    /// Offers a second outcome that contradicts the first.
    Contradict,
    /// Offers the outcome before it answers the delivery.
    EarlyResult,
    /// Stores, and answers with half of the JSON.
    HalfAnswer,
    /// Stores, and answers in GB18030 where UTF-8 is agreed.
    WrongCodePage,
    /// Answers 422 with a reason that quotes persons of the demand.
    RefuseQuoting,
    /// Answers 413 with a page, as a proxy does.
    TooLarge,
    /// Answers `taken` and stores nothing.
    StoreNothing,
    /// Stores, and answers with a reference that it does not keep.
    LieReference,
    /// Stores, and claims to have received a day earlier.
    LieTime,
}

const WORDS: [(&str, Fault); 19] = [
    ("none", Fault::None),
    ("down", Fault::Down),
    ("stall", Fault::Stall),
    ("crash_before_store", Fault::CrashBeforeStore),
    ("crash_after_store", Fault::CrashAfterStore),
    ("lose_answer", Fault::LoseAnswer),
    ("refuse", Fault::Refuse),
    ("return", Fault::Return),
    ("return_later", Fault::ReturnLater),
    ("twice", Fault::Twice),
    ("contradict", Fault::Contradict),
    ("early_result", Fault::EarlyResult),
    ("half_answer", Fault::HalfAnswer),
    ("wrong_code_page", Fault::WrongCodePage),
    ("refuse_quoting", Fault::RefuseQuoting),
    ("too_large", Fault::TooLarge),
    ("store_nothing", Fault::StoreNothing),
    ("lie_reference", Fault::LieReference),
    ("lie_time", Fault::LieTime),
];

/// The word names no fault.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0:?} is no fault; known are none, down, stall, slow_ms:<n>, crash_before_store, crash_after_store, lose_answer, \
         refuse, return, return_later, twice, contradict, early_result, half_answer, wrong_code_page, \
         refuse_quoting, too_large, store_nothing, lie_reference, lie_time"
)]
pub struct UnknownFault(String);

impl FromStr for Fault {
    type Err = UnknownFault;
    fn from_str(text: &str) -> Result<Self, UnknownFault> {
        let unknown = || UnknownFault(text.chars().take(40).collect());
        if let Some(number) = text.strip_prefix("slow_ms:") {
            return number.parse().map(Self::SlowMs).map_err(|_| unknown());
        }
        WORDS.iter().find(|(word, _)| *word == text).map(|(_, fault)| *fault).ok_or_else(unknown)
    }
}

impl TryFrom<String> for Fault {
    type Error = UnknownFault;
    fn try_from(text: String) -> Result<Self, UnknownFault> {
        text.parse()
    }
}

impl From<Fault> for String {
    fn from(fault: Fault) -> String {
        match fault {
            Fault::SlowMs(ms) => format!("slow_ms:{ms}"),
            other => {
                WORDS.iter().find(|(_, known)| *known == other).map_or("none", |(word, _)| word).to_owned()
            }
        }
    }
}

impl Fault {
    /// Whether it strikes every call of the registry and not only deliveries.
    fn strikes_all(self) -> bool {
        matches!(self, Self::Down | Self::Stall | Self::SlowMs(_))
    }
}

/// One order to misbehave: body of `POST /_sim/faults`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultOrder {
    /// Six digits, or `*`.
    pub registry: String,
    /// What goes wrong.
    pub fault: Fault,
    /// How often; without it until the next order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// Share of the deliveries that are struck, chosen by request id and seed; without it all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<u8>,
}

struct Slot {
    order: FaultOrder,
    // Dropped with the slot, which is how the stalled calls learn that the fault was changed.
    hold: watch::Sender<()>,
    // One more reference for each delivery that is being struck.
    deliveries: Arc<()>,
}

/// A fault that strikes one call.
pub(crate) struct Strike {
    pub(crate) fault: Fault,
    hold: watch::Receiver<()>,
    _delivery: Option<Arc<()>>,
}

impl Strike {
    /// Waits until the order behind this fault is replaced.
    pub(crate) async fn cleared(&mut self) {
        while self.hold.changed().await.is_ok() {}
    }
}

/// All orders in force.
pub(crate) struct Faults {
    seed: u64,
    slots: Mutex<HashMap<String, Slot>>,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, slots: Mutex::default() }
    }

    /// Replaces the order for a registry or for all; `none` ends it.
    pub(crate) fn set(&self, order: FaultOrder) {
        let mut slots = self.slots.lock().expect("no holder of this lock panics");
        if order.fault == Fault::None {
            slots.remove(&order.registry);
        } else {
            let slot = Slot { order, hold: watch::Sender::new(()), deliveries: Arc::default() };
            slots.insert(slot.order.registry.clone(), slot);
        }
    }

    /// The orders in force; `times` counts down.
    pub(crate) fn list(&self) -> Vec<FaultOrder> {
        let slots = self.slots.lock().expect("no holder of this lock panics");
        let mut orders: Vec<_> = slots.values().map(|slot| slot.order.clone()).collect();
        orders.sort_by(|a, b| a.registry.cmp(&b.registry));
        orders
    }

    /// Deliveries that are being struck at this moment: with `stall`, those that are held.
    pub(crate) fn held(&self) -> usize {
        let slots = self.slots.lock().expect("no holder of this lock panics");
        slots.values().map(|slot| Arc::strong_count(&slot.deliveries) - 1).sum()
    }

    /// The fault that strikes this call, counted down. `delivery` is the request id when the call is a delivery.
    pub(crate) fn strike(&self, registry: &str, delivery: Option<Uuid>) -> Option<Strike> {
        let mut slots = self.slots.lock().expect("no holder of this lock panics");
        [registry, "*"].into_iter().find_map(|key| {
            let slot = slots.get_mut(key)?;
            let order = &mut slot.order;
            let meant = match delivery {
                Some(id) => order.percent.is_none_or(|percent| self.lot(id) < percent),
                None => order.fault.strikes_all(),
            };
            if !meant || order.times == Some(0) {
                return None;
            }
            order.times = order.times.map(|times| times - 1);
            let held = delivery.map(|_| slot.deliveries.clone());
            Some(Strike { fault: order.fault, hold: slot.hold.subscribe(), _delivery: held })
        })
    }

    /// A number below 100 that belongs to this request and seed for ever, so that a run can be repeated.
    fn lot(&self, request: Uuid) -> u8 {
        let mut hash = Sha256::new();
        hash.update(self.seed.to_be_bytes());
        hash.update(request.as_bytes());
        let digest = hash.finalize();
        u8::try_from(u16::from_be_bytes([digest[0], digest[1]]) % 100).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    fn order(registry: &str, fault: &str, times: Option<u32>, percent: Option<u8>) -> FaultOrder {
        FaultOrder { registry: registry.into(), fault: fault.parse().unwrap(), times, percent }
    }

    #[test]
    fn words_are_read_as_they_are_written() {
        for (word, fault) in WORDS {
            assert_eq!(word.parse::<Fault>().unwrap(), fault);
            assert_eq!(String::from(fault), word);
        }
        assert_eq!(String::from("slow_ms:20".parse::<Fault>().unwrap()), "slow_ms:20");
        assert!("slow_ms:".parse::<Fault>().is_err());
        assert!("ill".parse::<Fault>().is_err());
    }

    #[test]
    fn a_registrys_own_order_goes_first_and_is_counted() {
        let faults = Faults::new(1);
        faults.set(order("*", "down", None, None));
        faults.set(order("320102", "refuse", Some(1), None));
        let strike = |registry, id| faults.strike(registry, id).map(|strike| strike.fault);
        let id = Some(Uuid::now_v7());
        assert_eq!(strike("320102", None), Some(Fault::Down), "a refusal strikes deliveries only");
        assert_eq!(strike("320102", id), Some(Fault::Refuse));
        assert_eq!(strike("320102", id), Some(Fault::Down));
        faults.set(order("*", "none", None, None));
        assert_eq!(strike("320104", id), None);
    }

    #[test]
    fn a_share_is_chosen_by_id_and_seed() {
        let hit = |seed| -> Vec<bool> {
            let faults = Faults::new(seed);
            faults.set(order("*", "store_nothing", None, Some(10)));
            (0..2000u128).map(|n| faults.strike("320102", Some(Uuid::from_u128(n))).is_some()).collect()
        };
        let first = hit(7);
        assert_eq!(first, hit(7));
        assert_ne!(first, hit(8));
        let share = first.iter().filter(|hit| **hit).count();
        assert!((120..280).contains(&share), "about a tenth of 2000, not {share}");
    }
}
