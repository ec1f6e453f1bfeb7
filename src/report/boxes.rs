//! Box plots, a line per system: every value is a dot, the middle half a box, the mean a bar.

use super::canvas::{Canvas, GREY, GRID, INK, SKY, Type, figure, heading_width, named, width_of};
use super::drawing::{Across, Drawing};

/// Lines under one heading.
pub(super) struct Panel {
    pub(super) heading: String,
    pub(super) rows: Vec<Row>,
}

/// One system.
pub(super) struct Row {
    pub(super) name: String,
    /// Drawn in grey: a floor.
    pub(super) floor: bool,
    /// Between 0 and 1.
    pub(super) values: Vec<f64>,
}

const TYPE: f64 = 6.5;
const HEIGHT: f64 = 12.0;
const HEADING: f64 = 16.0;
const PLOT: f64 = 240.0;
const FOOT: f64 = 26.0;
/// Fewer values get no box.
const BOXED: usize = 4;

/// The figure. `label` is below each panel's axis, which always goes from 0 to 1.
pub(super) fn draw(panels: &[Panel], label: &str) -> Result<Drawing, String> {
    let names = panels.iter().flat_map(|panel| &panel.rows).map(|row| width_of(named(&row.name), TYPE));
    let left = names.fold(60.0, f64::max) + 12.0;
    let headings = panels.iter().map(|panel| left + heading_width(&panel.heading, TYPE) + 8.0);
    let width = headings.fold(left + PLOT + 34.0, f64::max);
    let height_of = |panel: &Panel| HEADING + panel.rows.len() as f64 * HEIGHT + FOOT;
    let height = panels.iter().map(height_of).sum();
    figure(width, height, |canvas| {
        let mut top = 0.0;
        for panel in panels {
            draw_panel(canvas, panel, (left, top), label)?;
            top += height_of(panel);
        }
        Ok(())
    })
}

fn draw_panel(canvas: &Canvas, panel: &Panel, (left, top): (f64, f64), label: &str) -> Result<(), String> {
    let x = |value: f64| left + value.clamp(0.0, 1.0) * PLOT;
    let kind = Type { across: Across::Left, colour: GREY, room: f64::INFINITY, ..Type::of(TYPE) };
    canvas.text(&panel.heading, left, top + HEADING / 2.0, kind)?;
    let top = top + HEADING;
    let bottom = top + panel.rows.len() as f64 * HEIGHT;
    for tick in 0..=5 {
        let at = x(f64::from(tick) / 5.0);
        canvas.line((at, top), (at, bottom), GRID, 0.5)?;
        canvas.line((at, bottom), (at, bottom + 2.5), INK, 0.7)?;
        canvas.text(&format!("{:.1}", f64::from(tick) / 5.0), at, bottom + 7.5, Type::of(6.0))?;
    }
    canvas.line((left, bottom), (left + PLOT, bottom), INK, 0.7)?;
    canvas.text(label, left + PLOT / 2.0, bottom + 17.0, Type::of(TYPE))?;
    for (at, row) in panel.rows.iter().enumerate() {
        let y = top + (at as f64 + 0.5) * HEIGHT;
        let colour = if row.floor { GREY } else { INK };
        canvas.text(
            named(&row.name),
            left - 6.0,
            y,
            Type { across: Across::Right, colour, ..Type::of(TYPE) },
        )?;
        let mut values = row.values.clone();
        values.sort_by(f64::total_cmp);
        if values.len() >= BOXED {
            let (low, high) = (x(quantile(&values, 0.25)), x(quantile(&values, 0.75)));
            canvas.fill((low, y - 3.4), (high, y + 3.4), SKY)?;
        }
        for value in &values {
            canvas.dot((x(*value), y), 1.5, if row.floor { GREY } else { INK })?;
        }
        if let Some(count) = (!values.is_empty()).then_some(values.len() as f64) {
            let mean = values.iter().sum::<f64>() / count;
            canvas.line((x(mean), y - 4.4), (x(mean), y + 4.4), colour, 1.2)?;
            let kind = Type { across: Across::Left, colour, ..Type::of(5.4) };
            canvas.text(&format!("{mean:.3}"), left + PLOT + 6.0, y, kind)?;
        }
    }
    Ok(())
}

/// The quantile of sorted values, interpolated linearly.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    sorted[below] + (sorted[above] - sorted[below]) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_straight_between_values() {
        assert_eq!(quantile(&[1.0, 2.0, 3.0, 4.0], 0.25), 1.75);
        assert_eq!(quantile(&[1.0, 2.0, 3.0, 4.0], 1.0), 4.0);
    }
}
