//! A drawing as SVG: one unit is a tenth of a point, so that numbers are short.

use super::{
    cloud,
    drawing::{Across, Down, Drawing, Point, Rgb, Shape, Stroke},
    font,
};
use std::fmt::Write;

/// Units per point.
const UNITS: f64 = 10.0;

/// The text of the file, without embedded fonts.
///
/// # Errors
/// If a cloud of dots cannot be encoded.
pub(super) fn of(drawing: &Drawing) -> Result<String, String> {
    let (width, height) = (drawing.width, drawing.height);
    let mut svg = format!(
        "<svg width=\"{width:.1}pt\" height=\"{height:.1}pt\" viewBox=\"0 0 {} {}\" \
         xmlns=\"http://www.w3.org/2000/svg\">\n",
        units(width),
        units(height)
    );
    for shape in &drawing.shapes {
        svg.push_str(&element(shape)?);
    }
    Ok(svg + "</svg>\n")
}

fn element(shape: &Shape) -> Result<String, String> {
    Ok(match shape {
        Shape::Text { text, at, kind } => {
            let (x, y) = (units(at.0), units(at.1));
            let anchor = match kind.across {
                Across::Left => "start",
                Across::Centre => "middle",
                Across::Right => "end",
            };
            let down = match kind.down {
                Down::Centre => "0.5ex",
                Down::Bottom => "-0.5ex",
            };
            let weight = if kind.bold { " font-weight=\"bold\"" } else { "" };
            let turn =
                if kind.turned { format!(" transform=\"rotate(270, {x}, {y})\"") } else { String::new() };
            format!(
                "<text x=\"{x}\" y=\"{y}\" dy=\"{down}\" text-anchor=\"{anchor}\" font-family=\"{}\" font-size=\"{}\" fill=\"{}\"{weight}{turn}>\n{}\n</text>\n",
                font::FAMILY,
                units(kind.points),
                hex(kind.colour),
                escaped(text)
            )
        }
        Shape::Path { points, stroke } => {
            format!("<polyline fill=\"none\" {} points=\"{}\"/>\n", stroked(*stroke), listed(points))
        }
        Shape::Area { points, colour, opaque } => {
            format!(
                "<polygon opacity=\"{opaque}\" fill=\"{}\" points=\"{}\"/>\n",
                hex(*colour),
                listed(points)
            )
        }
        Shape::Fill { from, to, colour } => {
            format!("<rect {} fill=\"{}\"/>\n", rectangle(*from, *to), hex(*colour))
        }
        Shape::Frame { from, to, stroke } => {
            format!("<rect {} fill=\"none\" {}/>\n", rectangle(*from, *to), stroked(*stroke))
        }
        Shape::Ring { centre, radius, stroke } => {
            format!("<circle {} fill=\"none\" {}/>\n", circle(*centre, *radius), stroked(*stroke))
        }
        Shape::Dot { centre, radius, colour } => {
            format!("<circle {} fill=\"{}\"/>\n", circle(*centre, *radius), hex(*colour))
        }
        Shape::Cloud { dots, radius, from, size } => cloud::image(dots, *radius, *from, *size, UNITS)?,
    })
}

fn units(points: f64) -> i32 {
    (points * UNITS).round() as i32
}

fn hex(Rgb(red, green, blue): Rgb) -> String {
    format!("#{red:02X}{green:02X}{blue:02X}")
}

fn stroked(stroke: Stroke) -> String {
    format!("stroke=\"{}\" stroke-width=\"{}\"", hex(stroke.colour), units(stroke.width))
}

fn circle(centre: Point, radius: f64) -> String {
    format!("cx=\"{}\" cy=\"{}\" r=\"{}\"", units(centre.0), units(centre.1), units(radius))
}

/// Between any two corners that face each other.
fn rectangle(from: Point, to: Point) -> String {
    let (left, right) = (units(from.0.min(to.0)), units(from.0.max(to.0)));
    let (top, bottom) = (units(from.1.min(to.1)), units(from.1.max(to.1)));
    format!("x=\"{left}\" y=\"{top}\" width=\"{}\" height=\"{}\"", right - left, bottom - top)
}

fn listed(points: &[Point]) -> String {
    let mut list = String::new();
    for (x, y) in points {
        let gap = if list.is_empty() { "" } else { " " };
        let _ = write!(list, "{gap}{},{}", units(*x), units(*y));
    }
    list
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
