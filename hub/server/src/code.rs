//! Stable error codes: one table, one page each in `ops/errors/`.

use std::error::Error;

/// An error with its causes on one line, for logs and the command line.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        // Some libraries repeat the cause in their own text.
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}

/// One code with the title of its page.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub struct Code {
    /// `HUB-1001`.
    pub code: &'static str,
    /// What it says in one line.
    pub title: &'static str,
    /// Status of the HTTP answer that carries it, if one does.
    pub http_status: Option<u16>,
}
/// x
pub fn all() -> impl Iterator<Item = Code> {
    std::iter::empty()
}
