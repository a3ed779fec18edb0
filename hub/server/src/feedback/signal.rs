//! Wakes whoever waits for a sender's next event.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{Notify, watch};

/// One bell for each sender that somebody waits for, and one for the webhooks.
#[derive(Debug, Clone, Default)]
pub struct Signal {
    bells: Arc<Mutex<HashMap<String, watch::Sender<u64>>>>,
    any: Arc<Notify>,
}

impl Signal {
    /// Rings for one sender.
    pub fn ring(&self, sender: &str) {
        let mut bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bell) = bells.get(sender) {
            if bell.is_closed() {
                bells.remove(sender);
            } else {
                bell.send_modify(|rung| *rung = rung.wrapping_add(1));
            }
        }
        self.any.notify_one();
    }

    /// Rings for everybody: after a lost connection nobody knows what was missed.
    pub fn ring_all(&self) {
        let mut bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
        bells.retain(|_, bell| !bell.is_closed());
        for bell in bells.values() {
            bell.send_modify(|rung| *rung = rung.wrapping_add(1));
        }
        self.any.notify_one();
    }

    /// A receiver that changes when `sender`'s stream may have grown. Subscribe first, then look, then wait.
    pub fn subscribe(&self, sender: &str) -> watch::Receiver<u64> {
        let mut bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
        let mut receiver =
            bells.entry(sender.to_owned()).or_insert_with(|| watch::Sender::new(0)).subscribe();
        receiver.mark_unchanged();
        receiver
    }

    /// Waits until any sender's stream may have grown.
    pub async fn any(&self) {
        self.any.notified().await;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[tokio::test]
    async fn a_bell_wakes_its_own_waiters() {
        let signal = Signal::default();
        let (mut a, mut b) = (signal.subscribe("a"), signal.subscribe("b"));
        signal.ring("a");
        a.changed().await.unwrap();
        assert!(!b.has_changed().unwrap());
        signal.ring_all();
        b.changed().await.unwrap();
        drop((a, b));
        signal.ring("a");
        assert!(!signal.subscribe("a").has_changed().unwrap());
    }
}
