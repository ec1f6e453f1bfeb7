//! AdamW over all trained parameters of a model, with its running means.

mod clip;
mod groups;

pub use clip::Clip;
pub use groups::{Group, Groups, Layers, Names, Rule};

use super::exact;
use crate::{
    ops::{
        Scalar,
        adamw::{self, Line, Step},
        buffer,
    },
    params::{ParamId, Params},
    spec,
    state::{Lost, Stateful},
    tape::{Grad, Gradients},
};
use candle_core::{DType, Result, Tensor};
use std::collections::BTreeMap;

/// The state of AdamW.
pub struct Optimiser {
    word: spec::Optimiser,
    clip: Clip,
    moments: Vec<Moments>,
    steps: u64,
}

/// The running mean and square of one parameter's gradient.
struct Moments {
    id: ParamId,
    /// Its published name.
    name: String,
    group: Group,
    mean: Tensor,
    square: Tensor,
}

impl Optimiser {
    /// Before the first step; all parameters have the same settings, except for their own rate factor.
    ///
    /// # Errors
    /// If there is not enough memory for it.
    pub fn new(word: &spec::Optimiser, params: &Params) -> Result<Self> {
        Self::grouped(word, &Groups::default(), Clip::Never, params)
    }

    /// The same with groups of parameters and gradient clipping.
    ///
    /// # Errors
    /// If there is not enough memory for it.
    pub fn grouped(word: &spec::Optimiser, groups: &Groups, clip: Clip, params: &Params) -> Result<Self> {
        let blocks = groups::blocks(params.ids().map(|id| params.published(id).name.as_str()));
        let moments = |id| {
            let published = params.published(id);
            let zeros = || Tensor::zeros(published.count(), DType::F32, params.device());
            let group = groups.of(published, blocks);
            let group = Group { rate: group.rate * params.rate_factor(id), ..group };
            Ok(Moments { id, name: published.name.clone(), group, mean: zeros()?, square: zeros()? })
        };
        let trained = params.ids().filter(|id| params.is_trained(*id));
        let moments = trained.map(moments).collect::<Result<_>>()?;
        Ok(Self { word: word.clone(), clip, moments, steps: 0 })
    }

    /// Steps taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The Euclidean norm of all gradients together.
    ///
    /// # Errors
    /// If a gradient cannot be read.
    pub fn gradient_norm(&self, gradients: &Gradients) -> Result<Scalar> {
        let received = |moments: &Moments| gradients.of(moments.id).map(Grad::tensor);
        adamw::length(&self.moments.iter().filter_map(received).collect::<Vec<_>>())
    }

    /// Clips gradients: all of them with this norm, if it is too large, or each by its own.
    ///
    /// # Errors
    /// If a gradient cannot be changed.
    pub fn clip(&self, norm: &Scalar, gradients: &mut Gradients) -> Result<()> {
        match self.clip {
            Clip::Never | Clip::Norm(_) => self.clip.apply(norm, gradients),
            Clip::EachTensor(most) => {
                self.moments.iter().try_for_each(|moments| clip::one(most, gradients, moments.id))
            }
            Clip::EachNetwork(most) => {
                let mut networks: BTreeMap<&str, Vec<ParamId>> = BTreeMap::new();
                for Moments { id, name, .. } in &self.moments {
                    networks.entry(clip::network(name)).or_default().push(*id);
                }
                networks.values().try_for_each(|ids| clip::together(most, gradients, ids))
            }
        }
    }

    /// One step with the declared decay; `rate(factor)` is the learning rate of parameters with this factor
    /// of the peak.
    ///
    /// # Errors
    /// If a gradient does not fit its parameter.
    pub fn step(&mut self, params: &Params, gradients: &Gradients, rate: impl Fn(f64) -> f64) -> Result<()> {
        self.step_decaying(params, gradients, rate, self.word.weight_decay)
    }

    /// The same with another decay. A parameter without a gradient in this step (of a set that the batch
    /// lacked) is unchanged, as in PyTorch.
    ///
    /// # Errors
    /// If a gradient does not fit its parameter.
    pub fn step_decaying(
        &mut self,
        params: &Params,
        gradients: &Gradients,
        rate: impl Fn(f64) -> f64,
        decay: f64,
    ) -> Result<()> {
        self.steps += 1;
        let (word, steps) = (&self.word, self.steps);
        let at = |step, lr, decay| Step::new(step, lr, decay, word.betas, word.eps);
        let usual = at(steps, rate(1.0), decay);
        let mut lines = Vec::with_capacity(self.moments.len());
        for Moments { id, group, mean, square, .. } in &self.moments {
            let Some(gradient) = gradients.of(*id) else { continue };
            let step = match group {
                Group { waits, .. } if *waits >= steps => continue,
                group if *group == Group::USUAL => usual,
                Group { rate: factor, decays, waits, still, scale } => {
                    let rate = if *still >= steps { 0.0 } else { scale * rate(*factor) };
                    at(steps - waits, rate, if *decays { decay } else { 0.0 })
                }
            };
            lines.push(Line { weights: params.value(*id), gradient: gradient.tensor(), mean, square, step });
        }
        adamw::update(&lines)
    }
}

impl Stateful for Optimiser {
    fn state(&self) -> Result<Vec<(String, Vec<f32>)>> {
        let mut all = vec![("steps".to_owned(), exact::floats(self.steps).to_vec())];
        for Moments { name, mean, square, .. } in &self.moments {
            for (which, values) in [("mean", mean), ("square", square)] {
                all.push((format!("{which}/{name}"), buffer::copy(values)?));
            }
        }
        Ok(all)
    }

    fn restore(&mut self, read: &dyn Fn(&str) -> Option<Vec<f32>>) -> std::result::Result<(), Lost> {
        let steps = read("steps").filter(|steps| steps.len() == 4).ok_or_else(|| Lost("steps".into()))?;
        self.steps = exact::word(&steps);
        for Moments { name, mean, square, .. } in &self.moments {
            for (which, values) in [("mean", mean), ("square", square)] {
                let name = format!("{which}/{name}");
                let stored = read(&name).filter(|stored| stored.len() == values.elem_count());
                let taken = stored.and_then(|stored| buffer::set(values, &stored).ok());
                taken.ok_or_else(|| Lost(format!("{name} of {} numbers", values.elem_count())))?;
            }
        }
        Ok(())
    }
}
