//! Images to feature vectors: every row of a set, in the order of its table.

use crate::{
    adapter::Images,
    data::{self, ImageSet, Statistics, eval_view},
    event::{Event, Listen},
    model::Extractor,
    params::Params,
};
use candle_core::{Device, Tensor};
use rayon::prelude::*;

/// Raised when embedding computes something else; part of the identity of every work that embeds.
pub const REVISION: u32 = 1;

/// Images that pass through the model together.
const BATCH: usize = 64;

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
    /// The listener asked to stop.
    #[error("stopped")]
    Stopped,
}

/// One model and what its images go through.
pub struct Embedder<'a> {
    /// The model.
    pub model: &'a Extractor,
    /// Its parameters.
    pub params: &'a Params,
    /// Side of the square that the network sees, in pixels.
    pub side: usize,
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
        let (side, channels) = (self.side, set.channels.len());
        let rows: Vec<u32> = (0..set.len() as u32).collect();
        let mut features = Vec::with_capacity(rows.len() * self.model.width());
        listen.hear(&Event::Began { what: "embedding", unit: "image", total: rows.len() as u64 });
        for rows in rows.chunks(BATCH) {
            let len = channels * side * side;
            let mut pixels = vec![0f32; rows.len() * len];
            pixels.par_chunks_mut(len).zip(rows).try_for_each(|(out, row)| {
                eval_view(&set.read(*row)?, side, norm, out);
                Ok::<(), Error>(())
            })?;
            let pixels = Tensor::from_vec(pixels, (rows.len(), channels, side, side), &Device::Cpu)?;
            let batch = self.model.embed(self.params, &Images { pixels, set: number })?;
            let batch = batch.value().flatten_all()?.to_vec1::<f32>()?;
            if let Some(wrong) = batch.iter().position(|value| !value.is_finite()) {
                let image = set.key(rows[wrong / self.model.width()]).to_owned();
                return Err(Error::NotFinite { image });
            }
            features.extend_from_slice(&batch);
            let done = (features.len() / self.model.width()) as u64;
            listen.hear(&Event::Advanced { done, note: &set.name });
            if listen.stop() {
                listen.hear(&Event::Ended);
                return Err(Error::Stopped);
            }
        }
        listen.hear(&Event::Ended);
        Ok(features)
    }
}
