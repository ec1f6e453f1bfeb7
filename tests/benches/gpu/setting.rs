//! What the GPU benchmark measures, from its command line.

use crate::python::Peer;
use candle_core::Device;
use dichroic::{device, device::Choice, spec::Precision};
use std::time::Duration;

pub const CLASSES: usize = 14;
pub const CHANNELS: [usize; 3] = [3, 4, 5];

/// The size of the work, and the device.
#[derive(Clone)]
pub struct Setting {
    pub device: Device,
    pub side: usize,
    pub batch: usize,
    /// Most steps of a timed run.
    pub steps: usize,
}

/// The parsed command line.
pub struct Asked {
    pub setting: Setting,
    pub works: Vec<String>,
    pub formats: Vec<(String, Precision)>,
    /// PyTorch's variants by number format: `bf16/compile`.
    pub peers: Vec<String>,
    /// Time for everything; if it is short there are fewer rounds, but at least three.
    pub time: Duration,
    /// Profile steps instead of measuring images per second.
    pub profile: bool,
}

impl Asked {
    /// Parses a command line; an error if the device is missing.
    pub fn read(words: &[String]) -> Result<Self, String> {
        let at = |word: &str| words.iter().position(|found| found == word);
        let value = |word: &str| at(word).and_then(|at| words.get(at + 1)).cloned();
        let list = |word: &str, default: &[&str]| -> Vec<String> {
            match value(word) {
                Some(names) => names.split(',').map(str::to_owned).filter(|name| !name.is_empty()).collect(),
                None => default.iter().map(|name| (*name).to_owned()).collect(),
            }
        };
        let choice = value("--device").map_or(Ok(Choice::Cuda(None)), |word| word.parse())?;
        let device =
            device::open(choice).map_err(|error| format!("{error}; {}", error.hint().unwrap_or_default()))?;
        let on_gpu = !device.is_cpu();
        let setting = match at("--small") {
            Some(_) => Setting { device, side: 32, batch: 6, steps: 2 },
            None => Setting { device, side: 224, batch: 128, steps: 20 },
        };
        let known = [("bf16", Precision::Bf16), ("tf32", Precision::Tf32), ("f32", Precision::F32)];
        let formats = list("--formats", if on_gpu { &["bf16", "tf32", "f32"] } else { &["f32"] });
        let precision = |name: String| match known.iter().find(|(known, _)| *known == name) {
            Some((_, precision)) => Ok((name, *precision)),
            None => Err(format!("`{name}` is not a number format")),
        };
        let peers: &[&str] = match on_gpu {
            true => &["bf16/eager", "bf16/compile", "bf16/max-autotune", "tf32/eager", "f32/eager"],
            false => &["f32/eager"],
        };
        let seconds = value("--seconds").and_then(|word| word.parse().ok()).unwrap_or(3600.0);
        Ok(Self {
            setting,
            works: list("--work", &["train", "embed"]),
            formats: formats.into_iter().map(precision).collect::<Result<_, _>>()?,
            peers: list("--peers", peers),
            time: Duration::from_secs_f64(seconds),
            profile: at("--profile").is_some(),
        })
    }

    /// PyTorch's variants for a number format.
    pub fn ways<'a>(&'a self, format: &'a str) -> impl Iterator<Item = &'a str> {
        self.peers.iter().filter_map(move |peer| peer.strip_prefix(format)?.strip_prefix('/'))
    }
}

impl Setting {
    /// PyTorch, if it is installed.
    pub fn peer(&self) -> Option<Peer> {
        let device = if self.device.is_cpu() { "cpu" } else { "cuda" };
        Peer::start("gpu_peer.py", &[device.to_owned(), self.side.to_string(), self.batch.to_string()])
    }
}
