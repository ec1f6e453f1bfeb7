//! Patterns of file names in `dataset.toml`: `{plate}/{well}_s{site:02}_{channel}.tif`, with `{*}` for what varies from file
//! to file and is in no column.

use super::paths;

/// Placeholder for the channel in a name shared by all channels; no field of a table may contain it.
pub(super) const CHANNEL: char = '\0';
/// Placeholder for anything within a name; no field of a table may contain it.
pub(super) const WILD: char = '\u{1}';

/// A file name with placeholders for fields of a row and for the channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// A column, and the minimum number of digits of a number in it.
    Field {
        column: String,
        digits: usize,
    },
    Channel,
    /// Anything within a name.
    Wild,
}

/// Characters that only separate the parts of a name.
const SEPARATORS: [char; 5] = ['_', '-', '.', ' ', '+'];

impl Pattern {
    /// Parses a pattern; errors have the form "expected …, found …".
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '{' | '}' if rest.peek() == Some(&c) => {
                    plain.extend(rest.next());
                }
                '}' => {
                    return Err(format!("expected `{{` before `}}` (or `}}}}` for a brace), found `{text}`"));
                }
                '{' => {
                    let mut place = String::new();
                    loop {
                        match rest.next() {
                            Some('}') => break,
                            Some(c) if c != '{' => place.push(c),
                            _ => return Err(format!("expected `}}` behind `{{{place}`, found `{text}`")),
                        }
                    }
                    if !plain.is_empty() {
                        pieces.push(Piece::Text(std::mem::take(&mut plain)));
                    }
                    pieces.push(Self::place(&place)?);
                }
                c => plain.push(c),
            }
        }
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        if !pieces.contains(&Piece::Channel) {
            return Err(format!("expected `{{channel}}` in the pattern, found `{text}`"));
        }
        Ok(Self { pieces })
    }

    /// `channel`, `site`, or `site:03`.
    fn place(text: &str) -> Result<Piece, String> {
        if text == "*" {
            return Ok(Piece::Wild);
        }
        let (column, width) = text.split_once(':').unwrap_or((text, ""));
        let digits = match width.strip_prefix('0') {
            _ if width.is_empty() => Some(0),
            Some(digits) => digits.parse().ok().filter(|digits| (1..=20).contains(digits)),
            None => None,
        };
        match (column, digits) {
            ("", _) => Err(format!("expected a column between the braces, found `{{{text}}}`")),
            (_, None) => Err(format!("expected a width such as `:02` behind `{column}`, found `:{width}`")),
            ("channel", Some(0)) => Ok(Piece::Channel),
            ("channel", _) => Err(format!("expected `{{channel}}`, found `{{{text}}}`: a name has no width")),
            (_, Some(digits)) => Ok(Piece::Field { column: column.to_owned(), digits }),
        }
    }

    /// The columns, in pattern order.
    pub(super) fn columns(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Field { column, .. } => Some(column.as_str()),
            _ => None,
        })
    }

    /// Whether names are not known without looking at the files.
    pub(super) fn is_open(&self) -> bool {
        self.pieces.contains(&Piece::Wild)
    }

    /// The name of a row's files, with [`CHANNEL`] in place of the channel. `fields` are those of
    /// [`Self::columns`].
    pub(super) fn template<'a>(&self, fields: impl IntoIterator<Item = &'a str>) -> String {
        let mut fields = fields.into_iter();
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Channel => out.push(CHANNEL),
                Piece::Wild => out.push(WILD),
                Piece::Field { digits, .. } => {
                    let field = fields.next().unwrap_or_default();
                    let number = field.chars().all(|c| c.is_ascii_digit());
                    let missing = if number { digits.saturating_sub(field.len()) } else { 0 };
                    out.extend(std::iter::repeat_n('0', missing));
                    out.push_str(field);
                }
            }
        }
        out
    }
}

/// The name without channel, wildcards, their separators and the extension: what the names of a row's files have in common.
/// `P1/B02_s1_∅.tif` becomes `P1/B02_s1`, `∅/B02.tif` becomes `B02`.
pub(super) fn key(template: &str) -> String {
    let parts = template[..template.len() - paths::ending(template)].split('/').map(|part| {
        let mut pieces = part.split([CHANNEL, WILD]);
        let mut joined = pieces.next().unwrap_or_default().to_owned();
        for right in pieces {
            let left = joined.trim_end_matches(SEPARATORS).len();
            let between = joined[left..].chars().chain(right.chars()).next();
            let right = right.trim_start_matches(SEPARATORS);
            joined.truncate(left);
            if !joined.is_empty() && !right.is_empty() {
                joined.extend(between.filter(|c| SEPARATORS.contains(c)));
            }
            joined.push_str(right);
        }
        joined
    });
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn named(pattern: &str, fields: &[&str]) -> (String, String) {
        let template = Pattern::parse(pattern).unwrap().template(fields.iter().copied());
        (template.replace(CHANNEL, "dna"), key(&template))
    }

    #[test]
    fn names_are_made_of_fields_and_the_channel() {
        for (pattern, fields, name, key) in [
            (
                "{plate}/{well}_s{site}_{channel}.tif",
                &["P1", "B02", "3"][..],
                "P1/B02_s3_dna.tif",
                "P1/B02_s3",
            ),
            ("{well}_s{site:02}-{channel}.ome.TIFF", &["B02", "3"], "B02_s03-dna.ome.TIFF", "B02_s03"),
            ("{channel}/{well}.png", &["B02"], "dna/B02.png", "B02"),
            ("{plate}/{channel}_{well}.tif", &["P", "B02"], "P/dna_B02.tif", "P/B02"),
            ("{well}_{channel}_{site}.tif", &["B02", "1"], "B02_dna_1.tif", "B02_1"),
            ("r{row}-{{raw}}-{channel}.tif", &["1"], "r1-{raw}-dna.tif", "r1-{raw}"),
            ("{channel}/{well}-{channel}.tif", &["A1"], "dna/A1-dna.tif", "A1"),
            ("_{well:04}_{channel}", &["A1"], "_A1_dna", "_A1"),
            ("{well}_s{site}_{channel}{*}.TIF", &["B02", "1"], "B02_s1_dna\u{1}.TIF", "B02_s1"),
        ] {
            assert_eq!(named(pattern, fields), (name.to_owned(), key.to_owned()), "{pattern}");
        }
    }

    #[test]
    fn patterns_that_are_none_are_refused() {
        for (pattern, said) in [
            ("{well}.tif", "expected `{channel}` in the pattern, found `{well}.tif`"),
            ("{well_{channel}.tif", "expected `}` behind `{well_`, found `{well_{channel}.tif`"),
            ("{well", "expected `}` behind `{well`, found `{well`"),
            ("well}_{channel}", "expected `{` before `}` (or `}}` for a brace), found `well}_{channel}`"),
            ("{}{channel}", "expected a column between the braces, found `{}`"),
            ("{s:x}{channel}", "expected a width such as `:02` behind `s`, found `:x`"),
            ("{channel:02}", "expected `{channel}`, found `{channel:02}`: a name has no width"),
        ] {
            assert_eq!(Pattern::parse(pattern).unwrap_err(), said);
        }
    }
}
