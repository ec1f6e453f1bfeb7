//! What answers, what is asked, and who chooses.

use super::*;
use crate::{
    evaluate::{FeatureMatrix, Labels, protocol::score},
    event::Silence,
    spec::ProbeSchedule,
};

/// Two classes apart in the first number, a third (novel) in the second; rows 40.. are asked.
fn cells() -> (Vec<f32>, Vec<u16>) {
    let mut stream = Seed(3).stream("x");
    let labels: Vec<u16> = (0..80).map(|row| if row >= 60 { 2 } else { row % 2 }).collect();
    let features = labels.iter().flat_map(|label| {
        let centre = match label {
            0 => [-1.0, 0.0, 0.0],
            1 => [1.0, 0.0, 0.0],
            _ => [0.0, 2.0, 0.0],
        };
        centre.map(|centre| (centre + 0.2 * stream.normal()) as f32)
    });
    (features.collect(), labels)
}

fn answered(select: Select, groups: Option<&[u32]>, queries: &[u32]) -> Vec<Prediction> {
    let (features, labels) = cells();
    let names = ["a", "b", "c"].map(String::from);
    let train: Vec<u32> = (0..40).collect();
    let task = TaskInput {
        data: "d",
        set: "s",
        task: "t",
        labels: Labels::One(&labels),
        label_names: &names,
        train: &train,
        queries,
        groups,
        counted: None,
    };
    let word = settings::LinearProbe { select, schedule: ProbeSchedule::Cosine, iterations: 60, batch: 16 };
    let matrix = FeatureMatrix::new(3, &features).unwrap();
    let found = score(&LinearProbe { word }, &task, &matrix, &Device::Cpu, &mut Silence).unwrap();
    assert!(found.predictions.iter().zip(queries).all(|(one, row)| one.row == *row), "in order");
    found.predictions
}

fn right(predictions: &[Prediction]) -> usize {
    predictions.iter().filter(|one| one.truth == one.predicted).count()
}

#[test]
fn a_probe_answers_and_the_same_one_each_time() {
    let queries: Vec<u32> = (40..60).collect();
    for select in [Select::HeldOut, Select::Oracle] {
        let found = answered(select, None, &queries);
        assert_eq!(right(&found), 20, "{select:?}");
        assert!(found.iter().all(|one| one.similarity.is_some_and(|share| share > 0.5 && share <= 1.0)));
        assert_eq!(found, answered(select, None, &queries));
    }
}

/// A class that is not in Train is found by the other groups' images; in a group of its own it cannot be.
#[test]
fn other_groups_answer_for_novel_classes() {
    let queries: Vec<u32> = (60..80).collect();
    let mixed: Vec<u32> = (0..20).map(|at| at % 2).collect();
    for select in [Select::HeldOut, Select::Oracle] {
        assert_eq!(right(&answered(select, Some(&mixed), &queries)), 20, "{select:?}");
        assert_eq!(right(&answered(select, Some(&[7; 20]), &queries)), 0, "{select:?}");
    }
}

/// The oracle is at least as good on what is asked as any choice made without it.
#[test]
fn the_oracle_sees_what_is_asked() {
    let truths = [Truth::One(0), Truth::One(1)];
    let said = |a, b| vec![(Truth::One(a), None), (Truth::One(b), None)];
    assert_eq!(best(&vec![said(1, 0), said(0, 1), said(0, 1)], &truths), 1, "the first of equals");
}
