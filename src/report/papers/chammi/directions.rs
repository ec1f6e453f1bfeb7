//! Which of CHAMMI's directions hold: each ingredient against the same model without it, by simulated world.
//!
//! A direction *holds* if its interval over simulated worlds excludes 0 on the paper's side and the effect is
//! significantly smaller in the negative control, which removes the cause. An interval that includes 0 does
//! not prove that there is no effect.

use super::{super::Shown, PAPER};
use crate::evaluate::bootstrap::{OverSeeds, Seeds, Verdict, over_seeds};
use crate::papers::{
    MACRO_F1,
    chammi::{CPS, PROTOCOL},
};
use crate::report::{
    Error, forest,
    measured::{Source, rows_with},
    table::{Cell, Column, Kind, Row, Table, heads},
};
use std::collections::{BTreeMap, BTreeSet};

/// One ingredient: the system with it, the system without it, and the paper's claim.
struct Contrast {
    words: &'static str,
    with: &'static str,
    without: &'static str,
    /// The paper's side: above or below the system without it; `None` if the published difference is within
    /// ±0.005.
    claim: Option<Verdict>,
    /// The control under which the effect should vanish, and the verdict expected there.
    control: Option<(&'static str, Verdict)>,
    /// Published conditions with and without it, from the appendix's tables, over the models that have both.
    print: Option<(&'static str, &'static str, &'static str)>,
}

const CONTRASTS: [Contrast; 9] = [
    Contrast {
        words: "joint training, against one model for each set",
        with: "joint",
        without: "separate",
        claim: None,
        control: Some(("unshared", Verdict::Undecided)),
        print: None,
    },
    Contrast {
        words: "TPS",
        with: "TPS",
        without: "joint",
        claim: Some(Verdict::Above),
        control: Some(("elongation", Verdict::Below)),
        print: Some(("table4", "tps", "baseline")),
    },
    Contrast {
        words: "SSL alone, right pairs",
        with: "SSL",
        without: "joint",
        claim: Some(Verdict::Below),
        control: Some(("no-nuisance", Verdict::Undecided)),
        print: None,
    },
    Contrast {
        words: "SSL alone, wrong pairs (as released)",
        with: "SSL, wrong pairs",
        without: "joint",
        claim: Some(Verdict::Below),
        control: Some(("no-nuisance", Verdict::Undecided)),
        print: Some(("table4", "ssl", "baseline")),
    },
    Contrast {
        words: "right pairs, against wrong pairs",
        with: "SSL",
        without: "SSL, wrong pairs",
        claim: None,
        control: None,
        print: None,
    },
    Contrast {
        words: "0.2 SSL in the mix, under TPS",
        with: "TPS + 0.2 SSL",
        without: "TPS",
        claim: None,
        control: None,
        print: Some(("table4", "tps+0.2ssl", "tps")),
    },
    Contrast {
        words: "SWAD (valley of the held-out loss)",
        with: "SWAD",
        without: "joint",
        claim: Some(Verdict::Above),
        control: None,
        print: None,
    },
    Contrast {
        words: "dense averaging (what CHAMMI calls SWAD)",
        with: "dense averaging",
        without: "joint",
        claim: Some(Verdict::Above),
        control: None,
        print: Some(("table3", "fine_tuned+SWAD", "fine_tuned")),
    },
    Contrast {
        words: "MIRO",
        with: "MIRO",
        without: "joint",
        claim: None,
        control: None,
        print: Some(("table3", "fine_tuned+MIRO", "fine_tuned")),
    },
];

/// Where a score was measured: the scores in one group can be compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    /// Simulated worlds: the name of the control, or empty.
    Worlds(String),
    /// An own folder by name.
    Real(String),
}

/// The score of each system in each world (or seed) of a group.
type Scores = BTreeMap<Group, BTreeMap<String, BTreeMap<String, f64>>>;

/// Builds it from the store.
pub(super) fn report(store: &Source<'_>) -> Result<Shown, Error> {
    let scores = scores(store)?;
    let mut table = Table {
        title: "Differences in overall macro-F1".into(),
        stub: heads(&["ingredient", "where", "verdict", "above 0"]),
        columns: ["difference", "low", "high", "detectable"].map(|head| Column::of(head, head)).into(),
        ..Table::default()
    };
    let mut lines = Vec::new();
    for contrast in &CONTRASTS {
        let controlled = contrast.control.map(|(control, expected)| {
            let group = Group::Worlds(control.into());
            (found(contrast, &scores, &group), expected)
        });
        for group in scores.keys() {
            let Some(found) = found(contrast, &scores, group) else { continue };
            let verdict = match (group, &controlled) {
                (Group::Worlds(control), _) if control.is_empty() => {
                    found.verdict(contrast, controlled.as_ref())
                }
                (Group::Worlds(control), _) if contrast.control.is_some_and(|(own, _)| own == control) => {
                    found.as_control(self::found(contrast, &scores, &Group::Worlds(String::new())).as_ref())
                }
                (Group::Worlds(_), _) => continue,
                (Group::Real(_), _) => found.verdict(contrast, None),
            };
            lines.push(found.line(contrast, group, &verdict));
            table.rows.push(found.row(contrast, group, verdict));
        }
    }
    table.notes = vec![
        "Overall macro-F1: CPS on CHAMMI's layout, the mean over tasks elsewhere. Differences are paired within a simulated world \
         (or within a seed on real cells); Student's 95 % interval over worlds (or seeds), not corrected \
         for several ingredients. Detectable: the smallest true difference that such an interval would show in four of \
         five cases."
            .into(),
        "A direction holds if its interval excludes 0 on the paper's side and the effect is significantly smaller, paired by world, where its \
         cause is removed (for TPS: if the control's interval is on the other side of 0); where the published difference \
         is within ±0.005 the paper has no side, and only the observed side is reported. One adapter (TargetParam), its published \
         rate and temperature, `Recipe::Fixed`; other adapters were not tested."
            .into(),
    ];
    if scores.is_empty() {
        let exp = "`dichroic exp chammi_directions --data chammi=WORLD`";
        table.notes.insert(
            0,
            format!("Nothing is measured yet: {exp} for several worlds of `dichroic data simulate`."),
        );
    }
    let simulated = scores.keys().any(|group| matches!(group, Group::Worlds(_)));
    let title =
        format!("CHAMMI's directions{}", if simulated { ", on *simulated* data, scale quick" } else { "" });
    let mut tables = vec![table];
    tables.extend(scores.iter().map(|(group, systems)| of_group(group, systems)));
    tables.push(in_print(store)?);
    let figure = (!lines.is_empty()).then(|| forest::draw(&lines, "difference in overall macro-F1"));
    let caption = "Mean difference with its 95 % interval over simulated worlds or seeds; small dots are single worlds or seeds.";
    Ok(Shown { title, tables, caption: caption.into(), figure, points: None })
}

/// The scores of the two experiments' runs; of a world that was made twice, the latest.
fn scores(store: &Source<'_>) -> Result<Scores, Error> {
    let sql = "SELECT kind, world, data, seed, label ->> '$.system' AS system, task, value FROM v_results
        WHERE experiment IN ('chammi_directions', 'chammi_directions_joint', 'chammi_directions_views',
          'chammi_directions_warps', 'real_directions')
        AND metric = ? AND class = '' AND part = '' AND value IS NOT NULL AND NOT stale AND protocol = ? AND task NOT LIKE '%/held_out'
        ORDER BY run";
    let mut tasks: BTreeMap<(Group, String, String), BTreeMap<String, f64>> = BTreeMap::new();
    for row in rows_with(store, sql, &[MACRO_F1.name, &PROTOCOL.name()])?.iter() {
        let (group, place) = match row.text("kind").as_str() {
            "simulated" => {
                let world = row.text("world");
                let (number, control) = world.split_once(' ').unwrap_or((&world, ""));
                (Group::Worlds(control.into()), number.to_owned())
            }
            _ => (Group::Real(row.text("data")), row.text("seed")),
        };
        let system = (group, row.text("system"), place);
        tasks.entry(system).or_default().insert(row.text("task"), row.real("value").unwrap_or(f64::NAN));
    }
    let mut scores = Scores::new();
    for ((group, system, place), tasks) in tasks {
        let overall = CPS.of(|task| tasks.get(task).copied()).or_else(|| {
            // An average over a part of CHAMMI's tasks would be a different number.
            let folder = matches!(group, Group::Real(_)) && !tasks.is_empty();
            folder.then(|| tasks.values().sum::<f64>() / tasks.len() as f64)
        });
        if let Some(overall) = overall {
            scores.entry(group).or_default().entry(system).or_default().insert(place, overall);
        }
    }
    Ok(scores)
}

/// A contrast in a group.
struct Found {
    /// By world or seed.
    differences: BTreeMap<String, f64>,
    mean: f64,
    /// `None` for a single world.
    interval: Option<OverSeeds>,
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

fn found(contrast: &Contrast, scores: &Scores, group: &Group) -> Option<Found> {
    let systems = scores.get(group)?;
    let (with, without) = (systems.get(contrast.with)?, systems.get(contrast.without)?);
    let pair = |(place, with): (&String, &f64)| Some((place.clone(), with - without.get(place)?));
    Found::of(with.iter().filter_map(pair).collect())
}

impl Found {
    fn side(&self) -> Verdict {
        self.interval.as_ref().map_or(Verdict::Undecided, OverSeeds::verdict)
    }

