//! What strategies do during a training: averaged weights, modified rates, an early end.

mod average;
mod dense_swa;
mod label_free;
mod swad;
mod valley;

use super::Error;
use crate::{
    curve::{Clock, Curve},
    params::Params,
    spec,
    state::{Lost, Stateful},
};
use average::Weights;

/// A running strategy.
pub(super) trait Strategy: Stateful {
    /// The number of steps of a training that would have `total`.
    fn steps(&self, total: u64) -> u64 {
        total
    }

    /// The learning rate of a step, given the declared `curve`.
    fn rate(&self, at: &Clock, curve: &Curve) -> f64 {
        curve.at(at)
    }

    /// Called before the first step with the parameters that the training would leave.
    fn begin(&mut self, _: &Params, _: Look<'_>) -> Result<(), Error> {
        Ok(())
    }

    /// Called after a step (numbered from 0) with the parameters that the training would leave.
    fn after_step(&mut self, step: u64, params: &Params, look: Look<'_>) -> Result<Verdict, Error>;

    /// Sets the parameters to the weights that the training stores.
    fn finish(self: Box<Self>, params: &Params) -> Result<(), Error>;
}

/// Measures the held-out loss, or asks the judge if there is one.
pub(super) type Look<'a> = &'a mut dyn FnMut() -> Result<f64, Error>;

/// Whether a training continues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    GoOn,
    End,
}

/// The strategy of a training with this number of steps in an epoch; `judged`: all its steps, if there is a judge.
pub(super) fn build(
    word: &spec::Strategy,
    params: &Params,
    epoch_steps: u64,
    judged: Option<u64>,
) -> Box<dyn Strategy> {
    match word {
        // MIRO is a term of the loss.
        spec::Strategy::Erm(_) | spec::Strategy::Miro(_) => match judged {
            Some(steps) => Box::new(label_free::LabelFree::new(steps)),
            None => Box::new(Erm),
        },
        spec::Strategy::Swad(word) => Box::new(swad::Swad::new(word)),
        spec::Strategy::DenseSwa(word) => {
            let epochs = dense_swa::Epochs { steps: epoch_steps, before: word.start_epoch };
            Box::new(dense_swa::DenseSwa::new(word, epochs, params))
        }
    }
}

/// No strategy.
struct Erm;

impl Strategy for Erm {
    fn after_step(&mut self, _: u64, _: &Params, _: Look<'_>) -> Result<Verdict, Error> {
        Ok(Verdict::GoOn)
    }

    fn finish(self: Box<Self>, _: &Params) -> Result<(), Error> {
        Ok(())
    }
}

impl Stateful for Erm {
    fn state(&self) -> candle_core::Result<Vec<(String, Vec<f32>)>> {
        Ok(Vec::new())
    }

    fn restore(&mut self, _: &dyn Fn(&str) -> Option<Vec<f32>>) -> Result<(), Lost> {
        Ok(())
    }
}
