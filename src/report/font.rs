//! The font of figures and pages, which is embedded in the program: widths of texts, and how files embed it.

use base64::{Engine, engine::general_purpose::STANDARD};
use std::sync::LazyLock;
use ttf_parser::Face;

/// The font family, with fallbacks for viewers that lack it.
pub(super) const FAMILY: &str = "Inter, Helvetica, Arial, sans-serif";

pub(super) const REGULAR: &[u8] = include_bytes!("fonts/Inter-Regular.otf");
pub(super) const BOLD: &[u8] = include_bytes!("fonts/Inter-Bold.otf");

/// Width in ems of a character that the font lacks: most scripts are narrower.
const UNKNOWN: f64 = 0.7;

/// The width of a text in points, without kerning.
pub(super) fn width(text: &str, points: f64, bold: bool) -> f64 {
    static FACES: LazyLock<[Face<'static>; 2]> =
        LazyLock::new(|| [REGULAR, BOLD].map(|bytes| Face::parse(bytes, 0).expect("our own face")));
    let face = &FACES[usize::from(bold)];
    let em = f64::from(face.units_per_em());
    let letter = |letter: char| {
        let glyph = face.glyph_index(letter)?;
        Some(f64::from(face.glyph_hor_advance(glyph)?) / em)
    };
    text.chars().map(|one| letter(one).unwrap_or(UNKNOWN)).sum::<f64>() * points
}

/// Removes characters that a file must not contain or that no one can see: control characters, and those that
/// change the direction of the text around them.
pub(super) fn legible(text: &str) -> String {
    let hidden = |letter: char| matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}');
    let seen = text.chars().filter(|letter| !hidden(*letter));
    seen.map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// The longest prefix of a text that is no wider than this, with `…` if it was cut.
pub(super) fn fit(text: &str, points: f64, bold: bool, room: f64) -> String {
    if width(text, points, bold) <= room {
        return text.to_owned();
    }
    let room = room - width("…", points, bold);
    let mut kept = String::new();
    for letter in text.chars() {
        kept.push(letter);
        if width(&kept, points, bold) > room {
            kept.pop();
            break;
        }
    }
    kept.trim_end().to_owned() + "…"
}

/// The fonts as CSS rules that need no other file.
pub(super) fn rules() -> String {
    let faces: [(u32, &[u8]); 2] =
        [(400, include_bytes!("fonts/Inter-Regular.woff2")), (700, include_bytes!("fonts/Inter-Bold.woff2"))];
    let rule = |(weight, bytes): (u32, &[u8])| {
        let bytes = STANDARD.encode(bytes);
        format!(
            "@font-face{{font-family:Inter;font-weight:{weight};src:url(data:font/woff2;base64,{bytes}) format(\"woff2\")}}"
        )
    };
    faces.map(rule).concat()
}

/// A figure with its fonts embedded: it looks the same in every browser.
pub(super) fn carried_by(svg: &str) -> String {
    let end = svg.find("<svg").and_then(|start| Some(start + svg[start..].find('>')? + 1)).unwrap_or(0);
    format!("{}\n<style>{}</style>{}", &svg[..end], rules(), &svg[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_those_of_the_face() {
        // 1.0 em for ten digits: Inter's digits are 1,264 to 1,352 of 2,048 units wide, tabular or not.
        let digits = width("0000000000", 10.0, false);
        assert!((55.0..70.0).contains(&digits), "{digits}");
        assert!(width("label", 7.0, true) > width("label", 7.0, false));
        assert_eq!(width("", 7.0, false), 0.0);
        assert!(width("\u{5e9}\u{5dc}", 7.0, false) > 0.0, "letters of other scripts take room");
    }

    #[test]
    fn long_texts_are_cut_where_the_room_ends() {
        assert_eq!(fit("short", 7.0, false, 100.0), "short");
        let cut = fit("a name that is much longer than its room", 7.0, false, 60.0);
        assert!(cut.ends_with('…') && width(&cut, 7.0, false) <= 60.0 && cut.len() > 8, "{cut}");
    }
}
