//! Breaking text into lines as Chinese is set: between any two characters, but no closing mark begins a line, no opening
//! one ends it (避头尾), and words and numbers of ASCII stay whole where they can.

use crate::font::Glyph;

/// One character as it stands in a line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Set {
    pub(crate) c: char,
    pub(crate) glyph: Glyph,
    pub(crate) underlined: bool,
}

impl Set {
    /// Width with the grid's rule that a blank at the end of a line takes no room.
    fn is_blank(self) -> bool {
        self.c == ' '
    }
}

const NEVER_FIRST: &str = "，。、；：？！）》〉」』】〕｝”’％‰…—～·,.;:?!)]}%";
const NEVER_LAST: &str = "（《〈「『【〔｛“‘￥([{";

/// Splits `text` into lines of at most `width` characters' widths; the first is shorter by `indent`. A word longer than a
/// line is cut where the line ends.
pub(crate) fn split(text: &[Set], width: f32, indent: f32) -> Vec<&[Set]> {
    let mut lines = Vec::new();
    let mut rest = text;
    let mut room = width - indent;
    while !rest.is_empty() {
        let end = line_end(rest, room);
        let (line, after) = rest.split_at(end);
        lines.push(line);
        rest = after;
        room = width;
    }
    lines
}

/// Where the first line of `text` ends: at least one character.
fn line_end(text: &[Set], room: f32) -> usize {
    let mut used = 0.0;
    let mut last_break = None;
    for (at, set) in text.iter().enumerate() {
        if at > 0 && may_break(text[at - 1].c, set.c) {
            last_break = Some(at);
        }
        used += set.glyph.advance;
        // The sum of thirty floats is off by less than this.
        if used > room + 0.001 && !set.is_blank() {
            return last_break.unwrap_or(at).max(1);
        }
    }
    text.len()
}

fn may_break(before: char, after: char) -> bool {
    let forbidden = NEVER_FIRST.contains(after) || NEVER_LAST.contains(before) || after == ' ';
    let within_word = is_of_word(before) && is_of_word(after);
    !forbidden && !within_word
}

/// Characters that make up words and numbers: everything of the alphabets, nothing of the square scripts.
fn is_of_word(c: char) -> bool {
    c != ' ' && u32::from(c) < 0x2E80 && !NEVER_LAST.contains(c) && c != '—' && c != '…'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, width: f32, indent: f32) -> Vec<String> {
        let set: Vec<Set> = text
            .chars()
            .map(|c| {
                let advance = if c.is_ascii() { 0.5 } else { 1.0 };
                let glyph = Glyph { id: krilla::text::GlyphId::new(1), advance };
                Set { c, glyph, underlined: false }
            })
            .collect();
        split(&set, width, indent).iter().map(|line| line.iter().map(|set| set.c).collect()).collect()
    }

    #[test]
    fn lines_break_as_chinese_does() {
        assert_eq!(lines("查封期限三年", 4.0, 0.0), ["查封期限", "三年"]);
        assert_eq!(lines("查封期限三年", 4.0, 2.0), ["查封", "期限三年"]);
        assert_eq!(lines("查封期限，三年", 4.0, 0.0), ["查封期", "限，三年"], "a comma begins no line");
        assert_eq!(lines("查封期（三年）", 4.0, 0.0), ["查封期", "（三年）"], "a bracket ends no line");
        assert_eq!(lines("编号GB00001号", 5.0, 0.0), ["编号", "GB00001号"], "a number stays whole");
        assert_eq!(lines("ABCDEFGHIJ", 4.0, 0.0), ["ABCDEFGH", "IJ"], "what is longer than a line is cut");
        assert_eq!(lines("John Smith", 3.0, 0.0), ["John ", "Smith"], "the blank stays at the end");
        assert!(lines("", 4.0, 0.0).is_empty());
        assert_eq!(
            lines("，，，，，，", 4.0, 0.0).concat(),
            "，，，，，，",
            "nothing is lost where no rule can be kept"
        );
    }
}
