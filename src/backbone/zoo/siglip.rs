//! The image towers of SigLIP (Zhai et al. 2023): <https://github.com/google-research/big_vision>.
//!
//! Features are the result of its attention pooling. GELU is exact, as in timm; the authors use the tanh
//! form.

use super::{
    Forward, Network,
    names::{Rows, Source},
    transformer,
};
use candle_core::{Module, Result};
use candle_nn::{Activation, VarBuilder};
use candle_transformers::models::siglip::{VisionConfig, VisionModel};

/// Its shape.
pub(super) struct Siglip(VisionConfig);

impl Siglip {
    /// ViT-B/16.
    pub(super) fn base() -> Self {
        Self::of([768, 12, 12], [224, 16])
    }

    /// An image tower of any shape.
    pub(super) fn of([width, depth, heads]: [usize; 3], [side, patch]: [usize; 2]) -> Self {
        Self(VisionConfig {
            hidden_size: width,
            intermediate_size: 4 * width,
            num_hidden_layers: depth,
            num_attention_heads: heads,
            num_channels: 3,
            image_size: side,
            patch_size: patch,
            hidden_act: Activation::Gelu,
            layer_norm_eps: 1e-6,
        })
    }
}

impl Network for Siglip {
    fn source(&self, name: &str, shape: &[usize]) -> Source {
        // timm stores the map of queries separately from that of keys and values.
        let queries_apart = |part: &str| {
            let rows = |share: usize, of: &str| {
                let mut shape = shape.to_vec();
                shape[0] = shape[0] / 3 * share;
                Rows::all(format!("attn_pool.{of}.{part}"), &shape)
            };
            Source::Published(vec![rows(1, "q"), rows(2, "kv")])
        };
        match name {
            "head.probe" => Source::whole("attn_pool.latent", shape),
            "head.attention.in_proj_weight" => queries_apart("weight"),
            "head.attention.in_proj_bias" => queries_apart("bias"),
            _ => match name.strip_prefix("head.mlp.") {
                Some(layer) => Source::whole(format!("attn_pool.mlp.{layer}"), shape),
                None => transformer::source(name, shape),
            },
        }
    }

    fn with(&self, weights: VarBuilder<'_>) -> Result<Forward> {
        let network = VisionModel::new(&self.0, true, weights)?;
        Ok(Box::new(move |image| network.forward(image)))
    }
}
