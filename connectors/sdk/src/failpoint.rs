//! Places where a test can kill the connector: `XIEZHI_FAILPOINT=after_receipt:3` aborts the process the third time it
//! comes by. Exists only in builds with debug assertions; a release compiles it to nothing.

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(debug_assertions), allow(dead_code, reason = "only a test build reads them"))]
pub(crate) enum Failpoint {
    /// The local system took the demand; the ledger has not been asked.
    BeforeReceipt,
    /// The ledger has answered.
    AfterReceipt,
    /// All is done but the acknowledgement.
    BeforeAck,
    /// The acknowledgement was handed to the broker.
    AfterAck,
}

#[cfg(not(debug_assertions))]
pub(crate) fn pass(_: Failpoint) {}

#[cfg(not(debug_assertions))]
pub(crate) fn acks_before_receipt() -> bool {
    false
}

#[cfg(debug_assertions)]
pub(crate) use active::{acks_before_receipt, pass};

#[cfg(debug_assertions)]
mod active {
    use std::sync::{
        LazyLock,
        atomic::{AtomicI64, Ordering},
    };

    use super::Failpoint;

    /// The place and how many more times it may be passed.
    static CHOSEN: LazyLock<Option<(Failpoint, AtomicI64)>> = LazyLock::new(|| {
        let text = std::env::var("XIEZHI_FAILPOINT").ok().filter(|text| !text.is_empty())?;
        let (name, times) = text.split_once(':').unwrap_or((&text, "1"));
        let place = match name {
            "before_receipt" => Failpoint::BeforeReceipt,
            "after_receipt" => Failpoint::AfterReceipt,
            "before_ack" => Failpoint::BeforeAck,
            "after_ack" => Failpoint::AfterAck,
            // Another program of the same test owns that place.
            _ => return None,
        };
        let times = times.parse().expect("XIEZHI_FAILPOINT ends in a number, as in after_receipt:3");
        Some((place, AtomicI64::new(times)))
    });

    static PLANTED: LazyLock<bool> =
        LazyLock::new(|| std::env::var("XIEZHI_PLANTED_BUG").is_ok_and(|bug| bug == "ack_before_receipt"));

    /// Dies here when it is this place's turn. Whoever comes by while the process dies stays here: nothing may happen after the
    /// moment that the test chose.
    pub(crate) fn pass(place: Failpoint) {
        let Some((chosen, left)) = &*CHOSEN else { return };
        if *chosen != place {
            return;
        }
        match left.fetch_sub(1, Ordering::Relaxed) {
            2.. => {}
            1 => {
                tracing::error!(?place, "the planned end of this process");
                std::process::abort();
            }
            ..=0 => loop {
                std::thread::park();
            },
        }
    }

    /// The bug that the invariants must catch: acknowledging before the ledger has the receipt.
    pub(crate) fn acks_before_receipt() -> bool {
        *PLANTED
    }
}
