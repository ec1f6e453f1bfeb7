//! The markup of titles and notes: `code` between backticks, *emphasis* between asterisks.

/// A span of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Span<'a> {
    Plain(&'a str),
    /// To be typed as written.
    Code(&'a str),
    Emphasis(&'a str),
}

/// A text as spans. A mark that is not closed is plain text.
pub(super) fn spans(text: &str) -> Vec<Span<'_>> {
    let (mut found, mut rest) = (vec![], text);
    while !rest.is_empty() {
        let opened = rest.find(['`', '*']).and_then(|at| {
            let mark = &rest[at..=at];
            let length = rest[at + 1..].find(mark).filter(|length| *length > 0)?;
            Some((at, mark, length))
        });
        let Some((at, mark, length)) = opened else {
            found.push(Span::Plain(rest));
            break;
        };
        if at > 0 {
            found.push(Span::Plain(&rest[..at]));
        }
        let inside = &rest[at + 1..][..length];
        found.push(if mark == "`" { Span::Code(inside) } else { Span::Emphasis(inside) });
        rest = &rest[at + length + 2..];
    }
    found
}

/// A text without its markup.
pub(super) fn plain(text: &str) -> String {
    let words = |span: &Span<'_>| match *span {
        Span::Plain(text) | Span::Code(text) | Span::Emphasis(text) => text.to_owned(),
    };
    spans(text).iter().map(words).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_and_emphasis_are_found() {
        let text = "on *simulated* data: `dichroic exp a*` 2 * 3";
        let expected = [
            Span::Plain("on "),
            Span::Emphasis("simulated"),
            Span::Plain(" data: "),
            Span::Code("dichroic exp a*"),
            Span::Plain(" 2 * 3"),
        ];
        assert_eq!(spans(text), expected);
        assert_eq!(plain(text), "on simulated data: dichroic exp a* 2 * 3");
        assert_eq!(spans("**"), [Span::Plain("**")]);
    }
}
