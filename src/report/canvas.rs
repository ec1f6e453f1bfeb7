//! A sheet of vector graphics in points, with the reports' type, colours and lines.
//!
//! plotters draws on whole pixels only, so that curves and text would be jagged. Everything is therefore
//! drawn ten times as large, and the header of the file states the true size.

use super::{cloud, font};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::cell::RefCell;

/// Drawing units per point.
const UNITS: f64 = 10.0;
/// plotters divides font sizes by this.
const PLOTTERS_TYPE: f64 = 1.24;

/// Text and axes.
pub(super) const INK: RGBColor = RGBColor(38, 38, 38);
/// Secondary text: sub-headings, remarks.
pub(super) const GREY: RGBColor = RGBColor(120, 120, 120);

/// Grid lines.
pub(super) const GRID: RGBColor = RGBColor(225, 225, 225);

/// Okabe and Ito's colours, which colour-blind readers can distinguish, without black.
pub(super) const ORANGE: RGBColor = RGBColor(230, 159, 0);
pub(super) const SKY: RGBColor = RGBColor(86, 180, 233);
pub(super) const GREEN: RGBColor = RGBColor(0, 158, 115);
pub(super) const BLUE: RGBColor = RGBColor(0, 114, 178);
pub(super) const YELLOW: RGBColor = RGBColor(240, 228, 66);
pub(super) const PURPLE: RGBColor = RGBColor(204, 121, 167);
pub(super) const VERMILLION: RGBColor = RGBColor(213, 94, 0);

type Drawn = Result<(), String>;

/// How a text is aligned.
#[derive(Clone, Copy)]
pub(super) struct Type {
    pub(super) points: f64,
    pub(super) colour: RGBColor,
    pub(super) across: HPos,
    pub(super) down: VPos,
    pub(super) bold: bool,
    /// Rotated by a quarter turn, to be read from below.
    pub(super) turned: bool,
    /// The width in points at which a longer text is cut.
    pub(super) room: f64,
}

impl Type {
    /// Plain text of this size in points, centred both ways.
    pub(super) fn of(points: f64) -> Self {
        Self {
            points,
            colour: INK,
            across: HPos::Center,
            down: VPos::Center,
            bold: false,
            turned: false,
            room: LABEL_WIDTH,
        }
    }
}

/// A sheet to draw on; all lengths are in points from the upper left corner.
pub(super) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
    /// Pictures, drawn on top of everything else.
    pictures: RefCell<String>,
}

/// Draws a figure of the given size and returns the text of its SVG file.
pub(super) fn figure(
    width: f64,
    height: f64,
    draw: impl FnOnce(&Canvas<'_>) -> Drawn,
) -> Result<String, String> {
    let size = ((width * UNITS).round() as u32, (height * UNITS).round() as u32);
    let mut svg = String::new();
    let pictures = {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        let canvas = Canvas { area, pictures: RefCell::default() };
        draw(&canvas)?;
        canvas.area.present().map_err(|error| error.to_string())?;
        canvas.pictures.into_inner()
    };
    if let Some(end) = svg.rfind("</svg>") {
        svg.insert_str(end, &pictures);
    }
    let found = format!("width=\"{}\" height=\"{}\"", size.0, size.1);
    let wanted = format!("width=\"{width:.1}pt\" height=\"{height:.1}pt\"");
    Ok(svg.replacen(&found, &wanted, 1))
}

impl Canvas<'_> {
    /// One line of text.
    pub(super) fn text(&self, text: &str, x: f64, y: f64, kind: Type) -> Drawn {
        let text = font::fit(&legible(text), kind.points, kind.bold, kind.room);
        let weight = if kind.bold { FontStyle::Bold } else { FontStyle::Normal };
        let mut style =
            TextStyle::from((font::FAMILY, kind.points * PLOTTERS_TYPE * UNITS, weight).into_font());
        style.color = kind.colour.to_backend_color();
        style = style.pos(Pos::new(kind.across, kind.down));
        if kind.turned {
            style = style.transform(FontTransform::Rotate270);
        }
        self.draw(&Text::new(text, units(x, y), style))
    }

    /// A straight line.
    pub(super) fn line(&self, from: (f64, f64), to: (f64, f64), colour: RGBColor, width: f64) -> Drawn {
        let style = colour.stroke_width((width * UNITS).round() as u32);
        self.draw(&PathElement::new(vec![units(from.0, from.1), units(to.0, to.1)], style))
    }

    /// A line through points.
    pub(super) fn path(&self, points: Vec<(f64, f64)>, colour: RGBColor, width: f64) -> Drawn {
        let points: Vec<(i32, i32)> = points.into_iter().map(|(x, y)| units(x, y)).collect();
        self.draw(&PathElement::new(points, colour.stroke_width((width * UNITS).round() as u32)))
    }

    /// Fills the polygon through the points; `opaque` is a share between 0 and 1.
    pub(super) fn area(&self, points: Vec<(f64, f64)>, colour: RGBColor, opaque: f64) -> Drawn {
        let points: Vec<(i32, i32)> = points.into_iter().map(|(x, y)| units(x, y)).collect();
        self.draw(&Polygon::new(points, colour.mix(opaque).filled()))
    }

    /// A filled rectangle.
    pub(super) fn fill(&self, from: (f64, f64), to: (f64, f64), colour: RGBColor) -> Drawn {
        self.draw(&Rectangle::new([units(from.0, from.1), units(to.0, to.1)], colour.filled()))
    }

    /// The outline of a rectangle.
    pub(super) fn frame(&self, from: (f64, f64), to: (f64, f64), colour: RGBColor, width: f64) -> Drawn {
        let style = colour.stroke_width((width * UNITS).round() as u32);
        self.draw(&Rectangle::new([units(from.0, from.1), units(to.0, to.1)], style))
    }

    /// The outline of a circle.
    pub(super) fn ring(&self, centre: (f64, f64), radius: f64, colour: RGBColor, width: f64) -> Drawn {
        let style = colour.stroke_width((width * UNITS).round() as u32);
        self.draw(&Circle::new(units(centre.0, centre.1), (radius * UNITS).round() as i32, style))
    }

    /// A filled circle.
    pub(super) fn dot(&self, centre: (f64, f64), radius: f64, colour: RGBColor) -> Drawn {
        let radius = (radius * UNITS).round() as i32;
        self.draw(&Circle::new(units(centre.0, centre.1), radius, colour.filled()))
    }

    /// Filled circles drawn as one picture, for points too dense for vectors.
    pub(super) fn cloud(
        &self,
        dots: &[((f64, f64), RGBColor)],
        radius: f64,
        (from, size): ((f64, f64), (f64, f64)),
    ) -> Drawn {
        let picture = cloud::image(dots, radius, from, size, UNITS)?;
        self.pictures.borrow_mut().push_str(&picture);
        Ok(())
    }

    fn draw<'e, E>(&self, element: &'e E) -> Drawn
    where
        &'e E: plotters::element::PointCollection<'e, (i32, i32)>,
        E: for<'b> plotters::element::Drawable<SVGBackend<'b>>,
    {
        self.area.draw(element).map_err(|error| error.to_string())
    }
}

