//! Runs kernels and matrix products on a GPU through CUDA. Kernels are compiled for the GPU on first use, and
//! cached on disk by their text, architecture and driver. Everything runs in order on one stream.

use super::{
    Grid,
    product::{Call, Matrix},
    signature::{Bound, FILES, PRELUDE, Value},
};
use crate::buffer;
use candle_core::{
    CudaDevice, CudaStorage, DType, Device, Error, Result,
    cuda_backend::{
        CudaStorageSlice,
        cudarc::{
            cublas::{result::gemm_strided_batched_ex, sys as blas},
            driver::{
                CudaEvent, CudaFunction, CudaModule, CudaSlice, DevicePtr, LaunchConfig, PushKernelArg,
                result, sys::CUevent_flags,
            },
            nvrtc::{CompileOptions, Ptx, compile_ptx_with_opts},
        },
    },
};
use std::{
    collections::HashMap,
    ffi::c_void,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

/// A GPU.
#[derive(Clone)]
pub struct Cuda(CudaDevice);

/// A kernel, its number format, and its GPU.
type Key = (usize, DType, &'static str);

static FUNCTIONS: LazyLock<Mutex<HashMap<Key, CudaFunction>>> = LazyLock::new(Mutex::default);
static MODULES: LazyLock<Mutex<HashMap<Key, Arc<CudaModule>>>> = LazyLock::new(Mutex::default);

impl Cuda {
    pub(super) fn of(device: &CudaDevice) -> Self {
        Self(device.clone())
    }

    pub(super) fn device(&self) -> Device {
        Device::Cuda(self.0.clone())
    }

    pub(super) fn launch(&self, bound: &Bound, grid: Grid) -> Result<()> {
        let function = self.function(bound)?;
        let stream = self.0.cuda_stream();
        let mut launch = stream.launch_builder(&function);
        for value in &bound.values {
            match value {
                Value::Address(value) => launch.arg(value),
                Value::Int(value) => launch.arg(value),
                Value::Wide(value) => launch.arg(value),
                Value::Float(value) => launch.arg(value),
            };
        }
        let [x, y, z] = grid.blocks.map(|blocks| blocks as u32);
        let [across, down] = grid.threads.map(|threads| threads as u32);
        let config = LaunchConfig { grid_dim: (x, y, z), block_dim: (across, down, 1), shared_mem_bytes: 0 };
        // SAFETY: `bind` has checked number, types and addresses; that kernels stay in bounds is shown by the
        // emulator's tests.
        unsafe { launch.launch(config) }.map(drop).map_err(Error::wrap)
    }

    fn function(&self, bound: &Bound) -> Result<CudaFunction> {
        let ordinal = self.0.cuda_stream().context().ordinal();
        let key = (ordinal, bound.format, bound.kernel);
        let mut functions = FUNCTIONS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(function) = functions.get(&key) {
            return Ok(function.clone());
        }
        let module = self.module((ordinal, bound.format, bound.file))?;
        let function = module.load_function(bound.kernel).map_err(Error::wrap)?;
        functions.insert(key, function.clone());
        Ok(function)
    }

    fn module(&self, key: Key) -> Result<Arc<CudaModule>> {
        let mut modules = MODULES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(module) = modules.get(&key) {
            return Ok(Arc::clone(module));
        }
        let stream = self.0.cuda_stream();
        let (major, minor) = stream.context().compute_capability().map_err(Error::wrap)?;
        let ptx = compiled(key.2, key.1, major * 10 + minor)?;
        let module = stream.context().load_module(ptx).map_err(Error::wrap)?;
        modules.insert(key, Arc::clone(&module));
        Ok(module)
    }

    /// An event in the stream after everything launched so far.
    pub(super) fn moment(&self) -> Result<Moment> {
        let stream = self.0.cuda_stream();
        let event = stream.record_event(Some(CUevent_flags::CU_EVENT_DEFAULT)).map_err(Error::wrap)?;
        Ok(Moment(event))
    }

    pub(super) fn product(&self, call: &Call<'_>) -> Result<()> {
        let kind = |matrix: &Matrix<'_>| match matrix.values.dtype() {
            DType::BF16 => blas::cudaDataType_t::CUDA_R_16BF,
            _ => blas::cudaDataType_t::CUDA_R_32F,
        };
        let turned = |matrix: &Matrix<'_>| match matrix.transposed {
            true => blas::cublasOperation_t::CUBLAS_OP_T,
            false => blas::cublasOperation_t::CUBLAS_OP_N,
        };
        let sums = match call.rounded && call.a.values.dtype() == DType::F32 {
            true => blas::cublasComputeType_t::CUBLAS_COMPUTE_32F_FAST_TF32,
            false => blas::cublasComputeType_t::CUBLAS_COMPUTE_32F,
        };
        let place = |matrix: &Matrix<'_>| {
            let first = matrix.first * matrix.values.dtype().size_in_bytes();
            Ok::<u64, Error>(buffer::address(matrix.values)? + first as u64)
        };
        let (a, b, out) = (place(&call.a)?, place(&call.b)?, place(&call.out)?);
        let (alpha, beta) = (1f32, call.beta);
        let handle = self.0.cublas_handle();
        // SAFETY: `Call::of` has checked shapes; the addresses are those of tensors with that many numbers.
        unsafe {
            gemm_strided_batched_ex(
                *handle.handle(),
                turned(&call.a),
                turned(&call.b),
                call.m as i32,
                call.n as i32,
                call.k as i32,
                std::ptr::from_ref(&alpha).cast(),
                a as *const c_void,
                kind(&call.a),
                call.a.line as i32,
                call.a.apart as i64,
                b as *const c_void,
                kind(&call.b),
                call.b.line as i32,
                call.b.apart as i64,
                std::ptr::from_ref(&beta).cast(),
                out as *mut c_void,
                kind(&call.out),
                call.out.line as i32,
                call.out.apart as i64,
                call.count as i32,
                sums,
                blas::cublasGemmAlgo_t::CUBLAS_GEMM_DEFAULT,
            )
        }
        .map_err(Error::wrap)
    }
}

