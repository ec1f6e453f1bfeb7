//! From images to feature vectors: every row of a set, in the order of its table, passed on as soon as it is
//! computed.

mod each_image;
mod files;
mod kept;
mod layers;
mod room;
mod symmetries;
mod to_length;

pub use files::{Layout, Writer};
pub use kept::KeptRows;
pub use layers::{REVISION as LAYERS_REVISION, drawn};
pub(crate) use to_length::to_length;

use crate::{
    adapter::{Images, Planes, SetChannels},
    backbone::{files as weights, published::Weights},
    data::{self, ImageSet, Norm, Tape, central_view, native_view, window_view},
    evaluate,
    event::{Event, Listen},
    model::{Card, Extractor},
    ops::format::Format,
    params::Params,
    prefetch::prefetch,
    seed::Seed,
    spec::{self, Backbone, NetworkFacts, View},
};
use candle_core::{Device, Tensor};
use each_image::EachImage;
use rayon::prelude::*;
use room::Footprint;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

/// Raised when embedding computes something different; part of the identity of every work that embeds.
pub const REVISION: u32 = 1;

/// Forward passes of an image whose features are the mean over the symmetries of a square.
pub const SYMMETRIES: usize = symmetries::ALL.len();
/// Default number of images in one forward pass.
pub const BATCH: usize = 64;
/// The side to which torchvision's evaluation of ImageNet resizes the shorter side, and the side of the
/// centre crop.
const IMAGENET_CROP: (usize, usize) = (256, 224);
/// Numbers in a batch of images at their own size: four of CHAMMI's largest.
const NATIVE: usize = 1 << 22;
/// Numbers of images at their own size that are read at once.
const READ: usize = 1 << 25;

/// An error of embedding.
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
        /// Its height in pixels.
        height: usize,
        /// Its width in pixels.
        width: usize,
        /// The minimum of both.
        least: usize,
    },
    /// An image does not fit into memory.
    #[error(
        "an image of {height} × {width} pixels in {channels} channels needs {:.1} GB of memory, and {:.1} GB are free",
        *needed as f64 / 1e9, *free as f64 / 1e9
    )]
    Memory {
        /// Its height in pixels.
        height: usize,
        /// Its width in pixels.
        width: usize,
        /// Its channels.
        channels: usize,
        /// Bytes that it needs.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// A layer says something that is no number.
    #[error("a layer of the model: {0}")]
    Layers(evaluate::Error),
    /// The features cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The reason.
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
                "enlarge the images: `embed --size 224`, or `ChannelReplication.view(View::Resized)` in an experiment"
                    .into(),
            ),
            Self::Memory { .. } => Some(
                "resize the images: `embed --size 224`, or `ChannelReplication.view(View::Resized)` in an experiment".into(),
            ),
            Self::Tensor(_) | Self::Layers(_) | Self::NotFinite { .. } | Self::Write { .. } | Self::Stopped => None,
        }
    }
}

/// A model with its weights, the sets to embed, and the preprocessing of their images.
pub struct Embedder {
    model: Extractor,
    params: Params,
    /// The weights of other models of the same kind, whose features are set beside those of the first.
    others: Vec<Params>,
    /// The names of the sets in the model; the first ones are those that it was trained on.
    numbers: Vec<usize>,
    trained: usize,
    /// The preprocessing.
    pub preprocess: Preprocess,
    /// Most images in one forward pass.
    pub batch: usize,
    /// Whether features are the mean over the eight symmetries of a square.
    pub symmetries: bool,
    /// What is trained on each image first.
    each_image: Option<EachImage>,
    /// Numbers in the largest image at its own size so far; 0 before the first.
    largest: AtomicUsize,
    /// What a pass takes, by the number of the set and its channels.
    footprints: Mutex<BTreeMap<(usize, usize), Footprint>>,
}

/// The part of an image that a model receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preprocess {
    /// A centre crop of `side` pixels, after the shorter side was resized to `shorter`.
    Square {
        /// In pixels.
        shorter: usize,
        /// In pixels.
        side: usize,
    },
    /// The window of `side` pixels in the centre, at the image's own scale.
    Window {
        /// In pixels.
        side: usize,
    },
    /// The whole image at its own size.
    Native,
}

impl Preprocess {
    /// The image's whole shorter side, as a square with this side.
    pub fn square(side: usize) -> Self {
        Self::Square { shorter: side, side }
    }