fn units(x: f64, y: f64) -> (i32, i32) {
    ((x * UNITS).round() as i32, (y * UNITS).round() as i32)
}

/// The default width of a label in points.
const LABEL_WIDTH: f64 = 170.0;

/// The width of a label in bold, in points, with a margin because another face may be wider.
pub(super) fn width_of(text: &str, points: f64) -> f64 {
    heading_width(text, points).min(LABEL_WIDTH)
}

/// The same for a text that is not cut.
pub(super) fn heading_width(text: &str, points: f64) -> f64 {
    1.04 * font::width(&legible(text), points, true)
}

/// Removes characters that a file must not contain or that no one can see: control characters, and those that
/// change the direction of the text around them.
fn legible(text: &str) -> String {
    let hidden = |letter: char| matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}');
    let seen = text.chars().filter(|letter| !hidden(*letter));
    seen.map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// A name, or a substitute for an empty one.
pub(super) fn named(text: &str) -> &str {
    if text.trim().is_empty() { "(no name)" } else { text }
}

/// matplotlib's viridis at 16 places, interpolated linearly.
const VIRIDIS: [[u8; 3]; 16] = [
    [68, 1, 84],
    [72, 26, 108],
    [71, 47, 125],
    [65, 68, 135],
    [57, 86, 140],
    [49, 104, 142],
    [42, 120, 142],
    [35, 136, 142],
    [31, 152, 139],
    [34, 168, 132],
    [53, 183, 121],
    [84, 197, 104],
    [122, 209, 81],
    [165, 219, 54],
    [210, 226, 27],
    [253, 231, 37],
];

/// The colour of a value between 0 and 1.
pub(super) fn viridis(value: f64) -> RGBColor {
    let place = value.clamp(0.0, 1.0) * (VIRIDIS.len() - 1) as f64;
    let below = (place as usize).min(VIRIDIS.len() - 2);
    let share = place - below as f64;
    let mix = |part: usize| {
        let (a, b) = (f64::from(VIRIDIS[below][part]), f64::from(VIRIDIS[below + 1][part]));
        (a + (b - a) * share).round() as u8
    };
    RGBColor(mix(0), mix(1), mix(2))
}

/// A muted colour: more than half of the way to a light grey.
pub(super) fn faded(colour: RGBColor) -> RGBColor {
    let part = |part: u8| (f64::from(part) * 0.4 + 212.0 * 0.6).round() as u8;
    RGBColor(part(colour.0), part(colour.1), part(colour.2))
}

/// Black or white, whichever is easier to read on this colour.
pub(super) fn ink_on(colour: RGBColor) -> RGBColor {
    let bright = 0.2126 * f64::from(colour.0) + 0.7152 * f64::from(colour.1) + 0.0722 * f64::from(colour.2);
    if bright > 127.5 { INK } else { WHITE }
}
