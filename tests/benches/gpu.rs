//! Training and embedding on a GPU, ours beside PyTorch's, taken in turns in one go; prints images per second and ratios.
//!
//! DICHROIC_PYTHON=python3 cargo bench --features cuda --bench gpu
//!
//! ConvNeXt-Tiny at 224 px, batch 128 of three sets with 3, 4 and 5 channels, each with a first layer of its own; ProxyNCA over
//! 14 classes, AdamW. PyTorch (`gpu_peer.py`, with torch and timm): three sub-batches whose gradients add up, channels-last,
//! fused AdamW; eager, `torch.compile`, and `max-autotune`. Embedding: 128 images of five channels. Memory is what
//! `nvidia-smi` says of each process. Where there is no GPU, `-- --device cpu --small` shows that the bench itself runs.

mod python;

use candle_core::{Device, Tensor};
use dichroic::{
    adapter::{Images, SetChannels},
    device::{self, Choice},
    loss::{Objective, Outputs},
    model::Extractor,
    params::Params,
    seed::Seed,
    spec::{
        self, Adapter, Backbone, ConvNextSize, FirstLayer, Loss, Model, Precision, TargetParam, Term, Weights,
    },
    tape::{Gradients, Tape},
    train::Optimiser,
};
use python::{Peer, median};
use serde_json::{Value, json};
use std::{process::Command, time::Instant};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 5;
const CLASSES: usize = 14;
const CHANNELS: [usize; 3] = [3, 4, 5];

/// How large it is, and where.
#[derive(Clone)]
struct Setting {
    device: Device,
    side: usize,
    batch: usize,
    steps: usize,
}

