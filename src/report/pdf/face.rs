//! The faces of PDF files, all embedded in the program, and which of them draws a character.

use super::super::font;
use rustybuzz::{
    BufferFlags, Direction, Face as Outlines, Feature, Script, ShapePlan, UnicodeBuffer, ttf_parser::Tag,
};
use std::{collections::HashMap, sync::LazyLock};

/// A face of type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Face {
    Regular,
    Bold,
    Italic,
    /// For what is to be typed as written.
    Code,
    /// For scripts that the others lack: Hebrew, Arabic, more of Cyrillic.
    Other,
}

/// What is drawn for a character that no face has; the file still has the character as text.
pub(super) const UNKNOWN: char = '□';

impl Face {
    pub(super) const ALL: [Self; 5] = [Self::Regular, Self::Bold, Self::Italic, Self::Code, Self::Other];

    /// The font file.
    pub(super) fn bytes(self) -> &'static [u8] {
        match self {
            Self::Regular => font::REGULAR,
            Self::Bold => font::BOLD,
            Self::Italic => include_bytes!("../fonts/Inter-Italic.otf"),
            Self::Code => include_bytes!("../fonts/DejaVuSansMono.ttf"),
            Self::Other => include_bytes!("../fonts/DejaVuSans.ttf"),
        }
    }

    fn outlines(self) -> &'static Outlines<'static> {
        static FACES: LazyLock<[Outlines<'static>; 5]> = LazyLock::new(|| {
            Face::ALL.map(|face| Outlines::from_slice(face.bytes(), 0).expect("our own face"))
        });
        &FACES[self as usize]
    }

    /// The face that draws a character in a text of this face; none if no face has it.
    pub(super) fn of(self, letter: char) -> Option<Self> {
        let substitutes = [self, Self::Regular, Self::Other];
        substitutes.into_iter().find(|face| face.outlines().glyph_index(letter).is_some())
    }
}

/// A character that is drawn as nothing, and only changes how its neighbours are.
pub(super) fn is_joiner(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{fe00}'..='\u{fe0f}')
}

/// A glyph; lengths are in ems, places in bytes of the text that it draws.
#[derive(Clone, Debug)]
pub(super) struct Glyph {
    pub(super) id: u32,
    pub(super) advance: f32,
    pub(super) shift: (f32, f32),
    pub(super) from: usize,
}

/// Looks up glyphs; how to look them up is prepared once for each face, direction and script.
#[derive(Default)]
pub(super) struct Shaper {
    plans: HashMap<(Face, bool, bool, Option<Script>), ShapePlan>,
}

impl Shaper {
    /// The glyphs of a text that this face has, from left to right. `tabular`: digits of one width.
    pub(super) fn shape(&mut self, text: &str, face: Face, backward: bool, tabular: bool) -> Vec<Glyph> {
        let outlines = face.outlines();
        let mut buffer = UnicodeBuffer::new();
        buffer.push_str(text);
        buffer.guess_segment_properties();
        buffer.set_direction(if backward { Direction::RightToLeft } else { Direction::LeftToRight });
        buffer.set_flags(BufferFlags::REMOVE_DEFAULT_IGNORABLES);
        let features = tabular.then(|| Feature::new(Tag::from_bytes(b"tnum"), 1, ..));
        let key = (face, backward, tabular, Some(buffer.script()));
        let plan = self.plans.entry(key).or_insert_with(|| {
            ShapePlan::new(outlines, buffer.direction(), Some(buffer.script()), None, features.as_slice())
        });
        let shaped = rustybuzz::shape_with_plan(outlines, plan, buffer);
        let em = outlines.units_per_em() as f32;
        let glyphs = shaped.glyph_infos().iter().zip(shaped.glyph_positions());
        let glyph = |(info, place): (&rustybuzz::GlyphInfo, &rustybuzz::GlyphPosition)| Glyph {
            id: info.glyph_id,
            advance: place.x_advance as f32 / em,
            shift: (place.x_offset as f32 / em, place.y_offset as f32 / em),
            from: info.cluster as usize,
        };
        glyphs.map(glyph).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_is_drawn_by_the_face_that_has_it() {
        assert_eq!(Face::Bold.of('Ω'), Some(Face::Bold));
        assert_eq!(Face::Code.of('Ω'), Some(Face::Regular));
        assert_eq!(Face::Italic.of('ש'), Some(Face::Other));
        assert_eq!(Face::Regular.of('核'), None);
        assert_eq!(Face::Regular.of(UNKNOWN), Some(Face::Regular));
    }

    #[test]
    fn digits_of_a_table_are_equally_wide_and_arabic_letters_are_joined() {
        let mut shaper = Shaper::default();
        let widths = |glyphs: Vec<Glyph>| glyphs.iter().map(|glyph| glyph.advance).collect::<Vec<_>>();
        let [one, eight] = widths(shaper.shape("18", Face::Regular, false, true))[..] else { panic!() };
        assert_eq!(one, eight);
        let [one, eight] = widths(shaper.shape("18", Face::Regular, false, false))[..] else { panic!() };
        assert!(one < eight);
        let joined = shaper.shape("حبا", Face::Other, true, false);
        let alone = shaper.shape("ب", Face::Other, true, false);
        assert!(joined.len() == 3 && joined[0].from > joined[2].from, "the last letter is at the left");
        assert!(
            joined.iter().all(|glyph| glyph.id != alone[0].id),
            "a letter between others has another form"
        );
    }
}
