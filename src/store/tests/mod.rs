//! The store as a whole.

use super::*;
use tempfile::TempDir;

mod datasets;
mod foreign;
mod hardship;
mod questions;
mod together;

/// A temporary folder and the path of a store in it.
fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs/test.db");
    (folder, path)
}

fn dataset(kind: DataKind) -> DatasetRow {
    let info = serde_json::json!({"sets": ["Allen", "HPA", "CP"]});
    DatasetRow {
        name: "chammi".into(),
        fingerprint: "f00d".repeat(8),
        kind,
        world: "quick".into(),
        images: 900,
        info,
    }
}

fn run_of(experiment: &str, uid: &str, seed: u64, works: &[&str]) -> RunRow {
    let works = works.iter().enumerate().map(|(i, uid)| WorkRow {
        uid: uid.to_string(),
        kind: uid.split('-').next().unwrap().into(),
        json: serde_json::json!({"revision": 1}),
        parents: works[..i].last().map(|parent| parent.to_string()).into_iter().collect(),
    });
    RunRow {
        uid: uid.into(),
        spec: "b4ac910da659".into(),
        spec_json: serde_json::json!({"train": {"stages": [{"optimiser": {"lr": 1e-3}}]}, "evaluate": [{"protocol": "one_nn"}]}),
        seed,
        scale: Scale::Quick,
        data: ["train", "evaluate"].map(|role| (role.into(), "f00d".repeat(8))).into(),
        experiment: ExperimentRow {
            name: experiment.into(),
            about: "A test.".into(),
            file: "experiments/a.rs".into(),
        },
        label: vec![("adapter".into(), "hypernet".into()), ("a \"b\"".into(), "c".into())],
        place: 0,
        works: works.collect(),
    }
}

fn score(task: &str, class: &str, metric: &str, value: f64) -> ScoreRow {
    let [task, class, metric] = [task, class, metric].map(String::from);
    ScoreRow {
        protocol: "one_nn_cosine".into(),
        data: "chammi".into(),
        part: String::new(),
        task,
        class,
        metric,
        value,
        n: 90,
    }
}

fn here() -> Provenance {
    Provenance {
        host: Host::here(),
        numerics: "cpu avx2".into(),
        args: vec!["exp".into()],
        caller: 7,
        ..Provenance::default()
    }
}

/// A store with one data set and one run of two works.
fn store(path: &Path) -> Store {
    let store = Store::open(path).unwrap();
    store.register_dataset(&dataset(DataKind::Simulated)).unwrap();
    store.register_run(&run_of("first", "run1", 1, &["fit-1", "score-1"])).unwrap();
    store
}

fn claim(store: &Store, work: &str) -> Box<Attempt> {
    match store.claim(work, &here()).unwrap() {
        Claim::Yours(attempt) => attempt,
        Claim::Done => panic!("{work} is done"),
        Claim::Failed(text) => panic!("{work} failed: {text}"),
        Claim::Busy(owner) => panic!("{work} is with {owner}"),
    }
}

fn number(store: &Store, sql: &str) -> f64 {
    match &store.read().unwrap().query(sql).unwrap().rows[0][0] {
        Value::Integer(value) => *value as f64,
        Value::Real(value) => *value,
        other => panic!("{sql}: {other:?}"),
    }
}

