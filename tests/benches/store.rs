//! Benchmark of the store's writes and queries, compared with Python's `sqlite3` on the same schema, MLflow
//! and Trackio, in alternating rounds.
//!
//! DICHROIC_PYTHON=python3 cargo bench --bench store
//!
//! The Python of `$DICHROIC_PYTHON` may have mlflow and trackio (`store_peer.py`); missing ones are skipped,
//! and without Python only our side is measured. Limits: 2 µs for a metric call in a training loop, 200,000
//! points per second to disk, 35 bytes per point; 5 ms for the last value of 500 runs and for the mean and
//! spread over their seeds; 100 ms for both in a store of 100,000 runs. Writes about 1 GB to the temporary
//! folder.

use dichroic::store::{
    Attempt, Claim, DataKind, DatasetRow, ExperimentRow, Outcome, Provenance, RunRow, Scale, Store, WorkRow,
};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, sqlite::SqliteConnectOptions};
use std::{
    collections::BTreeMap,
    fs,
    hint::black_box,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

const ROUNDS: usize = 3;
const POINTS: u64 = 2_000_000;
const STEPS: u64 = 2_000;
const METRICS: [&str; 5] = ["loss", "loss/proxy_nca", "lr", "grad_norm", "images_per_s"];
const PEERS: [&str; 4] = ["sqlite", "mlflow_file", "mlflow_sqlite", "trackio"];

/// Queries, with the condition that restricts them to one experiment of 500 runs.
const LAST: &str = "SELECT r.uid, (SELECT s.value FROM scalar s WHERE s.work_id = w.id AND s.metric_id = m.id
      ORDER BY s.step DESC LIMIT 1) AS loss
    FROM experiment e JOIN experiment_run x ON x.experiment_id = e.id JOIN run r ON r.id = x.run_id
    JOIN run_work rw ON rw.run_id = r.id JOIN work w ON w.id = rw.work_id AND w.kind = 'fit'
    JOIN metric m ON m.name = 'loss'";
const OF_ONE: &str = " WHERE e.name = 'e0'";
const SEEDS: &str =
    "SELECT spec, mean, std, n FROM v_seeds WHERE task = 'cps' AND class = '' AND metric = 'f1_macro'";
const SEEDS_OF_ONE: &str = " AND experiment = 'e0'";

/// Measurements of each system by name.
type Told = BTreeMap<String, BTreeMap<String, Vec<f64>>>;

fn main() {
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let place = |name: &str| folder.path().join(name);
    let python = std::env::var_os("DICHROIC_PYTHON");
    let ask = |words: &[&str]| -> Value {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/benches/store_peer.py");
        let mut command = Command::new(python.as_ref().expect("there is a Python"));
        let output = command.arg(script).args(words).stderr(Stdio::inherit()).output();
        let output = output.expect("the Python starts");
        assert!(output.status.success(), "{words:?} failed");
        serde_json::from_slice(&output.stdout).expect("the peer prints JSON")
    };
    let (small, large) = (place("small.db"), place("large.db"));
    for (path, runs) in [(&small, 500), (&large, 100_000)] {
        let began = Instant::now();
        fill(path, runs);
        println!(
            "a store of {runs} runs: {:.0} MB in {:.1} s",
            megabytes(path),
            began.elapsed().as_secs_f64()
        );
    }
    let mut peers = vec![];
    for peer in PEERS.iter().filter(|_| python.is_some()) {
        let there = *peer == "sqlite"
            || ask(&[peer, "fill", &place(peer).to_string_lossy(), "500"])["filled"] == true;
        if there {
            peers.push(*peer);
        } else {
            println!("{peer} is not installed");
        }
    }
    let mut told = Told::new();
    let mut note = |system: &str, values: Value| {
        for (what, value) in values.as_object().expect("an object") {
            let value = value.as_f64().expect("a number");
            told.entry(what.clone()).or_default().entry(system.into()).or_default().push(value);
        }
    };
    for round in 0..ROUNDS {
        let own = place(&format!("ours{round}"));
        let ours = || [write(&own), questions(&small, &large)];
        if round % 2 == 0 {
            ours().into_iter().for_each(|values| note("ours", values));
        }
        for peer in &peers {
            let new = place(&format!("{peer}{round}"));
            note(peer, ask(&[peer, "write", &new.to_string_lossy()]));
            if *peer == "sqlite" {
                let (last, seeds) = (format!("{LAST}{OF_ONE}"), format!("{SEEDS}{SEEDS_OF_ONE}"));
                note(peer, ask(&[peer, "queries", &small.to_string_lossy(), &last, &seeds]));
                let at = |name: &str, values: &Value| json!({ format!("last_{name}"): values["last_ms"], format!("seeds_{name}"): values["seeds_ms"] });
                let found = ask(&[peer, "queries", &large.to_string_lossy(), &last, &seeds]);
                note(peer, at("500_of_100k_ms", &found));
                let found = ask(&[peer, "queries", &large.to_string_lossy(), LAST, SEEDS]);
                note(peer, at("100k_ms", &found));
            } else {
                note(peer, ask(&[peer, "ask", &place(peer).to_string_lossy()]));
            }
        }
        if round % 2 == 1 {
            ours().into_iter().for_each(|values| note("ours", values));
        }
    }
    report(&told);
}

