//! What is to be set: a value without any knowledge of fonts or pages.

use jiff::civil::Date;

/// One document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    /// Title in the document's properties; not printed.
    pub title: String,
    /// The day that the document gives as that of its making, in China; PDF/A wants one. The day on the form, never a clock's.
    pub date: Date,
    /// What is printed, from top to bottom; goes on to further pages as needed.
    pub blocks: Vec<Block>,
    /// A small line at the foot of every page; empty for none.
    pub footer: String,
}

/// A paragraph, heading or line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The text.
    pub runs: Vec<Run>,
    /// Where its lines stand.
    pub align: Align,
    /// Size of a character in tenths of a point.
    pub size: u16,
    /// Whether in the bold face.
    pub bold: bool,
    /// Characters by which the first line is indented (首行缩进).
    pub indent: u8,
    /// Room above, in points.
    pub space_above: u16,
    /// Characters left free at the right end; for signatures.
    pub right_margin: u8,
}

/// A stretch of text of one look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The text; control characters have no place in it.
    pub text: String,
    /// Whether it stands on a line, as what is filled into a form does.
    pub underlined: bool,
}

/// Where the lines of a block stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// From margin to margin, the last line from the left.
    Justified,
    /// In the middle.
    Centre,
    /// At the right margin.
    Right,
}
