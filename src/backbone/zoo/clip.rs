//! The image towers of CLIP (Radford et al. 2021): <https://github.com/openai/CLIP>.
//!
//! Features are the class token after the last normalisation, before the projection into the space of texts.

use super::{Forward, Network, names::Source, transformer};
use candle_core::{Module, Result};
use candle_nn::VarBuilder;
use candle_transformers::models::clip::{
    text_model::Activation,
    vision_model::{ClipVisionConfig, ClipVisionTransformer},
};

/// Its shape.
pub(super) struct Clip(pub(super) ClipVisionConfig);

impl Clip {
    /// ViT-B/16.
    pub(super) fn base() -> Self {
        Self::of([768, 12, 12], [224, 16])
    }

    /// ViT-L/14.
    pub(super) fn large() -> Self {
        Self::of([1024, 24, 16], [224, 14])
    }

    /// An image tower of any shape.
    pub(super) fn of([width, depth, heads]: [usize; 3], [side, patch]: [usize; 2]) -> Self {
        Self(ClipVisionConfig {
            embed_dim: width,
            activation: Activation::QuickGelu,
            intermediate_size: 4 * width,
            num_hidden_layers: depth,
            num_attention_heads: heads,
            projection_dim: width, // unused
            num_channels: 3,
            image_size: side,
            patch_size: patch,
        })
    }
}

impl Network for Clip {
    fn source(&self, name: &str, shape: &[usize]) -> Source {
        match name {
            "embeddings.class_embedding" => Source::whole("cls_token", &[1, 1, shape[0]]),
            _ => transformer::source(name, shape),
        }
    }

    fn with(&self, weights: VarBuilder<'_>) -> Result<Forward> {
        let network = ClipVisionTransformer::new(weights, &self.0)?;
        Ok(Box::new(move |image| network.forward(image)))
    }
}
