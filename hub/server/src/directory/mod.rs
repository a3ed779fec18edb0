//! Who takes part: provinces, registries and the divisions they serve, as data with dates.
//!
//! A region joins, moves or leaves by a change of rows; nothing in the code knows one. Files are imported whole or not at
//! all, and every change is kept with its before and after.

mod import;
pub mod links;
mod parse;
mod tables;

use std::path::PathBuf;

pub use import::{Change, import};
pub use tables::{Named, Served, Tables, load, today, zone};

use crate::store::StoreError;

/// Why the directory was not changed.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// A file cannot be read.
    #[error("[HUB-1031] {path} cannot be read; nothing was changed")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The files contradict themselves, each other or what is known; one entry a problem, with file and line.
    #[error("[HUB-1030] the files have {} problems; nothing was changed\n{}", .0.len(), .0.join("\n"))]
    Refused(Vec<String>),
    /// A decision about a province's local links cannot be.
    #[error("[HUB-1035] {0}; nothing was changed")]
    Link(String),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl DirectoryError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "HUB-1031",
            Self::Refused(_) => "HUB-1030",
            Self::Link(_) => "HUB-1035",
            Self::Store(error) => error.code(),
        }
    }
}
