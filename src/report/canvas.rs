//! A sheet to draw on, in points, with the reports' type, colours and lines.

use super::{
    drawing::{Across, Down, Drawing, Point, Shape, Stroke},
    font,
};
use std::cell::RefCell;

pub(super) use super::drawing::{INK, Rgb, Type, WHITE};

/// Secondary text: sub-headings, remarks.
pub(super) const GREY: Rgb = Rgb(120, 120, 120);

/// Grid lines.
pub(super) const GRID: Rgb = Rgb(225, 225, 225);

/// Okabe and Ito's colours, which colour-blind readers can distinguish, without black.
pub(super) const ORANGE: Rgb = Rgb(230, 159, 0);
pub(super) const SKY: Rgb = Rgb(86, 180, 233);
pub(super) const GREEN: Rgb = Rgb(0, 158, 115);
pub(super) const BLUE: Rgb = Rgb(0, 114, 178);
pub(super) const YELLOW: Rgb = Rgb(240, 228, 66);
pub(super) const PURPLE: Rgb = Rgb(204, 121, 167);
pub(super) const VERMILLION: Rgb = Rgb(213, 94, 0);

type Drawn = Result<(), String>;

impl Type {
    /// Plain text of this size in points, centred both ways.
    pub(super) fn of(points: f64) -> Self {
        Self {
            points,
            colour: INK,
            across: Across::Centre,
            down: Down::Centre,
            bold: false,
            turned: false,
            room: LABEL_WIDTH,
        }
    }
}

/// A sheet to draw on; all lengths are in points from the upper left corner.
pub(super) struct Canvas {
    size: Point,
    shapes: RefCell<Vec<Shape>>,
}

/// Draws a figure of the given size.
pub(super) fn figure(
    width: f64,
    height: f64,
    draw: impl FnOnce(&Canvas) -> Drawn,
) -> Result<Drawing, String> {
    let canvas = Canvas { size: (width, height), shapes: RefCell::default() };
    draw(&canvas)?;
    Ok(Drawing { width, height, shapes: canvas.shapes.into_inner() })
}

impl Canvas {
    /// One line of text.
    pub(super) fn text(&self, text: &str, x: f64, y: f64, kind: Type) -> Drawn {
        let text = font::fit(&font::legible(text), kind.points, kind.bold, kind.room);
        self.draw(Shape::Text { text, at: self.on((x, y)), kind })
    }

    /// A straight line.
    pub(super) fn line(&self, from: Point, to: Point, colour: Rgb, width: f64) -> Drawn {
        self.path(vec![from, to], colour, width)
    }

    /// A line through points.
    pub(super) fn path(&self, points: Vec<Point>, colour: Rgb, width: f64) -> Drawn {
        self.draw(Shape::Path { points: self.all_on(points), stroke: Stroke { colour, width } })
    }

    /// Fills the polygon through the points; `opaque` is a share between 0 and 1.
    pub(super) fn area(&self, points: Vec<Point>, colour: Rgb, opaque: f64) -> Drawn {
        self.draw(Shape::Area { points: self.all_on(points), colour, opaque })
    }

    /// A filled rectangle.
    pub(super) fn fill(&self, from: Point, to: Point, colour: Rgb) -> Drawn {
        self.draw(Shape::Fill { from: self.on(from), to: self.on(to), colour })
    }

    /// The outline of a rectangle.
    pub(super) fn frame(&self, from: Point, to: Point, colour: Rgb, width: f64) -> Drawn {
        self.draw(Shape::Frame { from: self.on(from), to: self.on(to), stroke: Stroke { colour, width } })
    }

    /// The outline of a circle.
    pub(super) fn ring(&self, centre: Point, radius: f64, colour: Rgb, width: f64) -> Drawn {
        self.draw(Shape::Ring { centre: self.on(centre), radius, stroke: Stroke { colour, width } })
    }

    /// A filled circle.
    pub(super) fn dot(&self, centre: Point, radius: f64, colour: Rgb) -> Drawn {
        self.draw(Shape::Dot { centre: self.on(centre), radius, colour })
    }

    /// Filled circles, too many for one element of SVG each.
    pub(super) fn cloud(&self, dots: Vec<(Point, Rgb)>, radius: f64, (from, size): (Point, Point)) -> Drawn {
        self.draw(Shape::Cloud { dots, radius, from, size })
    }

    fn draw(&self, shape: Shape) -> Drawn {
        self.shapes.borrow_mut().push(shape);
        Ok(())
    }

    /// The nearest place on the sheet; that of a value that is no number is its corner.
    fn on(&self, (x, y): Point) -> Point {
        let within = |value: f64, end: f64| if value.is_nan() { 0.0 } else { value.clamp(0.0, end) };
        (within(x, self.size.0.max(0.0)), within(y, self.size.1.max(0.0)))
    }

    fn all_on(&self, points: Vec<Point>) -> Vec<Point> {
        points.into_iter().map(|point| self.on(point)).collect()
    }
}

/// The default width of a label in points.
const LABEL_WIDTH: f64 = 170.0;

/// The width of a label in bold, in points, with a margin because another face may be wider.
pub(super) fn width_of(text: &str, points: f64) -> f64 {
    heading_width(text, points).min(LABEL_WIDTH)
}

/// The same for a text that is not cut.
pub(super) fn heading_width(text: &str, points: f64) -> f64 {
    1.04 * font::width(&font::legible(text), points, true)
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
pub(super) fn viridis(value: f64) -> Rgb {
    let place = value.clamp(0.0, 1.0) * (VIRIDIS.len() - 1) as f64;
    let below = (place as usize).min(VIRIDIS.len() - 2);
    let share = place - below as f64;
    let mix = |part: usize| {
        let (a, b) = (f64::from(VIRIDIS[below][part]), f64::from(VIRIDIS[below + 1][part]));
        (a + (b - a) * share).round() as u8
    };
    Rgb(mix(0), mix(1), mix(2))
}

/// A muted colour: more than half of the way to a light grey.
pub(super) fn faded(colour: Rgb) -> Rgb {
    let part = |part: u8| (f64::from(part) * 0.4 + 212.0 * 0.6).round() as u8;
    Rgb(part(colour.0), part(colour.1), part(colour.2))
}

/// Black or white, whichever is easier to read on this colour.
pub(super) fn ink_on(colour: Rgb) -> Rgb {
    let bright = 0.2126 * f64::from(colour.0) + 0.7152 * f64::from(colour.1) + 0.0722 * f64::from(colour.2);
    if bright > 127.5 { INK } else { WHITE }
}
