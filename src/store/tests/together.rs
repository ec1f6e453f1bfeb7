//! Merging, copying, checking and vacuuming stores; renewing and removing runs.

use super::*;
use std::fs;

/// A done run with a file; its score is `value`.
pub(super) fn compute(store: &Store, run: &str, seed: u64, works: [&str; 2], value: f64) {
    store.register_dataset(&dataset(DataKind::Simulated)).unwrap();
    store.register_run(&run_of("first", run, seed, &works)).unwrap();
    let attempt = claim(store, works[0]);
    for step in 1..=3 {
        attempt.metrics().push("loss", step, value / step as f64);
    }
    let file = work_folder(&store.path, works[0]).unwrap().join("weights.safetensors");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, format!("{value}")).unwrap();
    let bytes = fs::read(&file).unwrap();
    attempt
        .artifact(&ArtifactRow {
            name: "weights.safetensors".into(),
            kind: "weights".into(),
            path: file.strip_prefix(files(store.path())).unwrap().into(),
            bytes: bytes.len() as u64,
            blake3: blake3::hash(&bytes).to_hex().to_string(),
            step: None,
        })
        .unwrap();
    attempt.finish(Outcome::Done).unwrap();
    let attempt = claim(store, works[1]);
    attempt.scores(&[score("CP/Task_two", "", "f1_macro", value)]).unwrap();
    attempt.floors(Floor::Prior, &[score("CP/Task_two", "", "f1_macro", 0.2)]).unwrap();
    attempt.finish(Outcome::Done).unwrap();
}

/// Everything that users see, as text.
fn seen(store: &Store) -> Vec<Vec<String>> {
    let sql = "SELECT uid, seed, task, value FROM v_results UNION ALL SELECT uid, seed, metric || step, value FROM v_curve
        UNION ALL SELECT uid, seed, floor, value FROM v_floors UNION ALL SELECT uid, attempt, name, blake3
        FROM work JOIN artifact ON work_id = work.id UNION ALL SELECT uid, status, tags, stale FROM v_runs
        UNION ALL SELECT uid, status, attempt, kind FROM work ORDER BY 1, 2, 3, 4";
    let rows = store.read().unwrap().query(sql).unwrap().rows;
    rows.iter().map(|row| row.iter().map(ToString::to_string).collect()).collect()
}

#[test]
fn merging_takes_over_what_is_done_elsewhere_and_twice_changes_nothing() {
    let (_here, here) = place();
    let (_there, there) = place();
    let there = there.with_file_name("another name.db");
    let (ours, theirs) = (Store::open(&here).unwrap(), Store::open(&there).unwrap());
    compute(&ours, "run1", 1, ["fit-1", "score-1"], 0.25);
    // One that both did, one that only they did, one that failed here, one that no one did.
    compute(&theirs, "run1", 1, ["fit-1", "score-1"], 0.25);
    compute(&theirs, "run2", 2, ["fit-2", "score-2"], 0.75);
    compute(&theirs, "run3", 3, ["fit-3", "score-3"], 0.5);
    theirs.tag("run2", "good").unwrap();
    theirs.note("run2", "the lamp was new").unwrap();
    ours.register_run(&run_of("second", "run3", 3, &["fit-3", "score-3"])).unwrap();
    let attempt = claim(&ours, "fit-3");
    attempt.metrics().push("loss", 9, 1.0);
    attempt.finish(Outcome::Nan("no number".into())).unwrap();
    theirs.register_run(&run_of("first", "run4", 4, &["fit-4"])).unwrap();

    let merged = ours.merge(&there).unwrap();
    assert_eq!((merged.runs, merged.works, merged.both), (2, 4, 2));
    assert!(merged.differing.is_empty() && merged.files.0 == 2, "{merged:?}");
    let state = |run: &str| ours.read().unwrap().run(run).unwrap().unwrap();
    assert_eq!(state("run2").status, Status::Done);
    assert_eq!((state("run3").status, state("run3").works[0].attempts), (Status::Done, 2));
    assert_eq!(state("run4").status, Status::Queued);
    assert_eq!(
        number(&ours, "SELECT count(*) FROM v_curve WHERE uid = 'run3'"),
        3.0,
        "not the failed attempt's"
    );
    assert_eq!(number(&ours, "SELECT value FROM v_results WHERE uid = 'run2'"), 0.75);
    assert_eq!(number(&ours, "SELECT count(*) FROM note"), 1.0);
    assert_eq!(ours.read().unwrap().check(true).unwrap().problems, Vec::<String>::new());
    assert_eq!(number(&ours, "SELECT n FROM v_seeds WHERE mean = 0.5 AND experiment = 'first'"), 3.0);

    let before = seen(&ours);
    let again = ours.merge(&there).unwrap();
    assert_eq!((again.runs, again.works, again.both, again.files.0), (0, 0, 6, 0));
    assert_eq!(seen(&ours), before);
    // The other way round nothing is missing, either.
    theirs.merge(&here).unwrap();
    assert_eq!(
        number(&theirs, "SELECT count(*) FROM v_results"),
        number(&ours, "SELECT count(*) FROM v_results")
    );
    claim(&ours, "fit-4").finish(Outcome::Done).unwrap();
}

