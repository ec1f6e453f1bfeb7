//! How a score depends on an ordered choice: points with deviations beside levels that do not depend on it, in panels side by
//! side.

use super::{
    bars::Axis,
    canvas::{Canvas, GREY, GRID, INK, Type, WHITE, figure, heading_width},
    drawing::{Across, Drawing, Rgb},
    legend::Legend,
};

/// Panels side by side, under one heading: all of one data set, scale and recipe.
pub(super) struct Band {
    /// The heading above them.
    pub(super) heading: String,
    pub(super) panels: Vec<Panel>,
}

/// The levels and points of one subject.
pub(super) struct Panel {
    pub(super) heading: String,
    pub(super) levels: Vec<Level>,
    /// One for each place, or a hole.
    pub(super) points: Vec<Option<Point>>,
    /// Where nothing is drawn, why, in several lines.
    pub(super) empty: Vec<String>,
}

/// A value that is the same at all places.
pub(super) struct Level {
    pub(super) colour: Rgb,
    pub(super) value: f64,
    /// Sample standard deviation over seeds, if there are several.
    pub(super) std: Option<f64>,
}

/// A value at one place.
pub(super) struct Point {
    pub(super) colour: Rgb,
    pub(super) value: f64,
    /// Sample standard deviation over seeds, or over parts.
    pub(super) std: Option<f64>,
    /// The single values behind the mean; a point that has some is hollow.
    pub(super) dots: Vec<f64>,
}

/// A place on the horizontal axis.
pub(super) struct Place {
    pub(super) name: &'static str,
    /// What it shares with its neighbours; may be empty.
    pub(super) of: &'static str,
}

const STEP: f64 = 26.0;
const LEFT: f64 = 34.0;
const HEIGHT: f64 = 120.0;
const BETWEEN: f64 = 14.0;
/// Of a band, and of each of its panels.
const HEADING: (f64, f64) = (16.0, 12.0);
const NAMES: f64 = 30.0;
const TYPE: f64 = 6.5;

/// The figure. `series` are the names and colours of the legend.
pub(super) fn draw(
    bands: &[Band],
    places: &[Place],
    series: &[(String, Rgb)],
    axis: Axis<'_>,
) -> Result<Drawing, String> {
    let wide = places.len() as f64 * STEP;
    let panels = bands.iter().map(|band| band.panels.len()).max().unwrap_or(0);
    let headings = bands.iter().map(|band| LEFT + heading_width(&band.heading, TYPE) + 8.0);
    let width = headings.fold(LEFT + panels as f64 * (wide + BETWEEN) - BETWEEN + 8.0, f64::max);
    let legend = Legend::new(series, width - 16.0);
    let one = HEADING.0 + HEADING.1 + HEIGHT + NAMES;
    figure(width, legend.height() + 6.0 + bands.len() as f64 * one, |canvas| {
        legend.draw(canvas, (8.0, 4.0))?;
        for (at, band) in bands.iter().enumerate() {
            let top = legend.height() + 6.0 + at as f64 * one;
            let grey = Type { across: Across::Left, colour: GREY, room: f64::INFINITY, ..Type::of(TYPE) };
            canvas.text(&band.heading, LEFT, top + HEADING.0 / 2.0, grey)?;
            let top = top + HEADING.0 + HEADING.1;
            for (at, panel) in band.panels.iter().enumerate() {
                let left = LEFT + at as f64 * (wide + BETWEEN);
                draw_panel(canvas, panel, places, (left, top), axis, at == 0)?;
            }
        }
        Ok(())
    })
}

