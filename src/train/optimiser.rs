//! AdamW over all trained parameters of a model, with its running means.

use crate::{
    ops::adamw::{Step, sum_of_squares},
    params::{ParamId, Params},
    spec,
    tape::Gradients,
};
use candle_core::Result;

/// The state of AdamW.
pub struct Optimiser {
    word: spec::Optimiser,
    moments: Vec<Moments>,
    steps: u64,
}

/// The running mean and square of one parameter's gradient.
pub(super) struct Moments {
    pub(super) id: ParamId,
    pub(super) mean: Vec<f32>,
    pub(super) square: Vec<f32>,
}

impl Optimiser {
    /// Before the first step.
    pub fn new(word: &spec::Optimiser, params: &Params) -> Self {
        let zeros = |id: ParamId| vec![0f32; params.published(id).count()];
        let moments = params
            .ids()
            .filter(|id| params.is_trained(*id))
            .map(|id| Moments { id, mean: zeros(id), square: zeros(id) })
            .collect();
        Self { word: word.clone(), moments, steps: 0 }
    }

    /// Steps taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The Euclidean length of all gradients together.
    ///
    /// # Errors
    /// If a gradient cannot be read.
    pub fn gradient_norm(&self, gradients: &Gradients) -> Result<f64> {
        let mut sum = 0.0;
        for moments in &self.moments {
            if let Some(gradient) = gradients.of(moments.id) {
                sum += sum_of_squares(gradient.tensor())?;
            }
        }
        Ok(sum.sqrt())
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
        for Moments { id, mean, square } in &mut self.moments {
            if let Some(gradient) = gradients.of(*id) {
                let factor = params.rate_factor(*id);
                let step = if factor == 1.0 { &usual } else { &at(rate(factor)) };
                step.apply(params.value(*id), gradient.tensor(), mean, square)?;
            }
        }
        Ok(())
    }

    pub(super) fn state(&self) -> (&[Moments], u64) {
        (&self.moments, self.steps)
    }

    pub(super) fn restore(&mut self, steps: u64) -> &mut [Moments] {
        self.steps = steps;
        &mut self.moments
    }
}
