//! AdamW over all trained parameters of a model, with its running means.

use crate::{
    ops::{
        Scalar,
        adamw::{self, Line, Step},
    },
    params::{ParamId, Params},
    spec,
    tape::{Grad, Gradients},
};
use candle_core::{DType, Result, Tensor};

/// The state of AdamW.
pub struct Optimiser {
    word: spec::Optimiser,
    moments: Vec<Moments>,
    steps: u64,
}

/// The running mean and square of one parameter's gradient.
pub(super) struct Moments {
    pub(super) id: ParamId,
    pub(super) mean: Tensor,
    pub(super) square: Tensor,
}

impl Optimiser {
    /// Before the first step.
    ///
    /// # Errors
    /// If there is no memory for it.
    pub fn new(word: &spec::Optimiser, params: &Params) -> Result<Self> {
        let zeros = |id| Tensor::zeros(params.published(id).count(), DType::F32, params.device());
        let moments = |id| Ok(Moments { id, mean: zeros(id)?, square: zeros(id)? });
        let trained = params.ids().filter(|id| params.is_trained(*id));
        Ok(Self { word: word.clone(), moments: trained.map(moments).collect::<Result<_>>()?, steps: 0 })
    }

    /// Steps taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The Euclidean length of all gradients together.
    ///
    /// # Errors
    /// If a gradient cannot be read.
    pub fn gradient_norm(&self, gradients: &Gradients) -> Result<Scalar> {
        let received = |moments: &Moments| gradients.of(moments.id).map(Grad::tensor);
        adamw::length(&self.moments.iter().filter_map(received).collect::<Vec<_>>())
    }

    /// One step at the learning rate `rate(factor)` of each parameter's factor on the peak. A parameter without a gradient in this step (a set that the batch
    /// lacked) stays as it is, as in PyTorch.
    ///
    /// # Errors
    /// If a gradient does not fit its parameter.
    pub fn step(&mut self, params: &Params, gradients: &Gradients, rate: impl Fn(f64) -> f64) -> Result<()> {
        self.steps += 1;
        let (word, steps) = (&self.word, self.steps);
        let at = |lr| Step::new(steps, lr, word.weight_decay, word.betas, word.eps);
        let usual = at(rate(1.0));
        let mut lines = Vec::with_capacity(self.moments.len());
        for Moments { id, mean, square } in &self.moments {
            let Some(gradient) = gradients.of(*id) else { continue };
            let factor = params.rate_factor(*id);
            let step = if factor == 1.0 { usual } else { at(rate(factor)) };
            lines.push(Line { weights: params.value(*id), gradient: gradient.tensor(), mean, square, step });
        }
        adamw::update(&lines)
    }

    pub(super) fn state(&self) -> (&[Moments], u64) {
        (&self.moments, self.steps)
    }

    pub(super) fn restore(&mut self, steps: u64) -> &mut [Moments] {
        self.steps = steps;
        &mut self.moments
    }
}
