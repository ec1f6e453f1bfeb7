//! Benchmark of one training step, ours, candle's and PyTorch's in alternating rounds; prints ratios.
//!
//! DICHROIC_PYTHON=python3 cargo bench --bench step -- --json
//! DICHROIC_PYTHON=python3 cargo bench --bench step -- vit dino      # only cases whose names contain one of these words
//!
//! Cases: ConvNeXt-Tiny and ViT-S/16 with labels (3 channels, 14 classes, ProxyNCA, AdamW, a fixed batch), and DINO on ViT-S/16
//! as CODA trains it (two views of 224 px and six of 96, teacher, head of 4096 prototypes, gradients clipped, AdamW, moving
//! average), where ours is the training loop itself with its loader, and PyTorch's has its crops ready; DINOv2 on the same as DINO BoC
//! trains it (single channels, eight small views, 65,536 prototypes, masked patches, KoLeo). Learning rate 1e-6, 32-bit floats.
//!
//! candle needs no installation (`step/candle_peer.rs`): candle-transformers' ConvNeXt, with the layer normalisation that has a
//! gradient, and candle-nn's AdamW; channels-first, and each depthwise convolution one channel at a time, as candle computes
//! it; from our weights and in our thread pool. The Python of `$DICHROIC_PYTHON` needs torch and timm (`step/peer.py`); without
//! it PyTorch is left out. PyTorch: eager, channels-last, fused AdamW and attention; also with bf16 autocast. Rounds alternate
//! their order; ratios are medians of medians, candle's of single steps. Memory is the process's at its highest, PyTorch's with
//! its libraries (a process of its own for each case).

#[path = "step/candle_peer.rs"]
mod candle_peer;
#[path = "step/distilled.rs"]
mod distilled;
#[path = "step/labelled.rs"]
mod labelled;
mod python;

use candle_peer::Candle;
use dichroic::{
    adapter::SetChannels,
    model::Extractor,
    params::Params,
    prelude::*,
    spec::{ConvNextSize, Model},
};
use distilled::{Distilled, Version};
use labelled::Labelled;
use python::{Peer, median};
use serde_json::{Value, json};
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 5;
const ANSWERS: &str = "PyTorch answers";
const CLASSES: usize = 14;
const CHANNELS: [&str; 3] = ["a", "b", "c"];
const TEMPERATURE: f64 = 0.07;
const LR: f64 = 1e-6;

/// What is measured.
struct Case {
    /// The network's name, as PyTorch's side knows it.
    name: &'static str,
    /// Side of an image, in pixels; of the large views of DINO.
    side: usize,
    batch: usize,
    /// Steps of a round.
    steps: usize,
    /// Our wall time over PyTorch's at two threads, at most.
    target: f64,
    /// Floating-point operations of a step for each image, two for a multiply-add.
    operations: f64,
    /// Whether candle takes part: one of its steps takes as long as about thirty of ours.
    candle: bool,
}

/// Multiply-adds of one image forwards: ConvNeXt-Tiny at 224 px; ViT-S/16 at 224 and 96 px.
const CONV_NEXT: f64 = 4.456e9;
const VIT: [f64; 2] = [4.608e9, 0.805e9];
/// The same of one token in DINOv2's head: widths of 384, 2048, 2048 and 256, 65,536 prototypes.
const HEAD: f64 = 384.0 * 2048.0 + 2048.0 * 2048.0 + 2048.0 * 256.0 + 256.0 * 65_536.0;

