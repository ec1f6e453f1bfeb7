//! Training on a few coloured squares: it learns, does not depend on the number of threads, and resumes where
//! it stopped.

mod curves;
mod dino;
mod dino_steps;
mod dino_v2_steps;
mod mae;
mod parts;

use super::{Error, Job, Source, source::Item};
use crate::{
    adapter::SetChannels,
    data::{self, Norm, Statistics, Tape},
    event::{Event, Listen, Silence},
    golden::{assert_close, on_gpus},
    loss::Objective,
    model::Extractor,
    params::Params,
    plan::Revisions,
    seed::Seed,
    spec::*,
};
use std::path::Path;

/// Two sets of 1 and 2 channels; a class is the position of the bright square.
struct Squares {
    sets: Vec<SetChannels>,
    classes: Vec<String>,
    items: Vec<Item>,
    held_out: Vec<Item>,
    norms: Vec<Norm>,
}

impl Squares {
    fn new(images: u32) -> Self {
        let sets = [1, 2].map(|count| SetChannels {
            set: format!("set{count}"),
            channels: (0..count).map(|c| c.to_string()).collect(),
        });
        let item = |set, row| Item { set, class: 2 * set + (row % 2) as u16, row };
        Self {
            items: (0..2).flat_map(|set| (0..images).map(move |row| item(set, row))).collect(),
            held_out: (0..2).flat_map(|set| (0..6).map(move |row| item(set, images + row))).collect(),
            classes: ["a", "b", "c", "d"].map(String::from).to_vec(),
            norms: sets
                .iter()
                .map(|s| Statistics { mean: vec![0.3; s.channels.len()], sd: vec![0.3; s.channels.len()] })
                .map(Norm::Set)
                .collect(),
            sets: sets.to_vec(),
        }
    }
}

impl Source for Squares {
    fn sets(&self) -> &[SetChannels] {
        &self.sets
    }
    fn classes(&self) -> &[String] {
        &self.classes
    }
    fn items(&self) -> &[Item] {
        &self.items
    }
    fn held_out(&self) -> &[Item] {
        &self.held_out
    }
    fn norm(&self, set: usize) -> &Norm {
        &self.norms[set]
    }
    fn read(&self, item: Item) -> Result<Tape, data::Error> {
        let channels = self.sets[usize::from(item.set)].channels.len();
        let mut pixels = vec![20u8; 32 * 32 * channels];
        for channel in 0..channels {
            for i in 0..12 {
                for j in 0..12 {
                    let (row, col) =
                        if item.row.is_multiple_of(2) { (i + 2, j + 2) } else { (i + 18, j + 2) };
                    pixels[row * 32 * channels + channel * 32 + col] = 180 + (item.row % 7) as u8;
                }
            }
        }
        Ok(Tape { height: 32, width: 32, channels, pixels: pixels.into() })
    }
}

/// Side of the images, in pixels.
const SIDE: usize = 32;

fn stage(epochs: usize) -> Stage {
    Stage {
        on: None,
        objective: vec![
            Term {
                weight: 0.2,
                loss: settings::SimClr { temperature: 0.07, positives: Positives::SameImage }.into(),
            },
            Term { weight: 0.8, loss: Loss::proxy_nca(0.07) },
        ],
        strategy: Erm {}.into(),
        augment: vec![
            Crop { scale: [0.8, 1.0], ratio: [0.9, 1.1], fit: CropFit::Adapted }.into(),
            Flip { p: 0.5 }.into(),
        ],
        augment_stream: AugmentStream::Fresh,
        sampling: Sampling::Shuffled,
        optimiser: Optimiser { lr: 1e-3, weight_decay: 5e-5, betas: [0.9, 0.999], eps: 1e-8 },
        schedule: Schedule { warmup: 1, warmup_lr: 1e-5, lr_min: 1e-6 },
        epochs,
        batch: 8,
    }
}

fn model() -> Model {
    Model {
        backbone: ConvNext { size: ConvNextSize::Mini, drop_path: 0.1 }.into(),
        weights: Weights::Scratch,
        adapter: Adapter::HyperNet(HyperNet { z: 4, hidden: 8, embeddings: Embeddings::PerSet }),
    }
}

/// Records losses, and asks to stop after a number of steps.
#[derive(Default)]
struct Ear {
    losses: Vec<f64>,
    stop_after: Option<usize>,
}

impl Listen for Ear {
    fn receive(&mut self, event: &Event<'_>) {
        if let Event::Metric { name: "loss", value, .. } = event {
            self.losses.push(*value);
        }
    }
    fn stop(&self) -> bool {
        self.stop_after.is_some_and(|steps| self.losses.len() >= steps)
    }
}

/// Its terms; the oracle is a different model from the trained one.
fn objective(job: &Job<'_>, extractor: &Extractor, params: &mut Params) -> Objective {
    let other = |_, _: &Params| -> Result<Params, Error> {
        let mut other = Params::new(Seed(8));
        Extractor::new(&model(), job.source.sets(), &[], &mut other);
        Ok(other)
    };
    super::objective(job.stage, extractor, job.source.classes().len(), params, other).unwrap()
}

