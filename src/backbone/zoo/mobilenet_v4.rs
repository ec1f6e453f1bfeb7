//! MobileNetV4 (Qin et al. 2024), the convolutional ones, as timm trained them.
//!
//! Features are what its classifier sees: the pooled maps behind one more layer.

use super::{Forward, Network, names::Source};
use candle_core::{Module, Result};
use candle_nn::VarBuilder;
use candle_transformers::models::mobilenetv4::{Config, mobilenetv4};

/// Width of the layer in front of the classifier.
const WIDTH: usize = 1280;

pub(super) enum MobileNetV4 {
    Small,
    Medium,
}

impl Network for MobileNetV4 {
    fn source(&self, name: &str, shape: &[usize]) -> Source {
        match name {
            "classifier.weight" | "classifier.bias" => Source::identity(shape),
            // Only those with attention have it.
            _ if name.ends_with("layer_scale.gamma") => Source::Missing,
            _ => Source::whole(name, shape),
        }
    }

    fn with(&self, weights: VarBuilder<'_>) -> Result<Forward> {
        let config = match self {
            Self::Small => Config::small(),
            Self::Medium => Config::medium(),
        };
        let network = mobilenetv4(&config, WIDTH, weights)?;
        Ok(Box::new(move |photograph| network.forward(photograph)))
    }
}