/// An event in a stream.
pub(super) struct Moment(CudaEvent);

impl Moment {
    /// Milliseconds on the GPU's clock; waits for both events.
    pub(super) fn until(&self, later: &Self) -> Result<f64> {
        self.0.elapsed_ms(&later.0).map(f64::from).map_err(Error::wrap)
    }
}

/// A file of kernels for a number format and an architecture (`90`), compiled or from the cache.
pub(super) fn compiled(file: &str, format: DType, architecture: i32) -> Result<Ptx> {
    let (_, kernels) = FILES.iter().find(|(name, _)| *name == file).expect("kernels are in their files");
    let text = format!("#define BF16 {}\n{PRELUDE}\n{kernels}", u8::from(format == DType::BF16));
    let place = kept(&text, architecture);
    if let Some(ptx) = place.as_ref().and_then(|place| std::fs::read_to_string(place).ok()) {
        return Ok(Ptx::from_src(ptx));
    }
    let options = CompileOptions {
        options: vec![format!("--gpu-architecture=compute_{architecture}")],
        ..CompileOptions::default()
    };
    let ptx = compile_ptx_with_opts(&text, options)
        .map_err(|error| Error::msg(format!("NVRTC cannot compile the kernels of {file}: {error:?}")))?;
    if let Some(place) = place {
        // If it cannot be cached, only time is lost.
        let _ = keep(&place, &ptx.to_src());
    }
    Ok(ptx)
}

/// Caches a compiled file atomically: other processes read it.
fn keep(place: &Path, text: &str) -> std::io::Result<()> {
    place.parent().map_or(Ok(()), std::fs::create_dir_all)?;
    let part = place.with_extension(format!("{}.part", std::process::id()));
    std::fs::write(&part, text)?;
    std::fs::rename(&part, place)
}

/// The folder of the cache.
fn kept(text: &str, architecture: i32) -> Option<PathBuf> {
    use etcetera::BaseStrategy;
    let driver = driver_version();
    let hash = blake3::hash(format!("{architecture} {driver} {text}").as_bytes()).to_hex();
    let caches = etcetera::choose_base_strategy().ok()?.cache_dir();
    Some(caches.join("dichroic").join("kernels").join(format!("{hash}.ptx")))
}

fn driver_version() -> i32 {
    let mut version = 0;
    // SAFETY: it writes one number.
    unsafe { candle_core::cuda_backend::cudarc::driver::sys::cuDriverGetVersion(&mut version) };
    let _ = result::init();
    version
}

/// The address of number `first` of a tensor's memory.
pub(crate) fn address(storage: &mut CudaStorage, first: usize) -> Result<u64> {
    fn of<T>(slice: &CudaSlice<T>, first: usize) -> u64 {
        let (address, _read) = slice.device_ptr(slice.stream());
        address + (first * size_of::<T>()) as u64
    }
    Ok(match &storage.slice {
        CudaStorageSlice::F32(slice) => of(slice, first),
        CudaStorageSlice::BF16(slice) => of(slice, first),
        CudaStorageSlice::U32(slice) => of(slice, first),
        CudaStorageSlice::I64(slice) => of(slice, first),
        CudaStorageSlice::U8(slice) => of(slice, first),
        _ => candle_core::bail!("no kernel takes this number format"),
    })
}
