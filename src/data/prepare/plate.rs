//! What is measured of a plate and channel before its images are made: the mean image, the light that falls on it, and the
//! grey level that nearly all pixels are below.

use super::plane::Plane;

/// Thumbs for the mean image are smaller by this.
const SHRUNK: f64 = 4.0;
/// Share of a plate's pixels up to its top.
const TOP: f64 = 0.9999;

/// Sums over images of one channel of a plate.
pub(super) struct Sums {
    size: [usize; 2],
    mean: Option<Plane>,
    images: u64,
    counts: Vec<u64>,
}

/// What the images of a channel are corrected by.
#[derive(Debug)]
pub(super) struct Light {
    /// At each pixel, how much more light there is than where there is least.
    pub(super) field: Plane,
    /// The grey level that one pixel in ten thousand is above.
    pub(super) top: f64,
}

/// One image, as it goes into the sums.
pub(super) struct Thumb {
    small: Plane,
    counts: Vec<u32>,
}

impl Thumb {
    pub(super) fn of(levels: &[u16], [height, width]: [usize; 2]) -> Self {
        let mut counts = vec![0; 65536];
        levels.iter().for_each(|level| counts[usize::from(*level)] += 1);
        let plane = Plane::new(height, width, levels.iter().map(|level| f64::from(*level)).collect());
        Self { small: plane.resized([height as f64 / SHRUNK, width as f64 / SHRUNK]), counts }
    }
}

impl Sums {
    pub(super) fn new(size: [usize; 2]) -> Self {
        Self { size, mean: None, images: 0, counts: vec![0; 65536] }
    }

    /// Adds an image; in a fixed order, sums have the same bits.
    pub(super) fn add(&mut self, thumb: Thumb) {
        self.images += 1;
        self.counts.iter_mut().zip(&thumb.counts).for_each(|(sum, count)| *sum += u64::from(*count));
        match &mut self.mean {
            None => self.mean = Some(thumb.small),
            Some(mean) => mean.values.iter_mut().zip(&thumb.small.values).for_each(|(sum, value)| *sum += value),
        }
    }

    /// The light of the plate, smoothed by the median over disks of `radius` pixels of thumbs; none without images.
    pub(super) fn light(mut self, radius: usize) -> Option<Light> {
        let mean = self.mean.as_mut()?;
        mean.values.iter_mut().for_each(|sum| *sum /= self.images as f64);
        let mut field = mean.median(radius).resized(self.size.map(|side| side as f64));
        let [low] = field.percentiles([2.0]);
        // Of dark channels there is nothing to learn about the light.
        field.values.iter_mut().for_each(|value| *value = if low > 0.0 { value.max(low) / low } else { 1.0 });
        let all: u64 = self.counts.iter().sum();
        let mut below = 0;
        let is_top = |count: &u64| {
            below += count;
            below as f64 / all as f64 > TOP
        };
        let top = self.counts.iter().position(is_top).unwrap_or(65535);
        Some(Light { field, top: top as f64 })
    }
}
