//! Withdrawals (撤回): a court asks in writing, the registry decides.
//!
//! The wish is stored and offered to the registry's connector while the registry holds the demand, so that it can never
//! arrive before what it is about. The registry agrees with a return for the reason `withdrawn` or declines; whatever
//! ends the request first, under the lock of its row, ends the wish too. The wish itself changes nothing.

mod ask;
mod ends;
mod offer;
pub mod routes;

pub(crate) use ends::Wishes;
