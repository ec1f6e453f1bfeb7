//! Features on a common scale, that of the training images.

use super::{
    super::{Error, FeatureRows, features::rows_of_a_block},
    NOTHING,
};

/// Features whose columns have mean 0 and SD 1 over the training rows. A column that is constant there
/// becomes 0.
pub struct ZScored<F> {
    of: F,
    means: Vec<f64>,
    deviations: Vec<f64>,
}

impl<F: FeatureRows> ZScored<F> {
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

impl<F: FeatureRows> FeatureRows for ZScored<F> {
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
