//! Exported files of a store with four runs of two experiments.

use super::*;
use crate::{
    event::Silence,
    store::{
        Attempt, Claim, DataKind, DatasetRow, ExperimentRow, Floor, Host, Outcome, Provenance, RunRow, Scale,
        ScoreRow, Store, WorkRow,
    },
};
use ::parquet::{
    file::reader::{FileReader, SerializedFileReader},
    record::Field,
};
use std::collections::BTreeMap;
use tempfile::TempDir;

const DONE: &str = "aaaa000011112222";
const OPEN: &str = "bbbb000011112222";

fn run(experiment: &str, uid: &str, seed: u64, works: &[(&str, &[&str])]) -> RunRow {
    let work = |(uid, sets): &(&str, &[&str])| WorkRow {
        uid: (*uid).into(),
        kind: uid.split('-').next().unwrap().into(),
        json: serde_json::json!({"revisions": [["ops", 1]], "train": {"data": {"name": "chammi", "sets": sets}}}),
        parents: vec![],
    };
    RunRow {
        uid: uid.into(),
        spec: format!("spec of {seed}"),
        spec_json: serde_json::json!({"train": {"lr": 0.001, "name": "a\nb"}}),
        seed,
        scale: Scale::Quick,
        data: vec![("train".into(), "f00d".repeat(8))],
        experiment: ExperimentRow {
            name: experiment.into(),
            about: "A test.".into(),
            file: "experiments/a.rs".into(),
        },
        label: vec![("adapter".into(), "hypernet".into())],
        place: 0,
        works: works.iter().map(work).collect(),
    }
}

fn score(class: &str, metric: &str, value: f64) -> ScoreRow {
    let [protocol, data, part, task, class, metric] =
        ["one_nn_cosine", "chammi", "", "HPA/Task_one", class, metric].map(String::from);
    ScoreRow { protocol, data, part, task, class, metric, value, n: 90 }
}

/// One finished run that two experiments share, one that has begun, one with two trainings, one with nothing.
fn filled() -> (TempDir, Reader) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let store = Store::open(&path).unwrap();
    let data = DatasetRow {
        name: "chammi".into(),
        fingerprint: "f00d".repeat(8),
        kind: DataKind::Simulated,
        world: "1".into(),
        images: 900,
        info: serde_json::json!({}),
    };
    store.register_dataset(&data).unwrap();
    let works: [(&str, &[&str]); 3] = [("pretrain-1", &[]), ("fit-1", &["HPA"]), ("score-1", &[])];
    store.register_run(&run("first", DONE, 1, &works)).unwrap();
    store.register_run(&run("second", DONE, 1, &works)).unwrap();
    store.register_run(&run("second", OPEN, 2, &[("fit-2", &[])])).unwrap();
    let two: [(&str, &[&str]); 2] = [("fit-3", &["HPA"]), ("fit-4", &["CP"])];
    store.register_run(&run("second", "cccc000011112222", 3, &two)).unwrap();
    store.register_run(&run("second", "dddd000011112222", 4, &[("fit-5", &[])])).unwrap();
    let who = Provenance { host: Host::here(), ..Provenance::default() };
    let claim = |work: &str| -> Box<Attempt> {
        let Claim::Yours(attempt) = store.claim(work, &who).unwrap() else { panic!("{work}") };
        attempt
    };
    let curve = |work: &str, metric: &str, values: &[f64]| {
        let attempt = claim(work);
        for (at, value) in values.iter().enumerate() {
            attempt.metrics().push(metric, at as u64 + 1, *value);
        }
        attempt
    };
    curve("pretrain-1", "loss", &[9.0]).finish(Outcome::Done).unwrap();
    let fit = curve("fit-1", "loss", &[2.5, f64::NAN, f64::INFINITY]);
    fit.metrics().push("loss/proxy_nca", 7, 1e-7);
    fit.finish(Outcome::Done).unwrap();
    let scored = claim("score-1");
    scored.scores(&[score("", "f1_macro", 0.75), score("ER", "f1", f64::NAN)]).unwrap();
    scored.floors(Floor::Constant, &[score("", "f1_macro", 0.1)]).unwrap();
    scored.finish(Outcome::Done).unwrap();
    curve("fit-2", "lr", &[0.1]).finish(Outcome::Error("it, \"broke\"".into())).unwrap();
    curve("fit-3", "loss", &[1.0]).finish(Outcome::Done).unwrap();
    curve("fit-4", "loss", &[2.0]).finish(Outcome::Done).unwrap();
    store.close().unwrap();
    (folder, Store::open_read_only(&path).unwrap())
}

