//! Small multiples of points in the plane: a row of panels for each system, a pair of columns for each set.

use super::canvas::{
    BLUE, Canvas, GREEN, GREY, GRID, INK, ORANGE, PURPLE, SKY, Type, VERMILLION, YELLOW, figure, width_of,
};
use super::drawing::{Across, Down, Drawing, Rgb};
use super::legend::Legend;

/// Rows under one heading: all of one data set, scale and protocol.
pub(super) struct Block {
    /// The heading above them.
    pub(super) heading: String,
    pub(super) rows: Vec<Row>,
}

/// One system.
pub(super) struct Row {
    /// Its name, and a remark below it in grey.
    pub(super) name: (String, String),
    /// One picture per set, or a hole.
    pub(super) pictures: Vec<Option<Picture>>,
}

/// The panels of one set and one system; they have the same scale.
pub(super) struct Picture {
    /// Points and the number of their class, panel by panel.
    pub(super) panels: [Vec<([f64; 2], usize)>; 2],
    /// Small text in the corner of the first panel.
    pub(super) below: String,
}

/// One set.
pub(super) struct Set {
    /// The name above its panels.
    pub(super) name: String,
    /// The headings of its panels.
    pub(super) panels: [&'static str; 2],
    /// Names in the order of their numbers.
    pub(super) classes: Vec<String>,
}

const PANEL_SIDE: f64 = 74.0;
const GAP: f64 = 4.0;
/// Space below the panels of a row.
const FOOT: f64 = 10.0;
const BETWEEN: f64 = 10.0;
const TOP: f64 = 26.0;
const HEADING: f64 = 14.0;
const DOT: f64 = 0.9;
const TYPE: f64 = 6.5;
/// More points than this are drawn as a picture.
const VECTOR_POINTS: usize = 5_000;

/// A class's colour: Okabe and Ito's eight, then grey.
fn colour(class: usize) -> Rgb {
    [BLUE, VERMILLION, GREEN, ORANGE, SKY, PURPLE, INK, YELLOW].get(class).copied().unwrap_or(GREY)
}

/// The figure.
pub(super) fn draw(blocks: &[Block], sets: &[Set]) -> Result<Drawing, String> {
    let names = blocks
        .iter()
        .flat_map(|block| &block.rows)
        .flat_map(|row| [width_of(&row.name.0, TYPE), width_of(&row.name.1, TYPE - 1.0)]);
    let left = names.fold(30.0, f64::max) + 8.0;
    let wide = 2.0 * PANEL_SIDE + GAP;
    let at = |set: usize| left + set as f64 * (wide + BETWEEN);
    let width = at(sets.len()) - BETWEEN + 6.0;
    let legends: Vec<Legend> = sets
        .iter()
        .map(|set| {
            let items: Vec<(String, Rgb)> =
                set.classes.iter().enumerate().map(|(at, name)| (name.clone(), colour(at))).collect();
            Legend::new(&items, wide)
        })
        .collect();
    let pictures = blocks.iter().flat_map(|block| &block.rows).flat_map(|row| row.pictures.iter().flatten());
    let many = pictures.flat_map(|picture| &picture.panels).map(Vec::len).sum::<usize>() > VECTOR_POINTS;
    let rows: usize = blocks.iter().map(|block| block.rows.len()).sum();
    let body = TOP + blocks.len() as f64 * HEADING + rows as f64 * (PANEL_SIDE + FOOT);
    let below = legends.iter().map(Legend::height).fold(0.0, f64::max);
    figure(width, body + below + 6.0, |canvas| {
        for (number, set) in sets.iter().enumerate() {
            let x = at(number);
            let bold = Type { bold: true, room: wide, ..Type::of(7.0) };
            canvas.text(&set.name, x + wide / 2.0, 7.0, bold)?;
            canvas.line((x + 1.0, 13.0), (x + wide - 1.0, 13.0), INK, 0.6)?;
            for (panel, name) in set.panels.iter().enumerate() {
                let middle = x + panel as f64 * (PANEL_SIDE + GAP) + PANEL_SIDE / 2.0;
                canvas.text(name, middle, 20.0, Type::of(TYPE))?;
            }
            legends[number].draw(canvas, (x, body + 2.0))?;
        }
        let mut top = TOP;
        for block in blocks {
            let kind = Type { across: Across::Left, colour: GREY, room: f64::INFINITY, ..Type::of(6.0) };
            canvas.text(&block.heading, left, top + HEADING / 2.0, kind)?;
            top += HEADING;
            for row in &block.rows {
                let right = Type { across: Across::Right, down: Down::Centre, ..Type::of(TYPE) };
                canvas.text(&row.name.0, left - 5.0, top + PANEL_SIDE / 2.0 - 4.0, right)?;
                let grey = Type { colour: GREY, ..Type { across: Across::Right, ..Type::of(TYPE - 1.0) } };
                canvas.text(&row.name.1, left - 5.0, top + PANEL_SIDE / 2.0 + 5.0, grey)?;
                for (number, picture) in row.pictures.iter().enumerate() {
                    panels(canvas, picture.as_ref(), (at(number), top), many)?;
                }
                top += PANEL_SIDE + FOOT;
            }
        }
        Ok(())
    })
}

fn panels(
    canvas: &Canvas,
    picture: Option<&Picture>,
    (left, top): (f64, f64),
    many: bool,
) -> Result<(), String> {
    let frame = |panel: usize| {
        let x = left + panel as f64 * (PANEL_SIDE + GAP);
        (x, canvas.frame((x, top), (x + PANEL_SIDE, top + PANEL_SIDE), GRID, 0.5))
    };
    let Some(picture) = picture else {
        for panel in 0..2 {
            let (x, drawn) = frame(panel);
            drawn?;
            canvas.text(
                "·",
                x + PANEL_SIDE / 2.0,
                top + PANEL_SIDE / 2.0,
                Type { colour: GREY, ..Type::of(TYPE) },
            )?;
        }
        return Ok(());
    };
    let all = || picture.panels.iter().flatten().map(|(point, _)| point);
    let low = |axis: usize| all().map(|point| point[axis]).fold(f64::INFINITY, f64::min);
    let high = |axis: usize| all().map(|point| point[axis]).fold(f64::NEG_INFINITY, f64::max);
    // One scale for both directions: the distances are what matters.
    let span = (high(0) - low(0)).max(high(1) - low(1)).max(f64::MIN_POSITIVE);
    let scale = (PANEL_SIDE - 5.0) / span;
    let middle = [(low(0) + high(0)) / 2.0, (low(1) + high(1)) / 2.0];
    let small = Type { colour: GREY, across: Across::Left, ..Type::of(5.0) };
    canvas.text(&picture.below, left, top + PANEL_SIDE + FOOT / 2.0, small)?;
    for (panel, points) in picture.panels.iter().enumerate() {
        let (x, drawn) = frame(panel);
        drawn?;
        let dot = |(point, class): &([f64; 2], usize)| {
            let across = x + PANEL_SIDE / 2.0 + (point[0] - middle[0]) * scale;
            ((across, top + PANEL_SIDE / 2.0 - (point[1] - middle[1]) * scale), colour(*class))
        };
        let dots: Vec<_> = points.iter().map(dot).collect();
        if many {
            canvas.cloud(dots, DOT, ((x, top), (PANEL_SIDE, PANEL_SIDE)))?;
        } else {
            dots.iter().try_for_each(|(at, colour)| canvas.dot(*at, DOT, *colour))?;
        }
    }
    Ok(())
}