#[test]
fn a_merge_says_what_came_out_otherwise_elsewhere() {
    let (_here, here) = place();
    let (_there, there) = place();
    let (ours, theirs) = (Store::open(&here).unwrap(), Store::open(&there).unwrap());
    compute(&ours, "run1", 1, ["fit-1", "score-1"], 0.25);
    compute(&theirs, "run1", 1, ["fit-1", "score-1"], 0.3);
    let merged = ours.merge(&there).unwrap();
    assert_eq!(
        merged.differing,
        [["fit-1", "weights.safetensors", "cpu avx2", "cpu avx2"].map(String::from)]
    );
    assert_eq!(number(&ours, "SELECT value FROM v_results"), 0.25, "what is here stays");
}

#[test]
fn a_copy_is_whole_and_damage_is_told() {
    let (folder, path) = place();
    let store = Store::open(&path).unwrap();
    compute(&store, "run1", 1, ["fit-1", "score-1"], 0.25);
    let copy = folder.path().join("copies/copy.db");
    let copied = store.read().unwrap().backup(&copy).unwrap();
    assert_eq!((copied.files, copied.bytes), (1, 4));
    assert!(matches!(store.read().unwrap().backup(&copy), Err(Error::Io { .. })), "never over another");
    let reader = Store::open_read_only(&copy).unwrap();
    assert!(reader.check(true).unwrap().problems.is_empty());
    assert_eq!(reader.scores("run1").unwrap(), store.read().unwrap().scores("run1").unwrap());
    drop(reader);

    let file = files(&copy).join("work/fit-1/weights.safetensors");
    let problems = |contents| Store::open_read_only(&copy).unwrap().check(contents).unwrap().problems;
    fs::write(&file, "0.26").unwrap();
    assert_eq!((problems(false).len(), problems(true).len()), (0, 1));
    fs::write(&file, "0.2").unwrap();
    assert!(problems(false)[0].contains("expected 4 bytes, found 3"), "{:?}", problems(false));
    fs::remove_file(&file).unwrap();
    assert_eq!(problems(false).len(), 1);
}

#[test]
fn a_renewed_run_is_computed_again_and_a_removed_one_leaves_nothing() {
    let (_folder, path) = place();
    let store = Store::open(&path).unwrap();
    compute(&store, "run1", 1, ["fit-1", "score-1"], 0.25);
    // Another run has the same training.
    store.register_run(&run_of("first", "run2", 2, &["fit-1", "score-2"])).unwrap();
    // A kill between the end of a work and the end of its checkpoint leaves the file.
    let left = work_folder(&store.path, "fit-1").unwrap().join("checkpoint.safetensors");
    fs::write(&left, "12").unwrap();
    let freed = store.vacuum().unwrap();
    assert!(freed.orphans == [left] && freed.bytes >= 2, "{freed:?}");

    store.renew_run("run1").unwrap();
    assert_eq!(store.read().unwrap().run("run1").unwrap().unwrap().status, Status::Queued);
    assert_eq!(number(&store, "SELECT count(*) FROM v_results"), 0.0);
    compute(&store, "run1", 1, ["fit-1", "score-1"], 0.5);
    assert_eq!(number(&store, "SELECT value FROM v_results"), 0.5);
    assert_eq!(number(&store, "SELECT max(n) FROM attempt"), 2.0);

    let attempt = claim(&store, "score-2");
    assert!(matches!(store.remove_run("run2"), Err(Error::AtWork { .. })));
    drop(attempt);
    let removed = store.remove_run("run1").unwrap();
    assert_eq!((removed.works.as_slice(), removed.bytes), (&["score-1".to_string()][..], 0));
    let removed = store.remove_run("run2").unwrap();
    assert_eq!(
        (removed.works.as_slice(), removed.bytes),
        (&["fit-1".to_string(), "score-2".to_string()][..], 3)
    );
    for table in ["run", "work", "attempt", "scalar", "score", "floor", "artifact", "spec", "param", "sample"]
    {
        assert_eq!(number(&store, &format!("SELECT count(*) FROM {table}")), 0.0, "{table}");
    }
    assert_eq!(store.read().unwrap().orphans().unwrap().len(), 1);
    assert_eq!(store.vacuum().unwrap().orphans, [work_folder(&store.path, "fit-1").unwrap()]);
    assert!(!work_folder(&store.path, "fit-1").unwrap().exists());
}

#[test]
fn memory_that_ran_out_is_an_outcome() {
    let (_folder, path) = place();
    let store = store(&path);
    let attempt = claim(&store, "fit-1");
    // As the allocator of a dying process writes it.
    let locks = path.with_file_name("test.db.locks");
    let own = locks.join("fit-1");
    let mut file = fs::OpenOptions::new().append(true).open(&own).unwrap();
    std::io::Write::write_all(&mut file, b"exhausted 4096 bytes with 7 in use\n").unwrap();
    let left = fs::read(&own).unwrap();
    std::mem::forget(attempt);
    fs::remove_file(&own).unwrap();
    fs::write(&own, left).unwrap();
    let Claim::Failed(text) = store.claim("fit-1", &here()).unwrap() else { panic!("it ran out of memory") };
    assert_eq!(text, "out of memory: could not allocate 4096 bytes with 7 in use");
    assert_eq!(
        number(&store, "SELECT count(*) FROM attempt WHERE outcome = 'oom' AND error LIKE 'out of memory%'"),
        1.0
    );
}