fn written(format: Format, wanted: &Wanted) -> (TempDir, BTreeMap<String, Vec<u8>>) {
    let (folder, reader) = filled();
    let out = folder.path().join("out");
    let listen = &mut Silence;
    export(&reader, format, wanted, &out, listen).unwrap();
    let first = files(&out);
    export(&reader, format, wanted, &out, listen).unwrap();
    assert_eq!(files(&out), first, "the second export is the same");
    (folder, first)
}

/// Every file below a folder, by relative path.
fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    fn visit(root: &Path, folder: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                visit(root, &path, found);
            } else {
                let name = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    visit(root, root, &mut found);
    found
}

fn text<'a>(files: &'a BTreeMap<String, Vec<u8>>, name: &str) -> &'a str {
    let file = files.get(name).unwrap_or_else(|| panic!("no {name} among {:?}", files.keys()));
    std::str::from_utf8(file).unwrap()
}

#[test]
fn csv_has_a_line_for_each_row_and_every_digit() {
    let (_folder, files) = written(Format::Csv, &Wanted::default());
    assert_eq!(files.keys().collect::<Vec<_>>(), ["curves.csv", "floors.csv", "runs.csv", "scores.csv"]);
    let runs: Vec<&str> = text(&files, "runs.csv").lines().collect();
    assert_eq!(runs.len(), 1 + 5, "the shared run is listed under both experiments");
    assert!(
        runs[0].starts_with("uid,experiment,label,place,spec,seed,scale,data,status,stale,tags,"),
        "{}",
        runs[0]
    );
    assert!(runs[3].contains(r#",failed,"#) && runs[3].contains(r#""it, ""broke""""#), "{}", runs[3]);
    let scores = text(&files, "scores.csv");
    assert!(scores.contains(",HPA/Task_one,,f1_macro,max,0.75,90\n"), "{scores}");
    assert!(scores.contains(",HPA/Task_one,ER,f1,max,NaN,90\n"), "{scores}");
    assert_eq!(text(&files, "floors.csv").lines().count(), 1 + 2);
    let curves: Vec<Vec<&str>> =
        text(&files, "curves.csv").lines().map(|line| line.split(',').collect()).collect();
    let point = |line: &Vec<&str>| (line[0].to_owned(), line[2].to_owned(), line[4..8].join(" "));
    let point = |at: usize| point(&curves[at]);
    assert_eq!(point(0), ("uid".into(), "work".into(), "metric clock step value".into()));
    assert_eq!(point(1), (DONE.into(), "pretrain-1".into(), "loss 0 1 9.0".into()));
    assert_eq!(point(3), (DONE.into(), "fit-1".into(), "loss 0 2 NaN".into()));
    assert_eq!(point(4), (DONE.into(), "fit-1".into(), "loss 0 3 inf".into()));
    assert_eq!(point(5), (DONE.into(), "fit-1".into(), "loss/proxy_nca 0 7 1e-7".into()));
    assert_eq!(curves.len(), 1 + 8, "the shared run's curves are written once");
}

#[test]
fn json_is_one_document() {
    let wanted = Wanted { experiment: Some("f*".into()), run: Some("aaaa".into()) };
    let (_folder, files) = written(Format::Json, &wanted);
    let all: serde_json::Value = serde_json::from_str(text(&files, "dichroic.json")).unwrap();
    let lengths = ["runs", "scores", "floors", "curves"].map(|list| all[list].as_array().map(Vec::len));
    assert_eq!(lengths, [Some(1), Some(2), Some(1), Some(5)]);
    assert_eq!(all["runs"][0]["label"], serde_json::json!({"adapter": "hypernet"}));
    assert_eq!(all["runs"][0]["config"]["train"]["lr"], 0.001);
    assert_eq!(all["runs"][0]["error"], serde_json::Value::Null);
    let values: Vec<&serde_json::Value> =
        all["curves"].as_array().unwrap().iter().map(|point| &point["value"]).collect();
    let expected = serde_json::json!([9.0, 2.5, null, "Infinity", 1e-7]);
    assert_eq!(values, expected.as_array().unwrap().iter().collect::<Vec<_>>());
}

#[test]
fn parquet_has_the_types_of_the_columns() {
    let (folder, files) = written(Format::Parquet, &Wanted::default());
    assert_eq!(files.len(), 4);
    let read = |name: &str| {
        let file = File::open(folder.path().join("out").join(name)).unwrap();
        let reader = SerializedFileReader::new(file).unwrap();
        let rows = reader.get_row_iter(None).unwrap().map(|row| row.unwrap());
        rows.map(|row| row.get_column_iter().map(|(_, field)| field.clone()).collect::<Vec<_>>())
            .collect::<Vec<_>>()
    };
    let curves = read("curves.parquet");
    let texts = ["fit-1", "fit", "loss"].map(|text| Field::Str(text.into()));
    assert_eq!(curves[1][..2], [Field::Str(DONE.into()), Field::Long(1)]);
    assert_eq!(curves[1][2..5], texts);
    assert_eq!(curves[1][5..8], [Field::Long(0), Field::Long(1), Field::Double(2.5)]);
    assert!(matches!(curves[2][7], Field::Double(value) if value.is_nan()));
    let runs = read("runs.parquet");
    assert_eq!((runs.len(), &runs[4][13]), (5, &Field::Null), "a run that has not started");
}

#[test]
fn tensorboard_gets_a_folder_for_each_run_with_numbers() {
    let (_folder, files) = written(Format::TensorBoard, &Wanted::default());
    let place = |run: &str| format!("{run}/events.out.tfevents.0000000000.dichroic");
    let runs = [
        "first/adapter=hypernet/seed-001-aaaa0000",
        "second/adapter=hypernet/seed-001-aaaa0000",
        "second/adapter=hypernet/seed-002-bbbb0000",
        "second/adapter=hypernet/seed-003-cccc0000",
    ];
    assert_eq!(files.keys().cloned().collect::<Vec<_>>(), runs.map(place));
    let events: Vec<(String, u64, f32)> = tags(&files[&place(runs[0])]);
    let known: Vec<(&str, u64)> = events.iter().map(|(tag, step, _)| (tag.as_str(), *step)).collect();
    let expected = [
        ("pretrain/loss", 1),
        ("loss", 1),
        ("loss", 2),
        ("loss", 3),
        ("loss/proxy_nca", 7),
        ("score/HPA/Task_one/f1_macro", 7),
    ];
    assert_eq!(known, expected);
    assert!(events[1].2 == 2.5 && events[2].2.is_nan() && events[5].2 == 0.75);
    let two: Vec<String> = tags(&files[&place(runs[3])]).into_iter().map(|(tag, ..)| tag).collect();
    assert_eq!(two, ["HPA/loss", "CP/loss"], "two trainings of one run have different names");
}

/// Tags, steps and values of an event file; its checksums are tested in `record`.
fn tags(mut file: &[u8]) -> Vec<(String, u64, f32)> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let mut value = 0;
        for at in 0.. {
            let (byte, rest) = bytes.split_first().unwrap();
            *bytes = rest;
            value |= u64::from(byte & 0x7f) << (7 * at);
            if byte & 0x80 == 0 {
                break;
            }
        }
        value
    }
    fn take<'a>(bytes: &mut &'a [u8], length: usize) -> &'a [u8] {
        let (taken, rest) = bytes.split_at(length);
        *bytes = rest;
        taken
    }
    let mut found = vec![];
    while !file.is_empty() {
        let length = u64::from_le_bytes(take(&mut file, 8).try_into().unwrap());
        take(&mut file, 4);
        let event = &mut take(&mut file, length as usize);
        take(&mut file, 4);
        let mut step = 0;
        while !event.is_empty() {
            match take(event, 1)[0] {
                0x09 => drop(take(event, 8)),
                0x10 => step = varint(event),
                0x2a => {
                    let _ = (varint(event), take(event, 1), varint(event), take(event, 1));
                    let length = varint(event) as usize;
                    let tag = String::from_utf8(take(event, length).to_vec()).unwrap();
                    take(event, 1);
                    found.push((tag, step, f32::from_le_bytes(take(event, 4).try_into().unwrap())));
                }
                _ => {
                    let length = varint(event) as usize;
                    take(event, length);
                }
            }
        }
    }
    found
}

