//! Whom to call (联络员名单, 法〔2024〕32号 三(二)): a directory of people on both sides, from when to when.

mod file;
pub mod routes;
