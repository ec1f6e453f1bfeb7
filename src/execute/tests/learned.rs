//! Classifiers that learned from one set and are asked about another, as whole runs.

use super::{Home, values};
use crate::{
    backbone::files,
    data::sample,
    evaluate::{FeatureFile, FeatureRows, answered::PredictionCache, predictions, units::Unit},
    model::Card,
    plan::{Plan, Work},
    prelude::*,
    spec::{Features, Selection, Spec, settings},
    store::{ScoreRow, Store},
};
use std::{collections::BTreeMap, fs, path::PathBuf, time::SystemTime};

const SMALL: Folder = Folder("small");
/// Training images of the target, which nothing reads, and those that are asked.
const TRAIN: usize = 2;
const ASKED: usize = 15;

/// A source of two classes, and a target on two plates that has a third one.
fn home() -> Home {
    let folder = tempfile::tempdir().unwrap();
    let of = |rows: usize,
              labels: [&'static str; 3],
              split: &dyn Fn(usize) -> &'static str|
     -> Vec<(&'static str, String)> {
        (0..rows)
            .map(|row| {
                let control = if row % 5 == 0 { "negcon" } else { "" };
                let (plate, well) = (1 + row / 2 % 2, row / 4);
                (labels[row % 3], format!("{},P{plate},w{well},{control}", split(row)))
            })
            .collect()
    };
    let source = of(16, ["x", "y", "x"], &|row| if row < 12 { "Train,False" } else { "Task_one,True" });
    let target =
        of(TRAIN + ASKED, ["x", "y", "z"], &|row| if row < TRAIN { "Train,False" } else { "Task_one,True" });
    let borrowed = |rows: &'static [(&'static str, String)]| -> Vec<(&str, &str)> {
        rows.iter().map(|(label, fields)| (*label, fields.as_str())).collect()
    };
    let (source, target) = (borrowed(source.leak()), borrowed(target.leak()));
    let columns = "train_test_split,Task_one,Plate,Well,control";
    let set = |name, rows| sample::Set { name, columns, rows };
    let data = sample::folder(&folder.path().join("small"), &[set("A", &source), set("B", &target)], "");
    let store = Store::open(folder.path().join("runs.db")).unwrap();
    Home { _folder: folder, store, data: [("small".to_owned(), data)].into() }
}

fn set(name: &str) -> Selection {
    Selection::new("small", &[name])
}

/// Trained on A, asked about B and, of its own, what it did not see.
fn spec(say: impl FnOnce(&mut Spec)) -> Spec {
    let model = ConvNext::mini().scratch().adapter(HyperNet { z: 4, hidden: 4 });
    let run = model.train_on(SMALL).loss(CrossEntropy).image(32).epochs(2).batch(4).warmup(1);
    let run = run.evaluate(Accuracy.on(SMALL));
    let mut spec = run.normalise(Image.floor(0.1)).specs().remove(0).spec;
    // It reads sets that it was not trained on.
    spec.model.adapter = settings::Planes { channels: vec!["dna".into()] }.into();
    spec.train.data = set("A");
    spec.evaluate[0].data = set("B");
    say(&mut spec);
    spec.canonical()
}

impl Home {
    /// Files of a kind of the works of a kind, in the plan's order.
    fn files(&self, plan: &Plan, work: &str, file: &str) -> Vec<PathBuf> {
        let reader = || self.store.read().unwrap();
        let steps = plan.steps.iter().filter(|step| step.work.kind() == work);
        let rows = steps.flat_map(|step| reader().artifacts(step.id.as_str()).unwrap());
        rows.filter(|row| row.kind == file)
            .map(|row| reader().file(row.path.to_str().unwrap()).unwrap())
            .collect()
    }
}

