//! Counterparts that the project's tests and its demo run against: real processes that keep their own books, and can fall
//! ill or lie on command. They know nothing of the hub but the published JSON, and keep no personal data.

pub mod county;