/// What is measured, its unit, its limit, and whether more is better.
const ROWS: [(&str, &str, Option<f64>, bool); 11] = [
    ("call_us", "µs for a call in a loop", Some(2.0), false),
    ("call_p99_us", "µs for the slowest call of a hundred", None, false),
    ("crowded_us", "µs for a call as fast as the disk takes them", None, false),
    ("rows_per_s", "points a second to the disk", Some(200_000.0), true),
    ("bytes_per_point", "bytes for a point", Some(35.0), false),
    ("last_ms", "ms: last value of 500 runs", Some(5.0), false),
    ("seeds_ms", "ms: mean and spread over seeds of 500 runs", Some(5.0), false),
    ("last_500_of_100k_ms", "ms: last value of 500 runs of 100,000", Some(100.0), false),
    ("seeds_500_of_100k_ms", "ms: mean and spread of 500 runs of 100,000", Some(100.0), false),
    ("last_100k_ms", "ms: last value of 100,000 runs", Some(100.0), false),
    ("seeds_100k_ms", "ms: mean and spread of 100,000 runs", Some(100.0), false),
];

/// Medians of the rounds, and whether ours are within the limit.
fn report(told: &Told) {
    let median = |values: &Vec<f64>| {
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    };
    let mut result = BTreeMap::new();
    for (what, words, bar, more) in ROWS {
        let Some(systems) = told.get(what) else { continue };
        let found: BTreeMap<&String, f64> =
            systems.iter().map(|(name, values)| (name, median(values))).collect();
        let ours = systems.get("ours").map(median).expect("ours is always measured");
        let verdict = match bar {
            Some(bar) if if more { ours >= bar } else { ours <= bar } => format!(" (bar {bar}: held)"),
            Some(bar) => format!(" (bar {bar}: FAILED)"),
            None => String::new(),
        };
        let all =
            |(name, value): (&&String, &f64)| format!("{name} {value:.*}", usize::from(*value < 1000.0) * 2);
        let list: Vec<String> = found.iter().map(all).collect();
        println!("{words}{verdict}: {}", list.join(", "));
        result.insert(what, found);
    }
    println!("{}", json!(result));
}

