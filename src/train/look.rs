//! The loss of held-out images, which SWAD monitors.

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
    /// The loss of the held-out images, preprocessed as in evaluation, with the same weight for each set.
    pub(super) fn look(&self, step: u64, listen: &mut dyn Listen) -> Result<f64, Error> {
        let source = self.job.source;
        let mut of_sets = Vec::new();
        for set in 0..source.sets().len() {
            let items: Vec<Item> =
                source.held_out().iter().filter(|item| usize::from(item.set) == set).copied().collect();
            let mut sum = 0.0;
            for items in items.chunks(HELD_OUT_BATCH) {
                sum += self.held_out(&self.clock(step), set, items)? * items.len() as f64;
            }
            if !items.is_empty() {
                of_sets.push(sum / items.len() as f64);
            }
        }
        let loss = of_sets.iter().sum::<f64>() / of_sets.len().max(1) as f64;
        listen.receive(&Event::Metric { name: "held_out_loss", step: step + 1, value: loss });
        Ok(loss)
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