#[test]
fn mlflow_gets_exactly_its_files() {
    let wanted = Wanted { experiment: Some("second".into()), run: None };
    let (_folder, files) = written(Format::MlFlow, &wanted);
    let id = files.keys().next().unwrap().split('/').nth(1).unwrap().to_owned();
    assert!(id.len() == 18 && id.bytes().all(|byte| byte.is_ascii_digit()), "{id}");
    let home = format!("mlruns/{id}");
    let experiment: Vec<&str> = files
        .keys()
        .filter_map(|name| name.strip_prefix(&home))
        .filter(|name| name.matches('/').count() < 3)
        .collect();
    let runs: Vec<&str> = experiment.iter().filter_map(|name| name.strip_suffix("/meta.yaml")).collect();
    assert_eq!(runs.len(), 1 + 4);
    assert_eq!(text(&files, &format!("{home}/tags/mlflow.note.content")), "A test.");
    let meta = text(&files, &format!("{home}/meta.yaml"));
    assert!(
        meta.contains(&format!("experiment_id: \"{id}\"\n")) && meta.contains("name: \"second\"\n"),
        "{meta}"
    );

    let run = runs.iter().find(|run| run.starts_with(&format!("/{DONE}"))).unwrap();
    assert_eq!(run.len(), 1 + 32);
    let home = format!("{home}{run}/");
    let own: Vec<&str> = files.keys().filter_map(|name| name.strip_prefix(&home)).collect();
    let expected = [
        "meta.yaml",
        "metrics/loss",
        "metrics/loss.proxy_nca",
        "metrics/pretrain/loss",
        "metrics/score/HPA/Task_one/f1_macro",
        "params/train.lr",
        "params/train.name",
        "tags/dichroic.data",
        "tags/dichroic.run",
        "tags/dichroic.scale",
        "tags/dichroic.seed",
        "tags/dichroic.spec",
        "tags/dichroic.stale",
        "tags/dichroic.status",
        "tags/dichroic.tags",
        "tags/label.adapter",
        "tags/mlflow.runName",
        "tags/mlflow.source.name",
        "tags/mlflow.source.type",
    ];
    assert_eq!(own, expected);
    let meta = text(&files, &format!("{home}meta.yaml"));
    assert!(
        meta.contains("status: 3\n") && meta.contains("run_name: \"adapter=hypernet, seed 1\"\n"),
        "{meta}"
    );
    let loss: Vec<Vec<&str>> = text(&files, &format!("{home}metrics/loss"))
        .lines()
        .map(|line| line.split(' ').skip(1).collect())
        .collect();
    assert_eq!(loss, [["2.5", "1"], ["nan", "2"], ["inf", "3"]]);
    assert_eq!(text(&files, &format!("{home}params/train.name")), "a b", "MLflow takes one line");
    assert!(text(&files, &format!("{home}metrics/score/HPA/Task_one/f1_macro")).ends_with(" 0.75 7\n"));
}

