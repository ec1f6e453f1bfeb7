//! Races, kills, full disks and files of other kinds.

use super::*;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Runs `helper`, one of the ignored tests below, in its own process.
fn child(helper: &str, path: &Path) -> Child {
    let name = format!("{}::{helper}", module_path!().split_once("::").unwrap().1);
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &name, "--ignored", "--nocapture", "--test-threads=1"]);
    command.env("STORE_UNDER_TEST", path).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn under_test() -> PathBuf {
    std::env::var_os("STORE_UNDER_TEST").expect("only run by other tests").into()
}

#[test]
#[ignore = "a helper process"]
fn opens_and_declares() {
    drop(store(&under_test()));
}

#[test]
#[ignore = "a helper process, killed by its parent"]
fn trains_until_killed() {
    let store = Store::open(under_test()).unwrap();
    let attempt = claim(&store, "fit-1");
    let metrics = attempt.metrics();
    for step in 1.. {
        metrics.push("loss", step, 1.0 / step as f64);
        println!("step {step}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn eight_processes_open_an_empty_store_at_once() {
    for _ in 0..3 {
        let (_folder, path) = place();
        let children: Vec<Child> = (0..8).map(|_| child("opens_and_declares", &path)).collect();
        for child in children {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        assert_eq!(number(&Store::open(&path).unwrap(), "SELECT count(*) FROM run"), 1.0);
    }
}

#[test]
fn a_killed_process_loses_no_committed_point_and_its_work_at_once() {
    let (_folder, path) = place();
    let store = store(&path);
    let mut child = child("trains_until_killed", &path);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut last = 0;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(1200) || last == 0 {
        if let Some(step) = lines.next().unwrap().split_once("step ") {
            last = step.1.parse::<u64>().unwrap();
        }
    }
    let Claim::Busy(owner) = store.claim("fit-1", &here()).unwrap() else {
        panic!("a running owner was overlooked")
    };
    assert_eq!(owner.pid, child.id());
    assert_eq!(store.read().unwrap().run("run1").unwrap().unwrap().status, Status::Running);
    child.kill().unwrap();
    child.wait().unwrap();

    let attempt = claim(&store, "fit-1");
    assert_eq!(attempt.number(), 2);
    let points = number(&store, "SELECT count(*) FROM scalar");
    let steps = number(&store, "SELECT max(step) FROM scalar");
    assert_eq!(points, steps, "no hole");
    // One point a millisecond and 200 ms between flushes; the rest is for a busy machine.
    eprintln!("{last} points were seen before the kill, {steps} are on the disk");
    assert!(steps > 0.0 && steps >= last as f64 - 600.0, "{steps} of {last}");
    let rows = store.read().unwrap().query("SELECT outcome FROM attempt ORDER BY n").unwrap().rows;
    assert_eq!(rows, [[Value::Text("lost".into())], [Value::Null]]);
    let check = store.read().unwrap().query("PRAGMA integrity_check").unwrap().rows;
    assert_eq!(check, [[Value::Text("ok".into())]]);
}

#[test]
fn opening_sends_the_work_of_the_dead_back() {
    let (_folder, path) = place();
    drop(store(&path));
    let mut child = child("trains_until_killed", &path);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    while !lines.next().unwrap().contains("step") {}
    child.kill().unwrap();
    child.wait().unwrap();
    let store = Store::open(&path).unwrap();
    let state = store.read().unwrap().run("run1").unwrap().unwrap();
    assert_eq!((state.status, state.works[0].status), (Status::Queued, Status::Queued));
}

#[test]
fn an_attempt_that_was_overtaken_writes_nothing() {
    let (_folder, path) = place();
    let store = store(&path);
    let attempt = claim(&store, "fit-1");
    store.writer.ask("overtake", |db| db.execute(sqlx::query("UPDATE work SET attempt = 2"))).unwrap();
    attempt.metrics().push("loss", 1, 1.0);
    let error = attempt.scores(&[score("Allen/Task_one", "", "f1_macro", 0.5)]).unwrap_err();
    assert!(matches!(error, Error::Fenced { attempt: 1, current: 2, .. }), "{error}");
    assert_eq!(number(&store, "SELECT count(*) FROM scalar"), 0.0);
}

#[test]
fn a_full_disk_is_told_and_training_goes_on() {
    let (_folder, path) = place();
    let store = store(&path);
    let attempt = claim(&store, "fit-1");
    let limit = |pages: &'static str| move |db: &mut db::Db| db.all(sqlx::query(pages)).map(drop);
    store.writer.ask("fill the disk", limit("PRAGMA max_page_count = 1")).unwrap();
    for step in 0..20_000 {
        attempt.metrics().push("loss", step, 1.0); // must neither block nor panic
    }
    let error = attempt.resume_at(None).unwrap_err();
    assert!(error.to_string().contains("full") && error.hint().unwrap().contains("free space"), "{error}");
    let error = attempt.finish(Outcome::Done).unwrap_err();
    assert!(error.to_string().contains("full"), "{error}");
}

#[test]
fn every_point_is_written_or_counted_as_lost() {
    let (_folder, path) = place();
    let store = store(&path);
    let attempt = claim(&store, "fit-1");
    let mut disk = db::Db::write(&path).unwrap();
    let full = "CREATE TRIGGER full BEFORE INSERT ON scalar BEGIN SELECT raise(FAIL, 'disk is full'); END";
    disk.execute(sqlx::query(full)).unwrap();
    for step in 0..20_000 {
        attempt.metrics().push("loss", step, 1.0);
    }
    assert!(matches!(attempt.resume_at(Some(20_000)), Err(Error::Sql { .. })));
    disk.execute(sqlx::query("DROP TRIGGER full")).unwrap();
    let Err(Error::Lost { points, .. }) = attempt.finish(Outcome::Done) else { panic!("a silent loss") };
    assert!(points > 0);
    assert_eq!(number(&store, "SELECT count(*) FROM scalar") + points as f64, 20_000.0);
    let state = store.read().unwrap().run("run1").unwrap().unwrap();
    assert_eq!(state.status, Status::Failed);
    assert!(state.works[0].error.as_ref().unwrap().contains("lost"), "{state:?}");
}

#[test]
fn a_living_attempt_renews_its_lease() {
    let (_folder, path) = place();
    let store = store(&path);
    let _attempt = claim(&store, "fit-1");
    store.writer.ask("age", |db| db.execute(sqlx::query("UPDATE work SET lease_until_ms = 0"))).unwrap();
    assert_eq!(number(&store, "SELECT silent FROM v_progress"), 1.0);
    writer::heartbeat(&mut db::Db::write(&path).unwrap(), &[1]).unwrap();
    assert_eq!(number(&store, "SELECT silent FROM v_progress"), 0.0);
}

#[test]
fn files_that_are_no_store_stay_as_they_are() {
    let (folder, _) = place();
    let text = folder.path().join("notes.txt");
    std::fs::write(
        &text,
        "not a database, but long enough to have a header of one hundred bytes. ".repeat(9),
    )
    .unwrap();
    assert!(matches!(Store::open(&text), Err(Error::NotADatabase(_))));
    assert!(matches!(Store::open_read_only(&text), Err(Error::NotADatabase(_))));

    let foreign = folder.path().join("other.db");
    let mut db = db::Db::write(&foreign).unwrap();
    db.execute(sqlx::query("CREATE TABLE run(id INTEGER)")).unwrap();
    db.close().unwrap();
    let before = std::fs::read(&foreign).unwrap();
    assert!(matches!(Store::open(&foreign), Err(Error::NotAStore(_))));
    assert_eq!(std::fs::read(&foreign).unwrap(), before);
    assert!(matches!(Store::open_read_only(folder.path().join("absent.db")), Err(Error::Absent(_))));

    let newer = folder.path().join("newer.db");
    let store = Store::open(&newer).unwrap();
    let sql = "INSERT INTO _sqlx_migrations SELECT 9000, 'x', installed_on, 1, checksum, 0 FROM _sqlx_migrations LIMIT 1";
    store.writer.ask("age", move |db| db.execute(sqlx::query(sql))).unwrap();
    drop(store);
    assert!(matches!(Store::open(&newer), Err(Error::Newer { store: 9000, .. })));
}
