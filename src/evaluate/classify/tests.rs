//! Classifiers compared with scikit-learn (`tests/golden/classify.py`), and errors that name their cause.

use super::*;
use crate::{
    evaluate::{FeatureMatrix, Labels, metrics},
    event::Silence,
    seed::Seed,
    spec::{Standardised, settings},
};
use safetensors::{Dtype, SafeTensors};

const GOLDEN: &[u8] = include_bytes!("../../../tests/golden/classify.safetensors");

/// A source and a target, as the golden file has them.
pub(in crate::evaluate) struct Golden {
    file: SafeTensors<'static>,
    train: Vec<f32>,
    target: Vec<f32>,
    train_labels: Vec<u16>,
    target_labels: Vec<u16>,
    names: Vec<String>,
    of_source: Table,
    of_target: Table,
}

/// Columns of a table.
#[derive(Default)]
struct Table(BTreeMap<Role, Vec<String>>);

impl Roles for Table {
    fn role(&self, row: u32, role: Role) -> Option<&str> {
        Some(self.0.get(&role)?[row as usize].as_str()).filter(|value| !value.is_empty())
    }
}

const WIDTH: usize = 12;

impl Golden {
    pub(in crate::evaluate) fn new() -> Self {
        let file = SafeTensors::deserialize(GOLDEN).unwrap();
        let single =
            |name| -> Vec<f32> { numbers(&file, name).into_iter().map(|value| value as f32).collect() };
        let labels =
            |name| -> Vec<u16> { numbers(&file, name).into_iter().map(|value| value as u16).collect() };
        let text =
            |name, of: &dyn Fn(f64) -> String| numbers(&file, name).into_iter().map(of).collect::<Vec<_>>();
        let control = |is: f64| if is > 0.0 { "True".into() } else { "False".into() };
        let number = |value: f64| value.to_string();
        let of_source = Table([(Role::Control, text("train.controls", &control))].into());
        let of_target = Table(
            [
                (Role::Control, text("target.controls", &control)),
                (Role::Plate, text("target.plates", &number)),
                (Role::Well, text("pooled.wells", &number)),
            ]
            .into(),
        );
        Self {
            train: single("train.x"),
            target: single("target.x"),
            train_labels: labels("train.y"),
            target_labels: labels("target.y"),
            names: (0..7).map(|label| format!("c{label}")).collect(),
            of_source,
            of_target,
            file,
        }
    }

    /// A tensor of the file.
    pub(in crate::evaluate) fn numbers(&self, name: &str) -> Vec<f64> {
        numbers(&self.file, name)
    }

    pub(in crate::evaluate) fn source(&self) -> FeatureMatrix<'_> {
        FeatureMatrix::new(WIDTH, &self.train).unwrap()
    }

    pub(in crate::evaluate) fn training<'a>(&'a self, features: &'a dyn FeatureRows) -> Training<'a> {
        let part = TrainingPart {
            set: "source",
            roles: &self.of_source,
            features: Some(features),
            rows: (0..self.train_labels.len() as u32).collect(),
            labels: self.train_labels.clone(),
            names: &self.names,
        };
        Training { data: "d", parts: vec![part] }
    }

    /// Everything that a protocol says of the target.
    fn classified(&self, by: &Protocol, head: Option<&Head>) -> Result<Classified, Error> {
        let (source, target) = (self.source(), FeatureMatrix::new(WIDTH, &self.target).unwrap());
        let rows: Vec<u32> = (0..self.target_labels.len() as u32).collect();
        let training = self.training(&source);
        let learned = Learned::of(by, head.cloned(), &training, &mut Silence)?;
        classify(by, &self.asked(&rows), &target, &learned, &training, &mut Silence)
    }

    fn asked<'a>(&'a self, rows: &'a [u32]) -> Asked<'a> {
        let task = TaskInput {
            data: "d",
            set: "target",
            task: "t",
            labels: Labels::One(&self.target_labels),
            label_names: &self.names,
            train: &[],
            queries: rows,
            groups: None,
            counted: None,
        };
        Asked { task, roles: &self.of_target }
    }
}

fn numbers(file: &SafeTensors<'_>, name: &str) -> Vec<f64> {
    let tensor = file.tensor(name).unwrap();
    let bytes = tensor.data();
    match tensor.dtype() {
        Dtype::F64 => bytes.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect(),
        Dtype::F32 => bytes.as_chunks().0.iter().map(|bytes| f64::from(f32::from_le_bytes(*bytes))).collect(),
        Dtype::I64 => bytes.as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes) as f64).collect(),
        Dtype::U8 => bytes.iter().map(|byte| f64::from(*byte)).collect(),
        other => panic!("{name} is {other:?}"),
    }
}