    /// The preprocessing of a model, with this side for squares that the backbone does not define itself.
    /// (Some backbones have their own mean, standard deviation and crop.)
    pub fn of(model: &spec::Model, side: usize) -> Self {
        match (model.adapter.view(), &model.backbone) {
            (View::Resized, _) => Self::square(side),
            (View::Native, Backbone::ResNet(_)) => {
                let (shorter, side) = IMAGENET_CROP;
                Self::Square { shorter, side }
            }
            (View::Native, Backbone::OffTheShelf(word)) => {
                let NetworkFacts { shorter, side, .. } = word.model.facts();
                Self::Square { shorter, side }
            }
            (View::Native, Backbone::ConvNext(_) | Backbone::Vit(_) | Backbone::DinoV2(_)) => Self::Native,
        }
    }
}

/// Receives a block of features, row by row, and the length of a row.
pub type Take<'a> = dyn FnMut(&[f32], usize) -> Result<(), Error> + 'a;

impl Embedder {
    /// Loads the model that `card` describes from `file`, for the sets `asked`. If they are in the folder
    /// that it was trained on (`at_home`), a set that it was trained on is recognised by its name and
    /// channels.
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

    /// Loads another model of the same kind: each row of features is then that of all of them side by side, each scaled to the
    /// same length, all together to 1.
    ///
    /// # Errors
    /// If the file cannot be read or does not fit.
    pub fn beside(&mut self, file: &Path) -> Result<(), weights::Error> {
        let mut other = self.params.duplicate()?;
        weights::restore(file, &mut other)?;
        self.others.push(other);
        Ok(())
    }

    /// Puts an adapted model, from its file, in the place of the one under a classifier.
    ///
    /// # Errors
    /// If the file cannot be read or does not fit.
    pub fn adapted(&mut self, file: &Path) -> Result<(), weights::Error> {
        Extractor::load_foundation(file, &mut self.params)
    }

    /// Puts an extractor's parameters in the place of those under a classifier.
    ///
    /// # Errors
    /// If they are those of another extractor.
    pub fn take_over(&mut self, extractor: &Params) -> candle_core::Result<()> {
        Extractor::copy_foundation(extractor, &mut self.params)
    }

    /// The length of a row of features of one model.
    pub fn width(&self) -> usize {
        self.model.width()
    }

    /// Loads a published model from `file`, for the sets `asked`.
    ///
    /// # Errors
    /// If the file cannot be read or does not fit.
    pub fn published(card: &Card, asked: &[SetChannels], file: &Path) -> Result<Self, weights::Error> {
        let mut this = Self::random(card, asked, false);
        this.model.load(file, &mut this.params)?;
        Ok(this)
    }

    /// A published transformer with its weights, for any number of sets.
    ///
    /// # Errors
    /// If the weights do not fit its name.
    pub fn transformer(file: &Weights, planes: Planes, sets: usize) -> Result<Self, weights::Error> {
        let mut params = Params::new(Seed(0));
        let model = Extractor::published(file, planes, &mut params)?;
        Ok(Self::of(model, params, (0..sets).collect()))
    }

    fn of(model: Extractor, params: Params, numbers: Vec<usize>) -> Self {
        Self {
            model,
            params,
            others: Vec::new(),
            numbers,
            trained: 0,
            preprocess: Preprocess::Native,
            batch: BATCH,
            symmetries: false,
            each_image: None,
            largest: AtomicUsize::new(0),
            footprints: Mutex::default(),
        }
    }

    /// The model that `card` describes with its initial weights: for measurements.
    pub fn random(card: &Card, asked: &[SetChannels], at_home: bool) -> Self {
        let Numbered { trained, others, numbers } = Numbered::of(card, asked, at_home);
        let mut params = Params::new(Seed(0));
        let model = match &card.classifier {
            None => Extractor::new(&card.model, &trained, &others, &mut params),
            Some(top) => Extractor::dual(&card.model, top, &trained, &others, &mut params),
        };
        Self {
            trained: trained.len(),
            preprocess: match card.window {
                true => Preprocess::Window { side: card.image },
                false => Preprocess::of(&card.model, card.image),
            },
            ..Self::of(model, params, numbers)
        }
    }

    /// Moves it to a device.
    ///
    /// # Errors
    /// If the device's memory is too small, or it does not support the format.
    pub fn go_to(&mut self, device: &Device, format: Format) -> Result<(), Error> {
        self.each_image.iter_mut().try_for_each(|each| each.go_to(device, format))?;
        Ok([&mut self.params]
            .into_iter()
            .chain(&mut self.others)
            .try_for_each(|one| one.go_to(device, format))?)
    }

    /// The minimum of an image's shorter side, in pixels.
    pub fn least_side(&self) -> usize {
        self.model.least_side()
    }

    /// The number of its weights.
    pub fn weights(&self) -> usize {
        self.params.count()
    }

