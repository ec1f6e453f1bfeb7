//! Radar charts: a polygon per system, an axis per task.

use super::canvas::{Canvas, GREY, GRID, INK, Type, faded, figure, heading_width, width_of};
use super::drawing::{Across, Drawing, Rgb};
use super::legend::Legend;
use std::f64::consts::TAU;

/// Radars next to each other: all of one data set, scale and protocol.
pub(super) struct Band {
    /// The heading above them.
    pub(super) heading: String,
    pub(super) radars: Vec<Radar>,
}

/// One radar.
pub(super) struct Radar {
    /// The heading above it.
    pub(super) heading: String,
    /// Smaller and in pale colours: published values that must not be compared.
    pub(super) apart: bool,
    pub(super) polygons: Vec<Polygon>,
}

/// One system.
#[derive(Clone)]
pub(super) struct Polygon {
    /// The name in the legend.
    pub(super) name: String,
    pub(super) colour: Rgb,
    /// One value between 0 and 1 per axis, or a hole.
    pub(super) values: Vec<Option<f64>>,
}

/// One task.
pub(super) struct Axis {
    pub(super) name: String,
    pub(super) colour: Rgb,
}

/// The size of a radar with its labels; it is wider if names of axes need it.
const CELL: (f64, f64) = (168.0, 152.0);
/// How much a radar may widen for names of axes, to each side.
const GROWS: f64 = 3.5;
const HEADING: f64 = 15.0;
const RADIUS: f64 = 58.0;
const RADIUS_APART: f64 = 42.0;
const TYPE: f64 = 6.5;
const RINGS: usize = 5;

/// The figure. Rings are always at fifths of 1, so that figures can be compared.
pub(super) fn draw(bands: &[Band], axes: &[Axis]) -> Result<Drawing, String> {
    let across = bands.iter().map(|band| band.radars.len()).max().unwrap_or(0);
    let headings = bands.iter().map(|band| heading_width(&band.heading, TYPE) + 16.0);
    let sides = axes.iter().enumerate().map(|(number, axis)| {
        let sine = (number as f64 / axes.len() as f64 * TAU).sin().abs();
        if sine > ASIDE { sine * (RADIUS + OUTSIDE) + width_of(&axis.name, TYPE) + 2.0 } else { 0.0 }
    });
    let cell = 2.0 * sides.fold(CELL.0 / 2.0, f64::max).min(CELL.0 / 2.0 + GROWS);
    let width = headings.fold(across as f64 * cell, f64::max);
    let mut items: Vec<(String, Rgb)> = Vec::new();
    for polygon in bands.iter().flat_map(|band| &band.radars).flat_map(|radar| &radar.polygons) {
        if !items.iter().any(|(name, _)| *name == polygon.name) {
            items.push((polygon.name.clone(), polygon.colour));
        }
    }
    let legend = Legend::new(&items, width - 16.0);
    let body = bands.len() as f64 * (HEADING + CELL.1);
    figure(width, body + legend.height() + 8.0, |canvas| {
        for (at, band) in bands.iter().enumerate() {
            let top = at as f64 * (HEADING + CELL.1);
            let kind = Type { across: Across::Left, colour: GREY, room: f64::INFINITY, ..Type::of(TYPE) };
            canvas.text(&band.heading, 8.0, top + HEADING / 2.0 + 1.0, kind)?;
            for (at, radar) in band.radars.iter().enumerate() {
                draw_radar(canvas, radar, axes, (at as f64 * cell, top + HEADING), cell)?;
            }
        }
        legend.draw(canvas, (8.0, body))
    })
}

/// The distance of axis names from the radar.
const OUTSIDE: f64 = 5.0;
/// The sine from which an axis points to a side, so that its name begins there.
const ASIDE: f64 = 0.1;

fn draw_radar(
    canvas: &Canvas,
    radar: &Radar,
    axes: &[Axis],
    (left, top): (f64, f64),
    cell: f64,
) -> Result<(), String> {
    let centre = (left + cell / 2.0, top + 12.0 + (CELL.1 - 12.0) / 2.0);
    let radius = if radar.apart { RADIUS_APART } else { RADIUS };
    let ink = if radar.apart { GREY } else { INK };
    let heading = Type { colour: ink, bold: !radar.apart, room: cell - 4.0, ..Type::of(7.0) };
    canvas.text(&radar.heading, centre.0, top + 6.0, heading)?;
    // The first axis points up, the others follow clockwise.
    let at = |turn: f64, length: f64| {
        let angle = turn * TAU;
        (centre.0 + length * angle.sin(), centre.1 - length * angle.cos())
    };
    let turn = |axis: usize| axis as f64 / axes.len() as f64;
    for ring in 1..RINGS {
        canvas.ring(centre, radius * ring as f64 / RINGS as f64, GRID, 0.5)?;
    }
    for (number, axis) in axes.iter().enumerate() {
        canvas.line(centre, at(turn(number), radius), GRID, 0.5)?;
        let (x, y) = at(turn(number), radius + OUTSIDE);
        let sine = (turn(number) * TAU).sin();
        let across = match sine {
            sine if sine > ASIDE => Across::Left,
            sine if sine < -ASIDE => Across::Right,
            _ => Across::Centre,
        };
        let colour = if radar.apart { faded(axis.colour) } else { axis.colour };
        // To the edge of this radar's area.
        let room = cell / 2.0 - (x - centre.0).abs() - 1.0;
        let room = if sine.abs() > ASIDE { room } else { cell };
        canvas.text(&axis.name, x, y, Type { across, colour, bold: true, room, ..Type::of(TYPE) })?;
    }
    canvas.ring(centre, radius, ink, 0.7)?;
    for polygon in &radar.polygons {
        let colour = if radar.apart { faded(polygon.colour) } else { polygon.colour };
        let points: Vec<Option<(f64, f64)>> = polygon
            .values
            .iter()
            .enumerate()
            .map(|(axis, value)| value.map(|value| at(turn(axis), radius * value.clamp(0.0, 1.0))))
            .collect();
        // A hole breaks the line.
        for (from, to) in points.iter().zip(points.iter().cycle().skip(1)) {
            if let (Some(from), Some(to)) = (from, to) {
                canvas.line(*from, *to, colour, 1.0)?;
            }
        }
        for point in points.iter().flatten() {
            canvas.dot(*point, 1.4, colour)?;
        }
    }
    // Between the two axes where the polygons reach least far, so that few lines cross the numbers.
    let reach = |axis: usize| {
        let between = |one: &Polygon| {
            one.values[axis].unwrap_or(0.0) + one.values[(axis + 1) % axes.len()].unwrap_or(0.0)
        };
        radar.polygons.iter().map(between).fold(0.0, f64::max)
    };
    let gap = (0..axes.len()).min_by(|a, b| reach(*a).total_cmp(&reach(*b))).unwrap_or(0);
    // Numbers are beyond the lines of the gap, the last one outside; a small radar has room for every second.
    let every = if radar.apart { 2 } else { 1 };
    let reach = reach(gap) / 2.0;
    let clear = |ring: &usize| *ring == RINGS || *ring as f64 / RINGS as f64 > reach;
    for ring in (every..RINGS).step_by(every).chain([RINGS]).filter(clear) {
        let beyond = if ring == RINGS { 5.0 } else { 0.0 };
        let (x, y) = at(turn(gap) + turn(1) / 2.0, radius * ring as f64 / RINGS as f64 + beyond);
        let text = format!("{:.1}", ring as f64 / RINGS as f64);
        canvas.text(&text, x, y, Type { colour: GREY, ..Type::of(4.6) })?;
    }
    Ok(())
}
