//! Test kit: starts and controls real PostgreSQL and RabbitMQ servers and the project's own programs, so that
//! tests, demo, chaos and load runs work against the same software as production and can kill it at will.
//!
//! Everything started here listens on the loopback only, lives below `/tmp/xiezhi-<uid>/` and dies with the
//! process that started it, also when that process is killed with `kill -9`.
//!
//! - [`shared::TestEnv`] gives one test a database and a virtual host of its own on a shared stack.
//! - [`stack::Stack`] is a private pair of servers for a test that kills them.
//! - [`world::World`] is the whole road: hub, connectors and simulated counties on such servers.
//! - [`proxy::Proxy`] stands between a program and a server and strikes at a chosen message.
//! - [`launch::Launch`] and [`process::Process`] run and signal any other program.
//! - [`wait::until`] polls a condition with a deadline.

#![allow(
    clippy::disallowed_methods,
    reason = "the fences are for the programs; the kit spawns, publishes and polls to test them"
)]

pub mod chaos;
pub mod clock;
pub mod home;
pub mod invariants;
pub mod launch;
pub mod load;
pub mod loops;
pub mod management;
pub mod postgres;
pub mod process;
pub mod procfs;
pub mod proxy;
pub mod rabbit;
pub mod shared;
pub mod stack;
pub mod wait;
pub mod world;

pub use launch::Launch;
pub use loops::loops;
pub use management::Management;
pub use postgres::{Postgres, PostgresOptions};
pub use process::{Ended, Process};
pub use rabbit::{Rabbit, RabbitOptions};
pub use shared::TestEnv;
pub use stack::{Stack, StackOptions};
pub use world::World;

/// Makes ring the TLS provider of this process, once; later calls and other providers are left alone.
pub fn install_crypto() {
    drop(rustls::crypto::ring::default_provider().install_default());
}
