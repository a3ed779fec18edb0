//! Places at which a test can kill the process, and bugs that a test can plant to see whether it would notice them.
//! Compiled to nothing without debug assertions; no release build has it.

/// Ends the process at once if `XIEZHI_FAILPOINT` names this place (`name` or `name:N` for the N-th passing). Whoever comes by
/// while it ends stays here: nothing may happen after the moment that the test chose.
#[cfg(debug_assertions)]
pub fn hit(name: &str) {
    use std::{
        cmp::Ordering::{Equal, Greater, Less},
        sync::atomic::{AtomicU64, Ordering},
    };
    static PASSED: AtomicU64 = AtomicU64::new(0);
    let Ok(wanted) = std::env::var("XIEZHI_FAILPOINT") else { return };
    let (place, count) = wanted.split_once(':').unwrap_or((&wanted, "1"));
    if place != name {
        return;
    }
    match (PASSED.fetch_add(1, Ordering::Relaxed) + 1).cmp(&count.parse().unwrap_or(1)) {
        Less => {}
        Equal => std::process::abort(),
        Greater => loop {
            std::thread::park();
        },
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
