//! What may be written into a form, and when two texts say the same.

use xiezhi_domain::check::Findings;

use crate::finding::{Code, error};

/// Checks one text that the form prints: there, not longer than `most` characters, nothing invisible in it.
pub(crate) fn check(found: &mut Findings, path: &str, chinese: &str, text: &str, most: usize) {
    if text.trim().is_empty() {
        let message = format!("{chinese} is blank");
        error(found, Code::Blank, path, message, "fill it in as it stands in the file of the case");
        return;
    }
    let length = text.chars().count();
    if length > most {
        let message = format!("{chinese} has {length} characters, at most {most} fit");
        error(found, Code::Unfit, path, message, "shorten it");
    }
    if let Some(c) = text.chars().find(|c| is_unfit(*c)) {
        let message = format!("{chinese} contains the invisible character U+{:04X}", u32::from(c));
        error(found, Code::Unfit, path, message, "type it anew instead of copying it");
    }
}

/// Characters that are not seen on paper or change how others are seen: controls, writing direction, zero width, tags,
/// noncharacters and those of private use.
fn is_unfit(c: char) -> bool {
    c.is_control()
        || matches!(u32::from(c),
            0xAD | 0x61C | 0x180E | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0xE000..=0xF8FF
            | 0xFE00..=0xFE0F | 0xFEFF | 0xFFF0..=0xFFFB | 0xE0000..=0x10FFFF)
}

/// The text without white space: on paper, lines end anywhere, so blanks carry no meaning.
pub(crate) fn squeeze(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}
