//! Compute devices: CPU or CUDA GPU; selection, and what this machine has.

use crate::{format::Format, memory};
#[cfg(feature = "cuda")]
use candle_core::cuda_backend::cudarc::driver::sys;
use candle_core::{Device, DeviceLocation};
use libloading::{Library, Symbol};
use std::{
    ffi::{CStr, CString, c_char, c_int, c_uint, c_void},
    str::FromStr,
    sync::{
        OnceLock,
        atomic::{AtomicI32, Ordering::Relaxed},
    },
};

/// Whether this program was built with CUDA.
pub const BUILT_WITH_CUDA: bool = cfg!(feature = "cuda");

/// How to build with CUDA.
pub const HOW_TO_BUILD: &str =
    "build it on a machine with the CUDA toolkit (nvcc): cargo build --release --features cuda";

/// The requested device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The first GPU, if this program supports it and this machine has one; otherwise the CPU.
    Auto,
    /// The CPU.
    Cpu,
    /// A GPU: this one, or the first; workers have one each.
    Cuda(Option<usize>),
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.strip_prefix("cuda:").map(str::parse)) {
            ("auto", _) => Ok(Self::Auto),
            ("cpu", _) => Ok(Self::Cpu),
            ("cuda", _) => Ok(Self::Cuda(None)),
            (_, Some(Ok(number))) => Ok(Self::Cuda(Some(number))),
            _ => Err("expected auto, cpu, cuda or cuda:N".into()),
        }
    }
}

/// Why a device cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The program was built without it.
    #[error("this build of dichroic has no CUDA")]
    NotBuilt,
    /// The machine has none.
    #[error("no GPU found: {0}")]
    NoDriver(String),
    /// There are fewer GPUs.
    #[error("there is no GPU {asked}: the driver lists {found}, numbered from 0")]
    NoSuch {
        /// The requested one.
        asked: usize,
        /// The number of GPUs.
        found: usize,
    },
    /// An error of CUDA.
    #[error("the GPU {number} cannot be used: {reason}")]
    Refused {
        /// The GPU's number.
        number: usize,
        /// CUDA's error.
        reason: String,
    },
    /// The CPU computes in 32-bit floats only.
    #[error("precision {} needs a GPU", .0.name())]
    Precision(Format),
}

impl Error {
    /// How to fix it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotBuilt => {
                format!("{HOW_TO_BUILD}; or omit --device: `dichroic doctor` shows what this machine has")
            }
            Self::NoDriver(_) => "install NVIDIA's driver, or omit --device".into(),
            Self::NoSuch { .. } => "`dichroic doctor` lists them".into(),
            Self::Refused { .. } => {
                "`nvidia-smi` shows what is using it; `--device cpu` runs without a GPU".into()
            }
            Self::Precision(_) => "use --device cuda, or leave the precision at f32".into(),
        })
    }
}

/// Opens a device.
///
/// # Errors
/// If it does not exist.
pub fn open(choice: Choice) -> Result<Device, Error> {
    match choice {
        Choice::Cpu => Ok(Device::Cpu),
        Choice::Auto if BUILT_WITH_CUDA && driver().is_ok_and(|driver| !driver.gpus.is_empty()) => gpu(0),
        Choice::Auto => Ok(Device::Cpu),
        Choice::Cuda(_) if !BUILT_WITH_CUDA => Err(Error::NotBuilt),
        Choice::Cuda(number) => {
            let number = number.unwrap_or(0);
            let found = driver().map_err(Error::NoDriver)?.gpus.len();
            if number < found { gpu(number) } else { Err(Error::NoSuch { asked: number, found }) }
        }
    }
}

