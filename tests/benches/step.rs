//! Benchmark of one training step of ConvNeXt-Tiny, ours, candle's and PyTorch's in alternating rounds;
//! prints ratios.
//!
//! DICHROIC_PYTHON=python3 cargo bench --bench step -- --json
//!
//! candle needs no installation (`candle_peer.rs`): candle-transformers' ConvNeXt, with the layer
//! normalisation that has a gradient, and candle-nn's AdamW; channels-first, and each depthwise convolution
//! one channel at a time, as candle computes it. The Python of `$DICHROIC_PYTHON` needs torch and timm
//! (`peer.py`); without it PyTorch is left out. PyTorch: eager, channels-last, fused AdamW; also with bf16
//! autocast. All sides: 3 channels, 14 classes, ProxyNCA, AdamW, a fixed batch, learning rate 1e-6, 32-bit
//! floats. Ours and candle's start from the same weights and run in the same thread pool. Rounds alternate
//! their order; ratios are medians of medians, candle's of single steps.

mod candle_peer;
mod python;

use candle_core::{Device, Tensor};
use candle_nn::ParamsAdamW;
use candle_peer::Candle;
use candle_transformers::models::convnext;
use dichroic::{
    adapter::Images,
    curve::Clock,
    loss::{Forwarded, Objective},
    model::Extractor,
    params::Params,
    pass::Pass,
    seed::Seed,
    spec::{self, ConvNextSize, Loss, Term},
    tape::{Gradients, Node, Tape},
    train::Optimiser,
};
use python::{Peer, median};
use serde_json::{Value, json};
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 5;
const STEPS: usize = 4;
const ANSWERS: &str = "PyTorch answers";
const CLASSES: usize = 14;
/// candle is measured at this side only: one of its steps takes as long as about thirty of ours.
const CANDLES_SIDE: usize = 64;
const TEMPERATURE: f64 = 0.07;
const LR: f64 = 1e-6;
const WEIGHT_DECAY: f64 = 5e-5;
/// Tolerance of the two losses of the first step: sums of 32-bit floats in another order.
const SAME_LOSS: f64 = 1e-3;
/// (side in pixels, batch, target: our wall time over PyTorch's at two threads).
const CASES: [(usize, usize, f64); 2] = [(64, 16, 0.74), (224, 4, 0.87)];

fn main() {
    let json = std::env::args().any(|arg| arg == "--json");
    let mut peer = Peer::start("peer.py", &[]);
    let mut results = Vec::new();
    for (side, batch, target) in CASES {
        let mut ours = Ours::new(side, batch);
        let mut candle = (side == CANDLES_SIDE).then(|| ours.at_candle().expect("candle's ConvNeXt"));
        if let Some(candle) = &candle {
            ours.same_loss(candle).expect("a loss");
        }
        for threads in [2, 1] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool");
            let mut samples = Samples::default();
            pool.install(|| ours.steps(2));
            if let Some(candle) = &mut candle {
                pool.install(|| candle.step()).expect("a step");
            }
            for round in 0..ROUNDS {
                let request = |mode: &str| json!({"model": "convnext_tiny", "image": side, "batch": batch, "threads": threads, "mode": mode, "steps": STEPS});
                let mut turns = [Side::Ours, Side::Candle, Side::PyTorch];
                if round % 2 == 1 {
                    turns.reverse();
                }
                for turn in turns {
                    match (turn, &mut peer) {
                        (Side::Ours, _) => samples.ours.push(pool.install(|| ours.steps(STEPS))),
                        (Side::Candle, _) => {
                            if let Some(candle) = &mut candle {
                                samples.candle.push(pool.install(|| timed(|| candle.step())));
                            }
                        }
                        (Side::PyTorch, Some(peer)) => {
                            samples.f32.push(times(&peer.ask(&request("f32")).expect(ANSWERS)));
                            samples.bf16.push(times(&peer.ask(&request("bf16")).expect(ANSWERS)));
                            let gemm = peer
                                .ask(&json!({"gemm": 2048, "threads": threads, "steps": 3}))
                                .expect(ANSWERS);
                            samples.gflops.push(gemm["gflops"].as_f64().unwrap_or(f64::NAN));
                        }
                        (Side::PyTorch, None) => {}
                    }
                }
            }
            let result = samples.summary(side, batch, threads, target);
            if !json {
                println!("{}", line(&result));
            }
            results.push(result);
        }
    }
    if json {
        let about = peer.as_mut().map(|peer| peer.ask(&json!({"about": true})).expect(ANSWERS));
        let simd = dichroic::ops::level().name();
        let document = json!({"bench": "step", "simd": simd, "peer": about, "results": results});
        println!("{}", serde_json::to_string_pretty(&document).expect("plain data"));
    }
}