#[test]
fn a_run_is_what_its_works_are_and_two_experiments_share_it() {
    let (_folder, path) = place();
    let store = store(&path);
    let again = store.register_run(&run_of("second", "run1", 1, &["fit-1", "score-1"])).unwrap();
    assert_eq!(again.status, Status::Queued);
    assert_eq!(number(&store, "SELECT count(*) FROM v_runs"), 2.0);
    assert_eq!(number(&store, "SELECT count(*) FROM run"), 1.0);

    let attempt = claim(&store, "fit-1");
    let Claim::Busy(owner) = store.claim("fit-1", &here()).unwrap() else { panic!("claimed twice") };
    assert_eq!((owner.pid, owner.caller, owner.host), (std::process::id(), 7, Host::here().name));
    attempt.finish(Outcome::Done).unwrap();
    assert!(matches!(store.claim("fit-1", &here()).unwrap(), Claim::Done));

    let attempt = claim(&store, "score-1");
    let scores =
        [score("Allen/Task_one", "", "f1_macro", 0.75), score("Allen/Task_one", "M0", "f1", f64::NAN)];
    attempt.scores(&scores).unwrap();
    attempt.floors(Floor::Constant, &[score("Allen/Task_one", "", "f1_macro", 0.1)]).unwrap();
    assert_eq!(number(&store, "SELECT count(*) FROM v_results"), 0.0, "not before the run is done");
    attempt.finish(Outcome::Done).unwrap();

    let read = store.read().unwrap();
    let state = read.run("run1").unwrap().unwrap();
    assert!(state.status == Status::Done && state.seconds.is_some(), "{state:?}");
    let kept = read.scores("run1").unwrap();
    assert!(kept[0] == scores[0] && kept[1].value.is_nan() && kept.len() == 2, "{kept:?}");
    assert_eq!(read.floors("run1").unwrap()[0].0, Floor::Constant);

    // Another spec whose plan contains the same work has its scores without computing them.
    let shared = store.register_run(&run_of("first", "run2", 1, &["fit-1", "score-1"])).unwrap();
    assert_eq!(shared.status, Status::Done);
    assert_eq!(store.read().unwrap().scores("run2").unwrap()[0], scores[0]);
    // A new revision of its work sends a run back, and its old scores are no longer results.
    let revised = store.register_run(&run_of("first", "run1", 1, &["fit-1", "score-2"])).unwrap();
    assert_eq!(revised.status, Status::Queued);
    assert_eq!(store.read().unwrap().scores("run1").unwrap(), []);
    claim(&store, "score-2").scores(&scores[..1]).unwrap();
    assert_eq!(number(&store, "SELECT count(*) FROM score WHERE run_id = 1"), 1.0);
}

#[test]
fn outcomes_decide_what_becomes_of_the_work() {
    let (_folder, path) = place();
    let store = store(&path);
    let after = |outcome: Outcome| {
        claim(&store, "fit-1").finish(outcome).unwrap();
        store.read().unwrap().run("run1").unwrap().unwrap()
    };
    assert_eq!(after(Outcome::Signal).status, Status::Queued);
    let failed = after(Outcome::Nan("the loss of step 7 is no number".into()));
    assert_eq!(failed.status, Status::Failed);
    assert_eq!(failed.works[0].error.as_deref(), Some("the loss of step 7 is no number"));
    assert_eq!(number(&store, "SELECT count(*) FROM v_failed"), 1.0);
    let Claim::Failed(text) = store.claim("fit-1", &here()).unwrap() else { panic!("it failed") };
    assert_eq!(text, "the loss of step 7 is no number");
    // Registering the run again means trying it again.
    let again = store.register_run(&run_of("first", "run1", 1, &["fit-1", "score-1"])).unwrap();
    assert_eq!(again.status, Status::Queued);
    drop(claim(&store, "fit-1"));
    assert_eq!(store.read().unwrap().work("fit-1").unwrap().unwrap().status, Status::Queued);
    assert_eq!(number(&store, "SELECT count(*) FROM attempt WHERE outcome = 'lost'"), 1.0);
}

