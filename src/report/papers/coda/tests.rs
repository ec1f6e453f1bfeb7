//! CODA's figures from a small store: what they draw is what is stored, and where something is missing they say what computes it.

use crate::{
    evaluate::cka::{Layers, Tokens},
    prelude::*,
    report::{Declaration, Format, Wanted, render},
    seed::Seed,
    spec::{Spec, id::SpecId, quick::quick},
    store::{
        ArtifactRow, Claim, DataKind, DatasetRow, ExperimentRow, Outcome, Provenance, RunRow, Scale,
        ScoreRow, Store, WorkRow, work_folder,
    },
};
use serde_json::{Value, json};

/// The model of a source with a classifier on top, adapted or not.
macro_rules! dual {
    ($source:expr, $loss:expr) => {
        Vit::small()
            .pretrained(ImageNet1k)
            .adapter(Planes(["dna", "er", "mito"]))
            .train_on($source)
            .window(224)
            .normalise(EachView)
            .augment(Flips + Intensity)
            .loss($loss)
            .classify(Vit::small())
    };
}

fn views() -> DinoV1 {
    DinoV1::ema(0.996)
}

fn one(run: impl Experiments) -> Spec {
    run.specs().remove(0).spec
}

/// A file of a work: its name, its kind, its contents.
type Leaves = Vec<(String, &'static str, Vec<u8>)>;

struct Home {
    _folder: tempfile::TempDir,
    store: Store,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("test.db")).unwrap();
        let row = DatasetRow {
            name: "jump".into(),
            fingerprint: "cells".into(),
            kind: DataKind::Simulated,
            world: "7".into(),
            images: 60,
            info: json!({}),
        };
        store.register_dataset(&row).unwrap();
        Self { _folder: folder, store }
    }

    /// A finished run of the small version of a spec, with accuracies by task and part. `alone` is what its model leaves of a set
    /// without a classifier.
    fn run(&self, declared: &Spec, seed: u64, accuracies: &[(&str, &str, f64)], alone: Leaves) {
        let spec = quick(declared);
        let uid = format!("{}-{seed}", SpecId::of(&spec).as_str());
        let work = |name: &str, kind: &str, json: Value, parents: &[&str]| WorkRow {
            uid: format!("{name}-{uid}"),
            kind: kind.into(),
            json,
            parents: parents.iter().map(|parent| format!("{parent}-{uid}")).collect(),
        };
        let data = json!({ "name": "jump", "sets": ["source_5"] });
        let row = RunRow {
            uid: uid.clone(),
            spec: SpecId::of(&spec).as_str().into(),
            spec_json: serde_json::to_value(&spec).unwrap(),
            seed,
            scale: Scale::Quick,
            data: vec![("train".into(), "cells".into()), ("evaluate".into(), "cells".into())],
            experiment: ExperimentRow { name: "coda".into(), about: String::new(), file: String::new() },
            label: vec![],
            place: 0,
            works: vec![
                work("fit", "fit", json!({ "training": {} }), &[]),
                work("top", "fit", json!({ "training": {}, "classifier": {} }), &["fit"]),
                work("alone", "embed", json!({ "data": data, "subset": 1500 }), &["fit"]),
                work("scored", "embed", json!({ "data": data, "subset": 1500 }), &["top"]),
                work("layers", "layers", json!({ "data": data, "subset": 1500 }), &["fit"]),
                work("score", "score", json!({ "features": "model", "data": data }), &["scored"]),
            ],
        };
        self.store.register_run(&row).unwrap();
        for WorkRow { uid: work, kind, .. } in &row.works {
            let Claim::Yours(attempt) = self.store.claim(work, &Provenance::default()).unwrap() else {
                panic!("{work} is taken")
            };
            for (name, of, bytes) in &alone {
                let own =
                    (kind == "layers") == (*of == "layers") && ["embed", "layers"].contains(&kind.as_str());
                if !own {
                    continue;
                }
                let folder = work_folder(self.store.path(), work).unwrap();
                std::fs::create_dir_all(&folder).unwrap();
                // Under the classifier the model says something else.
                let bytes = if work.starts_with("scored") { vec![0; bytes.len()] } else { bytes.clone() };
                std::fs::write(folder.join(name), &bytes).unwrap();
                let row = ArtifactRow {
                    name: name.clone(),
                    kind: (*of).into(),
                    path: format!("work/{work}/{name}").into(),
                    bytes: bytes.len() as u64,
                    blake3: String::new(),
                    step: None,
                };
                attempt.artifact(&row).unwrap();
            }
            if kind == "score" {
                let rows: Vec<ScoreRow> =
                    accuracies.iter().map(|(task, part, value)| score(task, part, *value)).collect();
                attempt.scores(&rows).unwrap();
            }
            attempt.finish(Outcome::Done).unwrap();
        }
    }

    /// A figure's page, its tables, the points behind it, and the figure.
    fn figure(
        &self,
        name: &str,
        declared: &[Declaration],
    ) -> (String, String, Option<String>, Option<String>) {
        let out = tempfile::tempdir().unwrap();
        let report = Report::published("coda", name);
        report.check().unwrap();
        let wanted = Wanted { name: name.into(), title: String::new(), report };
        let formats = Format::ALL.into_iter().filter(|format| format.is_built()).collect::<Vec<_>>();
        render(&[wanted], self.store.read().unwrap(), declared, out.path(), &formats).unwrap();
        let read = |file: String| std::fs::read_to_string(out.path().join(file)).ok();
        let page = read("report.md".into()).unwrap();
        let csv = read(format!("{name}.csv")).unwrap();
        (page, csv, read(format!("{name}_points.csv")), read(format!("{name}.svg")))
    }
}

