//! Per-class scores as a heatmap: a row for each system, a column for each class of each task.

use super::canvas::{Canvas, GREY, INK, Type, figure, ink_on, named, viridis, width_of};
use super::drawing::{Across, Down, Drawing, WHITE};
use std::ops::Range;

/// Rows under one heading: all of one data set, scale and protocol.
pub(super) struct Panel {
    /// The heading above the rows; empty if there is only one panel.
    pub(super) heading: String,
    /// Systems.
    pub(super) rows: Vec<Row>,
}

/// One system.
pub(super) struct Row {
    /// Its name.
    pub(super) name: String,
    /// Drawn in grey: a floor.
    pub(super) floor: bool,
    /// Drawn in bold: the best.
    pub(super) best: bool,
    /// One value between 0 and 1 for each column, or a hole.
    pub(super) values: Vec<Option<f64>>,
}

/// One class of one task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    /// The task as written above its classes.
    pub(super) group: String,
    /// The class.
    pub(super) name: String,
}

const CELL: (f64, f64) = (13.4, 15.0);
const TOP: f64 = 16.0;
const HEADING: f64 = 15.0;
const ROW_TYPE: f64 = 7.0;
const CLASS_TYPE: f64 = 6.0;
const BAR: f64 = 52.0;

/// Further columns continue below.
const COLUMNS: usize = 64;
/// The gap between two rows of columns.
const BETWEEN: f64 = 22.0;

/// The figure. `label` is the label of the colour bar: `F1 score`.
pub(super) fn draw(panels: &[Panel], columns: &[Column], label: &str) -> Result<Drawing, String> {
    let names = panels.iter().flat_map(|panel| &panel.rows).map(|row| width_of(named(&row.name), ROW_TYPE));
    let left = names.fold(48.0, f64::max) + 10.0;
    let parts = parts(columns);
    let class = |column: &Column| width_of(named(&column.name), CLASS_TYPE);
    let classes: Vec<f64> =
        parts.iter().map(|part| columns[part.clone()].iter().map(class).fold(0.0, f64::max)).collect();
    let body = panels.iter().map(|panel| panel.rows.len() as f64 * CELL.1 + heading_of(panel)).sum::<f64>();
    let wide = parts.iter().map(ExactSizeIterator::len).max().unwrap_or(0);
    let right = left + wide as f64 * CELL.0;
    let height: f64 = classes.iter().map(|classes| TOP + body + classes + 12.0).sum();
    figure(right + BAR, height + (parts.len() - 1) as f64 * (BETWEEN - 12.0), |canvas| {
        let mut above = 0.0;
        for (part, classes) in parts.iter().zip(&classes) {
            let columns = &columns[part.clone()];
            groups(canvas, columns, (left, above + TOP))?;
            let mut top = above + TOP;
            for panel in panels {
                let heading = heading_of(panel);
                if heading > 0.0 {
                    let kind = Type {
                        across: Across::Left,
                        colour: GREY,
                        room: f64::INFINITY,
                        ..Type::of(CLASS_TYPE)
                    };
                    canvas.text(&panel.heading, left + 1.0, top + heading / 2.0, kind)?;
                }
                top += heading;
                rows(canvas, panel, (columns, part.start), (left, top))?;
                top += panel.rows.len() as f64 * CELL.1;
            }
            for (at, column) in columns.iter().enumerate() {
                let x = left + (at as f64 + 0.5) * CELL.0;
                canvas.line((x, top), (x, top + 2.5), INK, 0.5)?;
                let kind = Type { across: Across::Right, turned: true, ..Type::of(CLASS_TYPE) };
                canvas.text(named(&column.name), x, top + 4.5, kind)?;
            }
            above = top + classes + BETWEEN;
        }
        // The bar stays short if there are many panels.
        let bar_bottom = (TOP + body).min(TOP + heading_of(&panels[0]) + 8.0 * CELL.1);
        bar(canvas, (right + 12.0, TOP + heading_of(&panels[0])), bar_bottom, label)
    })
}

/// Splits the columns into rows that fit, keeping groups together where possible.
fn parts(columns: &[Column]) -> Vec<Range<usize>> {
    let mut parts: Vec<Range<usize>> = vec![];
    for (first, end) in runs(columns) {
        for first in (first..end).step_by(COLUMNS) {
            let end = end.min(first + COLUMNS);
            match parts.last_mut() {
                Some(last) if end - last.start <= COLUMNS => last.end = end,
                _ => parts.push(first..end),
            }
        }
    }
    parts
}

