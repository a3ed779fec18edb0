//! The hub: takes demands (协执) from courts, hands them to the broker, stamps receipts (送达) in the ledger, records what
//! was not delivered (未送达), and tells the courts. `hub/ARCHITECTURE.md` walks one demand through these rooms.

pub mod audit;
pub mod bus;
pub mod calendar;
pub mod cli;
pub mod code;
pub mod config;
pub mod contacts;
pub mod directory;
pub mod doctor;
pub mod documents;
pub mod failpoint;
pub mod feedback;
pub mod health;
pub mod http;
pub mod intake;
pub mod keys;
pub mod ledger;
pub mod matters;
pub mod outcomes;
pub mod principals;
pub mod register;
pub mod relay;
pub mod serve;
pub mod store;
pub mod supervisor;
pub mod telemetry;
pub mod topology;
pub mod undelivered;
pub mod upward;
pub mod withdrawals;