/// A single stream for everything, so that work runs in the order of its launch and no events are needed.
#[cfg(feature = "cuda")]
fn gpu(number: usize) -> Result<Device, Error> {
    let refused = |error: candle_core::Error| Error::Refused { number, reason: error.to_string() };
    let device = Device::new_cuda_with_stream(number).map_err(refused)?;
    if let Device::Cuda(cuda) = &device {
        // SAFETY: there is no other stream.
        unsafe { cuda.disable_event_tracking() };
        keep_memory(number);
    }
    OPENED.store(number as i32, Relaxed);
    Ok(device)
}

/// The memory pool of a GPU's tensors, if the driver supports it.
#[cfg(feature = "cuda")]
fn pool(number: usize) -> Option<sys::CUmemoryPool> {
    let (mut handle, mut pool) = (0, std::ptr::null_mut());
    let success = sys::CUresult::CUDA_SUCCESS;
    // SAFETY: pointers are to local variables; the pool is only queried if the device exists.
    let found = unsafe {
        sys::cuDeviceGet(&mut handle, number as c_int) == success
            && sys::cuDeviceGetDefaultMemPool(&mut pool, handle) == success
    };
    found.then_some(pool)
}

/// Keeps freed memory in the program's pool: getting it from the driver again after each synchronisation
/// takes longer than a step. Where that is not supported, only time is lost.
#[cfg(feature = "cuda")]
fn keep_memory(number: usize) {
    let threshold = sys::CUmemPool_attribute_enum::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
    let mut most = u64::MAX;
    if let Some(pool) = pool(number) {
        // SAFETY: the attribute is a number of this type.
        let _ = unsafe { sys::cuMemPoolSetAttribute(pool, threshold, std::ptr::from_mut(&mut most).cast()) };
    }
}

/// Measures peak memory from a moment on: of a GPU's tensors, or of the CPU process.
pub struct Peak {
    gpu: Option<usize>,
    before: u64,
}

impl Peak {
    /// Starts measuring; one measurement at a time.
    pub fn begin(device: &Device) -> Self {
        let gpu = match device.location() {
            DeviceLocation::Cuda { gpu_id } => Some(gpu_id),
            _ => None,
        };
        let before = match gpu {
            Some(number) => taken(number, true).0,
            None => {
                memory::restart_peak();
                memory::in_use() as u64
            }
        };
        Self { gpu, before }
    }

    /// The peak since then, above the starting level.
    pub fn bytes(&self) -> u64 {
        let most = match self.gpu {
            Some(number) => taken(number, false).1,
            None => memory::peak() as u64,
        };
        most.saturating_sub(self.before)
    }
}

/// Bytes in use where models are computed; 0 where nothing counts them.
pub fn in_use(device: &Device) -> u64 {
    match device.location() {
        DeviceLocation::Cuda { gpu_id } => taken(gpu_id, false).0,
        _ => memory::in_use() as u64,
    }
}

/// Bytes that are still available where models are computed; `None` if unknown.
pub fn available(device: &Device) -> Option<u64> {
    match device.location() {
        DeviceLocation::Cuda { gpu_id } => free(gpu_id),
        _ => memory::available(),
    }
}

/// Free memory of the GPU, and memory that the pool holds for reuse.
#[cfg(feature = "cuda")]
fn free(number: usize) -> Option<u64> {
    let reserved = sys::CUmemPool_attribute_enum::CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT;
    let (mut free, mut total, mut held) = (0, 0, 0u64);
    // SAFETY: pointers are to local variables; the context is that of the device that was opened.
    let found = unsafe { sys::cuMemGetInfo_v2(&mut free, &mut total) == sys::CUresult::CUDA_SUCCESS };
    if let Some(pool) = pool(number) {
        // SAFETY: the attribute is such a number.
        let _ = unsafe { sys::cuMemPoolGetAttribute(pool, reserved, std::ptr::from_mut(&mut held).cast()) };
    }
    found.then(|| free as u64 + held.saturating_sub(taken(number, false).0))
}

#[cfg(not(feature = "cuda"))]
fn free(_: usize) -> Option<u64> {
    None
}

