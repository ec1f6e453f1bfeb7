//! What strategies do around the steps of a training: weights that are averaged, rates that differ, an early end.

mod average;
mod dense_swa;
mod swad;
mod valley;

use super::Error;
use crate::{params::Params, spec};
use average::Weights;

/// A strategy at work.
pub(super) trait Strategy {
    /// Steps of a training that would have `total`.
    fn steps(&self, total: u64) -> u64 {
        total
    }

    /// The learning rate of a step (numbered from 0); `scheduled` gives that of an epoch (from 1).
    fn rate(&self, step: u64, scheduled: &dyn Fn(usize) -> f64) -> f64;

    /// Looks at what a step (numbered from 0) has made of the parameters.
    fn after_step(&mut self, step: u64, params: &Params, look: Look<'_>) -> Result<Verdict, Error>;

    /// Puts the weights that are kept into the parameters.
    fn finish(self: Box<Self>, params: &Params) -> Result<(), Error>;

    /// What a run that goes on after a stop has to know, by name.
    ///
    /// # Errors
    /// If it cannot be read.
    fn state(&self) -> candle_core::Result<Vec<(String, Vec<f32>)>>;

    /// Takes it up again. `read` finds what was stored under a name.
    fn restore(&mut self, read: &dyn Fn(&str) -> Option<Vec<f32>>) -> Result<(), Lost>;
}

/// Measures the held-out loss.
pub(super) type Look<'a> = &'a mut dyn FnMut() -> Result<f64, Error>;

/// Whether a training goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    GoOn,
    End,
}

/// A checkpoint lacks this.
pub(super) struct Lost(pub(super) String);

/// The strategy of a training with so many steps in an epoch.
pub(super) fn build(word: &spec::Strategy, params: &Params, epoch_steps: u64) -> Box<dyn Strategy> {
    match word {
        // MIRO is a penalty: see `miro`.
        spec::Strategy::Erm(_) | spec::Strategy::Miro(_) => Box::new(Erm { epoch_steps }),
        spec::Strategy::Swad(word) => Box::new(swad::Swad::new(word, epoch_steps)),
        spec::Strategy::DenseSwa(word) => {
            let epochs = dense_swa::Epochs { steps: epoch_steps, before: word.start_epoch };
            Box::new(dense_swa::DenseSwa::new(word, epochs, params))
        }
    }
}

/// The epoch of a step, from 1.
fn epoch(step: u64, epoch_steps: u64) -> usize {
    (step / epoch_steps) as usize + 1
}

/// Nothing is done.
struct Erm {
    epoch_steps: u64,
}

impl Strategy for Erm {
    fn rate(&self, step: u64, scheduled: &dyn Fn(usize) -> f64) -> f64 {
        scheduled(epoch(step, self.epoch_steps))
    }

    fn after_step(&mut self, _: u64, _: &Params, _: Look<'_>) -> Result<Verdict, Error> {
        Ok(Verdict::GoOn)
    }

    fn finish(self: Box<Self>, _: &Params) -> Result<(), Error> {
        Ok(())
    }

    fn state(&self) -> candle_core::Result<Vec<(String, Vec<f32>)>> {
        Ok(Vec::new())
    }

    fn restore(&mut self, _: &dyn Fn(&str) -> Option<Vec<f32>>) -> Result<(), Lost> {
        Ok(())
    }
}
