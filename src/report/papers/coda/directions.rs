//! Which of CODA's directions hold, over simulated worlds: macro-F1, mean over targets and seeds, with the rivals that cost
//! nothing, negative controls (the same microscope everywhere, pairs that share no treatment) and a positive one (training on
//! the target).

use super::super::{
    Shown,
    directions::{Contrast, Group, Scores, Study, shown},
};
use super::tables::OWN_PLATE;
use crate::evaluate::bootstrap::Verdict;
use crate::papers::{
    MACRO_F1,
    coda::{PAPER, PROTOCOL},
};
use crate::report::{
    Error,
    measured::{Source, rows_with},
};
use crate::spec::Protocol;
use std::collections::{BTreeMap, BTreeSet};

const fn contrast(
    words: &'static str,
    with: &'static str,
    without: &'static str,
    claim: Option<Verdict>,
    controls: &'static [(&'static str, Verdict)],
) -> Contrast {
    Contrast { words, with, without, claim, controls }
}

/// What the name of a system ends in that was asked on the plate of the target that models of it are not trained on.
const ON_OWN_PLATE: &str = ", held-out plate";

/// The control in which nothing is to be repaired.
const MICROSCOPE: (&str, Verdict) = ("same-microscope", Verdict::Undecided);
/// That in which pairs share no treatment.
const TREATMENTS: (&str, Verdict) = ("permuted-treatments", Verdict::Undecided);
const SAME: &[(&str, Verdict)] = &[MICROSCOPE];
/// Of what learns from pairs.
const PAIRED: &[(&str, Verdict)] = &[MICROSCOPE, TREATMENTS];

const CONTRASTS: [Contrast; 14] = [
    contrast("ODA, against its dual model as it is", "ODA", "Dual-model-DINO", Some(Verdict::Above), SAME),
    contrast("ODA, its head learns", "ODA, head learns", "Dual-model-DINO", Some(Verdict::Above), SAME),
    contrast("ODA, label-free stop", "ODA, label-free stop", "Dual-model-DINO", Some(Verdict::Above), SAME),
    contrast("CODA, against its dual model as it is", "CODA", "Dual-model-CB", Some(Verdict::Above), PAIRED),
    contrast("CODA, against ODA", "CODA", "ODA", Some(Verdict::Above), PAIRED),
    contrast("ODA, against Supervised", "ODA", "Supervised", Some(Verdict::Above), SAME),
    contrast("CODA, against Supervised", "CODA", "Supervised", Some(Verdict::Above), PAIRED),
    contrast(
        "CODA, against Supervised standardised by plate",
        "CODA",
        "Supervised, standardised by plate",
        None,
        &[],
    ),
    contrast(
        "CODA standardised by plate, against Supervised standardised by plate",
        "CODA, standardised by plate",
        "Supervised, standardised by plate",
        None,
        &[],
    ),
    contrast(
        "standardising by plate (Supervised)",
        "Supervised, standardised by plate",
        "Supervised",
        Some(Verdict::Above),
        SAME,
    ),
    contrast("other microscopes as augmentation", "Microscope", "Supervised", Some(Verdict::Above), SAME),
    contrast("adapting batch by batch, against plate by plate", "ODA per batch", "ODA per plate", None, &[]),
    contrast("control: step 3 at rate 0", "ODA at rate 0", "Dual-model-DINO", None, &[]),
    contrast(
        "positive control: trained on the target, asked on its held-out plate",
        "Oracle, held-out plate",
        "Supervised, held-out plate",
        Some(Verdict::Above),
        SAME,
    ),
];

/// Of the experiment `coda_directions`.
pub(super) fn report(store: &Source<'_>) -> Result<Shown, Error> {
    let how = "`dichroic exp coda_directions --data jump=WORLD` for several worlds of `dichroic data simulate jump`";
    of(("CODA's directions", "scale quick"), "coda_directions%", how, store)
}

