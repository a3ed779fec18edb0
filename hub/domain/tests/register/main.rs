//! The register of one unit: worked examples, refusals, disagreements, late reports, and a slow model of it all.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod anomalies;
mod examples;
mod flaws;
mod kit;
mod late;
mod model;
