//! Batches of several sets, decoded and augmented on a thread of its own while the previous one is trained on. (One
//! thread makes some hundred views a second; it never waits for the pool that trains, nor that pool for it.)
//!
//! Every draw comes from a stream named after epoch, image and view: which thread makes a view, and how many
//! threads there are, changes nothing. A run that goes on after a stop asks for the same batches again.

use super::{Error, Source, sampling, source::Item};
use crate::{
    adapter::Images,
    data::train_view,
    seed::Seed,
    spec::{AugmentStream, Train},
};
use candle_core::{Device, Tensor};
use std::{ops::Range, sync::mpsc, thread};

/// The part of a batch that belongs to one set.
pub struct Part {
    /// Images of the set, the views of one image next to each other.
    pub images: Images,
    /// The class of each row.
    pub classes: Vec<usize>,
}

/// Makes the batches of a training, in order.
pub struct Loader<'a> {
    source: &'a dyn Source,
    train: &'a Train,
    views: usize,
    seed: Seed,
    batch: usize,
}

impl<'a> Loader<'a> {
    /// Batches of `train.batch` images; of all images there are, if that is fewer.
    pub fn new(source: &'a dyn Source, train: &'a Train, views: usize, seed: Seed) -> Self {
        Self { source, train, views, seed, batch: train.batch.min(source.items().len()).max(1) }
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
        thread::scope(|scope| {
            let (send, receive) = mpsc::sync_channel(1);
            scope.spawn(move || {
                let mut order = (u64::MAX, Vec::new());
                for step in steps {
                    let epoch = step / self.steps_per_epoch();
                    if order.0 != epoch {
                        order = (epoch, self.order(epoch));
                    }
                    let first = (step % self.steps_per_epoch()) as usize * self.batch;
                    let batch = self.make(epoch, &order.1[first..first + self.batch]);
                    // Nobody receives any more after an error or a stop.
                    if send.send((step, batch)).is_err() {
                        break;
                    }
                }
            });
            while let Ok((step, batch)) = receive.recv() {
                if !consume(step, batch?)? {
                    break;
                }
            }
            Ok(())
        })
    }

    fn order(&self, epoch: u64) -> Vec<u32> {
        let mut stream = self.seed.stream(&format!("order/epoch/{epoch}"));
        sampling::order(self.source.items(), self.train.sampling, &mut stream)
    }

    fn make(&self, epoch: u64, numbers: &[u32]) -> Result<Vec<Part>, Error> {
        let side = self.train.image;
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
            let len = channels.channels.len() * side * side;
            let mut pixels = vec![0f32; items.len() * self.views * len];
            for (views, item) in pixels.chunks_exact_mut(self.views * len).zip(&items) {
                self.views(epoch, *item, len, views)?;
            }
            let rows = items.len() * self.views;
            let pixels = Tensor::from_vec(pixels, (rows, channels.channels.len(), side, side), &Device::Cpu)?;
            let classes =
                items.iter().flat_map(|item| vec![usize::from(item.class); self.views]).collect::<Vec<_>>();
            parts.push(Part { images: Images { pixels, set }, classes });
        }
        Ok(parts)
    }

    fn views(&self, epoch: u64, item: Item, len: usize, out: &mut [f32]) -> Result<(), Error> {
        let tape = self.source.read(item)?;
        let set = usize::from(item.set);
        let norm = self.source.statistics(set);
        let epoch = match self.train.augment_stream {
            AugmentStream::Fresh => epoch,
            AugmentStream::Repeated => 0,
        };
        let name = &self.source.sets()[set].set;
        for (view, out) in out.chunks_exact_mut(len).enumerate() {
            let name = format!("augment/epoch/{epoch}/{name}/{}/view/{view}", item.row);
            train_view(&tape, &self.train.augment, self.train.image, norm, &mut self.seed.stream(&name), out);
        }
        Ok(())
    }
}
