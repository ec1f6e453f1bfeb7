//! The paper's numbers agree with each other, and specs match the rows that they reproduce.

use super::super::tests::numbers;
use super::*;
use crate::prelude::*;
use crate::{
    sample,
    spec::{Augment, Condition, settings},
};
use std::collections::BTreeMap;

/// The published averages follow from the published tasks, within their three digits.
#[test]
fn published_averages_follow_from_published_tasks() {
    let mut compared = 0;
    for table in &TABLES[1..4] {
        let mut rows: BTreeMap<(String, String), BTreeMap<&str, f64>> = BTreeMap::new();
        for [model, condition, task, value, flag] in numbers(table) {
            let row = rows.entry((model, condition)).or_default();
            // The one published row that contradicts itself, and its illegible cells.
            let damaged = ["printed_inconsistent", "missing", "ocr_single"].contains(&flag.as_str());
            if let (Some(name), Ok(value), false) = (PAPER.from_paper(&task), value.parse(), damaged) {
                row.insert(name, value);
            }
        }
        for (row, values) in rows {
            for average in PAPER.averages {
                let computed = average.of(|task| values.get(task).copied());
                if let (Some(computed), Some(published)) = (computed, values.get(average.name)) {
                    let name = average.name;
                    assert!(
                        (computed - published).abs() < 1.1e-3,
                        "{row:?} {name}: {computed} against {published}"
                    );
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 220, "only {compared} averages were compared");
}

#[test]
fn every_published_number_is_there_and_every_task_has_our_name() {
    let about_models = ["n_params_millions", "c_inference_forward_passes", "relative_change_percent_printed"];
    let mut n = 0;
    for table in &TABLES {
        for [_, _, task, ..] in numbers(table) {
            n += 1;
            let known = PAPER.from_paper(&task).is_some() || about_models.contains(&task.as_str());
            assert!(known, "{}: {task}", table.table);
        }
    }
    assert_eq!(n, 57 + 179 + 180 + 300 + 27);
    assert_eq!(PAPER.from_paper("Overall"), Some(CPS.name));
    assert_eq!(PAPER.from_paper("W_Task3"), None);
}

#[test]
fn averages_are_over_novel_tasks_and_a_missing_one_leaves_none() {
    for (part, _) in PAPER.averages.iter().flat_map(|average| average.parts) {
        assert!(PAPER.task(part).unwrap().novel, "{part}");
    }
    assert_eq!(CPS.of(|task| (task != "CP/Task_four").then_some(1.0)), None);
    assert_eq!(CPS.of(|_| Some(1.0)).map(|cps| (cps * 1e9).round()), Some(1e9));
}

fn hypernet(recipe: Recipe) -> Spec {
    sample::spec(sample::plain().lr(4e-4), recipe)
}

fn places(spec: &Spec) -> Vec<(&'static str, &'static str, &'static str)> {
    (PAPER.rows)(spec).into_iter().map(|row| (row.table, row.model, row.condition)).collect()
}

#[test]
fn a_spec_is_in_the_rows_that_are_of_it() {
    let plain = hypernet(Recipe::Released);
    let rows = [("table2", "fine_tuned_consistent"), ("table3", "fine_tuned"), ("table4", "baseline")];
    assert_eq!(places(&plain), rows.map(|(table, condition)| (table, "HyperNet", condition)));
    assert!((PAPER.rows)(&plain).iter().all(|row| row.against.is_none()));
    let mut swad = plain.clone();
    swad.train.stages[0].strategy =
        crate::spec::Strategy::Swad(crate::spec::Swad { every: 1, converge: 1, tolerance: 1, ratio: 1.0 });
    assert_eq!(places(&swad), [], "what the paper calls SWAD is another average");
    let mut two = plain;
    two.train.data.sets.truncate(2);
    assert_eq!(places(&two), []);
    assert_eq!(
        System::without_one(&two).map(|(set, system)| (SETS[set].0, system.model)),
        Some(("CP", "HyperNet"))
    );
}

#[test]
fn what_the_paper_cannot_have_run_is_placed_with_the_reason() {
    let against = |change: &dyn Fn(&mut Spec)| {
        let mut spec = hypernet(Recipe::Released);
        change(&mut spec);
        (PAPER.rows)(&spec)[0].against.clone().unwrap()
    };
    assert_eq!(
        against(&|spec| spec.train.stages[0].optimiser.lr = 1e-3),
        "the released HyperNet learns at 4e-4, not at 1e-3"
    );
    assert_eq!(
        against(&|spec| spec.model.weights = crate::spec::Weights::SimulatedPretrain),
        "the paper trains from `imagenet22k`, not from `simulated_pretrain`"
    );
    let small = |spec: &mut Spec| {
        let crate::spec::Backbone::ConvNext(network) = &mut spec.model.backbone else { panic!("it is one") };
        network.size = crate::spec::ConvNextSize::Mini;
    };
    assert_eq!(against(&small), "the paper trains from `tiny`, not from `mini`");
    let other = against(&|spec| spec.train.stages[0].batch = 64);
    assert!(other.starts_with("neither the released recipe nor the paper's: it departs from"), "{other}");
}

/// The paper's only augmentations are crops, flips and thin-plate splines.
#[test]
fn other_augmentations_are_in_no_row() {
    let spec = |augmented: &[Augment]| {
        let mut spec = sample::spec(sample::plain(), Recipe::Released);
        spec.train.stages[0].augment.extend_from_slice(augmented);
        spec
    };
    assert!(!rows(&spec(&[])).is_empty());
    assert_eq!(rows(&spec(&[settings::Rotate { up_to: 180.0 }.into()])), []);
    assert_eq!(rows(&spec(&[settings::Turn {}.into()])), []);
}

/// The paper trains and asks with all images of a set.
#[test]
fn a_selection_of_images_is_in_no_row() {
    let spec = |trained: &[Condition], asked: &[Condition]| {
        let mut spec = sample::spec(sample::plain(), Recipe::Released);
        spec.train.data.only = trained.to_vec();
        spec.evaluate[0].data.only = asked.to_vec();
        spec
    };
    let plate = [Condition { role: Role::Plate, values: vec!["P1".into()] }];
    assert!(!rows(&spec(&[], &[])).is_empty());
    assert_eq!(rows(&spec(&plate, &[])), []);
    assert_eq!(rows(&spec(&[], &plate)), []);
}
