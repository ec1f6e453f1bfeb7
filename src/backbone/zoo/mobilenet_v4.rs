//! MobileNetV4 (Qin et al. 2024), the convolutional variants, as trained by timm.
//!
//! Features are the input of its classifier: the pooled maps after one more layer.

use super::{Forward, Network, names::Source};
use candle_core::{Module, Result};
use candle_nn::VarBuilder;
use candle_transformers::models::mobilenetv4::{Config, mobilenetv4};

/// Width of the layer before the classifier.
const WIDTH: usize = 1280;

pub(super) enum MobileNetV4 {
    Small,
    Medium,
}

impl Network for MobileNetV4 {
    fn source(&self, name: &str, shape: &[usize]) -> Source {
        match name {
            "classifier.weight" | "classifier.bias" => Source::identity(shape),
            // Only variants with attention have it.
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
        Ok(Box::new(move |image| network.forward(image)))
    }
}
