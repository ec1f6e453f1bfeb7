//! Benchmark of training and embedding on a GPU, ours and PyTorch's in alternating rounds; prints images per
//! second and ratios, and each as a line of JSON as soon as it is known.
//!
//! DICHROIC_PYTHON=python3 cargo bench --features cuda --bench gpu
//! cargo bench --features cuda --bench gpu -- --profile              # where the time of a step goes, kernel by kernel
//!
//! ConvNeXt-Tiny at 224 px, batch 128 of three sets with 3, 4 and 5 channels, each with its own first layer;
//! ProxyNCA over 14 classes, AdamW. PyTorch (`gpu_peer.py`, with torch and timm): three sub-batches whose
//! gradients are added, channels-last, fused AdamW; eager, `torch.compile`, and `max-autotune`. Embedding:
//! 128 images of five channels. `tests/gpu/METHOD.md` describes the method. `--work train --formats bf16,f32
//! --peers bf16/compile --seconds 60` measures a part. Without a GPU, `-- --device cpu --small` checks that
//! the benchmark itself runs.

#[path = "gpu/ours.rs"]
mod ours;
mod python;
#[path = "gpu/setting.rs"]
mod setting;

use dichroic::{device::Peak, ops, spec::Precision};
use ours::Ours;
use python::median;
use serde_json::{Value, json};
use setting::{Asked, Setting};
use std::{
    process::Command,
    time::{Duration, Instant},
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Rounds of ours and PyTorch's in turn, if there is time for them; a valid figure needs three.
const ROUNDS: usize = 5;
const FEWEST: usize = 3;
/// Untimed steps, in which kernels are compiled and memory is allocated.
const WARM: usize = 5;
/// Approximate duration of a timed run.
const RUN: f64 = 2.0;

fn main() {
    dichroic::pages::keep();
    let words: Vec<String> = std::env::args().skip(1).collect();
    let asked = match Asked::read(&words) {
        Ok(asked) => asked,
        Err(why) => return println!("{why}"),
    };
    let all = || asked.works.iter().flat_map(|work| asked.formats.iter().map(move |format| (work, format)));
    if asked.profile {
        all().for_each(|(work, (format, precision))| profile(&asked.setting, work, format, *precision));
        all().for_each(|(work, (format, _))| profile_of_peer(&asked, work, format));
        return;
    }
    let deadline = Instant::now() + asked.time;
    let mut left = all().count();
    for (work, (format, precision)) in all() {
        let share = deadline.saturating_duration_since(Instant::now()) / left as u32;
        left -= 1;
        in_turns(&asked, work, format, *precision, share);
    }
}

/// Ours and PyTorch's variants, in turn.
fn in_turns(asked: &Asked, work: &str, format: &str, precision: Precision, time: Duration) {
    let (setting, began) = (&asked.setting, Instant::now());
    let peak = Peak::begin(&setting.device);
    // Only one of ours at a time: memory counts.
    let mut ours = Ours::new(setting, precision);
    let steps = warmed(&mut ours, setting, work);
    let mut peer = setting.peer();
    let about = peer.as_mut().and_then(|peer| peer.ask(&json!({"about": true})).ok());
    let mut sides = vec![Side::new("ours")];
    sides.extend(asked.ways(format).filter(|_| peer.is_some()).map(Side::new));
    for round in 0..ROUNDS {
        let lasted = began.elapsed();
        let next = lasted / u32::try_from(round.max(1)).expect("few rounds");
        if round >= FEWEST && lasted + next > time {
            break;
        }
        // The first one has a cooler GPU, so each is first in turn.
        let mut order: Vec<usize> = (0..sides.len()).collect();
        order.rotate_left(round % sides.len());
        for at in order {
            let side = &mut sides[at];
            if side.error.is_some() {
                continue;
            }
            match (side.how.as_str(), &mut peer) {
                ("ours", _) => side.speeds.push(ours.run(work, steps)),
                (how, Some(peer)) => {
                    let request = json!({"work": work, "format": format, "how": how, "steps": setting.steps});
                    side.receive(peer.ask(&request));
                }
                (_, None) => {}
            }
        }
        // Results are printed after each round, so that they are kept if the next one is interrupted.
        sides[0].peak = Some(peak.bytes() as f64 / f64::from(1 << 20));
        sides[0].process = memory(std::process::id());
        let of_peer = about.as_ref().and_then(|about| memory(about["pid"].as_u64()? as u32));
        for side in &sides {
            let process = if side.how == "ours" { side.process } else { of_peer };
            println!(
                "{}",
                json!({
                    "bench": "gpu", "work": work, "format": format, "how": side.how, "side": setting.side,
                    "batch": setting.batch, "images_per_s": side.speeds, "ours_over_it": side.ratios(&sides[0]),
                    "peak_mib": side.peak, "process_mib": process, "error": side.error, "peer": about,
                })
            );
        }
    }
    for side in &sides {
        println!("{work} {format} {}", side.line(&sides[0]));
    }
}

/// Runs the warm-up steps, and returns the number of steps of a timed run.
fn warmed(ours: &mut Ours, setting: &Setting, work: &str) -> usize {
    ours.run(work, WARM.min(setting.steps));
    let speed = ours.run(work, WARM.min(setting.steps));
    let steps = RUN * speed / setting.batch as f64;
    (steps as usize).clamp(WARM.min(setting.steps), setting.steps)
}

/// One of the sides that are compared.
struct Side {
    how: String,
    speeds: Vec<f64>,
    /// Peak memory of its tensors, and memory of its process, in MiB.
    peak: Option<f64>,
    process: Option<u64>,
    error: Option<String>,
}

impl Side {
    fn new(how: &str) -> Self {
        Self { how: how.to_owned(), speeds: vec![], peak: None, process: None, error: None }
    }

    /// Ours divided by this side, round by round.
    fn ratios(&self, ours: &Self) -> Vec<f64> {
        ours.speeds.iter().zip(&self.speeds).map(|(ours, theirs)| ours / theirs).collect()
    }

    fn line(&self, ours: &Self) -> String {
        let (fewest, most) = ends(&self.speeds);
        let memory = self.peak.map(|mib| format!("{mib:.0} MiB")).unwrap_or_default();
        format!(
            "{}: {:.0} images/s ({fewest:.0} to {most:.0}), ours over it {:.2}; {}",
            self.how,
            median(self.speeds.iter().copied()),
            median(self.ratios(ours).into_iter()),
            self.error.as_ref().unwrap_or(&memory),
        )
    }

    fn receive(&mut self, answer: Result<Value, String>) {
        match answer {
            Ok(answer) => {
                self.speeds.push(answer["images_per_s"].as_f64().unwrap_or(f64::NAN));
                self.peak = answer["peak_mib"].as_f64();
            }
            Err(error) => self.error = Some(error),
        }
    }
}

/// Profiles one of our steps.
fn profile(setting: &Setting, work: &str, format: &str, precision: Precision) {
    let mut ours = Ours::new(setting, precision);
    let steps = warmed(&mut ours, setting, work);
    let plain = setting.batch as f64 / ours.run(work, steps) * 1e3;
    let took = Instant::now();
    let (_, shares) = ops::profile(|| Ok(ours.run(work, steps))).expect("the GPU measures the time");
    let profiled = took.elapsed().as_secs_f64() * 1e3 / steps as f64;
    let each = |total: f64| total / steps as f64;
    let kernels: Vec<Value> = shares
        .iter()
        .map(|share| {
            json!({
                "name": share.name, "calls": each(share.calls as f64), "ms": each(share.ms),
                "bytes": each(share.bytes as f64), "operations": each(share.operations as f64),
            })
        })
        .collect();
    let sum = each(shares.iter().map(|share| share.ms).sum());
    println!(
        "{work} {format}: {plain:.2} ms a step, {profiled:.2} while profiled, {sum:.2} of them in launches"
    );
    println!(
        "{}",
        json!({
            "profile": "ours", "work": work, "format": format, "side": setting.side, "batch": setting.batch,
            "step_ms": plain, "profiled_step_ms": profiled, "kernels_ms": sum, "kernels": kernels,
        })
    );
}

/// Profiles one of PyTorch's steps.
fn profile_of_peer(asked: &Asked, work: &str, format: &str) {
    let Setting { side, batch, .. } = asked.setting;
    for how in asked.ways(format) {
        let Some(mut peer) = asked.setting.peer() else { return };
        match peer.ask(&json!({"work": work, "format": format, "how": how, "steps": asked.setting.steps.min(3), "profile": true})) {
            Ok(answer) => println!(
                "{}",
                json!({
                    "profile": how, "work": work, "format": format, "side": side, "batch": batch,
                    "step_ms": answer["step_ms"], "kernels_ms": answer["kernels_ms"], "kernels": answer["kernels"],
                })
            ),
            Err(error) => println!("PyTorch's profile: {error}"),
        }
    }
}

fn ends(values: &[f64]) -> (f64, f64) {
    values.iter().fold((f64::INFINITY, 0.0), |(low, high), value| (value.min(low), value.max(high)))
}

/// MiB of GPU memory of a process.
fn memory(process: u32) -> Option<u64> {
    let asked = ["--query-compute-apps=pid,used_memory", "--format=csv,noheader,nounits"];
    let said = Command::new("nvidia-smi").args(asked).output().ok()?;
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    let line = text.lines().find(|line| line.split(',').next() == Some(process.to_string().as_str()))?;
    line.split(',').nth(1)?.trim().parse().ok()
}
