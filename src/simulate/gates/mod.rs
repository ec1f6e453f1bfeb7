//! Gates that a simulated data set must pass before any system is run on it: its labels are learnable, but
//! not trivially solvable.
//!
//! Numbered as in the simulator's design. Gate 5 is only complete with trained models; the part that needs
//! none (a constant guess is below hand-made features) is checked here. Gate 6 is for worlds of many sources.

mod features;
mod judge;
mod read;
mod realism;
mod screen;

use super::Error;
use super::jump::TABLE;
use super::plan::SETS;
use dichroic_ops::event::{Event, Listen};
use judge::{Discriminant, chance, constant, luck, macro_f1, nearest_others, one_nn};
use rayon::prelude::*;
use read::Cell;
use std::fmt;
use std::path::Path;

/// The criterion of a gate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bar {
    /// At most this much.
    AtMost(f64),
    /// At least this much.
    AtLeast(f64),
    /// Between the two.
    Within(f64, f64),
    /// No criterion: for information.
    Noted,
}

impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(bar) => write!(f, "at most {bar:.3}"),
            Self::AtLeast(bar) => write!(f, "at least {bar:.3}"),
            Self::Within(low, high) => write!(f, "{low:.2} to {high:.2}"),
            Self::Noted => write!(f, "noted"),
        }
    }
}

/// One gate with its measurement.
#[derive(Clone, Debug)]
pub struct Gate {
    /// Its number in the design.
    pub number: u8,
    /// What is measured, on which set.
    pub name: String,
    /// The criterion.
    pub bar: Bar,
    /// The measured value.
    pub found: f64,
}

impl Gate {
    /// Whether it passes.
    pub fn pass(&self) -> bool {
        match self.bar {
            Bar::AtMost(bar) => self.found <= bar,
            Bar::AtLeast(bar) => self.found >= bar,
            Bar::Within(low, high) => (low..=high).contains(&self.found),
            Bar::Noted => true,
        }
    }
}

/// All gates of a folder.
#[derive(Clone, Debug, Default)]
pub struct Gates {
    /// In order of number and set.
    pub gates: Vec<Gate>,
}

impl Gates {
    /// Whether all pass.
    pub fn pass(&self) -> bool {
        self.gates.iter().all(Gate::pass)
    }

    fn add(&mut self, number: u8, name: String, bar: Bar, found: f64) {
        self.gates.push(Gate { number, name, bar, found });
    }
}

/// Checks the simulated folder `root`.
///
/// # Errors
/// If the folder was not made by the simulator, or is incomplete; [`Error::Stopped`] if the listener asks to
/// stop.
pub fn check(root: &Path, listen: &mut dyn Listen) -> Result<Gates, Error> {
    if root.join(TABLE).is_file() {
        return screen::check(root, listen);
    }
    listen.receive(&Event::Began { what: "checking gates", unit: "set", total: SETS.len() as u64 });
    let mut gates = Gates::default();
    for (done, set) in SETS.iter().enumerate() {
        let cells = read::set(root, set.name)?;
        let known: Vec<&str> = set.splits[0].labels.iter().map(|label| label.0).collect();
        let (old, new): (Vec<&Cell>, Vec<&Cell>) =
            cells.iter().partition(|cell| known.contains(&cell.label.as_str()));
        labels(&mut gates, set.name, "", &old);
        if !new.is_empty() {
            labels(&mut gates, set.name, ", novel labels", &new);
        }
        floors(&mut gates, set.name, &old);
        sources(&mut gates, set.name, &cells);
        looks(&mut gates, set.name, &cells.iter().collect::<Vec<_>>());
        listen.receive(&Event::Advanced { done: done as u64 + 1, note: set.name });
        if listen.stop() {
            return Err(Error::Stopped);
        }
    }
    gates.gates.sort_by_key(|gate| gate.number);
    listen.receive(&Event::Ended);
    Ok(gates)
}

/// Gates 1 to 4 on cells that share a list of labels. The bars are about the world; in a sample of a few
/// hundred images, uninformative neighbours miss chance by a few hundredths, so two standard deviations of
/// this sampling error are granted: a larger sample is judged more strictly.
fn labels(gates: &mut Gates, set: &str, which: &str, cells: &[&Cell]) {
    let truth: Vec<&str> = cells.iter().map(|cell| cell.label.as_str()).collect();
    let lowest = chance(&truth);
    let (ceiling, clean) = discriminant(cells, &truth);
    let name = |what: &str| format!("{set}{which}: {what}");
    gates.add(4, name("linear discriminant on the true state, penetrant cells"), Bar::AtLeast(0.95), clean);
    gates.add(4, name("ceiling: macro-F1 of the discriminant on all cells"), Bar::Noted, ceiling);

    let mut tell = |number, what: &str, above: f64, feature: &(dyn Fn(&Cell) -> Vec<f64> + Sync)| {
        let features: Vec<Vec<f64>> = cells.par_iter().map(|cell| feature(cell)).collect();
        let neighbours = nearest_others(&features);
        let guess: Vec<&str> = neighbours.iter().map(|&n| truth[n]).collect();
        let bar = Bar::AtMost(lowest + above + 2.0 * luck(&truth, &neighbours));
        gates.add(number, name(what), bar, macro_f1(&truth, &guess));
    };
    let relational = set == "HPA";
    let above = if relational { 0.05 } else { 0.35 * (ceiling - lowest) };
    let each =
        |cell: &Cell, one: fn(&[u8]) -> Vec<f64>| cell.planes.iter().flat_map(|plane| one(plane)).collect();
    tell(1, "mean, SD, quantiles", above, &|cell| each(cell, features::moments));
    tell(1, "histograms of 64 bins", above, &|cell| each(cell, features::histogram));
    if relational {
        for channel in 0..cells[0].planes.len() {
            tell(2, &format!("channel {channel} alone"), 0.05, &|cell| features::channel(cell, channel));
        }
    }
    if set != "Allen" {
        tell(3, "label from corners", 0.03, &features::corners);
    }
}

