//! Images to feature vectors: every row of a set, in the order of its table, handed on as they are computed.

mod files;

pub use files::{Layout, Writer};

use crate::{
    adapter::{Images, SetChannels},
    backbone::files as weights,
    data::{self, ImageSet, Statistics, central_view, native_view},
    event::{Event, Listen},
    model::{Card, Extractor},
    ops::format::Format,
    params::Params,
    prefetch::prefetch,
    seed::Seed,
    spec::{self, Backbone, NetworkFacts, View},
};
use candle_core::{Device, Tensor};
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// Raised when embedding computes something else; part of the identity of every work that embeds.
pub const REVISION: u32 = 1;

/// Images that pass through the model together, unless somebody says otherwise.
pub const BATCH: usize = 64;
/// What torchvision's evaluation of ImageNet resizes the shorter side to, and the square that it cuts from the middle.
const PHOTOGRAPH: (usize, usize) = (256, 224);
/// Numbers in a batch of images at their own size: four of CHAMMI's largest.
const NATIVE: usize = 1 << 22;

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An image cannot be read.
    #[error(transparent)]
    Data(data::Error),
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
        "{image} has {height} × {width} pixels; at its own size an image needs at least {least} × {least}"
    )]
    TooSmall {
        /// The image.
        image: String,
        /// Its rows.
        height: usize,
        /// Its columns.
        width: usize,
        /// The least that both may be.
        least: usize,
    },
    /// The features cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// Where to.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The listener asked to stop.
    #[error("stopped")]
    Stopped,
}

impl From<data::Error> for Error {
    fn from(error: data::Error) -> Self {
        match error {
            data::Error::Stopped => Self::Stopped,
            error => Self::Data(error),
        }
    }
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
            Self::Tensor(_) | Self::NotFinite { .. } | Self::Write { .. } | Self::Stopped => None,
        }
    }
}

/// One model with its weights, the sets that are asked of it, and what their images go through.
pub struct Embedder {
    model: Extractor,
    params: Params,
    /// What each of the sets is called in the model; the first so many are those that it was trained on.
    numbers: Vec<usize>,
    trained: usize,
    /// What it gets to see of an image.
    pub see: See,
    /// Images that pass through it together, at most.
    pub batch: usize,
}

/// What a model gets to see of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum See {
    /// A square of `side` pixels from the middle of the image, whose shorter side is resized to `shorter` before.
    Square {
        /// In pixels.
        shorter: usize,
        /// In pixels.
        side: usize,
    },
    /// The image at its own size.
    Native,
}

impl See {
    /// The whole of the image's shorter side, as a square of this side.
    pub fn square(side: usize) -> Self {
        Self::Square { shorter: side, side }
    }

    /// What a model gets to see, if squares that are no backbone's own have this side. (A backbone's own mean and
    /// deviation, and its frame, are its own affair.)
    pub fn of(model: &spec::Model, side: usize) -> Self {
        match (model.adapter.view(), &model.backbone) {
            (View::Resized, _) => Self::square(side),
            (View::Native, Backbone::ResNet(_)) => {
                let (shorter, side) = PHOTOGRAPH;
                Self::Square { shorter, side }
            }
            (View::Native, Backbone::OffTheShelf(word)) => {
                let NetworkFacts { shorter, side, .. } = word.model.facts();
                Self::Square { shorter, side }
            }
            (View::Native, Backbone::ConvNext(_) | Backbone::DinoV2(_)) => Self::Native,
        }
    }
}

/// Takes a block of features, row by row, and how many numbers a row has.
pub type Take<'a> = dyn FnMut(&[f32], usize) -> Result<(), Error> + 'a;

impl Embedder {
    /// The model that `card` describes, with the weights in `file`, for the sets `asked`. If these lie in the folder that it
    /// was trained on (`at_home`), one that was trained on is known by its name and channels.
    ///
    /// # Errors
    /// If the file cannot be read or does not fit.
    pub fn restore(
        card: &Card,
        asked: &[SetChannels],
        at_home: bool,
        file: &Path,
    ) -> Result<Self, weights::Error> {
        let mut this = Self::random(card, asked, at_home);
        weights::restore(file, &mut this.params)?;
        Ok(this)
    }

    /// A published model with the weights in `file`, for the sets `asked`.
    ///
    /// # Errors
    /// If the file cannot be read or does not fit.
    pub fn published(card: &Card, asked: &[SetChannels], file: &Path) -> Result<Self, weights::Error> {
        let mut this = Self::random(card, asked, false);
        this.model.load(file, &mut this.params)?;
        Ok(this)
    }