fn predicted(found: &Classified) -> Vec<f64> {
    let label = |prediction: &Prediction| match prediction.predicted {
        Truth::One(label) => found.label_names[usize::from(label)][1..].parse().unwrap(),
        Truth::Many(_) => panic!("one label each"),
    };
    found.score.predictions.iter().map(label).collect()
}

fn metrics_of(found: &Classified) -> Vec<f64> {
    CLASSIFIED.iter().map(|metric| found.score.metric(metric.name)).collect()
}

fn near(found: &[f64], wanted: &[f64], tolerance: f64) {
    assert_eq!(found.len(), wanted.len());
    for (at, (found, wanted)) in found.iter().zip(wanted).enumerate() {
        assert!((found - wanted).abs() <= tolerance, "{at}: {found}, {wanted}");
    }
}

#[test]
fn a_logistic_regression_says_what_scikit_learn_says() {
    let golden = Golden::new();
    for c in ["0.05", "1.0", "30.0"] {
        let by = settings::Logistic { c: c.parse().unwrap(), ..settings::Logistic::default() }.into();
        let found = golden.classified(&by, None).unwrap();
        near(&metrics_of(&found), &golden.numbers(&format!("c{c}.metrics")), 1e-12);
        let all = golden.numbers(&format!("c{c}.probabilities"));
        let largest: Vec<f64> = all.chunks(5).map(|each| each.iter().copied().fold(0.0, f64::max)).collect();
        let own: Vec<f64> =
            found.score.predictions.iter().map(|one| f64::from(one.similarity.unwrap())).collect();
        near(&own, &largest, 2e-5);
        let lost = golden.target_labels.iter().filter(|label| **label == 6).count();
        assert_eq!(found.unknown, [("c6".to_owned(), lost)].into());
    }
}

#[test]
fn nearest_means_are_those_of_standardised_features() {
    let golden = Golden::new();
    let by = settings::NearestMean { standardised: None, pooled: None }.into();
    let found = golden.classified(&by, None).unwrap();
    assert_eq!(predicted(&found), golden.numbers("means.predicted"));
    near(&metrics_of(&found), &golden.numbers("means.metrics"), 1e-12);
}

#[test]
fn features_are_put_on_the_sources_scale_by_plates_and_by_controls() {
    let golden = Golden::new();
    let (source, target) = (golden.source(), FeatureMatrix::new(WIDTH, &golden.target).unwrap());
    let rows: Vec<u32> = (0..golden.target_labels.len() as u32).collect();
    for (name, on_controls) in [("standardised", false), ("controls", true)] {
        let said = Some(Standardised { within: Role::Plate, on_controls });
        let training = golden.training(&source);
        let scales = standardised::scales(said, &golden.of_target, &target, &rows, &training).unwrap();
        let mut found = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            let mut x = Vec::new();
            scales.read(at, target.row(*row as usize), &mut x);
            found.extend(x);
        }
        let wanted = golden.numbers(name);
        for (at, (found, wanted)) in found.iter().zip(&wanted).enumerate() {
            assert!((found - wanted).abs() <= 1e-9 * (1.0 + wanted.abs()), "{name} {at}: {found}, {wanted}");
        }
    }
}

#[test]
fn votes_of_a_well_are_one() {
    let golden = Golden::new();
    let by = settings::Logistic {
        c: 1.0,
        standardised: Some(Standardised { within: Role::Plate, on_controls: false }),
        pooled: Some(Role::Well),
    };
    let found = golden.classified(&by.into(), None).unwrap();
    assert_eq!(predicted(&found), golden.numbers("pooled.predicted"));
    near(&metrics_of(&found), &golden.numbers("pooled.metrics"), 1e-12);
}

/// The trained classifier, with weights that a regression found: the same votes as the regression's own.
#[test]
fn a_given_classifier_is_asked_and_must_fit() {
    let golden = Golden::new();
    let source = golden.source();
    let head = regression(&golden.training(&source), 1.0, &mut Silence).unwrap();
    let accuracy = |tent, pooled| settings::Accuracy { tent, standardised: None, pooled }.into();
    let found = golden.classified(&accuracy(false, None), Some(&head)).unwrap();
    near(&metrics_of(&found), &golden.numbers("c1.0.metrics"), 1e-12);
    let none = golden.classified(&accuracy(false, None), None).unwrap_err().to_string();
    assert_eq!(none, "expected at least one trained classifier, found none");
    let narrow = Head { weight: head.weight[..5 * 7].to_vec(), ..head.clone() };
    let error = golden.classified(&accuracy(false, None), Some(&narrow)).unwrap_err().to_string();
    assert_eq!(error, "d: target/t: expected 7 features for each image, as the classifier reads, found 12");
    let well = golden.classified(&accuracy(true, Some(Role::Well)), Some(&head)).unwrap();
    assert_eq!(well.score.predictions.len(), 150);
}