fn score(task: &str, part: &str, value: f64) -> ScoreRow {
    let [protocol, data, class, metric] = ["accuracy", "jump", "", "accuracy"].map(String::from);
    ScoreRow { protocol, data, part: part.into(), task: task.into(), class, metric, value, n: 60 }
}

fn declared() -> Vec<Declaration> {
    let specs = [
        ("four", one(dual!(S3, views()).adapt(Oda::per(Plate), S11).batch(64).evaluate(Accuracy.on(S11)))),
        ("five", one(dual!(S3, views()).inspect(S3).inspect(S5).evaluate(Accuracy.on(S5)))),
        (
            "six",
            one(dual!(S5, views().across(Role::Plate))
                .inspect(S5)
                .evaluate(Accuracy.on(S5.selection_plate()))),
        ),
    ];
    specs.map(|(experiment, spec)| Declaration { experiment: experiment.into(), spec }).into()
}

#[test]
fn figures_of_an_empty_store_say_what_would_fill_them() {
    let declared = declared();
    for (name, experiment) in
        [("figure4", "four"), ("figure5", "five"), ("figure6", "six"), ("figure7", "coda_s3")]
    {
        let (page, csv, points, svg) = Home::new().figure(name, &declared);
        assert_eq!((svg, points), (None, None), "{name}");
        assert!(page.contains(&format!("`dichroic exp {experiment}`")), "{name}: {page}");
        assert!(
            !csv.lines().any(|line| line.contains(",measured,") && line.contains(",0.")),
            "{name}: {csv}"
        );
    }
}

#[test]
fn figure_7_draws_the_numbers_of_table_2_and_a_seed_counts_once() {
    let home = Home::new();
    let spec = || dual!(S3, views()).adapt(Oda::per(Source), S5);
    let asked = one(spec().evaluate(Accuracy.on(S5)));
    home.run(&asked, 0, &[("source_5/MoA", "", 0.21)], vec![]);
    home.run(&asked, 1, &[("source_5/MoA", "", 0.29)], vec![]);
    // A run of another experiment, which keeps more of the same model.
    home.run(&one(spec().inspect(S5).evaluate(Accuracy.on(S5))), 0, &[("source_5/MoA", "", 0.21)], vec![]);
    let (page, csv, _, svg) = home.figure("figure7", &[]);
    assert!(page.contains("on *simulated* data") && page.contains("0.250 ± 0.057"), "{page}");
    let number =
        csv.lines().find(|line| line.contains(",measured,") && line.contains("source_5/MoA")).unwrap();
    assert!(number.contains("0.25"), "{number}");
    let svg = svg.unwrap();
    let texts = [
        ".25",
        "ODA",
        "from S3: simulated microscopes (world 7), scale quick",
        "from S3: published, not comparable",
        ".33",
    ];
    texts.iter().for_each(|text| assert!(svg.contains(&format!("\n{text}")), "{text}: {svg}"));
    assert!(!svg.contains("from S5"), "nothing is measured from there");
}

