//! Batches of several sets, decoded and augmented on a separate thread while the previous one is trained on.
//! (One thread makes about a hundred views a second; it never waits for the training pool, nor that pool for
//! it.)
//!
//! Every draw comes from a stream named after epoch, image and view, so that neither the number of threads
//! nor their assignment matters. A resumed run requests the same batches again.

use super::{Batches, CropGroup, Error, MaskedGrid, Normalise, Source, sampling, source::Item};
use crate::{
    adapter::Images,
    data::{Draw, Norm, Tape, ViewPlan, Window, draw, drawn_view},
    ops::DeviceViews,
    params::Params,
    pass::Masks,
    prefetch::prefetch,
    seed::Seed,
    spec::{Augment, AugmentStream},
};
use candle_core::{Device, Tensor};
use rayon::prelude::*;
use std::ops::Range;

/// A set's part of a batch, or all of it where sets are mixed.
pub struct Batch {
    /// The set's number; where sets are mixed, that of the first.
    pub set: usize,
    /// Each group of crops.
    pub groups: Vec<Crops>,
    /// The class of each image.
    pub classes: Vec<usize>,
    /// How many consecutive images belong together: 1, or 2 with pairs.
    pub together: usize,
    /// The masked patches of the first group of crops, if a loss reads them.
    pub masks: Option<Masks>,
}

/// Crops of the images of a set; those of one image are consecutive.
pub struct Crops {
    seen: BatchPixels,
    normalise: Normalise,
}

/// Views of images.
enum BatchPixels {
    /// As pixels.
    Pixels(Tensor),
    /// As described for a GPU, which computes them.
    Views(DeviceViews),
}

impl Crops {
    /// Of pixels, which are not normalised.
    #[cfg(test)]
    pub(super) fn of(pixels: Tensor) -> Self {
        Self { seen: BatchPixels::Pixels(pixels), normalise: Normalise::None }
    }

    /// Number of values.
    pub fn size(&self) -> usize {
        match &self.seen {
            BatchPixels::Pixels(pixels) => pixels.elem_count(),
            BatchPixels::Views(views) => views.numbers(),
        }
    }

    /// As images of `set` on the device of the model's parameters.
    ///
    /// # Errors
    /// If there is not enough memory for them.
    pub fn images(&self, set: usize) -> candle_core::Result<Images> {
        let pixels = match &self.seen {
            BatchPixels::Pixels(pixels) => pixels.clone(),
            BatchPixels::Views(views) => views.views()?,
        };
        Ok(Images { pixels: self.normalise.afterwards(pixels)?, set })
    }
}

impl Batch {
    /// Number of values in all its crops.
    pub fn size(&self) -> usize {
        self.groups.iter().map(Crops::size).sum()
    }
}

/// Makes the batches of a training, in order.
pub struct Loader<'a> {
    source: &'a dyn Source,
    batches: Batches,
    seed: Seed,
    batch: usize,
    gpu: Option<Device>,
}

impl<'a> Loader<'a> {
    /// Batches of the requested number of images, or of all images if there are fewer. They are sent to the
    /// device of `params`; a GPU computes the views itself.
    pub fn new(source: &'a dyn Source, batches: Batches, seed: Seed, params: &Params) -> Self {
        let gpu = params.on_a_gpu().then(|| params.device().clone());
        let batch = batches.batch.min(source.items().len()).max(1);
        Self { source, batches, seed, batch, gpu }
    }

    /// Steps in an epoch; an incomplete last batch is dropped.
    pub fn steps_per_epoch(&self) -> u64 {
        (self.source.items().len() / self.batch) as u64
    }

