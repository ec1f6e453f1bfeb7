//! From the store to the printed sentence, over runs with known predictions.

use super::*;
use crate::{
    dsl::Report,
    evaluate::{
        Prediction, TaskScore, Truth,
        predictions::{self, Named},
    },
    report::{Format as FileFormat, Wanted, render},
    spec::{Features, Metric},
    store::{
        ArtifactRow, Claim, DataKind, DatasetRow, ExperimentRow, Outcome, Provenance, RunRow, Scale, WorkRow,
    },
};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const IMAGES: u32 = 120;

/// Two seeds of `good`, one run of `bad`, and the floor that they share; all of 120 images in two tasks and a held-out one.
fn store() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs/a.db");
    let store = Store::open(&path).unwrap();
    let fingerprint = "f00d".repeat(8);
    let dataset = DatasetRow {
        name: "cells".into(),
        fingerprint: fingerprint.clone(),
        kind: DataKind::Real,
        world: String::new(),
        images: 3 * u64::from(IMAGES),
        info: json!({}),
    };
    store.register_dataset(&dataset).unwrap();
    let score = |uid: &str, features: Features| WorkRow {
        uid: uid.into(),
        kind: "score".into(),
        json: json!({
            "kind": "score", "protocol": { "kind": "one_nn", "metric": Metric::L2 }, "features": features,
            "data": { "name": "cells", "sets": [] },
        }),
        parents: vec![],
    };
    let declared = [
        ("aaaa0001", "good", "5bec00000001", 1, "w-1"),
        ("aaaa0002", "good", "5bec00000001", 2, "w-2"),
        ("bbbb0001", "bad", "5bec00000002", 1, "w-3"),
    ];
    for (uid, experiment, spec, seed, work) in declared {
        let run = RunRow {
            uid: uid.into(),
            spec: spec.into(),
            spec_json: json!({ "name": spec }),
            seed,
            scale: Scale::Paper,
            data: ["train", "evaluate"].map(|role| (role.into(), fingerprint.clone())).into(),
            experiment: ExperimentRow { name: experiment.into(), about: String::new(), file: "a.rs".into() },
            label: vec![],
            place: 0,
            works: vec![
                score(work, Features::Model),
                score("w-h", Features::HandMade),
                score("w-c", Features::Constant),
            ],
        };
        store.register_run(&run).unwrap();
    }
    // Every `wrong`-th image is wrong; the constant guess has no stored predictions.
    for (work, wrong) in
        [("w-1", Some(10)), ("w-2", Some(8)), ("w-3", Some(2)), ("w-h", Some(3)), ("w-c", None)]
    {
        let Claim::Yours(attempt) = store.claim(work, &Provenance::default()).unwrap() else {
            panic!("{work} is taken")
        };
        if let Some(wrong) = wrong {
            let noted = PathBuf::from("work").join(work).join("predictions.parquet");
            write(&folder.path().join("runs/a.db.d").join(&noted), wrong);
            let (name, kind) = ("predictions.parquet".into(), "predictions".into());
            let row = ArtifactRow { name, kind, path: noted, bytes: 1, blake3: String::new(), step: None };
            attempt.artifact(&row).unwrap();
        }
        attempt.finish(Outcome::Done).unwrap();
    }
    store.close().unwrap();
    (folder, path)
}

fn write(file: &Path, wrong: u32) {
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let labels: Vec<String> = ["er", "golgi", "vacuole"].map(String::from).into();
    let keys: Vec<String> = (0..IMAGES).map(|row| format!("{row}.png")).collect();
    let one = |row: u32| {
        let truth = (row % 3) as u16;
        let predicted = if (row / 3).is_multiple_of(wrong) { (truth + 1) % 3 } else { truth };
        let [truth, predicted] = [truth, predicted].map(Truth::One);
        Prediction { row, truth, predicted, nearest: None, similarity: None, tied: false }
    };
    let score = |task: &str| TaskScore {
        data: "cells".into(),
        set: "Yeast".into(),
        task: task.into(),
        metrics: Default::default(),
        per_class: vec![],
        predictions: (0..IMAGES).map(one).collect(),
    };
    let scores = ["Task_two", "Task_three", "held_out"].map(score);
    let key = |row: u32| keys[row as usize].as_str();
    // Twelve wells; the table has no other unit.
    let unit = |unit: Unit, row: u32| (unit == Unit::Well).then(|| format!("w{:02}", row / 10));
    let named: Vec<Named<'_>> =
        scores.iter().map(|score| Named { score, key: &key, label_names: &labels, unit: &unit }).collect();
    predictions::write(file, &named).unwrap();
}

fn compare(path: &Path, line: &str) -> Result<Vec<Compared>> {
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        compare: Compare,
    }
    let words = ["compare", "--store", path.to_str().unwrap()].into_iter().chain(line.split(' '));
    <Line as clap::Parser>::try_parse_from(words).unwrap().compare.compared()
}

/// The message and its hint.
fn failure(path: &Path, line: &str) -> String {
    match compare(path, line) {
        Err(Failure::Work { error, hint }) => format!("{error} | {}", hint.unwrap_or_default()),
        Err(other) => panic!("{line}: {other:?}"),
        Ok(_) => panic!("{line} is no failure"),
    }
}

