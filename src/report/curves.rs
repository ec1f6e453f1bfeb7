//! Curves with bands: a value over steps, a line per system.

use super::canvas::{
    BLUE, Canvas, GREEN, GREY, GRID, INK, ORANGE, PURPLE, SKY, Type, VERMILLION, figure, heading_width,
};
use super::drawing::{Across, Drawing, Rgb};
use super::legend::Legend;

/// Lines under one heading.
pub(super) struct Panel {
    pub(super) heading: String,
    pub(super) lines: Vec<Line>,
}

/// One system.
pub(super) struct Line {
    pub(super) name: String,
    /// Step, mean, and half the height of the band; in the order of steps.
    pub(super) points: Vec<(f64, f64, f64)>,
}

const TYPE: f64 = 6.5;
const LEFT: f64 = 44.0;
const PLOT: (f64, f64) = (300.0, 150.0);
const HEADING: f64 = 16.0;
const FOOT: f64 = 30.0;
/// Values that differ by more than this factor get a logarithmic axis.
const LOGARITHMIC: f64 = 30.0;

/// A line's colour; lines after the last colour are grey.
fn colour(line: usize) -> Rgb {
    [BLUE, VERMILLION, GREEN, ORANGE, SKY, PURPLE, INK].get(line).copied().unwrap_or(GREY)
}

/// The figure. `label` is the label of the axis.
pub(super) fn draw(panels: &[Panel], label: &str) -> Result<Drawing, String> {
    let headings = panels.iter().map(|panel| LEFT + heading_width(&panel.heading, TYPE) + 8.0);
    let width = headings.fold(LEFT + PLOT.0 + 16.0, f64::max);
    let legends: Vec<Legend> = panels
        .iter()
        .map(|panel| {
            let items = panel.lines.iter().enumerate().map(|(at, line)| (line.name.clone(), colour(at)));
            Legend::new(&items.collect::<Vec<_>>(), width - 16.0)
        })
        .collect();
    let height = legends.iter().map(|legend| HEADING + PLOT.1 + FOOT + legend.height()).sum();
    figure(width, height, |canvas| {
        let mut top = 0.0;
        for (panel, legend) in panels.iter().zip(&legends) {
            let kind = Type { across: Across::Left, colour: GREY, room: f64::INFINITY, ..Type::of(TYPE) };
            canvas.text(&panel.heading, LEFT, top + HEADING / 2.0, kind)?;
            let scale = Scale::of(panel, top + HEADING);
            scale.axes(canvas, label)?;
            for (at, line) in panel.lines.iter().enumerate().rev() {
                scale.line(canvas, line, colour(at))?;
            }
            legend.draw(canvas, (8.0, top + HEADING + PLOT.1 + FOOT))?;
            top += HEADING + PLOT.1 + FOOT + legend.height();
        }
        Ok(())
    })
}

/// Maps values to positions on the sheet.
struct Scale {
    top: f64,
    steps: (f64, f64),
    values: (f64, f64),
    logarithmic: bool,
}

impl Scale {
    fn of(panel: &Panel, top: f64) -> Self {
        let points =
            || panel.lines.iter().flat_map(|line| &line.points).filter(|(_, mean, _)| mean.is_finite());
        let end = |values: &mut dyn Iterator<Item = f64>, pick: fn(f64, f64) -> f64| values.reduce(pick);
        let steps = (
            end(&mut points().map(|point| point.0), f64::min).unwrap_or(0.0),
            end(&mut points().map(|point| point.0), f64::max).unwrap_or(1.0),
        );
        let low = end(&mut points().map(|(_, mean, half)| mean - half), f64::min).unwrap_or(0.0);
        let high = end(&mut points().map(|(_, mean, half)| mean + half), f64::max).unwrap_or(1.0);
        let least = end(&mut points().map(|point| point.1), f64::min).unwrap_or(0.0);
        let logarithmic = least > 0.0 && high / least > LOGARITHMIC;
        let (low, high) =
            if logarithmic { (least.min(low.max(least / 2.0)).log10(), high.log10()) } else { (low, high) };
        let room = if high > low { 0.04 * (high - low) } else { 0.5 };
        Self { top, steps, values: (low - room, high + room), logarithmic }
    }

    fn x(&self, step: f64) -> f64 {
        LEFT + (step - self.steps.0) / (self.steps.1 - self.steps.0).max(f64::MIN_POSITIVE) * PLOT.0
    }

