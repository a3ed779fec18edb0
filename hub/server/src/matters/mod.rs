//! What people settle: disputes about the order of demands, and consultations. Each is a matter with a log that only
//! grows until it is closed; documents are named by their digest, and every act of a person stands in the audit.

mod consultations;
mod disputes;
mod log;
mod opening;
mod order;
mod views;

pub use consultations::ROUTES as CONSULTATION_ROUTES;
pub use disputes::ROUTES as DISPUTE_ROUTES;
pub(crate) use opening::{Conflict, open_conflicts};