fn job<'a>(stage: &'a Stage, seed: u64, source: &'a Squares, checkpoint: &'a Path) -> Job<'a> {
    Job::new(stage, SIDE, Seed(seed), source, checkpoint)
}

fn run(job: &Job<'_>, listen: &mut dyn Listen) -> (super::Ended, Vec<u32>) {
    let mut params = Params::new(job.seed);
    let model = Extractor::new(&model(), job.source.sets(), &[], &mut params);
    let mut objective = objective(job, &model, &mut params);
    let ended = job.run(&model, &mut params, &mut objective, listen).unwrap();
    let bits = params.ids().flat_map(|id| params.export(id).unwrap()).map(f32::to_bits).collect();
    (ended, bits)
}

#[test]
fn it_learns_and_seeds_differ() {
    let source = Squares::new(32);
    let folder = tempfile::tempdir().unwrap();
    let stage = stage(6);
    let mut ear = Ear::default();
    let checkpoint = folder.path().join("c");
    let job = job(&stage, 1, &source, &checkpoint);
    let (ended, first) = run(&job, &mut ear);
    assert_eq!((ended.steps, ended.complete, ended.resumed), (48, true, None));
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    let (before, after) = (mean(&ear.losses[..8]), mean(&ear.losses[40..]));
    assert!(after < 0.5 * before, "loss went from {before} to {after}");
    let (_, second) = run(&Job { seed: Seed(2), ..job }, &mut Silence);
    assert_ne!(first, second);
}

/// Steps on a GPU give the same weights as on the CPU, and a training that was stopped there resumes to the
/// same bits.
#[test]
fn on_gpus_it_learns_the_same_and_goes_on_after_a_stop() {
    let source = Squares::new(16);
    let folder = tempfile::tempdir().unwrap();
    for (number, strategy) in strategies().into_iter().skip(1).take(2).enumerate() {
        let stage = Stage { strategy, ..stage(2) };
        let on = |name: &str, stop: Option<usize>| {
            let checkpoint = folder.path().join(format!("{number} {name}"));
            let mut ear = Ear { stop_after: stop, ..Ear::default() };
            let (ended, bits) = run(&job(&stage, 5, &source, &checkpoint), &mut ear);
            (ended, bits, ear.losses)
        };
        let (_, expected_bits, expected) = on("cpu", None);
        on_gpus(|| {
            let (_, whole, found) = on("whole", None);
            assert_close("losses", &to_single(&found), &to_single(&expected), 1e-3);
            let floats = |bits: &[u32]| bits.iter().map(|bits| f32::from_bits(*bits)).collect::<Vec<_>>();
            assert_close("weights", &floats(&whole), &floats(&expected_bits), 0.02);
            // SWAD may end before it is told to stop.
            if matches!(stage.strategy, Strategy::Swad(_)) {
                return;
            }
            let (stopped, ..) = on("parts", Some(3));
            // It receives its losses some steps late, and stops then.
            assert!(stopped.steps >= 3 && !stopped.complete, "{stopped:?}");
            let (ended, resumed, _) = on("parts", None);
            assert_eq!((ended.resumed, ended.complete), (Some(stopped.steps), true));
            assert!(resumed == whole, "{number}: a run that went on");
        });
    }
}

fn to_single(values: &[f64]) -> Vec<f32> {
    values.iter().map(|value| *value as f32).collect()
}

fn strategies() -> [Strategy; 5] {
    let miro = |taps| Strategy::Miro(Miro { lambda: 0.1, taps, oracle: Oracle::Copy, rate_factor: 10.0 });
    let swa = |rate, keep| Strategy::DenseSwa(DenseSwa { start_epoch: 1, rate, keep });
    [
        Erm {}.into(),
        Strategy::Swad(Swad { every: 2, converge: 2, tolerance: 3, ratio: 0.3 }),
        swa(SwaRate::Scheduled, SwaKeep::Average),
        swa(SwaRate::Annealed { lr: 0.005 }, SwaKeep::Last),
        miro(Taps::Branches),
    ]
}

#[test]
fn the_same_bits_on_any_number_of_threads_and_after_a_stop() {
    let source = Squares::new(16);
    let folder = tempfile::tempdir().unwrap();
    let mut ends = Vec::new();
    for (number, strategy) in strategies().into_iter().enumerate() {
        let stage = Stage { strategy, ..stage(3) };
        let on = |threads: usize, name: &str, stop: Option<usize>| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let checkpoint = folder.path().join(format!("{number} {name}"));
            let job = job(&stage, 5, &source, &checkpoint);
            pool.install(|| run(&job, &mut Ear { stop_after: stop, ..Ear::default() }))
        };
        let (_, whole) = on(1, "one", None);
        assert!(on(2, "two", None).1 == whole, "{number}: two threads");
        let (stopped, _) = on(3, "three", Some(7));
        assert_eq!((stopped.steps, stopped.complete), (7, false), "{number}");
        let (ended, resumed) = on(2, "three", None);
        assert_eq!((ended.resumed, ended.complete), (Some(7), true), "{number}");
        assert!(resumed == whole, "{number}: a run that went on");
        assert!(!ends.contains(&whole), "{number}: the strategy changes the weights");
        ends.push(whole);
    }
}

