//! Mean and SD of each feature over some images, and features on that scale.

use super::{Error, FeatureRows, features::in_blocks};

/// Mean and SD of each feature. The SD of a feature that does not vary is 0.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Moments {
    pub(super) mean: Vec<f64>,
    pub(super) sd: Vec<f64>,
}

/// Rounding alone makes a constant feature vary by a few units in the last place.
const CONSTANT: f64 = 1e-6;

impl Moments {
    /// Over rows of several matrices of equal width. Numbers are added in order, so that the size of blocks does not matter.
    ///
    /// # Errors
    /// Rows that cannot be read, or features that are no numbers.
    pub(super) fn of(parts: &[(&dyn FeatureRows, &[u32])]) -> Result<Self, Error> {
        let width = parts.first().map_or(0, |(features, _)| features.width());
        let n = parts.iter().map(|(_, rows)| rows.len()).sum::<usize>().max(1) as f64;
        let sums = |term: &dyn Fn(usize, f64) -> f64| {
            let mut sums = vec![0f64; width];
            for (features, rows) in parts {
                each(*features, rows, |image| {
                    image.iter().enumerate().for_each(|(at, value)| sums[at] += term(at, f64::from(*value)));
                })?;
            }
            Ok::<_, Error>(sums)
        };
        let mean: Vec<f64> = sums(&|_, value| value)?.into_iter().map(|sum| sum / n).collect();
        let squares = sums(&|at, value| (value - mean[at]).powi(2))?;
        let sd = squares.iter().zip(&mean).map(|(sum, mean)| {
            let sd = (sum / n).sqrt();
            if sd > CONSTANT * mean.abs().max(CONSTANT) { sd } else { 0.0 }
        });
        let sd = sd.collect();
        Ok(Self { mean, sd })
    }

    /// A feature with this number, centred and scaled; 0 if it does not vary.
    pub(super) fn scale(&self, at: usize, value: f32) -> f64 {
        let (mean, sd) = (self.mean[at], self.sd[at]);
        if sd > 0.0 { (f64::from(value) - mean) / sd } else { 0.0 }
    }

    /// Passes some images to `take`, in order, centred and scaled.
    ///
    /// # Errors
    /// Rows that cannot be read, or features that are no numbers.
    pub(super) fn scaled(
        &self,
        features: &dyn FeatureRows,
        rows: &[u32],
        mut take: impl FnMut(&[f64]),
    ) -> Result<(), Error> {
        let mut z = vec![0f64; self.mean.len()];
        each(features, rows, |image| {
            z.iter_mut().enumerate().for_each(|(at, z)| *z = self.scale(at, image[at]));
            take(&z);
        })
    }
}

/// Passes some images to `take`, in order.
fn each(features: &dyn FeatureRows, rows: &[u32], mut take: impl FnMut(&[f32])) -> Result<(), Error> {
    in_blocks(features, rows, |_, _, values| {
        values.chunks_exact(features.width()).for_each(&mut take);
        Ok(())
    })
}
