//! Batches of several sets, decoded and augmented on a thread of its own while the previous one is trained on. (One
//! thread makes some hundred views a second; it never waits for the pool that trains, nor that pool for it.)
//!
//! Every draw comes from a stream named after epoch, image and view: which thread makes a view, and how many
//! threads there are, changes nothing. A run that goes on after a stop asks for the same batches again.

use super::{Error, Source, sampling, source::Item};
use crate::{
    adapter::Images,
    data::{Draw, Tape, Views, draw, drawn_view},
    ops::Sent,
    params::Params,
    prefetch::prefetch,
    seed::Seed,
    spec::{AugmentStream, Train},
};
use candle_core::{Device, Tensor};
use rayon::prelude::*;
use std::ops::Range;

/// The part of a batch that belongs to one set.
pub struct Part {
    /// Views of the set's images, those of one image next to each other.
    views: Seen,
    /// The set's number.
    pub set: usize,
    /// The class of each row.
    pub classes: Vec<usize>,
}

/// Views of images.
enum Seen {
    /// As pixels.
    Pixels(Tensor),
    /// As a GPU makes them.
    Sent(Sent),
}

impl Part {
    /// Numbers in its images.
    pub fn size(&self) -> usize {
        match &self.views {
            Seen::Pixels(pixels) => pixels.elem_count(),
            Seen::Sent(views) => views.numbers(),
        }
    }

    /// Its images where the model's parameters lie.
    ///
    /// # Errors
    /// If there is no room for them.
    pub fn images(&self) -> candle_core::Result<Images> {
        let pixels = match &self.views {
            Seen::Pixels(pixels) => pixels.clone(),
            Seen::Sent(views) => views.views()?,
        };
        Ok(Images { pixels, set: self.set })
    }
}

/// Makes the batches of a training, in order.
pub struct Loader<'a> {
    source: &'a dyn Source,
    train: &'a Train,
    views: usize,
    seed: Seed,
    batch: usize,
    gpu: Option<Device>,
}

impl<'a> Loader<'a> {
    /// Batches of `train.batch` images; of all images there are, if that is fewer. They go where `params`
    /// lie; a GPU makes the views itself.
    pub fn new(source: &'a dyn Source, train: &'a Train, views: usize, seed: Seed, params: &Params) -> Self {
        let gpu = params.on_a_gpu().then(|| params.device().clone());
        Self { source, train, views, seed, batch: train.batch.min(source.items().len()).max(1), gpu }
    }

    /// Steps in an epoch; the last, incomplete batch is dropped.
    pub fn steps_per_epoch(&self) -> u64 {
        (self.source.items().len() / self.batch) as u64
    }

    /// Images in a step.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Hands the batches of `steps` (numbered from 0 over all epochs) to `consume`, one ahead; stops early when it
    /// returns `false`.
    ///
    /// # Errors
    /// The first that making a batch or `consume` meets.
    pub fn run(
        &self,
        steps: Range<u64>,
        mut consume: impl FnMut(u64, Vec<Part>) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let mut order = (u64::MAX, Vec::new());
        let made = steps.map(move |step| {
            let epoch = step / self.steps_per_epoch();
            if order.0 != epoch {
                order = (epoch, self.order(epoch));
            }
            let first = (step % self.steps_per_epoch()) as usize * self.batch;
            (step, self.make(epoch, &order.1[first..first + self.batch]))
        });
        prefetch(made, |(step, batch)| consume(step, batch?))
    }

    fn order(&self, epoch: u64) -> Vec<u32> {
        let mut stream = self.seed.stream(&format!("order/epoch/{epoch}"));
        sampling::order(self.source.items(), self.train.sampling, &mut stream)
    }

    fn make(&self, epoch: u64, numbers: &[u32]) -> Result<Vec<Part>, Error> {
        let mut parts = Vec::new();
        for (set, channels) in self.source.sets().iter().enumerate() {
            let items: Vec<Item> = numbers
                .iter()
                .map(|number| self.source.items()[*number as usize])
                .filter(|item| usize::from(item.set) == set)
                .collect();
            // Sets that a batch happens to lack are left out of its step.
            if items.is_empty() {
                continue;
            }
            let views = match &self.gpu {
                Some(device) => Seen::Sent(Sent::to(device, self.plain_views(epoch, set, &items)?.plain())?),
                None => Seen::Pixels(self.pixels(epoch, channels.channels.len(), &items)?),
            };
            let classes =
                items.iter().flat_map(|item| vec![usize::from(item.class); self.views]).collect::<Vec<_>>();
            parts.push(Part { views, set, classes });
        }
        Ok(parts)
    }

    fn pixels(&self, epoch: u64, channels: usize, items: &[Item]) -> Result<Tensor, Error> {
        let side = self.train.image;
        let len = channels * side * side;
        let mut pixels = vec![0f32; items.len() * self.views * len];
        for (views, item) in pixels.chunks_exact_mut(self.views * len).zip(items) {
            let tape = self.source.read(*item)?;
            let norm = self.source.statistics(usize::from(item.set));
            for (out, draw) in views.chunks_exact_mut(len).zip(self.draws(epoch, *item, &tape)) {
                drawn_view(&tape, &draw, side, norm, out);
            }
        }
        let rows = items.len() * self.views;
        Ok(Tensor::from_vec(pixels, (rows, channels, side, side), &Device::Cpu)?)
    }

    /// Only decoding is left to do here, and a GPU is fast: all threads share it.
    fn plain_views(&self, epoch: u64, set: usize, items: &[Item]) -> Result<Views, Error> {
        let one = |item: &Item| {
            let tape = self.source.read(*item)?;
            let draws = self.draws(epoch, *item, &tape);
            Ok((tape, draws))
        };
        let read: Vec<(Tape, Vec<Draw>)> = items.par_iter().map(one).collect::<Result<_, Error>>()?;
        let mut views = Views::new(self.train.image, self.source.statistics(set));
        for (tape, draws) in &read {
            views.image(tape);
            draws.iter().for_each(|draw| views.view(tape, draw));
        }
        Ok(views)
    }

    /// What chance decides for the views of an image.
    fn draws(&self, epoch: u64, item: Item, tape: &Tape) -> Vec<Draw> {
        let epoch = match self.train.augment_stream {
            AugmentStream::Fresh => epoch,
            AugmentStream::Repeated => 0,
        };
        let name = &self.source.sets()[usize::from(item.set)].set;
        let one = |view: usize| {
            let name = format!("augment/epoch/{epoch}/{name}/{}/view/{view}", item.row);
            draw(tape.channels, tape.height, tape.width, &self.train.augment, &mut self.seed.stream(&name))
        };
        (0..self.views).map(one).collect()
    }
}