    /// The index in the model of the set at position `at` of those to embed, if the model was trained on it.
    pub fn known(&self, at: usize) -> Option<usize> {
        Some(self.numbers[at]).filter(|number| *number < self.trained)
    }

    /// Passes the features of the rows of `set` to `take` in order, several rows at a time, with the length
    /// of a row. The set is at position `at` of those to embed.
    ///
    /// # Errors
    /// If an image cannot be read, or the model yields something that is not a number, and those of `take`.
    pub fn embed(
        &self,
        set: &ImageSet,
        at: usize,
        norm: &Norm,
        listen: &mut dyn Listen,
        take: &mut Take<'_>,
    ) -> Result<(), Error> {
        let rows: Vec<u32> = (0..set.len() as u32).collect();
        self.embed_rows((set, &rows), at, norm, listen, take)
    }

    /// The same for some of the rows of a set, in this order.
    ///
    /// # Errors
    /// As [`embed`](Self::embed).
    pub fn embed_rows(
        &self,
        (set, rows): (&ImageSet, &[u32]),
        at: usize,
        norm: &Norm,
        listen: &mut dyn Listen,
        take: &mut Take<'_>,
    ) -> Result<(), Error> {
        let (channels, number) = (set.channels.len(), self.numbers[at]);
        let mut done = 0;
        // Training on an image may take minutes, and its steps are all alike.
        let (what, unit, steps) = match &self.each_image {
            None => ("embedding", "image", 1),
            Some(each) => ("training on each image", "step", each.steps() as u64),
        };
        listen.receive(&Event::Began { what, unit, total: steps * rows.len() as u64 });
        let embedded = self.each_batch(set, number, rows, norm, |batch| {
            let shape = [batch.images, channels, batch.height, batch.width];
            let images = Images {
                pixels: Tensor::from_vec(batch.pixels, &shape[..], self.params.device())?,
                set: number,
            };
            let (found, width) = match &self.each_image {
                None => self.features(&images)?,
                Some(each) => {
                    let name = |image: usize| format!("{}/{}", set.name, set.key(rows[done + image]));
                    let mut at = steps * done as u64;
                    let mut stepped = || {
                        at += 1;
                        listen.receive(&Event::Advanced { done: at, note: &set.name });
                        !listen.stop()
                    };
                    self.features_after(each, &images, name, &mut stepped)?
                }
            };
            if let Some(wrong) = found.iter().position(|value| !value.is_finite()) {
                let image = set.key(rows[done + wrong / width]).to_owned();
                return Err(Error::NotFinite { image });
            }
            take(&found, width)?;
            done += batch.images;
            listen.receive(&Event::Advanced { done: steps * done as u64, note: &set.name });
            if listen.stop() { Err(Error::Stopped) } else { Ok(()) }
        });
        listen.receive(&Event::Ended);
        embedded
    }
}

impl Embedder {
    /// The features of a batch of images by all models, and the length of a row.
    fn features(&self, images: &Images) -> Result<(Vec<f32>, usize), Error> {
        let (first, width) = self.features_by(&self.params, images)?;
        if self.others.is_empty() {
            return Ok((first, width));
        }
        let mut parts = vec![first];
        for other in &self.others {
            parts.push(self.features_by(other, images)?.0);
        }
        let (all, each) = (parts.len() * width, 1.0 / (parts.len() as f64).sqrt());
        let mut out = vec![0.0; parts[0].len() * parts.len()];
        for (at, part) in parts.iter().enumerate() {
            for (row, out) in part.chunks_exact(width).zip(out.chunks_exact_mut(all)) {
                to_length(row, each, &mut out[at * width..][..width]);
            }
        }
        Ok((out, all))
    }

    /// The features of a batch of images by one model, and the length of a row.
    fn features_by(&self, params: &Params, images: &Images) -> Result<(Vec<f32>, usize), Error> {
        let Images { pixels, set } = images;
        let of = |pixels: Tensor| -> Result<(Vec<f32>, usize), Error> {
            let found = self.model.embed(params, &Images { pixels, set: *set })?;
            Ok((found.value().flatten_all()?.to_vec1::<f32>()?, found.dims()[1]))
        };
        if !self.symmetries {
            return of(pixels.clone());
        }
        let (mut sums, mut width) = (Vec::new(), 0);
        for symmetry in symmetries::ALL {
            let (found, of_row) = of(symmetry.of(pixels)?)?;
            sums.resize(found.len(), 0f64);
            sums.iter_mut().zip(&found).for_each(|(sum, value)| *sum += f64::from(*value));
            width = of_row;
        }
        let mean = |sum: f64| (sum / SYMMETRIES as f64) as f32;
        Ok((sums.into_iter().map(mean).collect(), width))
    }
}

