//! The GPU side of the operations: what is launched with how many threads, and the backends that run it.
//!
//! A kernel is text in `kernels/`, its launcher a file here with the name of the operation. Both run on CUDA
//! or, in tests, on the CPU (`emulator`), so that every kernel and every launch is checked on machines
//! without a GPU. Partial sums are added in a fixed order: the same GPU gives the same bits each time.

// In a build without CUDA this code is only type-checked.
#![cfg_attr(not(feature = "cuda"), allow(dead_code))]

mod adamw;
mod arithmetic;
mod attention;
mod channel_patches;
mod chosen_tokens;
mod convolution;
mod cross_entropy;
mod depthwise;
mod distil;
mod embedding;
mod gelu;
mod instance_norm;
mod koleo;
mod layer_norm;
mod linear;
mod masked_error;
mod nearest;
mod neighbourhoods;
mod normalise;
mod patches;
mod pool;
mod pooled_filters;
mod product;
mod profile;
mod scale_residual;
mod tokens;
mod variance_penalty;
mod views;

#[cfg(feature = "cuda")]
mod cuda;
#[cfg(any(test, feature = "testing"))]
pub(crate) mod emulator;
#[cfg(feature = "cuda")]
mod sending;
#[cfg(any(feature = "cuda", feature = "testing", test))]
mod signature;

pub use nearest::{Candidates, Question};
pub(super) use product::Matrix;
pub use profile::{Share, profile};
#[cfg(feature = "cuda")]
pub(super) use {cuda::address as cuda_address, sending::send as cuda_send};

use crate::format::Format;
use candle_core::{DType, Device, Result, Shape, Tensor};

/// Threads of a warp, and warps of a block.
const LANES: usize = 32;
const WARPS: usize = 8;
const BLOCK: usize = LANES * WARPS;
/// Blocks that keep a large GPU busy; threads of elementwise kernels loop over further elements.
const BLOCKS: usize = 132 * 16;

/// Rows per partial sum. Fixed, so that results do not depend on the launch.
const PART: usize = 512;

/// The device that computes a tensor, if it is not the CPU's own code.
#[derive(Clone)]
pub enum Gpu {
    /// A GPU.
    #[cfg(feature = "cuda")]
    Cuda(cuda::Cuda),
    /// The emulator on the CPU.
    #[cfg(any(test, feature = "testing"))]
    Emulated,
}

/// Number of blocks and of threads per block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    pub(super) blocks: [usize; 3],
    pub(super) threads: [usize; 2],
}

impl Grid {
    /// For `elements` elements.
    pub(super) fn over(elements: usize) -> Self {
        Self::blocks(elements.div_ceil(BLOCK).clamp(1, BLOCKS))
    }

    /// `blocks` blocks in one row.
    pub(super) fn blocks(blocks: usize) -> Self {
        Self { blocks: [blocks, 1, 1], threads: [BLOCK, 1] }
    }

    /// For `rows` rows of `columns` columns; each thread has a pack of them.
    pub(super) fn packs(rows: usize, columns: usize) -> Self {
        Self::over(rows * columns.div_ceil(4))
    }

    /// Blocks of lanes for `columns` columns in packs, times `rest`.
    pub(super) fn columns_of_packs(columns: usize, rest: usize, format: DType) -> Self {
        Self::columns(columns.div_ceil(16 / format.size_in_bytes()), rest)
    }

    /// Blocks of lanes for `columns` columns, times `rest`.
    pub(super) fn columns(columns: usize, rest: usize) -> Self {
        Self { blocks: [columns.div_ceil(LANES), rest, 1], threads: [LANES, WARPS] }
    }
}

/// An argument of a kernel.
#[derive(Clone, Copy)]
pub(super) enum Arg<'a> {
    Tensor(&'a Tensor),
    Nothing,
    Whole(usize),
    Real(f32),
}

impl<'a> From<&'a Tensor> for Arg<'a> {
    fn from(tensor: &'a Tensor) -> Self {
        Self::Tensor(tensor)
    }
}

impl<'a> From<Option<&'a Tensor>> for Arg<'a> {
    fn from(tensor: Option<&'a Tensor>) -> Self {
        tensor.map_or(Self::Nothing, Self::Tensor)
    }
}

impl From<usize> for Arg<'_> {
    fn from(number: usize) -> Self {
        Self::Whole(number)
    }
}

impl From<bool> for Arg<'_> {
    fn from(yes: bool) -> Self {
        Self::Whole(yes.into())
    }
}

impl From<f32> for Arg<'_> {
    fn from(number: f32) -> Self {
        Self::Real(number)
    }
}

/// `launch!(gpu, gelu[Grid::over(n)](x, y, n))`.
macro_rules! launch {
    ($gpu:expr, $kernel:ident[$grid:expr]($($arg:expr),* $(,)?)) => {
        $gpu.launch(stringify!($kernel), $grid, &[$($crate::gpu::Arg::from($arg)),*])
    };
}
use launch;

impl Gpu {
    /// The device of `tensor`; `None` for the CPU.
    pub(crate) fn of(tensor: &Tensor) -> Option<Self> {
        Self::at(tensor.device())
    }