    /// The model that `card` describes, as it starts: for measurements.
    pub fn random(card: &Card, asked: &[SetChannels], at_home: bool) -> Self {
        let trained = card.channels();
        let place = |set: &SetChannels| trained.iter().position(|known| at_home && known == set);
        let others: Vec<SetChannels> = asked.iter().filter(|set| place(set).is_none()).cloned().collect();
        let mut next = trained.len()..;
        let numbers = asked.iter().map(|set| place(set).or_else(|| next.next()));
        let mut params = Params::new(Seed(0));
        Self {
            numbers: numbers.flatten().collect(),
            model: Extractor::new(&card.model, &trained, &others, &mut params),
            params,
            trained: trained.len(),
            see: See::of(&card.model, card.image),
            batch: BATCH,
        }
    }

    /// Moves it to a device.
    ///
    /// # Errors
    /// If there is no room for it, or the device does not compute in that precision.
    pub fn go_to(&mut self, device: &Device, format: Format) -> Result<(), Error> {
        Ok(self.params.go_to(device, format)?)
    }

    /// How many numbers its weights are.
    pub fn weights(&self) -> usize {
        self.params.count()
    }

    /// The number of a set, which stands `at` that place among those that are asked for, if the model was trained on it.
    pub fn known(&self, at: usize) -> Option<usize> {
        Some(self.numbers[at]).filter(|number| *number < self.trained)
    }

    /// Hands the features of the rows of `set` to `take`, in their order: some rows at a time, and how wide each is. The set
    /// is `at` that place among those that are asked for.
    ///
    /// # Errors
    /// If an image cannot be read, or the model yields something that is not a number, and those of `take`.
    pub fn embed(
        &self,
        set: &ImageSet,
        at: usize,
        norm: &Statistics,
        listen: &mut dyn Listen,
        take: &mut Take<'_>,
    ) -> Result<(), Error> {
        let (channels, number) = (set.channels.len(), self.numbers[at]);
        let rows: Vec<u32> = (0..set.len() as u32).collect();
        let mut done = 0;
        listen.hear(&Event::Began { what: "embedding", unit: "image", total: rows.len() as u64 });
        let embedded = self.each_batch(set, &rows, norm, |batch| {
            let shape = [batch.images, channels, batch.height, batch.width];
            let pixels = Tensor::from_vec(batch.pixels, &shape[..], self.params.device())?;
            let found = self.model.embed(&self.params, &Images { pixels, set: number })?;
            let width = found.dims()[1];
            let found = found.value().flatten_all()?.to_vec1::<f32>()?;
            if let Some(wrong) = found.iter().position(|value| !value.is_finite()) {
                let image = set.key((done + wrong / width) as u32).to_owned();
                return Err(Error::NotFinite { image });
            }
            take(&found, width)?;
            done += batch.images;
            listen.hear(&Event::Advanced { done: done as u64, note: &set.name });
            if listen.stop() { Err(Error::Stopped) } else { Ok(()) }
        });
        listen.hear(&Event::Ended);
        embedded
    }
}

/// Images of one size, side by side.
struct Batch {
    images: usize,
    height: usize,
    width: usize,
    pixels: Vec<f32>,
}

impl Embedder {
    /// Hands all rows to `take`, batch by batch in their order. On a GPU, the next ones are read meanwhile.
    fn each_batch(
        &self,
        set: &ImageSet,
        rows: &[u32],
        norm: &Statistics,
        mut take: impl FnMut(Batch) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut chunks = rows.chunks(self.batch.max(1)).map(|rows| self.batches(set, rows, norm));
        if !self.params.on_a_gpu() {
            return chunks.try_for_each(|batches| batches?.into_iter().try_for_each(&mut take));
        }
        prefetch(chunks, |batches| batches?.into_iter().try_for_each(&mut take).map(|()| true))
    }

    /// The rows as batches, in their order.
    fn batches(&self, set: &ImageSet, rows: &[u32], norm: &Statistics) -> Result<Vec<Batch>, Error> {
        let channels = set.channels.len();
        match self.see {
            See::Square { shorter, side } => {
                let len = channels * side * side;
                let mut pixels = vec![0f32; rows.len() * len];
                let views = pixels.par_chunks_mut(len).zip(rows).map(|(out, row)| -> Result<(), Error> {
                    central_view(&set.read(*row)?, shorter, side, norm, out);
                    Ok(())
                });
                all(views)?;
                Ok(vec![Batch { images: rows.len(), height: side, width: side, pixels }])
            }
            See::Native => {
                let least = self.model.least_side();
                let one = |row: &u32| -> Result<Batch, Error> {
                    let tape = set.read(*row)?;
                    let (height, width) = (tape.height, tape.width);
                    if height.min(width) < least {
                        return Err(Error::TooSmall {
                            image: set.key(*row).to_owned(),
                            height,
                            width,
                            least,
                        });
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
