//! For tests: golden values computed by PyTorch and timm (`tests/golden/*.safetensors`), and our deviation
//! from them.

use crate::{
    device::{self, Choice},
    gpu::emulator,
    params::{Params, Published},
};
use candle_core::Device;
use safetensors::SafeTensors;
use std::{
    cell::RefCell,
    path::{Path, PathBuf},
    sync::OnceLock,
};

/// Tolerance of GPU kernels: they sum in another order, and in single precision where the CPU does not.
const ON_A_GPU: f32 = 1e-4;

thread_local! {
    static PLACE: RefCell<Device> = const { RefCell::new(Device::Cpu) };
}

/// The device of the current test's tensors.
pub fn device() -> Device {
    PLACE.with_borrow(Device::clone)
}

/// Runs a test on the CPU, and on GPUs.
pub fn everywhere(work: impl Fn()) {
    work();
    on_gpus(work);
}

/// Runs a test on the emulator, and on a GPU if the build and the machine have one. If `$DICHROIC_TEST_ON` is
/// `gpu`, the emulator (and the C compiler that it needs) is not used, and a missing GPU is an error.
pub fn on_gpus(work: impl Fn()) {
    static GPU: OnceLock<Result<Device, device::Error>> = OnceLock::new();
    let only_gpu = std::env::var("DICHROIC_TEST_ON").is_ok_and(|place| place == "gpu");
    // The emulator switches stacks in a way that only Linux allows.
    if cfg!(target_os = "linux") && !only_gpu {
        emulator::on(&work);
        println!("{RAN_ON} the emulator");
    }
    match GPU.get_or_init(|| device::open(Choice::Cuda(None))) {
        Ok(gpu) => {
            let _back = Back(PLACE.replace(gpu.clone()));
            work();
            println!("{RAN_ON} {}", device::model(gpu));
        }
        Err(error) => assert!(!only_gpu, "{error}"),
    }
}

/// Prefix of the output of tests (`--show-output`) that names where they ran and what they compared;
/// `tests/gpu/report` parses it.
const RAN_ON: &str = "ran on";
const COMPARED: &str = "compared";

/// Restores the test's device, even after a panic: the next test may run on the same thread.
struct Back(Device);

impl Drop for Back {
    fn drop(&mut self) {
        PLACE.replace(self.0.clone());
    }
}

/// A golden file.
pub struct Golden(Vec<u8>);

/// The folder of golden files, even if the tests run in another folder than they were built in.
pub fn folder() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or(env!("CARGO_MANIFEST_DIR").into());
    let package = Path::new(&package);
    // The library's package is at the root, that of operations two folders below.
    let [root, below] = [package.join("tests/golden"), package.join("../../tests/golden")];
    if root.is_dir() { root } else { below }
}

impl Golden {
    /// The file `tests/golden/NAME.safetensors`.
    ///
    /// # Panics
    /// If it does not exist.
    pub fn open(name: &str) -> Self {
        let path = folder().join(format!("{name}.safetensors"));
        Self(std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    }

    /// Whether there is a tensor with this name.
    pub fn has(&self, name: &str) -> bool {
        self.file().tensor(name).is_ok()
    }

    /// The shape of one of its tensors.
    ///
    /// # Panics
    /// If there is no tensor with this name.
    pub fn shape(&self, name: &str) -> Vec<usize> {
        self.file().tensor(name).unwrap_or_else(|e| panic!("{name}: {e}")).shape().to_vec()
    }

    /// The numbers of one of its tensors.
    ///
    /// # Panics
    /// If there is no tensor with this name.
    pub fn values(&self, name: &str) -> Vec<f32> {
        let file = self.file();
        let view = file.tensor(name).unwrap_or_else(|e| panic!("{name}: {e}"));
        let bytes = view.data().as_chunks::<4>().0;
        bytes.iter().map(|b| f32::from_le_bytes(*b)).collect()
    }

    /// The numbers of one of its tensors as integers.
    pub fn labels(&self, name: &str) -> Vec<usize> {
        self.values(name).iter().map(|label| *label as usize).collect()
    }

    fn file(&self) -> SafeTensors<'_> {
        SafeTensors::deserialize(&self.0).expect("a golden file is a safetensors file")
    }
}

/// The phase of a tensor's values in [`formula`].
pub fn phase(name: &str) -> f64 {
    f64::from(name.bytes().map(u32::from).sum::<u32>() % 97)
}

/// The formula that fills golden models (`tests/golden/formula.py`).
pub fn formula(name: &str, count: usize, amplitude: f64, offset: f64) -> Vec<f32> {
    let phase = phase(name);
    (0..count).map(|j| (offset + amplitude * libm::sin(0.37 * j as f64 + phase)) as f32).collect()
}

/// Uniform numbers with a mean and a standard deviation: SplitMix64, begun at the seed and the tensor's name.
pub fn recipe(seed: u64, name: &str, count: usize, mean: f64, sd: f64) -> Vec<f32> {
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let value = |at: u64| {
        let mut z = (seed ^ hash).wrapping_add((at + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        let unit = (z >> 11) as f64 * (-53f64).exp2();
        (mean + sd * 3f64.sqrt() * (2.0 * unit - 1.0)) as f32
    };
    (0..count as u64).map(value).collect()
}

/// The names and shapes of all parameters, as `*_names.json` has them.
pub fn names_hash(params: &Params) -> String {
    shapes_hash(params.ids().map(|id| params.published(id)))
}

/// The same of parameters that have not been created.
pub fn shapes_hash<'a>(all: impl IntoIterator<Item = &'a Published>) -> String {
    let line = |published: &Published| {
        let shape: Vec<String> = published.shape.iter().map(usize::to_string).collect();
        format!("{} {}\n", published.name, shape.join("x"))
    };
    let mut lines: Vec<String> = all.into_iter().map(line).collect();
    lines.sort();
    blake3::hash(lines.concat().as_bytes()).to_hex().to_string()
}

/// Relative error: the largest difference over the largest magnitude.
pub fn relative_error(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len(), "as many values as expected");
    let largest = expected.iter().fold(0f32, |top, x| top.max(x.abs()));
    let apart = found.iter().zip(expected).fold(0f32, |top, (a, b)| {
        assert!(a.is_finite(), "found {a}, expected {b}");
        top.max((a - b).abs())
    });
    apart / largest.max(f32::MIN_POSITIVE)
}

/// Fails, naming the value, if its relative error exceeds `tolerance`.
#[track_caller]
pub fn assert_close(name: &str, found: &[f32], expected: &[f32], tolerance: f32) {
    let error = relative_error(found, expected);
    let on_gpu = emulator::is_on() || !device().is_cpu();
    let tolerance = if on_gpu { tolerance.max(ON_A_GPU) } else { tolerance };
    if on_gpu {
        println!("{COMPARED} {error:e} {tolerance:e} {name}");
    }
    assert!(error <= tolerance, "{name}: relative error {error:e} is above {tolerance:e}");
}
