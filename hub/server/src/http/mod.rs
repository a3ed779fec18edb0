//! The HTTP API: router, limits, authentication, problem details.
//!
//! Every route stands in one table ([`routes`]), from which both the router and the OpenAPI document are made.

mod app;
pub mod auth;
pub(crate) mod body;
pub mod codes;
pub(crate) mod cursor;
mod frame;
pub mod metrics;
pub mod openapi;
pub mod problem;
pub mod query;
pub mod refusals;
pub mod routes;
mod serve;
pub mod tls;
pub(crate) mod trace;
pub(crate) mod typed;
mod whoami;

pub use app::App;
pub use frame::router;
pub use serve::serve;
