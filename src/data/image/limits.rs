//! Memory for decoding, shared by all threads: large images wait for each other, and one that would not fit is refused
//! before anything is allocated for it.

use crate::memory;
use std::sync::{Condvar, Mutex, PoisonError};

/// Smaller needs are not counted: a thread holds one image at a time.
const SMALL: u64 = 16 << 20;
/// Large images are held together up to this, whatever the number of threads. A larger one is held alone.
const TOGETHER: u64 = 1 << 30;
/// The share of free memory that one image may take.
const SHARE: u64 = 4;
/// What one image may always take.
const LEAST: u64 = 256 << 20;
/// What one image may take where free memory is unknown.
const UNKNOWN: u64 = 4 << 30;

static HELD: Mutex<u64> = Mutex::new(0);
static FREED: Condvar = Condvar::new();

/// Memory that an image holds until this is dropped.
#[derive(Debug, Default)]
pub(in crate::data) struct Held(u64);

/// An image that is too large for this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::data) struct TooLarge {
    /// The bytes it takes.
    pub(in crate::data) needs: u64,
    /// The most that an image may take now.
    pub(in crate::data) most: u64,
}

impl Held {
    /// Takes `bytes` more, while others that hold much are waited for. What was held is given back first: no thread
    /// waits while it holds something.
    ///
    /// # Errors
    /// If so much is not to be had at all.
    pub(in crate::data) fn grow(&mut self, bytes: u64) -> Result<(), TooLarge> {
        let needs = self.0.saturating_add(bytes);
        drop(std::mem::take(self));
        if needs > SMALL {
            let most = memory::available().map_or(UNKNOWN, |free| (free / SHARE).max(LEAST));
            if needs > most {
                return Err(TooLarge { needs, most });
            }
            let held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
            let full = |held: &mut u64| *held > 0 && *held + needs > TOGETHER;
            *FREED.wait_while(held, full).unwrap_or_else(PoisonError::into_inner) += needs;
        }
        self.0 = needs;
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.0 > SMALL {
            *HELD.lock().unwrap_or_else(PoisonError::into_inner) -= self.0;
            FREED.notify_all();
        }
    }
}

/// `bytes` zeros, or none if the system does not give so much.
pub(in crate::data) fn zeros<T: Clone + Default>(count: usize) -> Option<Vec<T>> {
    let mut zeros = Vec::new();
    zeros.try_reserve_exact(count).ok()?;
    zeros.resize(count, T::default());
    Some(zeros)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

    #[test]
    fn more_than_there_is_is_refused() {
        let refused = Held::default().grow(1 << 60).unwrap_err();
        assert!(refused.needs == 1 << 60 && refused.most < 1 << 50, "{refused:?}");
        assert!(zeros::<u16>(usize::MAX / 4).is_none());
    }

    #[test]
    fn large_images_wait_for_each_other() {
        let (now, most) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let mut held = Held::default();
                    held.grow(100 << 20).unwrap();
                    held.grow(100 << 20).unwrap();
                    most.fetch_max(now.fetch_add(200, SeqCst) + 200, SeqCst);
                    std::thread::sleep(std::time::Duration::from_millis(20));
                    now.fetch_sub(200, SeqCst);
                });
            }
        });
        assert!(most.into_inner() <= 1024);
    }
}