    fn verdict(&self, contrast: &Contrast, control: Option<&(Option<Self>, Verdict)>) -> String {
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
        let Some((control, expected)) = control else { return format!("{side} here, as published") };
        let Some(control) = control else { return format!("{side} here; no control was run") };
        // That the control's interval includes 0 proves nothing: the effect itself has to be smaller.
        let gone = self.without(control).is_some_and(|rest| rest.side() == claim);
        match expected {
            Verdict::Undecided if gone => format!("holds: {side}, less without its cause"),
            Verdict::Above | Verdict::Below if control.side() == *expected => {
                format!("holds: {side}, the opposite in the control")
            }
            _ => format!("{side} here; not explained by the control"),
        }
    }

    fn as_control(&self, whole: Option<&Self>) -> String {
        let words = match self.side() {
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
            stub: vec![contrast.words.into(), group.words(), verdict, format!("{above} of {n}")],
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
fn of_group(group: &Group, systems: &BTreeMap<String, BTreeMap<String, f64>>) -> Table {
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
        title: format!("Overall macro-F1: {}", group.words()),
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

/// The same contrasts over the models that the paper reports.
fn in_print(store: &Source<'_>) -> Result<Table, Error> {
    let mut rows = Vec::new();
    for contrast in &CONTRASTS {
        let Some((table, with, without)) = contrast.print else { continue };
        let printed = store.published(PAPER.name, table)?;
        let score = |condition: &str| -> BTreeMap<&str, f64> {
            let of = printed.iter().filter(|row| row.condition == condition && row.task == CPS.name);
            of.filter_map(|row| Some((row.model.as_str(), row.value?))).collect()
        };
        let (with, without) = (score(with), score(without));
        let differences: Vec<f64> =
            with.iter().filter_map(|(model, value)| Some(value - without.get(model)?)).collect();
        let above = differences.iter().filter(|difference| **difference > 0.0).count();
        rows.push(Row {
            stub: vec![contrast.words.into(), format!("{above} of {}", differences.len())],
            kind: Kind::Print,
            cells: vec![Cell::of(&differences)],
            note: String::new(),
        });
    }
    Ok(Table {
        title: "Published (not comparable)".into(),
        stub: heads(&["ingredient", "above 0"]),
        columns: vec![Column::of("difference", "difference")],
        rows,
        notes: vec![
            "CPS, arXiv 2310.19224, appendix, Tables 3 and 4: mean ± sample standard deviation over models, one seed \
             each."
                .into(),
        ],
        ..Table::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(of: &[(&str, &str, &[f64])]) -> Scores {
        let mut scores = Scores::new();
        for (control, system, values) in of {
            let places = (1..).map(|world: u32| world.to_string()).zip(values.iter().copied());
            let group = Group::Worlds((*control).into());
            scores.entry(group).or_default().insert((*system).into(), places.collect());
        }
        scores
    }

    fn verdict(words: &str, scores: &Scores) -> String {
        let contrast = CONTRASTS.iter().find(|contrast| contrast.words == words).unwrap();
        let of = |control: &str| found(contrast, scores, &Group::Worlds(control.into()));
        let control = contrast.control.map(|(control, expected)| (of(control), expected));
        of("").unwrap().verdict(contrast, control.as_ref())
    }

    #[test]
    fn a_direction_holds_only_with_its_control() {
        let joint = ("", "joint", &[0.50, 0.52, 0.48][..]);
        let better = ("", "TPS", &[0.54, 0.555, 0.523][..]);
        let alone = scores(&[joint, better]);
        assert_eq!(verdict("TPS", &alone), "helps here; no control was run");
        let round = ("elongation", "joint", &[0.6, 0.62, 0.58][..]);
        let hurts = scores(&[joint, better, round, ("elongation", "TPS", &[0.5, 0.525, 0.478])]);
        assert_eq!(verdict("TPS", &hurts), "holds: helps, the opposite in the control");
        let helps = scores(&[joint, better, round, ("elongation", "TPS", &[0.64, 0.665, 0.618])]);
        assert_eq!(verdict("TPS", &helps), "helps here; not explained by the control");
        let worse = scores(&[joint, ("", "TPS", &[0.44, 0.465, 0.418])]);
        assert_eq!(verdict("TPS", &worse), "hurts here: the opposite of the published side");
        let single = scores(&[("", "joint", &[0.5]), ("", "TPS", &[0.9])]);
        assert_eq!(verdict("TPS", &single), "single world: no interval");
        let noisy = scores(&[joint, ("", "TPS", &[0.40, 0.62, 0.50])]);
        assert!(verdict("TPS", &noisy).starts_with("undecided (below 0."), "{}", verdict("TPS", &noisy));
    }

    #[test]
    fn a_control_has_to_take_the_effect_away() {
        let worlds = [("", "joint", &[0.50, 0.52, 0.48][..]), ("", "SSL", &[0.30, 0.31, 0.29])];
        let control = |ssl| [("no-nuisance", "joint", &[0.55, 0.56, 0.54][..]), ("no-nuisance", "SSL", ssl)];
        let words = "SSL alone, right pairs";
        let gone = scores(&[&worlds[..], &control(&[0.54, 0.56, 0.53])].concat());
        assert_eq!(verdict(words, &gone), "holds: hurts, less without its cause");
        // Two worlds that disagree prove nothing, however wide their interval around 0 is.
        let vague = scores(&[&worlds[..], &control(&[0.20, 0.56])].concat());
        assert_eq!(verdict(words, &vague), "hurts here; not explained by the control");
    }

    #[test]
    fn worlds_meet_by_number() {
        let mut scores = scores(&[("", "joint", &[0.5, 0.6]), ("", "MIRO", &[0.4, 0.5, 0.9])]);
        let systems = scores.get_mut(&Group::Worlds(String::new())).unwrap();
        systems.get_mut("joint").unwrap().remove("1");
        let miro = CONTRASTS.iter().find(|contrast| contrast.words == "MIRO").unwrap();
        let found = found(miro, &scores, &Group::Worlds(String::new())).unwrap();
        assert_eq!(found.differences.len(), 1);
        assert!((found.mean + 0.1).abs() < 1e-12 && found.interval.is_none());
    }
}