/// The reference counts steps from 0 and ends with an evaluation; a dead valley ends the training.
#[test]
fn swad_ends_with_a_look_and_leaves_the_valley_behind() {
    #[derive(Default)]
    struct Looks(Vec<(u64, f64)>);
    impl Listen for Looks {
        fn receive(&mut self, event: &Event<'_>) {
            if let Event::Metric { name: "held_out_loss", step, value } = *event {
                self.0.push((step, value));
            }
        }
    }
    let source = Squares::new(16);
    let folder = tempfile::tempdir().unwrap();
    let strategy = Strategy::Swad(Swad { every: 5, converge: 2, tolerance: 2, ratio: 0.3 });
    let stage = Stage { strategy, ..stage(3) };
    let checkpoint = folder.path().join("c");
    let job = job(&stage, 5, &source, &checkpoint);
    let mut looks = Looks::default();
    let (ended, _) = run(&job, &mut looks);
    assert!(ended.complete && ended.steps <= 11, "{ended:?}");
    let steps: Vec<u64> = looks.0.iter().map(|(step, _)| *step).collect();
    assert!(
        [1, 6, 11].starts_with(&steps) && looks.0.iter().all(|(_, loss)| loss.is_finite()),
        "{looks:?}",
        looks = looks.0
    );
}

#[test]
fn the_variances_of_miro_learn() {
    let source = Squares::new(8);
    let folder = tempfile::tempdir().unwrap();
    for taps in [Taps::Stages, Taps::ThreeStages, Taps::Branches] {
        let strategy = Strategy::Miro(Miro { lambda: 0.1, taps, oracle: Oracle::Copy, rate_factor: 10.0 });
        let stage = Stage { strategy, ..stage(2) };
        let checkpoint = folder.path().join("c");
        let mut params = Params::new(Seed(5));
        let model = Extractor::new(&model(), source.sets(), &[], &mut params);
        let copy = |_, params: &Params| params.duplicate();
        let mut objective = super::objective(&stage, &model, 4, &mut params, copy).unwrap();
        let values = |objective: &Objective| -> Vec<Vec<f32>> {
            let oracle = objective.oracle().unwrap();
            oracle.ids().map(|id| oracle.export(id).unwrap()).collect()
        };
        let before = values(&objective);
        let job = job(&stage, 5, &source, &checkpoint);
        job.run(&model, &mut params, &mut objective, &mut Silence).unwrap();
        let moved = |name: &str| {
            let id = params.find(name).unwrap();
            params.export(id).unwrap().iter().map(|b| (b + 2.252_27).abs()).fold(f32::MAX, f32::min)
        };
        let count = if taps == Taps::ThreeStages { 4 } else { 5 };
        for tap in 0..count {
            let least = moved(&format!("variance_encoders.{tap}.b"));
            assert!(least > 1e-3, "{taps:?} {tap}: {least}");
        }
        assert!(params.find(&format!("variance_encoders.{count}.b")).is_none());
        assert_eq!(before, values(&objective), "the oracle stays as it is");
    }
}

#[test]
fn a_broken_checkpoint_is_an_error_with_a_way_out() {
    let source = Squares::new(8);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    std::fs::write(&path, b"half").unwrap();
    let stage = stage(1);
    let mut params = Params::new(Seed(1));
    let model = Extractor::new(&model(), source.sets(), &[], &mut params);
    let job = job(&stage, 1, &source, &path);
    let mut objective = objective(&job, &model, &mut params);
    let error = job.run(&model, &mut params, &mut objective, &mut Silence).unwrap_err();
    assert!(matches!(error, Error::Checkpoint { .. }) && error.hint().unwrap().contains("delete"));
}

/// Results are identified by revisions, so they must not change within one. Losses are compared to two
/// decimals: the last bits depend on the processor.
#[test]
fn a_tiny_training_gives_the_losses_of_its_revisions() {
    let source = Squares::new(16);
    let folder = tempfile::tempdir().unwrap();
    let stage = stage(2);
    let mut ear = Ear::default();
    let checkpoint = folder.path().join("c");
    let job = job(&stage, 9, &source, &checkpoint);
    run(&job, &mut ear);
    let revisions = serde_json::to_string(&Revisions::fit(&model(), None, Some(&stage))).unwrap();
    let losses: Vec<String> = ear.losses.iter().map(|loss| format!("{loss:.2}")).collect();
    // If the losses differ, raise the revision of what changed, and record the new pair.
    assert_eq!((revisions.as_str(), losses.join(" ").as_str()), (REVISIONS, LOSSES));
}

const REVISIONS: &str = r#"[["adapter.hyper_net",1],["augment.crop",1],["augment.flip",1],["backbone.conv_next",1],["loss.proxy_nca",1],["loss.sim_clr",1],["ops",2],["schema",2],["seed",1],["strategy.erm",1],["train",1],["transform",1]]"#;
const LOSSES: &str = "4.93 8.57 6.53 3.87 2.90 3.00 2.27 3.23";
