//! A drawing as data: shapes and texts in points from the upper left corner, before any format.

/// A colour: red, green, blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rgb(pub(super) u8, pub(super) u8, pub(super) u8);

/// Text and axes.
pub(super) const INK: Rgb = Rgb(38, 38, 38);
pub(super) const WHITE: Rgb = Rgb(255, 255, 255);

/// A place, or two lengths.
pub(super) type Point = (f64, f64);

/// Where a text begins, ends or has its middle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Across {
    Left,
    Centre,
    Right,
}

/// Which height of a text is at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Down {
    Centre,
    Bottom,
}

/// How a text is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Type {
    pub(super) points: f64,
    pub(super) colour: Rgb,
    pub(super) across: Across,
    pub(super) down: Down,
    pub(super) bold: bool,
    /// Rotated by a quarter turn, to be read from below.
    pub(super) turned: bool,
    /// The width in points at which a longer text is cut.
    pub(super) room: f64,
}

/// A line's colour and width.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stroke {
    pub(super) colour: Rgb,
    pub(super) width: f64,
}

/// One thing on a sheet.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    Text {
        text: String,
        at: Point,
        kind: Type,
    },
    /// A line through points.
    Path {
        points: Vec<Point>,
        stroke: Stroke,
    },
    /// A filled polygon; `opaque` is a share between 0 and 1.
    Area {
        points: Vec<Point>,
        colour: Rgb,
        opaque: f64,
    },
    /// A filled rectangle between two corners.
    Fill {
        from: Point,
        to: Point,
        colour: Rgb,
    },
    /// The outline of a rectangle.
    Frame {
        from: Point,
        to: Point,
        stroke: Stroke,
    },
    /// The outline of a circle.
    Ring {
        centre: Point,
        radius: f64,
        stroke: Stroke,
    },
    /// A filled circle.
    Dot {
        centre: Point,
        radius: f64,
        colour: Rgb,
    },
    /// Translucent dots on a rectangle with this corner and size, too many to be written one by one.
    Cloud {
        dots: Vec<(Point, Rgb)>,
        radius: f64,
        from: Point,
        size: Point,
    },
}

/// A sheet with what is on it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Drawing {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) shapes: Vec<Shape>,
}
