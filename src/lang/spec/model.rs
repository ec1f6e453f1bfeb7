//! What is trained: a backbone, where its weights start, and how channels come in.

use super::{Adapter, Backbone};
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

/// Where training starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Weights {
    /// timm's random initial weights.
    Scratch,
    /// timm's `convnext_*.fb_in22k` weights, found as `--weights`, `$DICHROIC_WEIGHTS` or in the Hugging Face cache.
    #[serde(rename = "imagenet22k")]
    ImageNet22k,
    /// torchvision's `IMAGENET1K_V1` weights of a ResNet, DeiT's of a ViT: timm's `resnet*.tv_in1k` and
    /// `deit_*_patch16_224.fb_in1k`, found in the same places.
    #[serde(rename = "imagenet1k")]
    ImageNet1k,
    /// Meta's weights from 142 million images: timm's `vit_*_dinov2.lvd142m`, found in the same places.
    #[serde(rename = "lvd142m")]
    Lvd142m,
    /// The weights that timm's name of an `OffTheShelf` network names, found in the same places.
    Published,
    /// Those of a file.
    File {
        /// Its path, or its name in the folders where weights are looked for.
        name: String,
        /// BLAKE3 of what it contains, once it was found.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        contents: Option<String>,
    },
    /// The same backbone, trained once on simulated three-channel images. Takes the place of ImageNet in `quick`.
    SimulatedPretrain,
    /// The same for longer, on more images.
    SimulatedPretrainLong,
}

/// How long a backbone is trained on simulated images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PretrainLength {
    /// 150 steps on 1,600 images.
    Short,
    /// 2,500 steps on 16,000 images.
    Long,
}

impl PretrainLength {
    /// What is not written.
    pub fn is_short(&self) -> bool {
        *self == Self::Short
    }
}

impl Weights {
    /// How long the backbone is trained on simulated images first, if it is.
    pub fn simulated(&self) -> Option<PretrainLength> {
        match self {
            Self::SimulatedPretrain => Some(PretrainLength::Short),
            Self::SimulatedPretrainLong => Some(PretrainLength::Long),
            Self::Scratch
            | Self::ImageNet22k
            | Self::ImageNet1k
            | Self::Lvd142m
            | Self::Published
            | Self::File { .. } => None,
        }
    }
}

impl fmt::Display for Weights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File { name, .. } => return f.write_str(name),
            Self::Scratch => "random",
            Self::ImageNet22k => "ImageNet-22k",
            Self::ImageNet1k => "ImageNet-1k",
            Self::Lvd142m => "LVD-142M",
            Self::Published => "published",
            Self::SimulatedPretrain => "simulated",
            Self::SimulatedPretrainLong => "simulated, long",
        })
    }
}
