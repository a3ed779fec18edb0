//! Asking a person before something that cannot be taken back.

use std::io::{self, BufRead, IsTerminal, Write};

use super::Failure;

/// Asks on standard error and reads one line; without a terminal nobody can be asked, so `--yes` must have been given.
pub(super) fn confirm(question: &str, yes: bool) -> Result<bool, Failure> {
    if yes {
        return Ok(true);
    }
    let input = io::stdin();
    if !input.is_terminal() {
        return Err(Failure::Usage(format!("{question} Nobody can be asked here; add --yes to go on.")));
    }
    eprint!("{question} [y/N] ");
    io::stderr().flush()?;
    let mut answer = String::new();
    input.lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
