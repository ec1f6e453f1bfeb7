//! Images to feature vectors: every row of a set, in the order of its table.

mod files;

pub use files::{npy, parquet};

use crate::{
    adapter::Images,
    data::{self, ImageSet, Statistics, eval_view, native_view},
    event::{Event, Listen},
    model::Extractor,
    params::Params,
    spec::View,
};
use candle_core::{Device, Tensor};
use rayon::prelude::*;

/// Raised when embedding computes something else; part of the identity of every work that embeds.
pub const REVISION: u32 = 1;

/// Images that pass through the model together, unless somebody says otherwise.
pub const BATCH: usize = 64;
/// The shorter side that leaves one pixel behind the last stage: strides of 4, 2, 2 and 2.
const LEAST: usize = 32;
/// Numbers in a batch of images at their own size: four of CHAMMI's largest.
const NATIVE: usize = 1 << 22;

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An image cannot be read.
    #[error(transparent)]
    Data(#[from] data::Error),
    /// An operation failed.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
    /// A feature is NaN or infinite.
    #[error("the features of {image} are not finite numbers")]
    NotFinite {
        /// The image.
        image: String,
    },
    /// An image at its own size is too small for the backbone.
    #[error(
        "{image} has {height} × {width} pixels; at its own size an image needs at least {least} × {least}",
        least = LEAST
    )]
    TooSmall {
        /// The image.
        image: String,
        /// Its rows.
        height: usize,
        /// Its columns.
        width: usize,
    },
    /// The listener asked to stop.
    #[error("stopped")]
    Stopped,
}

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Data(error) => error.hint(),
            Self::TooSmall { .. } => Some(
                "enlarge images: `--size 224` of `embed`, or `ChannelReplication.view(View::Resized)` in an experiment"
                    .into(),
            ),
            Self::Tensor(_) | Self::NotFinite { .. } | Self::Stopped => None,
        }
    }
}

/// One model and what its images go through.
pub struct Embedder<'a> {
    /// The model.
    pub model: &'a Extractor,
    /// Its parameters.
    pub params: &'a Params,
    /// What it gets to see of an image.
    pub see: See,
    /// Images that pass through it together, at most.
    pub batch: usize,
}

/// What a model gets to see of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum See {
    /// A square of this side, in pixels, cut from the middle.
    Square(usize),
    /// The image at its own size.
    Native,
}

impl See {
    /// What a spec says, where squares have this side.
    pub fn of(view: View, side: usize) -> Self {
        match view {
            View::Native => Self::Native,
            View::Resized => Self::Square(side),
        }
    }
}

impl Embedder<'_> {
    /// Features of the rows of `set`, (rows, width) in row-major order. `number` is the set's number in the model.
    ///
    /// # Errors
    /// If an image cannot be read, or the model yields something that is not a number.
    pub fn embed(
        &self,
        set: &ImageSet,
        number: usize,
        norm: &Statistics,
        listen: &mut dyn Listen,
    ) -> Result<Vec<f32>, Error> {
        let channels = set.channels.len();
        let rows: Vec<u32> = (0..set.len() as u32).collect();
        let mut features = Vec::new();
        let mut done = 0;
        listen.hear(&Event::Began { what: "embedding", unit: "image", total: rows.len() as u64 });
        for rows in rows.chunks(self.batch.max(1)) {
            for batch in self.see.batches(set, rows, norm)? {
                let shape = (batch.images, channels, batch.height, batch.width);
                let pixels = Tensor::from_vec(batch.pixels, shape, &Device::Cpu)?;
                let found = self.model.embed(self.params, &Images { pixels, set: number })?;
                let width = found.dims()[1];
                let found = found.value().flatten_all()?.to_vec1::<f32>()?;
                if let Some(wrong) = found.iter().position(|value| !value.is_finite()) {
                    let image = set.key((done + wrong / width) as u32).to_owned();
                    return Err(Error::NotFinite { image });
                }
                features.extend_from_slice(&found);
                done += batch.images;
                listen.hear(&Event::Advanced { done: done as u64, note: &set.name });
                if listen.stop() {
                    listen.hear(&Event::Ended);
                    return Err(Error::Stopped);
                }
            }
        }
        listen.hear(&Event::Ended);
        Ok(features)
    }
}

/// Images of one size, side by side.
struct Batch {
    images: usize,
    height: usize,
    width: usize,
    pixels: Vec<f32>,
}

impl See {
    /// The rows as batches, in their order.
    fn batches(self, set: &ImageSet, rows: &[u32], norm: &Statistics) -> Result<Vec<Batch>, Error> {
        let channels = set.channels.len();
        match self {
            Self::Square(side) => {
                let len = channels * side * side;
                let mut pixels = vec![0f32; rows.len() * len];
                let views = pixels.par_chunks_mut(len).zip(rows).map(|(out, row)| -> Result<(), Error> {
                    eval_view(&set.read(*row)?, side, norm, out);
                    Ok(())
                });
                all(views)?;
                Ok(vec![Batch { images: rows.len(), height: side, width: side, pixels }])
            }
            Self::Native => {
                let one = |row: &u32| -> Result<Batch, Error> {
                    let tape = set.read(*row)?;
                    let (height, width) = (tape.height, tape.width);
                    if height.min(width) < LEAST {
                        return Err(Error::TooSmall { image: set.key(*row).to_owned(), height, width });
                    }
                    let mut pixels = vec![0f32; channels * height * width];
                    native_view(&tape, norm, &mut pixels);
                    Ok(Batch { images: 1, height, width, pixels })
                };
                Ok(together(all(rows.par_iter().map(one))?))
            }
        }
    }
}

/// Everything, or the first error in the order of the rows, whichever thread met one first.
fn all<T: Send>(results: impl IndexedParallelIterator<Item = Result<T, Error>>) -> Result<Vec<T>, Error> {
    results.collect::<Vec<_>>().into_iter().collect()
}

/// Neighbours of equal size as one batch, up to [`NATIVE`] numbers.
fn together(images: Vec<Batch>) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    for image in images {
        match batches.last_mut() {
            Some(last)
                if (last.height, last.width) == (image.height, image.width)
                    && last.pixels.len() + image.pixels.len() <= NATIVE =>
            {
                last.images += 1;
                last.pixels.extend_from_slice(&image.pixels);
            }
            _ => batches.push(image),
        }
    }
    batches
}
