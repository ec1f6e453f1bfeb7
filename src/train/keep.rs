//! How many parts of a batch keep their tape for the backward pass.
//!
//! A part that keeps its tape is only run backwards; another one is first run forwards again, which costs at
//! most a third of a step. The results are the same.

use crate::device;
use candle_core::Device;

/// Which parts of a batch keep their tape until the loss is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// All of them.
    #[default]
    All,
    /// The first `n` of each set.
    First(usize),
    /// As many as leave at most this many bytes in use where models are computed. The first part of each set
    /// always keeps its tape: running it again would take as much. All parts if bytes are not counted.
    Within(u64),
}

/// The share of free memory that a training uses by default; the rest is for memory that is not counted.
const SHARE: f64 = 0.85;

/// Memory of a backward pass in addition to the tape, as a share of the tape of a part.
const WORKING: f64 = 0.25;

impl Keep {
    /// What fits into the memory that is free now; all if that is unknown.
    pub fn free(device: &Device) -> Self {
        match device::available(device) {
            Some(free) => Self::Within(device::in_use(device) + (free as f64 * SHARE) as u64),
            None => Self::All,
        }
    }

    /// Starts counting the tapes of a set's parts, of which the longest has `rows` rows. `fixed`: bytes that
    /// will be needed in any case, such as gradients.
    pub(super) fn begin(self, device: &Device, rows: usize, fixed: u64) -> Kept {
        Kept { keep: self, device: device.clone(), rows, fixed, before: device::in_use(device), per_row: 0.0 }
    }

    /// How many of `parts` parts keep their tape, if one takes `tape` bytes and `used` bytes are already in
    /// use.
    pub fn count(self, parts: usize, tape: f64, used: f64) -> usize {
        match self {
            Self::All => parts,
            Self::First(count) => count.min(parts),
            Self::Within(most) => {
                let room = most as f64 - used - WORKING * tape;
                ((room / tape.max(1.0)) as usize).clamp(1, parts.max(1))
            }
        }
    }

    /// Peak memory of a set with `parts` parts in addition to the bytes `used` already, if a tape takes
    /// `tape`.
    pub fn peak(self, parts: usize, tape: f64, used: f64) -> f64 {
        (self.count(parts, tape, used).max(1) as f64 + WORKING) * tape
    }
}

/// The tapes that a set's parts have kept so far.
pub(super) struct Kept {
    keep: Keep,
    device: Device,
    rows: usize,
    fixed: u64,
    /// Bytes in use before the first part.
    before: u64,
    /// Bytes per row of the first part's tape.
    per_row: f64,
}

impl Kept {
    /// Whether the next part, with this number, keeps its tape.
    pub(super) fn keeps(&self, number: usize) -> bool {
        match self.keep {
            Keep::All => true,
            Keep::First(count) => number < count,
            Keep::Within(_) if number == 0 => true,
            Keep::Within(most) => {
                let tape = self.per_row * self.rows as f64;
                let now = (device::in_use(&self.device) + self.fixed) as f64;
                now + (1.0 + WORKING) * tape <= most as f64
            }
        }
    }

    /// Measures the size of a tape after the first part has kept its own.
    pub(super) fn learn(&mut self, number: usize, rows: usize) {
        if number == 0 {
            let taken = device::in_use(&self.device).saturating_sub(self.before);
            self.per_row = taken as f64 / rows.max(1) as f64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_tapes_are_kept_as_fit() {
        let within = Keep::Within(1000);
        assert_eq!([50.0, 100.0, 400.0, 5000.0].map(|tape| within.count(7, tape, 100.0)), [7, 7, 2, 1]);
        assert_eq!([120.0, 200.0].map(|tape| within.count(7, tape, 100.0)), [7, 4]);
        assert_eq!([Keep::All.count(7, 1.0, 0.0), Keep::First(3).count(7, 1.0, 0.0)], [7, 3]);
        assert!((within.peak(7, 200.0, 100.0) - 850.0).abs() < 1e-9);
    }

    #[test]
    fn where_bytes_are_counted_only_what_fits_is_kept() {
        // Tests run without an allocator that counts.
        let mut kept = Keep::Within(0).begin(&Device::Cpu, 20, 0);
        assert!(kept.keeps(0));
        kept.learn(0, 20);
        kept.per_row = 1.0;
        assert!(!kept.keeps(1));
        kept.keep = Keep::Within(25);
        assert!(kept.keeps(1));
        kept.fixed = 1;
        assert!(!kept.keeps(1));
    }
}
