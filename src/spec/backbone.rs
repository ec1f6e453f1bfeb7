//! What is trained: a backbone, where its weights start, and how channels come in ([`Adapter`]).

use super::{Adapter, ZooModel};
use serde::{Deserialize, Serialize};
use std::fmt;

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
    /// ResNet (He et al. 2016) as torchvision has it. Off the shelf only.
    ResNet {
        /// Its depth.
        size: ResNetSize,
    },
    /// The vision transformer of DINOv2 (Oquab et al. 2023; Darcet et al. 2023). Off the shelf only.
    DinoV2 {
        /// Its width, and whether it has registers.
        size: DinoV2Size,
    },
    /// A network that candle-transformers computes, where this program was built with it. Off the shelf only.
    Zoo {
        /// Which.
        model: ZooModel,
    },
}

impl Backbone {
    /// Whether it is here with its published weights alone, behind no adapter but ChannelReplication, and never trained.
    pub fn is_off_the_shelf(&self) -> bool {
        !matches!(self, Self::ConvNext { .. })
    }

    /// The weights that were published for its kind; of a ConvNeXt not for every size ([`Self::starts_from`]).
    pub fn published(&self) -> Weights {
        match self {
            Self::ConvNext { .. } => Weights::ImageNet22k,
            Self::ResNet { .. } => Weights::ImageNet1k,
            Self::DinoV2 { .. } => Weights::Lvd142m,
            Self::Zoo { .. } => Weights::Published,
        }
    }

    /// Whether there are such weights for it.
    pub fn starts_from(&self, weights: &Weights) -> bool {
        use ConvNextSize::{Base, Small, Tiny};
        match (self, weights) {
            (Self::ConvNext { size, .. }, Weights::ImageNet22k) => matches!(size, Tiny | Small | Base),
            (Self::ConvNext { .. }, Weights::SimulatedPretrain) | (_, Weights::Scratch) => true,
            _ => *weights == self.published(),
        }
    }
}

impl fmt::Display for Backbone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConvNext { size, .. } => write!(f, "ConvNeXt-{size:?}"),
            Self::ResNet { size: ResNetSize::R18 } => f.write_str("ResNet-18"),
            Self::ResNet { size: ResNetSize::R50 } => f.write_str("ResNet-50"),
            Self::DinoV2 { size: DinoV2Size::SmallReg } => f.write_str("DINOv2 ViT-S/14 with registers"),
            Self::Zoo { model } => f.write_str(model.facts().title),
        }
    }
}

/// Depth of a ResNet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResNetSize {
    /// 2, 2, 2, 2 basic blocks, 512 features.
    R18,
    /// 3, 4, 6, 3 bottlenecks, 2048 features.
    R50,
}

/// A vision transformer of DINOv2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DinoV2Size {
    /// ViT-S/14 with four registers: 12 blocks, 384 features.
    SmallReg,
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
    /// torchvision's `IMAGENET1K_V1` weights of a ResNet: timm's `resnet*.tv_in1k`, found in the same places.
    #[serde(rename = "imagenet1k")]
    ImageNet1k,
    /// Meta's weights from 142 million images: timm's `vit_*_dinov2.lvd142m`, found in the same places.
    #[serde(rename = "lvd142m")]
    Lvd142m,
    /// The weights that timm's name of a network of the zoo names, found in the same places.
    Published,
    /// The same backbone, trained once on simulated three-channel images. Takes the place of ImageNet in `quick`.
    SimulatedPretrain,
}

impl fmt::Display for Weights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scratch => "random",
            Self::ImageNet22k => "ImageNet-22k",
            Self::ImageNet1k => "ImageNet-1k",
            Self::Lvd142m => "LVD-142M",
            Self::Published => "published",
            Self::SimulatedPretrain => "simulated",
        })
    }
}