    fn y(&self, value: f64) -> f64 {
        let value = if self.logarithmic { value.max(f64::MIN_POSITIVE).log10() } else { value };
        let share = (value - self.values.0) / (self.values.1 - self.values.0);
        self.top + (1.0 - share.clamp(0.0, 1.0)) * PLOT.1
    }

    fn axes(&self, canvas: &Canvas, label: &str) -> Result<(), String> {
        let bottom = self.top + PLOT.1;
        let marks: Vec<f64> = match self.logarithmic {
            true => powers(self.values),
            false => ticks(self.values),
        };
        for value in marks {
            let y = self.y(value);
            canvas.line((LEFT, y), (LEFT + PLOT.0, y), GRID, 0.5)?;
            let kind = Type { across: Across::Right, ..Type::of(6.0) };
            canvas.text(&short(value), LEFT - 4.5, y, kind)?;
        }
        for step in ticks(self.steps) {
            let x = self.x(step);
            canvas.line((x, bottom), (x, bottom + 2.5), INK, 0.7)?;
            canvas.text(&short(step), x, bottom + 7.5, Type::of(6.0))?;
        }
        canvas.line((LEFT, self.top), (LEFT, bottom), INK, 0.7)?;
        canvas.line((LEFT, bottom), (LEFT + PLOT.0, bottom), INK, 0.7)?;
        canvas.text("step", LEFT + PLOT.0 / 2.0, bottom + 18.0, Type::of(TYPE))?;
        canvas.text(label, 8.0, self.top + PLOT.1 / 2.0, Type { turned: true, ..Type::of(TYPE) })
    }

    fn line(&self, canvas: &Canvas, line: &Line, colour: Rgb) -> Result<(), String> {
        // A value that is not a number breaks the line.
        for part in line.points.split(|(_, mean, _)| !mean.is_finite()) {
            let upper = part.iter().map(|(step, mean, half)| (self.x(*step), self.y(mean + half)));
            let lower = part.iter().rev().map(|(step, mean, half)| (self.x(*step), self.y(mean - half)));
            if part.iter().any(|(.., half)| *half > 0.0) {
                canvas.area(upper.chain(lower).collect(), colour, 0.2)?;
            }
            canvas.path(
                part.iter().map(|(step, mean, _)| (self.x(*step), self.y(*mean))).collect(),
                colour,
                1.1,
            )?;
        }
        Ok(())
    }
}

/// About five round numbers in this range.
fn ticks((low, high): (f64, f64)) -> Vec<f64> {
    let rough = (high - low) / 5.0;
    if !(rough.is_finite() && rough > 0.0) {
        return vec![low];
    }
    let unit = 10f64.powf(rough.log10().floor());
    let step =
        [1.0, 2.0, 5.0, 10.0].into_iter().map(|n| n * unit).find(|step| *step >= rough).unwrap_or(rough);
    let first = (low / step).ceil() as i64;
    (first..).map(|at| at as f64 * step).take_while(|value| *value <= high).collect()
}

/// 1, 2 and 5 times each power of ten between two logarithms.
fn powers((low, high): (f64, f64)) -> Vec<f64> {
    let all = (low.floor() as i32..=high.ceil() as i32)
        .flat_map(|power| [1.0, 2.0, 5.0].map(|n| n * 10f64.powi(power)));
    let between: Vec<f64> = all.filter(|value| (low..=high).contains(&value.log10())).collect();
    let round = |value: &&f64| value.log10().fract().abs() < 1e-9;
    if between.len() > 9 { between.iter().filter(round).copied().collect() } else { between }
}

/// The value with as few digits as it needs.
fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        10_000.0.. if value % 1000.0 == 0.0 => format!("{} k", value / 1000.0),
        0.001.. => {
            let text = format!("{value:.4}");
            text.trim_end_matches('0').trim_end_matches('.').into()
        }
        _ => format!("{value:.0e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_have_round_numbers() {
        assert_eq!(ticks((0.13, 1.07)), [0.2, 0.4, 0.6000000000000001, 0.8, 1.0]);
        assert_eq!(ticks((3.0, 3.0)), [3.0]);
        assert_eq!(powers((-1.2, 0.4)), [0.1, 0.2, 0.5, 1.0, 2.0]);
        assert_eq!(
            [short(0.6000000000000001), short(12_000.0), short(1e-5), short(0.0)],
            ["0.6", "12 k", "1e-5", "0"]
        );
    }
}
