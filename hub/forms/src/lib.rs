//! The four forms of the annex of 法〔2024〕32号: 协助执行通知书 for 查封, 继续查封 and 解除查封, and the 回执 of the registry.
//!
//! A form is data first ([`Notice`], [`Receipt`]) with the checks of rules R70–R77. Its wording, the articles of law that it
//! cites included, is data too ([`Wording`]). From both come a text, a PDF/A-2b and, read backwards, the data again: a
//! form that could be read in two ways is refused, so whoever gets one can rely on what it says.
//!
//! No clock, no network, no environment: dates come in, bytes go out, and equal data gives equal bytes.

mod error;
mod finding;
mod form;
mod notice;
mod read;
mod receipt;
pub mod seal;
mod sheet;
mod slot;
mod template;
mod text;
mod wording;

pub use error::FormError;
pub use finding::Code;
pub use form::Form;
pub use notice::{Matter, Notice, Party, Property};
pub use receipt::{Receipt, Standing};
pub use wording::{FormKind, Version, Wording, WordingError};
pub use xiezhi_typeset::{FontError, Fonts};
