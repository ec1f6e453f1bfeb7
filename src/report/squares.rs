//! Squares of colour: a value between 0 and 1 for each pair of layers of two models.

use super::{
    canvas::{Canvas, GREY, GRID, INK, Type, figure, viridis},
    drawing::{Across, Drawing},
};

/// Rows of squares under one heading: all of one data set, scale and recipe.
pub(super) struct Block {
    /// The heading above them.
    pub(super) heading: String,
    pub(super) rows: Vec<Vec<Square>>,
}

/// All layers of one model beside all layers of another.
pub(super) struct Square {
    pub(super) heading: String,
    /// What the rows are, from below, and what the columns are.
    pub(super) axes: [String; 2],
    pub(super) values: Values,
}

/// What a square shows.
pub(super) enum Values {
    /// Row by row from the first layer of the first model; of pairs that cannot be compared there is none.
    Known(Vec<Vec<Option<f64>>>),
    /// Why there are none, in several lines.
    Nothing(Vec<String>),
}

const SIDE: f64 = 124.0;
/// The space for the labels of the vertical axis, and of the horizontal one.
const LABELS: (f64, f64) = (30.0, 26.0);
const GAP: f64 = 12.0;
const HEADING: f64 = 16.0;
const TITLE: f64 = 13.0;
const BAR: f64 = 36.0;
const TYPE: f64 = 6.0;
/// Ticks of an axis at most.
const TICKS: usize = 7;

/// The figure. `label` is the label of the colour bar.
pub(super) fn draw(blocks: &[Block], label: &str) -> Result<Drawing, String> {
    let across = blocks.iter().flat_map(|block| &block.rows).map(Vec::len).max().unwrap_or(0) as f64;
    let (wide, high) = (LABELS.0 + SIDE + GAP, TITLE + SIDE + LABELS.1);
    let rows: usize = blocks.iter().map(|block| block.rows.len()).sum();
    let height = blocks.len() as f64 * HEADING + rows as f64 * high + 4.0;
    figure(across * wide + BAR, height, |canvas| {
        let mut top = 0.0;
        for block in blocks {
            let room = across * wide + BAR - 12.0;
            let grey = Type { across: Across::Left, colour: GREY, room, ..Type::of(6.5) };
            canvas.text(&block.heading, 6.0, top + HEADING / 2.0, grey)?;
            top += HEADING;
            for row in &block.rows {
                for (at, square) in row.iter().enumerate() {
                    draw_square(canvas, square, (at as f64 * wide + LABELS.0, top + TITLE))?;
                }
                top += high;
            }
        }
        bar(canvas, (across * wide + 2.0, HEADING + TITLE), label)
    })
}

fn draw_square(canvas: &Canvas, square: &Square, (left, top): (f64, f64)) -> Result<(), String> {
    let (right, bottom) = (left + SIDE, top + SIDE);
    let bold = Type { bold: true, across: Across::Left, room: SIDE + GAP, ..Type::of(7.0) };
    canvas.text(&square.heading, left, top - TITLE / 2.0, bold)?;
    let [of_rows, of_columns] = &square.axes;
    let name = Type { room: SIDE, ..Type::of(TYPE) };
    canvas.text(of_columns, (left + right) / 2.0, bottom + 17.0, name)?;
    canvas.text(of_rows, left - 20.0, (top + bottom) / 2.0, Type { turned: true, ..name })?;
    let values = match &square.values {
        Values::Known(values) => values,
        Values::Nothing(lines) => {
            canvas.frame((left, top), (right, bottom), GRID, 0.7)?;
            let first = (top + bottom) / 2.0 - (lines.len() as f64 - 1.0) * 5.0;
            for (at, line) in lines.iter().enumerate() {
                let grey = Type { colour: GREY, room: SIDE - 6.0, ..Type::of(6.5) };
                canvas.text(line, (left + right) / 2.0, first + at as f64 * 10.0, grey)?;
            }
            return Ok(());
        }
    };
    let cell = |count: usize| SIDE / count.max(1) as f64;
    let tall = cell(values.len());
    for (at, row) in values.iter().enumerate() {
        let (y, wide) = (bottom - (at + 1) as f64 * tall, cell(row.len()));
        for (at, value) in row.iter().enumerate() {
            let x = left + at as f64 * wide;
            let colour = value.filter(|value| !value.is_nan()).map_or(GRID, viridis);
            // Cells overlap a little, or hairlines would show between them.
            let to = ((x + wide + 0.15).min(right), (y + tall + 0.15).min(bottom));
            canvas.fill((x, y), to, colour)?;
        }
    }
    canvas.frame((left, top), (right, bottom), INK, 0.5)?;
    for (layer, count, upright) in [values.len(), values.first().map_or(0, Vec::len)]
        .into_iter()
        .zip([true, false])
        .flat_map(|(count, upright)| ticks(count).map(move |layer| (layer, count, upright)))
    {
        let place = (layer as f64 + 0.5) * cell(count);
        let text = layer.to_string();
        if upright {
            let y = bottom - place;
            canvas.line((left - 2.5, y), (left, y), INK, 0.5)?;
            canvas.text(&text, left - 4.0, y, Type { across: Across::Right, ..Type::of(TYPE) })?;
        } else {
            canvas.line((left + place, bottom), (left + place, bottom + 2.5), INK, 0.5)?;
            canvas.text(&text, left + place, bottom + 7.5, Type::of(TYPE))?;
        }
    }
    Ok(())
}

/// Evenly spaced numbers of layers, from 0.
fn ticks(count: usize) -> impl Iterator<Item = usize> {
    let step = [1, 2, 4, 6, 8, 12].into_iter().find(|step| count.div_ceil(*step) <= TICKS).unwrap_or(24);
    (0..count).step_by(step)
}

fn bar(canvas: &Canvas, (left, top): (f64, f64), label: &str) -> Result<(), String> {
    let (right, bottom, steps) = (left + 8.0, top + SIDE, 128);
    for step in 0..steps {
        let [low, high] = [step, step + 1].map(|step| f64::from(step) / f64::from(steps));
        let (from, to) = ((left, bottom - SIDE * high), (right, (bottom - SIDE * low + 0.3).min(bottom)));
        canvas.fill(from, to, viridis((low + high) / 2.0))?;
    }
    canvas.frame((left, top), (right, bottom), INK, 0.5)?;
    for tick in 0..=5 {
        let y = bottom - SIDE * f64::from(tick) / 5.0;
        canvas.line((right, y), (right + 2.5, y), INK, 0.5)?;
        let kind = Type { across: Across::Left, ..Type::of(TYPE) };
        canvas.text(&format!("{:.1}", f64::from(tick) / 5.0), right + 4.0, y, kind)?;
    }
    canvas.text(label, right + 20.0, (top + bottom) / 2.0, Type { turned: true, ..Type::of(6.5) })
}
