//! Weighted k-nearest neighbours on the unit sphere: the label with the largest sum of weights `exp(cosine / T)`.
//!
//! As DINO and DINOv2 evaluate (k 20, T 0.07), and as CODA selects checkpoints (k 50, T 0.1). Neighbours are exact: products in
//! float32 select candidates within a bound of their rounding, float64 decides, and of equals the first wins.

use super::{Error, FeatureRows, features::in_blocks, vectors::dot};
use crate::event::Listen;
use candle_core::{Device, Tensor};
use rayon::prelude::*;

/// Products that are held at once.
const PRODUCTS: usize = 1 << 23;
/// Rounding of a product of two unit vectors in float32, for each number of a row.
const ROUNDING: f32 = f32::EPSILON;

/// A neighbour: its place among the references, and the cosine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Near {
    /// The place among the references.
    pub place: u32,
    /// The cosine.
    pub cosine: f64,
}

/// Rows of features with length 1.
#[derive(Clone, Debug)]
pub struct Unit {
    width: usize,
    rows: Vec<f64>,
}

impl Unit {
    /// Of some rows.
    ///
    /// # Errors
    /// Rows that cannot be read, are no numbers, or have no direction.
    pub fn read(features: &dyn FeatureRows, rows: &[u32]) -> Result<Self, Error> {
        let width = features.width();
        let mut all = Self { width, rows: Vec::with_capacity(rows.len() * width) };
        in_blocks(features, rows, |_, rows, values| {
            for (row, image) in rows.iter().zip(values.chunks_exact(width)) {
                let image: Vec<f64> = image.iter().map(|value| f64::from(*value)).collect();
                if !all.push(&image) {
                    return Err(Error::ZeroRow { row: *row as usize });
                }
            }
            Ok(())
        })?;
        Ok(all)
    }

    /// No rows yet, of this width.
    pub fn empty(width: usize) -> Self {
        Self { width, rows: Vec::new() }
    }

    /// Adds a row, unless it has no direction; whether it has one.
    #[must_use]
    pub fn push(&mut self, row: &[f64]) -> bool {
        let length = dot(row, row).sqrt();
        if length.is_nan() || length <= 0.0 {
            return false;
        }
        self.rows.extend(row.iter().map(|value| value / length));
        true
    }

    /// Adds the rows of another.
    ///
    /// # Errors
    /// They have another width.
    pub fn append(&mut self, other: Self) -> Result<(), Error> {
        if other.width != self.width {
            let (expected, found) = (self.width, other.width);
            return Err(Error::Mismatch {
                what: "features for each image, as those of the other sets",
                expected,
                found,
            });
        }
        self.rows.extend(other.rows);
        Ok(())
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.rows.len() / self.width.max(1)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn row(&self, at: usize) -> &[f64] {
        &self.rows[at * self.width..][..self.width]
    }

    /// Some rows in float32, as a matrix.
    fn matrix(&self, from: usize, rows: usize) -> Result<Tensor, Error> {
        let values = self.rows[from * self.width..][..rows * self.width].iter();
        let values: Vec<f32> = values.map(|value| *value as f32).collect();
        Ok(Tensor::from_vec(values, (rows, self.width), &Device::Cpu)?)
    }
}

/// The `k` nearest references of each query, the nearest first; all of them if there are fewer.
///
/// # Errors
/// No references, rows of different widths, or the listener asks to stop.
pub fn nearest(
    references: &Unit,
    queries: &Unit,
    k: usize,
    listen: &dyn Listen,
) -> Result<Vec<Vec<Near>>, Error> {
    if references.is_empty() {
        return Err(Error::Empty { what: "reference" });
    }
    if references.width != queries.width {
        let (expected, found) = (references.width, queries.width);
        return Err(Error::Mismatch {
            what: "features for each image, as the references have",
            expected,
            found,
        });
    }
    let count = references.len();
    let all = references.matrix(0, count)?.t()?.contiguous()?;
    let (mut found, block) = (Vec::with_capacity(queries.len()), (PRODUCTS / count).max(1));
    for first in (0..queries.len()).step_by(block) {
        if listen.stop() {
            return Err(Error::Stopped);
        }
        let rows = block.min(queries.len() - first);
        let products = queries.matrix(first, rows)?.matmul(&all)?.flatten_all()?.to_vec1::<f32>()?;
        let of = |(at, products): (usize, &[f32])| of_query(references, queries.row(first + at), products, k);
        found.par_extend(products.par_chunks_exact(count).enumerate().map(of));
    }
    Ok(found)
}

/// The nearest of one query by its products in float32.
fn of_query(references: &Unit, query: &[f64], products: &[f32], k: usize) -> Vec<Near> {
    let k = k.min(products.len());
    let mut sorted = products.to_vec();
    let (_, last, _) = sorted.select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a));
    // A product is off by its own rounding and by that of both vectors.
    let bound = *last - 2.0 * (query.len() as f32 + 4.0) * ROUNDING;
    let candidates = products.iter().enumerate().filter(|(_, product)| **product >= bound);
    let exact =
        candidates.map(|(place, _)| Near { place: place as u32, cosine: dot(query, references.row(place)) });
    let mut exact: Vec<Near> = exact.collect();
    exact.sort_by(|a, b| b.cosine.total_cmp(&a.cosine).then(a.place.cmp(&b.place)));
    exact.truncate(k);
    exact
}

/// Shares of the classes among the first `k` of these neighbours, weighed by `exp(cosine / temperature)`. Weights are divided
/// by the sum over all neighbours that are given, as DINOv2 does where several k are scored at once: then only the shares of
/// the largest k sum to 1.
pub fn shares(near: &[Near], k: usize, temperature: f64, labels: &[u16], classes: usize) -> Vec<f64> {
    let mut shares = vec![0f64; classes];
    let Some(first) = near.first() else { return shares };
    let weight = |near: &Near| ((near.cosine - first.cosine) / temperature).exp();
    let sum: f64 = near.iter().map(weight).sum();
    for near in &near[..k.min(near.len())] {
        shares[usize::from(labels[near.place as usize])] += weight(near) / sum;
    }
    shares
}

#[cfg(test)]
mod tests;
