//! Drawings as vectors: what the SVG files show, with the same faces.

use super::{
    super::{
        cloud,
        drawing::{Across, Down, Drawing, Point, Rgb, Shape, Stroke, Type},
    },
    text::{Run, Setter, Style},
    write::{Pen, colour},
};
use krilla::{
    geom::{Path, PathBuilder, Rect, Transform},
    num::NormalizedF32,
    paint::{Fill, FillRule, LineCap, Stroke as Outline},
    surface::Surface,
};

/// Half of the height of a small letter of Inter, in ems: what SVG calls `0.5ex`.
const HALF_SMALL: f32 = 0.2727;
/// How far the middle of a quarter of a circle pulls, for a radius of 1.
const ROUND: f32 = 0.552_285;

/// Draws it with its upper left corner at a place.
pub(super) fn draw(surface: &mut Surface<'_>, pen: &mut Pen, drawing: &Drawing, at: (f32, f32), scale: f32) {
    surface.push_transform(&Transform::from_row(scale, 0.0, 0.0, scale, at.0, at.1));
    for shape in &drawing.shapes {
        one(surface, pen, shape);
    }
    surface.pop();
}

fn one(surface: &mut Surface<'_>, pen: &mut Pen, shape: &Shape) {
    match shape {
        Shape::Text { text: words, at, kind } => text(surface, pen, words, *at, kind),
        Shape::Path { points, stroke } => outline(surface, polygon(points, false), *stroke),
        Shape::Area { points, colour, opaque } => {
            fill(surface, polygon(points, true), *colour, *opaque as f32);
        }
        Shape::Fill { from, to, colour } => fill(surface, rectangle(*from, *to), *colour, 1.0),
        Shape::Frame { from, to, stroke } => outline(surface, rectangle(*from, *to), *stroke),
        Shape::Ring { centre, radius, stroke } => outline(surface, circle(*centre, *radius), *stroke),
        Shape::Dot { centre, radius, colour } => fill(surface, circle(*centre, *radius), *colour, 1.0),
        Shape::Cloud { dots, radius, from, size } => {
            let Some(edge) = rectangle(*from, (from.0 + size.0, from.1 + size.1)) else { return };
            surface.push_clip_path(&edge, &FillRule::NonZero);
            for (centre, colour) in dots {
                dot(surface, *centre, *radius, *colour);
            }
            surface.pop();
        }
    }
}

fn text(surface: &mut Surface<'_>, pen: &mut Pen, words: &str, at: Point, kind: &Type) {
    let style = Style::of(kind.points as f32).coloured(kind.colour);
    let style = if kind.bold { style.bold() } else { style };
    let line = Setter::line(&mut pen.setter, &[Run::of(words, style)]);
    let (x, y) = (at.0 as f32, at.1 as f32);
    let down = match kind.down {
        Down::Centre => HALF_SMALL,
        Down::Bottom => -HALF_SMALL,
    };
    let left = match kind.across {
        Across::Left => x,
        Across::Centre => x - line.width / 2.0,
        Across::Right => x - line.width,
    };
    let turn = if kind.turned { Transform::from_rotate_at(-90.0, x, y) } else { Transform::identity() };
    surface.push_transform(&turn);
    pen.text(surface, &line, left, y + down * style.points);
    surface.pop();
}

/// A short stroke with round ends: a tenth of what a circle takes in the file.
fn dot(surface: &mut Surface<'_>, centre: Point, radius: f64, of: Rgb) {
    let (x, y) = (centre.0 as f32, centre.1 as f32);
    let mut path = PathBuilder::new();
    path.move_to(x, y);
    path.line_to(x + 0.01, y);
    surface.set_fill(None);
    surface.set_stroke(Some(Outline {
        paint: colour(of).into(),
        width: 2.0 * radius as f32,
        line_cap: LineCap::Round,
        opacity: share(cloud::OPAQUE),
        ..Outline::default()
    }));
    path.finish().iter().for_each(|path| surface.draw_path(path));
}

pub(super) fn fill(surface: &mut Surface<'_>, path: Option<Path>, of: Rgb, opaque: f32) {
    surface.set_stroke(None);
    surface.set_fill(Some(Fill { paint: colour(of).into(), opacity: share(opaque), ..Fill::default() }));
    path.iter().for_each(|path| surface.draw_path(path));
}

pub(super) fn outline(surface: &mut Surface<'_>, path: Option<Path>, stroke: Stroke) {
    surface.set_fill(None);
    let paint = colour(stroke.colour).into();
    surface.set_stroke(Some(Outline { paint, width: stroke.width as f32, ..Outline::default() }));
    path.iter().for_each(|path| surface.draw_path(path));
}

fn share(value: f32) -> NormalizedF32 {
    NormalizedF32::new(value.clamp(0.0, 1.0)).unwrap_or(NormalizedF32::ONE)
}

pub(super) fn polygon(points: &[Point], closed: bool) -> Option<Path> {
    let mut path = PathBuilder::new();
    let (first, rest) = points.split_first()?;
    path.move_to(first.0 as f32, first.1 as f32);
    rest.iter().for_each(|(x, y)| path.line_to(*x as f32, *y as f32));
    if closed {
        path.close();
    }
    path.finish()
}

pub(super) fn rectangle(from: Point, to: Point) -> Option<Path> {
    let (left, right) = (from.0.min(to.0) as f32, from.0.max(to.0) as f32);
    let (top, bottom) = (from.1.min(to.1) as f32, from.1.max(to.1) as f32);
    let mut path = PathBuilder::new();
    path.push_rect(Rect::from_ltrb(left, top, right, bottom)?);
    path.finish()
}

fn circle(centre: Point, radius: f64) -> Option<Path> {
    let (x, y, r) = (centre.0 as f32, centre.1 as f32, radius as f32);
    let pull = r * ROUND;
    let mut path = PathBuilder::new();
    path.move_to(x + r, y);
    path.cubic_to(x + r, y + pull, x + pull, y + r, x, y + r);
    path.cubic_to(x - pull, y + r, x - r, y + pull, x - r, y);
    path.cubic_to(x - r, y - pull, x - pull, y - r, x, y - r);
    path.cubic_to(x + pull, y - r, x + r, y - pull, x + r, y);
    path.close();
    path.finish()
}
