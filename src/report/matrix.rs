//! Confusion matrices. Rows are the truth and add up to 1.

use super::canvas::{Canvas, GREY, GRID, INK, Type, figure, heading_width, ink_on, named, viridis, width_of};
use super::drawing::{Across, Down, Drawing};

/// A row of matrices: one system.
pub(super) struct Line {
    pub(super) heading: String,
    pub(super) matrices: Vec<Matrix>,
}

/// One task.
pub(super) struct Matrix {
    pub(super) heading: String,
    pub(super) classes: Vec<String>,
    /// Row by row. The row of a class without images is NaN, and is drawn grey.
    pub(super) shares: Vec<f64>,
}

const HEADING: f64 = 16.0;
const TYPE: f64 = 6.0;
/// The side of a matrix in points, and the smallest size of its cells.
const MATRIX_SIDE: f64 = 92.0;
const MIN_CELL: f64 = 6.0;
/// Smaller cells get no numbers.
const NUMBERED: f64 = 11.0;
const GAP: f64 = 12.0;
/// The width for a class's name.
const NAME: f64 = 76.0;

/// Matrices per row; further ones continue below.
const ACROSS: usize = 5;

/// The figure.
pub(super) fn draw(lines: &[Line]) -> Result<Drawing, String> {
    let parts: Vec<(&str, &[Matrix])> = lines
        .iter()
        .flat_map(|line| {
            let parts = line.matrices.chunks(ACROSS).enumerate();
            parts.map(|(at, part)| (if at == 0 { line.heading.as_str() } else { "" }, part))
        })
        .collect();
    let heading_of = |heading: &str| if heading.is_empty() { 2.0 } else { HEADING };
    let wide = |(heading, matrices): &(&str, &[Matrix])| {
        let matrices = matrices.iter().map(|one| place(one).0).sum::<f64>() + 4.0;
        matrices.max(heading_width(heading, TYPE + 0.5) + 16.0)
    };
    let high = |(heading, matrices): &(&str, &[Matrix])| {
        heading_of(heading) + matrices.iter().map(|one| place(one).1).fold(0.0, f64::max)
    };
    let width = parts.iter().map(wide).fold(0.0, f64::max);
    figure(width, parts.iter().map(high).sum(), |canvas| {
        let mut top = 0.0;
        for part in &parts {
            let (heading, matrices) = part;
            let kind = Type { across: Across::Left, bold: true, room: f64::INFINITY, ..Type::of(TYPE + 0.5) };
            canvas.text(heading, 4.0, top + HEADING / 2.0, kind)?;
            let mut left = 4.0;
            for matrix in *matrices {
                draw_matrix(canvas, matrix, (left, top + heading_of(heading)))?;
                left += place(matrix).0;
            }
            top += high(part);
        }
        Ok(())
    })
}

/// The side of a cell.
fn cell(matrix: &Matrix) -> f64 {
    (MATRIX_SIDE / matrix.classes.len().max(1) as f64).max(MIN_CELL)
}

fn names(matrix: &Matrix) -> f64 {
    let widest = matrix.classes.iter().map(|name| width_of(named(name), TYPE)).fold(0.0, f64::max);
    widest.min(NAME) + 4.0
}

/// Width and height with labels and margins.
fn place(matrix: &Matrix) -> (f64, f64) {
    let side = cell(matrix) * matrix.classes.len() as f64;
    (names(matrix) + side.max(width_of(&matrix.heading, TYPE)) + GAP, 12.0 + side + names(matrix) + GAP)
}

fn draw_matrix(canvas: &Canvas, matrix: &Matrix, (left, top): (f64, f64)) -> Result<(), String> {
    let (cell, count) = (cell(matrix), matrix.classes.len());
    let (left, top) = (left + names(matrix), top + 12.0);
    let bottom = top + cell * count as f64;
    let small = Type { colour: GREY, across: Across::Left, down: Down::Bottom, ..Type::of(TYPE) };
    canvas.text(&matrix.heading, left, top - 2.5, small)?;
    for (at, name) in matrix.classes.iter().enumerate() {
        let middle = (at as f64 + 0.5) * cell;
        let points = TYPE.min(cell);
        let kind = Type { across: Across::Right, room: NAME, ..Type::of(points) };
        canvas.text(named(name), left - 3.0, top + middle, kind)?;
        canvas.text(named(name), left + middle, bottom + 3.0, Type { turned: true, ..kind })?;
    }
    for (at, share) in matrix.shares.iter().enumerate() {
        let (x, y) = (left + (at % count) as f64 * cell, top + (at / count) as f64 * cell);
        let colour = if share.is_nan() { GRID } else { viridis(*share) };
        // Cells overlap a little, or hairlines would show between them.
        canvas.fill((x, y), (x + cell + 0.1, y + cell + 0.1), colour)?;
        if cell >= NUMBERED && !share.is_nan() {
            let text = format!("{share:.2}");
            let kind = Type { colour: ink_on(colour), ..Type::of(4.6) };
            canvas.text(text.trim_start_matches('0'), x + cell / 2.0, y + cell / 2.0, kind)?;
        }
    }
    canvas.frame((left, top), (left + cell * count as f64, bottom), INK, 0.5)
}