#[test]
fn seeds_are_one_side_and_the_floor_is_the_default_other() {
    let (_folder, path) = store();
    let found = compare(&path, "good bad").unwrap();
    let [good, bad] = &found[..] else { panic!("two systems") };
    let sentence = good.sentence();
    assert!(sentence.starts_with("good (2 seeds) is above hand_made on cells: +0."), "{sentence}");
    assert!(sentence.contains("over 240 images in 2 tasks. The interval over seeds agrees."), "{sentence}");
    assert!(bad.sentence().starts_with("bad (seed 1) is below hand_made"), "{}", bad.sentence());
    // Of 40 images per label, 4 and 5 are wrong: the mean of both seeds; of the floor's, 14.
    let mean = good.mean();
    assert!((mean.a - (0.9 + 0.875) / 2.0).abs() < 1e-12 && (mean.b - 26.0 / 40.0).abs() < 1e-12, "{mean:?}");
    let table = grid::write(&good.table(), Format::Table);
    assert!(table.contains("Yeast/Task_three") && !table.contains("held_out"), "{table}");
    assert!(table.contains("12 wells") && table.contains("24 wells"), "{table}");
    let json = good.json();
    assert_eq!((&json["verdict"], json["tasks"].as_array().unwrap().len()), (&json!("above"), 2));
    assert_eq!((&json["averages"][0]["task"], &json["mean"]["unit"]), (&json!("mean"), &json!("well")));
    assert_eq!(json["run"]["runs"][1], json!({ "run": "aaaa0002", "seed": 2 }));
    assert!(grid::write(&summary(&found), Format::Table).contains("5bec00000002"));
}

#[test]
fn runs_are_found_by_the_beginning_of_ids() {
    let (_folder, path) = store();
    let found = compare(&path, "AAAA0001 --with bad --task Yeast/held_out").unwrap();
    assert!(
        found[0].sentence().starts_with("good (seed 1) is above bad on cells"),
        "{}",
        found[0].sentence()
    );
    let sentence = found[0].sentence();
    assert!(sentence.ends_with("in 1 task. The variation between seeds is unknown."), "{sentence}");
    // Both runs of the spec, however they are named, are its seeds.
    assert_eq!(compare(&path, "aaaa0002 aaaa0001 --with 5bec00000002").unwrap()[0].system.runs.len(), 2);
    let itself = compare(&path, "aaaa0001 --with aaaa0001").unwrap();
    let mean = itself[0].mean();
    assert_eq!((mean.difference, mean.low, mean.high), (0.0, 0.0, 0.0));
    assert!(
        itself[0].sentence().contains("is not significantly different from good seed 1"),
        "{}",
        itself[0].sentence()
    );
}

#[test]
fn what_cannot_be_compared_is_said_with_a_way_out() {
    let (folder, path) = store();
    for (line, wanted) in [
        ("gooood", "neither an experiment nor a run `gooood` | did you mean `good`?"),
        ("aaaa", "`aaaa` is a prefix of 2 ids | use a longer prefix: aaaa0001, aaaa0002"),
        ("good --with prior", "no single prediction per image | compare with `constant`"),
        ("good --with constant", "no predictions are stored for constant of good (run aaaa0001, seed 1) | "),
        ("good --with untrained", "untrained of good (run aaaa0001, seed 1) has no score by"),
        ("good --with hand_made_standardised", "| other features were scored there; `exp` with the same"),
        (
            "good --task Yeast/Task_too",
            "| did you mean `Yeast/Task_two`? both have Yeast/Task_two, Yeast/Task_three",
        ),
        ("good --unit plate", "the plate of every image, found none | assign a column"),
    ] {
        let found = failure(&path, line);
        assert!(found.contains(wanted), "{line}: {found}");
    }
    std::fs::remove_dir_all(folder.path().join("runs/a.db.d/work/w-2")).unwrap();
    let found = failure(&path, "good");
    assert!(found.contains("is missing; it had the predictions") && found.contains("seed 2"), "{found}");
}

#[test]
fn a_damaged_file_is_named_and_costs_a_report_one_system() {
    let (folder, path) = store();
    let file = folder.path().join("runs/a.db.d/work/w-1/predictions.parquet");
    std::fs::write(&file, &std::fs::read(&file).unwrap()[..300]).unwrap();
    let found = failure(&path, "good");
    assert!(found.contains("w-1/predictions.parquet") && found.contains("db check --contents"), "{found}");
    let wanted = ["good", "bad"].map(|name| Wanted {
        name: name.into(),
        title: name.into(),
        report: Report::confusion(name),
    });
    let (store, out) = (Store::open_read_only(&path).unwrap(), folder.path().join("out"));
    render(&wanted, &store, &[], &out, &[FileFormat::Markdown, FileFormat::Svg]).unwrap();
    let page = std::fs::read_to_string(out.join("report.md")).unwrap();
    assert!(page.contains("Predictions could not be read for good"), "{page}");
    assert!(out.join("bad.svg").exists() && !out.join("good.svg").exists());
}
