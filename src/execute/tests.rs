//! Selections of images through whole runs, on a few small images.

use super::{Ended, Error, Executor};
use crate::{
    data::{DataSet, sample},
    event::Silence,
    plan::{Plan, Work},
    prelude::*,
    report,
    seed::Seed,
    spec::{self, Evaluate, Features, Selection, Spec},
    store::{ExperimentRow, Host, Provenance, Scale, ScoreRow, Status, Store, Value},
    train::Keep,
};
use candle_core::Device;
use std::{collections::BTreeMap, time::Duration};

mod adapted;
mod embedding;
mod learned;
mod teacher;
mod test_time;

const SMALL: Folder = Folder("small");

struct Home {
    _folder: tempfile::TempDir,
    store: Store,
    data: BTreeMap<String, DataSet>,
}

impl Home {
    /// Twelve images of Train and eight of a task, of two classes, batches and plates.
    fn new() -> Self {
        Self::of(&["dna"])
    }

    /// The same with these channels.
    fn of(channels: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let fields: Vec<String> = (0..20)
            .map(|row| {
                let split = if row < 12 { "Train,False" } else { "Task_one,True" };
                format!("{split},b{},P{}", 1 + row / 2 % 2, 1 + row / 4 % 2)
            })
            .collect();
        let rows: Vec<(&str, &str)> =
            fields.iter().enumerate().map(|(row, text)| (["x", "y"][row % 2], text.as_str())).collect();
        let set = sample::Set { name: "A", columns: "train_test_split,Task_one,batch,Plate", rows: &rows };
        let data = sample::folder_of(&folder.path().join("small"), &[set], channels, "");
        let store = Store::open(folder.path().join("runs.db")).unwrap();
        Self { _folder: folder, store, data: [("small".to_owned(), data)].into() }
    }

    /// Everything of a spec is computed; its scores, and the digest of its trained weights.
    fn run(&self, spec: &Spec) -> (Plan, Vec<ScoreRow>, String) {
        assert_eq!(spec.check(), []);
        let plan = Plan::of(spec, Seed(3), &self.data).unwrap();
        self.compute(&plan);
        let scores = self.store.read().unwrap().scores(plan.run.as_str()).unwrap();
        let fit = plan.steps.iter().find(|step| step.work.kind() == "fit").unwrap();
        let weights = self.store.read().unwrap().artifacts(fit.id.as_str()).unwrap();
        let digest = weights.into_iter().find(|file| file.kind == "weights").unwrap().blake3;
        (plan, scores, digest)
    }

    /// What is left of a plan is computed; the status of its run before that.
    fn compute(&self, plan: &Plan) -> Status {
        let (before, ended) = self.attempt(plan);
        assert_eq!(ended.unwrap(), Ended::Done);
        before
    }

    /// The same, whatever the end.
    fn attempt(&self, plan: &Plan) -> (Status, Result<Ended, Error>) {
        let executor = Executor {
            store: &self.store,
            data: &self.data,
            weights: None,
            provenance: Provenance { host: Host::here(), numerics: "cpu".into(), ..Provenance::default() },
            checkpoint_every: Duration::from_secs(60),
            device: Device::Cpu,
            keep: Keep::All,
        };
        let experiment = ExperimentRow { name: "small".into(), about: String::new(), file: String::new() };
        let before = executor.register(plan, &experiment, &[], 0, Scale::Paper).unwrap().status;
        (before, executor.run(plan, &mut Silence))
    }
}

fn spec(trained: impl TrainingData, asked: &[Selection], say: impl FnOnce(&mut Spec)) -> Spec {
    let model = ConvNext::mini().scratch().adapter(HyperNet { z: 4, hidden: 4 });
    let run = model.train_on(SMALL).loss(PROXY).image(32).epochs(2).batch(4).warmup(1);
    let mut spec = run.evaluate(OneNn::cosine().on(SMALL)).specs().remove(0).spec;
    spec.train.data = trained.data();
    let protocol = spec.evaluate.remove(0).protocol;
    spec.evaluate =
        asked.iter().map(|data| Evaluate { protocol: protocol.clone(), data: data.clone() }).collect();
    say(&mut spec);
    spec.canonical()
}

/// Of whole tasks: task, part and metric, value and images.
fn values(scores: &[ScoreRow]) -> BTreeMap<(&str, &str, &str), (f64, u64)> {
    let whole = scores.iter().filter(|row| row.class.is_empty());
    whole
        .map(|row| ((row.task.as_str(), row.part.as_str(), row.metric.as_str()), (row.value, row.n)))
        .collect()
}

