//! Why a command ended without success, and the exit code that says so.

use std::{error::Error, io};

use xiezhi_forms::{FontError, FormError, seal::SealError};

use crate::{
    calendar::CalendarError,
    code::chain,
    config::ConfigError,
    directory::DirectoryError,
    forms::DeskError,
    keys::KeyError,
    ledger::heads::HeadError,
    principals::PrincipalError,
    serve::{ServeError, StartError},
    store::{MigrationError, StoreError},
    topology::TopologyError,
};

/// A failed command. The text is complete: code, what, what to do.
#[derive(Debug)]
pub enum Failure {
    /// The answer is no: exit code 1.
    No(String),
    /// Wrong usage or settings: exit code 2.
    Usage(String),
    /// A server could not be reached: exit code 3.
    Unreachable(String),
    /// The reader of standard output went away; that is its right: exit code 0.
    OutputClosed,
}

impl Failure {
    /// Says on standard error what went wrong and returns the exit code.
    pub fn report(&self) -> u8 {
        let (code, text) = match self {
            Self::No(text) => (1, text),
            Self::Usage(text) => (2, text),
            Self::Unreachable(text) => (3, text),
            Self::OutputClosed => return 0,
        };
        eprintln!("{text}");
        code
    }

    fn no(error: &(dyn Error + 'static)) -> Self {
        Self::No(chain(error))
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Usage(chain(&error))
    }
}

impl From<CalendarError> for Failure {
    fn from(error: CalendarError) -> Self {
        Self::Usage(chain(&error))
    }
}

impl From<DeskError> for Failure {
    fn from(error: DeskError) -> Self {
        Self::Usage(chain(&error))
    }
}

impl From<FontError> for Failure {
    fn from(error: FontError) -> Self {
        Self::Usage(chain(&error))
    }
}

impl From<FormError> for Failure {
    fn from(error: FormError) -> Self {
        Self::No(error.to_string())
    }
}

impl From<SealError> for Failure {
    fn from(error: SealError) -> Self {
        Self::No(error.to_string())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Unavailable(_) => Self::Unreachable(chain(&error)),
            StoreError::Url(_) => Self::Usage(chain(&error)),
            _ => Self::no(&error),
        }
    }
}

impl From<HeadError> for Failure {
    fn from(error: HeadError) -> Self {
        match error {
            HeadError::Store(error) => error.into(),
            HeadError::Key { .. } => Self::Usage(chain(&error)),
            error => Self::no(&error),
        }
    }
}

impl From<MigrationError> for Failure {
    fn from(error: MigrationError) -> Self {
        match error {
            MigrationError::Store(error) => error.into(),
            error => Self::no(&error),
        }
    }
}

impl From<DirectoryError> for Failure {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::Store(error) => error.into(),
            DirectoryError::Unreadable { .. } => Self::Usage(chain(&error)),
            error => Self::no(&error),
        }
    }
}

impl From<PrincipalError> for Failure {
    fn from(error: PrincipalError) -> Self {
        match error {
            PrincipalError::Store(error) => error.into(),
            error => Self::no(&error),
        }
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Exists { .. } => Self::no(&error),
            error => Self::Usage(chain(&error)),
        }
    }
}

impl From<TopologyError> for Failure {
    fn from(error: TopologyError) -> Self {
        match &error {
            TopologyError::Unreachable { .. } => Self::Unreachable(chain(&error)),
            TopologyError::Url | TopologyError::Settings(_) => Self::Usage(chain(&error)),
            _ => Self::no(&error),
        }
    }
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        match error {
            ServeError::Start(StartError::Key(error)) => error.into(),
            ServeError::Start(StartError::Store(error)) => error.into(),
            ServeError::Start(StartError::Migration(error)) => error.into(),
            ServeError::Start(StartError::Calendar(error)) => error.into(),
            ServeError::Start(StartError::Forms(error)) => error.into(),
            ServeError::Telemetry(error) => Self::Usage(chain(&error)),
            error => Self::no(&error),
        }
    }
}

/// Standard output is the only stream these commands write to.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::OutputClosed,
            _ => Self::No(format!("[HUB-1041] the output cannot be written: {error}")),
        }
    }
}
