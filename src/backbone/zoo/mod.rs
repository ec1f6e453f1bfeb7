//! Frozen networks off the shelf that candle-transformers computes: feature `zoo`.
//!
//! These are the networks whose features equal timm's up to rounding, with the same weights
//! (`tests/golden/zoo.py`). Hiera and BEiT are missing because candle-transformers uses the tanh form of GELU
//! for them, which changes timm's features by 1e-4 and 6e-5 of the largest, on random weights.
//!
//! Their operations have no reverse pass on our tape, and their layer normalisation has none at all. So
//! nothing is recorded: [`OffTheShelf`] takes no tape, and the output of [`Zoo`] is detached from anything
//! that candle recorded.

mod clip;
mod efficientnet;
mod eva02;
mod fastvit;
mod mobilenet_v4;
mod names;
mod siglip;
#[cfg(test)]
mod tests;
mod transformer;

use super::OffTheShelf;
use crate::{
    params::{ParamId, Params, Published},
    spec::{NetworkFacts, NetworkModel},
};
use candle_core::{DType, Device, Result, Tensor};
use candle_nn::VarBuilder;
use names::{Asked, Given, Source};
use rayon::prelude::*;
use std::collections::HashMap;

/// Standard deviation of random tokens and positions.
const TOKEN_SD: f64 = 0.02;
/// Initial layer scales, as chosen by the authors.
const LAYER_SCALE: f32 = 1e-5;

/// A network of candle-transformers, with its parameters under timm's names.
pub struct Zoo {
    network: Box<dyn Network>,
    parameters: HashMap<String, ParamId>,
    facts: NetworkFacts,
    normalises: bool,
}

/// The forward pass of one RGB image (1, 3, H, W) to features (1, width).
type Forward = Box<dyn Fn(&Tensor) -> Result<Tensor> + Send + Sync>;

/// What distinguishes one network from another.
trait Network: Send + Sync {
    /// Where the tensor comes from that candle-transformers requests by this name and shape.
    fn source(&self, name: &str, shape: &[usize]) -> Source;

    /// The network with these weights.
    fn with(&self, weights: VarBuilder<'_>) -> Result<Forward>;
}

impl Zoo {
    /// Adds the parameters to `params`, with random values. `normalises`: whether the input still needs the
    /// mean and standard deviation of its training.
    pub fn new(model: NetworkModel, normalises: bool, params: &mut Params) -> Self {
        Self::of(network(model), model.facts(), normalises, params)
    }

    fn of(network: Box<dyn Network>, facts: NetworkFacts, normalises: bool, params: &mut Params) -> Self {
        let asked = Asked::by(network.as_ref());
        let parameters = asked.into_iter().map(|one| (one.name.clone(), add(one, params))).collect();
        Self { network, parameters, facts, normalises }
    }

    /// Normalises the input if necessary.
    fn seen(&self, images: &Tensor) -> Result<Tensor> {
        let (_, channels, height, width) = images.dims4()?;
        let NetworkFacts { name, side, one_side, norm, .. } = self.facts;
        if channels != 3 || (one_side && [height, width] != [side; 2]) {
            let expected = if one_side { format!("{side} × {side}") } else { "any number of".into() };
            candle_core::bail!(
                "{name} takes images of 3 channels and {expected} pixels, found {channels} and {height} × {width}"
            );
        }
        if !self.normalises {
            return Ok(images.clone());
        }
        let [mean, sd] = norm.values().map(|norm| Tensor::new(&norm, images.device())?.reshape((3, 1, 1)));
        images.broadcast_sub(&mean?)?.broadcast_div(&sd?)
    }
}

impl OffTheShelf for Zoo {
    fn features(&self, params: &Params, images: &Tensor) -> Result<Tensor> {
        let value = |name: &str| self.parameters.get(name).map(|id| params.value(*id).clone());
        let given = Given { network: self.network.as_ref(), value: &value };
        // Built on every call: that copies no weights, and the parameters may have changed.
        let weights = VarBuilder::from_backend(Box::new(given), DType::F32, images.device().clone());
        let (forward, seen) = (self.network.with(weights)?, self.seen(images)?);
        // One at a time, so that no bit depends on the rest of the batch.
        let one = |at| forward(&seen.narrow(0, at, 1)?.contiguous()?);
        let all = 0..images.dim(0)?;
        let each: Vec<Tensor> = match images.device() {
            Device::Cpu => all.into_par_iter().map(one).collect::<Result<_>>()?,
            _ => all.map(one).collect::<Result<_>>()?,
        };
        let features = Tensor::cat(&each, 0)?.detach();
        assert!(!features.track_op(), "nothing of the zoo is recorded");
        Ok(features)
    }

    fn width(&self) -> usize {
        self.facts.width
    }
}

/// The network of this model.
fn network(model: NetworkModel) -> Box<dyn Network> {
    match model {
        NetworkModel::ClipBase => Box::new(clip::Clip::base()),
        NetworkModel::ClipLarge => Box::new(clip::Clip::large()),
        NetworkModel::SiglipBase => Box::new(siglip::Siglip::base()),
        NetworkModel::Eva02Base => Box::new(eva02::Eva02::base()),
        NetworkModel::Eva02Large => Box::new(eva02::Eva02::large()),
        NetworkModel::EfficientNetB0 => Box::new(efficientnet::EfficientNet),
        NetworkModel::MobileNetV4Small => Box::new(mobilenet_v4::MobileNetV4::Small),
        NetworkModel::MobileNetV4Medium => Box::new(mobilenet_v4::MobileNetV4::Medium),
        NetworkModel::FastVitT8 => Box::new(fastvit::FastVit::T8),
        NetworkModel::FastVitSa12 => Box::new(fastvit::FastVit::Sa12),
    }
}

/// Adds random values: weights preserve the scale of their input.
fn add(published: Published, params: &mut Params) -> ParamId {
    let inputs: usize = published.shape.iter().skip(1).product();
    let last = published.name.rsplit('.').next().unwrap_or_default();
    match last {
        "gamma" => params.add_constant(published, LAYER_SCALE),
        "running_mean" => params.add_measured(published, 0.0),
        "running_var" => params.add_measured(published, 1.0),
        "weight" if published.shape.len() == 1 => params.add_constant(published, 1.0),
        "weight" => params.add_normal(published, (inputs as f64).sqrt().recip()),
        "bias" => params.add_constant(published, 0.0),
        _ => params.add_normal(published, TOKEN_SD),
    }
}
