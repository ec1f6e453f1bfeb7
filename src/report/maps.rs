//! Maps of features: panels of points in the plane, all with one legend, in which even fifty classes can be told apart.
//!
//! Up to eight classes have a colour each. More of them share the colours and differ by their marks, so that a class is a colour
//! and a mark: no reader can distinguish fifty colours, and few can distinguish ten.

use super::{
    canvas::{
        BLUE, Canvas, GREEN, GREY, GRID, INK, ORANGE, PURPLE, SKY, Type, VERMILLION, YELLOW, figure, named,
        width_of,
    },
    drawing::{Across, Drawing, Point, Rgb},
};

/// Rows of panels under one heading: all of one data set, scale and recipe.
pub(super) struct Block {
    /// The heading above them.
    pub(super) heading: String,
    pub(super) rows: Vec<Vec<Panel>>,
}

/// One map.
pub(super) struct Panel {
    pub(super) heading: String,
    pub(super) map: Map,
}

/// What a panel shows.
pub(super) enum Map {
    /// Points and the number of their class, and a remark below them.
    Points(Vec<([f64; 2], usize)>, String),
    /// Why there are none, in several lines.
    Nothing(Vec<String>),
}

const SIDE: f64 = 150.0;
const GAP: f64 = 10.0;
const MARGIN: f64 = 6.0;
const HEADING: f64 = 16.0;
/// Above and below a panel.
const TITLE: f64 = 13.0;
const FOOT: f64 = 12.0;
const TYPE: f64 = 6.5;
/// The legend's lines.
const LINE: f64 = 9.5;
const KEY: f64 = 8.0;
/// Half the size of a mark.
const MARK: f64 = 1.7;

const COLOURS: [Rgb; 8] = [BLUE, VERMILLION, GREEN, ORANGE, SKY, PURPLE, INK, YELLOW];

/// How a class is marked, besides its colour.
#[derive(Clone, Copy)]
enum Mark {
    Dot,
    Triangle,
    Square,
    Cross,
    Ring,
    Plus,
    Diamond,
}

const MARKS: [Mark; 7] =
    [Mark::Dot, Mark::Triangle, Mark::Square, Mark::Cross, Mark::Ring, Mark::Plus, Mark::Diamond];

/// A class's mark and colour. Neighbours in the legend differ in colour. More classes than there are pairs are grey.
fn look(class: usize) -> (Mark, Rgb) {
    match MARKS.get(class / COLOURS.len()) {
        Some(mark) => (*mark, COLOURS[class % COLOURS.len()]),
        None => (Mark::Dot, GREY),
    }
}

/// The figure. `classes` are the names of the classes in the order of their numbers.
pub(super) fn draw(blocks: &[Block], classes: &[String]) -> Result<Drawing, String> {
    let across = blocks.iter().flat_map(|block| &block.rows).map(Vec::len).max().unwrap_or(0);
    let width = 2.0 * MARGIN + across as f64 * (SIDE + GAP) - GAP;
    let rows: usize = blocks.iter().map(|block| block.rows.len()).sum();
    let body = blocks.len() as f64 * HEADING + rows as f64 * (TITLE + SIDE + FOOT);
    // Columns as wide as the longest name, read from top to bottom.
    let longest = classes.iter().map(|name| width_of(named(name), TYPE - 0.5)).fold(0.0, f64::max);
    let column = KEY + 4.0 + longest + GAP;
    let columns = (((width - 2.0 * MARGIN + GAP) / column) as usize).clamp(1, classes.len().max(1));
    let lines = classes.len().div_ceil(columns);
    figure(width, body + 8.0 + lines as f64 * LINE + MARGIN, |canvas| {
        let mut top = 0.0;
        for block in blocks {
            let room = width - 2.0 * MARGIN;
            let grey = Type { across: Across::Left, colour: GREY, room, ..Type::of(TYPE) };
            canvas.text(&block.heading, MARGIN, top + HEADING / 2.0, grey)?;
            top += HEADING;
            for row in &block.rows {
                for (at, panel) in row.iter().enumerate() {
                    draw_panel(canvas, panel, (MARGIN + at as f64 * (SIDE + GAP), top))?;
                }
                top += TITLE + SIDE + FOOT;
            }
        }
        for (at, name) in classes.iter().enumerate() {
            let (x, y) = (
                MARGIN + (at / lines) as f64 * ((width - 2.0 * MARGIN + GAP) / columns as f64),
                top + 8.0 + ((at % lines) as f64 + 0.5) * LINE,
            );
            draw_mark(canvas, at, (x + KEY / 2.0, y), 1.4)?;
            let kind = Type { across: Across::Left, room: column - GAP - KEY, ..Type::of(TYPE - 0.5) };
            canvas.text(named(name), x + KEY + 2.0, y, kind)?;
        }
        Ok(())
    })
}