fn line(result: &Value) -> String {
    let number = |key: &str| result[key].as_f64().map_or("·".into(), |x| format!("{x:.3}"));
    format!(
        "{} px, batch {}, {} threads: ours {} s, candle {} s, ratio wall {}, cpu {}; PyTorch {} s, ratio wall {} (target {}), cpu {}, to bf16 {}, share of GEMM peak {}",
        result["image"],
        result["batch"],
        result["threads"],
        number("ours_wall"),
        number("candle_wall"),
        number("ratio_candle_wall"),
        number("ratio_candle_cpu"),
        number("peer_wall"),
        number("ratio_wall"),
        number("target"),
        number("ratio_cpu"),
        number("ratio_wall_bf16"),
        number("share_of_gemm_peak")
    )
}

#[derive(Clone, Copy)]
enum Side {
    Ours,
    Candle,
    PyTorch,
}

/// Wall and CPU seconds of a step.
type Times = (f64, f64);

#[derive(Default)]
struct Samples {
    ours: Vec<Times>,
    candle: Vec<Times>,
    f32: Vec<Times>,
    bf16: Vec<Times>,
    gflops: Vec<f64>,
}

impl Samples {
    fn summary(&self, side: usize, batch: usize, threads: usize, target: f64) -> Value {
        let wall = |times: &[Times]| median(times.iter().map(|time| time.0));
        let cpu = |times: &[Times]| median(times.iter().map(|time| time.1));
        let spread: Vec<f64> = self.ours.iter().zip(&self.f32).map(|(a, b)| a.0 / b.0).collect();
        let beside_candle: Vec<Times> =
            self.ours.iter().zip(&self.candle).map(|(a, b)| (a.0 / b.0, a.1 / b.1)).collect();
        let peak = median(self.gflops.iter().copied());
        json!({
            "image": side, "batch": batch, "threads": threads,
            "target": if threads == 2 { Some(target) } else { None },
            "ours_wall": wall(&self.ours), "ours_cpu": cpu(&self.ours),
            "candle_wall": wall(&self.candle), "candle_cpu": cpu(&self.candle),
            "ratio_candle_wall": wall(&beside_candle), "ratio_candle_cpu": cpu(&beside_candle),
            "ratio_candle_wall_min": beside_candle.iter().map(|ratio| ratio.0).fold(f64::INFINITY, f64::min),
            "ratio_candle_wall_max": beside_candle.iter().map(|ratio| ratio.0).fold(f64::NEG_INFINITY, f64::max),
            "peer_wall": wall(&self.f32), "peer_cpu": cpu(&self.f32), "peer_wall_bf16": wall(&self.bf16),
            "ratio_wall": median(spread.iter().copied()),
            "ratio_wall_min": spread.iter().copied().fold(f64::INFINITY, f64::min),
            "ratio_wall_max": spread.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            "ratio_cpu": median(self.ours.iter().zip(&self.f32).map(|(a, b)| a.1 / b.1)),
            "ratio_wall_bf16": median(self.ours.iter().zip(&self.bf16).map(|(a, b)| a.0 / b.0)),
            "gemm_peak_gflops": peak,
            "share_of_gemm_peak": 3.0 * flops(side) * batch as f64 / wall(&self.ours) / (peak * 1e9),
        })
    }
}

/// Floating-point operations of one image forward through ConvNeXt-Tiny: 4.456 G multiply-adds at 224 px,
/// times two.
fn flops(side: usize) -> f64 {
    2.0 * 4.456e9 * (side as f64 / 224.0).powi(2)
}

struct Ours {
    params: Params,
    model: Extractor,
    objective: Objective,
    optimiser: Optimiser,
    gradients: Gradients,
    images: Images,
    classes: Vec<usize>,
}

