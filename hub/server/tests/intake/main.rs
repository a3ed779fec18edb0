//! The HTTP API against a real database: what is accepted, what is refused, and that nothing is ever half done.
//!
//! Needs PostgreSQL and RabbitMQ; the test kit starts private ones unless the environment names others.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod accept;
mod documents;
mod drops;
mod feedback;
mod read;
mod refusals;
mod refuse;
mod support;
