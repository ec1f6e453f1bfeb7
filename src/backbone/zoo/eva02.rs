//! EVA-02 (Fang et al. 2023) at 448 px: <https://github.com/baaivision/EVA>.
//!
//! Features are the normalised mean of the patches, the input of its classifier.

use super::{Forward, Network, names::Source};
use candle_core::{Module, Result};
use candle_nn::{VarBuilder, layer_norm};
use candle_transformers::models::eva2::EVA2VisionTransformer;

/// Patches along a side.
const GRID: usize = 32;
/// Patches along a side in its first training, which defines the scale of positions.
const FIRST_GRID: f64 = 16.0;
/// Angles per axis.
const BANDS: usize = 16;
/// Ratio of the highest to the lowest angle.
const TEMPERATURE: f64 = 10_000.0;

/// Its shape; a head is 64 wide.
pub(super) struct Eva02 {
    pub(super) width: usize,
    pub(super) depth: usize,
}

impl Eva02 {
    pub(super) fn base() -> Self {
        Self { width: 768, depth: 12 }
    }

    pub(super) fn large() -> Self {
        Self { width: 1024, depth: 24 }
    }
}

impl Network for Eva02 {
    fn source(&self, name: &str, shape: &[usize]) -> Source {
        match name {
            "rot_pos_embed" => Source::Made(rotations()),
            // Layers after the features; the zeros are not used.
            "head.weight" | "head.bias" => Source::Made(vec![0.0; shape.iter().product()]),
            "norm.weight" => Source::whole("fc_norm.weight", shape),
            "norm.bias" => Source::whole("fc_norm.bias", shape),
            _ => Source::whole(name, shape),
        }
    }

    fn with(&self, weights: VarBuilder<'_>) -> Result<Forward> {
        let &Self { width, depth } = self;
        let norm = layer_norm(width, 1e-6, weights.pp("norm"))?;
        let network = EVA2VisionTransformer::new(weights, depth, width, width / 64)?;
        Ok(Box::new(move |image| {
            let patches = network.get_intermediate_layers(image, &[depth - 1], false, false, false)?;
            norm.forward(&patches.squeeze(0)?.mean(1)?)
        }))
    }
}

/// Sines, then cosines, of the rotations of each patch's queries and keys; each angle rotates two numbers.
fn rotations() -> Vec<f32> {
    let mut all = Vec::with_capacity(GRID * GRID * 8 * BANDS);
    for patch in 0..GRID * GRID {
        let at = [patch / GRID, patch % GRID].map(|at| at as f64 / GRID as f64 * FIRST_GRID);
        for wave in [libm::sin, libm::cos] {
            for at in at {
                for band in 0..BANDS {
                    let angle = at * libm::pow(TEMPERATURE, -(band as f64) / BANDS as f64);
                    all.extend([wave(angle) as f32; 2]);
                }
            }
        }
    }
    all
}
