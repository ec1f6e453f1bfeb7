//! What can be asked, and what answers cost.

use super::*;
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
    store.register_run(&run_of("first", "run3", 3, &["fit-3"])).unwrap();
    claim(&store, "fit-3").finish(Outcome::Error("no such channel".into())).unwrap();
    assert!(
        (number(&store, "SELECT std FROM v_seeds WHERE n = 2 AND mean = 0.5") - 0.125_f64.sqrt()).abs()
            < 1e-15
    );
    assert_eq!(number(&store, "SELECT failed FROM v_progress WHERE done = 2"), 1.0);

    let read = store.read().unwrap();
    let views = read.query("SELECT name FROM sqlite_schema WHERE type = 'view' ORDER BY name").unwrap();
    let views: Vec<String> = views.rows.iter().map(|row| row[0].to_string()).collect();
    assert_eq!(
        views,
        ["v_curve", "v_failed", "v_floors", "v_progress", "v_results", "v_runs", "v_seeds", "v_works"]
    );
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
