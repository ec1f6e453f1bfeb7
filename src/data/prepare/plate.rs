//! What is measured of a channel of a plate before its images are made: the mean image, the light that falls on it, and the
//! grey level that nearly all pixels are below.

use super::plane::{Plane, rounded};

/// Thumbs for the mean image are smaller by this.
const SHRUNK: f64 = 4.0;
/// The radius, in pixels of a thumb, of the disk over which the mean image's median is taken.
pub(super) const RADIUS: usize = 24;
/// Share of a plate's pixels up to its top.
const TOP: f64 = 0.9999;

/// Sums over images of one channel of a plate.
pub(super) struct Sums {
    mean: Option<Plane>,
    images: u64,
    counts: Vec<u64>,
}

/// One image, as it goes into the sums.
pub(super) struct Thumb {
    small: Option<Plane>,
    counts: Vec<u32>,
}

/// What is kept of the sums.
#[derive(Debug, PartialEq)]
pub(super) struct Measured {
    /// The median of the mean image over disks, of the size of a thumb; none where the light is given.
    pub(super) smooth: Option<Plane>,
    /// The grey level that one pixel in ten thousand is above.
    pub(super) top: f64,
}

/// What the images of a channel are corrected by.
#[derive(Debug)]
pub(super) struct Light {
    /// At each pixel, how much more light there is than where there is least.
    pub(super) field: Plane,
    /// The grey level that one pixel in ten thousand is above.
    pub(super) top: f64,
}

/// The sides of a thumb, before they are rounded.
fn small(size: [usize; 2]) -> [f64; 2] {
    size.map(|side| side as f64 / SHRUNK)
}

/// Rows and columns of a thumb.
pub(super) fn thumb_size(size: [usize; 2]) -> [usize; 2] {
    small(size).map(rounded)
}

impl Thumb {
    /// Of an image; without its picture where only grey levels are asked for.
    pub(super) fn of(levels: &[u16], size: [usize; 2], picture: bool) -> Self {
        let mut counts = vec![0; 65536];
        levels.iter().for_each(|level| counts[usize::from(*level)] += 1);
        let fill = |row: usize, into: &mut [f64]| {
            let levels = &levels[row * size[1]..][..size[1]];
            into.iter_mut().zip(levels).for_each(|(value, level)| *value = f64::from(*level));
        };
        Self { small: picture.then(|| Plane::resized_from(size, small(size), fill)), counts }
    }
}

impl Sums {
    pub(super) fn new() -> Self {
        Self { mean: None, images: 0, counts: vec![0; 65536] }
    }

    /// Adds an image; in a fixed order, sums have the same bits.
    pub(super) fn add(&mut self, thumb: Thumb) {
        self.images += 1;
        self.counts.iter_mut().zip(&thumb.counts).for_each(|(sum, count)| *sum += u64::from(*count));
        match (&mut self.mean, thumb.small) {
            (Some(mean), Some(small)) => {
                mean.values.iter_mut().zip(&small.values).for_each(|(sum, value)| *sum += value);
            }
            (mean, small) => *mean = small,
        }
    }

    /// How many images were added.
    pub(super) fn images(&self) -> u64 {
        self.images
    }

    /// What is kept: the mean smoothed by the median over disks of `radius` pixels.
    pub(super) fn finish(self, radius: usize) -> Measured {
        let smooth = self.mean.map(|mut mean| {
            mean.values.iter_mut().for_each(|sum| *sum /= self.images as f64);
            mean.median(radius)
        });
        let all: u64 = self.counts.iter().sum();
        let mut below = 0;
        let is_top = |count: &u64| {
            below += count;
            below as f64 / all as f64 > TOP
        };
        let top = self.counts.iter().position(is_top).unwrap_or(65535);
        Measured { smooth, top: top as f64 }
    }
}

impl Light {
    /// The light of a plate, as its mean image shows it.
    pub(super) fn of(smooth: &Plane, size: [usize; 2], top: f64) -> Self {
        let mut field = smooth.resized(size.map(|side| side as f64));
        let [low] = field.percentiles([2.0]);
        // Of dark channels there is nothing to learn about the light.
        field.values.iter_mut().for_each(|value| *value = if low > 0.0 { value.max(low) / low } else { 1.0 });
        Self { field, top }
    }
}