#[test]
fn a_resumed_attempt_replaces_what_it_computes_again() {
    let (_folder, path) = place();
    let store = store(&path);
    let attempt = claim(&store, "fit-1");
    attempt.resume_at(None).unwrap();
    for step in 1..=10 {
        attempt.metrics().push("loss", step, 1.0);
    }
    attempt.checkpoint(5, Path::new("runs/c.safetensors"), 17).unwrap();
    attempt.finish(Outcome::Signal).unwrap();

    let elsewhere = Provenance { numerics: "cpu avx512".into(), ..here() };
    let Claim::Yours(attempt) = store.claim("fit-1", &elsewhere).unwrap() else { panic!() };
    let checkpoint = attempt.last_checkpoint().unwrap();
    assert_eq!((checkpoint.step, checkpoint.bytes), (Some(5), 17));
    attempt.resume_at(Some(5)).unwrap();
    assert_eq!(number(&store, "SELECT max(step) FROM scalar"), 5.0);
    attempt.metrics().push("loss", 5, 2.0);
    attempt.metrics().push("loss", 6, f64::NAN);
    attempt.metrics().push("loss/proxy_nca", 6, f64::NEG_INFINITY);
    let curve =
        store.read().unwrap().query("SELECT value FROM v_curve WHERE metric = 'loss' AND step > 4").unwrap();
    assert_eq!(curve.rows, [[Value::Real(2.0)], [Value::Null]]);
    assert_eq!(
        number(&store, "SELECT value FROM v_curve WHERE metric = 'loss/proxy_nca'"),
        f64::NEG_INFINITY
    );
    assert_eq!(number(&store, "SELECT resumed_step FROM attempt WHERE n = 2 AND mixed"), 5.0);
}

#[test]
fn curves_keep_every_bit() {
    let (_folder, path) = place();
    let store = store(&path);
    let attempt = claim(&store, "fit-1");
    let metrics = attempt.metrics();
    let mut bits = 1_u64;
    let values: Vec<f64> = std::iter::repeat_with(|| {
        bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from_bits(bits)
    })
    .filter(|value| value.is_finite())
    .take(3000)
    .flat_map(|value| [value, value as f32 as f64])
    .collect();
    for (step, &value) in values.iter().enumerate() {
        metrics.push("x", step as u64, value);
    }
    let kept = store.read().unwrap().query("SELECT value FROM v_curve ORDER BY step").unwrap().rows;
    let differ = values.iter().zip(&kept).filter(|(value, kept)| match kept[0] {
        Value::Real(kept) => kept.to_bits() != value.to_bits() && **value != 0.0, // SQLite's zero has no sign
        _ => true,
    });
    assert_eq!((kept.len(), differ.count()), (values.len(), 0));
}

#[test]
fn data_keep_their_nature_and_seeds_fit() {
    let (_folder, path) = place();
    let store = store(&path);
    store.register_dataset(&dataset(DataKind::Simulated)).unwrap();
    let error = store.register_dataset(&dataset(DataKind::Real)).unwrap_err();
    assert!(matches!(error, Error::DataKind { .. }), "{error}");
    let mut run = run_of("first", "run9", u64::MAX, &["fit-9"]);
    assert!(matches!(store.register_run(&run), Err(Error::Seed(u64::MAX))));
    run.seed = 1;
    run.data.push(("train".into(), "beef".into()));
    assert!(matches!(store.register_run(&run), Err(Error::Unknown { what: "data set", .. })));
    assert_eq!(number(&store, "SELECT count(*) FROM run"), 1.0, "all or nothing");
    assert_eq!(number(&store, "SELECT num FROM param WHERE key = 'train.optimiser.lr'"), 1e-3);
}

#[test]
fn somebody_else_sees_how_far_a_work_is() {
    let (_folder, path) = place();
    let store = store(&path);
    let attempt = claim(&store, "fit-1");
    let metrics = attempt.metrics();
    metrics.begin("training", "step", 40);
    (11..=30).for_each(|step| metrics.advance(step));
    let other = Store::open_read_only(&path).unwrap();
    let sql = "SELECT doing, unit, done, total, units_per_s FROM attempt";
    let told = |done: i64| {
        let rows = other.query(sql).unwrap();
        let row = rows.first().unwrap();
        let known = (row.text("doing"), row.text("unit"), row.int("done"), row.int("total"));
        (known == ("training".into(), "step".into(), done, 40)).then(|| row.real("units_per_s"))
    };
    let began = std::time::Instant::now();
    let pace = loop {
        if let Some(pace) = told(30) {
            break pace.unwrap();
        }
        assert!(began.elapsed().as_secs() < 20, "{:?}", other.query(sql));
        std::thread::sleep(std::time::Duration::from_millis(50));
    };
    // Ten steps were taken by an earlier attempt, and the clock started at the eleventh.
    assert!(pace > 10.0, "{pace}");
}
