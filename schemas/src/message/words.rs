//! Whether a reason says anything (说明具体理由): codes are for machines, words for the people who must act on them.

/// Phrases that stand for a reason without giving one.
const BOILERPLATE: [&str; 10] = [
    "退回",
    "予以退回",
    "不予办理",
    "不符合要求",
    "材料不全",
    "见附件",
    "其他原因",
    "无",
    "不同意撤回",
    "不同意",
];

/// Fewest letters of a reason that can be specific.
const FEWEST: usize = 5;

/// Whether `text` is more than a stock phrase, blanks, signs or a number.
#[must_use]
pub fn say_something(text: &str) -> bool {
    let bare: String = text.chars().filter(|c| c.is_alphanumeric()).collect();
    bare.chars().filter(|c| c.is_alphabetic()).count() >= FEWEST && !BOILERPLATE.contains(&bare.as_str())
}
