//! Lines of text: wrapped to a width, in the order in which they are read from left to right.

use super::{
    super::drawing::{INK, Rgb},
    face::{Face, Glyph, Shaper, UNKNOWN, is_joiner},
};
use std::ops::Range;
use unicode_bidi::{BidiInfo, Level};

/// How a piece of text looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Style {
    pub(super) face: Face,
    pub(super) points: f32,
    pub(super) colour: Rgb,
    pub(super) underlined: bool,
    /// Digits are equally wide.
    pub(super) tabular: bool,
}

impl Style {
    pub(super) fn of(points: f32) -> Self {
        Self { face: Face::Regular, points, colour: INK, underlined: false, tabular: false }
    }

    pub(super) fn bold(self) -> Self {
        Self { face: Face::Bold, ..self }
    }

    pub(super) fn coloured(self, colour: Rgb) -> Self {
        Self { colour, ..self }
    }
}

/// A text with its look.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Run {
    pub(super) text: String,
    pub(super) style: Style,
}

impl Run {
    pub(super) fn of(text: impl Into<String>, style: Style) -> Self {
        Self { text: text.into(), style }
    }
}

/// Glyphs of one face, from left to right, with the text that they draw.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) face: Face,
    pub(super) style: Style,
    pub(super) text: String,
    pub(super) glyphs: Vec<(Glyph, Range<usize>)>,
    pub(super) width: f32,
}

/// One line.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    pub(super) parts: Vec<Part>,
    /// Without the space at its end.
    pub(super) width: f32,
    /// The size of its largest type.
    pub(super) points: f32,
}

/// From one baseline to the next, in ems.
pub(super) const LEADING: f32 = 1.36;
/// From the top of a line to its baseline, in ems: Inter is 0.97 above and 0.24 below it.
pub(super) const ASCENT: f32 = 0.97 + (LEADING - 1.21) / 2.0;

impl Line {
    pub(super) fn height(&self) -> f32 {
        self.points * LEADING
    }
}

/// Sets text.
#[derive(Default)]
pub(super) struct Setter {
    shaper: Shaper,
}

type Letter = (char, Style);

impl Setter {
    /// Texts on one line.
    pub(super) fn line(&mut self, runs: &[Run]) -> Line {
        let letters = letters(runs);
        self.set(&letters, runs)
    }

    /// Texts on as many lines as a width needs; a word that is wider is broken anywhere.
    pub(super) fn wrap(&mut self, runs: &[Run], room: f32) -> Vec<Line> {
        let letters = letters(runs);
        let (mut lines, mut start, mut used) = (vec![], 0, 0.0);
        for word in words(&letters) {
            let ink = self.width(trimmed(&letters[word.clone()]));
            if word.start > start && used + ink > room {
                lines.push(self.set(&letters[start..word.start], runs));
                (start, used) = (word.start, 0.0);
            }
            if ink <= room {
                used += self.width(&letters[word]);
                continue;
            }
            for at in word {
                let wide = self.width(&letters[at..=at]);
                if at > start && used + wide > room && !is_joiner(letters[at].0) {
                    lines.push(self.set(&letters[start..at], runs));
                    (start, used) = (at, 0.0);
                }
                used += wide;
            }
        }
        if start < letters.len() || lines.is_empty() {
            lines.push(self.set(&letters[start..], runs));
        }
        lines
    }

    /// The widths of a text on one line, and of its longest word.
    pub(super) fn widths(&mut self, runs: &[Run]) -> (f32, f32) {
        let letters = letters(runs);
        let whole = self.width(trimmed(&letters));
        let longest = words(&letters).into_iter().map(|word| self.width(trimmed(&letters[word])));
        (whole, longest.fold(0.0, f32::max))
    }

    fn width(&mut self, letters: &[Letter]) -> f32 {
        self.parts(letters).iter().map(|part| part.width).sum()
    }

    /// `runs`: whose type an empty line has.
    fn set(&mut self, letters: &[Letter], runs: &[Run]) -> Line {
        let points = letters.iter().map(|(_, style)| style.points).reduce(f32::max);
        let points = points.or(runs.first().map(|run| run.style.points)).unwrap_or(0.0);
        let width = self.width(trimmed(letters));
        Line { parts: self.parts(letters), width, points }
    }

    /// From left to right. The line as a whole runs from left to right, words of Hebrew and Arabic in it do not.
    fn parts(&mut self, letters: &[Letter]) -> Vec<Part> {
        let mut parts = vec![];
        let text: String = letters.iter().map(|(letter, _)| *letter).collect();
        let whole = || vec![(0..letters.len(), false)];
        let runs = if text.chars().all(|letter| letter < '\u{590}') { whole() } else { directed(&text) };
        for (run, backward) in runs {
            let mut pieces = vec![];
            let mut start = run.start;
            for at in run.clone() {
                let differs =
                    at > start && !is_joiner(letters[at].0) && look(letters[at]) != look(letters[start]);
                if differs {
                    pieces.push(start..at);
                    start = at;
                }
            }
            pieces.push(start..run.end);
            if backward {
                pieces.reverse();
            }
            for piece in pieces.into_iter().filter(|piece| !piece.is_empty()) {
                parts.push(self.part(&letters[piece], backward));
            }
        }
        parts
    }

