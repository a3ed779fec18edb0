//! Places at which a test can kill the process, and bugs that a test can plant to see whether it would notice them.
//! Compiled to nothing without debug assertions; no release build has it.

/// Ends the process at once if `XIEZHI_FAILPOINT` names this place (`name` or `name:N` for the N-th passing).
#[cfg(debug_assertions)]
pub fn hit(name: &str) {
    use std::sync::atomic::{AtomicU64, Ordering};
    static PASSED: AtomicU64 = AtomicU64::new(0);
    let Ok(wanted) = std::env::var("XIEZHI_FAILPOINT") else { return };
    let (place, count) = wanted.split_once(':').unwrap_or((&wanted, "1"));
    if place == name && PASSED.fetch_add(1, Ordering::Relaxed) + 1 == count.parse().unwrap_or(1) {
        std::process::abort();
    }
}

/// Does nothing in this build.
#[cfg(not(debug_assertions))]
pub fn hit(_name: &str) {}

/// Whether a test planted this bug through `XIEZHI_PLANTED_BUG`.
#[cfg(debug_assertions)]
pub fn planted_bug(name: &str) -> bool {
    std::env::var("XIEZHI_PLANTED_BUG").is_ok_and(|planted| planted == name)
}

/// Never, in this build.
#[cfg(not(debug_assertions))]
pub fn planted_bug(_name: &str) -> bool {
    false
}