impl Setting {
    fn peer(&self) -> Option<Peer> {
        let device = if self.device.is_cpu() { "cpu" } else { "cuda" };
        Peer::start("gpu_peer.py", &[device.to_owned(), self.side.to_string(), self.batch.to_string()])
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let said = |word: &str| arguments.iter().position(|argument| argument == word);
    let choice = said("--device").and_then(|at| arguments.get(at + 1)?.parse::<Choice>().ok());
    let device = match device::open(choice.unwrap_or(Choice::Cuda(None))) {
        Ok(device) => device,
        Err(error) => return println!("{error}; {}", error.hint().unwrap_or_default()),
    };
    let on_gpu = !device.is_cpu();
    let setting = match said("--small") {
        Some(_) => Setting { device, side: 32, batch: 6, steps: 2 },
        None => Setting { device, side: 224, batch: 128, steps: 20 },
    };
    let ours: &[(&str, Precision)] = match on_gpu {
        true => &[("bf16", Precision::Bf16), ("tf32", Precision::Tf32), ("f32", Precision::F32)],
        false => &[("f32", Precision::F32)],
    };
    let peers: &[(&str, &str)] = match on_gpu {
        true => &[
            ("bf16", "eager"),
            ("bf16", "compile"),
            ("bf16", "max-autotune"),
            ("tf32", "eager"),
            ("f32", "eager"),
        ],
        false => &[("f32", "eager")],
    };
    let mut results = Vec::new();
    for work in ["train", "embed"] {
        for (name, precision) in ours {
            // One of ours at a time: memory counts.
            let mut bench = Ours::new(&setting, *precision);
            bench.run(work, setting.steps);
            let mut peer = setting.peer();
            let own = peers.iter().filter(|(format, _)| format == name);
            let mut samples: Vec<(String, Vec<f64>)> = vec![("ours".into(), vec![])];
            for round in 0..ROUNDS {
                let mine = bench.run(work, setting.steps);
                samples[0].1.push(mine);
                let Some(peer) = &mut peer else { continue };
                for (at, (format, how)) in own.clone().enumerate() {
                    let answer = peer
                        .ask(&json!({"work": work, "format": format, "how": how, "steps": setting.steps}));
                    if round == 0 {
                        samples.push(((*how).to_owned(), vec![]));
                    }
                    samples[1 + at].1.push(answer["images_per_s"].as_f64().unwrap_or(f64::NAN));
                }
            }
            let memory = memory(std::process::id());
            let of_peer = peer.as_mut().and_then(|peer| memory_of(&peer.ask(&json!({"about": true}))));
            for (how, speeds) in &samples {
                let ratio = median(samples[0].1.iter().zip(speeds).map(|(ours, theirs)| ours / theirs));
                println!(
                    "{work} {name} {how}: {:.0} images/s ({:.0} to {:.0}), ours over it {ratio:.2}",
                    median(speeds.iter().copied()),
                    speeds.iter().copied().fold(f64::INFINITY, f64::min),
                    speeds.iter().copied().fold(0.0, f64::max),
                );
                results.push(
                    json!({"work": work, "format": name, "how": how, "images_per_s": speeds, "ratio": ratio}),
                );
            }
            println!("  memory of the GPU in MiB: ours {memory:?}, PyTorch {of_peer:?}");
            results.push(json!({"work": work, "format": name, "ours_mib": memory, "peer_mib": of_peer}));
        }
    }
    println!("{}", json!({"bench": "gpu", "side": setting.side, "batch": setting.batch, "results": results}));
}

/// MiB of the GPU that a process holds.
fn memory(process: u32) -> Option<u64> {
    let asked = ["--query-compute-apps=pid,used_memory", "--format=csv,noheader,nounits"];
    let said = Command::new("nvidia-smi").args(asked).output().ok()?;
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    let line = text.lines().find(|line| line.split(',').next() == Some(process.to_string().as_str()))?;
    line.split(',').nth(1)?.trim().parse().ok()
}

fn memory_of(about: &Value) -> Option<u64> {
    memory(about["pid"].as_u64()? as u32)
}

struct Ours {
    setting: Setting,
    params: Params,
    model: Extractor,
    objective: Objective,
    optimiser: Optimiser,
    gradients: Gradients,
    parts: Vec<(Images, Vec<usize>)>,
    embedded: Images,
}

impl Ours {
    fn new(setting: &Setting, precision: Precision) -> Self {
        let mut params = Params::on(setting.device.clone(), dichroic::format::of(precision), Seed(0));
        let set = |(at, count): (usize, &usize)| SetChannels {
            set: format!("set {at}"),
            channels: (0..*count).map(|channel| format!("{at} {channel}")).collect(),
        };
        let sets: Vec<SetChannels> = CHANNELS.iter().enumerate().map(set).collect();
        let model = Model {
            backbone: Backbone::ConvNext { size: ConvNextSize::Tiny, drop_path: 0.0 },
            adapter: Adapter::TargetParam(TargetParam { first_layer: FirstLayer::Random }),
            weights: Weights::Scratch,
        };
        let model = Extractor::new(&model, &sets, &[], &mut params);
        let word = Term { weight: 1.0, loss: Loss::proxy_nca(0.07) };
        let objective = Objective::new(&[word], model.width(), CLASSES, &mut params);
        let word = spec::Optimiser { lr: 1e-6, weight_decay: 5e-5, betas: [0.9, 0.999], eps: 1e-8 };
        let mut stream = Seed(0).stream("bench/images");
        let mut images = |rows: usize, channels: usize, set: usize| {
            let shape = (rows, channels, setting.side, setting.side);
            let count = rows * channels * setting.side * setting.side;
            let pixels: Vec<f32> = (0..count).map(|_| stream.normal() as f32).collect();
            Images { pixels: Tensor::from_vec(pixels, shape, &setting.device).expect("a batch"), set }
        };
        let parts = (0..CHANNELS.len()).map(|set| {
            let rows = setting.batch * (set + 1) / CHANNELS.len() - setting.batch * set / CHANNELS.len();
            (images(rows, CHANNELS[set], set), (0..rows).map(|row| row % CLASSES).collect())
        });
        let parts = parts.collect();
        let embedded = images(setting.batch, CHANNELS[2], 2);
        Self {
            setting: setting.clone(),
            optimiser: Optimiser::new(&word, &params).expect("moments"),
            gradients: Gradients::new(&params),
            params,
            model,
            objective,
            parts,
            embedded,
        }
    }

    /// Images per second over so many steps, of which the last is waited for.
    fn run(&mut self, work: &str, steps: usize) -> f64 {
        let began = Instant::now();
        let mut last = f32::NAN;
        for step in 0..steps {
            last = match work {
                "train" => self.step(step + 1 == steps).expect("a step"),
                _ => self.embed(step + 1 == steps).expect("features"),
            };
        }
        assert!(last.is_finite(), "the last number is {last}");
        (steps * self.setting.batch) as f64 / began.elapsed().as_secs_f64()
    }

    fn step(&mut self, wait: bool) -> candle_core::Result<f32> {
        let mut loss = None;
        for (images, classes) in &self.parts {
            let mut tape = Tape::recording(&self.params);
            let mut drops = Seed(0).stream("drop path");
            let features = self.model.forward(&mut tape, &self.params, images, &mut drops)?;
            let outputs = Outputs { features: &features, classes };
            let value = self.objective.value(&mut tape, &self.params, &outputs)?;
            tape.backward(&value.total, &mut self.gradients)?;
            loss = Some(value.total);
        }
        self.optimiser.step(&self.params, &self.gradients, |_| 1e-6)?;
        self.gradients.clear();
        match loss.filter(|_| wait) {
            Some(loss) => loss.scalar(),
            None => Ok(0.0),
        }
    }

    fn embed(&self, wait: bool) -> candle_core::Result<f32> {
        let features = self.model.embed(&self.params, &self.embedded)?;
        if !wait {
            return Ok(0.0);
        }
        features.value().flatten_all()?.get(0)?.to_scalar()
    }
}
