//! A block of rows, prepared for products.

use super::arithmetic::{direction, dot};
use crate::{
    evaluate::{Error, FeatureRows, features::rows_of_a_block},
    spec::Metric,
};
use rayon::prelude::*;

/// Rows as the operands of a product.
pub(super) struct Prepared {
    pub(super) width: usize,
    /// Directions for the cosine, centred rows for the distance.
    pub(super) values: Vec<f32>,
    /// The raw rows; only the distance needs them.
    pub(super) exact: Vec<f32>,
    /// Squared length of each of the values.
    squares: Vec<f64>,
    /// Half of it; only the distance needs it.
    pub(super) half_squares: Vec<f32>,
}

impl Prepared {
    /// Reads rows in order. `centre` is subtracted before distances are computed.
    ///
    /// # Errors
    /// If they cannot be read.
    pub(super) fn read(
        features: &dyn FeatureRows,
        rows: &[u32],
        metric: Metric,
        centre: Option<&[f32]>,
    ) -> Result<Self, Error> {
        let width = features.width();
        let mut values = vec![0f32; rows.len() * width];
        let few = rows_of_a_block(width);
        let parts = values.par_chunks_mut(few * width).zip(rows.par_chunks(few));
        let read: Vec<Result<(), Error>> = parts.map(|(out, rows)| features.read(rows, out)).collect();
        read.into_iter().collect::<Result<(), _>>()?;
        Ok(Self::of(values, width, metric, centre))
    }

    /// Prepares rows that are in memory.
    pub(super) fn of(mut values: Vec<f32>, width: usize, metric: Metric, centre: Option<&[f32]>) -> Self {
        let exact = match metric {
            Metric::Cosine => {
                values.par_chunks_exact_mut(width).for_each(direction);
                Vec::new()
            }
            Metric::L2 => {
                let exact = values.clone();
                let centre = centre.unwrap_or_default();
                values.par_chunks_exact_mut(width).for_each(|row| {
                    row.iter_mut().zip(centre).for_each(|(x, c)| *x -= c);
                });
                exact
            }
        };
        let squares: Vec<f64> = values.par_chunks_exact(width).map(|row| dot(row, row)).collect();
        let half_squares = match metric {
            Metric::Cosine => Vec::new(),
            Metric::L2 => squares.iter().map(|square| (0.5 * square) as f32).collect(),
        };
        Self { width, values, exact, squares, half_squares }
    }

    pub(super) fn count(&self) -> usize {
        self.squares.len()
    }

    /// The values of `count` rows starting at `first`.
    pub(super) fn some(&self, first: usize, count: usize) -> &[f32] {
        &self.values[first * self.width..(first + count) * self.width]
    }

    /// The length of a row.
    pub(super) fn length(&self, row: usize) -> f64 {
        self.squares[row].sqrt()
    }

    /// The length of the longest row.
    pub(super) fn longest(&self) -> f64 {
        self.squares.iter().fold(0.0, |a: f64, b| a.max(*b)).sqrt()
    }
}
