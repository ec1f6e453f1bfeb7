//! Where a first layer starts: a switch that several adapters share.

use serde::{Deserialize, Serialize};

/// Where a first layer starts, given the backbone's own stem with its three input slices S0, S1, S2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FirstLayer {
    /// At random, normal with He's deviation.
    Random,
    /// S0, S1, S2, and further channels at random.
    PadRandom,
    /// S0, S1, S2, and further channels as averages: a fourth alone (S0 + S1 + S2) / 3; two more (S0 + S1) / 2 and
    /// (S1 + S2) / 2.
    PadAverage,
    /// Each slice so often in a row that all channels have one: S0, S0, S0, S1, S1, S1, S2, S2 for a bank of eight.
    PadDuplicates,
}
