//! The two ways out: results go to standard output, everything else to standard error.

use super::failure::Result;
use serde::Serialize;
use std::io::{self, IsTerminal, Write};

/// Writes a result, with a line break behind it.
///
/// # Errors
/// If nobody reads it any more.
pub(super) fn say(text: &str) -> Result {
    let mut out = io::stdout().lock();
    out.write_all(text.strip_suffix('\n').unwrap_or(text).as_bytes())?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

/// How many letters a line of the terminal has that results go to; none if they go elsewhere.
pub(super) fn width() -> Option<u16> {
    if !io::stdout().is_terminal() {
        return None;
    }
    console::Term::stdout().size_checked().map(|(_, columns)| columns)
}

/// Writes a result as one JSON document.
///
/// # Errors
/// If nobody reads it any more.
pub(super) fn say_json(document: &impl Serialize) -> Result {
    let text = serde_json::to_string_pretty(document).expect("documents are plain data with text as keys");
    say(&text)
}

/// Tells the person at the terminal something; who does not listen loses nothing.
pub(super) fn note(text: &str) {
    // In one piece, so that what several processes say stays apart.
    let _ = io::stderr().lock().write_all(format!("{text}\n").as_bytes());
}

/// A sentence that should be read.
pub(super) fn warn(text: &str) {
    note(&format!("warning: {text}"));
}