/// The sets of a model: those that it was trained on, others that it only reads, and which of them each set to embed is.
struct Numbered {
    trained: Vec<SetChannels>,
    others: Vec<SetChannels>,
    numbers: Vec<usize>,
}

impl Numbered {
    fn of(card: &Card, asked: &[SetChannels], at_home: bool) -> Self {
        let trained = card.channels();
        let place = |set: &SetChannels| trained.iter().position(|known| at_home && known == set);
        let others: Vec<SetChannels> = asked.iter().filter(|set| place(set).is_none()).cloned().collect();
        let mut next = trained.len()..;
        let numbers = asked.iter().map(|set| place(set).or_else(|| next.next())).collect::<Vec<_>>();
        let numbers = numbers.into_iter().flatten().collect();
        Self { trained, others, numbers }
    }
}

/// Images of one size.
struct Batch {
    images: usize,
    height: usize,
    width: usize,
    pixels: Vec<f32>,
}

impl Embedder {
    /// Passes all rows to `take`, batch by batch in order. With a GPU, the next batches are read meanwhile.
    fn each_batch(
        &self,
        set: &ImageSet,
        number: usize,
        mut rows: &[u32],
        norm: &Norm,
        mut take: impl FnMut(Batch) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let room = match self.preprocess {
            Preprocess::Square { side, .. } | Preprocess::Window { side } => {
                self.together(number, set.channels.len(), (side, side), self.batch.max(1))?
            }
            Preprocess::Native => self.batch.max(1),
        };
        let mut chunks = std::iter::from_fn(|| {
            // At their own size, as many are read at once as the largest so far lets be few numbers.
            let most = match (self.preprocess, self.largest.load(Relaxed)) {
                (Preprocess::Square { .. } | Preprocess::Window { .. }, _) => room,
                (Preprocess::Native, 0) => 1,
                (Preprocess::Native, numbers) => room.min(READ / numbers).max(1),
            };
            let (these, others) = rows.split_at(most.min(rows.len()));
            rows = others;
            (!these.is_empty()).then(|| self.batches(set, number, these, norm))
        });
        if !self.params.on_a_gpu() {
            return chunks.try_for_each(|batches| batches?.into_iter().try_for_each(&mut take));
        }
        prefetch(chunks, |batches| batches?.into_iter().try_for_each(&mut take).map(|()| true))
    }

    /// The rows as batches, in order.
    fn batches(&self, set: &ImageSet, number: usize, rows: &[u32], norm: &Norm) -> Result<Vec<Batch>, Error> {
        let channels = set.channels.len();
        match self.preprocess {
            Preprocess::Square { side, .. } | Preprocess::Window { side } => {
                let len = channels * side * side;
                let mut pixels = vec![0f32; rows.len() * len];
                let views = pixels.par_chunks_mut(len).zip(rows).map(|(out, row)| -> Result<(), Error> {
                    let tape = set.read(*row)?;
                    match self.preprocess {
                        Preprocess::Square { shorter, .. } => {
                            central_view(&tape, shorter, side, &norm.of(&tape), out);
                        }
                        _ => window_view(&tape, side, &norm.of(&tape), out),
                    }
                    norm.finish(channels, out);
                    Ok(())
                });
                all(views)?;
                Ok(vec![Batch { images: rows.len(), height: side, width: side, pixels }])
            }
            Preprocess::Native => {
                let tapes = all(rows.par_iter().map(|row| Ok(set.read(*row)?)))?;
                let least = self.model.least_side();
                for (row, Tape { height, width, .. }) in rows.iter().zip(&tapes) {
                    let (height, width) = (*height, *width);
                    if height.min(width) < least {
                        let image = set.key(*row).to_owned();
                        return Err(Error::TooSmall { image, height, width, least });
                    }
                    self.together(number, channels, (height, width), 1)?;
                    self.largest.fetch_max(channels * height * width, Relaxed);
                }
                let one = |tape: Tape| -> Result<Batch, Error> {
                    let (height, width) = (tape.height, tape.width);
                    let mut pixels = vec![0f32; channels * height * width];
                    native_view(&tape, &norm.of(&tape), &mut pixels);
                    norm.finish(channels, &mut pixels);
                    Ok(Batch { images: 1, height, width, pixels })
                };
                Ok(together(all(tapes.into_par_iter().map(one))?))
            }
        }
    }
}

/// All results, or the first error in the order of the rows, no matter which thread met one first.
fn all<T: Send>(results: impl IndexedParallelIterator<Item = Result<T, Error>>) -> Result<Vec<T>, Error> {
    results.collect::<Vec<_>>().into_iter().collect()
}

/// Joins neighbours of equal size to one batch, up to [`NATIVE`] numbers.
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
