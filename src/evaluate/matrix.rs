//! Features as they lie in a file or in memory.

use super::Error;
use crate::spec::Metric;

/// Features, one image per row.
#[derive(Clone, Copy, Debug)]
pub struct FeatureMatrix<'a> {
    /// Columns.
    pub width: usize,
    /// Row after row.
    pub values: &'a [f32],
}

impl<'a> FeatureMatrix<'a> {
    /// A matrix of `width` columns.
    ///
    /// # Errors
    /// If the values do not fill whole rows.
    pub fn new(width: usize, values: &'a [f32]) -> Result<Self, Error> {
        if width == 0 || !values.len().is_multiple_of(width) {
            return Err(Error::Shape { width, len: values.len() });
        }
        Ok(Self { width, values })
    }

    /// How many images.
    pub fn rows(&self) -> usize {
        self.values.len() / self.width
    }

    /// The features of one image.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn row(&self, row: usize) -> &'a [f32] {
        &self.values[row * self.width..(row + 1) * self.width]
    }

    /// Some of the rows, in the order of `rows`.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn gather(&self, rows: impl Iterator<Item = u32>) -> Vec<f32> {
        rows.flat_map(|row| self.row(row as usize)).copied().collect()
    }

    /// Refuses what no distance can be computed from: NaN and infinities; for the cosine also rows of zeros.
    ///
    /// # Errors
    /// The first such row among `rows`.
    pub fn check(&self, rows: impl Iterator<Item = u32>, metric: Metric) -> Result<(), Error> {
        for row in rows.map(|row| row as usize) {
            let values = self.row(row);
            if let Some(column) = values.iter().position(|value| !value.is_finite()) {
                return Err(Error::NotFinite { row, column, value: values[column] });
            }
            if metric == Metric::Cosine && values.iter().all(|value| *value == 0.0) {
                return Err(Error::ZeroRow { row });
            }
        }
        Ok(())
    }
}