/// Bytes used by a GPU's tensors, and their peak; optionally resets the peak.
#[cfg(feature = "cuda")]
fn taken(number: usize, restart: bool) -> (u64, u64) {
    use sys::CUmemPool_attribute_enum::{CU_MEMPOOL_ATTR_USED_MEM_CURRENT, CU_MEMPOOL_ATTR_USED_MEM_HIGH};
    let Some(pool) = pool(number) else { return (0, 0) };
    let read = |which| {
        let mut bytes = 0u64;
        // SAFETY: the attributes are numbers of this type.
        let _ = unsafe { sys::cuMemPoolGetAttribute(pool, which, std::ptr::from_mut(&mut bytes).cast()) };
        bytes
    };
    if restart {
        let mut none = 0u64;
        // SAFETY: the high-water mark may be reset to 0.
        let _ = unsafe {
            sys::cuMemPoolSetAttribute(
                pool,
                CU_MEMPOOL_ATTR_USED_MEM_HIGH,
                std::ptr::from_mut(&mut none).cast(),
            )
        };
    }
    (read(CU_MEMPOOL_ATTR_USED_MEM_CURRENT), read(CU_MEMPOOL_ATTR_USED_MEM_HIGH))
}

#[cfg(not(feature = "cuda"))]
fn taken(_: usize, _: bool) -> (u64, u64) {
    (0, 0)
}

#[cfg(not(feature = "cuda"))]
fn gpu(_: usize) -> Result<Device, Error> {
    Err(Error::NotBuilt)
}

/// The environment variable that restricts a process to some of the GPUs.
pub const VISIBLE: &str = "CUDA_VISIBLE_DEVICES";

/// The GPUs to distribute among workers, as [`VISIBLE`] names them; none if a single one was chosen or none
/// is used.
pub fn shares(choice: Choice, device: &Device) -> Vec<String> {
    if device.is_cpu() || matches!(choice, Choice::Cuda(Some(_))) {
        return vec![];
    }
    match std::env::var(VISIBLE) {
        Ok(names) => names.split(',').map(|name| name.trim().to_owned()).collect(),
        Err(_) => {
            (0..driver().map_or(0, |driver| driver.gpus.len())).map(|number| number.to_string()).collect()
        }
    }
}

/// Whether an error is that a GPU ran out of memory.
pub fn is_out_of_memory(error: &candle_core::Error) -> bool {
    let said = error.to_string();
    said.contains("OUT_OF_MEMORY") || said.contains("out of memory") || said.contains("ALLOC_FAILED")
}

/// Device kind and model, within which results are bit-identical; empty for the CPU.
pub fn model(device: &Device) -> String {
    let DeviceLocation::Cuda { gpu_id } = device.location() else { return String::new() };
    let name = driver().ok().and_then(|driver| Some(driver.gpus.get(gpu_id)?.name.clone()));
    name.map_or("cuda".into(), |name| format!("cuda {name}"))
}

/// Whether the device supports a precision.
///
/// # Errors
/// If it needs a GPU, and this is not one.
pub fn computes(device: &Device, precision: Format) -> Result<(), Error> {
    if device.is_cpu() && precision != Format::F32 { Err(Error::Precision(precision)) } else { Ok(()) }
}

/// The driver's description of NVIDIA's GPUs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Driver {
    /// The newest CUDA version that it supports: (13, 0).
    pub version: (i32, i32),
    /// The GPUs in their order.
    pub gpus: Vec<Gpu>,
}

/// A GPU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gpu {
    /// Its name.
    pub name: String,
    /// Its memory in bytes.
    pub memory: u64,
    /// Its compute capability: (9, 0).
    pub capability: (i32, i32),
    /// Its PCI address: `0000:1b:00.0`.
    pub bus: String,
}

