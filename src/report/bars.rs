//! Bars in groups: a group for each task, a bar for each system, deviations over seeds as three short lines.

use super::canvas::{Canvas, GREY, GRID, INK, Type, figure, heading_width};
use super::drawing::{Across, Down, Drawing, Rgb};
use super::legend::Legend;

/// Groups next to each other: all of one data set, scale and protocol.
pub(super) struct Panel {
    /// The heading above them.
    pub(super) heading: String,
    pub(super) groups: Vec<Group>,
}

/// The bars of one task.
pub(super) struct Group {
    /// The name below the bars.
    pub(super) name: String,
    /// The name below that, shared by neighbouring groups.
    pub(super) of: String,
    /// One per series, or a hole.
    pub(super) bars: Vec<Option<Bar>>,
}

/// One value between 0 and 1.
pub(super) struct Bar {
    pub(super) value: f64,
    /// Sample standard deviation over seeds, if there are several.
    pub(super) std: Option<f64>,
    /// The text above the bar.
    pub(super) label: String,
}

/// The width of a bar, and of each of many.
const BAR: (f64, f64) = (14.0, 10.5);
/// More series than this are many.
const FEW: usize = 4;
const GAP: f64 = 10.0;
const LEFT: f64 = 34.0;
const HEADING: f64 = 20.0;
const HEIGHT: f64 = 110.0;
const NAMES: f64 = 30.0;
const TYPE: f64 = 6.5;

/// The axis of values, which begins at 0.
#[derive(Clone, Copy)]
pub(super) struct Axis<'a> {
    pub(super) label: &'a str,
    /// Its end: 1 where values are to be judged by themselves, less where small ones are to be told apart.
    pub(super) top: f64,
}

impl<'a> Axis<'a> {
    /// From 0 to 1.
    pub(super) fn whole(label: &'a str) -> Self {
        Self { label, top: 1.0 }
    }

    /// As long as these values need.
    pub(super) fn for_values(label: &'a str, values: impl Iterator<Item = f64>) -> Self {
        let most = values.fold(0.0, f64::max);
        Self { label, top: [0.1, 0.25, 0.5].into_iter().find(|top| most <= *top).unwrap_or(1.0) }
    }

    /// Its ticks, with their texts.
    pub(super) fn ticks(self) -> impl Iterator<Item = (f64, String)> {
        let digits = if self.top < 0.5 { 2 } else { 1 };
        (0..=5).map(move |tick| {
            let value = self.top * f64::from(tick) / 5.0;
            (value, format!("{value:.digits$}"))
        })
    }
}

/// The figure. `series` has a name and a colour for each bar of a group.
pub(super) fn draw(panels: &[Panel], series: &[(String, Rgb)], axis: Axis<'_>) -> Result<Drawing, String> {
    let bar = if series.len() > FEW { BAR.1 } else { BAR.0 };
    let group = series.len() as f64 * bar + GAP;
    let groups = panels.iter().map(|panel| panel.groups.len()).max().unwrap_or(0);
    let headings = panels.iter().map(|panel| LEFT + heading_width(&panel.heading, TYPE) + 8.0);
    let width = headings.fold(LEFT + groups as f64 * group + 8.0, f64::max);
    let legend = Legend::new(series, width - 16.0);
    let one = HEADING + HEIGHT + NAMES;
    let height = legend.height() + 6.0 + panels.len() as f64 * one;
    figure(width, height, |canvas| {
        legend.draw(canvas, (8.0, 4.0))?;
        for (at, panel) in panels.iter().enumerate() {
            let top = legend.height() + 6.0 + at as f64 * one;
            let kind = Type { across: Across::Left, colour: GREY, room: f64::INFINITY, ..Type::of(TYPE) };
            canvas.text(&panel.heading, LEFT, top + HEADING / 2.0, kind)?;
            let (top, bottom) = (top + HEADING, top + HEADING + HEIGHT);
            draw_axis(canvas, (top, bottom), LEFT + panel.groups.len() as f64 * group, axis)?;
            let colours: Vec<Rgb> = series.iter().map(|(_, colour)| *colour).collect();
            for (at, of) in panel.groups.iter().enumerate() {
                bars(canvas, of, &colours, (LEFT + at as f64 * group, bottom), (bar, axis.top))?;
            }
            shared_names(canvas, &panel.groups, group, bottom)?;
        }
        Ok(())
    })
}

fn draw_axis(canvas: &Canvas, (top, bottom): (f64, f64), right: f64, axis: Axis<'_>) -> Result<(), String> {
    for (value, text) in axis.ticks() {
        let y = bottom - HEIGHT * value / axis.top;
        if value > 0.0 {
            canvas.line((LEFT, y), (right, y), GRID, 0.5)?;
        }
        canvas.line((LEFT - 2.5, y), (LEFT, y), INK, 0.7)?;
        let kind = Type { across: Across::Right, ..Type::of(TYPE) };
        canvas.text(&text, LEFT - 4.5, y, kind)?;
    }
    canvas.line((LEFT, top), (LEFT, bottom), INK, 0.7)?;
    canvas.line((LEFT, bottom), (right, bottom), INK, 0.7)?;
    canvas.text(axis.label, 8.0, (top + bottom) / 2.0, Type { turned: true, ..Type::of(TYPE) })
}

fn bars(
    canvas: &Canvas,
    group: &Group,
    colours: &[Rgb],
    (left, bottom): (f64, f64),
    (wide, end): (f64, f64),
) -> Result<(), String> {
    for (at, (bar, colour)) in group.bars.iter().zip(colours).enumerate() {
        let x = left + GAP / 2.0 + at as f64 * wide;
        let middle = x + wide / 2.0;
        let Some(bar) = bar else {
            canvas.text("·", middle, bottom - 4.0, Type { colour: GREY, ..Type::of(TYPE) })?;
            continue;
        };
        let y = |value: f64| bottom - HEIGHT * (value / end).clamp(0.0, 1.0);
        canvas.fill((x + 0.5, y(bar.value)), (x + wide - 0.5, bottom), *colour)?;
        let mut above = y(bar.value);
        if let Some(std) = bar.std {
            let (low, high) = (y(bar.value - std), y(bar.value + std));
            canvas.line((middle, low), (middle, high), INK, 0.7)?;
            canvas.line((middle - 2.0, low), (middle + 2.0, low), INK, 0.7)?;
            canvas.line((middle - 2.0, high), (middle + 2.0, high), INK, 0.7)?;
            above = high;
        }
        let kind = Type { down: Down::Bottom, ..Type::of(4.4) };
        canvas.text(&bar.label, middle, above - 1.2, kind)?;
    }
    let middle = left + (GAP + colours.len() as f64 * wide) / 2.0;
    let room = GAP + colours.len() as f64 * wide - 2.0;
    canvas.text(&group.name, middle, bottom + 7.0, Type { room, ..Type::of(TYPE) })
}

/// A rule below each run of groups that share a name, and the name.
fn shared_names(canvas: &Canvas, groups: &[Group], wide: f64, bottom: f64) -> Result<(), String> {
    let mut first = 0;
    for end in 1..=groups.len() {
        if end < groups.len() && groups[end].of == groups[first].of {
            continue;
        }
        let (from, to) = (LEFT + first as f64 * wide + 2.0, LEFT + end as f64 * wide - 2.0);
        canvas.line((from, bottom + 13.5), (to, bottom + 13.5), INK, 0.6)?;
        canvas.text(
            &groups[first].of,
            (from + to) / 2.0,
            bottom + 20.0,
            Type { bold: true, room: to - from, ..Type::of(6.0) },
        )?;
        first = end;
    }
    Ok(())
}
