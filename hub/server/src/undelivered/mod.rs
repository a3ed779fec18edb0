//! Undelivered demands (未送达): recorded, told to the court, held, and decided by an operator.
//!
//! What the broker could not deliver goes twice: into the dead-letter queue of the tier, where it is *held*, and into the hub's
//! queue of that tier, from which it is *recorded* here. An operator replays it (a new attempt of the same request)
//! or closes it. [`record`] records, [`decide`] works jobs off, [`release`] takes decided messages out of the
//! dead-letter queues.

pub mod decide;
pub mod record;
pub mod release;