/// A training's numbers in a new store.
fn write(folder: &Path) -> Value {
    let path = folder.join("ours.db");
    let store = Store::open(&path).expect("a new store");
    let attempt = begin(&store, "loop");
    // A loop that does something else in between, as training does.
    let (metrics, mut took) = (attempt.metrics(), vec![]);
    for step in 0..STEPS {
        for name in METRICS {
            let began = Instant::now();
            metrics.push(black_box(name), step, 1.0 / (step + 1) as f64);
            took.push(began.elapsed());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    attempt.finish(Outcome::Done).expect("room on the disk");
    store.close().expect("room on the disk");
    let (before, store) = (bytes(&path), Store::open(&path).expect("the store"));
    let attempt = begin(&store, "crowd");
    let (metrics, began) = (attempt.metrics(), Instant::now());
    for at in 0..POINTS {
        metrics.push(METRICS[(at % 4) as usize], at / 4, 1.0 / (at + 1) as f64);
    }
    let pushed = began.elapsed();
    attempt.finish(Outcome::Done).expect("room on the disk");
    let written = began.elapsed();
    store.close().expect("room on the disk");
    let micro = |time: Duration| time.as_secs_f64() * 1e6;
    took.sort();
    json!({
        "call_us": micro(took.iter().sum::<Duration>()) / took.len() as f64,
        "call_p99_us": micro(took[took.len() * 99 / 100]),
        "crowded_us": micro(pushed) / POINTS as f64,
        "rows_per_s": POINTS as f64 / written.as_secs_f64(),
        "bytes_per_point": (bytes(&path) - before) as f64 / POINTS as f64,
    })
}

/// The queries, as `dichroic sql` runs them.
fn questions(small: &Path, large: &Path) -> Value {
    let ask = |path: &Path, sql: &str, rows: usize| {
        let reader = Store::open_read_only(path).expect("a store");
        let mut took: Vec<f64> = (0..6)
            .map(|_| {
                let began = Instant::now();
                let found = reader.query(sql).expect("an answer");
                assert_eq!(found.rows.len(), rows);
                began.elapsed().as_secs_f64() * 1000.0
            })
            .collect();
        took.remove(0); // nothing is in memory yet
        took.sort_by(f64::total_cmp);
        took[took.len() / 2]
    };
    let (last, seeds) = (format!("{LAST}{OF_ONE}"), format!("{SEEDS}{SEEDS_OF_ONE}"));
    json!({
        "last_ms": ask(small, &last, 500),
        "seeds_ms": ask(small, &seeds, 100),
        "last_500_of_100k_ms": ask(large, &last, 500),
        "seeds_500_of_100k_ms": ask(large, &seeds, 100),
        "last_100k_ms": ask(large, LAST, 100_000),
        "seeds_100k_ms": ask(large, SEEDS, 20_000),
    })
}

/// The right to compute the only work of a run.
fn begin(store: &Store, uid: &str) -> Box<Attempt> {
    let data = DatasetRow {
        name: "chammi".into(),
        fingerprint: "f00d".into(),
        kind: DataKind::Simulated,
        world: "1".into(),
        images: 900,
        info: json!({}),
    };
    store.register_dataset(&data).expect("room on the disk");
    let run = RunRow {
        uid: uid.into(),
        spec: uid.into(),
        spec_json: json!({}),
        seed: 1,
        scale: Scale::Quick,
        data: vec![("train".into(), "f00d".into())],
        experiment: ExperimentRow { name: uid.into(), about: "A benchmark.".into(), file: "e.rs".into() },
        label: vec![],
        place: 0,
        works: vec![WorkRow { uid: uid.into(), kind: "fit".into(), json: json!({}), parents: vec![] }],
    };
    store.register_run(&run).expect("room on the disk");
    match store.claim(uid, &Provenance::default()).expect("a claim") {
        Claim::Yours(attempt) => attempt,
        _ => panic!("nobody else is there"),
    }
}

/// Creates a store of `runs` finished runs; by SQL, since the regular way confirms each of them on disk.
fn fill(path: &Path, runs: usize) {
    Store::open(path).and_then(Store::close).expect("a new store");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(path).disable_statement_logging();
        let mut db = options.connect().await.expect("a store");
        let numbers = format!(
            "BEGIN; CREATE TEMP TABLE n(i INTEGER PRIMARY KEY);
             INSERT INTO n WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {runs}) SELECT i FROM n;"
        );
        for sql in [&numbers, include_str!("store.sql"), "COMMIT; PRAGMA wal_checkpoint(TRUNCATE)"] {
            db.execute(AssertSqlSafe(sql)).await.expect("the schema takes it");
        }
    });
}

/// Size of the store in bytes; its write-ahead log is not yet included.
fn bytes(path: &Path) -> u64 {
    let log = path.with_extension("db-wal");
    [path, &log].iter().map(|file| fs::metadata(file).map_or(0, |data| data.len())).sum()
}

fn megabytes(path: &Path) -> f64 {
    bytes(path) as f64 / 1e6
}