/// Entropy falls, step by step of the whole target, and the numbers are the same every time.
#[test]
fn entropy_is_minimised() {
    let golden = Golden::new();
    let (source, target) = (golden.source(), FeatureMatrix::new(WIDTH, &golden.target).unwrap());
    let training = golden.training(&source);
    let head = regression(&training, 0.05, &mut Silence).unwrap();
    let moments = training.moments().unwrap();
    let rows: Vec<u32> = (0..150).collect();
    let before = standardised::Scales::default();
    let adapted = || tent::adapted(&head, &target, &rows, &before, &moments, &Silence).unwrap();
    let entropy = |scales: &_| tent::entropy(&head, &target, &rows, scales);
    assert!(entropy(&adapted()) < entropy(&before) - 0.05, "{} {}", entropy(&adapted()), entropy(&before));
    assert_eq!(adapted(), adapted());
    // A scale and a shift of each feature, near those that it had.
    for (at, (scale, sd)) in adapted().groups[0].scale.iter().zip(&moments.sd).enumerate() {
        assert!((scale - 1.0).abs() < 0.25, "{at}: {scale} {sd}");
    }
}

#[test]
fn guesses_are_from_the_labels_of_the_source() {
    let golden = Golden::new();
    let source = golden.source();
    let (training, rows) = (golden.training(&source), (0..150).collect::<Vec<u32>>());
    let asked = golden.asked(&rows);
    let most = majority(&asked, &training).unwrap();
    assert!(predicted(&most).iter().all(|label| *label == 0.0));
    let share = golden.target_labels.iter().filter(|label| **label == 0).count() as f64 / 150.0;
    assert_eq!(most.score.metric(metrics::ACCURACY), share);
    let drawn = prior(&asked, &training, Seed(1)).unwrap();
    let shares = |labels: &[u16]| -> Vec<f64> {
        (0..7)
            .map(|label| labels.iter().filter(|own| **own == label).count() as f64 / labels.len() as f64)
            .collect()
    };
    let expected: f64 =
        shares(&golden.train_labels).iter().zip(shares(&golden.target_labels)).map(|(a, b)| a * b).sum();
    assert!((drawn.score.metric(metrics::ACCURACY) - expected).abs() < 0.03);
    assert!(drawn.score.predictions.is_empty());
    assert_eq!(drawn, prior(&asked, &training, Seed(1)).unwrap());
    assert_eq!(drawn.score.per_class.iter().find(|class| class.class == "c6").unwrap().f1, 0.0);
}

#[test]
fn what_cannot_be_computed_is_said() {
    let mut golden = Golden::new();
    let within = |within, on_controls| {
        let standardised = Some(Standardised { within, on_controls });
        settings::NearestMean { standardised, pooled: None }.into()
    };
    for (row, plate) in golden.of_target.0[&Role::Plate].clone().iter().enumerate() {
        if plate == "1" {
            golden.of_target.0.get_mut(&Role::Control).unwrap()[row].clear();
        }
    }
    let error = golden.classified(&within(Role::Plate, true), None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "d: target/t: expected at least one untreated control in the plate `1`, found none"
    );
    assert!(error.hint().unwrap().contains("dataset.toml"));
    golden.target[5 * WIDTH + 2] = f32::NAN;
    let error = golden.classified(&within(Role::Plate, false), None).unwrap_err().to_string();
    assert!(error.contains("row 5, column 2 of the features"), "{error}");
    golden.train_labels.clear();
    let source = golden.source();
    let mut training = golden.training(&source);
    training.parts[0].rows.clear();
    let rows = [0];
    let error = majority(&golden.asked(&rows), &training).unwrap_err().to_string();
    assert_eq!(error, "d: target/t: expected at least one training image of the source, found none");
}

/// A target in the source's own set: images that were trained on are not asked, and its labels come first.
#[test]
fn images_that_were_trained_on_do_not_count() {
    let golden = Golden::new();
    let source = golden.source();
    let mut training = golden.training(&source);
    let rows: Vec<u32> = (0..150).collect();
    let task = golden.asked(&rows).task;
    assert_eq!(training.unseen(&task), [true; 150]);
    training.parts[0].set = "target";
    training.parts[0].rows = vec![0, 2, 149];
    let unseen = training.unseen(&task);
    let seen: Vec<usize> = (0..150).filter(|at| !unseen[*at]).collect();
    assert_eq!(seen, [0, 2, 149]);
    let counted: Vec<bool> = (0..150).map(|at| at < 2).collect();
    let unseen = training.unseen(&TaskInput { counted: Some(&counted), ..task });
    assert_eq!((0..150).filter(|at| unseen[*at]).collect::<Vec<_>>(), [1]);
}