const CASES: [Case; 5] = [
    Case {
        name: "convnext_tiny",
        side: 64,
        batch: 16,
        steps: 4,
        target: 0.74,
        operations: 6.0 * CONV_NEXT * (64.0 * 64.0) / (224.0 * 224.0),
        candle: true,
    },
    Case {
        name: "convnext_tiny",
        side: 224,
        batch: 4,
        steps: 4,
        target: 0.87,
        operations: 6.0 * CONV_NEXT,
        candle: false,
    },
    Case {
        name: "vit_small_patch16_224",
        side: 224,
        batch: 8,
        steps: 4,
        target: 0.85,
        operations: 6.0 * VIT[0],
        candle: false,
    },
    Case {
        name: "dino/vit_small_patch16_224",
        side: 224,
        batch: 8,
        steps: 2,
        target: 0.85,
        // The student's passes forwards and backwards, the teacher's forwards; heads take another hundredth.
        operations: 6.0 * (2.0 * VIT[0] + 6.0 * VIT[1]) + 2.0 * 2.0 * VIT[0],
        candle: false,
    },
    Case {
        name: "dinov2/vit_small_patch16_224",
        side: 224,
        batch: 8,
        steps: 2,
        target: 0.9,
        // The same with eight small views; and the head, on 10 views of an image and about 59 masked patches of two forwards and
        // backwards, and on 2 views and these patches forwards.
        operations: 6.0 * (2.0 * VIT[0] + 8.0 * VIT[1])
            + 2.0 * 2.0 * VIT[0]
            + (6.0 * (10.0 + 59.0) + 2.0 * (2.0 + 59.0)) * HEAD,
        candle: false,
    },
];

/// Steps of ours.
trait Work: Send {
    /// Takes `count` steps in the current thread pool; calls when they begin, and after each.
    fn steps(&mut self, count: usize, after_each: &mut (dyn FnMut() + Send));
}

impl Case {
    fn ours(&self) -> (Box<dyn Work>, Option<Candle>) {
        if let Some((version, _)) = self.name.split_once('/') {
            let version = if version == "dino" { Version::First } else { Version::Second };
            return (Box::new(Distilled::new(version, self.batch)), None);
        }
        let network = |params: &mut Params| match self.name {
            "convnext_tiny" => Extractor::plain(ConvNextSize::Tiny, 3, params),
            _ => Extractor::new(&vit(), &[three_channels()], &[], params),
        };
        let ours = Labelled::new(network, self.side, self.batch);
        let candle = self.candle.then(|| ours.at_candle().expect("candle's ConvNeXt"));
        (Box::new(ours), candle)
    }
}

fn vit() -> Model {
    let model = Vit::small().scratch().adapter(Planes(CHANNELS)).train_on(Folder("noise")).drop_path(0.0);
    let run = model.loss(CrossEntropy).evaluate(OneNn::cosine().on(Folder("noise")));
    run.recipe(Recipe::Paper).specs().remove(0).spec.model
}

fn three_channels() -> SetChannels {
    SetChannels { set: "noise".into(), channels: CHANNELS.map(String::from).to_vec() }
}

fn main() {
    dichroic::pages::keep();
    let words: Vec<String> = std::env::args().skip(1).collect();
    let json = words.iter().any(|word| word == "--json");
    let asked: Vec<&String> = words.iter().filter(|word| !word.starts_with("--")).collect();
    let mut results = Vec::new();
    let mut about = Value::Null;
    for case in &CASES {
        if !asked.is_empty() && !asked.iter().any(|word| case.name.contains(word.as_str())) {
            continue;
        }
        let mut peer = Peer::start("step/peer.py", &[]);
        if let Some(peer) = &mut peer {
            about = peer.ask(&json!({"about": true})).expect(ANSWERS);
        }
        from_here();
        let (mut ours, mut candle) = case.ours();
        for threads in [2, 1] {
            let result = case.in_turns(threads, ours.as_mut(), candle.as_mut(), peer.as_mut());
            if !json {
                println!("{}", line(&result));
            }
            results.push(result);
        }
    }
    if json {
        let simd = dichroic::ops::level().name();
        let document = json!({"bench": "step", "simd": simd, "peer": about, "results": results});
        println!("{}", serde_json::to_string_pretty(&document).expect("plain data"));
    }
}