#[test]
fn a_condition_that_holds_for_all_images_changes_no_number() {
    let home = Home::new();
    let (plain, scores, weights) = home.run(&spec(SMALL, &[SMALL.data()], |_| {}));
    let all = || SMALL.having(Role::Batch, ["b2", "b1"]).having(Role::Label, ["x", "y"]);
    let (other, same, as_well) = home.run(&spec(all(), &[all().data()], |_| {}));
    assert_ne!(plain.run, other.run);
    assert_ne!(plain.steps[0].id, other.steps[0].id);
    assert_eq!(weights, as_well, "the same bits");
    let strip = |scores: &[ScoreRow], part: &str| -> Vec<(String, String, f64, u64)> {
        assert!(scores.iter().all(|row| row.part == part), "{:?}", scores[0]);
        scores
            .iter()
            .map(|row| (row.task.clone() + &row.class, row.metric.clone(), row.value, row.n))
            .collect()
    };
    assert_eq!(strip(&scores, ""), strip(&same, "batch=b1,b2; label=x,y"));
}

#[test]
fn parts_of_a_task_add_up_to_it_and_share_its_features() {
    let home = Home::new();
    let plates = ["P1", "P2"].map(|plate| SMALL.having(Role::Plate, [plate]).data());
    let asked = [vec![SMALL.data()], plates.to_vec()].concat();
    let (plan, scores, _) = home.run(&spec(SMALL, &asked, |_| {}));
    assert_eq!(
        plan.steps.iter().filter(|step| step.work.kind() == "embed").count(),
        2,
        "the model's, the floor's"
    );
    let found = values(&scores);
    let [whole, one, two] = ["", "plate=P1", "plate=P2"].map(|part| found[&("A/Task_one", part, "accuracy")]);
    assert_eq!([whole.1, one.1, two.1], [8, 4, 4]);
    assert!((whole.0 * 8.0 - (one.0 + two.0) * 4.0).abs() < 1e-9, "{whole:?} {one:?} {two:?}");
    let floors = home.store.read().unwrap().floors(plan.run.as_str()).unwrap();
    for part in ["", "plate=P1", "plate=P2"] {
        let of_part = floors.iter().filter(|(_, row)| row.part == part && row.metric == "accuracy");
        assert_eq!(of_part.count(), Features::FLOORS.len(), "each floor under {part:?}");
    }
    let table =
        report::terminal_table(home.store.read().unwrap(), &[("small", plan.run.as_str())], None).unwrap();
    let titles: Vec<&str> = table.lines().filter(|line| line.starts_with("small: ")).collect();
    let of_part = |part: &str| titles.iter().filter(|title| title.contains(part)).count();
    assert_eq!((titles.len(), of_part("plate=P1"), of_part("plate=P2")), (3, 1, 1), "{table}");
}

#[test]
fn thinning_selecting_and_holding_out_go_together() {
    let home = Home::new();
    let shrink = |spec: &mut Spec| {
        (spec.train.subset, spec.train.hold_out) = (Some(10), 0.4);
        spec.train.stages[0].batch = 2;
    };
    let half = || SMALL.having(Role::Batch, ["b1"]);
    let of_half = spec(half(), &[SMALL.data(), half().data()], shrink);
    let (_, scores, weights) = home.run(&of_half);
    let (_, of_all, others) = home.run(&spec(SMALL, &[SMALL.data()], shrink));
    assert_ne!(weights, others, "other images were trained on");

    let thin = home.data["small"].sets[0].subset(10).unwrap();
    let only = half().data().only;
    let (trained, _) = thin.training_rows(0.4, &only);
    let (kept, held) = thin.training_rows(0.4, &[]);
    assert!(trained.len() < kept.len() && trained.iter().all(|row| !held.contains(row)));
    let asked = |rows: &[u32]| rows.iter().filter(|row| thin.chosen(&only).has(**row)).count() as u64;
    let found = values(&scores);
    // A task of which nothing is asked has no score.
    let n = |task: &str, part: &str| found.get(&(task, part, "accuracy")).map_or(0, |(_, images)| *images);
    assert_eq!((n("A/held_out", ""), held.len()), (4, 4));
    assert_eq!(n("A/held_out", "batch=b1"), asked(&held));
    assert_eq!(n("A/Task_one", "batch=b1"), asked(&thin.tasks[0].queries));
    assert!(asked(&thin.tasks[0].queries) > 0);
    assert_eq!(values(&of_all)[&("A/held_out", "", "accuracy")].1, held.len() as u64);
}

