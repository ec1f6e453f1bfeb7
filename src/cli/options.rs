//! Options that several commands share, and their defaults.

use super::{
    failure::{Failure, Result},
    set::{self, Changed},
};
use crate::{
    device::{self, Choice},
    ops::flush_subnormals,
    spec::{Precision, Spec, quick::quick},
    store::Scale,
    train::Keep,
};
use candle_core::Device;
use clap::{Args, ValueEnum};
use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
};

/// The store's location.
#[derive(Args, Clone, Debug)]
pub(super) struct StoreOption {
    /// The experiment database [default: $DICHROIC_STORE, else runs/dichroic.db]
    #[arg(long, value_name = "PATH")]
    store: Option<PathBuf>,
}

impl StoreOption {
    pub(super) fn path(&self) -> PathBuf {
        let stated = self.store.clone().or_else(|| env::var_os("DICHROIC_STORE").map(PathBuf::from));
        stated.filter(|path| !path.as_os_str().is_empty()).unwrap_or_else(|| "runs/dichroic.db".into())
    }

    /// The option as repeated in suggested commands: ` --store PATH`, or nothing.
    pub(super) fn repeat(&self) -> String {
        self.store.as_ref().map_or(String::new(), |path| format!(" --store {}", shell(path)))
    }
}

/// A path as a shell takes it.
fn shell(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+@:=~".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// Locations of data sets.
#[derive(Args, Clone, Debug)]
pub(super) struct DataOption {
    /// Folder of the data set NAME [default: $DICHROIC_DATA_<NAME>; chammi and jump are simulated without one]
    #[arg(long, value_name = "NAME=PATH", value_parser = named_path)]
    data: Vec<(String, PathBuf)>,
    /// A `dataset.toml` that stands for the one in the folder of NAME, which need not be changed then
    #[arg(long, value_name = "NAME=FILE", value_parser = named_path)]
    describe: Vec<(String, PathBuf)>,
}

impl DataOption {
    /// The stated folder of a data set.
    pub(super) fn path(&self, name: &str) -> Option<PathBuf> {
        let stated = self.data.iter().rev().find(|(known, _)| known == name).map(|(_, path)| path.clone());
        let path = stated.or_else(|| env::var_os(variable(name)).map(PathBuf::from))?;
        (!path.as_os_str().is_empty()).then_some(path)
    }

    /// The description that stands for the one in the folder of a data set.
    pub(super) fn description(&self, name: &str) -> Option<&Path> {
        self.describe.iter().rev().find(|(known, _)| known == name).map(|(_, file)| file.as_path())
    }

    /// Names that were stated on the command line.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.data.iter().chain(&self.describe).map(|(name, _)| name.as_str())
    }
}

/// The variable that names the folder of a data set: `DICHROIC_DATA_MINI_REAL`.
pub(super) fn variable(name: &str) -> String {
    let name = name.to_uppercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    format!("DICHROIC_DATA_{name}")
}

fn named_path(text: &str) -> std::result::Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => Ok((name.into(), path.into())),
        _ => Err("expected NAME=PATH, as in `chammi=/data/CHAMMI`".into()),
    }
}

/// The size of an experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ScaleWord {
    /// The experiment shrunk to about a minute on two cores; a separate run, never mixed with others
    Quick,
    /// As declared
    Paper,
}

/// The values of `--precision`.
const PRECISIONS: [Precision; 3] = [Precision::F32, Precision::Tf32, Precision::Bf16];

/// Overrides of what the experiment declares.
#[derive(Args, Clone, Debug)]
pub(super) struct SpecOptions {
    /// Size of the experiment [default: quick on simulated data, else paper]
    #[arg(long)]
    scale: Option<ScaleWord>,
    /// Use this seed instead of the declared ones; repeatable
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..1 << 63))]
    seed: Vec<u64>,
    /// Number format of training: f32, or on a GPU tf32 or bf16 [default: as declared, f32]
    #[arg(long, value_parser = PRECISIONS.map(Precision::name))]
    precision: Option<String>,
    /// Change one value of the resolved spec, as in train.optimiser.lr=3e-4; repeatable
    #[arg(long, value_name = "PATH=VALUE", value_parser = assignment)]
    set: Vec<(String, String)>,
}

impl SpecOptions {
    /// The scale: as stated, else quick on simulated data.
    pub(super) fn scale(&self, simulated: bool) -> Scale {
        match self.scale {
            Some(ScaleWord::Quick) => Scale::Quick,
            Some(ScaleWord::Paper) => Scale::Paper,
            None if simulated => Scale::Quick,
            None => Scale::Paper,
        }
    }

