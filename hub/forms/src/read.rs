//! Reading a form backwards: from text to data.
//!
//! White space is left out of the comparison, because lines end anywhere. A text that fits in more than one way is refused:
//! nobody may rely on a form that says two things.

use crate::{
    error::FormError,
    form::Form,
    slot::{Slot, Values, date, read_date},
    template::Piece,
    text::squeeze,
    wording::{Version, Wording},
};

/// Longest text that is looked at, in characters: some pages.
const LONGEST: usize = 6_000;

/// Reads `text` as any known version of any form.
pub(crate) fn read(text: &str, wording: &Wording) -> Result<Form, FormError> {
    let unreadable = |why: &str| FormError::Unreadable { why: why.to_owned() };
    if text.chars().count() > LONGEST {
        return Err(unreadable("it is longer than any form"));
    }
    let mut found: Option<Form> = None;
    let mut contradictory = false;
    for version in wording.versions() {
        match readings(version, &Text::new(text, &squeeze(&version.footer()))) {
            Readings::None => {}
            Readings::Several => return Err(FormError::Ambiguous),
            Readings::One(values) => match Form::from_values(version.kind(), &values) {
                None => contradictory = true,
                Some(form) if found.as_ref().is_some_and(|other| !other.says_the_same(&form)) => {
                    return Err(FormError::Ambiguous);
                }
                Some(form) => found = Some(form),
            },
        }
    }
    found.ok_or_else(|| {
        unreadable(if contradictory {
            "an identifier on it is not valid, or it contradicts itself"
        } else {
            "its words are those of no known version"
        })
    })
}

/// A text without white space that still knows where some was.
struct Text {
    chars: Vec<char>,
    /// Whether a blank stood before the character.
    blank_before: Vec<bool>,
}

impl Text {
    /// Leaves out the lines that are the footer, which stands on every page.
    fn new(text: &str, footer: &str) -> Self {
        let mut this = Self { chars: Vec::new(), blank_before: Vec::new() };
        for line in text.lines().filter(|line| squeeze(line) != footer) {
            // A line that ends within a word or number of another script was broken at a blank.
            let of_word = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
            let first = line.chars().find(|c| !c.is_whitespace());
            let mut blank = of_word(this.chars.last().copied()) && of_word(first);
            let mut begun = false;
            for c in line.chars() {
                if c.is_whitespace() {
                    blank |= begun;
                } else {
                    this.chars.push(c);
                    this.blank_before.push(blank);
                    (blank, begun) = (false, true);
                }
            }
        }
        this
    }

    /// The characters from `begin` to `end`, with single blanks where some were.
    fn slice(&self, begin: usize, end: usize) -> String {
        let mut text = String::new();
        for at in begin..end {
            if at > begin && self.blank_before[at] {
                text.push(' ');
            }
            text.push(self.chars[at]);
        }
        text
    }

    fn squeezed(&self, begin: usize, end: usize) -> String {
        self.chars[begin..end].iter().collect()
    }
}

enum Readings {
    None,
    One(Values),
    Several,
}

/// A piece ready for comparison.
enum Part {
    Words(Vec<char>),
    Blank(Slot),
}

/// Fits the text to the version. Counts backwards in how many ways the rest of the text is the rest of the form, which
/// takes time with the product of both and not with the number of ways.
fn readings(version: &Version, text: &Text) -> Readings {
    let parts: Vec<Part> = version
        .pieces()
        .map(|piece| match piece {
            Piece::Words(words) => Part::Words(squeeze(words).chars().collect()),
            Piece::Blank { slot, .. } => Part::Blank(*slot),
        })
        .collect();
    let length = text.chars.len();
    // ways[i][p]: ways in which the text from p on is the parts from i on; two stand for more.
    let mut ways = vec![vec![0_u8; length + 1]; parts.len() + 1];
    ways[parts.len()][length] = 1;
    for (i, part) in parts.iter().enumerate().rev() {
        for p in 0..=length {
            ways[i][p] = ends(part, text, p)
                .filter(|end| ways[i + 1][*end] > 0 && fits(part, text, p, *end))
                .fold(0, |sum, end| (sum + ways[i + 1][end]).min(2));
        }
    }
    match ways[0][0] {
        0 => return Readings::None,
        1 => {}
        _ => return Readings::Several,
    }
    let mut values = Values::new();
    let mut p = 0;
    for (i, part) in parts.iter().enumerate() {
        let end = ends(part, text, p).find(|end| ways[i + 1][*end] > 0 && fits(part, text, p, *end));
        let Some(end) = end else { return Readings::None };
        if let Part::Blank(slot) = part {
            // A date has two ways of writing and one value.
            let value = match read_date(&text.squeezed(p, end)) {
                Some(day) if *slot == Slot::Date => date(day),
                _ if slot.is_free() => text.slice(p, end),
                _ => text.squeezed(p, end),
            };
            // What stands in several places must be the same in all of them.
            if values.insert(*slot, value.clone()).is_some_and(|other| squeeze(&other) != squeeze(&value)) {
                return Readings::None;
            }
        }
        p = end;
    }
    Readings::One(values)
}

/// Where a part that begins at `p` may end.
fn ends(part: &Part, text: &Text, p: usize) -> std::ops::RangeInclusive<usize> {
    let length = text.chars.len();
    match part {
        Part::Words(words) => {
            let end = p + words.len();
            if end <= length { end..=end } else { std::ops::RangeInclusive::new(1, 0) }
        }
        Part::Blank(slot) => p..=length.min(p + slot.most()),
    }
}

fn fits(part: &Part, text: &Text, p: usize, end: usize) -> bool {
    match part {
        Part::Words(words) => text.chars[p..end] == words[..],
        Part::Blank(slot) if p == end => slot.may_be_empty(),
        Part::Blank(slot) => slot.fits(&text.squeezed(p, end)),
    }
}