/// A function of a library.
///
/// # Safety
/// `T` is the type in the library's manual.
unsafe fn symbol<'a, T>(library: &'a Library, name: &str) -> Result<Symbol<'a, T>, String> {
    // SAFETY: by the caller's contract.
    unsafe { library.get(name.as_bytes()) }.map_err(|_| format!("the driver library lacks {name}"))
}

/// Current use of a GPU.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usage {
    /// MiB of its memory in use, by any process.
    pub memory: f64,
    /// Share of the last second in which it was computing.
    pub busy: f64,
}

/// The number of the GPU that this process uses; -1: none.
static OPENED: AtomicI32 = AtomicI32::new(-1);

/// Current use of this process's GPU, from NVML; `None` without a GPU.
pub fn usage() -> Option<Usage> {
    static BUS: OnceLock<Option<String>> = OnceLock::new();
    let number = usize::try_from(OPENED.load(Relaxed)).ok()?;
    let bus = BUS.get_or_init(|| Some(driver().ok()?.gpus.get(number)?.bus.clone()));
    usage_at(bus.as_ref()?).ok()
}

fn usage_at(bus: &str) -> Result<Usage, String> {
    type Init = unsafe extern "C" fn() -> c_int;
    type Handle = unsafe extern "C" fn(*const c_char, *mut *mut c_void) -> c_int;
    type Memory = unsafe extern "C" fn(*mut c_void, *mut [u64; 3]) -> c_int;
    type Rates = unsafe extern "C" fn(*mut c_void, *mut [c_uint; 2]) -> c_int;
    let name = if cfg!(windows) { "nvml.dll" } else { "libnvidia-ml.so.1" };
    let check =
        |status: c_int| if status == 0 { Ok(()) } else { Err(format!("NVML returns error {status}")) };
    let bus = CString::new(bus).map_err(|error| error.to_string())?;
    // SAFETY: the signatures are those of NVML's manual; pointers are to local variables.
    unsafe {
        let library = Library::new(name).map_err(|error| error.to_string())?;
        let init: Symbol<'_, Init> = symbol(&library, "nvmlInit_v2")?;
        let handle: Symbol<'_, Handle> = symbol(&library, "nvmlDeviceGetHandleByPciBusId_v2")?;
        let memory: Symbol<'_, Memory> = symbol(&library, "nvmlDeviceGetMemoryInfo")?;
        let rates: Symbol<'_, Rates> = symbol(&library, "nvmlDeviceGetUtilizationRates")?;
        let (mut gpu, mut bytes, mut shares) = (std::ptr::null_mut(), [0; 3], [0; 2]);
        check(init())?;
        check(handle(bus.as_ptr(), &mut gpu))?;
        check(memory(gpu, &mut bytes))?; // total, free, used
        check(rates(gpu, &mut shares))?; // of computing, of memory, in hundredths
        // NVML stays initialised, so the library stays loaded.
        std::mem::forget(library);
        Ok(Usage { memory: bytes[2] as f64 / f64::from(1 << 20), busy: f64::from(shares[0]) / 100.0 })
    }
}

/// File name of the driver library.
const LIBRARY: &str = if cfg!(windows) { "nvcuda.dll" } else { "libcuda.so.1" };

