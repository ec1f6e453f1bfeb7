//! Text of tables and files as it may be shown, and when two texts only look different.

use crate::visible::escaped;
use std::borrow::Cow;
use unicode_normalization::UnicodeNormalization;

/// `text` with control characters escaped: what a file says must not move the cursor of a terminal.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    escaped(text, hidden)
}

/// Control characters, marks of direction and characters without width.
fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// At most `most` characters of `text`.
pub(super) fn short(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// `2.1 GB`.
pub(super) fn bytes(count: u64) -> String {
    match count {
        0..1_000_000_000 => format!("{:.0} MB", count as f64 / 1e6),
        _ => format!("{:.1} GB", count as f64 / 1e9),
    }
}

/// `n image`, or `n images`.
pub(super) fn many(count: u64, one: &str) -> String {
    format!("{count} {one}{}", if count == 1 { "" } else { "s" })
}

/// The same for texts that look alike: without case, blanks at the ends, doubled blanks and hidden characters, and with
/// accents in one form.
pub(super) fn alike(text: &str) -> String {
    let seen = text.nfkc().filter(|c| !hidden(*c) || c.is_whitespace()).flat_map(char::to_lowercase);
    seen.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What two texts that are [`alike`] differ in.
pub(super) fn difference(a: &str, b: &str) -> &'static str {
    let composed = |text: &str| text.nfc().collect::<String>();
    if composed(a) == composed(b) {
        "accents (composed or not)"
    } else if composed(a).to_lowercase() == composed(b).to_lowercase() {
        "case"
    } else if a.split_whitespace().eq(b.split_whitespace()) {
        "blanks"
    } else if alike(a) == alike(b) && a.to_lowercase() != b.to_lowercase() && a.trim() != a || b.trim() != b {
        "blanks and case"
    } else {
        "characters that look alike"
    }
}

/// Whether a label is a word for a gap: pandas, R and spreadsheets write such words for empty fields.
pub(super) fn means_nothing(label: &str) -> bool {
    const GAPS: [&str; 15] = [
        "nan", "na", "n/a", "n.a.", "null", "none", "nil", "<na>", "#n/a", "#value!", "#ref!", "-", "--",
        "?", ".",
    ];
    GAPS.contains(&alike(label).as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_as_such() {
        assert_eq!(plain("a\x1b[31mb\nc\u{202e}d"), "a\\u{1b}[31mb\\nc\\u{202e}d");
        assert!(matches!(plain("µm, é"), Cow::Borrowed(_)));
        assert_eq!((short("abcdef", 3).as_ref(), short("abc", 3).as_ref()), ("abc…", "abc"));
        assert_eq!((bytes(2_116_000_000), bytes(800)), ("2.1 GB".to_owned(), "0 MB".to_owned()));
    }

    #[test]
    fn texts_that_look_alike_are_found_with_their_difference() {
        for (a, b, what) in [
            ("control", "Control", "case"),
            ("control", "control ", "blanks"),
            ("a b", "a  b", "blanks"),
            ("caf\u{e9}", "cafe\u{301}", "accents (composed or not)"),
            ("a", "A ", "blanks and case"),
            ("a\u{200b}", "a", "characters that look alike"),
            ("a\u{a0}b", "a b", "blanks"),
        ] {
            assert_eq!((alike(a) == alike(b), difference(a, b)), (true, what), "{a:?} {b:?}");
        }
        assert_ne!(alike("a"), alike("b"));
        assert!(["nan", "NA", "N/A", "None", " null "].into_iter().all(means_nothing));
        assert!(!means_nothing("Namibia") && !means_nothing("nana"));
    }
}