#[test]
fn stale_numbers_leave_with_a_mark_and_lose_it_once_they_hold_again() {
    let (folder, _) = filled();
    let path = folder.path().join("a.db");
    let out = folder.path().join("out");
    let wanted = Wanted { experiment: Some("first".into()), run: None };
    let at = |ops: u32| {
        let store = Store::open(&path).unwrap();
        store.note_revisions(&[("ops", ops)]).unwrap();
        store.tag(DONE, "keep").unwrap();
        store.close().unwrap();
        let reader = Store::open_read_only(&path).unwrap();
        for format in [Format::Csv, Format::TensorBoard, Format::MlFlow] {
            export(&reader, format, &wanted, &out, &mut Silence).unwrap();
        }
        let files = files(&out);
        let says = |name: &str, what: &str| text(&files, name).contains(what);
        let mlflow = |tag: &str| {
            let of_tag = |name: &&String| name.ends_with(&format!("/tags/dichroic.{tag}"));
            text(&files, files.keys().find(of_tag).unwrap()).to_owned()
        };
        assert_eq!(mlflow("tags"), "keep");
        let events: Vec<&String> = files.keys().filter(|name| name.contains("tfevents")).collect();
        assert_eq!(events.len(), 1, "{events:?}");
        let marks = [says("runs.csv", ",done,1,keep,"), says("scores.csv", ",1,simulated,")];
        (marks, mlflow("stale"), events[0].contains("-stale/"))
    };
    assert_eq!(at(2), ([true, true], "true".into(), true));
    assert_eq!(at(1), ([false, false], "false".into(), false));
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let (folder, reader) = filled();
    let file = folder.path().join("a file");
    fs::write(&file, "").unwrap();
    let try_it = |wanted: &Wanted, out: &Path| export(&reader, Format::Csv, wanted, out, &mut Silence);
    assert!(matches!(try_it(&Wanted::default(), &file), Err(Error::NotAFolder(_))));
    let nobody = Wanted { experiment: Some("third".into()), run: Some("e".into()) };
    let out = folder.path().join("out");
    let error = try_it(&nobody, &out).unwrap_err().to_string();
    assert_eq!(error, "the store has no run of an experiment `third` that begins with `e`");
    assert!(!out.exists());
    let error = try_it(&Wanted::default(), &file.join("below")).unwrap_err();
    assert!(matches!(error, Error::Write { .. }) && error.hint().is_some());
}

/// More points than one query returns.
#[test]
fn long_curves_come_in_pages() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let store = Store::open(&path).unwrap();
    let row = RunRow { data: vec![], ..run("long", DONE, 1, &[("fit-1", &[])]) };
    store.register_run(&row).unwrap();
    let Claim::Yours(attempt) = store.claim("fit-1", &Provenance::default()).unwrap() else { panic!() };
    let (metrics, points) = (attempt.metrics(), 2 * selection::PAGE as u64);
    (0..points).for_each(|step| metrics.push("loss", step, step as f64));
    attempt.finish(Outcome::Done).unwrap();
    let out = folder.path().join("out");
    let written = export(store.read().unwrap(), Format::Csv, &Wanted::default(), &out, &mut Silence).unwrap();
    assert_eq!(written[3], Written { path: out.join("curves.csv"), count: points, unit: "row" });
    let text = fs::read_to_string(out.join("curves.csv")).unwrap();
    let steps = text.lines().skip(1).map(|line| line.split(',').nth(6).unwrap().parse::<u64>().unwrap());
    assert!(steps.eq(0..points));
}