/// A run of a program that knew fewer floors: the same run, whose plan has a work more today.
#[test]
fn a_run_whose_plan_gains_a_floor_is_completed_and_nothing_is_computed_twice() {
    let home = Home::new();
    let plan = Plan::of(&spec(SMALL, &[SMALL.data()], |_| {}), Seed(3), &home.data).unwrap();
    let mut earlier = plan.clone();
    let is_new = |work: &Work| matches!(work, Work::Score { features: Features::HandMadeStandardised, .. });
    earlier.steps.retain(|step| !is_new(&step.work));
    assert_eq!(earlier.steps.len() + 1, plan.steps.len());
    let store = || home.store.read().unwrap();
    let table = || report::terminal_table(store(), &[("small", plan.run.as_str())], None).unwrap();
    let cells = |table: &str| -> Vec<String> {
        let row = table.lines().find(|line| line.contains("A/Task_one")).unwrap();
        row.split_whitespace().map(String::from).collect()
    };
    let counted = |sql: &str| match store().query(sql).unwrap().rows[0][0] {
        Value::Integer(count) => count as usize,
        ref other => panic!("{sql}: {other:?}"),
    };

    home.compute(&earlier);
    assert_eq!(home.compute(&earlier), Status::Done);
    let scores = store().scores(plan.run.as_str()).unwrap();
    let before = cells(&table());
    assert!(table().contains("standardised"), "{}", table());
    assert_eq!(before.iter().position(|cell| cell == "·"), Some(6), "missing, and not 0: {before:?}");

    assert_eq!(home.compute(&plan), Status::Queued, "the run is not called done");
    assert_eq!(home.compute(&plan), Status::Done);
    assert_eq!(store().scores(plan.run.as_str()).unwrap(), scores);
    let after = cells(&table());
    assert_eq!(before.len(), after.len());
    for (column, (before, after)) in before.iter().zip(&after).enumerate() {
        assert_eq!(before != after, column == 6, "{before} {after}");
    }
    assert!(after[6].parse::<f64>().is_ok_and(|value| (0.0..=1.0).contains(&value)), "{after:?}");
    assert_eq!(counted("SELECT count(*) FROM run"), 1);
    assert_eq!(counted("SELECT count(*) FROM attempt"), plan.steps.len());
    assert_eq!(counted("SELECT max(n) FROM attempt"), 1);
}

/// A transformer as a whole run: trained, embedded, scored, at its own side and at another; again the same bits.
#[test]
fn a_transformer_is_trained_and_scored() {
    let home = Home::new();
    let of = |side: usize, features: VitFeatures| {
        let model = Vit::mini().scratch().adapter(HyperNet { z: 4, hidden: 4 });
        let run =
            model.train_on(SMALL).loss(0.5 * PROXY + 0.5 * SimClr::t(0.07)).drop_path(0.1).features(features);
        let run = run.image(side).epochs(2).batch(4).warmup(1).augment(Crop + Flip);
        run.evaluate(OneNn::cosine().on(SMALL)).specs().remove(0).spec
    };
    let (plan, scores, weights) = home.run(&of(64, VitFeatures::ClassToken));
    assert!(scores.iter().any(|row| row.metric == "accuracy" && row.task == "A/Task_one"), "{scores:?}");
    let embed = plan.steps.iter().find(|step| step.work.kind() == "embed").unwrap();
    let files = home.store.read().unwrap().artifacts(embed.id.as_str()).unwrap();
    let file = files.iter().find(|file| file.kind == "features").unwrap();
    let numbers = 20 * 128 * 4;
    assert!(
        (numbers..numbers + 4096).contains(&file.bytes),
        "{} bytes of 20 features of 128 numbers",
        file.bytes
    );
    // Positions are those of 64 px; at 32 px they are resized.
    let (_, _, smaller) = home.run(&of(32, VitFeatures::ClassToken));
    let (_, _, mean) = home.run(&of(64, VitFeatures::MeanOfPatches));
    assert!(weights != smaller && weights != mean && smaller != mean);
    assert_eq!(Home::new().run(&of(64, VitFeatures::ClassToken)).2, weights, "the same bits");
}
