//! Hand-made features, without training: moments, percentiles, gradients, spectrum and correlations of the
//! channels.
//!
//! Nineteen numbers per channel and one per pair of channels, computed at native size. Compared by L2 after
//! z-scoring on the training images, they are the floor that any embedding has to beat. Two floors are
//! measured in this way: of images as stored, and of [standardised](Greys::Standardised) ones.

mod histogram;
mod plane;
mod z_scored;

pub use z_scored::ZScored;

use super::Error;
use crate::data::{ImageSet, Pixels, Tape};
use crate::event::{Event, Listen};
use histogram::Histogram;
use plane::Plane;
use rayon::prelude::*;

/// Numbers per channel: 4 moments, 7 percentiles, 2 of the gradient, 6 octaves.
const PER_CHANNEL: usize = 4 + PERCENTILES.len() + 2 + OCTAVES;
const PERCENTILES: [f64; 7] = [0.01, 0.05, 0.25, 0.50, 0.75, 0.95, 0.99];
/// Octaves of the spectrum, starting from the finest; an image too small for one has no energy there.
const OCTAVES: usize = 6;
/// Images between two progress reports.
const BATCH: usize = 512;
/// Levels of the histogram of an image with more than 256 grey levels.
const FINE: usize = 1 << 16;
/// Lower bound of an energy before its logarithm is taken: below half a grey level.
const NOTHING: f64 = 1e-6;

/// Added to the SD by which the grey levels of a channel are divided: about five of 255 levels, so that the
/// noise of a nearly empty channel is not stretched to full contrast, and a flat one stays flat.
const ADDED_TO_SD: f64 = 0.02;

/// The grey levels that are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Greys {
    /// As stored, 0 to 1.
    Stored,
    /// Each channel of each image less its mean, divided by its SD + 0.02. Images that differ in brightness
    /// alone have the same features; those of different contrast nearly so.
    Standardised,
}

impl Greys {
    /// Its name in files: that of the floor.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stored => "hand_made",
            Self::Standardised => "hand_made_standardised",
        }
    }
}

/// The number of features of an image with this number of channels.
pub fn width(channels: usize) -> usize {
    PER_CHANNEL * channels + channels * channels.saturating_sub(1) / 2
}

/// The features of one image: channel after channel, then the correlations of channels (0, 1), (0, 2), … (1, 2), …
pub fn features(image: &Tape, greys: Greys) -> Vec<f32> {
    let channels: Vec<(Plane, Histogram)> =
        (0..image.channels).map(|channel| measured(image, channel, greys)).collect();
    let mut all = Vec::with_capacity(width(image.channels));
    for (plane, histogram) in &channels {
        all.extend(histogram.moments());
        all.extend(histogram.percentiles());
        all.extend(plane.gradient());
        all.extend(plane.octaves());
    }
    for (at, a) in channels.iter().enumerate() {
        all.extend(channels[at + 1..].iter().map(|b| correlation(a, b)));
    }
    all.into_iter().map(|value| value as f32).collect()
}

/// A channel with the histogram of its grey levels.
fn measured(image: &Tape, channel: usize, greys: Greys) -> (Plane, Histogram) {
    match &image.pixels {
        Pixels::Bytes(pixels) => {
            let levels = channel_of(image, pixels, channel);
            let histogram = Histogram::of(256, levels.clone().map(usize::from)).of_greys(greys);
            (Plane::of(image.width, levels.map(f64::from), histogram.scale()), histogram)
        }
        Pixels::Floats(pixels) => {
            let levels = channel_of(image, pixels, channel).map(f64::from);
            let fine = levels.clone().map(|level| (level * (FINE - 1) as f64 / 255.0).round() as usize);
            let histogram = Histogram::of(FINE, fine).of_greys(greys);
            (Plane::of(image.width, levels, histogram.scale()), histogram)
        }
    }
}

/// The grey levels of a channel, row by row.
fn channel_of<P: Copy>(image: &Tape, pixels: &[P], channel: usize) -> impl Iterator<Item = P> + Clone {
    let (line, from, width) = (image.width * image.channels, channel * image.width, image.width);
    pixels.chunks_exact(line).flat_map(move |line| &line[from..from + width]).copied()
}

/// Passes the features of every image of a set to `take`, several rows at a time, in the order of its table
/// and not yet z-scored.
///
/// # Errors
/// If an image cannot be read, the listener asks to stop, and those of `take`.
pub fn of_set(
    set: &ImageSet,
    greys: Greys,
    listen: &mut dyn Listen,
    take: &mut dyn FnMut(&[f32]) -> Result<(), Error>,
) -> Result<(), Error> {
    let width = width(set.channels.len());
    let mut values = vec![0f32; set.len().min(BATCH) * width];
    listen.receive(&Event::Began { what: "measuring", unit: "image", total: set.len() as u64 });
    for first in (0..set.len()).step_by(BATCH) {
        let count = BATCH.min(set.len() - first);
        let rows = &mut values[..count * width];
        rows.par_chunks_mut(width).enumerate().try_for_each(|(at, row)| {
            row.copy_from_slice(&features(&set.read((first + at) as u32)?, greys));
            Ok::<(), Error>(())
        })?;
        take(rows)?;
        listen.receive(&Event::Advanced { done: (first + count) as u64, note: &set.name });
        if listen.stop() {
            return Err(Error::Stopped);
        }
    }
    listen.receive(&Event::Ended);
    Ok(())
}

/// Pearson's correlation of two channels; 0 if either is flat.
fn correlation((a, of_a): &(Plane, Histogram), (b, of_b): &(Plane, Histogram)) -> f64 {
    let scale = (of_a.central(2) * of_b.central(2)).sqrt();
    if scale < NOTHING * NOTHING {
        return 0.0;
    }
    let both = a.pixels.iter().zip(&b.pixels);
    both.map(|(x, y)| (x - of_a.mean()) * (y - of_b.mean())).sum::<f64>() / (of_a.pixels() * scale)
}

#[cfg(test)]
mod tests;
