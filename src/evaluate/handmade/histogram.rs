//! Moments and percentiles of a channel, from its histogram.

use super::{ADDED_TO_SD, Greys, NOTHING, PERCENTILES};

/// How often each grey level occurs in a channel: moments and percentiles depend on nothing else.
pub(super) struct Histogram {
    counts: Vec<u32>,
    pixels: f64,
    scale: Scale,
    mean: f64,
}

/// What grey levels 0 to 1 are measured as: `(grey - zero) / unit`.
#[derive(Clone, Copy)]
pub(super) struct Scale {
    zero: f64,
    unit: f64,
}

impl Scale {
    /// Grey levels as they are.
    const STORED: Self = Self { zero: 0.0, unit: 1.0 };

    pub(super) fn of(self, grey: f64) -> f64 {
        (grey - self.zero) / self.unit
    }
}

impl Histogram {
    /// Of grey levels below `levels`, the last of which is 1.
    pub(super) fn of(levels: usize, greys: impl Iterator<Item = usize>) -> Self {
        let mut counts = vec![0u32; levels];
        greys.for_each(|grey| counts[grey] += 1);
        let pixels = counts.iter().map(|count| f64::from(*count)).sum();
        let mut histogram = Self { counts, pixels, scale: Scale::STORED, mean: 0.0 };
        histogram.mean = histogram.expect(|grey| grey);
        histogram
    }

    /// The same pixels on another scale.
    pub(super) fn of_greys(self, greys: Greys) -> Self {
        match greys {
            Greys::Stored => self,
            Greys::Standardised => {
                let scale = Scale { zero: self.mean, unit: self.central(2).sqrt() + ADDED_TO_SD };
                // Exactly 0: rounding would make it a feature that varies.
                Self { scale, mean: scale.of(self.mean), ..self }
            }
        }
    }

    pub(super) fn scale(&self) -> Scale {
        self.scale
    }

    pub(super) fn mean(&self) -> f64 {
        self.mean
    }

    pub(super) fn pixels(&self) -> f64 {
        self.pixels
    }

    fn expect(&self, value: impl Fn(f64) -> f64) -> f64 {
        let levels = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        levels.map(|(level, count)| f64::from(*count) * value(self.grey(level))).sum::<f64>() / self.pixels
    }

    /// What a level is measured as.
    fn grey(&self, level: usize) -> f64 {
        self.scale.of(level as f64 / (self.counts.len() - 1) as f64)
    }

    pub(super) fn central(&self, power: i32) -> f64 {
        self.expect(|grey| (grey - self.mean).powi(power))
    }

    /// Mean, SD, skewness, excess kurtosis. The last two are 0 for a flat channel.
    pub(super) fn moments(&self) -> [f64; 4] {
        let deviation = self.central(2).sqrt();
        if deviation < NOTHING {
            return [self.mean, deviation, 0.0, 0.0];
        }
        let skewness = self.central(3) / deviation.powi(3);
        [self.mean, deviation, skewness, self.central(4) / deviation.powi(4) - 3.0]
    }

    pub(super) fn percentiles(&self) -> [f64; PERCENTILES.len()] {
        PERCENTILES.map(|share| {
            let (rank, mut below) = (share * self.pixels, 0.0);
            let level = self.counts.iter().position(|count| {
                below += f64::from(*count);
                below > rank
            });
            self.grey(level.unwrap_or(self.counts.len() - 1))
        })
    }
}
