//! The declarative mapping between the published messages and what a province's own system speaks.
//!
//! A mapping file is TOML, written by people who know their local interface and not this program. It is read as a whole or
//! refused as a whole ([`Mapping::load`]). Outbound, it makes the local message of a demand; inbound, it reads a local answer
//! into an outcome through the published types' own parsers. Nothing is ever defaulted: a value that no rule explains refuses
//! the message and says which field, by which code. The language is described in `README.md` beside this crate.
//!
//! Pure: no file, clock, socket or environment is touched here.

mod build;
mod charset;
mod code;
mod dates;
mod decode;
pub mod encode;
mod examples;
mod expression;
mod filters;
mod inbound;
mod mapping;
mod outbound;
mod problem;
mod reader;
mod refusal;
mod rules;
mod scan;
mod shapes;
mod testing;
mod tree;

pub use charset::Charset;
pub use code::Code;
pub use examples::demand as example_demand;
pub use inbound::{Known, Understood};
pub use mapping::{LANGUAGE, MAX_FILE, Mapping, Warning};
pub use outbound::{Document, Mapped};
pub use problem::{Broken, Problem};
pub use refusal::{Refusal, Refused};
pub use testing::TestOutcome;
pub use tree::{Scalar, Tree};
