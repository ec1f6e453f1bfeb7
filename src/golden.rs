//! For tests: what PyTorch and timm computed (`tests/golden/*.safetensors`), and how far we are from it.

use crate::{
    device::{self, Choice},
    ops::gpu::emulator,
    params::{Params, Published},
};
use candle_core::Device;
use safetensors::SafeTensors;
use std::{
    cell::RefCell,
    path::{Path, PathBuf},
    sync::OnceLock,
};

/// What kernels for a GPU are allowed: they sum in another order, and in single precision where the CPU does not.
const ON_A_GPU: f32 = 1e-4;

thread_local! {
    static PLACE: RefCell<Device> = const { RefCell::new(Device::Cpu) };
}

/// Where tests put their tensors now.
pub(crate) fn device() -> Device {
    PLACE.with_borrow(Device::clone)
}

/// On the CPU, and on GPUs.
pub(crate) fn everywhere(work: impl Fn()) {
    work();
    on_gpus(work);
}

/// As on a GPU, and on one, where program and machine have it.
pub(crate) fn on_gpus(work: impl Fn()) {
    static GPU: OnceLock<Option<Device>> = OnceLock::new();
    // The emulator changes stacks as Linux lets it.
    if cfg!(target_os = "linux") {
        emulator::on(&work);
    }
    if let Some(gpu) = GPU.get_or_init(|| device::open(Choice::Cuda(None)).ok()) {
        let before = PLACE.replace(gpu.clone());
        work();
        PLACE.replace(before);
    }
}

/// A golden file.
pub(crate) struct Golden(Vec<u8>);

/// The folder of golden files.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

impl Golden {
    pub(crate) fn open(name: &str) -> Self {
        let path = folder().join(format!("{name}.safetensors"));
        Self(std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    }

    pub(crate) fn shape(&self, name: &str) -> Vec<usize> {
        self.file().tensor(name).unwrap_or_else(|e| panic!("{name}: {e}")).shape().to_vec()
    }

    pub(crate) fn values(&self, name: &str) -> Vec<f32> {
        let file = self.file();
        let view = file.tensor(name).unwrap_or_else(|e| panic!("{name}: {e}"));
        let bytes = view.data().as_chunks::<4>().0;
        bytes.iter().map(|b| f32::from_le_bytes(*b)).collect()
    }

    pub(crate) fn labels(&self, name: &str) -> Vec<usize> {
        self.values(name).iter().map(|label| *label as usize).collect()
    }

    fn file(&self) -> SafeTensors<'_> {
        SafeTensors::deserialize(&self.0).expect("a golden file is a safetensors file")
    }
}

/// Where the waves of a tensor's values begin.
pub(crate) fn phase(name: &str) -> f64 {
    f64::from(name.bytes().map(u32::from).sum::<u32>() % 97)
}

/// The formula that fills golden models (`tests/golden/formula.py`).
pub(crate) fn formula(name: &str, count: usize, amplitude: f64, offset: f64) -> Vec<f32> {
    let phase = phase(name);
    (0..count).map(|j| (offset + amplitude * libm::sin(0.37 * j as f64 + phase)) as f32).collect()
}

/// The names and shapes of all parameters, as `*_names.json` has them.
pub(crate) fn names_hash(params: &Params) -> String {
    shapes_hash(params.ids().map(|id| params.published(id)))
}

/// The same of parameters that nobody has made yet.
pub(crate) fn shapes_hash<'a>(all: impl IntoIterator<Item = &'a Published>) -> String {
    let line = |published: &Published| {
        let shape: Vec<String> = published.shape.iter().map(usize::to_string).collect();
        format!("{} {}\n", published.name, shape.join("x"))
    };
    let mut lines: Vec<String> = all.into_iter().map(line).collect();
    lines.sort();
    blake3::hash(lines.concat().as_bytes()).to_hex().to_string()
}

/// Largest difference over the largest magnitude.
pub(crate) fn relative_error(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len(), "as many values as expected");
    let largest = expected.iter().fold(0f32, |top, x| top.max(x.abs()));
    let apart = found.iter().zip(expected).fold(0f32, |top, (a, b)| {
        assert!(a.is_finite(), "found {a}, expected {b}");
        top.max((a - b).abs())
    });
    apart / largest.max(f32::MIN_POSITIVE)
}

/// Fails with the name of the value when it is further than `tolerance` from what it should be.
#[track_caller]
pub(crate) fn assert_close(name: &str, found: &[f32], expected: &[f32], tolerance: f32) {
    let error = relative_error(found, expected);
    let tolerance = if emulator::is_on() || !device().is_cpu() { tolerance.max(ON_A_GPU) } else { tolerance };
    assert!(error <= tolerance, "{name}: relative error {error:e} is above {tolerance:e}");
}
