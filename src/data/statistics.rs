//! Mean and standard deviation of each channel over the training images, bit-identical for any number of
//! threads: grey levels are integers, and so are their sums. Levels stretched by a rule are rounded to small
//! integer fractions of a level.

use super::{Error, ImageSet, Pixels, Tape};
use crate::event::{Event, Listen};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Mean and standard deviation per channel, of pixels in [0, 1].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    /// Over all pixels of all images.
    pub mean: Vec<f32>,
    /// Over all pixels of all images, around that mean; never 0 (see [`statistics`]).
    pub sd: Vec<f32>,
}

impl Statistics {
    /// Pixels unchanged.
    pub fn none(channels: usize) -> Self {
        Self { mean: vec![0.0; channels], sd: vec![1.0; channels] }
    }
}

/// Images read between two calls of the listener.
const CHUNK: usize = 256;

/// Reads the images of `rows` and computes mean and standard deviation of each channel. Every pixel counts
/// the same.
///
/// A channel without any variation gets an SD of one grey level, 1/255: dividing by 0 would make every pixel
/// NaN, and dividing by less would blow up the first image that is not empty there.
///
/// # Errors
/// If an image cannot be read, or if the listener asks to stop.
pub fn statistics(set: &ImageSet, rows: &[u32], listen: &mut dyn Listen) -> Result<Statistics, Error> {
    listen.receive(&Event::Began { what: "measuring intensities", unit: "image", total: rows.len() as u64 });
    let mut sums = vec![Sums::default(); set.channels.len()];
    let mut done = 0;
    for chunk in rows.chunks(CHUNK) {
        let of_chunk = chunk
            .par_iter()
            .map(|&row| set.read(row).map(|tape| sums_of(&tape)))
            .try_reduce(|| vec![Sums::default(); set.channels.len()], |a, b| Ok(merge(a, &b)))?;
        sums = merge(sums, &of_chunk);
        done += chunk.len() as u64;
        listen.receive(&Event::Advanced { done, note: &set.name });
        if listen.stop() {
            return Err(Error::Stopped);
        }
    }
    listen.receive(&Event::Ended);
    let one = one(set.intensity.is_some());
    let (mean, sd) =
        sums.iter().map(|sums| sums.moments(one)).map(|(mean, sd)| (mean, at_least_a_level(sd))).unzip();
    Ok(Statistics { mean, sd })
}

fn at_least_a_level(sd: f32) -> f32 {
    if sd == 0.0 { 1.0 / 255.0 } else { sd }
}

/// Mean and standard deviation of each channel of one image, which may be 0.
pub(super) fn of_image(tape: &Tape) -> Statistics {
    let one = one(matches!(tape.pixels, Pixels::Floats(_)));
    let (mean, sd) = sums_of(tape).iter().map(|sums| sums.moments(one)).unzip();
    Statistics { mean, sd }
}

/// What a pixel of 1 counts as, in images of floats or of bytes.
fn one(floats: bool) -> f64 {
    if floats { 255.0 * PARTS } else { 255.0 }
}

/// Fractions of a grey level: 64 per step of a 16-bit image that uses its whole range. Sums of squares times
/// counts stay below 2^128 for four trillion pixels.
const PARTS: f64 = 16_384.0;

/// Sums of one channel's grey levels.
#[derive(Clone, Copy, Default)]
struct Sums {
    n: u64,
    sum: u128,
    squares: u128,
}

impl Sums {
    /// `one`: the value that a pixel of 1 counts as.
    fn moments(&self, one: f64) -> (f32, f32) {
        let n = u128::from(self.n.max(1));
        let variance = n * self.squares - self.sum.pow(2); // exact, times n²
        let mean = self.sum as f64 / (n as f64 * one);
        let sd = (variance as f64).sqrt() / (n as f64 * one);
        (mean as f32, sd as f32)
    }
}

fn sums_of(tape: &Tape) -> Vec<Sums> {
    match &tape.pixels {
        Pixels::Bytes(pixels) => sums_by(tape, pixels, u32::from),
        Pixels::Floats(pixels) => sums_by(tape, pixels, |level| (f64::from(level) * PARTS).round() as u32),
    }
}

fn sums_by<P: Copy>(tape: &Tape, pixels: &[P], parts: impl Fn(P) -> u32) -> Vec<Sums> {
    let mut sums = vec![Sums::default(); tape.channels];
    for row in pixels.chunks_exact(tape.width * tape.channels) {
        for (channel, sums) in row.chunks_exact(tape.width).zip(&mut sums) {
            sums.n += channel.len() as u64;
            sums.sum += u128::from(channel.iter().map(|&pixel| u64::from(parts(pixel))).sum::<u64>());
            // at most 2^44 each: a million columns fit
            sums.squares +=
                u128::from(channel.iter().map(|&pixel| u64::from(parts(pixel)).pow(2)).sum::<u64>());
        }
    }
    sums
}

fn merge(mut a: Vec<Sums>, b: &[Sums]) -> Vec<Sums> {
    for (a, b) in a.iter_mut().zip(b) {
        *a = Sums { n: a.n + b.n, sum: a.sum + b.sum, squares: a.squares + b.squares };
    }
    a
}
