//! Mean and standard deviation of each channel over the training images, to the last bit the same for any number of
//! threads: grey levels are whole numbers, and so are their sums.

use super::{Error, ImageSet, Tape};
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
    /// Pixels as they are.
    pub fn none(channels: usize) -> Self {
        Self { mean: vec![0.0; channels], sd: vec![1.0; channels] }
    }
}

/// Images read between two looks at the listener.
const CHUNK: usize = 256;

/// Reads the images of `rows` and takes mean and standard deviation of each channel. Every pixel counts the same.
///
/// A channel without any variation gets the SD of one grey level, 1/255: dividing by 0 would make every pixel NaN, and
/// dividing by less would blow up the first image that is not empty there.
///
/// # Errors
/// If an image cannot be read, or if the listener asks to stop.
pub fn statistics(set: &ImageSet, rows: &[u32], listen: &mut dyn Listen) -> Result<Statistics, Error> {
    listen.hear(&Event::Began { what: "measuring intensities", unit: "image", total: rows.len() as u64 });
    let mut sums = vec![Sums::default(); set.channels.len()];
    let mut done = 0;
    for chunk in rows.chunks(CHUNK) {
        let of_chunk = chunk
            .par_iter()
            .map(|&row| set.read(row).map(|tape| sums_of(&tape)))
            .try_reduce(|| vec![Sums::default(); set.channels.len()], |a, b| Ok(merge(a, &b)))?;
        sums = merge(sums, &of_chunk);
        done += chunk.len() as u64;
        listen.hear(&Event::Advanced { done, note: &set.name });
        if listen.stop() {
            return Err(Error::Stopped);
        }
    }
    listen.hear(&Event::Ended);
    let (mean, sd) = sums.iter().map(Sums::moments).unzip();
    Ok(Statistics { mean, sd })
}

/// Of one channel's grey levels.
#[derive(Clone, Copy, Default)]
struct Sums {
    n: u64,
    sum: u64,
    squares: u64,
}

impl Sums {
    fn moments(&self) -> (f32, f32) {
        let n = u128::from(self.n.max(1));
        let variance = n * u128::from(self.squares) - u128::from(self.sum).pow(2); // exact, times n²
        let mean = self.sum as f64 / (n as f64 * 255.0);
        let sd = (variance as f64).sqrt() / (n as f64 * 255.0);
        (mean as f32, if variance == 0 { 1.0 / 255.0 } else { sd as f32 })
    }
}

fn sums_of(tape: &Tape) -> Vec<Sums> {
    let mut sums = vec![Sums::default(); tape.channels];
    for row in tape.pixels.chunks_exact(tape.width * tape.channels) {
        for (channel, sums) in row.chunks_exact(tape.width).zip(&mut sums) {
            sums.n += channel.len() as u64;
            sums.sum += channel.iter().map(|&pixel| u64::from(pixel)).sum::<u64>();
            sums.squares += channel.iter().map(|&pixel| u64::from(u32::from(pixel).pow(2))).sum::<u64>();
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
