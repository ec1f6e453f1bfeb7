//! One training step of ConvNeXt-Tiny, ours beside PyTorch's, taken in turns in one go; prints ratios.
//!
//! DICHROIC_PYTHON=python3 cargo bench --bench step -- --json
//!
//! The Python that `$DICHROIC_PYTHON` names needs torch and timm (`peer.py`); without it only our side is measured.
//! Both sides: 3 channels, 14 classes, ProxyNCA, AdamW, a fixed batch, learning rate 1e-6. PyTorch: eager,
//! channels-last, fused AdamW; bf16 autocast beside it. Rounds alternate their order; ratios are medians of medians.

mod python;

use candle_core::{Device, Tensor};
use dichroic::{
    adapter::Images,
    curve::Clock,
    loss::{Forwarded, Objective},
    model::Extractor,
    params::Params,
    pass::Pass,
    seed::Seed,
    spec::{self, ConvNextSize, Loss, Term},
    tape::{Gradients, Tape},
    train::Optimiser,
};
use python::{Peer, median};
use serde_json::{Value, json};
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 5;
const STEPS: usize = 4;
const CLASSES: usize = 14;
/// (side in pixels, batch, target: our wall time over PyTorch's at two threads).
const CASES: [(usize, usize, f64); 2] = [(64, 16, 0.74), (224, 4, 0.87)];

fn main() {
    let json = std::env::args().any(|arg| arg == "--json");
    let mut peer = Peer::start("peer.py", &[]);
    let mut results = Vec::new();
    for (side, batch, target) in CASES {
        let mut ours = Ours::new(side, batch);
        for threads in [2, 1] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool");
            let mut samples = Samples::default();
            pool.install(|| ours.steps(2));
            for round in 0..ROUNDS {
                let request = |mode: &str| json!({"model": "convnext_tiny", "image": side, "batch": batch, "threads": threads, "mode": mode, "steps": STEPS});
                let mut mine = || samples.ours.push(pool.install(|| ours.steps(STEPS)));
                if round % 2 == 0 {
                    mine();
                }
                if let Some(peer) = &mut peer {
                    samples.f32.push(times(&peer.ask(&request("f32"))));
                    samples.bf16.push(times(&peer.ask(&request("bf16"))));
                    let gemm = peer.ask(&json!({"gemm": 2048, "threads": threads, "steps": 3}));
                    samples.gflops.push(gemm["gflops"].as_f64().unwrap_or(f64::NAN));
                }
                if round % 2 == 1 {
                    samples.ours.push(pool.install(|| ours.steps(STEPS)));
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
        let about = peer.as_mut().map(|peer| peer.ask(&json!({"about": true})));
        let simd = dichroic::ops::level().name();
        let document = json!({"bench": "step", "simd": simd, "peer": about, "results": results});
        println!("{}", serde_json::to_string_pretty(&document).expect("plain data"));
    }
}

fn line(result: &Value) -> String {
    let number = |key: &str| result[key].as_f64().map_or("·".into(), |x| format!("{x:.3}"));
    format!(
        "{} px, batch {}, {} threads: ours {} s, PyTorch {} s, ratio wall {} (target {}), cpu {}, to bf16 {}, share of GEMM peak {}",
        result["image"],
        result["batch"],
        result["threads"],
        number("ours_wall"),
        number("peer_wall"),
        number("ratio_wall"),
        number("target"),
        number("ratio_cpu"),
        number("ratio_wall_bf16"),
        number("share_of_gemm_peak")
    )
}

/// Wall and CPU seconds of a step.
type Times = (f64, f64);

#[derive(Default)]
struct Samples {
    ours: Vec<Times>,
    f32: Vec<Times>,
    bf16: Vec<Times>,
    gflops: Vec<f64>,
}

impl Samples {
    fn summary(&self, side: usize, batch: usize, threads: usize, target: f64) -> Value {
        let wall = |times: &[Times]| median(times.iter().map(|time| time.0));
        let cpu = |times: &[Times]| median(times.iter().map(|time| time.1));
        let spread: Vec<f64> = self.ours.iter().zip(&self.f32).map(|(a, b)| a.0 / b.0).collect();
        let peak = median(self.gflops.iter().copied());
        json!({
            "image": side, "batch": batch, "threads": threads,
            "target": if threads == 2 { Some(target) } else { None },
            "ours_wall": wall(&self.ours), "ours_cpu": cpu(&self.ours),
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

/// Operations of one image forwards through ConvNeXt-Tiny: 4.456 G multiply-adds at 224 px, times two.
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
        let word = Term { weight: 1.0, loss: Loss::proxy_nca(0.07) };
        let objective = Objective::new(&[word], model.width(), CLASSES, &mut params);
        let word = spec::Optimiser { lr: 1e-6, weight_decay: 5e-5, betas: [0.9, 0.999], eps: 1e-8 };
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

    /// The median times of so many steps.
    fn steps(&mut self, count: usize) -> Times {
        let times: Vec<Times> = (0..count)
            .map(|_| {
                let (wall, cpu) = (Instant::now(), cpu_seconds());
                self.step().expect("a step");
                (wall.elapsed().as_secs_f64(), cpu_seconds() - cpu)
            })
            .collect();
        (median(times.iter().map(|time| time.0)), median(times.iter().map(|time| time.1)))
    }

    fn step(&mut self) -> candle_core::Result<()> {
        let mut tape = Tape::recording(&self.params);
        let student = [self.model.run(&mut Pass::new(&mut tape, &self.params), &self.images)?];
        let out = Forwarded::of(&student, &self.classes);
        let value = self.objective.value(&mut tape, &self.params, &out, &Clock::START)?;
        drop(student);
        tape.backward(&value.total, &mut self.gradients)?;
        self.optimiser.step(&self.params, &self.gradients, |_| 1e-6)?;
        self.gradients.clear();
        Ok(())
    }
}

/// CPU seconds of this process, all threads; NaN where the system does not tell.
fn cpu_seconds() -> f64 {
    // utime and stime are fields 14 and 15, in ticks of a hundredth of a second; the name in field 2 may hold spaces.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(f64::NAN);
    (ticks(11) + ticks(12)) / 100.0
}

/// Those of the peer's answer.
fn times(answer: &Value) -> Times {
    let of = |key: &str| {
        let list = answer[key].as_array().expect("a list of seconds");
        median(list.iter().filter_map(Value::as_f64))
    };
    (of("wall"), of("cpu"))
}
