//! Placeholder.

pub mod identifier;
