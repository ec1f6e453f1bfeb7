//! What is measured between steps: the loss of held-out images, which SWAD monitors, or what a judge says.

use super::{Error, Item, Trainer};
use crate::{
    adapter::Images,
    curve::Clock,
    data,
    event::{Event, Listen},
    loss::Forwarded,
    pass::Outputs,
};
use candle_core::Tensor;
use rayon::prelude::*;

/// Images in one forward pass.
const HELD_OUT_BATCH: usize = 64;

impl Trainer<'_> {
    /// What the judge says of the weights that would be left after this many steps; without one, the held-out loss.
    pub(super) fn look(&self, steps: u64, listen: &mut dyn Listen) -> Result<f64, Error> {
        let (name, value) = match self.job.judge {
            Some(judge) => ("distance", judge.distance(self.left())?),
            None => ("held_out_loss", self.held_out_loss(steps)?),
        };
        listen.receive(&Event::Metric { name, step: steps, value });
        Ok(value)
    }

    /// The loss of the held-out images, preprocessed as in evaluation, with the same weight for each set.
    fn held_out_loss(&self, steps: u64) -> Result<f64, Error> {
        let source = self.job.source;
        let mut of_sets = Vec::new();
        for set in 0..source.sets().len() {
            let items: Vec<Item> =
                source.held_out().iter().filter(|item| usize::from(item.set) == set).copied().collect();
            let mut sum = 0.0;
            for items in items.chunks(HELD_OUT_BATCH) {
                sum += self.held_out(&self.clock(steps.saturating_sub(1)), set, items)? * items.len() as f64;
            }
            if !items.is_empty() {
                of_sets.push(sum / items.len() as f64);
            }
        }
        Ok(of_sets.iter().sum::<f64>() / of_sets.len().max(1) as f64)
    }

    /// The mean loss of some held-out images of a set.
    fn held_out(&self, at: &Clock, set: usize, items: &[Item]) -> Result<f64, Error> {
        let (source, side) = (self.job.source, self.job.side);
        let channels = source.sets()[set].channels.len();
        let len = channels * side * side;
        let mut pixels = vec![0f32; items.len() * len];
        pixels.par_chunks_mut(len).zip(items).try_for_each(|(out, item)| {
            let tape = source.read(*item)?;
            let norm = source.norm(set);
            let view =
                if self.job.method.batches.centre.is_some() { data::window_view } else { data::eval_view };
            view(&tape, side, &norm.of(&tape), out);
            norm.finish(tape.channels, out);
            Ok::<(), Error>(())
        })?;
        let pixels = Tensor::from_vec(pixels, (items.len(), channels, side, side), self.params.device())?;
        let student = [Outputs::of(self.model.embed(self.params, &Images { pixels, set })?)];
        let classes: Vec<usize> = items.iter().map(|item| usize::from(item.class)).collect();
        Ok(self.objective.held_out(self.params, &Forwarded::of(&student, &classes), at)?)
    }
}