    /// One face, one look, one direction.
    fn part(&mut self, letters: &[Letter], backward: bool) -> Part {
        let (face, style) = look(letters[0]);
        let text: String = letters.iter().map(|(letter, _)| *letter).collect();
        let glyphs = match face {
            Some(face) => self.shaper.shape(&text, face, backward, style.tabular),
            None => self.boxes(letters, backward),
        };
        let face = face.unwrap_or(Face::Regular);
        let mut starts: Vec<usize> = glyphs.iter().map(|glyph| glyph.from).collect();
        starts.sort_unstable();
        let end = |from: usize| starts.iter().copied().find(|start| *start > from).unwrap_or(text.len());
        let width = glyphs.iter().map(|glyph| glyph.advance).sum::<f32>() * style.points;
        let glyphs = glyphs.into_iter().map(|glyph| (glyph.clone(), glyph.from..end(glyph.from))).collect();
        Part { face, style, text, glyphs, width }
    }

    /// A box for each character that no face has.
    fn boxes(&mut self, letters: &[Letter], backward: bool) -> Vec<Glyph> {
        let sample = self.shaper.shape(UNKNOWN.encode_utf8(&mut [0; 4]), Face::Regular, false, false);
        let mut from = 0;
        let mut glyphs = vec![];
        for (letter, _) in letters {
            if !is_joiner(*letter) {
                glyphs.extend(sample.iter().map(|glyph| Glyph { from, ..*glyph }));
            }
            from += letter.len_utf8();
        }
        if backward {
            glyphs.reverse();
        }
        glyphs
    }
}

fn look((letter, style): Letter) -> (Option<Face>, Style) {
    (style.face.of(letter), style)
}

fn letters(runs: &[Run]) -> Vec<Letter> {
    let of = |run: &Run| {
        let style = run.style;
        super::super::font::legible(&run.text).chars().map(|letter| (letter, style)).collect::<Vec<_>>()
    };
    runs.iter().flat_map(of).collect()
}

fn trimmed(letters: &[Letter]) -> &[Letter] {
    let end = letters.iter().rposition(|(letter, _)| !letter.is_whitespace()).map_or(0, |last| last + 1);
    &letters[..end]
}

/// Where lines may end: behind spaces, behind a hyphen, slash or underscore between letters, between
/// ideographs.
fn words(letters: &[Letter]) -> Vec<Range<usize>> {
    let wide = |letter: char| matches!(letter, '\u{2e80}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}');
    let (mut words, mut start) = (vec![], 0);
    for at in 1..letters.len() {
        let (before, here) = (letters[at - 1].0, letters[at].0);
        let joined = at > 1 && letters[at - 2].0.is_alphanumeric() && here.is_alphabetic();
        let ends = before.is_whitespace() && before != '\u{a0}' && !here.is_whitespace();
        if ends || (joined && matches!(before, '-' | '/' | '_')) || (wide(before) && !is_joiner(here)) {
            words.push(start..at);
            start = at;
        }
    }
    if start < letters.len() {
        words.push(start..letters.len());
    }
    words
}

/// Runs of one direction from left to right, in numbers of characters.
fn directed(text: &str) -> Vec<(Range<usize>, bool)> {
    let bidi = BidiInfo::new(text, Some(Level::ltr()));
    let place = |byte: usize| text[..byte].chars().count();
    let mut found = vec![];
    for paragraph in &bidi.paragraphs {
        let (levels, runs) = bidi.visual_runs(paragraph, paragraph.range.clone());
        for run in runs {
            let backward = levels[run.start].is_rtl();
            found.push((place(run.start)..place(run.end), backward));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str, room: f32) -> Vec<String> {
        let lines = Setter::default().wrap(&[Run::of(text, Style::of(10.0))], room);
        assert!(lines.iter().all(|line| line.width <= room + 0.01), "{text}");
        lines.iter().map(|line| line.parts.iter().map(|part| part.text.as_str()).collect()).collect()
    }

    #[test]
    fn text_is_wrapped_between_words_and_broken_if_it_must_be() {
        assert_eq!(set("one two three", 40.0), ["one two ", "three"]);
        assert_eq!(set("nuclear speckles_of-cells", 60.0), ["nuclear ", "speckles_of-", "cells"]);
        assert_eq!(set("", 10.0), [""]);
        let broken = set(&"x".repeat(60), 50.0);
        assert!(broken.len() > 5 && broken.concat() == "x".repeat(60), "{broken:?}");
        assert_eq!(set("a \u{7}b\u{202e}", 100.0), ["a  b"], "nothing hidden is written");
    }

    #[test]
    fn each_script_is_in_its_own_order_and_no_character_is_lost() {
        let line = Setter::default().line(&[Run::of("see שלום, 核", Style::of(10.0))]);
        let parts: Vec<(&str, Face)> =
            line.parts.iter().map(|part| (part.text.as_str(), part.face)).collect();
        let expected =
            [("see ", Face::Regular), ("שלום", Face::Other), (", ", Face::Regular), ("核", Face::Regular)];
        assert_eq!(parts, expected);
        let first = &line.parts[1].glyphs[0].1;
        assert_eq!(&line.parts[1].text[first.clone()], "ם", "the last letter is at the left");
        let boxed = &line.parts[3].glyphs;
        assert_eq!((boxed.len(), &boxed[0].1), (1, &(0.."核".len())));
    }
}
