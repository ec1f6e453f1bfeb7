//! Asynchronous host-to-device copies through pinned memory, from which the GPU fetches while the program
//! continues. They run on the single stream: they arrive before anything launched later, and do not disturb
//! anything launched earlier.

use candle_core::{
    CudaDevice, CudaStorage, DType, Error, Result, Shape, Storage, Tensor, WithDType,
    cuda_backend::{
        CudaStorageSlice,
        cudarc::driver::{CudaEvent, CudaSlice, DevicePtr, DeviceRepr, PinnedHostSlice, result},
    },
};
use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

/// Pinned buffers, reused over many steps.
const PIECES: usize = 32;

/// A buffer, and when it was last fetched from.
struct Piece {
    memory: PinnedHostSlice<u8>,
    fetched: CudaEvent,
}

/// Buffers that are not being filled, least recently used first.
static RESTING: Mutex<VecDeque<Piece>> = Mutex::new(VecDeque::new());

/// Copies numbers to a GPU without waiting for the transfer.
pub(crate) fn send<T: WithDType>(values: &[T], device: &CudaDevice) -> Result<Tensor> {
    // SAFETY: the types below are plain numbers.
    let bytes = unsafe { std::slice::from_raw_parts(values.as_ptr().cast::<u8>(), size_of_val(values)) };
    let slice = match T::DTYPE {
        DType::U8 => CudaStorageSlice::U8(fetched::<u8>(bytes, device)?),
        DType::U32 => CudaStorageSlice::U32(fetched::<u32>(bytes, device)?),
        DType::I64 => CudaStorageSlice::I64(fetched::<i64>(bytes, device)?),
        DType::F32 => CudaStorageSlice::F32(fetched::<f32>(bytes, device)?),
        other => candle_core::bail!("cannot send {other:?} to a GPU"),
    };
    let storage = Storage::Cuda(CudaStorage { slice, device: device.clone() });
    Ok(Tensor::from_storage(storage, Shape::from(values.len()), candle_core::op::BackpropOp::none(), false))
}

fn fetched<T: DeviceRepr>(bytes: &[u8], device: &CudaDevice) -> Result<CudaSlice<T>> {
    let stream = device.cuda_stream();
    let count = bytes.len() / size_of::<T>();
    // SAFETY: all of it is written by the copy below.
    let there = unsafe { stream.alloc::<T>(count) }.map_err(Error::wrap)?;
    if count == 0 {
        return Ok(there);
    }
    let mut piece = piece(bytes.len(), device)?;
    piece.memory.as_mut_slice().map_err(Error::wrap)?[..bytes.len()].copy_from_slice(bytes);
    let from = &piece.memory.as_slice().map_err(Error::wrap)?[..bytes.len()];
    let (address, _) = there.device_ptr(&stream);
    // SAFETY: the buffer has room for these bytes, and is not written again before they have been fetched.
    unsafe { result::memcpy_htod_async(address, from, stream.cu_stream()) }.map_err(Error::wrap)?;
    piece.fetched.record(&stream).map_err(Error::wrap)?;
    RESTING.lock().unwrap_or_else(PoisonError::into_inner).push_back(piece);
    Ok(there)
}

/// A buffer of at least `bytes` bytes that no transfer uses any more.
fn piece(bytes: usize, device: &CudaDevice) -> Result<Piece> {
    let context = device.cuda_stream().context().clone();
    context.bind_to_thread().map_err(Error::wrap)?;
    let mut resting = RESTING.lock().unwrap_or_else(PoisonError::into_inner);
    let fits = |piece: &Piece| piece.memory.len() >= bytes && piece.memory.len() / 4 <= bytes.max(4096);
    if let Some(at) = resting.iter().position(|piece| fits(piece) && piece.fetched.is_complete()) {
        return Ok(resting.remove(at).expect("it was there"));
    }
    if resting.len() >= PIECES {
        let oldest = resting.pop_front().expect("there are some");
        oldest.fetched.synchronize().map_err(Error::wrap)?;
        if fits(&oldest) {
            return Ok(oldest);
        }
    }
    drop(resting);
    // SAFETY: it is written before it is fetched from.
    let memory = unsafe { context.alloc_pinned_with_flags::<u8>(bytes.next_power_of_two(), 0) };
    Ok(Piece { memory: memory.map_err(Error::wrap)?, fetched: context.new_event(None).map_err(Error::wrap)? })
}