/// Of the experiment `coda_converged`, whose networks are trained for longer.
pub(super) fn converged(store: &Source<'_>) -> Result<Shown, Error> {
    let how = "`dichroic exp coda_converged --data jump=WORLD --scale paper` for several worlds of `dichroic data simulate jump --sites 6`";
    of(("CODA's directions", "small networks trained for longer"), "coda_converged%", how, store)
}

fn of(
    (title, scale): (&str, &str),
    experiments: &str,
    how: &str,
    store: &Source<'_>,
) -> Result<Shown, Error> {
    let study = Study {
        title,
        scale,
        score: "macro-F1 on other sources",
        contrasts: &CONTRASTS,
        notes: vec![
            "Macro-F1, mean over the targets and seeds that both systems have; accuracy rises where a model falls to its largest \
             class. Differences are paired within a simulated world; Student's 95 % interval over worlds, not corrected for \
             several contrasts."
                .into(),
            "A direction holds if its interval excludes 0 on the paper's side and the effect is significantly smaller, paired by \
             world, where all sources have the same microscope and, of what learns from pairs of one treatment, where pairs share \
             none (`permuted-treatments`). Trained on the target: supervised, on other plates of the \
             target's own source."
                .into(),
        ],
        how,
    };
    Ok(shown(&study, &scores(store, experiments)?))
}

/// By group, system and world: the scores of each target and seed.
type Cells = BTreeMap<(Group, String, String), BTreeMap<(String, i64), f64>>;

fn scores(store: &Source<'_>, experiments: &str) -> Result<Scores, Error> {
    let sql = "SELECT kind, world, data, seed, protocol, part, label ->> '$.system' AS system, task, value FROM v_results
        WHERE experiment LIKE ? AND label ->> '$.system' IS NOT NULL AND data = ? AND metric = ?
          AND class = '' AND part IN ('', ?) AND value IS NOT NULL AND NOT stale ORDER BY run";
    let mut cells = Cells::new();
    for row in rows_with(store, sql, &[experiments, PAPER.data, MACRO_F1.name, OWN_PLATE])?.iter() {
        let (group, place) = match row.text("kind").as_str() {
            "simulated" => {
                let world = row.text("world");
                let (number, control) = world.split_once(' ').unwrap_or((&world, ""));
                (Group::Worlds(without_sites(control)), number.to_owned())
            }
            _ => (Group::Real(row.text("data")), row.text("seed")),
        };
        let part = if row.text("part").is_empty() { "" } else { ON_OWN_PLATE };
        let system = row.text("system") + &how(&row.text("protocol")) + part;
        let of = cells.entry((group, system, place)).or_default();
        of.insert((row.text("task"), row.int("seed")), row.real("value").unwrap_or(f64::NAN));
    }
    // Only what all systems of a world were asked is averaged.
    let mut asked: BTreeMap<(Group, String), BTreeSet<String>> = BTreeMap::new();
    for ((group, _, place), of) in &cells {
        let tasks: BTreeSet<String> = of.keys().map(|(task, _)| task.clone()).collect();
        let common = asked.entry((group.clone(), place.clone())).or_insert_with(|| tasks.clone());
        common.retain(|task| tasks.contains(task));
    }
    let mut scores = Scores::new();
    for ((group, system, place), of) in cells {
        let common = &asked[&(group.clone(), place.clone())];
        let values: Vec<f64> =
            of.iter().filter(|((task, _), _)| common.contains(task)).map(|(_, value)| *value).collect();
        if !values.is_empty() {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            scores.entry(group).or_default().entry(system).or_default().insert(place, mean);
        }
    }
    Ok(scores)
}

/// What a world's name says besides its number, without how many sites its wells have: that is no control.
fn without_sites(control: &str) -> String {
    let words: Vec<&str> = control.split(' ').collect();
    let at = words.iter().position(|word| *word == "sites");
    let kept = |place: &usize| at.is_none_or(|at| *place != at && *place + 1 != at);
    (0..words.len()).filter(kept).map(|place| words[place]).collect::<Vec<_>>().join(" ")
}

