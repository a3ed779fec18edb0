//! The register of seizures of one property unit, as its registry's reports and the passing of time make it.
//!
//! The hub never decides what is registered (法〔2024〕32号 一: 不突破不动产查封登记、登记资料查询一般规则). It keeps what the registry reported,
//! draws the two consequences that the law attaches to time and to a lifting by itself (lapse and conversion), and says
//! where a report does not agree with the order of delivery. Everything is a function of reports and an instant:
//!
//! - [`history`] folds reports in the order of their legal instants into steps and the register they end in;
//! - [`learn`] compares what was known with what is known now and says what to append to the log of the unit, so that a
//!   late report finds its place without a word of the log being altered;
//! - [`anomalies`] compares the register with the order of delivery, [`next`] says what that order asks for next.

mod anomaly;
mod code;
mod history;
mod learn;
mod lifting;
mod next;
mod report;
mod seizure;

pub use anomaly::{Anomaly, anomalies};
pub use code::Code;
pub use history::{History, Step, What, history};
pub use learn::{Corrects, Entry, Mark, learn};
pub use lifting::{OtherDay, other_day};
pub use next::{Expected, next};
pub use report::{Action, CutOver, Number, Place, Report, Term, WaitingRule};
pub use seizure::{Register, Seizure, Stand, places};