    /// Images in a step.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Passes the batches of `steps` (numbered from 0 over all epochs) to `consume`, one ahead; stops early
    /// when it returns `false`.
    ///
    /// # Errors
    /// The first error of making a batch or of `consume`.
    pub fn run(
        &self,
        steps: Range<u64>,
        mut consume: impl FnMut(u64, Vec<Batch>) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let mut order = (u64::MAX, Vec::new());
        let made = steps.map(move |step| {
            let epoch = step / self.steps_per_epoch();
            if order.0 != epoch {
                order = (epoch, self.order(epoch));
            }
            let first = (step % self.steps_per_epoch()) as usize * self.batch;
            (step, self.make((epoch, step), &order.1[first..first + self.batch]))
        });
        prefetch(made, |(step, batch)| consume(step, batch?))
    }

    fn order(&self, epoch: u64) -> Vec<u32> {
        let mut stream = self.seed.stream(&format!("order/epoch/{epoch}"));
        sampling::order(self.source.items(), self.batches.sampling, &mut stream)
    }

    fn make(&self, (epoch, step): (u64, u64), numbers: &[u32]) -> Result<Vec<Batch>, Error> {
        let mut batches = Vec::new();
        let count = self.source.sets().len();
        // All sets together, or one after the other.
        let together = if self.source.mixes_sets() { count } else { 1 };
        let parts = (0..count).step_by(together.max(1)).map(|first| first..first + together);
        for sets in parts {
            let set = sets.start;
            let here = |number: &u32| sets.contains(&usize::from(self.item(*number).set));
            let items: Vec<Shown> = numbers
                .iter()
                .filter(|number| here(number))
                .flat_map(|number| self.with_partner(epoch, *number))
                .collect();
            // Sets without images in a batch are left out of its step.
            if items.is_empty() {
                continue;
            }
            let mut before = 0;
            let mut groups = Vec::new();
            for group in &self.batches.groups {
                let norms = sets.clone().map(|set| self.norm(group, set)).collect();
                let making = Making { epoch, sets: sets.clone(), norms, group, before };
                // Another microscope's noise is drawn pixel by pixel, as the processor does it.
                let here = group.augment.iter().any(|change| matches!(change, Augment::Microscope(_)));
                let seen = match &self.gpu {
                    Some(device) if here => {
                        BatchPixels::Pixels(self.pixels(&making, &items)?.to_device(device)?)
                    }
                    Some(device) => BatchPixels::Views(DeviceViews::to(
                        device,
                        self.plain_views(&making, &items)?.plain(),
                    )?),
                    None => BatchPixels::Pixels(self.pixels(&making, &items)?),
                };
                groups.push(Crops { seen, normalise: group.normalise.of(self.source.norm(set)) });
                before += group.count;
            }
            let classes = items.iter().map(|shown| usize::from(shown.item.class)).collect();
            let together = if self.batches.pairs { 2 } else { 1 };
            let masks = self.masks(step, set, items.len());
            batches.push(Batch { set, groups, classes, together, masks });
        }
        Ok(batches)
    }

    /// The masked patches of the large views of so many images of a set.
    fn masks(&self, step: u64, set: usize, images: usize) -> Option<Masks> {
        let MaskedGrid { masking, side, of_channels } = self.batches.masking?;
        let stream = &mut self.seed.stream(&format!("masked patches/step/{step}/set/{set}"));
        let channels = if of_channels { self.source.sets()[set].channels.len() } else { 1 };
        Some(masking.draw(images * self.batches.groups.first()?.count, channels, side, stream))
    }

    fn item(&self, number: u32) -> Item {
        self.source.items()[number as usize]
    }

    /// An image and its partner: itself if it has none.
    fn with_partner(&self, epoch: u64, number: u32) -> Vec<Shown> {
        let item = self.item(number);
        let itself = Shown { item, beside: None };
        if !self.batches.pairs {
            return vec![itself];
        }
        let partners = self.source.partners(number);
        let set = &self.source.sets()[usize::from(item.set)].set;
        let mut stream = self.seed.stream(&format!("pairs/epoch/{epoch}/{set}/{}", item.row));
        let partner = match partners.len() {
            0 => item,
            count => self.item(partners.get(stream.below(count))),
        };
        let partner = if partner.set == item.set { partner } else { item };
        vec![itself, Shown { item: partner, beside: Some(item.row) }]
    }

