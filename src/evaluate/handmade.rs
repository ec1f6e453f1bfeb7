//! Hand-made features, without training: moments, percentiles, gradients, spectrum and correlations of the
//! channels.
//!
//! Nineteen numbers per channel and one per pair of channels, computed at native size. Compared by L2 after
//! z-scoring on the training images, they are the floor that any embedding has to beat.

use super::{Error, FeatureRows, features::rows_of_a_block};
use crate::data::{ImageSet, Pixels, Tape};
use crate::event::{Event, Listen};
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

/// The number of features of an image with this number of channels.
pub fn width(channels: usize) -> usize {
    PER_CHANNEL * channels + channels * channels.saturating_sub(1) / 2
}

/// The features of one image: channel after channel, then the correlations of channels (0, 1), (0, 2), … (1, 2), …
pub fn features(image: &Tape) -> Vec<f32> {
    let channels: Vec<(Plane, Histogram)> = (0..image.channels)
        .map(|channel| match &image.pixels {
            Pixels::Bytes(pixels) => {
                let greys = channel_of(image, pixels, channel);
                (Plane::of(image, greys.clone().map(f64::from)), Histogram::of(256, greys.map(usize::from)))
            }
            Pixels::Floats(pixels) => {
                let greys = channel_of(image, pixels, channel).map(f64::from);
                let levels = greys.clone().map(|grey| (grey * (FINE - 1) as f64 / 255.0).round() as usize);
                (Plane::of(image, greys), Histogram::of(FINE, levels))
            }
        })
        .collect();
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

/// The grey levels of a channel, row by row.
fn channel_of<P: Copy>(image: &Tape, pixels: &[P], channel: usize) -> impl Iterator<Item = P> + Clone {
    let (line, from, width) = (image.width * image.channels, channel * image.width, image.width);
    pixels.chunks_exact(line).flat_map(move |line| &line[from..from + width]).copied()
}

/// Passes the features of every image of a set to `take`, several rows at a time, in the order of its table
/// and not yet standardised.
///
/// # Errors
/// If an image cannot be read, the listener asks to stop, and those of `take`.
pub fn of_set(
    set: &ImageSet,
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
            row.copy_from_slice(&features(&set.read((first + at) as u32)?));
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

/// Features whose columns have mean 0 and SD 1 over the training rows. A column that is constant there
/// becomes 0.
pub struct Standardised<F> {
    of: F,
    means: Vec<f64>,
    deviations: Vec<f64>,
}

impl<F: FeatureRows> Standardised<F> {
    /// Computes mean and SD of the training rows. They are added in order, so that the size of blocks does
    /// not matter.
    /// # Errors
    /// If they cannot be read.
    pub fn new(of: F, train: &[u32]) -> Result<Self, Error> {
        let (width, n) = (of.width(), train.len().max(1) as f64);
        let mut values = Vec::new();
        let mut column_sums = |term: &dyn Fn(usize, f64) -> f64| {
            let mut sums = vec![0f64; width];
            for rows in train.chunks(rows_of_a_block(width)) {
                values.resize(rows.len() * width, 0.0);
                of.read(rows, &mut values)?;
                for row in values.chunks_exact(width) {
                    for (column, value) in row.iter().enumerate() {
                        sums[column] += term(column, f64::from(*value));
                    }
                }
            }
            Ok::<_, Error>(sums)
        };
        let means: Vec<f64> = column_sums(&|_, value| value)?.iter().map(|sum| sum / n).collect();
        let squares = column_sums(&|column, value| (value - means[column]) * (value - means[column]))?;
        let deviations: Vec<f64> = squares.iter().map(|sum| (sum / n).sqrt()).collect();
        Ok(Self { of, means, deviations })
    }
}

impl<F: FeatureRows> FeatureRows for Standardised<F> {
    fn width(&self) -> usize {
        self.of.width()
    }

    fn rows(&self) -> usize {
        self.of.rows()
    }

    fn read(&self, rows: &[u32], out: &mut [f32]) -> Result<(), Error> {
        self.of.read(rows, out)?;
        for row in out.chunks_exact_mut(self.width()) {
            for (value, (mean, deviation)) in row.iter_mut().zip(self.means.iter().zip(&self.deviations)) {
                // Rounding alone makes a constant column vary by a few units in the last place.
                let varies = *deviation > 1e-6 * mean.abs().max(NOTHING);
                *value = if varies { ((f64::from(*value) - mean) / deviation) as f32 } else { 0.0 };
            }
        }
        Ok(())
    }
}

/// One channel, grey levels 0 to 1.
struct Plane {
    width: usize,
    pixels: Vec<f64>,
}

/// How often each grey level occurs in a channel: moments and percentiles depend on nothing else.
struct Histogram {
    counts: Vec<u32>,
    pixels: f64,
    mean: f64,
}

impl Histogram {
    fn of(levels: usize, greys: impl Iterator<Item = usize>) -> Self {
        let mut counts = vec![0u32; levels];
        greys.for_each(|grey| counts[grey] += 1);
        let pixels = counts.iter().map(|count| f64::from(*count)).sum();
        let mut histogram = Self { counts, pixels, mean: 0.0 };
        histogram.mean = histogram.expect(|grey| grey);
        histogram
    }

    fn expect(&self, value: impl Fn(f64) -> f64) -> f64 {
        let top = self.top();
        let levels = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        levels.map(|(grey, count)| f64::from(*count) * value(grey as f64 / top)).sum::<f64>() / self.pixels
    }

    /// The grey level that corresponds to 1.
    fn top(&self) -> f64 {
        (self.counts.len() - 1) as f64
    }

    fn central(&self, power: i32) -> f64 {
        self.expect(|grey| (grey - self.mean).powi(power))
    }

    /// Mean, SD, skewness, excess kurtosis. The last two are 0 for a flat channel.
    fn moments(&self) -> [f64; 4] {
        let deviation = self.central(2).sqrt();
        if deviation < NOTHING {
            return [self.mean, deviation, 0.0, 0.0];
        }
        let skewness = self.central(3) / deviation.powi(3);
        [self.mean, deviation, skewness, self.central(4) / deviation.powi(4) - 3.0]
    }

    fn percentiles(&self) -> [f64; PERCENTILES.len()] {
        PERCENTILES.map(|share| {
            let (rank, mut below) = (share * self.pixels, 0.0);
            let level = self.counts.iter().position(|count| {
                below += f64::from(*count);
                below > rank
            });
            level.map_or(1.0, |level| level as f64 / self.top())
        })
    }
}

impl Plane {
    /// From grey levels 0 to 255.
    fn of(image: &Tape, greys: impl Iterator<Item = f64>) -> Self {
        Self { width: image.width, pixels: greys.map(|grey| grey / 255.0).collect() }
    }

    fn height(&self) -> usize {
        self.pixels.len() / self.width
    }

    /// Mean and SD of the gradient's length, by central differences inside the image.
    fn gradient(&self) -> [f64; 2] {
        let (mut sum, mut square, mut n) = (0.0, 0.0, 0usize);
        for y in 1..self.height().saturating_sub(1) {
            for x in 1..self.width.saturating_sub(1) {
                let at = y * self.width + x;
                let across = self.pixels[at + 1] - self.pixels[at - 1];
                let down = self.pixels[at + self.width] - self.pixels[at - self.width];
                let length = 0.5 * (across * across + down * down).sqrt();
                (sum, square, n) = (sum + length, square + length * length, n + 1);
            }
        }
        let n = n.max(1) as f64;
        [sum / n, (square / n - (sum / n).powi(2)).max(0.0).sqrt()]
    }

    /// Logarithm of the SD in each octave of spatial frequency: the radial power spectrum in rings of
    /// doubling radius. It is computed from a Laplacian pyramid (Burt & Adelson 1983), whose cost per pixel
    /// does not depend on the size.
    fn octaves(&self) -> [f64; OCTAVES] {
        let mut level = Self { width: self.width, pixels: self.pixels.clone() };
        std::array::from_fn(|_| {
            let smooth = level.smooth();
            let difference = level.pixels.iter().zip(&smooth.pixels).map(|(a, b)| (a - b) * (a - b));
            let energy = difference.sum::<f64>() / level.pixels.len() as f64;
            level = smooth.halve();
            libm::log(energy.sqrt() + 1e-3)
        })
    }

    /// Convolution with the binomial 1, 4, 6, 4, 1 along both axes, mirrored at the border.
    fn smooth(&self) -> Self {
        let (width, height) = (self.width, self.height());
        let filter = |[a, b, c, d, e]: [f64; 5]| (a + e + 4.0 * (b + d) + 6.0 * c) / 16.0;
        let mirror = |at: usize, step: usize, n: usize| -> usize {
            let at = (at + step).abs_diff(2);
            if at < n { at } else { (2 * n - 2).saturating_sub(at).min(n - 1) }
        };
        let mut rows = vec![0.0; self.pixels.len()];
        for (from, to) in self.pixels.chunks_exact(width).zip(rows.chunks_exact_mut(width)) {
            if let Some(inside) = to.get_mut(2..width.saturating_sub(2).max(2)) {
                for (to, from) in inside.iter_mut().zip(from.windows(5)) {
                    *to = filter(std::array::from_fn(|step| from[step]));
                }
            }
            for x in (0..width.min(2)).chain(width.saturating_sub(2)..width) {
                to[x] = filter(std::array::from_fn(|step| from[mirror(x, step, width)]));
            }
        }
        let mut pixels = vec![0.0; self.pixels.len()];
        for (y, to) in pixels.chunks_exact_mut(width).enumerate() {
            let from: [&[f64]; 5] =
                std::array::from_fn(|step| &rows[mirror(y, step, height) * width..][..width]);
            for (x, to) in to.iter_mut().enumerate() {
                *to = filter(std::array::from_fn(|step| from[step][x]));
            }
        }
        Self { width, pixels }
    }

    /// Every second pixel of every second line.
    fn halve(&self) -> Self {
        let lines = self.pixels.chunks_exact(self.width).step_by(2);
        let pixels = lines.flat_map(|line| line.iter().step_by(2)).copied().collect();
        Self { width: self.width.div_ceil(2), pixels }
    }
}

/// Pearson's correlation of two channels; 0 if either is flat.
fn correlation((a, of_a): &(Plane, Histogram), (b, of_b): &(Plane, Histogram)) -> f64 {
    let scale = (of_a.central(2) * of_b.central(2)).sqrt();
    if scale < NOTHING * NOTHING {
        return 0.0;
    }
    let both = a.pixels.iter().zip(&b.pixels);
    both.map(|(x, y)| (x - of_a.mean) * (y - of_b.mean)).sum::<f64>() / (of_a.pixels * scale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::FeatureMatrix;

    fn stripes(period: usize) -> Vec<u8> {
        (0..64 * 128).map(|at| if (at % 64 / (period / 2)).is_multiple_of(2) { 0 } else { 200 }).collect()
    }

    fn of(pixels: &[u8]) -> Vec<f32> {
        features(&Tape { pixels: pixels.to_vec().into(), height: 64, width: 64, channels: 2 })
    }

    #[test]
    fn features_say_what_their_names_say() {
        let fine = of(&stripes(4));
        assert_eq!(fine.len(), width(2));
        let grey = 100.0 / 255.0;
        assert!((fine[0] - grey).abs() < 1e-6 && (fine[1] - grey).abs() < 1e-6, "mean and SD of stripes");
        assert!(fine[2].abs() < 1e-5 && (fine[3] + 2.0).abs() < 1e-5, "two levels: skewness 0, kurtosis -2");
        assert!((fine[width(2) - 1] - 1.0).abs() < 1e-6, "equal channels correlate fully");
        let octaves = |features: &[f32]| features[13..19].to_vec();
        let loudest = |features: &[f32]| {
            let octaves = octaves(features);
            (0..6).max_by(|a, b| octaves[*a].total_cmp(&octaves[*b])).unwrap()
        };
        assert!(
            loudest(&fine) < loudest(&of(&stripes(32))),
            "wider stripes have their energy in a lower octave"
        );
        let flat = of(&[7; 64 * 128]);
        assert!(flat.iter().all(|value| value.is_finite()) && flat[1] < 1e-6 && flat[width(2) - 1] == 0.0);
    }

    #[test]
    fn training_rows_decide_the_scale() {
        let matrix = FeatureMatrix { width: 2, values: &[1.0, 5.0, 3.0, 5.0, 100.0, 6.0] };
        let standardised = Standardised::new(matrix, &[0, 1]).unwrap();
        let mut values = [0.0; 6];
        standardised.read(&[0, 1, 2], &mut values).unwrap();
        assert_eq!(values, [-1.0, 0.0, 1.0, 0.0, 98.0, 0.0]);
    }
}
