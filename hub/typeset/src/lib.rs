//! Sets Chinese text on A4 pages and writes them as PDF/A-2b.
//!
//! A [`Sheet`] is a value: blocks of runs of plain text. There is no markup, so nothing that a court or a clerk types can
//! be an instruction. Equal sheets give equal bytes: no clock, no network, no random number is asked. A character that
//! no font has is an error that names it; a box is never printed.
//!
//! PDF is written by `krilla`, the library behind typst; the lines are broken here, because the forms need no more than
//! a grid of square characters, and the whole of typst would bring 190 crates for it.

mod font;
mod lines;
mod pdf;
mod sheet;

pub use font::{FontError, Fonts, PACKAGE};
pub use pdf::SetError;
pub use sheet::{Align, Block, Run, Sheet};
