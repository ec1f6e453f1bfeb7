//! Profiles a GPU: how long each kernel and each matrix product took, on the GPU's own clock.
//!
//! Two events surround each launch in the stream. While the GPU is behind the program, as in steps of a large
//! batch, their distance is the duration of the work. Where the GPU waits for the program, the wait for the
//! launch between them is included: the sum is then close to the time of the step, and time that is missing
//! is not spent in kernels.

use super::{Arg, Gpu, product::Call};
use candle_core::{DType, Result};
use std::{cell::RefCell, collections::BTreeMap};

thread_local! {
    static TAKEN: RefCell<Option<Vec<Launch>>> = const { RefCell::new(None) };
}

/// All launches of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    /// The kernel, or the shape of the product.
    pub name: String,
    /// Number of launches.
    pub calls: usize,
    /// Their total duration in milliseconds.
    pub ms: f64,
    /// Bytes of their argument tensors, each counted once per launch: a lower bound of the memory traffic.
    pub bytes: u64,
    /// Multiplications and additions of matrix products; 0 for kernels.
    pub operations: u64,
}

/// One launch and its events.
struct Launch {
    what: Share,
    began: Moment,
    ended: Moment,
}

/// An event on a GPU.
enum Moment {
    #[cfg(feature = "cuda")]
    Cuda(super::cuda::Moment),
    #[cfg(any(test, feature = "testing"))]
    Host(std::time::Instant),
}

/// Everything that this thread launches on GPUs during `work`, the longest first. Nothing is launched on the
/// CPU.
///
/// # Errors
/// If `work` fails, or the GPU cannot measure the time.
pub fn profile<T>(work: impl FnOnce() -> Result<T>) -> Result<(T, Vec<Share>)> {
    TAKEN.set(Some(vec![]));
    let result = work();
    let taken = TAKEN.take().unwrap_or_default();
    let result = result?;
    let mut shares = BTreeMap::<String, Share>::new();
    for Launch { mut what, began, ended } in taken {
        what.ms = began.until(&ended)?;
        match shares.get_mut(&what.name) {
            None => drop(shares.insert(what.name.clone(), what)),
            Some(known) => {
                known.calls += what.calls;
                known.ms += what.ms;
                known.bytes += what.bytes;
                known.operations += what.operations;
            }
        }
    }
    let mut shares: Vec<Share> = shares.into_values().collect();
    shares.sort_by(|a, b| b.ms.total_cmp(&a.ms));
    Ok((result, shares))
}

impl Gpu {
    /// Launches something, between two events if it is being profiled.
    pub(super) fn timed(
        &self,
        what: impl FnOnce() -> Share,
        launch: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        if TAKEN.with_borrow(Option::is_none) {
            return launch();
        }
        let began = self.moment()?;
        launch()?;
        let ended = self.moment()?;
        TAKEN.with_borrow_mut(|taken| {
            if let Some(taken) = taken {
                taken.push(Launch { what: what(), began, ended });
            }
        });
        Ok(())
    }

    fn moment(&self) -> Result<Moment> {
        match self {
            #[cfg(feature = "cuda")]
            Self::Cuda(cuda) => cuda.moment().map(Moment::Cuda),
            #[cfg(any(test, feature = "testing"))]
            Self::Emulated => Ok(Moment::Host(std::time::Instant::now())),
            #[cfg(not(any(feature = "cuda", feature = "testing", test)))]
            _ => super::nowhere(()),
        }
    }
}

impl Moment {
    /// Milliseconds; waits for both events.
    fn until(&self, later: &Self) -> Result<f64> {
        match (self, later) {
            #[cfg(feature = "cuda")]
            (Self::Cuda(began), Self::Cuda(ended)) => began.until(ended),
            #[cfg(any(test, feature = "testing"))]
            (Self::Host(began), Self::Host(ended)) => Ok((*ended - *began).as_secs_f64() * 1e3),
            #[cfg(all(feature = "cuda", any(test, feature = "testing")))]
            _ => candle_core::bail!("moments of two devices"),
            #[cfg(not(any(feature = "cuda", feature = "testing", test)))]
            _ => super::nowhere(()),
        }
    }
}

/// The description of a kernel's launch.
pub(super) fn kernel(name: &str, args: &[Arg<'_>]) -> Share {
    let bytes = |arg: &Arg<'_>| match arg {
        Arg::Tensor(tensor) => (tensor.elem_count() * tensor.dtype().size_in_bytes()) as u64,
        _ => 0,
    };
    let format = |arg: &Arg<'_>| match arg {
        Arg::Tensor(tensor) if tensor.dtype() == DType::BF16 => " bf16",
        _ => "",
    };
    let format = args.iter().map(format).max().unwrap_or_default();
    let bytes = args.iter().map(bytes).sum();
    Share { name: format!("{name}{format}"), calls: 1, ms: 0.0, bytes, operations: 0 }
}

/// The description of a matrix product: `product 42×768 · 768×3072 bf16`.
pub(super) fn product(call: &Call<'_>) -> Share {
    let Call { m, n, k, count, .. } = *call;
    let format = match (call.a.values.dtype(), call.rounded) {
        (DType::BF16, _) => "bf16",
        (_, true) => "tf32",
        _ => "f32",
    };
    let turned = |turned: bool| if turned { "ᵀ" } else { "" };
    let (left, right) = (turned(call.b.transposed), turned(call.a.transposed));
    let times = if count == 1 { String::new() } else { format!("{count} × ") };
    let size = |dtype: DType, count: usize| (dtype.size_in_bytes() * count) as u64;
    let bytes = size(call.b.values.dtype(), n * k)
        + size(call.a.values.dtype(), k * m)
        + size(call.out.values.dtype(), n * m);
    Share {
        name: format!("product {times}{n}×{k}{left} · {k}×{m}{right} {format}"),
        calls: 1,
        ms: 0.0,
        bytes: bytes * count as u64,
        operations: 2 * (m * n * k * count) as u64,
    }
}
