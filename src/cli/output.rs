//! Output: results go to standard output, everything else to standard error.

use super::failure::Result;
use crate::visible::visible;
use serde::Serialize;
use std::io::{self, IsTerminal, Write};

/// Writes a result for people and a line break.
///
/// # Errors
/// If the reader has closed standard output.
pub(super) fn say(text: &str) -> Result {
    say_exactly(&visible(text))
}

/// Writes a result for programs and a line break: no letter is changed.
///
/// # Errors
/// If the reader has closed standard output.
pub(super) fn say_exactly(text: &str) -> Result {
    let mut out = io::stdout().lock();
    out.write_all(text.strip_suffix('\n').unwrap_or(text).as_bytes())?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

/// Width of the terminal that results go to; `None` if they go elsewhere.
pub(super) fn width() -> Option<u16> {
    if !io::stdout().is_terminal() {
        return None;
    }
    console::Term::stdout().size_checked().map(|(_, columns)| columns)
}

/// Writes a result as one JSON document.
///
/// # Errors
/// If the reader has closed standard output.
pub(super) fn say_json(document: &impl Serialize) -> Result {
    let text = serde_json::to_string_pretty(document).expect("documents are plain data with text as keys");
    say_exactly(&text)
}

/// Writes a message for the user; failures are ignored.
pub(super) fn note(text: &str) {
    // In one write, so that the lines of several processes do not mix.
    let _ = io::stderr().lock().write_all(format!("{}\n", visible(text)).as_bytes());
}

/// Writes a warning.
pub(super) fn warn(text: &str) {
    note(&format!("warning: {text}"));
}