impl Ours {
    fn new(side: usize, batch: usize) -> Self {
        let mut params = Params::new(Seed(0));
        let model = Extractor::plain(ConvNextSize::Tiny, 3, &mut params);
        let word = Term { weight: 1.0, loss: Loss::proxy_nca(TEMPERATURE) };
        let objective = Objective::new(&[word], model.width(), CLASSES, &mut params);
        let word = spec::Optimiser { lr: LR, weight_decay: WEIGHT_DECAY, betas: [0.9, 0.999], eps: 1e-8 };
        let mut stream = Seed(0).stream("bench/images");
        let pixels: Vec<f32> = (0..batch * 3 * side * side).map(|_| stream.normal() as f32).collect();
        let pixels = Tensor::from_vec(pixels, (batch, 3, side, side), &Device::Cpu).expect("a batch");
        Self {
            optimiser: Optimiser::new(&word, &params).unwrap(),
            gradients: Gradients::new(&params),
            images: Images { pixels, set: 0 },
            classes: (0..batch).map(|i| i % CLASSES).collect(),
            params,
            model,
            objective,
        }
    }

    /// The same network, proxies and batch in candle.
    fn at_candle(&self) -> candle_core::Result<Candle> {
        let parameter = |id| {
            let published = self.params.published(id);
            let values = self.params.export(id)?;
            let tensor = Tensor::from_vec(values, published.shape.as_slice(), &Device::Cpu)?;
            Ok((published.name.clone(), tensor))
        };
        let parameters = self.params.ids().map(parameter).collect::<candle_core::Result<_>>()?;
        let optimiser = ParamsAdamW { lr: LR, weight_decay: WEIGHT_DECAY, ..Default::default() };
        let (images, config) = (&self.images.pixels, convnext::Config::tiny());
        Candle::new(&config, parameters, images, &self.classes, (TEMPERATURE, optimiser))
    }

    /// The two sides do the same work only if they have the same result.
    fn same_loss(&self, candle: &Candle) -> candle_core::Result<()> {
        let tape = &mut Tape::recording(&self.params);
        let ours = f64::from(self.loss(tape)?.value().flatten_all()?.to_vec1::<f32>()?[0]);
        let theirs = f64::from(candle.loss()?.to_scalar::<f32>()?);
        assert!((ours - theirs).abs() <= SAME_LOSS * ours.abs(), "losses: ours {ours}, candle's {theirs}");
        Ok(())
    }

    /// The median times of `count` steps.
    fn steps(&mut self, count: usize) -> Times {
        let times: Vec<Times> = (0..count).map(|_| timed(|| self.step())).collect();
        (median(times.iter().map(|time| time.0)), median(times.iter().map(|time| time.1)))
    }

    fn loss(&self, tape: &mut Tape) -> candle_core::Result<Node> {
        let student = [self.model.run(&mut Pass::new(tape, &self.params), &self.images)?];
        let out = Forwarded::of(&student, &self.classes);
        Ok(self.objective.value(tape, &self.params, &out, &Clock::START)?.total)
    }

    fn step(&mut self) -> candle_core::Result<()> {
        let mut tape = Tape::recording(&self.params);
        let loss = self.loss(&mut tape)?;
        tape.backward(&loss, &mut self.gradients)?;
        self.optimiser.step(&self.params, &self.gradients, |_| LR)?;
        self.gradients.clear();
        Ok(())
    }
}

/// The time of one step.
fn timed(step: impl FnOnce() -> candle_core::Result<()>) -> Times {
    let (wall, cpu) = (Instant::now(), cpu_seconds());
    step().expect("a step");
    (wall.elapsed().as_secs_f64(), cpu_seconds() - cpu)
}

/// CPU seconds of this process, all threads; NaN if the system does not report them.
fn cpu_seconds() -> f64 {
    // utime and stime are fields 14 and 15, in ticks of a hundredth of a second; the name in field 2 may
    // contain spaces.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(f64::NAN);
    (ticks(11) + ticks(12)) / 100.0
}

/// The times in the peer's reply.
fn times(answer: &Value) -> Times {
    let of = |key: &str| {
        let list = answer[key].as_array().expect("a list of seconds");
        median(list.iter().filter_map(Value::as_f64))
    };
    (of("wall"), of("cpu"))
}
