//! The published language of the hub: identifiers, messages, addresses. Hub and connectors share this crate and nothing
//! else, so whatever is written here is the contract that provinces build against.

pub mod address;
pub mod courts;
pub mod identifier;
pub mod message;
pub mod published;
pub mod signature;
pub mod strict_json;
pub mod workdays;
