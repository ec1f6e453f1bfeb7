//! Which directions of a paper hold: each ingredient against the same system without it, by simulated world.
//!
//! A direction *holds* if its interval over simulated worlds excludes 0 on the paper's side and the effect is
//! significantly smaller in the negative control, which removes the cause. An interval that includes 0 does
//! not prove that there is no effect.

use super::Shown;
use crate::evaluate::bootstrap::{OverSeeds, Seeds, Verdict, over_seeds};
use crate::papers::capitalised;
use crate::report::{
    forest,
    table::{Cell, Column, Kind, Row, Table, heads},
};
use std::collections::{BTreeMap, BTreeSet};

/// What is asked of the scores.
pub(super) struct Study<'a> {
    /// `CHAMMI's directions`.
    pub(super) title: &'a str,
    /// How large it is where it is simulated: `scale quick`.
    pub(super) scale: &'a str,
    /// `overall macro-F1`.
    pub(super) score: &'a str,
    pub(super) contrasts: &'a [Contrast],
    /// Notes below the table.
    pub(super) notes: Vec<String>,
    /// How to measure something, while nothing is.
    pub(super) how: &'a str,
}

/// One ingredient: the system with it, the system without it, and the paper's claim.
pub(super) struct Contrast {
    pub(super) words: &'static str,
    pub(super) with: &'static str,
    pub(super) without: &'static str,
    /// The paper's side: above or below the system without it; `None` if the published difference is within
    /// ±0.005.
    pub(super) claim: Option<Verdict>,
    /// The controls under which the effect should vanish, each with the verdict expected there.
    pub(super) controls: &'static [(&'static str, Verdict)],
}

/// A contrast under one of its controls.
pub(super) struct Controlled {
    name: &'static str,
    /// What was found there, if it was run.
    found: Option<Found>,
    expected: Verdict,
}

/// Where a score was measured: the scores in one group can be compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Group {
    /// Simulated worlds: the name of the control, or empty.
    Worlds(String),
    /// An own folder by name.
    Real(String),
}

/// The score of each system in each world (or seed) of a group.
pub(super) type Scores = BTreeMap<Group, BTreeMap<String, BTreeMap<String, f64>>>;

/// The table and the figure of a study, and the scores that they are made of.
pub(super) fn shown(study: &Study<'_>, scores: &Scores) -> Shown {
    let mut table = Table {
        title: format!("Differences in {}", study.score),
        stub: heads(&["ingredient", "where", "verdict", "above 0"]),
        columns: ["difference", "low", "high", "detectable"].map(|head| Column::of(head, head)).into(),
        ..Table::default()
    };
    let mut lines = Vec::new();
    for contrast in study.contrasts {
        let controlled = controlled(contrast, scores);
        for group in scores.keys() {
            let Some(found) = found(contrast, scores, group) else { continue };
            let verdict = match group {
                Group::Worlds(control) if control.is_empty() => found.verdict(contrast, &controlled),
                Group::Worlds(control) if contrast.controls.iter().any(|(own, _)| own == control) => {
                    found.as_control(self::found(contrast, scores, &Group::Worlds(String::new())).as_ref())
                }
                Group::Worlds(_) => continue,
                Group::Real(_) => found.verdict(contrast, &[]),
            };
            lines.push(found.line(contrast, group, &verdict));
            table.rows.push(found.row(contrast, group, verdict));
        }
    }
    table.notes.clone_from(&study.notes);
    if scores.is_empty() {
        table.notes.insert(0, format!("Nothing is measured yet: {}.", study.how));
    }
    let simulated = scores.keys().any(|group| matches!(group, Group::Worlds(_)));
    let on = if simulated { format!(", on *simulated* data, {}", study.scale) } else { String::new() };
    let title = format!("{}{on}", study.title);
    let mut tables = vec![table];
    tables.extend(scores.iter().map(|(group, systems)| of_group(study.score, group, systems)));
    let figure = (!lines.is_empty()).then(|| forest::draw(&lines, &format!("difference in {}", study.score)));
    let caption = "Mean difference with its 95 % interval over simulated worlds or seeds; small dots are single worlds or seeds.";
    Shown { title, tables, caption: caption.into(), figure, points: None }
}

/// A contrast in a group.
pub(super) struct Found {
    /// By world or seed.
    pub(super) differences: BTreeMap<String, f64>,
    pub(super) mean: f64,
    /// `None` for a single world.
    pub(super) interval: Option<OverSeeds>,
}

impl Found {
    fn of(differences: BTreeMap<String, f64>) -> Option<Self> {
        let values: Vec<f64> = differences.values().copied().collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let nothing = vec![0.0; values.len()];
        let interval = over_seeds(&values, &nothing, Seeds::InPairs);
        (!values.is_empty()).then_some(Self { differences, mean, interval })
    }

    /// How much of the effect the control removes, paired by world.
    fn without(&self, control: &Self) -> Option<Self> {
        let rest =
            |(place, with): (&String, &f64)| Some((place.clone(), with - control.differences.get(place)?));
        Self::of(self.differences.iter().filter_map(rest).collect())
    }
}

pub(super) fn found(contrast: &Contrast, scores: &Scores, group: &Group) -> Option<Found> {
    let systems = scores.get(group)?;
    let (with, without) = (systems.get(contrast.with)?, systems.get(contrast.without)?);
    let pair = |(place, with): (&String, &f64)| Some((place.clone(), with - without.get(place)?));
    Found::of(with.iter().filter_map(pair).collect())
}

