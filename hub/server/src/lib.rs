//! The hub: takes demands (协执) from courts, hands them to the broker, stamps receipts (送达) in the ledger, records what
//! was not delivered (未送达), and tells the courts. `hub/ARCHITECTURE.md` walks one demand through these rooms.

pub mod bus;
pub mod documents;
pub mod failpoint;
pub mod feedback;
pub mod http;
pub mod intake;
pub mod secret;
pub mod store;
