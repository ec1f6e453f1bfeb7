//! Scores compared with faiss and scikit-learn (`tests/golden/one_nn.py`), and errors that name their cause.

use super::*;
use crate::{
    evaluate::{FeatureMatrix, Labels, Truth, floors, metrics::ACCURACY, metrics::F1_MACRO},
    event::Silence,
    spec::Metric,
};
use safetensors::SafeTensors;

const GOLDEN: &[u8] = include_bytes!("../../../tests/golden/one_nn.safetensors");

fn one_nn(task: &TaskInput<'_>, features: FeatureMatrix<'_>, metric: Metric) -> Result<TaskScore, Error> {
    score(&OneNn { metric }, task, &features, &Device::Cpu, &mut Silence)
}

fn bytes<'a, const N: usize>(file: &'a SafeTensors<'_>, name: &str) -> impl Iterator<Item = [u8; N]> + 'a {
    let (values, rest) = file.tensor(name).unwrap().data().as_chunks::<N>();
    assert!(rest.is_empty());
    values.iter().copied()
}

fn integers(file: &SafeTensors<'_>, name: &str) -> Vec<u32> {
    bytes(file, name).map(|value| u32::try_from(i64::from_le_bytes(value)).unwrap()).collect()
}

fn floats(file: &SafeTensors<'_>, name: &str) -> Vec<f64> {
    bytes(file, name).map(f64::from_le_bytes).collect()
}

#[test]
fn neighbours_and_scores_are_those_of_faiss_and_scikit_learn() {
    let file = SafeTensors::deserialize(GOLDEN).unwrap();
    let names: Vec<String> = (0..8).map(|label| format!("class {label}")).collect();
    for case in ["plain", "grouped"] {
        let read = |what: &str| integers(&file, &format!("{case}/{what}"));
        let features: Vec<f32> = bytes(&file, &format!("{case}/features")).map(f32::from_le_bytes).collect();
        let labels: Vec<u16> = read("labels").iter().map(|label| *label as u16).collect();
        let (train, queries) = (read("train"), read("queries"));
        let groups = (case == "grouped").then(|| read("groups"));
        let input = TaskInput {
            data: "golden",
            set: case,
            task: "Task_one",
            labels: Labels::One(&labels),
            label_names: &names,
            train: &train,
            queries: &queries,
            groups: groups.as_deref(),
            counted: None,
        };
        for metric in [Metric::Cosine, Metric::L2] {
            let of = |what: &str| format!("{case}/{}/{what}", metric.name());
            let score = one_nn(&input, FeatureMatrix::new(24, &features).unwrap(), metric).unwrap();
            let found: Vec<u32> = score.predictions.iter().map(|one| one.nearest.unwrap()).collect();
            assert_eq!(found, integers(&file, &of("nearest")), "{case}, {metric:?}");
            asked_of_some(&input, metric, &features, &score);
            let summary = floats(&file, &of("summary"));
            assert!((score.metric(ACCURACY) - summary[0]).abs() < 1e-9, "{case}, {metric:?}");
            assert!((score.metric(F1_MACRO) - summary[1]).abs() < 1e-9, "{case}, {metric:?}");
            let expected = floats(&file, &of("per_class"));
            assert_eq!(score.per_class.len(), expected.len() / 5);
            for (class, expected) in score.per_class.iter().zip(expected.chunks_exact(5)) {
                assert_eq!(class.class, format!("class {}", expected[0]));
                let found = [class.precision, class.recall, class.f1, f64::from(class.support)];
                let apart = found.iter().zip(&expected[1..]).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                assert!(apart < 1e-9, "{case}, {metric:?}: {class:?} against {expected:?}");
            }
        }
    }
}

/// Asking for some images changes no answer to them: the same images answer.
fn asked_of_some(all: &TaskInput<'_>, metric: Metric, features: &[f32], score: &TaskScore) {
    let counted: Vec<bool> = (0..all.queries.len()).map(|at| at % 3 == 1).collect();
    let some = TaskInput { counted: Some(&counted), ..*all };
    let found = one_nn(&some, FeatureMatrix::new(24, features).unwrap(), metric).unwrap();
    let wanted = score.predictions.iter().zip(&counted).filter(|(_, counts)| **counts).map(|(one, _)| *one);
    assert_eq!(found.predictions, wanted.collect::<Vec<_>>());
    let images: u32 = found.per_class.iter().map(|class| class.support).sum();
    assert_eq!(images as usize, found.predictions.len());
    let guesses = [floors::constant(&some).unwrap(), floors::prior(&some, crate::seed::Seed(0)).unwrap()];
    for guess in guesses {
        let support = |score: &TaskScore| -> Vec<(String, u32)> {
            score.per_class.iter().map(|class| (class.class.clone(), class.support)).collect()
        };
        assert_eq!(support(&guess), support(&found));
    }
    let constant = floors::constant(all).unwrap().predictions;
    let kept = constant.into_iter().zip(&counted).filter(|(_, counts)| **counts).map(|(one, _)| one);
    assert_eq!(floors::constant(&some).unwrap().predictions, kept.collect::<Vec<_>>());
}

#[test]
fn what_is_wrong_is_named_by_task_and_row_of_the_table() {
    let names = ["a".to_string()];
    let mut input = TaskInput {
        data: "mini",
        set: "Yeast",
        task: "Task_two",
        labels: Labels::One(&[0, 0, 0]),
        label_names: &names,
        train: &[0],
        queries: &[2],
        groups: None,
        counted: None,
    };
    let values = [1.0, 2.0, f32::NAN, 0.0, f32::INFINITY, 0.0];
    let features = FeatureMatrix::new(2, &values).unwrap();
    let error = one_nn(&input, features, Metric::Cosine).unwrap_err();
    assert_eq!(
        error.to_string(),
        "mini: Yeast/Task_two: row 2, column 0 of the features: expected a finite number, found inf"
    );
    assert!(error.hint().unwrap().contains("line 4"));
    let short = FeatureMatrix::new(2, &values[..2]).unwrap();
    let error = one_nn(&input, short, Metric::Cosine).unwrap_err();
    assert_eq!(error.to_string(), "mini: Yeast/Task_two: expected 3 rows of features, found 1");
    input.queries = &[];
    let error = one_nn(&input, features, Metric::Cosine).unwrap_err();
    assert_eq!(
        error.to_string(),
        "mini: Yeast/Task_two: expected at least one image in the task, found none"
    );
}

#[test]
fn several_labels_are_carried_from_the_nearest_image_to_the_metrics() {
    let names = ["er", "golgi", "nuclei"].map(String::from);
    let task = TaskInput {
        data: "d",
        set: "s",
        task: "t",
        labels: Labels::Many(&[0b001, 0b110, 0b001, 0b010]),
        label_names: &names,
        train: &[0, 1],
        queries: &[2, 3],
        groups: None,
        counted: None,
    };
    let features = FeatureMatrix::new(1, &[0.0, 10.0, 1.0, 9.0]).unwrap();
    let score = one_nn(&task, features, Metric::L2).unwrap();
    let predicted: Vec<Truth> = score.predictions.iter().map(|one| one.predicted).collect();
    assert_eq!(predicted, [Truth::Many(0b001), Truth::Many(0b110)]);
    assert_eq!((score.metric(ACCURACY), score.metric(F1_MACRO)), (0.5, 1.0), "nuclei are in no query");
    let support: Vec<(&str, u32)> =
        score.per_class.iter().map(|class| (class.class.as_str(), class.support)).collect();
    assert_eq!(support, [("er", 1), ("golgi", 1)]);
}