/// A contrast under each of its controls.
pub(super) fn controlled(contrast: &Contrast, scores: &Scores) -> Vec<Controlled> {
    let one = |(name, expected): &(&'static str, Verdict)| {
        let found = found(contrast, scores, &Group::Worlds((*name).into()));
        Controlled { name, found, expected: *expected }
    };
    contrast.controls.iter().map(one).collect()
}

impl Found {
    fn side(&self) -> Verdict {
        self.interval.as_ref().map_or(Verdict::Undecided, OverSeeds::verdict)
    }

    pub(super) fn verdict(&self, contrast: &Contrast, controls: &[Controlled]) -> String {
        if self.differences.values().all(|difference| *difference == 0.0) {
            return "changes nothing".into();
        }
        let Some(interval) = &self.interval else { return "single world: no interval".into() };
        let side = match self.side() {
            Verdict::Above => "helps",
            Verdict::Below => "hurts",
            Verdict::Undecided => {
                return format!("undecided (below {:.3})", interval.detectable);
            }
        };
        let Some(claim) = contrast.claim else { return format!("{side} here; no published side") };
        if self.side() != claim {
            return format!("{side} here: the opposite of the published side");
        }
        if controls.is_empty() {
            return format!("{side} here, as published");
        }
        let explains = |found: &Self, expected| match expected {
            // That the control's interval includes 0 proves nothing: the effect itself has to be smaller.
            Verdict::Undecided => self.without(found).is_some_and(|rest| rest.side() == claim),
            Verdict::Above | Verdict::Below => found.side() == expected,
        };
        let mut how = None;
        for Controlled { name, found, expected } in controls {
            let Some(found) = found else { continue };
            if !explains(found, *expected) {
                let which = if controls.len() > 1 { format!(" `{name}`") } else { String::new() };
                return format!("{side} here; not explained by the control{which}");
            }
            how = Some(match expected {
                Verdict::Undecided => "less without its cause",
                Verdict::Above | Verdict::Below => "the opposite in the control",
            });
        }
        match how {
            Some(how) => format!("holds: {side}, {how}"),
            None => format!("{side} here; no control was run"),
        }
    }

    pub(super) fn as_control(&self, whole: Option<&Self>) -> String {
        let words = match self.side() {
            _ if self.interval.is_none() => "single world: no interval",
            Verdict::Above => "above 0",
            Verdict::Below => "below 0",
            Verdict::Undecided => "not different from 0",
        };
        match whole.and_then(|whole| whole.without(self)) {
            Some(Self { mean, interval: Some(OverSeeds { low, high, .. }), .. }) => {
                format!("{words}; due to the cause: {mean:+.3} ({low:+.3} to {high:+.3})")
            }
            _ => words.into(),
        }
    }

    fn row(&self, contrast: &Contrast, group: &Group, verdict: String) -> Row {
        let above = self.differences.values().filter(|difference| **difference > 0.0).count();
        let (low, high, detectable) = match &self.interval {
            Some(interval) => (Some(interval.low), Some(interval.high), Some(interval.detectable)),
            None => (None, None, None),
        };
        let n = self.differences.len();
        let numbers = [Some(self.mean), low, high, detectable];
        Row {
            stub: vec![
                contrast.words.into(),
                group.words().replace('`', ""),
                verdict,
                format!("{above} of {n}"),
            ],
            kind: Kind::Measured,
            cells: numbers.map(|value| Cell { value, n, ..Cell::default() }).into(),
            note: String::new(),
        }
    }

    fn line(&self, contrast: &Contrast, group: &Group, verdict: &str) -> forest::Line {
        forest::Line {
            heading: contrast.words.into(),
            name: group.words().replace('`', ""),
            verdict: verdict.into(),
            grey: matches!(group, Group::Worlds(control) if !control.is_empty()),
            mean: self.mean,
            interval: self.interval.as_ref().map(|interval| (interval.low, interval.high)),
            dots: self.differences.values().copied().collect(),
        }
    }
}

impl Group {
    fn words(&self) -> String {
        match self {
            Self::Worlds(control) if control.is_empty() => "simulated worlds".into(),
            Self::Worlds(control) => format!("simulated, control `{control}`"),
            Self::Real(name) => format!("real cells ({name})"),
        }
    }
}

/// The score of every system in each world.
fn of_group(score: &str, group: &Group, systems: &BTreeMap<String, BTreeMap<String, f64>>) -> Table {
    let unit = if matches!(group, Group::Worlds(_)) { "world" } else { "seed" };
    let mut places: Vec<&String> =
        systems.values().flat_map(BTreeMap::keys).collect::<BTreeSet<_>>().into_iter().collect();
    places.sort_by_key(|place| place.parse::<u64>().unwrap_or(u64::MAX));
    let row = |(system, scores): (&String, &BTreeMap<String, f64>)| {
        let all: Vec<f64> = scores.values().copied().collect();
        let one = |place: &&String| Cell::of(&scores.get(*place).copied().into_iter().collect::<Vec<_>>());
        let cells = places.iter().map(one).chain([Cell::of(&all)]).collect();
        Row { stub: vec![system.clone()], kind: Kind::Measured, cells, note: String::new() }
    };
    Table {
        title: format!("{}: {}", capitalised(score), group.words()),
        facts: vec![("where", group.words())],
        stub: heads(&["system"]),
        columns: places
            .iter()
            .map(|place| Column::of(format!("{unit} {place}"), format!("{unit} {place}")))
            .chain([Column::of("mean", "mean")])
            .collect(),
        rows: systems.iter().map(row).collect(),
        notes: Vec::new(),
    }
}
