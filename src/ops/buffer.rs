//! Looking into a tensor's memory: contiguous 32-bit floats on the CPU.

use candle_core::{CpuStorage, InplaceOp1, Layout, Result, Storage, Tensor};
use rayon::prelude::*;
use std::{
    cell::RefCell,
    ops::{Deref, Range},
};

/// Elements that one task of an elementwise operation handles; fixed, so that results do not depend on threads.
pub(crate) const CHUNK: usize = 16_384;

/// A tensor's values while it is being read, with candle's guard `G` over its memory.
struct Values<G> {
    storage: G,
    range: Range<usize>,
}

/// Opens a tensor for reading.
pub(crate) fn read(tensor: &Tensor) -> Result<impl Deref<Target = [f32]> + '_> {
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
pub(crate) fn write(tensor: &Tensor, change: impl FnOnce(&mut [f32])) -> Result<()> {
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
pub(crate) fn add_assign(sum: &Tensor, more: &Tensor) -> Result<()> {
    if sum.elem_count() != more.elem_count() {
        candle_core::bail!("gradients of shapes {:?} and {:?} do not add up", sum.dims(), more.dims());
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

/// A buffer whose contents are arbitrary; every user writes all of it before anything reads it.
#[allow(clippy::uninit_vec)]
pub(crate) fn uninit(len: usize) -> Vec<f32> {
    let mut values = Vec::with_capacity(len);
    // SAFETY: the capacity is there, every bit pattern is a float, and all of it is written before it is read.
    unsafe { values.set_len(len) };
    values
}

/// A pointer that may cross threads; its users write disjoint parts.
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
    /// `index` lies in the buffer, and no other task touches what is written through it.
    pub(crate) unsafe fn at(&self, index: usize) -> *mut f32 {
        unsafe { self.0.add(index) }
    }
}