    /// The spec to run: shrunk where asked for, then changed as stated.
    ///
    /// # Errors
    /// If a value cannot be set.
    pub(super) fn apply(&self, spec: &Spec, scale: Scale) -> Result<Changed> {
        let sized = if scale == Scale::Quick { quick(spec) } else { spec.clone() };
        let precision = self.precision.iter().map(|word| ("train.precision".to_owned(), word.clone()));
        set::apply(&sized, &precision.chain(self.set.iter().cloned()).collect::<Vec<_>>())
    }

    /// The seeds, each once.
    pub(super) fn seeds(&self, declared: &[u64]) -> Vec<u64> {
        let mut seeds = if self.seed.is_empty() { declared.to_vec() } else { self.seed.clone() };
        let mut known = std::collections::BTreeSet::new();
        seeds.retain(|seed| known.insert(*seed));
        seeds
    }
}

fn assignment(text: &str) -> std::result::Result<(String, String), String> {
    match text.split_once('=') {
        Some((path, value)) if !path.is_empty() => Ok((path.into(), value.into())),
        _ => Err("expected PATH=VALUE, as in `train.optimiser.lr=3e-4`".into()),
    }
}

/// Device and number of threads.
#[derive(Args, Clone, Debug)]
pub(super) struct ComputeOptions {
    /// Where to compute: auto, cpu, cuda or cuda:N
    #[arg(long, default_value = "auto")]
    pub(super) device: Choice,
    #[command(flatten)]
    pub(super) threads: ThreadsOption,
}

impl ComputeOptions {
    /// Sets the number of threads and opens the device.
    ///
    /// # Errors
    /// If this build or this machine cannot compute there.
    pub(super) fn prepare(&self) -> Result<Device> {
        let device = device::open(self.device)?;
        self.threads.prepare()?;
        Ok(device)
    }
}

/// How much memory training may take.
#[derive(Args, Clone, Debug)]
pub(super) struct MemoryOption {
    /// Memory that training may use, as in 16GB (GPU memory when computing on one); results do not depend on it: with less,
    /// parts of a batch are recomputed [default: 85 % of what is free]
    #[arg(long, value_name = "SIZE", value_parser = size, overrides_with = "memory")]
    memory: Option<u64>,
}

impl MemoryOption {
    /// What fits into as much as was stated, or is free on a device.
    pub(super) fn keep(&self, device: &Device) -> Keep {
        self.memory.map_or_else(|| Keep::free(device), Keep::Within)
    }
}

/// Bytes, as in `16GB`, `800 MB` or `1.5GiB`.
fn size(text: &str) -> std::result::Result<u64, String> {
    let unit = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let factor = match text[unit..].to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "mb" | "m" => 1e6,
        "gb" | "g" => 1e9,
        "mib" => f64::from(1 << 20),
        "gib" => f64::from(1 << 30),
        _ => f64::NAN,
    };
    let bytes = text[..unit].trim().parse::<f64>().map_or(f64::NAN, |number| number * factor);
    if bytes >= 0.0 && bytes.is_finite() {
        Ok(bytes as u64)
    } else {
        Err(format!("expected a size, as in 16GB or 800MB, found `{text}`"))
    }
}

/// The number of threads.
#[derive(Args, Clone, Debug)]
pub(super) struct ThreadsOption {
    /// Worker threads; results are the same for any number [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), overrides_with = "threads")]
    threads: Option<u16>,
}

impl ThreadsOption {
    /// The effective number.
    pub(super) fn count(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.map_or_else(cores, usize::from)
    }

    /// Sets it; call before anything uses threads.
    ///
    /// # Errors
    /// If the system refuses to start threads.
    pub(super) fn prepare(&self) -> Result {
        // 0: as many as there are cores.
        let threads = self.threads.map_or(0, Into::into);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).start_handler(|_| flush_subnormals());
        let pool = pool.build_global();
        pool.map_err(|error| Failure::new(format!("cannot start {threads} threads: {error}")))
    }
}

/// Texts by name, as JSON has them.
pub(super) fn labels(label: &[(String, String)]) -> BTreeMap<&str, &str> {
    label.iter().map(|(axis, value)| (axis.as_str(), value.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments_are_understood() {
        assert_eq!(assignment("a.b=c=d"), Ok(("a.b".into(), "c=d".into())));
        assert!(assignment("lr").is_err() && named_path("chammi=").is_err());
        assert_eq!(variable("mini-real"), "DICHROIC_DATA_MINI_REAL");
    }

    #[test]
    fn sizes_have_units() {
        let sizes = ["16GB", "800 MB", "1.5gib", "42", "0"].map(size);
        assert_eq!(sizes, [16_000_000_000, 800_000_000, 3 << 29, 42, 0].map(Ok));
        assert!(["16TB", "GB", "-1GB", "nanMB"].iter().all(|text| size(text).is_err()));
    }

    #[test]
    fn paths_survive_a_shell() {
        assert_eq!(shell(Path::new("runs/a.db")), "runs/a.db");
        assert_eq!(shell(Path::new("my runs/it's.db")), r"'my runs/it'\''s.db'");
    }
}