    /// The GPU or emulator of a device; `None` for the CPU's own code.
    pub fn at(device: &Device) -> Option<Self> {
        match device {
            #[cfg(feature = "cuda")]
            Device::Cuda(device) => Some(Self::Cuda(cuda::Cuda::of(device))),
            #[cfg(any(test, feature = "testing"))]
            Device::Cpu if emulator::is_on() => Some(Self::Emulated),
            _ => None,
        }
    }

    /// An uninitialised tensor; every user writes all of it before anything reads it.
    pub(crate) fn uninit(&self, shape: impl Into<Shape>, dtype: DType) -> Result<Tensor> {
        match self {
            #[cfg(feature = "cuda")]
            // SAFETY: see above.
            Self::Cuda(cuda) => unsafe { Tensor::empty(shape, dtype, &cuda.device()) },
            #[cfg(any(test, feature = "testing"))]
            Self::Emulated => Tensor::full(f32::NAN, shape, &Device::Cpu)?.to_dtype(dtype),
            #[cfg(not(any(feature = "cuda", feature = "testing", test)))]
            _ => nowhere((shape.into(), dtype)),
        }
    }

    /// An uninitialised tensor like `tensor`.
    pub(super) fn like(&self, tensor: &Tensor) -> Result<Tensor> {
        self.uninit(tensor.shape(), tensor.dtype())
    }

    /// The candle device of its tensors.
    pub(crate) fn device(&self) -> Device {
        match self {
            #[cfg(feature = "cuda")]
            Self::Cuda(cuda) => cuda.device(),
            #[cfg(any(test, feature = "testing"))]
            Self::Emulated => Device::Cpu,
            #[cfg(not(any(feature = "cuda", feature = "testing", test)))]
            _ => nowhere(()),
        }
    }

    /// Integers as a tensor, for kernels.
    pub(super) fn numbers(&self, numbers: &[usize]) -> Result<Tensor> {
        let numbers: Vec<u32> = numbers.iter().map(|number| *number as u32).collect();
        Tensor::new(numbers, &self.device())
    }

    /// Launches a kernel after everything launched before; does not wait for it.
    pub(super) fn launch(&self, kernel: &'static str, grid: Grid, args: &[Arg<'_>]) -> Result<()> {
        self.timed(
            || profile::kernel(kernel, args),
            || match self {
                #[cfg(feature = "cuda")]
                Self::Cuda(cuda) => cuda.launch(&signature::bind(kernel, args)?, grid),
                #[cfg(any(test, feature = "testing"))]
                Self::Emulated => emulator::launch(&signature::bind(kernel, args)?, grid),
                #[cfg(not(any(feature = "cuda", feature = "testing", test)))]
                _ => nowhere((kernel, grid, args)),
            },
        )
    }

    /// `out = a · b`, or `out += a · b`, the whole of a tensor: see [`products`](Self::products).
    pub(super) fn product(
        &self,
        out: &Tensor,
        add: bool,
        a: Matrix<'_>,
        b: Matrix<'_>,
        format: Format,
    ) -> Result<()> {
        self.products(Matrix::rows(out, a.height(), b.width()), add, a, b, format)
    }

    /// `out = a · b`, or `out += a · b`, for each of a stack of matrices. Sums are 32-bit floats; `format`
    /// says whether 32-bit factors may be rounded to ten bits.
    pub(super) fn products(
        &self,
        out: Matrix<'_>,
        add: bool,
        a: Matrix<'_>,
        b: Matrix<'_>,
        format: Format,
    ) -> Result<()> {
        let call = product::Call::of(out, add, a, b, format)?;
        self.timed(
            || profile::product(&call),
            || match self {
                #[cfg(feature = "cuda")]
                Self::Cuda(cuda) => cuda.product(&call),
                #[cfg(any(test, feature = "testing"))]
                Self::Emulated => emulator::product(&call),
                #[cfg(not(any(feature = "cuda", feature = "testing", test)))]
                _ => nowhere(&call),
            },
        )
    }

    /// `to = from`, of 32-bit floats.
    pub(super) fn copy(&self, from: &Tensor, to: &Tensor) -> Result<()> {
        let n = to.elem_count();
        launch!(self, scaled[Grid::over(n)](from, to, 1.0, n, false))
    }

    /// Column sums of `x` (rows, cols) into `sums` (cols), or added to them. Many rows are first summed in
    /// parts.
    pub(super) fn column_sums(&self, x: &Tensor, sums: &Tensor, add: bool) -> Result<()> {
        let cols = sums.elem_count();
        let rows = x.elem_count() / cols.max(1);
        if rows <= 2 * PART {
            return launch!(self, column_sums[Grid::columns(cols, 1)](x, sums, rows, cols, rows, add));
        }
        let parts = rows.div_ceil(PART);
        let partial = self.uninit((parts, cols), DType::F32)?;
        launch!(self, column_sums[Grid::columns(cols, parts)](x, &partial, rows, cols, PART, false))?;
        self.column_sums(&partial, sums, add)
    }
}

/// In a build without CUDA no tensor is on a GPU.
#[cfg(not(any(feature = "cuda", feature = "testing", test)))]
fn nowhere<T, U>(_: T) -> U {
    unreachable!("no tensor is on a GPU in a program without CUDA")
}

#[cfg(test)]
mod tests;
