//! Text from elsewhere (labels, names, notes of stores and tables) on a terminal or in a line of a file: what would move the
//! cursor, colour the screen or turn the text around is shown as an escape.

use std::borrow::Cow;

/// Whether a letter is shown as an escape: controls, and marks that change the direction of other text.
fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

/// The text with such letters as escapes (`\u{1b}`); line breaks and tabs stay.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    escaped(text, |letter| is_hidden(letter) && !matches!(letter, '\n' | '\t'))
}

/// The same in one line: line breaks and tabs become `\n` and `\t`.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    escaped(text, is_hidden)
}

/// The text with the letters for which `hidden` holds as escapes.
pub(crate) fn escaped(text: &str, hidden: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        match hidden(letter) {
            true => shown.extend(letter.escape_default()),
            false => shown.push(letter),
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_but_text() {
        assert!(matches!(visible("µm\tÅ\n細胞"), Cow::Borrowed("µm\tÅ\n細胞")));
        assert_eq!(visible("a\u{1b}[2Jb\r\u{7}\u{9b}1m\u{202e}"), "a\\u{1b}[2Jb\\r\\u{7}\\u{9b}1m\\u{202e}");
        assert_eq!(one_line("a\nb\tc"), "a\\nb\\tc");
    }
}