/// What the trained classifier says of each image of B, computed here from the files that are kept.
fn by_hand(home: &Home, plan: &Plan) -> Vec<String> {
    let weights = home.files(plan, "fit", "weights").remove(0);
    let card: Card = serde_json::from_str(&files::note(&weights).unwrap().unwrap()).unwrap();
    assert_eq!(card.classes, ["x", "y"]);
    let features =
        home.files(plan, "embed", "features").into_iter().find(|path| path.ends_with("features-B.f32"));
    let features = FeatureFile::plain(&features.unwrap(), TRAIN + ASKED).unwrap();
    let width = features.width();
    let [weight, bias] =
        files::tensors(&weights, &[("classifier.weight", &[2, width]), ("classifier.bias", &[2])]).unwrap();
    let mut values = vec![0.0; ASKED * width];
    features.read(&(TRAIN as u32..(TRAIN + ASKED) as u32).collect::<Vec<u32>>(), &mut values).unwrap();
    let logit = |image: &[f32], class: usize| -> f64 {
        let products = image.iter().zip(&weight[class * width..]).map(|(a, b)| f64::from(*a) * f64::from(*b));
        products.sum::<f64>() + f64::from(bias[class])
    };
    let predicted =
        values.chunks_exact(width).map(|image| if logit(image, 1) > logit(image, 0) { "y" } else { "x" });
    predicted.map(String::from).collect()
}

fn accuracy(scores: &[ScoreRow], task: &str) -> (f64, u64) {
    values(scores)[&(task, "", "accuracy")]
}

#[test]
fn the_trained_classifier_is_asked_about_another_set() {
    let home = home();
    let (plan, scores, _) = home.run(&spec(|_| {}));
    let expected = by_hand(&home, &plan);
    let path = home.files(&plan, "score", "predictions").remove(0);
    let read = predictions::read(&path, "small", &PredictionCache::default()).unwrap().remove(0);
    assert_eq!(read.predicted.iter().collect::<Vec<_>>(), expected);
    let truth: Vec<&str> = read.asked.truth.iter().collect();
    assert!(truth.contains(&"z"), "a label that the classifier does not know");
    let right = truth.iter().zip(&expected).filter(|(truth, found)| *truth == found).count();
    let (found, images) = accuracy(&scores, "B/Task_one");
    assert_eq!((images as usize, (found * ASKED as f64).round() as usize), (ASKED, right));
    assert!(read.asked.units(Unit::Well).is_some(), "wells can be resampled");
    for metric in ["f1_macro", "precision_macro", "recall_macro", "kappa"] {
        assert!(values(&scores).contains_key(&("B/Task_one", "", metric)), "{metric}");
    }
    // Nothing of the source is embedded for it, only for the untrained floor's regression.
    let embeds: Vec<_> = plan.steps.iter().filter(|step| step.work.kind() == "embed").collect();
    assert_eq!(embeds.len(), 3);
    let floors = home.store.read().unwrap().floors(plan.run.as_str()).unwrap();
    let of = floors.iter().filter(|(_, row)| row.metric == "accuracy" && row.class.is_empty());
    assert_eq!(of.count(), Features::FLOORS.len());
}

#[test]
fn of_its_own_set_only_images_are_asked_that_were_not_trained_on() {
    let home = home();
    let (_, scores, _) = home.run(&spec(|spec| {
        spec.evaluate[0].data = set("A");
        spec.train.hold_out = 0.25;
    }));
    let of_own: BTreeMap<_, _> =
        values(&scores).into_iter().filter(|((_, _, metric), _)| *metric == "accuracy").collect();
    let images = |task: &str| of_own[&(task, "", "accuracy")].1;
    assert_eq!((images("A/Task_one"), images("A/held_out")), (4, 3));
}

