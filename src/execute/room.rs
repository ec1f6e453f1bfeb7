//! Whether a training can fit into memory at all: a lower bound, by arithmetic alone, before anything is allocated.
//! `--dry` measures the rest.

use super::{Error, fit as work, sets::Part};
use crate::{
    device,
    model::Extractor,
    plan::{Fit, Training},
    spec::{Backbone, Needs, Stage},
    train,
};
use candle_core::Device;

/// Bytes on the tape for each number of a block's output: its input, the depthwise convolution, the normalisation, and
/// twice the hidden layer, four times as wide. A tape also holds a little more.
const TAPED: f64 = 12.0 * 4.0;

/// The same of a transformer's block: two normalisations, query, key and value, what attention returns, the stream between
/// the branches, and twice the hidden layer.
const TAPED_TOKEN: f64 = 16.0 * 4.0;

impl Fit {
    /// Refuses a training that needs more memory than is free where models are computed.
    ///
    /// # Errors
    /// [`Error::Memory`], with both numbers.
    pub(super) fn fits(&self, parts: &[Part<'_>], device: &Device) -> Result<(), Error> {
        let needed = self.least_memory(parts);
        match device::available(device) {
            Some(free) if needed > free as f64 => Err(Error::Memory { needed: needed as u64, free }),
            _ => Ok(()),
        }
    }

    /// Bytes that it takes at least.
    fn least_memory(&self, parts: &[Part<'_>]) -> f64 {
        let weights = match &self.model.backbone {
            // Known without building it, which this build may be unable to do.
            Backbone::OffTheShelf(word) => Some(4 * word.model.facts().parameters as u64),
            _ => Extractor::bytes(&self.model, &work::channels(parts)),
        };
        let weights = weights.map_or(f64::INFINITY, |bytes| bytes as f64);
        let Some(Training { stage, .. }) = self.training.as_deref() else { return weights };
        let images: usize = parts.iter().map(|part| part.set().train_rows().len()).sum();
        let channels = parts.iter().map(|part| part.set().channels.len()).min().unwrap_or(0);
        let batch = stage.batch.min(images);
        weights
            + of_training(&self.model.backbone, stage, weights, (batch, channels, parts.len()), self.image)
    }
}

/// In addition to the weights: gradients and two moments, a second network, two batches, and the tape of a part.
fn of_training(
    backbone: &Backbone,
    stage: &Stage,
    weights: f64,
    (batch, channels, sets): (usize, usize, usize),
    side: usize,
) -> f64 {
    let needs = Needs::of(&stage.objective);
    let second = stage.strategy.oracle().is_some() || needs.teacher;
    let networks = if second { 4.0 } else { 3.0 };
    let rows = batch as f64 * needs.large_views(side);
    let pixels = side as f64 * side as f64;
    // A batch is cut into parts; the longest has the rows of a set at most, and one at least.
    let together = (train::PART as f64 / pixels).min(rows / sets.max(1) as f64).max(1.0);
    networks * weights + 2.0 * 4.0 * rows * channels as f64 * pixels + together * pixels * tape(backbone)
}

/// Bytes on the tape for each pixel of an image.
fn tape(backbone: &Backbone) -> f64 {
    let word = match backbone {
        Backbone::ConvNext(word) => word,
        Backbone::Vit(word) => {
            let (size, pixels) = (word.size, word.patch() * word.patch());
            return TAPED_TOKEN * (size.depth() * size.width()) as f64 / pixels as f64;
        }
        Backbone::ResNet(_) | Backbone::DinoV2(_) | Backbone::OffTheShelf(_) => return 0.0,
    };
    let stages = word.size.depths().into_iter().zip(word.size.widths()).zip([4.0f64, 8.0, 16.0, 32.0]);
    stages.map(|((depth, width), stride)| TAPED * (depth * width) as f64 / (stride * stride)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        spec::{ConvNextSize, settings},
        train::Pretraining,
    };

    #[test]
    fn a_lower_bound_is_below_what_was_measured_and_grows_with_the_image() {
        let tiny: Backbone = settings::ConvNext { size: ConvNextSize::Tiny, drop_path: 0.0 }.into();
        // The tape of a part of 2^20 pixels was measured: 2.4 GB.
        let part = tape(&tiny) * f64::from(1 << 20);
        assert!((1.5e9..2.4e9).contains(&part), "{part}");
        let stage = Stage { batch: 128, ..Pretraining::stage(crate::spec::PretrainLength::Short) };
        let of = |side| of_training(&tiny, &stage, 1e8, (128, 3, 3), side);
        assert!(of(224) < 4e9, "{}", of(224));
        assert!(of(16_384) > 1e12 && of(4096) > 6e10, "{}", of(4096));
    }
}
