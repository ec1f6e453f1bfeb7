//! candle's side of `cargo bench --bench step`: candle-transformers' ConvNeXt, trained with candle-nn.
//!
//! It starts from our weights, so that both sides have the same loss. candle's layer normalisation has no
//! gradient if its input is contiguous (a fused operation without a backward pass); this ConvNeXt normalises
//! permuted maps, which takes the path of plain operations. `new` checks that every parameter has a gradient.

use candle_core::{D, Device, Result, Tensor, Var};
use candle_nn::{AdamW, Func, Module, Optimizer, ParamsAdamW, VarBuilder, loss::cross_entropy};
use candle_transformers::models::convnext::{Config, convnext_no_final_layer};
use std::collections::HashMap;

/// A network, proxies and their optimiser.
pub struct Candle {
    network: Func<'static>,
    proxies: Tensor,
    variables: Vec<(String, Var)>,
    optimiser: AdamW,
    images: Tensor,
    classes: Tensor,
    temperature: f64,
}

impl Candle {
    /// Builds it from parameters under timm's names, including the proxies, and a batch (N, 3, H, W).
    pub fn new(
        config: &Config,
        parameters: Vec<(String, Tensor)>,
        images: &Tensor,
        classes: &[usize],
        (temperature, optimiser): (f64, ParamsAdamW),
    ) -> Result<Self> {
        let variable = |(name, tensor): (String, Tensor)| Ok((name, Var::from_tensor(&tensor)?));
        let variables: Vec<_> = parameters.into_iter().map(variable).collect::<Result<_>>()?;
        let all = variables.iter().map(|(_, variable)| variable.clone()).collect();
        let tensors: HashMap<_, _> =
            variables.iter().map(|(name, variable)| (name.clone(), variable.as_tensor().clone())).collect();
        let proxies = tensors["proxies"].clone();
        let weights = VarBuilder::from_tensors(tensors, candle_core::DType::F32, &Device::Cpu);
        let this = Self {
            network: convnext_no_final_layer(config, weights)?,
            optimiser: AdamW::new(all, optimiser)?,
            classes: Tensor::from_iter(classes.iter().map(|&class| class as u32), &Device::Cpu)?,
            images: images.clone(),
            proxies,
            variables,
            temperature,
        };
        let gradients = this.loss()?.backward()?;
        for (name, variable) in &this.variables {
            assert!(gradients.get(variable).is_some(), "candle has no gradient for {name}");
        }
        Ok(this)
    }

    /// ProxyNCA: cross-entropy over negated squared distances between normalised features and proxies.
    pub fn loss(&self) -> Result<Tensor> {
        let normalised = |x: &Tensor| x.broadcast_div(&x.sqr()?.sum_keepdim(D::Minus1)?.sqrt()?);
        let features = normalised(&self.network.forward(&self.images)?)?;
        // The squared distance of two unit vectors is 2 - 2 cos, and cross-entropy does not depend on the
        // constant.
        let cosines = features.matmul(&normalised(&self.proxies)?.t()?)?;
        cross_entropy(&(cosines * (2.0 / self.temperature))?, &self.classes)
    }

    /// Forward, backward and AdamW.
    pub fn step(&mut self) -> Result<()> {
        let gradients = self.loss()?.backward()?;
        self.optimiser.step(&gradients)
    }
}