/// Every protocol that learns, on models and floors.
#[test]
fn everything_that_can_be_said_of_a_classifier_is_computed() {
    let home = home();
    let standardised = |on_controls| Some(crate::spec::Standardised { within: Role::Plate, on_controls });
    let protocols: Vec<crate::spec::Protocol> = vec![
        settings::Accuracy { tent: false, standardised: standardised(false), pooled: None }.into(),
        settings::Accuracy { tent: true, standardised: standardised(true), pooled: Some(Role::Well) }.into(),
        settings::NearestMean { standardised: None, pooled: None }.into(),
        settings::Logistic::default().into(),
        settings::Knn { k: 3, temperature: 0.07, standardised: None, pooled: None }.into(),
    ];
    let spec = spec(|spec| {
        let first = spec.evaluate.remove(0);
        let of = |protocol: &crate::spec::Protocol| crate::spec::Evaluate {
            protocol: protocol.clone(),
            ..first.clone()
        };
        spec.evaluate = protocols.iter().map(of).collect();
    });
    let (plan, scores, _) = home.run(&spec);
    let embeds = plan.steps.iter().filter(|step| matches!(step.work, Work::Embed { .. })).count();
    assert_eq!(embeds, 4, "source and target, by the trained and the untrained model, whatever the protocol");
    for protocol in &protocols {
        let own = scores.iter().filter(|row| {
            row.protocol == protocol.name() && row.metric == "accuracy" && row.class.is_empty()
        });
        assert_eq!(own.count(), 1, "{}", protocol.name());
    }
    // All images of a well have one label.
    let path = home.files(&plan, "score", "predictions");
    let pooled = predictions::read(&path[4 + 1], "small", &PredictionCache::default()).unwrap().remove(0);
    let wells = pooled.asked.units(Unit::Well).unwrap();
    let mut of_well = BTreeMap::new();
    for (at, well) in pooled.asked.by_key.iter().zip(wells) {
        let label = pooled.predicted.get(*at as usize);
        assert_eq!(*of_well.entry(well).or_insert(label), label);
    }
    assert!(of_well.len() > 3);
}

#[test]
fn a_table_without_plates_is_refused_before_anything_is_trained() {
    let home = home();
    let within = |within, data: Selection| {
        let standardised = Some(crate::spec::Standardised { within, on_controls: false });
        let spec = spec(|spec| {
            spec.evaluate[0].protocol = settings::Accuracy { tent: false, standardised, pooled: None }.into();
            spec.evaluate[0].data = data;
        });
        Plan::of(&spec, crate::seed::Seed(1), &home.data).map(drop)
    };
    assert!(within(Role::Plate, set("B")).is_ok());
    let problems = within(Role::Batch, set("B")).unwrap_err().to_string();
    assert!(problems.contains("the table of `B` of `small` has no column for the role batch"), "{problems}");
}

/// What is kept beside the store of a data set alone: contents by name.
fn kept(home: &Home) -> BTreeMap<String, (Vec<u8>, SystemTime)> {
    let folders = fs::read_dir(home._folder.path().join("runs.db.d/data")).unwrap();
    let files = folders.flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap());
    files
        .map(|file| {
            let path = file.unwrap().path();
            let written = fs::metadata(&path).unwrap().modified().unwrap();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, (fs::read(&path).unwrap(), written))
        })
        .collect()
}

#[test]
fn hand_made_features_and_regressions_are_computed_once_for_all_runs() {
    let home = home();
    let asked = |epochs, pooled| {
        spec(|spec| {
            spec.train.stages[0].epochs = epochs;
            let standardised = Some(crate::spec::Standardised { within: Role::Plate, on_controls: false });
            let mut second = spec.evaluate[0].clone();
            second.protocol = settings::Accuracy { tent: false, standardised, pooled }.into();
            spec.evaluate.push(second);
        })
    };
    let (plan, ..) = home.run(&asked(2, None));
    let first = kept(&home);
    let names = |start: &str| first.keys().filter(|name| name.starts_with(start)).count();
    // Of both sets, with grey levels as stored and standardised; regressions on these and on untrained features.
    assert_eq!(
        (names("A-hand_made"), names("B-hand_made"), names("classifier-")),
        (2, 2, 3),
        "{:?}",
        first.keys()
    );
    assert_eq!(first.len(), 7, "no lock and no half of a file stays: {:?}", first.keys());

    let (other, ..) = home.run(&asked(1, None));
    assert_ne!(plan.run, other.run);
    assert!(kept(&home) == first, "another run reads what is there");

    let folder =
        fs::read_dir(home._folder.path().join("runs.db.d/data")).unwrap().next().unwrap().unwrap().path();
    for name in first.keys() {
        let half = &first[name].0[..first[name].0.len() / 2 + 1];
        fs::write(folder.join(name), half).unwrap();
    }
    home.run(&asked(1, Some(Role::Well)));
    for (name, (contents, _)) in kept(&home) {
        assert!(contents == first[&name].0, "{name} is the same again");
    }
}