fn heading_of(panel: &Panel) -> f64 {
    if panel.heading.is_empty() { 0.0 } else { HEADING }
}

/// First and last column of each run of equal groups.
fn runs(columns: &[Column]) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (at, column) in columns.iter().enumerate() {
        match runs.last_mut() {
            Some((first, end)) if columns[*first].group == column.group => *end = at + 1,
            _ => runs.push((at, at + 1)),
        }
    }
    runs
}

fn groups(canvas: &Canvas, columns: &[Column], (left, top): (f64, f64)) -> Result<(), String> {
    for (first, end) in runs(columns) {
        let (from, to) = (left + first as f64 * CELL.0, left + end as f64 * CELL.0);
        canvas.line((from + 1.0, top - 3.0), (to - 1.0, top - 3.0), INK, 0.6)?;
        let room = (to - from).max(CELL.0 * 2.0);
        let kind = Type { down: Down::Bottom, bold: true, room, ..Type::of(CLASS_TYPE) };
        canvas.text(&columns[first].group, (from + to) / 2.0, top - 5.5, kind)?;
    }
    Ok(())
}

fn rows(
    canvas: &Canvas,
    panel: &Panel,
    (columns, from): (&[Column], usize),
    (left, top): (f64, f64),
) -> Result<(), String> {
    for (at, row) in panel.rows.iter().enumerate() {
        let y = top + at as f64 * CELL.1;
        let colour = if row.floor { GREY } else { INK };
        let kind = Type { across: Across::Right, colour, bold: row.best, ..Type::of(ROW_TYPE) };
        canvas.text(named(&row.name), left - 5.0, y + CELL.1 / 2.0, kind)?;
        for (at, value) in row.values[from..][..columns.len()].iter().enumerate() {
            let x = left + at as f64 * CELL.0;
            let middle = (x + CELL.0 / 2.0, y + CELL.1 / 2.0);
            let Some(value) = value else {
                canvas.text("·", middle.0, middle.1, Type { colour: GREY, ..Type::of(CLASS_TYPE) })?;
                continue;
            };
            let colour = viridis(*value);
            canvas.fill((x, y), (x + CELL.0, y + CELL.1), colour)?;
            let text = format!("{value:.2}");
            let kind = Type { colour: ink_on(colour), ..Type::of(5.2) };
            canvas.text(text.trim_start_matches('0'), middle.0, middle.1, kind)?;
        }
    }
    let bottom = top + panel.rows.len() as f64 * CELL.1;
    for (first, _) in runs(columns).into_iter().skip(1) {
        let x = left + first as f64 * CELL.0;
        canvas.line((x, top), (x, bottom), WHITE, 1.6)?;
    }
    // A gap between trained models and floors.
    let trained = panel.rows.iter().filter(|row| !row.floor).count();
    if trained > 0 && trained < panel.rows.len() {
        let (y, right) = (top + trained as f64 * CELL.1, left + columns.len() as f64 * CELL.0);
        canvas.line((left, y), (right, y), WHITE, 1.6)?;
    }
    Ok(())
}

fn bar(canvas: &Canvas, (left, top): (f64, f64), bottom: f64, label: &str) -> Result<(), String> {
    let (right, height, steps) = (left + 8.0, bottom - top, 128);
    for step in 0..steps {
        let [low, high] = [step, step + 1].map(|step| f64::from(step) / f64::from(steps));
        // Steps overlap a little, or hairlines would show between them.
        let (from, to) = ((left, bottom - height * high), (right, bottom - height * low + 0.3));
        canvas.fill(from, to, viridis((low + high) / 2.0))?;
    }
    canvas.frame((left, top), (right, bottom), INK, 0.5)?;
    for tick in 0..=5 {
        let y = bottom - height * f64::from(tick) / 5.0;
        canvas.line((right, y), (right + 2.5, y), INK, 0.5)?;
        let kind = Type { across: Across::Left, ..Type::of(CLASS_TYPE) };
        canvas.text(&format!("{:.1}", f64::from(tick) / 5.0), right + 4.0, y, kind)?;
    }
    canvas.text(label, right + 22.0, (top + bottom) / 2.0, Type { turned: true, ..Type::of(6.5) })
}