/// Loads the driver library, as any CUDA program does, and queries it; the error says which step failed.
///
/// # Errors
/// If there is no driver, or a call fails.
pub fn driver() -> Result<Driver, String> {
    type Init = unsafe extern "C" fn(c_uint) -> c_int;
    type Number = unsafe extern "C" fn(*mut c_int) -> c_int;
    type Device = unsafe extern "C" fn(*mut c_int, c_int) -> c_int;
    type Name = unsafe extern "C" fn(*mut c_char, c_int, c_int) -> c_int;
    type Memory = unsafe extern "C" fn(*mut usize, c_int) -> c_int;
    type Attribute = unsafe extern "C" fn(*mut c_int, c_int, c_int) -> c_int;
    type Bus = unsafe extern "C" fn(*mut c_char, c_int, c_int) -> c_int;
    /// `CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR` and `…_MINOR`.
    const CAPABILITY: [c_int; 2] = [75, 76];

    // SAFETY: the signatures are those of the CUDA driver API, unchanged since CUDA 3.2; every pointer is to a local
    // variable that outlives the call.
    unsafe {
        let library = Library::new(LIBRARY).map_err(|_| format!("driver library {LIBRARY} not found"))?;
        let check = |what: &str, status: c_int| match status {
            0 => Ok(()),
            status => Err(format!("the driver is installed, but {what} returns error {status}")),
        };
        let init: Symbol<'_, Init> = symbol(&library, "cuInit")?;
        let version: Symbol<'_, Number> = symbol(&library, "cuDriverGetVersion")?;
        let count: Symbol<'_, Number> = symbol(&library, "cuDeviceGetCount")?;
        let device: Symbol<'_, Device> = symbol(&library, "cuDeviceGet")?;
        let name: Symbol<'_, Name> = symbol(&library, "cuDeviceGetName")?;
        let memory: Symbol<'_, Memory> = symbol(&library, "cuDeviceTotalMem_v2")?;
        let attribute: Symbol<'_, Attribute> = symbol(&library, "cuDeviceGetAttribute")?;
        let bus: Symbol<'_, Bus> = symbol(&library, "cuDeviceGetPCIBusId")?;

        check("cuInit", init(0))?;
        let (mut number, mut found, mut gpus) = (0, 0, vec![]);
        check("cuDriverGetVersion", version(&mut number))?;
        check("cuDeviceGetCount", count(&mut found))?;
        for at in 0..found {
            let (mut handle, mut text, mut bytes) = (0, [0 as c_char; 256], 0);
            check("cuDeviceGet", device(&mut handle, at))?;
            check("cuDeviceGetName", name(text.as_mut_ptr(), 255, handle))?;
            check("cuDeviceTotalMem", memory(&mut bytes, handle))?;
            let mut place = [0 as c_char; 32];
            check("cuDeviceGetPCIBusId", bus(place.as_mut_ptr(), 31, handle))?;
            let mut capability = [0; 2];
            for (value, which) in capability.iter_mut().zip(CAPABILITY) {
                check("cuDeviceGetAttribute", attribute(value, which, handle))?;
            }
            gpus.push(Gpu {
                name: CStr::from_ptr(text.as_ptr()).to_string_lossy().into_owned(),
                memory: bytes as u64,
                capability: (capability[0], capability[1]),
                bus: CStr::from_ptr(place.as_ptr()).to_string_lossy().into_owned(),
            });
        }
        // The library may have its own threads, so it is never unloaded.
        std::mem::forget(library);
        Ok(Driver { version: (number / 1000, number % 1000 / 10), gpus })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_understood() {
        assert_eq!("cuda:1".parse(), Ok(Choice::Cuda(Some(1))));
        assert_eq!(("cuda".parse(), "auto".parse()), (Ok(Choice::Cuda(None)), Ok(Choice::Auto)));
        assert!("gpu".parse::<Choice>().is_err() && "cuda:x".parse::<Choice>().is_err());
    }

    #[test]
    fn asking_the_driver_is_safe_with_and_without_it() {
        match driver() {
            Ok(driver) => assert!(driver.version.0 > 0),
            Err(why) => assert!(why.contains("driver"), "{why}"),
        }
    }

    #[test]
    fn without_a_gpu_nothing_is_said_of_one() {
        assert_eq!((usage(), model(&Device::Cpu)), (None, String::new()));
        assert!(usage_at("0000:00:00.0").is_err());
    }

    #[test]
    fn the_processor_computes_in_single_format() {
        assert!(computes(&Device::Cpu, Format::F32).is_ok());
        let error = computes(&Device::Cpu, Format::Bf16).unwrap_err();
        assert_eq!(error.to_string(), "precision bf16 needs a GPU");
    }
}
