//! The pages as a whole: over a socket, of stores that are empty, running and finished.

use super::{
    Server,
    ask::Readers,
    live,
    site::{Answer, Site},
    url::Params,
};
use crate::store::{
    Attempt, Claim, DataKind, DatasetRow, ExperimentRow, Host, Outcome, Provenance, RunRow, Scale, ScoreRow,
    Store, WorkRow,
};
use std::{
    io::{self, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// A name that becomes script if it is not escaped.
const HOSTILE: &str = "<script>alert(1)</script>\"'&";

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs/test.db");
    (folder, path)
}

fn run_of(uid: &str, experiment: &str, label: &str, seed: u64) -> RunRow {
    let work = |kind: &str, parents: Vec<String>| WorkRow {
        uid: format!("{kind}-{uid}"),
        kind: kind.into(),
        json: serde_json::json!({ "train": { "epochs": 3 }, "revisions": [] }),
        parents,
    };
    RunRow {
        uid: uid.into(),
        spec: format!("5bec{uid}"),
        spec_json: serde_json::json!({ "train": { "optimiser": { "lr": seed as f64 * 1e-3 } }, "name": label }),
        seed,
        scale: Scale::Quick,
        data: vec![("train".into(), "f00d".into())],
        experiment: ExperimentRow {
            name: experiment.into(),
            about: String::new(),
            file: "experiments/a.rs".into(),
        },
        label: vec![("system".into(), label.into())],
        place: seed as u32,
        works: vec![work("fit", vec![]), work("score", vec![format!("fit-{uid}")])],
    }
}

fn claim(store: &Store, work: &str) -> Box<Attempt> {
    let provenance = Provenance {
        host: Host::here(),
        numerics: "cpu avx2".into(),
        args: vec!["exp".into()],
        caller: 7,
        ..Provenance::default()
    };
    match store.claim(work, &provenance).unwrap() {
        Claim::Yours(attempt) => attempt,
        _ => panic!("{work} cannot be claimed"),
    }
}

fn score(task: &str, class: &str, metric: &str, value: f64) -> ScoreRow {
    ScoreRow {
        protocol: "one_nn_cosine".into(),
        data: "chammi".into(),
        part: String::new(),
        task: task.into(),
        class: class.into(),
        metric: metric.into(),
        value,
        n: 90,
    }
}

/// Run a0 is done, b0 has failed, c0 is running, d0 waits; the last attempt is the running one.
fn full(path: &Path) -> (Store, Box<Attempt>) {
    let store = Store::open(path).unwrap();
    let dataset = DatasetRow {
        name: "chammi".into(),
        fingerprint: "f00d".into(),
        kind: DataKind::Simulated,
        world: "1".into(),
        images: 900,
        info: serde_json::json!({}),
    };
    store.register_dataset(&dataset).unwrap();
    for (uid, label, seed) in [("a0", "joint", 1), ("b0", HOSTILE, 2), ("c0", "joint", 3), ("d0", "SSL", 4)] {
        store
            .register_run(&run_of(
                uid,
                &format!("first{}", if uid == "b0" { HOSTILE } else { "" }),
                label,
                seed,
            ))
            .unwrap();
    }
    let attempt = claim(&store, "fit-a0");
    for step in 1..=5000u64 {
        attempt.metrics().push("loss", step, if step == 777 { 99.0 } else { 1.0 / step as f64 });
    }
    attempt.finish(Outcome::Done).unwrap();
    let attempt = claim(&store, "score-a0");
    attempt
        .scores(&[
            score("cps", "", "f1_macro", 0.5),
            score("HPA/Task_two", "", "f1_macro", 0.6),
            score("HPA/Task_two", HOSTILE, "f1", 0.4),
        ])
        .unwrap();
    attempt.finish(Outcome::Done).unwrap();
    claim(&store, "fit-b0").finish(Outcome::Error(format!("no such file {HOSTILE}"))).unwrap();
    let attempt = claim(&store, "fit-c0");
    (1..=10u64).for_each(|step| attempt.metrics().push("loss", step, step as f64));
    store.read().unwrap();
    (store, attempt)
}

fn site(path: &Path) -> Site {
    Site::new(Readers::open(path).unwrap(), &[])
}

/// A text answer.
struct Got {
    status: u16,
    kind: &'static str,
    body: String,
}

fn get(site: &Site, address: &str) -> Got {
    let (path, rest) = address.split_once('?').unwrap_or((address, ""));
    let pair =
        |pair: &str| pair.split_once('=').map(|(name, value)| (name.to_owned(), value.replace("%3E", ">")));
    let Answer { status, kind, body, .. } =
        site.answer(path, &Params(rest.split('&').filter_map(pair).collect()));
    Got { status, kind, body: String::from_utf8(body).unwrap() }
}

const PAGES: [&str; 15] = [
    "/",
    "/runs",
    "/runs?q=status:done",
    "/runs?q=nothing",
    "/runs?q=seed:x",
    "/runs?sort=f1&order=down&page=9",
    "/runs?sort=model",
    "/compare",
    "/compare?run=a0&run=b0",
    "/compare?run=a0,c0&by=system",
    "/compare?run=zz",
    "/papers",
    "/papers?paper=chammi_table2",
    "/papers?paper=chammi_table3",
    "/system",
];

#[test]
fn every_page_answers_for_every_kind_of_store() {
    let (_folder, path) = place();
    Store::open(&path).unwrap().close().unwrap();
    let empty = site(&path);
    for address in PAGES {
        let answer = get(&empty, address);
        assert_eq!(answer.status, 200, "{address}: {}", answer.body);
    }
    assert_eq!(get(&empty, "/run/a0").status, 404);
    let (_folder, path) = place();
    let (_store, _attempt) = full(&path);
    let full = site(&path);
    for address in PAGES.into_iter().chain(["/run/a0", "/run/b0?with=a0", "/run/c0?with=zz", "/run/d0"]) {
        let answer = get(&full, address);
        assert_eq!(answer.status, 200, "{address}: {}", answer.body);
        assert!(answer.body.starts_with("<!DOCTYPE html>"), "{address}");
    }
    for address in ["/nowhere", "/run/", "/run/ff", "/a/none.js", "/papers?paper=none"] {
        assert_eq!(get(&full, address).status, 404, "{address}");
    }
}

#[test]
fn what_happens_is_on_the_first_page() {
    let (_folder, path) = place();
    let (_store, attempt) = full(&path);
    attempt.metrics().begin("training", "step", 40);
    (1..=10).for_each(|step| attempt.metrics().advance(step));
    let began = Instant::now();
    let mut page = get(&site(&path), "/").body;
    // Progress waits up to a second.
    while !page.contains("training 10 of 40 steps") && began.elapsed().as_secs() < 20 {
        std::thread::sleep(Duration::from_millis(50));
        page = get(&site(&path), "/").body;
    }
    for part in [
        "training 10 of 40 steps",
        "1 work failed or stopped reporting",
        "<svg class=\"spark\"",
        "experiment:first%20status:running",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[test]
fn hostile_names_stay_text() {
    let (_folder, path) = place();
    let (store, _attempt) = full(&path);
    store.tag("b0", HOSTILE).ok();
    store.note("b0", HOSTILE).unwrap();
    store.read().unwrap();
    let site = site(&path);
    for address in PAGES.into_iter().chain([
        "/run/a0",
        "/run/b0",
        "/runs?q=<script>alert(1)</script>",
        "/run/<script>",
        "/compare?run=<script>&by=<script>",
    ]) {
        let page = get(&site, address).body;
        assert!(!page.contains("<script>") && !page.contains("alert(1)</script>\"'"), "{address}");
        assert!(
            !page.contains("style=") && !page.contains("onclick"),
            "the content policy forbids it: {address}"
        );
    }
    assert!(get(&site, "/run/b0").body.contains("&lt;script&gt;alert(1)"));
}

#[test]
fn tables_are_data_too() {
    let (_folder, path) = place();
    let (_store, _attempt) = full(&path);
    let site = site(&path);
    let csv = get(&site, "/runs?q=status:done&format=csv");
    assert_eq!(csv.kind, "text/csv; charset=utf-8");
    let lines: Vec<&str> = csv.body.lines().collect();
    assert!(
        lines.len() == 2 && lines[0].starts_with("run,status,stale") && lines[1].starts_with("a0,done,"),
        "{lines:?}"
    );
    let json: serde_json::Value =
        serde_json::from_str(&get(&site, "/runs?format=json&table=runs&sort=run").body).unwrap();
    let ids: Vec<&str> = json.as_array().unwrap().iter().map(|run| run["run"].as_str().unwrap()).collect();
    assert_eq!(ids, ["a0", "b0", "c0", "d0"]);
    assert_eq!(json[0]["f1_macro"], 0.5);
    let all: serde_json::Value = serde_json::from_str(&get(&site, "/run/a0?format=json").body).unwrap();
    assert_eq!(all["scores"][1]["f1_macro"], 0.6);
    assert!(all["attempts"].as_array().unwrap().len() == 2 && all["configuration"].is_array());
    assert_eq!(get(&site, "/run/a0?format=csv&table=none").status, 404);
    assert_eq!(get(&site, "/runs?format=xml").status, 400);
}

#[test]
fn filters_find_runs() {
    let (_folder, path) = place();
    let (_store, _attempt) = full(&path);
    let site = site(&path);
    for (line, wanted) in [
        ("status:done", "a0"),
        ("status:failed,queued", "b0 d0"),
        ("-status:done,failed seed%3E3", "d0"),
        ("f1%3E0.4", "a0"),
        ("f1%3E0.6", ""),
        ("HPA/Task_two%3E0.5", "a0"),
        ("system:joint", "a0 c0"),
        ("system!=joint", "b0 d0"),
        ("lr:0.002,0.004", "b0 d0"),
        ("train.optimiser.lr%3E0.0035", "d0"),
        ("experiment:first", "a0 c0 d0"),
        ("experiment:first*", "a0 b0 c0 d0"),
        ("run:a,d", "a0 d0"),
        ("ssl", "d0"),
        ("kind:real", ""),
        ("data:chammi seed:1", "a0"),
        ("spec:5becc0", "c0"),
        ("scale:quick seed:2", "b0"),
        ("host:* status:running", "c0"),
        ("label:SSL", "d0"),
        ("cps:0.5", "a0"),
        ("-first", ""),
    ] {
        let found = get(&site, &format!("/runs?q={line}&sort=run&format=json&table=runs")).body;
        let found: serde_json::Value = serde_json::from_str(&found).unwrap();
        let ids: Vec<&str> =
            found.as_array().unwrap().iter().map(|run| run["run"].as_str().unwrap()).collect();
        assert_eq!(ids.join(" "), wanted, "{line}");
    }
    let slip = get(&site, "/runs?q=sytem:joint").body;
    assert!(slip.contains("Did you mean <code>system</code>?"), "{slip}");
}

#[test]
fn thinned_curves_keep_their_extremes_and_ends() {
    let (_folder, path) = place();
    let (store, attempt) = full(&path);
    let site = site(&path);
    let ask =
        |address: &str| -> serde_json::Value { serde_json::from_str(&get(&site, address).body).unwrap() };
    let points = |found: &serde_json::Value| -> Vec<(u64, f64)> {
        let of = |name: &str| found["series"][0][name].as_array().unwrap().clone();
        of("x").iter().zip(of("y")).map(|(x, y)| (x.as_u64().unwrap(), y.as_f64().unwrap())).collect()
    };
    let all = ask("/curves?run=a0&metric=loss");
    let found = points(&all);
    assert!(
        found.len() > 900 && found.len() <= 2002 && all["series"][0]["whole"] == false,
        "{} points",
        found.len()
    );
    assert!(found.contains(&(777, 99.0)) && found[0] == (1, 1.0) && found[found.len() - 1].0 == 5000);
    assert!(found.windows(2).all(|pair| pair[0].0 < pair[1].0));
    // When zoomed in, every point.
    let near = ask("/curves?run=a0&metric=loss&from=700&to=800");
    assert_eq!((points(&near).len(), &near["series"][0]["whole"]), (101, &true.into()));
    // Only new points, as long as the same attempt continues.
    let before = ask("/curves?run=c0&metric=loss");
    attempt.metrics().push("loss", 11, f64::NAN);
    attempt.metrics().push("loss", 12, 1.5);
    store.read().unwrap();
    let key = before["key"].as_str().unwrap();
    let more = ask(&format!("/curves?run=c0&metric=loss&after={}&key={key}", before["last"]));
    assert_eq!((&more["fresh"], &more["series"][0]["x"]), (&false.into(), &serde_json::json!([11, 12])));
    assert_eq!(more["series"][0]["y"], serde_json::json!([null, 1.5]));
    attempt.finish(Outcome::Signal).unwrap();
    let again = claim(&store, "fit-c0");
    again.resume_at(None).unwrap();
    store.read().unwrap();
    let other = ask(&format!("/curves?run=c0&metric=loss&after=12&key={key}"));
    assert_eq!((&other["fresh"], &other["series"]), (&true.into(), &serde_json::json!([])));
}

#[test]
fn runs_of_one_group_become_a_mean() {
    let (_folder, path) = place();
    let (store, attempt) = full(&path);
    (1..=10u64).for_each(|step| attempt.metrics().push("lr", step, 1.0));
    let other = claim(&store, "fit-d0");
    (1..=10u64).for_each(|step| other.metrics().push("lr", step, 3.0));
    store.read().unwrap();
    let found = get(&site(&path), "/curves?run=c0&run=d0&metric=lr&by=experiment").body;
    let found: serde_json::Value = serde_json::from_str(&found).unwrap();
    let group = &found["series"][0];
    assert_eq!((group["name"].as_str(), group["y"][0].as_f64()), (Some("first (2 curves)"), Some(2.0)));
    assert!((group["high"][0].as_f64().unwrap() - 2.0 - 2f64.sqrt()).abs() < 1e-12);
}

/// Serves a store until it is dropped.
struct Served {
    port: u16,
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Served {
    fn new(path: &Path) -> Self {
        let server = Server::bind(path, "127.0.0.1:0".parse().unwrap(), &[]).unwrap();
        let (port, stop) = (server.address().port(), Arc::new(AtomicBool::new(false)));
        let asked = Arc::clone(&stop);
        let thread = thread::spawn(move || server.run(|| asked.load(Ordering::Relaxed)).unwrap());
        Self { port, stop, thread: Some(thread) }
    }

    fn send(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    fn ask(&self, method: &str, path: &str, host: &str) -> String {
        let mut answer = String::new();
        let request = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        self.send(&request).read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

#[test]
fn strangers_and_changes_are_refused() {
    let (_folder, path) = place();
    let (_store, _attempt) = full(&path);
    let served = Served::new(&path);
    let page = served.ask("GET", "/", "localhost:7878");
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    let head = page.split("\r\n\r\n").next().unwrap().to_lowercase();
    for header in [
        "content-security-policy: default-src 'self'",
        "x-content-type-options: nosniff",
        "referrer-policy: no-referrer",
        "cache-control: no-store",
        "content-type: text/html; charset=utf-8",
    ] {
        assert!(head.contains(header), "{header}: {head}");
    }
    for path in ["/", "/events", "/a/app.js"] {
        let refused = served.ask("GET", path, "evil.example:7878");
        assert!(refused.starts_with("HTTP/1.1 421 ") && !refused.contains("first"), "{refused}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        assert!(served.ask(method, "/runs", "localhost").starts_with("HTTP/1.1 405 "), "{method}");
    }
    let head = served.ask("HEAD", "/runs", "localhost");
    assert!(head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n\r\n"), "{head}");
    assert!(served.ask("GET", "/a/uPlot.LICENSE", "127.0.0.1").contains("MIT License"));
    let address = format!("127.0.0.1:{}", served.port).parse().unwrap();
    let taken = Server::bind(&path, address, &[]).err().unwrap();
    assert!(
        taken.to_string().contains("is in use") && taken.hint().unwrap().contains("--address 127.0.0.1:"),
        "{taken}"
    );
}

#[test]
fn two_names_and_half_a_request_are_refused() {
    let (_folder, path) = place();
    let (_store, _attempt) = full(&path);
    let served = Served::new(&path);
    let mut answer = String::new();
    let two = "GET /runs HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    served.send(two).read_to_string(&mut answer).unwrap();
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    // It is closed, or reset; a connection that is held runs into the time-out of reading.
    for half in ["", "GET / HT", "GET / HTTP/1.1\r\nHost: local"] {
        let mut left = vec![];
        let held = [io::ErrorKind::WouldBlock, io::ErrorKind::TimedOut];
        let read = served.send(half).read_to_end(&mut left);
        assert!(!read.is_err_and(|error| held.contains(&error.kind())), "{half:?} is held");
        assert!(!left.starts_with(b"HTTP/1.1 200"));
    }
    assert!(served.ask("GET", "/runs", "localhost").starts_with("HTTP/1.1 200"));
    let long = format!("/runs?q={}", "a+".repeat(3_000));
    let page = served.ask("GET", &long, "localhost");
    assert!(page.contains("a filter has at most"), "{page}");
    for most in [
        "a+".repeat(199),
        format!("status:{}done", "done,".repeat(198)),
        format!("tag:{}a", "a*,".repeat(198)),
    ] {
        let page = served.ask("GET", &format!("/runs?q={most}"), "localhost");
        assert!(page.contains("Filter syntax") && !page.contains("does not answer"), "{most}: {page}");
    }
}

#[test]
fn a_write_by_another_connection_is_told() {
    let (_folder, path) = place();
    let (store, attempt) = full(&path);
    let served = Served::new(&path);
    let mut stream = served.send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let mut heard = String::new();
    let mut hear = |word: &str| {
        let start = Instant::now();
        while !heard.contains(word) {
            let mut part = [0; 512];
            let length = stream.read(&mut part).unwrap();
            assert!(length > 0 && start.elapsed() < Duration::from_secs(20), "{heard}");
            heard += &String::from_utf8_lossy(&part[..length]);
        }
    };
    hear("event: hello");
    // The watcher must have polled once before anything counts as a change.
    thread::sleep(Duration::from_secs(1));
    attempt.metrics().push("loss", 11, 0.5);
    store.read().unwrap();
    hear("event: change");
}

#[test]
fn a_store_that_is_made_anew_is_read_anew() {
    let (_folder, path) = place();
    let (store, attempt) = full(&path);
    let site = site(&path);
    let changes = live::watch(&path);
    assert!(get(&site, "/runs").body.contains("/run/a0"));
    thread::sleep(Duration::from_secs(1));
    drop((attempt, store));
    std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
    assert_eq!(get(&site, "/runs").status, 500);
    Store::open(&path).unwrap().close().unwrap();
    assert!(get(&site, "/runs").body.contains("This store has no runs yet"));
    let start = Instant::now();
    while !changes.has_changed().unwrap() {
        assert!(start.elapsed() < Duration::from_secs(20), "no browser was notified");
        thread::sleep(Duration::from_millis(50));
    }
}