impl Case {
    /// Rounds in which each side takes its steps, in alternating order.
    fn in_turns(
        &self,
        threads: usize,
        ours: &mut dyn Work,
        mut candle: Option<&mut Candle>,
        mut peer: Option<&mut Peer>,
    ) -> Value {
        let Self { name, side, batch, steps, .. } = *self;
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool");
        let mut samples = Samples::default();
        pool.install(|| timed(ours, 2));
        if let Some(candle) = &mut candle {
            pool.install(|| candle.step()).expect("a step");
        }
        for round in 0..ROUNDS {
            let request = |mode: &str| json!({"model": name, "image": side, "batch": batch, "threads": threads, "mode": mode, "steps": steps});
            let mut turns = [Side::Ours, Side::Candle, Side::PyTorch];
            if round % 2 == 1 {
                turns.reverse();
            }
            for turn in turns {
                match (turn, &mut peer) {
                    (Side::Ours, _) => samples.ours.push(pool.install(|| timed(ours, steps))),
                    (Side::Candle, _) => {
                        if let Some(candle) = &mut candle {
                            samples.candle.push(pool.install(|| timed(*candle, 1)));
                        }
                    }
                    (Side::PyTorch, Some(peer)) => {
                        let answer = peer.ask(&request("f32")).expect(ANSWERS);
                        samples.f32.push(times(&answer));
                        // Before bf16 adds its own.
                        samples.peer_mib = samples.peer_mib.or(answer["peak_mib"].as_f64());
                        samples.bf16.push(times(&peer.ask(&request("bf16")).expect(ANSWERS)));
                        let gemm = json!({"gemm": 2048, "threads": threads, "steps": 3});
                        let gemm = peer.ask(&gemm).expect(ANSWERS);
                        samples.gflops.push(gemm["gflops"].as_f64().unwrap_or(f64::NAN));
                    }
                    (Side::PyTorch, None) => {}
                }
            }
        }
        samples.summary(self, threads)
    }
}

fn line(result: &Value) -> String {
    let number = |key: &str| result[key].as_f64().map_or("·".into(), |x| format!("{x:.3}"));
    let whole = |key: &str| result[key].as_f64().map_or("·".into(), |x| format!("{x:.0}"));
    format!(
        "{}, {} px, batch {}, {} threads: ours {} s, candle {} s, ratio wall {}, cpu {}; PyTorch {} s, ratio wall {} (target {}), cpu {}, to bf16 {}, share of GEMM peak {}; MiB {}, {}",
        result["network"].as_str().unwrap_or_default(),
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
        number("share_of_gemm_peak"),
        whole("ours_mib"),
        whole("peer_mib")
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
    /// The memory of PyTorch's process at its highest, in MiB.
    peer_mib: Option<f64>,
}

impl Samples {
    fn summary(&self, case: &Case, threads: usize) -> Value {
        let Case { name, side, batch, target, operations, .. } = *case;
        let wall = |times: &[Times]| median(times.iter().map(|time| time.0));
        let cpu = |times: &[Times]| median(times.iter().map(|time| time.1));
        let spread: Vec<f64> = self.ours.iter().zip(&self.f32).map(|(a, b)| a.0 / b.0).collect();
        let beside_candle: Vec<Times> =
            self.ours.iter().zip(&self.candle).map(|(a, b)| (a.0 / b.0, a.1 / b.1)).collect();
        let peak = median(self.gflops.iter().copied());
        json!({
            "network": name, "image": side, "batch": batch, "threads": threads,
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
            "ours_mib": peak_mib(), "peer_mib": self.peer_mib,
            "gemm_peak_gflops": peak,
            "share_of_gemm_peak": operations * batch as f64 / wall(&self.ours) / (peak * 1e9),
        })
    }
}

/// The median wall and CPU time of `count` steps.
fn timed(work: &mut dyn Work, count: usize) -> Times {
    let mut marks = Vec::new();
    let began = Instant::now();
    work.steps(count, &mut || marks.push((began.elapsed().as_secs_f64(), cpu_seconds())));
    let between = |of: fn(&Times) -> f64| median(marks.windows(2).map(|pair| of(&pair[1]) - of(&pair[0])));
    (between(|mark| mark.0), between(|mark| mark.1))
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

/// Memory of this process at its highest since [`from_here`], in MiB, if the system reports it.
fn peak_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<f64>().ok().map(|kib| kib / 1024.0)
}

/// Forgets how much memory the process had.
fn from_here() {
    dichroic::pages::give_back();
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// The times in the peer's reply.
fn times(answer: &Value) -> Times {
    let of = |key: &str| {
        let list = answer[key].as_array().expect("a list of seconds");
        median(list.iter().filter_map(Value::as_f64))
    };
    (of("wall"), of("cpu"))
}
