//! The topology against a real broker: applied, compared, bent and mended, and used for what it is there for.
//!
//! The broker is this program's own: broker users belong to the whole broker, and other tests would give the same names other
//! passwords.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may panic, and publishes as others would"
)]

mod drift;
mod kit;
mod roads;
mod same;
mod walls;