    fn pixels(&self, making: &Making<'_>, items: &[Shown]) -> Result<Tensor, Error> {
        let CropGroup { count, side, .. } = making.group;
        let channels = self.channels(making);
        let len = channels * side * side;
        let mut pixels = vec![0f32; items.len() * count * len];
        for (views, shown) in pixels.chunks_exact_mut(count * len).zip(items) {
            let tape = self.source.read(shown.item)?;
            let norm = making.norm(*shown).of(&tape);
            for (out, draw) in views.chunks_exact_mut(len).zip(self.draws(making, *shown, &tape)) {
                drawn_view(&tape, &draw, *side, &norm, out);
            }
        }
        let rows = items.len() * count;
        Ok(Tensor::from_vec(pixels, (rows, channels, *side, *side), &Device::Cpu)?)
    }

    /// Only decoding remains to be done here, and a GPU is fast, so all threads take part.
    fn plain_views(&self, making: &Making<'_>, items: &[Shown]) -> Result<ViewPlan, Error> {
        let one = |shown: &Shown| {
            let tape = self.source.read(shown.item)?;
            let draws = self.draws(making, *shown, &tape);
            Ok((tape, draws))
        };
        let read: Vec<(Tape, Vec<Draw>)> = items.par_iter().map(one).collect::<Result<_, Error>>()?;
        let mut views = ViewPlan::new(making.group.side, self.channels(making));
        for ((tape, draws), shown) in read.iter().zip(items) {
            views.image(tape, &making.norm(*shown).of(tape));
            draws.iter().for_each(|draw| views.view(tape, draw));
        }
        Ok(views)
    }

    fn channels(&self, making: &Making<'_>) -> usize {
        self.source.sets()[making.sets.start].channels.len()
    }

    /// What is done to a set's crops of a group while they are resampled.
    fn norm(&self, group: &CropGroup, set: usize) -> Norm {
        let (norm, channels) = (self.source.norm(set), self.source.sets()[set].channels.len());
        group.normalise.of(norm).while_resampling(norm, channels)
    }

    /// The random draws for the crops of an image.
    fn draws(&self, making: &Making<'_>, Shown { item, beside }: Shown, tape: &Tape) -> Vec<Draw> {
        let epoch = match self.batches.stream {
            AugmentStream::Fresh => making.epoch,
            AugmentStream::Repeated => 0,
        };
        let name = &self.source.sets()[usize::from(item.set)].set;
        let one = |view: usize| {
            let mut name = format!("augment/epoch/{epoch}/{name}/{}/view/{view}", item.row);
            if let Some(anchor) = beside {
                // An image is its own anchor in the same epoch, and may be the partner of several.
                name.push_str(&format!("/beside/{anchor}"));
            }
            let stream = &mut self.seed.stream(&name);
            let (height, width) = (tape.height, tape.width);
            let mut draw = draw(tape.channels, height, width, &making.group.augment, stream);
            let side = making.group.side;
            draw.window = self.batches.centre.map(|centre| Window::draw(height, width, centre, side, stream));
            draw
        };
        (making.before..making.before + making.group.count).map(one).collect()
    }
}

/// An image of a batch.
#[derive(Clone, Copy)]
struct Shown {
    item: Item,
    /// The row of the image whose partner it is.
    beside: Option<u32>,
}

/// A group of crops that is being made, of one set or of several that are mixed.
struct Making<'a> {
    epoch: u64,
    sets: Range<usize>,
    /// What each of the sets is normalised by while crops are resampled.
    norms: Vec<Norm>,
    group: &'a CropGroup,
    /// Crops per image in the groups before.
    before: usize,
}

impl Making<'_> {
    fn norm(&self, shown: Shown) -> &Norm {
        &self.norms[usize::from(shown.item.set) - self.sets.start]
    }
}

#[cfg(test)]
mod tests;
