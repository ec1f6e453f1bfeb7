//! Differences with their intervals, one below the other: a forest plot.

use super::canvas::{Canvas, GREY, GRID, INK, Type, figure, width_of};
use super::drawing::{Across, Drawing, Rgb};

/// One interval.
pub(super) struct Line {
    /// Lines of one heading are drawn together.
    pub(super) heading: String,
    pub(super) name: String,
    /// The text at the right.
    pub(super) verdict: String,
    /// Drawn in grey: a control.
    pub(super) grey: bool,
    pub(super) mean: f64,
    pub(super) interval: Option<(f64, f64)>,
    /// The single values behind the mean.
    pub(super) dots: Vec<f64>,
}

const TYPE: f64 = 6.5;
const HEIGHT: f64 = 11.0;
const HEADING: f64 = 13.0;
const PLOT: f64 = 200.0;
const TOP: f64 = 6.0;

/// The figure. `label` is below the axis.
pub(super) fn draw(lines: &[Line], label: &str) -> Result<Drawing, String> {
    let ends = lines.iter().flat_map(|line| {
        let (low, high) = line.interval.unwrap_or((line.mean, line.mean));
        line.dots.iter().copied().chain([low, high])
    });
    let (low, high) = ends.fold((0.0f64, 0.0f64), |(low, high), x| (low.min(x), high.max(x)));
    let step =
        [0.01, 0.02, 0.05, 0.1, 0.2, 0.5].into_iter().find(|step| (high - low) / step <= 8.0).unwrap_or(1.0);
    let (first, last) = ((low / step).floor() as i32, (high / step).ceil() as i32);
    let (from, to) = (f64::from(first) * step, f64::from(last) * step);
    let widest =
        |texts: &mut dyn Iterator<Item = &String>| texts.map(|text| width_of(text, TYPE)).fold(0.0, f64::max);
    let names = 10.0 + widest(&mut lines.iter().map(|line| &line.name)).max(80.0);
    let verdicts = widest(&mut lines.iter().map(|line| &line.verdict));
    let headings = lines.chunk_by(|a, b| a.heading == b.heading).count();
    let bottom = TOP + headings as f64 * HEADING + lines.len() as f64 * HEIGHT + 2.0;
    let (left, right) = (names + 8.0, names + 8.0 + PLOT);
    let x = |value: f64| left + (value - from) / (to - from).max(1e-9) * PLOT;
    figure(right + 10.0 + verdicts, bottom + 28.0, |canvas| {
        for tick in first..=last {
            let value = f64::from(tick) * step;
            let colour = if tick == 0 { INK } else { GRID };
            canvas.line((x(value), TOP), (x(value), bottom), colour, if tick == 0 { 0.7 } else { 0.5 })?;
            let text = if tick == 0 { "0".into() } else { format!("{value:+.2}").replace('-', "−") };
            canvas.text(&text, x(value), bottom + 7.0, Type::of(6.0))?;
        }
        canvas.text(label, (left + right) / 2.0, bottom + 18.0, Type::of(TYPE))?;
        let mut y = TOP;
        for group in lines.chunk_by(|a, b| a.heading == b.heading) {
            let kind = Type { across: Across::Left, bold: true, ..Type::of(TYPE) };
            canvas.text(&group[0].heading, 2.0, y + HEADING / 2.0 + 1.0, kind)?;
            y += HEADING;
            for line in group {
                draw_line(canvas, line, (y + HEIGHT / 2.0, names, right), &x)?;
                y += HEIGHT;
            }
        }
        Ok(())
    })
}

fn draw_line(
    canvas: &Canvas,
    line: &Line,
    (y, names, right): (f64, f64, f64),
    x: &dyn Fn(f64) -> f64,
) -> Result<(), String> {
    let colour = if line.grey { GREY } else { INK };
    canvas.text(&line.name, names, y, Type { across: Across::Right, colour, ..Type::of(TYPE) })?;
    // Below the line, which would otherwise hide them.
    for dot in &line.dots {
        let at = x(*dot);
        canvas.fill((at - 0.8, y + 3.0), (at + 0.8, y + 4.6), Rgb(150, 150, 150))?;
    }
    if let Some((low, high)) = line.interval {
        canvas.line((x(low), y), (x(high), y), colour, 1.1)?;
        for end in [low, high] {
            canvas.line((x(end), y - 2.2), (x(end), y + 2.2), colour, 1.1)?;
        }
    }
    let at = x(line.mean);
    canvas.fill((at - 2.0, y - 2.0), (at + 2.0, y + 2.0), colour)?;
    canvas.text(&line.verdict, right + 8.0, y, Type { across: Across::Left, colour, ..Type::of(6.0) })
}
