//! Queries, and their cost.

use super::*;
use crate::papers::{PAPERS, Paper};
use std::process::Command;
use std::time::{Duration, Instant};

#[test]
fn questions_cannot_write() {
    let (folder, path) = place();
    let _store = store(&path);
    let reader = Store::open_read_only(&path).unwrap();
    let copy = folder.path().join("copy.db");
    for sql in [
        "DELETE FROM run",
        "WITH a AS (SELECT 1) DELETE FROM run",
        "PRAGMA query_only = 0; DELETE FROM run",
        "PRAGMA user_version = 7",
        "EXPLAIN SELECT 1; DROP TABLE run",
        &format!("VACUUM INTO '{}'", copy.display()),
        &format!("ATTACH '{}' AS x", copy.display()),
    ] {
        let _ = reader.query("PRAGMA query_only = 0");
        assert!(reader.query(sql).is_err(), "{sql}");
    }
    assert!(!copy.exists());
    let rows = reader.query("SELECT count(*) AS n, 1.5, 'x', NULL, x'00' FROM run").unwrap();
    assert_eq!(rows.columns[0], "n");
    let [n, real, text] = [Value::Integer(1), Value::Real(1.5), Value::Text("x".into())];
    assert_eq!(rows.rows, [[n, real, text, Value::Null, Value::Blob(vec![0])]]);
    let rows =
        reader.query_with("SELECT seed FROM run WHERE uid = ?", &[Value::Text("run1".into())]).unwrap();
    assert_eq!(rows.rows, [[Value::Integer(1)]]);
    assert_eq!(reader.query("SELECT seed FROM run WHERE false").unwrap().columns, ["seed"]);
}

