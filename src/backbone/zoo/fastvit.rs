//! FastViT (Vasu et al. 2023) with the branches of its training merged:
//! <https://github.com/apple/ml-fastvit>.
//!
//! Features are the mean over the last maps, the input of its classifier.

use super::{Forward, Network, names::Source};
use candle_core::{D, Module, Result};
use candle_nn::VarBuilder;
use candle_transformers::models::fastvit::{Config, fastvit_no_final_layer};

pub(super) enum FastVit {
    T8,
    Sa12,
}

impl FastVit {
    /// Whether timm's network has this layer; candle-transformers requests every branch of every block.
    fn has(&self, name: &str) -> bool {
        let inside = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
        let narrow = inside(&["stem.2.", "proj.1."]);
        let only_identity = inside(&["token_mixer.norm."]);
        let changes_shape = inside(&["stem.0.", "stem.1.", "final_conv."]);
        if name.contains(".conv_kxk.") {
            !only_identity
        } else if name.contains(".conv_scale.") {
            !only_identity && !narrow
        } else if name.contains(".identity.") {
            !changes_shape
        } else if name.contains(".se.") {
            name.starts_with("final_conv.")
        } else if name.contains(".pos_emb.") {
            matches!(self, Self::Sa12) && name.starts_with("stages.3.")
        } else {
            !name.starts_with("stages.0.downsample.")
        }
    }
}

impl Network for FastVit {
    fn source(&self, name: &str, shape: &[usize]) -> Source {
        if self.has(name) { Source::whole(name, shape) } else { Source::Missing }
    }

    fn with(&self, weights: VarBuilder<'_>) -> Result<Forward> {
        let config = match self {
            Self::T8 => Config::t8(),
            Self::Sa12 => Config::sa12(),
        };
        let network = fastvit_no_final_layer(&config, weights)?;
        Ok(Box::new(move |image| network.forward(image)?.mean(D::Minus1)?.mean(D::Minus1)))
    }
}
