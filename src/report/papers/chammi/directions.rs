//! Which of CHAMMI's directions hold: each ingredient against the same model without it, by simulated world.

use super::{
    super::{
        Shown,
        directions::{Contrast, Group, Scores, Study, shown},
    },
    PAPER,
};
use crate::evaluate::bootstrap::Verdict;
use crate::papers::{
    MACRO_F1,
    chammi::{CPS, PROTOCOL},
};
use crate::report::{
    Error,
    measured::{Source, rows_with},
    table::{Cell, Column, Kind, Row, Table, heads},
};
use std::collections::BTreeMap;

const CONTRASTS: [Contrast; 9] = [
    Contrast {
        words: "joint training, against one model for each set",
        with: "joint",
        without: "separate",
        claim: None,
        controls: &[("unshared", Verdict::Undecided)],
    },
    Contrast {
        words: "TPS",
        with: "TPS",
        without: "joint",
        claim: Some(Verdict::Above),
        controls: &[("elongation", Verdict::Below)],
    },
    Contrast {
        words: "SSL alone, right pairs",
        with: "SSL",
        without: "joint",
        claim: Some(Verdict::Below),
        controls: &[("no-nuisance", Verdict::Undecided)],
    },
    Contrast {
        words: "SSL alone, wrong pairs (as released)",
        with: "SSL, wrong pairs",
        without: "joint",
        claim: Some(Verdict::Below),
        controls: &[("no-nuisance", Verdict::Undecided)],
    },
    Contrast {
        words: "right pairs, against wrong pairs",
        with: "SSL",
        without: "SSL, wrong pairs",
        claim: None,
        controls: &[],
    },
    Contrast {
        words: "0.2 SSL in the mix, under TPS",
        with: "TPS + 0.2 SSL",
        without: "TPS",
        claim: None,
        controls: &[],
    },
    Contrast {
        words: "SWAD (valley of the held-out loss)",
        with: "SWAD",
        without: "joint",
        claim: Some(Verdict::Above),
        controls: &[],
    },
    Contrast {
        words: "dense averaging (what CHAMMI calls SWAD)",
        with: "dense averaging",
        without: "joint",
        claim: Some(Verdict::Above),
        controls: &[],
    },
    Contrast { words: "MIRO", with: "MIRO", without: "joint", claim: None, controls: &[] },
];

/// Contrasts with their published conditions, with and without, from the appendix's tables, over the models that have both.
const PUBLISHED: [(&str, &str, &str, &str); 5] = [
    ("TPS", "table4", "tps", "baseline"),
    ("SSL alone, wrong pairs (as released)", "table4", "ssl", "baseline"),
    ("0.2 SSL in the mix, under TPS", "table4", "tps+0.2ssl", "tps"),
    ("dense averaging (what CHAMMI calls SWAD)", "table3", "fine_tuned+SWAD", "fine_tuned"),
    ("MIRO", "table3", "fine_tuned+MIRO", "fine_tuned"),
];

/// Builds it from the store.
pub(super) fn report(store: &Source<'_>) -> Result<Shown, Error> {
    let study = Study {
        scale: "scale quick",
        title: "CHAMMI's directions",
        score: "overall macro-F1",
        contrasts: &CONTRASTS,
        notes: vec![
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
        ],
        how: "`dichroic exp chammi_directions --data chammi=WORLD` for several worlds of `dichroic data simulate`",
    };
    let mut all = shown(&study, &scores(store)?);
    all.tables.push(in_print(store)?);
    Ok(all)
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

/// The same contrasts over the models that the paper reports.
fn in_print(store: &Source<'_>) -> Result<Table, Error> {
    let mut rows = Vec::new();
    for (words, table, with, without) in PUBLISHED {
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
            stub: vec![words.into(), format!("{above} of {}", differences.len())],
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
    use super::{
        super::super::directions::{controlled, found},
        *,
    };

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
        let found = found(contrast, scores, &Group::Worlds(String::new())).unwrap();
        found.verdict(contrast, &controlled(contrast, scores))
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
    fn a_single_control_world_says_nothing_of_0() {
        let contrast = CONTRASTS.iter().find(|contrast| contrast.words == "TPS").unwrap();
        let of = |values: [&[f64]; 2]| -> String {
            let group = Group::Worlds("elongation".into());
            let scores = scores(&[("elongation", "joint", values[0]), ("elongation", "TPS", values[1])]);
            found(contrast, &scores, &group).unwrap().as_control(None)
        };
        assert_eq!(of([&[0.5], &[0.2]]), "single world: no interval");
        assert_eq!(of([&[0.50, 0.52, 0.48], &[0.54, 0.555, 0.523]]), "above 0");
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
