//! Centred kernel alignment of two representations of the same images: how alike two layers, or two models, are.
//!
//! The unbiased estimator with a linear kernel (Song et al. 2012; Nguyen et al. 2021), in float64. Over mini-batches there are
//! two rules: the ratio of summed HSICs ([`MiniBatches::ratio_of_sums`]), which hardly depends on the size of batches, and the mean of
//! the batches' ratios ([`MiniBatches::mean_of_ratios`]), which published figures show and which is biased where batches are small.

mod layers;

pub use layers::{Layers, Tokens};

use super::{Error, vectors::dot};
use candle_core::{Device, Tensor};

/// Least images of a batch: the estimator divides by n - 3.
pub const LEAST: usize = 4;

/// Unbiased HSIC of two representations, and of each with itself.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Hsic {
    /// Of both.
    pub xy: f64,
    /// Of the first with itself.
    pub xx: f64,
    /// Of the second with itself.
    pub yy: f64,
}

impl Hsic {
    /// Of the same images in the same order, each `width` numbers in a row.
    ///
    /// # Errors
    /// Fewer than [`LEAST`] images, or different numbers of them.
    pub fn of<T: Copy + Into<f64>>(
        (x, x_width): (&[T], usize),
        (y, y_width): (&[T], usize),
    ) -> Result<Self, Error> {
        let (k, l) = (Gram::of(x, x_width)?, Gram::of(y, y_width)?);
        k.hsic(&l)
    }

    /// CKA: 1 for representations that are alike up to rotation and scale, about 0 for unrelated ones, and not a number where
    /// one of them is the same for all images. Being unbiased, it can be below 0.
    pub fn cka(self) -> f64 {
        self.xy / (self.xx * self.yy).sqrt()
    }
}

/// Products of the representations of all pairs of images, centred without bias: a layer that is compared with many is
/// multiplied once.
pub struct Gram {
    images: usize,
    centred: Vec<f64>,
}

impl Gram {
    /// Of images with `width` numbers in a row each.
    ///
    /// # Errors
    /// Fewer than [`LEAST`] images, or numbers that do not fill whole rows.
    pub fn of<T: Copy + Into<f64>>(values: &[T], width: usize) -> Result<Self, Error> {
        if width == 0 || !values.len().is_multiple_of(width) {
            return Err(Error::Shape { width, len: values.len() });
        }
        let images = values.len() / width;
        if images < LEAST {
            return Err(Error::Mismatch { what: "or more images for CKA", expected: LEAST, found: images });
        }
        let wide: Vec<f64> = values.iter().map(|value| (*value).into()).collect();
        let wide = Tensor::from_vec(wide, (images, width), &Device::Cpu)?;
        let mut centred = wide.matmul(&wide.t()?)?.flatten_all()?.to_vec1::<f64>()?;
        centred.iter_mut().step_by(images + 1).for_each(|own| *own = 0.0);
        // A product and its mirror image may differ in the last bit.
        mirror(&mut centred, images);
        let n = images as f64;
        let mut means: Vec<f64> =
            centred.chunks_exact(images).map(|row| row.iter().sum::<f64>() / (n - 2.0)).collect();
        let half = means.iter().sum::<f64>() / (2.0 * (n - 1.0));
        means.iter_mut().for_each(|mean| *mean -= half);
        for (i, row) in centred.chunks_exact_mut(images).enumerate() {
            row.iter_mut().zip(&means).for_each(|(value, mean)| *value -= mean + means[i]);
            row[i] = 0.0;
        }
        Ok(Self { images, centred })
    }

    /// The numbers above the diagonal, row by row: those below are the same, and those on it are 0.
    fn above(&self) -> impl Iterator<Item = f64> + '_ {
        let rows = self.centred.chunks_exact(self.images).enumerate();
        rows.flat_map(|(at, row)| &row[at + 1..]).copied()
    }

    /// The inverse of [`above`](Self::above), of this number of images.
    fn of_above(images: usize, above: &[f64]) -> Self {
        let (mut centred, mut rest) = (vec![0f64; images * images], above);
        for (at, row) in centred.chunks_exact_mut(images).enumerate() {
            let (own, others) = rest.split_at(images - at - 1);
            row[at + 1..].copy_from_slice(own);
            rest = others;
        }
        mirror(&mut centred, images);
        Self { images, centred }
    }

    /// HSIC with another representation of the same images.
    ///
    /// # Errors
    /// Different numbers of images.
    pub fn hsic(&self, other: &Self) -> Result<Hsic, Error> {
        if self.images != other.images {
            let (expected, found) = (self.images, other.images);
            return Err(Error::Mismatch { what: "images in both representations", expected, found });
        }
        let n = self.images as f64;
        let of = |a: &Self, b: &Self| dot(&a.centred, &b.centred) / (n * (n - 3.0));
        Ok(Hsic { xy: of(self, other), xx: of(self, self), yy: of(other, other) })
    }
}

/// Copies what is above the diagonal of a square below it.
fn mirror(square: &mut [f64], side: usize) {
    for row in 1..side {
        for column in 0..row {
            square[row * side + column] = square[column * side + row];
        }
    }
}

/// CKA over mini-batches, each of which counts the same.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MiniBatches {
    sums: Hsic,
    ratios: f64,
    batches: usize,
}

impl MiniBatches {
    /// Adds a batch. One that is shorter than the others counts as much as they: leave it out.
    pub fn add(&mut self, batch: Hsic) {
        self.sums.xy += batch.xy;
        self.sums.xx += batch.xx;
        self.sums.yy += batch.yy;
        self.ratios += batch.cka();
        self.batches += 1;
    }

    /// The ratio of the summed HSICs: the default.
    pub fn ratio_of_sums(&self) -> f64 {
        self.sums.cka()
    }

    /// The mean of the batches' ratios.
    pub fn mean_of_ratios(&self) -> f64 {
        self.ratios / self.batches as f64
    }
}

#[cfg(test)]
mod tests;