fn draw_panel(canvas: &Canvas, panel: &Panel, (left, top): Point) -> Result<(), String> {
    let bold = Type { bold: true, across: Across::Left, room: SIDE, ..Type::of(7.0) };
    canvas.text(&panel.heading, left, top + TITLE / 2.0, bold)?;
    let top = top + TITLE;
    let (middle, bottom) = ((left + SIDE / 2.0, top + SIDE / 2.0), top + SIDE);
    canvas.frame((left, top), (left + SIDE, bottom), GRID, 0.7)?;
    match &panel.map {
        Map::Nothing(lines) => {
            let first = middle.1 - (lines.len() as f64 - 1.0) * 5.0;
            for (at, line) in lines.iter().enumerate() {
                let grey = Type { colour: GREY, room: SIDE - 8.0, ..Type::of(TYPE) };
                canvas.text(line, middle.0, first + at as f64 * 10.0, grey)?;
            }
            Ok(())
        }
        Map::Points(points, remark) => {
            let all = || points.iter().map(|(point, _)| point);
            let low = |axis: usize| all().map(|point| point[axis]).fold(f64::INFINITY, f64::min);
            let high = |axis: usize| all().map(|point| point[axis]).fold(f64::NEG_INFINITY, f64::max);
            // One scale for both directions: distances are what matters.
            let span = (high(0) - low(0)).max(high(1) - low(1)).max(f64::MIN_POSITIVE);
            let scale = (SIDE - 10.0) / span;
            let centre = [(low(0) + high(0)) / 2.0, (low(1) + high(1)) / 2.0];
            for (point, class) in points {
                let at =
                    (middle.0 + (point[0] - centre[0]) * scale, middle.1 - (point[1] - centre[1]) * scale);
                draw_mark(canvas, *class, at, 1.0)?;
            }
            let small = Type { colour: GREY, across: Across::Left, room: SIDE, ..Type::of(5.5) };
            canvas.text(remark, left, bottom + FOOT / 2.0 - 0.5, small)
        }
    }
}

fn draw_mark(canvas: &Canvas, class: usize, (x, y): Point, times: f64) -> Result<(), String> {
    let (mark, colour) = look(class);
    let r = MARK * times;
    let area = |points: &[Point]| {
        canvas.area(points.iter().map(|(dx, dy)| (x + dx * r, y + dy * r)).collect(), colour, 1.0)
    };
    let line = |from: Point, to: Point| {
        canvas.line((x + from.0 * r, y + from.1 * r), (x + to.0 * r, y + to.1 * r), colour, 0.8 * times)
    };
    match mark {
        Mark::Dot => canvas.dot((x, y), 0.9 * r, colour),
        Mark::Triangle => area(&[(0.0, -1.15), (1.1, 0.85), (-1.1, 0.85)]),
        Mark::Square => area(&[(-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)]),
        Mark::Diamond => area(&[(0.0, -1.25), (1.0, 0.0), (0.0, 1.25), (-1.0, 0.0)]),
        Mark::Ring => canvas.ring((x, y), 0.85 * r, colour, 0.7 * times),
        Mark::Cross => line((-0.85, -0.85), (0.85, 0.85)).and(line((-0.85, 0.85), (0.85, -0.85))),
        Mark::Plus => line((-1.1, 0.0), (1.1, 0.0)).and(line((0.0, -1.1), (0.0, 1.1))),
    }
}
