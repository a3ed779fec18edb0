//! What people settle: disputes about the order of demands, consultations, and the open issues of a province. Each is a matter
//! with a log that only grows until it is closed; documents are named by their digest, and every act of a person stands in the audit.

mod consultations;
mod disputes;
mod issue_list;
mod issues;
mod log;
mod opening;
mod order;
mod views;

pub use consultations::ROUTES as CONSULTATION_ROUTES;
pub use disputes::ROUTES as DISPUTE_ROUTES;
pub use issues::ROUTES as ISSUE_ROUTES;
pub(crate) use opening::{Conflict, open_conflicts};
