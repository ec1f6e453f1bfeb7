//! EfficientNet-B0 (Tan and Le 2019) with TensorFlow's padding: <https://github.com/tensorflow/tpu>.
//!
//! Features are the mean over the last maps, the input of its classifier.

use super::{Forward, Network, names::Source};
use candle_core::{Module, Result};
use candle_nn::VarBuilder;
use candle_transformers::models::efficientnet::{EfficientNet as Theirs, MBConvConfig};

/// Width of the last maps.
const WIDTH: usize = 1280;
/// Stages of blocks.
const STAGES: usize = 7;

pub(super) struct EfficientNet;

impl Network for EfficientNet {
    /// candle-transformers has torchvision's names: `features.2.0.block.1.0.weight`.
    fn source(&self, name: &str, shape: &[usize]) -> Source {
        let parts: Vec<&str> = name.split('.').collect();
        let name = match parts[..] {
            ["classifier", ..] => return Source::identity(shape),
            ["features", "0", "0", last] => format!("conv_stem.{last}"),
            ["features", "0", "1", last] => format!("bn1.{last}"),
            ["features", stage, at, last] => {
                debug_assert_eq!(stage, (STAGES + 1).to_string());
                let layer = if at == "0" { "conv_head" } else { "bn2" };
                format!("{layer}.{last}")
            }
            ["features", stage, block, "block", layer, part, last] => {
                let stage = stage.parse::<usize>().expect("a number") - 1;
                // The first stage does not widen its maps.
                let layers: &[[&str; 2]] = match stage {
                    0 => &[["conv_dw", "bn1"], ["se"; 2], ["conv_pw", "bn2"]],
                    _ => &[["conv_pw", "bn1"], ["conv_dw", "bn2"], ["se"; 2], ["conv_pwl", "bn3"]],
                };
                let names = layers[layer.parse::<usize>().expect("a number")];
                let layer = match part {
                    "fc1" => "se.conv_reduce",
                    "fc2" => "se.conv_expand",
                    _ => names[part.parse::<usize>().expect("a number")],
                };
                format!("blocks.{stage}.{block}.{layer}.{last}")
            }
            _ => return Source::Missing,
        };
        Source::whole(name, shape)
    }

    fn with(&self, weights: VarBuilder<'_>) -> Result<Forward> {
        let network = Theirs::new(weights, MBConvConfig::b0(), WIDTH)?;
        Ok(Box::new(move |image| network.forward(image)))
    }
}