/// What a protocol adds to the name of a system: `, standardised by plate`.
fn how(protocol: &str) -> String {
    let plain = Protocol::title_of(&PROTOCOL.name());
    let title = Protocol::title_of(protocol);
    title.strip_prefix(&plain).map_or_else(|| format!(", {title}"), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::{
        super::super::directions::{controlled, found},
        *,
    };

    const PERMUTED: &str = "permuted-treatments";

    /// Scores in three worlds of each group: control, ODA, CODA.
    fn scores(of: &[(&str, [f64; 3], [f64; 3])]) -> Scores {
        let worlds = |values: &[f64; 3]| ["1", "2", "3"].map(String::from).into_iter().zip(*values).collect();
        let group = |(control, oda, coda): &(&str, [f64; 3], [f64; 3])| {
            let systems = [("ODA".to_owned(), worlds(oda)), ("CODA".to_owned(), worlds(coda))];
            (Group::Worlds((*control).into()), systems.into())
        };
        of.iter().map(group).collect()
    }

    #[test]
    fn a_step_at_rate_0_changes_nothing() {
        let contrast = CONTRASTS.iter().find(|contrast| contrast.with == "ODA at rate 0").unwrap();
        let verdict = |rate_0: [f64; 2]| {
            let of = |values: [f64; 2]| ["1", "2"].map(String::from).into_iter().zip(values).collect();
            let dual = ("Dual-model-DINO".to_owned(), of([0.14, 0.2]));
            let systems = [dual, ("ODA at rate 0".to_owned(), of(rate_0))].into();
            let scores = Scores::from([(Group::Worlds(String::new()), systems)]);
            found(contrast, &scores, &Group::Worlds(String::new())).unwrap().verdict(contrast, &[])
        };
        assert_eq!(verdict([0.14, 0.2]), "changes nothing");
        assert!(verdict([0.14, 0.21]).starts_with("undecided"));
    }

    #[test]
    fn sites_are_no_control() {
        let found =
            ["", "6 sites", "6 sites same-microscope", "randomised 9 sites", "batch-sd-0"].map(without_sites);
        assert_eq!(found, ["", "", "same-microscope", "randomised", "batch-sd-0"]);
    }

    #[test]
    fn what_learns_from_pairs_has_to_lose_by_pairs_that_share_no_treatment() {
        let contrast = CONTRASTS.iter().find(|contrast| contrast.words == "CODA, against ODA").unwrap();
        let verdict = |scores: &Scores| {
            let found = found(contrast, scores, &Group::Worlds(String::new())).unwrap();
            found.verdict(contrast, &controlled(contrast, scores))
        };
        let (oda, coda) = ([0.30, 0.31, 0.29], [0.40, 0.42, 0.38]);
        let worlds = ("", oda, coda);
        let microscope = ("same-microscope", oda, [0.30, 0.315, 0.285]);
        assert_eq!(verdict(&scores(&[worlds])), "helps here; no control was run");
        assert_eq!(verdict(&scores(&[worlds, microscope])), "holds: helps, less without its cause");
        let gone = [worlds, microscope, (PERMUTED, oda, [0.29, 0.31, 0.28])];
        assert_eq!(verdict(&scores(&gone)), "holds: helps, less without its cause");
        let still = scores(&[worlds, microscope, (PERMUTED, oda, coda)]);
        assert_eq!(verdict(&still), "helps here; not explained by the control `permuted-treatments`");

        let study = Study { title: "", scale: "", score: "", contrasts: &CONTRASTS, notes: vec![], how: "" };
        let rows = &shown(&study, &still).tables[0].rows;
        let places: Vec<&str> = rows.iter().map(|row| row.stub[1].as_str()).collect();
        let expected = [
            "simulated worlds",
            "simulated, control permuted-treatments",
            "simulated, control same-microscope",
        ];
        assert_eq!(places, expected);
        assert!(rows.iter().all(|row| row.stub[0] == contrast.words));
    }
}
