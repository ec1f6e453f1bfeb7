//! CODA's chain through the program, killed with SIGKILL in the middle of each of its steps: it ends as if nothing had
//! happened. Every kill is known to have hit its step: the store says so before and after it.
#![cfg(unix)]

mod computed;

use computed::computed;
use dichroic::{
    dsl::{Scored, Towards},
    event::Silence,
    prelude::*,
    simulate::jump::{Screen, ScreenSize, jump},
    spec::{Spec, quick::quick},
    store::Store,
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Instead of the user's cache.
const CACHE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/cache");
/// Windows of the simulated sites, in pixels.
const SIDE: usize = 32;

/// A tiny simulated screen, and the specs that are run on it.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Two training plates of source 3, so that there are pairs; 48 images of each source.
        let size = ScreenSize { compounds: 1, wells: 1, sites: 2, pixels: SIDE, binning: 1, plates: 3 };
        let screen = Screen { size, ..Screen::new(1) };
        jump(&screen, &folder.path().join("world"), &mut Silence).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Keeps a spec for [`Self::start`].
    fn keep(&self, name: &str, spec: &Spec) {
        assert_eq!(spec.check(), []);
        fs::write(self.path(&format!("{name}.json")), serde_json::to_string(spec).unwrap()).unwrap();
    }

    /// Begins, or goes on with, a spec in a store. A checkpoint is written after so many seconds.
    fn start(&self, spec: &str, store: &str, every: &str) -> Child {
        let (spec, store) = (format!("{spec}.json"), format!("{store}.db"));
        let data = format!("jump={}", self.path("world").display());
        let mut command = Command::new(env!("CARGO_BIN_EXE_dichroic"));
        command.args(["exp", "--spec", &spec, "--store", &store, "--data", &data, "--quiet"]);
        command.args(["--workers", "1", "--checkpoint-every", every]);
        command.current_dir(self.0.path()).env("XDG_CACHE_HOME", CACHE).env_remove("DICHROIC_STORE");
        command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap()
    }

    /// Runs a spec to its end; everything that was computed.
    fn finish(&self, spec: &str, store: &str) -> Vec<Vec<String>> {
        assert!(self.start(spec, store, "60").wait().unwrap().success());
        let all = computed(&self.path(&format!("{store}.db")));
        assert!(all.iter().any(|row| row[1] == "source_8/MoA" && row[2] == "accuracy"), "there are scores");
        all
    }

    /// Goes on with a spec, and kills the process in the middle of the work whose attempt `within` describes. If it was faster
    /// than we saw, nothing was hit, which is said.
    fn kill(&self, spec: &str, store: &str, within: &str) -> bool {
        let path = self.path(&format!("{store}.db"));
        let sql = format!(
            "SELECT w.uid FROM work w JOIN attempt a ON a.work_id = w.id
            WHERE w.status = 'running' AND a.outcome IS NULL AND {within}"
        );
        let hit = || -> Option<String> {
            let rows = Store::open_read_only(&path).ok()?.query(&sql).ok()?.rows;
            Some(rows.first()?[0].to_string())
        };
        // After each step and each image, which also takes some time: a step is seen before it is over.
        let (mut child, began) = (self.start(spec, store, "0"), Instant::now());
        let work = loop {
            if began.elapsed() > Duration::from_secs(600) {
                child.kill().unwrap();
                panic!("never within: {within}");
            }
            if let Some(work) = hit() {
                break work;
            }
            if child.try_wait().unwrap().is_some() {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(ask(&path, "PRAGMA integrity_check"), "ok");
        ask(&path, &format!("SELECT status FROM work WHERE uid = '{work}'")) == "running"
    }
}

fn ask(store: &Path, question: &str) -> String {
    Store::open_read_only(store).unwrap().query(question).unwrap().rows[0][0].to_string()
}

/// The small version, smaller still.
fn small<M, D, O: Towards, E: Scored>(
    run: Run<M, D, O, E>,
    [first, classifier, adapted]: [usize; 3],
) -> Spec {
    let mut spec = quick(&run.specs().remove(0).spec);
    spec.train.image = SIDE;
    spec.train.stages[0].epochs = first;
    spec.classifier.iter_mut().for_each(|top| top.stage.epochs = classifier);
    spec.adapt.iter_mut().for_each(|adapt| adapt.stage.epochs = adapted);
    for stage in spec.stages_mut() {
        (stage.batch, stage.schedule.warmup) = (4, 0);
    }
    spec.canonical()
}

/// A mini transformer on three stains of source 3.
fn seen() -> Run<Model<Vit<size::vit::Mini>, Scratch, Planes<3>>, OneSource, dichroic::dsl::NoLoss> {
    let model = Vit::mini().scratch().adapter(Planes(["dna", "er", "mito"])).train_on(S3);
    model.window(SIDE).normalise(EachView).augment(Flips + Intensity)
}

/// What a fit's attempt says when it has taken some steps: the trainings of a chain in their order.
fn fit(trained: &str) -> String {
    format!("a.step >= 2 AND w.kind = 'fit' AND {trained}")
}

/// Kills in each of these steps, then lets it end; everything that was computed, and how many attempts went on from a
/// checkpoint.
fn killed(place: &Place, spec: &str, steps: &[String]) -> (Vec<Vec<String>>, usize) {
    // On a busy machine a step may be over before we look: then all begins anew.
    for attempt in 0..5 {
        let store = format!("killed-{spec}-{attempt}");
        if steps.iter().all(|within| place.kill(spec, &store, within)) {
            let all = place.finish(spec, &store);
            let resumed = ask(
                &place.path(&format!("{store}.db")),
                "SELECT count(*) FROM attempt WHERE resumed_step >= 2 AND outcome = 'done'",
            );
            return (all, resumed.parse().unwrap());
        }
    }
    panic!("no kill hit its step in five tries");
}

#[test]
fn codas_chain_killed_in_each_of_its_three_steps_ends_as_if_nothing_had_happened() {
    let place = Place::new();
    let dual = seen().loss(DinoV1::ema(0.97).across(Role::Plate)).classify(Vit::mini());
    let run = dual.adapt(Coda::per(Source), S8).evaluate(Accuracy.on(S8));
    place.keep("coda", &small(run, [3, 4, 2]));
    let whole = place.finish("coda", "whole-coda");
    let of = |field: &str| format!("json_type(w.json, '$.{field}') IS");
    let steps = [
        fit(&format!("{} NULL AND {} NULL", of("classifier"), of("training.adapts"))),
        fit(&format!("{} NOT NULL", of("classifier"))),
        fit(&format!("{} NOT NULL", of("training.adapts"))),
    ];
    let (killed, resumed) = killed(&place, "coda", &steps);
    assert_eq!(killed, whole);
    assert_eq!(resumed, 3, "each of the steps went on from its checkpoint");
}

#[test]
fn test_time_training_killed_between_images_ends_as_if_nothing_had_happened() {
    let place = Place::new();
    let dual = seen().loss(Mae::mask(0.75)).classify(Vit::mini());
    let mut spec = small(dual.at_test_time(Ttt).evaluate(Accuracy.on(S8)), [1, 1, 0]);
    let dichroic::spec::TestTime::Ttt(how) = spec.embedding.test_time.as_mut().unwrap();
    (how.steps, how.copies) = (4, 4);
    place.keep("ttt", &spec);
    let whole = place.finish("ttt", "whole-ttt");
    // Of 48 images, some are done.
    let within = "w.kind = 'embed' AND a.step BETWEEN 2 AND 40".to_owned();
    let (killed, resumed) = killed(&place, "ttt", &[within]);
    assert_eq!(killed, whole);
    assert_eq!(resumed, 1, "it went on with the image after those that were done");
}
