//! What is trained: a backbone, where its weights start, and how channels come in ([`Adapter`]).

use super::Adapter;
use serde::{Deserialize, Serialize};

/// A feature extractor for images whose channels vary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// The network behind the first layer.
    pub backbone: Backbone,
    /// Where training starts.
    pub weights: Weights,
    /// The first layer.
    pub adapter: Adapter,
}

/// Every backbone there is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Backbone {
    /// ConvNeXt (Liu et al. 2022), with timm's names and sizes.
    ConvNext {
        /// Depths and widths.
        size: ConvNextSize,
        /// Probability of dropping the residual branch of the last block; earlier blocks less, linearly. CHAMMI: 0.
        drop_path: f64,
    },
}

/// Depths and widths of a ConvNeXt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConvNextSize {
    /// 1, 1, 2, 1 blocks of 32, 64, 128, 256 channels. Ours: for small data and laptops, and what
    /// `--scale quick` trains.
    Mini,
    /// 2, 2, 6, 2 blocks of 40, 80, 160, 320 channels.
    Atto,
    /// 2, 2, 6, 2 blocks of 48, 96, 192, 384 channels.
    Femto,
    /// 2, 2, 6, 2 blocks of 64, 128, 256, 512 channels.
    Pico,
    /// 2, 2, 8, 2 blocks of 80, 160, 320, 640 channels.
    Nano,
    /// 3, 3, 9, 3 blocks of 96, 192, 384, 768 channels. The one of the CHAMMI paper.
    Tiny,
    /// 3, 3, 27, 3 blocks of 96, 192, 384, 768 channels.
    Small,
    /// 3, 3, 27, 3 blocks of 128, 256, 512, 1024 channels.
    Base,
}

impl ConvNextSize {
    /// Blocks in each of the four stages.
    pub fn depths(self) -> [usize; 4] {
        match self {
            Self::Mini => [1, 1, 2, 1],
            Self::Atto | Self::Femto | Self::Pico => [2, 2, 6, 2],
            Self::Nano => [2, 2, 8, 2],
            Self::Tiny => [3, 3, 9, 3],
            Self::Small | Self::Base => [3, 3, 27, 3],
        }
    }

    /// Channels in each of the four stages.
    pub fn widths(self) -> [usize; 4] {
        let first = match self {
            Self::Mini => 32,
            Self::Atto => 40,
            Self::Femto => 48,
            Self::Pico => 64,
            Self::Nano => 80,
            Self::Tiny | Self::Small => 96,
            Self::Base => 128,
        };
        [first, 2 * first, 4 * first, 8 * first]
    }
}

/// Where training starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Weights {
    /// timm's random initial weights.
    Scratch,
    /// timm's `convnext_*.fb_in22k` weights, found as `--weights`, `$DICHROIC_WEIGHTS` or in the Hugging Face cache.
    #[serde(rename = "imagenet22k")]
    ImageNet22k,
    /// The same backbone, trained once on simulated three-channel images. Takes the place of ImageNet in `quick`.
    SimulatedPretrain,
}
