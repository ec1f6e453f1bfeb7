//! Initial weights of a first layer: a switch that several adapters share.

use serde::{Deserialize, Serialize};

/// Initial weights of a first layer, given the backbone's own stem with its three input slices S0, S1, S2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FirstLayer {
    /// Random: normal with He's standard deviation.
    Random,
    /// S0, S1, S2, and random slices for further channels.
    PadRandom,
    /// S0, S1, S2, and averages for further channels: a single fourth one (S0 + S1 + S2) / 3; two more (S0 +
    /// S1) / 2 and (S1 + S2) / 2.
    PadAverage,
    /// Each slice repeated until all channels have one: S0, S0, S0, S1, S1, S1, S2, S2 for a bank of eight.
    PadDuplicates,
}
