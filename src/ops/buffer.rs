//! Access to a tensor's memory: contiguous 32-bit floats on the CPU, and addresses for kernels.

use super::gpu::Gpu;
use candle_core::{CpuStorage, Device, InplaceOp1, Layout, Result, Storage, Tensor, WithDType};
use rayon::prelude::*;
use std::{
    cell::RefCell,
    ops::{Deref, Range},
};

/// Elements per task of an elementwise operation; fixed, so that results do not depend on threads.
pub(crate) const CHUNK: usize = 16_384;

/// A tensor's values while it is being read, with candle's guard `G` over its memory.
struct Values<G> {
    storage: G,
    range: Range<usize>,
}

/// Opens a tensor for reading.
pub fn read(tensor: &Tensor) -> Result<impl Deref<Target = [f32]> + '_> {
    let (storage, layout) = tensor.storage_and_layout();
    let range = range(layout)?;
    match &*storage {
        Storage::Cpu(CpuStorage::F32(_)) => Ok(Values { storage, range }),
        _ => candle_core::bail!("expected 32-bit floats on the CPU, found {:?}", tensor.dtype()),
    }
}

impl<G: Deref<Target = Storage>> Deref for Values<G> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match &*self.storage {
            Storage::Cpu(CpuStorage::F32(values)) => &values[self.range.clone()],
            _ => unreachable!("checked when it was opened"),
        }
    }
}

fn range(layout: &Layout) -> Result<Range<usize>> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(start..end),
        None => candle_core::bail!("expected a contiguous tensor, found strides {:?}", layout.stride()),
    }
}

/// Changes a tensor's values in place.
pub fn write(tensor: &Tensor, change: impl FnOnce(&mut [f32])) -> Result<()> {
    struct Change<F>(RefCell<Option<F>>);

    impl<F: FnOnce(&mut [f32])> InplaceOp1 for Change<F> {
        fn name(&self) -> &'static str {
            "change"
        }

        fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
            let range = range(layout)?;
            match (storage, self.0.take()) {
                (CpuStorage::F32(values), Some(change)) => change(&mut values[range]),
                _ => candle_core::bail!("expected 32-bit floats on the CPU"),
            }
            Ok(())
        }
    }

    tensor.inplace_op1(&Change(RefCell::new(Some(change))))
}

/// `sum += more`, in place and in parallel.
pub fn add_assign(sum: &Tensor, more: &Tensor) -> Result<()> {
    if sum.elem_count() != more.elem_count() {
        candle_core::bail!("gradients of shapes {:?} and {:?} do not add up", sum.dims(), more.dims());
    }
    if let Some(gpu) = Gpu::of(sum) {
        return gpu.add_assign(sum, more);
    }
    let more = read(more)?;
    write(sum, |sum| {
        sum.par_chunks_mut(CHUNK).zip(more.par_chunks(CHUNK)).for_each(|(sum, more)| {
            for (sum, more) in sum.iter_mut().zip(more) {
                *sum += more;
            }
        });
    })
}

/// The values of a tensor on any device; waits until they are computed.
pub fn copy(tensor: &Tensor) -> Result<Vec<f32>> {
    tensor.flatten_all()?.to_vec1()
}

/// Updates a running mean of `count - 1` tensors on a GPU with `next`, the `count`-th.
pub fn approach(mean: &Tensor, next: &Tensor, count: u64) -> Result<()> {
    match Gpu::of(mean) {
        Some(gpu) => gpu.approach(mean, next, count),
        None => candle_core::bail!("this mean is on the CPU"),
    }
}

/// `to = keep · to + share · from`, in place.
pub fn blend(to: &Tensor, from: &Tensor, keep: f32, share: f32) -> Result<()> {
    if to.elem_count() != from.elem_count() {
        candle_core::bail!("tensors of shapes {:?} and {:?} do not blend", to.dims(), from.dims());
    }
    if let Some(gpu) = Gpu::of(to) {
        return gpu.blend(to, from, keep, share);
    }
    let from = read(from)?;
    write(to, |to| {
        to.par_chunks_mut(CHUNK).zip(from.par_chunks(CHUNK)).for_each(|(to, from)| {
            to.iter_mut().zip(from).for_each(|(to, from)| *to = keep * *to + share * from);
        });
    })
}

/// Copies numbers to a device; on a GPU, without waiting for the transfer.
pub fn send<T: WithDType>(values: &[T], device: &Device) -> Result<Tensor> {
    match device {
        #[cfg(feature = "cuda")]
        Device::Cuda(device) => super::gpu::cuda_send(values, device),
        device => Tensor::from_slice(values, values.len(), device),
    }
}

/// Replaces the values of a tensor on any device.
pub fn set(tensor: &Tensor, values: &[f32]) -> Result<()> {
    match Gpu::of(tensor) {
        Some(gpu) => gpu.copy(&Tensor::new(values, &gpu.device())?, tensor),
        None => write(tensor, |own| own.copy_from_slice(values)),
    }
}

/// The address of a contiguous tensor's first number, for kernels to read and write.
pub(crate) fn address(tensor: &Tensor) -> Result<u64> {
    struct Find(std::cell::Cell<u64>);

    impl InplaceOp1 for Find {
        fn name(&self) -> &'static str {
            "address"
        }

        fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
            let first = range(layout)?.start;
            macro_rules! of {
                ($values:expr) => {
                    $values[first..].as_mut_ptr() as u64
                };
            }
            self.0.set(match storage {
                CpuStorage::F32(values) => of!(values),
                CpuStorage::BF16(values) => of!(values),
                CpuStorage::U32(values) => of!(values),
                CpuStorage::I64(values) => of!(values),
                CpuStorage::U8(values) => of!(values),
                _ => candle_core::bail!("no kernel takes this number format"),
            });
            Ok(())
        }

        #[cfg(feature = "cuda")]
        fn cuda_fwd(&self, storage: &mut candle_core::CudaStorage, layout: &Layout) -> Result<()> {
            self.0.set(super::gpu::cuda_address(storage, range(layout)?.start)?);
            Ok(())
        }
    }

    let find = Find(std::cell::Cell::new(0));
    tensor.inplace_op1(&find)?;
    Ok(find.0.get())
}

/// An uninitialised buffer; every user writes all of it before anything reads it.
#[allow(clippy::uninit_vec)]
pub(crate) fn uninit(len: usize) -> Vec<f32> {
    let mut values = Vec::with_capacity(len);
    // SAFETY: the capacity is allocated, every bit pattern is a float, and all of it is written before it is
    // read.
    unsafe { values.set_len(len) };
    values
}

/// A pointer that may be sent to other threads; its users write disjoint parts.
#[derive(Clone, Copy)]
pub(crate) struct Disjoint(*mut f32);

// SAFETY: each task writes its own part of the buffer, which outlives the parallel loop.
unsafe impl Send for Disjoint {}
// SAFETY: as above.
unsafe impl Sync for Disjoint {}

impl Disjoint {
    pub(crate) fn new(values: &mut [f32]) -> Self {
        Self(values.as_mut_ptr())
    }

    /// The element at `index`.
    ///
    /// # Safety
    /// `index` is inside the buffer, and no other task touches what is written through it.
    pub(crate) unsafe fn at(&self, index: usize) -> *mut f32 {
        unsafe { self.0.add(index) }
    }
}
