//! Reading a list of lines of which some may be something else entirely.

use std::io::{self, BufRead};

/// No question is longer; a line beyond this is some other file.
pub(super) const LONGEST_LINE: usize = 64 * 1024;

/// Reads one line without its end, keeping at most [`LONGEST_LINE`] and one byte more to show that it was longer.
pub(super) fn next_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let mut any = false;
    loop {
        let chunk = input.fill_buf()?;
        if chunk.is_empty() {
            return Ok(any);
        }
        any = true;
        let end = chunk.iter().position(|b| *b == b'\n');
        let piece = &chunk[..end.unwrap_or(chunk.len())];
        line.extend_from_slice(
            &piece[..piece.len().min(LONGEST_LINE + 1 - line.len().min(LONGEST_LINE + 1))],
        );
        let used = piece.len() + usize::from(end.is_some());
        input.consume(used);
        if end.is_some() {
            return Ok(true);
        }
    }
}