/// Macro-F1 on all cells, and mean recall on those that show their label, of discriminants fitted to every
/// other cell and tested on the rest.
fn discriminant(cells: &[&Cell], truth: &[&str]) -> (f64, f64) {
    let judge = |wanted: &dyn Fn(&Cell) -> bool, even: bool| {
        let chosen: Vec<usize> = (0..cells.len()).filter(|&i| wanted(cells[i])).collect();
        let (fitted, judged): (Vec<usize>, Vec<usize>) = chosen.iter().partition(|&&i| i % 2 == 0);
        let points: Vec<&[f64]> = fitted.iter().map(|&i| &cells[i].truth[..]).collect();
        let labels: Vec<&str> = fitted.iter().map(|&i| truth[i]).collect();
        let model = Discriminant::fit(&points, &labels, even);
        let guess: Vec<&str> = judged.iter().map(|&i| model.guess(&cells[i].truth)).collect();
        let real: Vec<&str> = judged.iter().map(|&i| truth[i]).collect();
        (real, guess)
    };
    let (real, guess) = judge(&|_| true, false);
    let ceiling = macro_f1(&real, &guess);
    let (real, guess) = judge(&|cell| cell.penetrant, true);
    let mut recall = std::collections::BTreeMap::<&str, [f64; 2]>::new();
    for (r, g) in real.iter().zip(&guess) {
        let row = recall.entry(r).or_default();
        row[0] += f64::from(u8::from(r == g));
        row[1] += 1.0;
    }
    (ceiling, recall.values().map(|[hit, all]| hit / all).sum::<f64>() / recall.len().max(1) as f64)
}

/// Macro-F1 of a discriminant fitted to some points and tested on the rest.
fn discriminant_on(points: &[Vec<f64>], truth: &[&str], fitted: &[bool]) -> f64 {
    let (fit, rest): (Vec<usize>, Vec<usize>) = (0..points.len()).partition(|at| fitted[*at]);
    let own: Vec<&[f64]> = fit.iter().map(|at| &points[*at][..]).collect();
    let labels: Vec<&str> = fit.iter().map(|at| truth[*at]).collect();
    let model = Discriminant::fit(&own, &labels, true);
    let guess: Vec<&str> = rest.iter().map(|at| model.guess(&points[*at])).collect();
    let real: Vec<&str> = rest.iter().map(|at| truth[*at]).collect();
    macro_f1(&real, &guess)
}

/// Gate 5, the part without training.
fn floors(gates: &mut Gates, set: &str, cells: &[&Cell]) {
    let features: Vec<Vec<f64>> = cells.par_iter().map(|cell| features::hand_made(cell)).collect();
    let labels: Vec<&str> = cells.iter().map(|cell| cell.label.as_str()).collect();
    let references: Vec<bool> = cells.iter().map(|cell| cell.split == "Train").collect();
    let queries: Vec<usize> = (0..cells.len()).filter(|&i| cells[i].split == "Task_one").collect();
    let truth: Vec<&str> = queries.iter().map(|&i| labels[i]).collect();
    let found = macro_f1(&truth, &one_nn(&features, &labels, &references, &queries));
    gates.add(
        5,
        format!("{set}: hand-made features above a constant guess, Task_one"),
        Bar::AtLeast(constant(&truth)),
        found,
    );
}

/// The other half of gate 3: with more than one source, corners must identify the source.
fn sources(gates: &mut Gates, set: &str, cells: &[Cell]) {
    let sources: Vec<&str> = cells.iter().map(|cell| cell.source.as_str()).collect();
    if chance(&sources) < 1.0 {
        let corners: Vec<Vec<f64>> = cells.par_iter().map(features::corners).collect();
        let guess: Vec<&str> = nearest_others(&corners).into_iter().map(|n| sources[n]).collect();
        let found = macro_f1(&sources, &guess);
        gates.add(3, format!("{set}: source from corners"), Bar::AtLeast(0.95), found);
    }
}

/// Gate 7, on about a hundred cells, channel by channel.
fn looks(gates: &mut Gates, set: &str, cells: &[&Cell]) {
    let some: Vec<&Cell> = cells.iter().copied().step_by((cells.len() / 100).max(1)).collect();
    for channel in 0..cells.first().map_or(0, |cell| cell.planes.len()) {
        let looks: Vec<realism::Look> =
            some.par_iter().map(|cell| realism::look(&cell.planes[channel], cell.width)).collect();
        let at = |share: f64, of: &dyn Fn(&realism::Look) -> f64| {
            let mut values: Vec<f64> = looks.iter().map(of).collect();
            values.sort_by(f64::total_cmp);
            values[(share * (values.len() - 1) as f64) as usize]
        };
        let mut add = |what: &str, [low, high]: [f64; 2], found| {
            gates.add(7, format!("{set}: channel {channel}, {what}"), Bar::Within(low, high), found);
        };
        add("spectrum slope", realism::SLOPES, at(0.5, &|look| look.slope));
        add("signal to noise", realism::SIGNAL_TO_NOISE, at(0.5, &|look| look.signal_to_noise));
        add("saturation", realism::SATURATION, at(0.95, &|look| look.saturation));
    }
}