fn draw_panel(
    canvas: &Canvas,
    panel: &Panel,
    places: &[Place],
    (left, top): (f64, f64),
    axis: Axis<'_>,
    labelled: bool,
) -> Result<(), String> {
    let (right, bottom) = (left + places.len() as f64 * STEP, top + HEIGHT);
    let y = |value: f64| bottom - HEIGHT * (value / axis.top).clamp(0.0, 1.0);
    let bold = Type { bold: true, room: right - left, ..Type::of(7.0) };
    canvas.text(&panel.heading, (left + right) / 2.0, top - HEADING.1 / 2.0 - 1.0, bold)?;
    for (value, text) in axis.ticks() {
        if value > 0.0 {
            canvas.line((left, y(value)), (right, y(value)), GRID, 0.5)?;
        }
        if labelled {
            canvas.line((left - 2.5, y(value)), (left, y(value)), INK, 0.7)?;
            canvas.text(&text, left - 4.5, y(value), Type { across: Across::Right, ..Type::of(TYPE) })?;
        }
    }
    if labelled {
        canvas.text(axis.label, 8.0, (top + bottom) / 2.0, Type { turned: true, ..Type::of(TYPE) })?;
    }
    if panel.points.iter().all(Option::is_none) {
        let first = (top + bottom) / 2.0 - (panel.empty.len() as f64 - 1.0) * 5.0;
        for (at, line) in panel.empty.iter().enumerate() {
            let grey = Type { colour: GREY, room: right - left - 4.0, ..Type::of(TYPE) };
            canvas.text(line, (left + right) / 2.0, first + at as f64 * 10.0, grey)?;
        }
    }
    for Level { colour, value, std } in &panel.levels {
        if let Some(std) = std {
            let corners =
                [(left, value + std), (right, value + std), (right, value - std), (left, value - std)];
            canvas.area(corners.map(|(x, value)| (x, y(value))).into(), *colour, 0.18)?;
        }
        canvas.line((left, y(*value)), (right, y(*value)), *colour, 1.4)?;
    }
    canvas.line((left, top), (left, bottom), INK, 0.7)?;
    canvas.line((left, bottom), (right, bottom), INK, 0.7)?;
    let middle = |at: usize| left + (at as f64 + 0.5) * STEP;
    for (at, (place, point)) in places.iter().zip(&panel.points).enumerate() {
        match point {
            Some(point) => draw_point(canvas, point, middle(at), &y)?,
            None => canvas.text("·", middle(at), bottom - 4.0, Type { colour: GREY, ..Type::of(TYPE) })?,
        }
        canvas.text(place.name, middle(at), bottom + 7.0, Type { room: STEP + 6.0, ..Type::of(TYPE) })?;
    }
    let mut first = 0;
    for group in places.chunk_by(|a, b| a.of == b.of) {
        let (from, to) =
            (middle(first) - STEP / 2.0 + 2.0, middle(first + group.len() - 1) + STEP / 2.0 - 2.0);
        first += group.len();
        if !group[0].of.is_empty() {
            canvas.line((from, bottom + 13.5), (to, bottom + 13.5), INK, 0.6)?;
            let bold = Type { bold: true, room: to - from, ..Type::of(6.0) };
            canvas.text(group[0].of, (from + to) / 2.0, bottom + 20.0, bold)?;
        }
    }
    Ok(())
}

fn draw_point(canvas: &Canvas, point: &Point, x: f64, y: &dyn Fn(f64) -> f64) -> Result<(), String> {
    let Point { colour, value, std, dots } = point;
    // To the right, where nothing hides them.
    dots.iter().try_for_each(|dot| canvas.dot((x + 7.0, y(*dot)), 1.1, *colour))?;
    if let Some(std) = std {
        let (low, high) = (y(value - std), y(value + std));
        canvas.line((x, low), (x, high), INK, 0.7)?;
        canvas.line((x - 2.0, low), (x + 2.0, low), INK, 0.7)?;
        canvas.line((x - 2.0, high), (x + 2.0, high), INK, 0.7)?;
    }
    canvas.dot((x, y(*value)), 3.2, *colour)?;
    if dots.is_empty() { Ok(()) } else { canvas.dot((x, y(*value)), 1.9, WHITE) }
}