#[test]
fn every_view_answers_here_and_in_the_stock_shell() {
    let (_folder, path) = place();
    let store = store(&path);
    for (run, seed, value) in [("run1", 1, 0.25), ("run2", 2, 0.75)] {
        let (fit, scored) = (format!("fit-{seed}"), format!("score-{seed}"));
        store.register_run(&run_of("first", run, seed, &[&fit, &scored])).unwrap();
        let attempt = claim(&store, &fit);
        attempt.metrics().push("lr", 1, 1e-3);
        attempt.finish(Outcome::Done).unwrap();
        let attempt = claim(&store, &scored);
        attempt.scores(&[score("CP/Task_two", "", "f1_macro", value)]).unwrap();
        attempt.floors(Floor::HandMade, &[score("CP/Task_two", "", "f1_macro", 0.2)]).unwrap();
        attempt.finish(Outcome::Done).unwrap();
    }
    // Another system of the same experiment; its work is of another revision.
    let mut other = run_of("first", "run4", 1, &["fit-4", "score-4"]);
    other.spec = "0123456789ab".into();
    other.works.iter_mut().for_each(|work| work.json = serde_json::json!({"revisions": [["ops", 1]]}));
    store.register_run(&other).unwrap();
    claim(&store, "fit-4").finish(Outcome::Done).unwrap();
    let attempt = claim(&store, "score-4");
    attempt.scores(&[score("CP/Task_two", "", "f1_macro", 0.5)]).unwrap();
    attempt.finish(Outcome::Done).unwrap();
    assert_eq!(
        number(&store, "SELECT difference FROM v_pairs WHERE \"with\" = \"without\" LIMIT 1").abs(),
        0.25
    );
    store.note_revisions(&[("ops", 1)]).unwrap();
    assert_eq!(number(&store, "SELECT count(*) FROM v_stale"), 0.0);
    store.place(vec![(other.spec, vec![placement("")])], None).unwrap();

    store.register_run(&run_of("first", "run3", 3, &["fit-3"])).unwrap();
    claim(&store, "fit-3").finish(Outcome::Error("no such channel".into())).unwrap();
    assert!(
        (number(&store, "SELECT std FROM v_seeds WHERE n = 2 AND mean = 0.5") - 0.125_f64.sqrt()).abs()
            < 1e-15
    );
    assert_eq!(number(&store, "SELECT failed FROM v_progress WHERE done = 3"), 1.0);

    store.note_revisions(&[("ops", 2), ("new", 1)]).unwrap();
    assert_eq!(number(&store, "SELECT stale FROM v_runs WHERE uid = 'run4'"), 1.0);
    assert_eq!(
        number(&store, "SELECT count(*) FROM v_seeds WHERE stale"),
        1.0,
        "never averaged with the others"
    );
    // Work from before the schema was a revision, and work that names a part which is gone.
    store.note_revisions(&[("ops", 1), ("schema", 2)]).unwrap();
    let stale = "SELECT count(*) FROM work WHERE stale AND json ->> '$.revisions' IS NOT NULL";
    assert_eq!(number(&store, stale), 2.0, "of no schema");
    let why =
        |store: &Store| store.read().unwrap().query("SELECT why FROM v_stale WHERE uid = 'run4'").unwrap();
    assert_eq!(why(&store).rows[0][0].to_string(), "declared under an earlier schema of specs");
    store.note_revisions(&[("new", 1)]).unwrap();
    assert_eq!(number(&store, stale), 2.0, "of a part that is gone");
    let gone = "fit: ops is not part of the program any more; score: ops is not part of the program any more";
    assert_eq!(why(&store).rows[0][0].to_string(), gone);
    store.note_revisions(&[("ops", 2), ("new", 1)]).unwrap();
    // A curve and seeds for the remaining pairs.
    let mut fresh = run_of("first", "run5", 1, &["fit-5", "score-5"]);
    fresh.spec = "ba9876543210".into();
    store.register_run(&fresh).unwrap();
    claim(&store, "fit-5").finish(Outcome::Done).unwrap();
    let attempt = claim(&store, "score-5");
    attempt.scores(&[score("CP/Task_two", "", "f1_macro", 0.5)]).unwrap();
    attempt.finish(Outcome::Done).unwrap();

    let read = store.read().unwrap();
    let views = read.query("SELECT name FROM sqlite_schema WHERE type = 'view' ORDER BY name").unwrap();
    let views: Vec<String> = views.rows.iter().map(|row| row[0].to_string()).collect();
    let own = [
        "v_curve",
        "v_failed",
        "v_floors",
        "v_pairs",
        "v_paper",
        "v_progress",
        "v_results",
        "v_runs",
        "v_seeds",
        "v_stale",
        "v_works",
    ];
    let of_paper =
        |paper: &'static Paper| paper.tables.iter().map(|table| format!("v_{}_{}", paper.name, table.table));
    let mut expected: Vec<String> =
        PAPERS.into_iter().flat_map(of_paper).chain(own.map(String::from)).collect();
    expected.sort();
    assert_eq!(views, expected);
    for view in &views {
        assert!(!read.query(&format!("SELECT * FROM {view}")).unwrap().rows.is_empty(), "{view} is empty");
    }
    drop(store);
    let shell = |sql: &str| Command::new("sqlite3").arg("-readonly").arg(&path).arg(sql).output();
    if shell("SELECT 1").is_err() {
        eprintln!("skipped: no sqlite3 shell here");
        return;
    }
    for view in views {
        let output = shell(&format!("SELECT * FROM {view}")).unwrap();
        assert!(
            output.status.success() && !output.stdout.is_empty(),
            "{view}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
fn the_spread_over_seeds_is_a_square_root_in_any_sqlite() {
    let (_folder, path) = place();
    let store = store(&path);
    let pairs = [
        (0.5, 0.5),
        (0.1, 0.3),
        (0.5, 0.500_000_1),
        (0.0, 1e-150),
        (0.3, f64::NAN),
        (-2e5, 7e9),
        (0.0, 1e150),
    ];
    for (seed, of) in [(1, (|pair| pair.0) as fn((f64, f64)) -> f64), (2, |pair| pair.1)] {
        let (run, fit, scored) = (format!("run{seed}"), format!("fit-{seed}"), format!("score-{seed}"));
        store.register_run(&run_of("first", &run, seed, &[&fit, &scored])).unwrap();
        claim(&store, &fit).finish(Outcome::Done).unwrap();
        let attempt = claim(&store, &scored);
        let scores =
            pairs.iter().enumerate().map(|(task, pair)| score(&task.to_string(), "", "f1_macro", of(*pair)));
        attempt.scores(&scores.collect::<Vec<_>>()).unwrap();
        attempt.finish(Outcome::Done).unwrap();
    }
    let rows = store.read().unwrap().query("SELECT std FROM v_seeds ORDER BY task").unwrap().rows;
    assert_eq!(rows.len(), pairs.len());
    for ((a, b), row) in pairs.into_iter().zip(rows) {
        let mean = (a + b) / 2.0;
        let expected = ((a - mean).powi(2) + (b - mean).powi(2)).sqrt();
        match row[0] {
            Value::Real(std) => assert!((std - expected).abs() <= 1e-15 * expected, "{std}, not {expected}"),
            _ => assert!(expected.is_nan(), "{expected} is missing"),
        }
    }
    // SQLite has these only where it was built so, and the program's own has not.
    let sql = store
        .read()
        .unwrap()
        .query("SELECT group_concat(sql) FROM sqlite_schema WHERE type = 'view'")
        .unwrap();
    let sql = sql.rows[0][0].to_string();
    let names = [
        "sqrt(", "pow(", "power(", "exp(", "ln(", "log(", "log2(", "log10(", "ceil(", "floor(", "trunc(",
        "mod(",
    ];
    assert_eq!(names.map(|name| sql.contains(name)), names.map(|_| false), "{names:?}");
}

fn placement(against: &str) -> PlacementRow {
    PlacementRow {
        paper: "chammi".into(),
        tbl: "table4".into(),
        model: "HyperNet".into(),
        condition: "tps".into(),
        protocol: "one_nn_cosine".into(),
        data: "chammi".into(),
        against: against.into(),
    }
}

#[test]
fn print_is_judged_only_where_it_can_be() {
    let (_folder, path) = place();
    let store = Store::open(&path).unwrap();
    store.register_dataset(&dataset(DataKind::Real)).unwrap();
    let print = number(
        &store,
        "SELECT value FROM published WHERE tbl = 'table4' AND model = 'HyperNet' AND condition = 'tps' AND task = 'cps'",
    );
    let verdict = || {
        let sql = "SELECT verdict FROM v_paper WHERE tbl = 'table4' AND model = 'HyperNet' AND condition = 'tps' AND task = 'cps'";
        store.read().unwrap().query(sql).unwrap().rows[0][0].to_string()
    };
    assert_eq!(verdict(), "missing");
    let measure = |seed: u64, value: f64| {
        let (uid, fit, scored) = (format!("run{seed}"), format!("fit-{seed}"), format!("score-{seed}"));
        let mut run = run_of("first", &uid, seed, &[&fit, &scored]);
        run.scale = Scale::Paper;
        store.register_run(&run).unwrap();
        claim(&store, &fit).finish(Outcome::Done).unwrap();
        let attempt = claim(&store, &scored);
        attempt.scores(&[score("cps", "", "f1_macro", value)]).unwrap();
        attempt.finish(Outcome::Done).unwrap();
    };
    measure(1, print + 0.02);
    let place = |against: &str| vec![("b4ac910da659".to_string(), vec![placement(against)])];
    store.place(place("another rate"), None).unwrap();
    assert_eq!(verdict(), "not comparable: another rate");
    store.place(place(""), None).unwrap();
    assert_eq!(verdict(), "one seed has no interval");
    measure(2, print + 0.022);
    measure(3, print + 0.024);
    // 4.97 deviations of 0.002 to each side of the published value + 0.022.
    assert_eq!(verdict(), "outside");
    let low = number(&store, "SELECT low FROM v_paper WHERE measured IS NOT NULL");
    assert!((low - (print + 0.022 - 4.302_652_730 * 0.002 * (4.0_f64 / 3.0).sqrt())).abs() < 1e-9, "{low}");
    measure(4, print);
    assert_eq!(verdict(), "inside");
    let table = store.read().unwrap().query(
        "SELECT source, seeds, cps FROM v_chammi_table4 WHERE model = 'HyperNet' AND condition = 'tps'",
    );
    let rows = table.unwrap().rows;
    assert_eq!(
        (rows.len(), rows[0][0].to_string(), rows[1][1].clone()),
        (2, "print".into(), Value::Integer(4))
    );
    assert_eq!(rows[0][2], Value::Real(print));

    // The folder of that name now holds other images.
    store.register_dataset(&DatasetRow { fingerprint: "beef".repeat(8), ..dataset(DataKind::Real) }).unwrap();
    assert_eq!(verdict(), "not comparable: stale");
    store.register_dataset(&dataset(DataKind::Real)).unwrap();
    assert_eq!(verdict(), "inside");
}

#[test]
fn a_spec_may_be_in_several_rows_of_one_table() {
    let (_folder, path) = place();
    let store = store(&path);
    claim(&store, "fit-1").finish(Outcome::Done).unwrap();
    let attempt = claim(&store, "score-1");
    attempt.scores(&[score("cps", "", "f1_macro", 0.5)]).unwrap();
    attempt.finish(Outcome::Done).unwrap();
    let rows =
        ["tps", "baseline"].map(|condition| PlacementRow { condition: condition.into(), ..placement("") });
    store.place(vec![("b4ac910da659".to_string(), rows.into())], None).unwrap();
    let sql = "SELECT condition FROM v_paper WHERE spec IS NOT NULL AND task = 'cps' ORDER BY condition";
    let found = store.read().unwrap().query(sql).unwrap().rows;
    assert_eq!(found, [["baseline".into()], ["tps".into()]]);
}

#[test]
fn printed_numbers_are_there_and_opening_is_quick() {
    let (_folder, path) = place();
    let begun = Instant::now();
    drop(Store::open(&path).unwrap());
    let made = begun.elapsed();
    let store = Store::open(&path).unwrap();
    eprintln!("a new store opens in {made:?}, an existing one in {:?}", begun.elapsed() - made);
    let sql = "SELECT value FROM published WHERE tbl = 'table4' AND model = 'HyperNet' AND condition = 'tps' AND task = 'cps'";
    assert!(number(&store, sql) > 0.5);
    let rows = store.read().unwrap().published("chammi", "table2").unwrap();
    assert_eq!(rows.len(), 179);
    assert_eq!(rows.iter().filter(|row| row.value.is_none()).count(), 1);
    assert_eq!((rows[0].task.as_str(), rows[0].metric.as_str(), rows[0].decimals), ("cps", "f1_macro", 3));
}

#[test]
fn a_point_costs_the_loop_little() {
    let (_folder, path) = place();
    let store = store(&path);
    let attempt = claim(&store, "fit-1");
    let metrics = attempt.metrics();
    let mut calls: Vec<u128> = Vec::new();
    for step in 0..300 {
        let begun = Instant::now();
        for name in ["loss", "loss/proxy_nca", "loss/sim_clr", "lr", "grad_norm", "images_per_s"] {
            metrics.push(name, step, 0.5);
        }
        calls.push(begun.elapsed().as_nanos() / 6);
        std::thread::sleep(Duration::from_millis(1));
    }
    calls.sort_unstable();
    let begun = Instant::now();
    for step in 0..200_000 {
        metrics.push("flat out", step, step as f64);
    }
    store.read().unwrap();
    let rate = 200_000.0 / begun.elapsed().as_secs_f64();
    eprintln!(
        "a point costs {} ns (median), {} ns (99 %); {rate:.0} a second to the disk",
        calls[150], calls[297]
    );
    assert_eq!(number(&store, "SELECT count(*) FROM scalar"), 201_800.0);
    let bytes = number(&store, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size");
    eprintln!("{:.1} bytes a point", bytes / 201_800.0);
}