#[test]
fn figure_4_has_a_point_for_all_parts_together_and_a_dot_for_each_alone() {
    let home = Home::new();
    let task = "source_11/MoA";
    let adapted = |how| dual!(S3, views()).adapt(how, S11).batch(64).evaluate(Accuracy.on(S11));
    home.run(&one(adapted(Oda::per(Plate))), 0, &[(task, "", 0.4)], vec![]);
    let parts = [(task, "adapted to plate=P1", 0.2), (task, "adapted to plate=P2", 0.3)];
    home.run(&one(adapted(Oda::per(Plate).on_one())), 0, &parts, vec![]);
    let supervised = Vit::small().pretrained(ImageNet1k).adapter(Planes(["dna", "er", "mito"])).train_on(S3);
    let supervised = supervised.window(224).normalise(EachView).augment(Flips + Intensity).loss(CrossEntropy);
    home.run(&one(supervised.evaluate(Accuracy.on(S11))), 0, &[(task, "", 0.1)], vec![]);

    let (page, _, _, svg) = home.figure("figure4", &declared());
    assert!(page.contains("| ODA | a plate | its own part | 0.400 |"), "{page}");
    assert!(page.contains("| ODA | a plate | the whole target | 0.250 ± 0.071 |"), "{page}");
    assert!(page.contains("| Supervised | as it is | all | 0.100 |"), "{page}");
    let svg = svg.unwrap();
    let heights = |radius: &str| -> Vec<f64> {
        let circles = svg.split("<circle").filter(|circle| circle.contains(&format!("r=\"{radius}\"")));
        circles
            .map(|circle| circle.split("cy=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap())
            .collect()
    };
    // 120 points are 0.5, ten units a point: a tenth is 240 units.
    let (dots, points) = (heights("11"), heights("32"));
    assert_eq!((dots.len(), points.len()), (2, 2));
    let below = |a: f64, b: f64| ((a - b) / 240.0 * 10.0).round() / 100.0;
    assert_eq!((below(dots[0], dots[1]), below(points[1], points[0])), (0.1, 0.15));
    assert_eq!(below(dots[0], points[0]), 0.2);
    // From the other sources nothing is there, and the place says so.
    assert!(svg.contains("not in the store yet:") && svg.contains("declared by no experiment"));
}

/// Features in two heaps, and one layer of patches and two of a block.
fn said(shift: f32) -> Leaves {
    let mut stream = Seed(3).stream("heaps");
    let (mut features, mut images) = (Vec::new(), String::from("image,label,splits\n"));
    for row in 0..40 {
        let heap = row % 2;
        for part in 0..3 {
            let value = if part == heap { 5.0 } else { 0.0 } + 0.1 * stream.normal();
            features.extend((value as f32).to_le_bytes());
        }
        images += &format!("source_5/{row}.png,{},Train+MoA\n", ["kinase inhibitor", "opioid agonist"][heap]);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layers.safetensors");
    layers(shift).write(&path).unwrap();
    vec![
        ("features-source_5.f32".into(), "features", features),
        ("images-source_5.csv".into(), "images", images.into_bytes()),
        ("layers-source_5.safetensors".into(), "layers", std::fs::read(path).unwrap()),
    ]
}

fn layers(shift: f32) -> Layers {
    let mut layers = Layers::of(["a", "b"].into_iter(), 6);
    for batch in 0..2 {
        for layer in 0..3 {
            let value =
                |at: usize| ((at * 37 + layer * 11 + batch * 5) % 17) as f32 + shift * (at % 3) as f32;
            layers.add(layer, &(0..24).map(value).collect::<Vec<_>>(), (layer > 0).then_some(2)).unwrap();
        }
    }
    layers
}

#[test]
fn figure_5_maps_what_the_model_says_without_its_classifier() {
    let home = Home::new();
    let spec = one(dual!(S3, views()).inspect(S5).evaluate(Accuracy.on(S5)));
    home.run(&spec, 0, &[("source_5/MoA", "", 0.2)], said(0.0));
    let (page, _, points, svg) = home.figure("figure5", &declared());
    let svg = svg.unwrap();
    for text in [
        "kinase inhibitor",
        "opioid agonist",
        "Dual-model-DINO, S3, on S5",
        "not in the store yet:",
        "scale quick",
    ] {
        assert!(svg.contains(text), "{text}");
    }
    assert_eq!(svg.matches("<circle").count(), 40 + 2, "every image once, and two keys");
    assert_eq!(points.unwrap().lines().count(), 1 + 40);
    // Two heaps are two heaps in the plane, of which the features under the classifier know nothing.
    assert!(page.contains("| Dual-model-DINO | S3 | as it is | S5 | its own | 0 | 40 |"), "{page}");
    assert!(page.contains("| 1.000 | 0.500 |"), "{page}");
    assert!(page.contains("`dichroic exp five`"), "{page}");
    assert_eq!(home.figure("figure5", &declared()).3.unwrap(), svg, "the same bytes");
}

#[test]
fn figure_6_compares_the_layers_that_are_stored() {
    let home = Home::new();
    let across = || views().across(Role::Plate);
    let before = one(dual!(S3, across()).inspect(S5).evaluate(Accuracy.on(S5)));
    let after = one(dual!(S3, across()).adapt(Coda::per(Source), S5).inspect(S5).evaluate(Accuracy.on(S5)));
    home.run(&before, 0, &[("source_5/MoA", "", 0.2)], said(0.0));
    home.run(&after, 0, &[("source_5/MoA", "", 0.3)], said(4.0));
    let (page, _, points, svg) = home.figure("figure6", &declared());
    let points = points.unwrap();
    assert_eq!(points.lines().count(), 1 + 9 + 4, "three layers with all tokens, two with a class token");
    for tokens in Tokens::EACH {
        let wanted = layers(0.0).beside(&layers(4.0), tokens).unwrap();
        let first = layers(0.0).numbers(tokens).start;
        for (row, of_row) in wanted.iter().enumerate() {
            for (column, pair) in of_row.iter().enumerate() {
                let (sums, ratios) = (pair.ratio_of_sums(), pair.mean_of_ratios());
                let line = format!(
                    "CODA before adapting,CODA after adapting,{},{},{},{sums:.6},{ratios:.6}",
                    tokens.name(),
                    first + row,
                    first + column
                );
                assert!(points.contains(&line), "{line}: {points}");
            }
        }
    }
    let svg = svg.unwrap();
    assert!(svg.contains("before × after: class token") && svg.contains("not in the store yet:"), "{svg}");
    assert!(page.contains("`dichroic exp six`"), "{page}");
    // Files of other images are not compared.
    let mut other = said(1.0);
    let mut layers = Layers::of(["other"].into_iter(), 6);
    layers.add(0, &[1.0, 2.0, 0.5, 3.0, 1.5, 7.0], None).unwrap();
    let folder = tempfile::tempdir().unwrap();
    layers.write(&folder.path().join("layers")).unwrap();
    other[2].2 = std::fs::read(folder.path().join("layers")).unwrap();
    let target = one(dual!(S5, across()).inspect(S5).evaluate(Accuracy.on(S5.selection_plate())));
    home.run(&target, 0, &[("source_5/MoA", "plate_split=selection", 0.3)], other);
    let (page, ..) = home.figure("figure6", &declared());
    assert!(page.contains("the two models were looked at with other images"), "{page}");
}
