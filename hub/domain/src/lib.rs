//! What the hub decides, without touching anything: states of a request, the checks of a demand before it travels, the order
//! of a property's demands and the register of its seizures.
//!
//! Nothing here reads a clock, a socket, a table or the environment. Dates and events come in as values, decisions go out
//! as values; the server performs them. That keeps the legal rules testable by tables and properties alone.

pub mod check;
pub mod late;
pub mod limits;
pub mod order;
pub mod outcome;
pub mod period;
pub mod register;
pub mod state;
pub mod superior;
pub mod timers;
pub mod withdrawal;
pub mod workdays;

pub use check::{Code, Finding, Findings, check};
pub use state::{Event, IllegalTransition, State, TRANSITIONS, Transition};
