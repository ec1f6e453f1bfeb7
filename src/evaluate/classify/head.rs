//! A linear classifier on features.

use super::standardised::Scales;
use crate::evaluate::{
    Error, FeatureRows,
    features::in_blocks,
    vectors::{dot, first_largest, log_softmax},
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// A linear classifier: the logit of class c is `weight[c] · x + bias[c]`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Head {
    /// The names of the classes, sorted.
    pub classes: Vec<String>,
    /// Classes × width, row after row.
    pub weight: Vec<f64>,
    /// One for each class.
    pub bias: Vec<f64>,
}

impl Head {
    /// Of weights as they are trained.
    pub fn new(classes: Vec<String>, weight: &[f32], bias: &[f32]) -> Self {
        let wide = |values: &[f32]| values.iter().map(|value| f64::from(*value)).collect();
        Self { classes, weight: wide(weight), bias: wide(bias) }
    }

    /// The number of features that it reads.
    pub fn width(&self) -> usize {
        self.weight.len() / self.classes.len().max(1)
    }

    pub(super) fn fits(&self, width: usize) -> Result<(), Error> {
        if self.bias.len() != self.classes.len() || self.weight.len() != self.classes.len() * width {
            let (expected, found) = (self.width(), width);
            return Err(Error::Mismatch {
                what: "features for each image, as the classifier reads",
                expected,
                found,
            });
        }
        Ok(())
    }

    /// The logits of one image.
    pub(super) fn logits(&self, x: &[f64], out: &mut [f64]) {
        for ((out, weight), bias) in out.iter_mut().zip(self.weight.chunks_exact(x.len())).zip(&self.bias) {
            *out = bias + dot(weight, x);
        }
    }

    /// The likeliest class of each image, the first among equals; `features` are those of all images, row after row.
    pub fn answers<'a>(&'a self, features: &'a [f32], width: usize) -> impl Iterator<Item = usize> + 'a {
        let mut logits = vec![0.0; self.classes.len()];
        features.chunks_exact(width).map(move |image| {
            let wide: Vec<f64> = image.iter().map(|value| f64::from(*value)).collect();
            self.logits(&wide, &mut logits);
            usize::from(likeliest(&logits).0)
        })
    }

    /// Log-probabilities of all classes for these rows, row after row.
    pub(super) fn votes(
        &self,
        features: &dyn FeatureRows,
        rows: &[u32],
        scales: &Scales,
    ) -> Result<Vec<f64>, Error> {
        let (width, classes) = (features.width(), self.classes.len());
        let mut votes = vec![0f64; rows.len() * classes];
        in_blocks(features, rows, |first, rows, values| {
            let out = votes[first * classes..][..rows.len() * classes].par_chunks_exact_mut(classes);
            let images = values.par_chunks_exact(width).zip(out).enumerate();
            images.for_each_init(Vec::new, |x, (at, (image, out))| {
                scales.read(first + at, image, x);
                self.logits(x, out);
                log_softmax(out);
            });
            Ok(())
        })?;
        Ok(votes)
    }
}

/// The class of the largest log-probability, the first among equals, and its probability.
pub(super) fn likeliest(votes: &[f64]) -> (u16, f32) {
    let best = first_largest(votes);
    (best as u16, votes[best].exp() as f32)
}
