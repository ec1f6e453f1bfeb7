//! Where a GPU's time goes: how long each kernel and each matrix product took, by the GPU's own clock.
//!
//! Two events surround each launch in the stream. While the GPU is behind the program, as in steps of a large batch, they are as
//! far apart as the work took. Where it waits for the program, the wait for the launch between them is counted too: then the
//! sum comes near the time of the step, and what is missing is not the kernels' fault.

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
    /// How many.
    pub calls: usize,
    /// What they took together, in milliseconds.
    pub ms: f64,
    /// Bytes of the tensors that they were given, each counted once a launch: they moved no fewer.
    pub bytes: u64,
    /// Multiplications and additions of matrix products; of kernels, they are not counted.
    pub operations: u64,
}

/// One launch, and what its events will say.
struct Launch {
    what: Share,
    began: Moment,
    ended: Moment,
}

/// A point in the GPU's course.
enum Moment {
    #[cfg(feature = "cuda")]
    Cuda(super::cuda::Moment),
    #[cfg(any(test, feature = "testing"))]
    Here(std::time::Instant),
}

/// What this thread launches on GPUs during `work`, the longest first. On the CPU nothing is launched.
///
/// # Errors
/// If `work` fails, or the GPU does not say how long it took.
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
    /// Launches something, between two events if somebody wants to know.
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
            Self::Emulated => Ok(Moment::Here(std::time::Instant::now())),
            #[cfg(not(any(feature = "cuda", feature = "testing", test)))]
            _ => super::nowhere(()),
        }
    }
}

impl Moment {
    /// Milliseconds; waits until they are over.
    fn until(&self, later: &Self) -> Result<f64> {
        match (self, later) {
            #[cfg(feature = "cuda")]
            (Self::Cuda(began), Self::Cuda(ended)) => began.until(ended),
            #[cfg(any(test, feature = "testing"))]
            (Self::Here(began), Self::Here(ended)) => Ok((*ended - *began).as_secs_f64() * 1e3),
            #[cfg(all(feature = "cuda", any(test, feature = "testing")))]
            _ => candle_core::bail!("moments of two devices"),
            #[cfg(not(any(feature = "cuda", feature = "testing", test)))]
            _ => super::nowhere(()),
        }
    }
}

/// What a kernel is given.
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

/// What a matrix product is: `product 42×768 · 768×3072 bf16`.
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
