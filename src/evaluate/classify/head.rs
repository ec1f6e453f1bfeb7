//! A linear classifier on features.

use super::standardised::Scales;
use crate::evaluate::{Error, FeatureRows, features::rows_of_a_block};
use rayon::prelude::*;

/// A linear classifier: the logit of class c is `weight[c] · x + bias[c]`.
#[derive(Clone, Debug, PartialEq)]
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
        let (mut values, block) = (Vec::new(), rows_of_a_block(width));
        for (number, rows) in rows.chunks(block).enumerate() {
            values.resize(rows.len() * width, 0f32);
            features.read(rows, &mut values)?;
            finite(rows, &values, width)?;
            let first = number * block;
            let out = votes[first * classes..][..rows.len() * classes].par_chunks_exact_mut(classes);
            let images = values.par_chunks_exact(width).zip(out).enumerate();
            images.for_each_init(Vec::new, |x, (at, (image, out))| {
                scales.read(first + at, image, x);
                self.logits(x, out);
                log_softmax(out);
            });
        }
        Ok(votes)
    }
}

/// Refuses features that are no numbers.
pub(in crate::evaluate) fn finite(rows: &[u32], values: &[f32], width: usize) -> Result<(), Error> {
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(at) => {
            let (row, column) = (rows[at / width] as usize, at % width);
            Err(Error::NotFinite { row, column, value: values[at] })
        }
    }
}

/// Added in four running sums, so that the compiler may compute them side by side.
pub(in crate::evaluate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a4, a_rest) = a.as_chunks::<4>();
    let (b4, b_rest) = b.as_chunks::<4>();
    let mut sums = [0f64; 4];
    for (a, b) in a4.iter().zip(b4) {
        for at in 0..4 {
            sums[at] += a[at] * b[at];
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

/// Logits become log-probabilities.
pub(in crate::evaluate) fn log_softmax(values: &mut [f64]) {
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = values.iter().map(|value| (value - largest).exp()).sum();
    let log = largest + sum.ln();
    values.iter_mut().for_each(|value| *value -= log);
}

/// The class of the largest log-probability, the first among equals, and its probability.
pub(super) fn likeliest(votes: &[f64]) -> (u16, f32) {
    let mut best = 0;
    for (class, vote) in votes.iter().enumerate() {
        if *vote > votes[best] {
            best = class;
        }
    }
    (best as u16, votes[best].exp() as f32)
}
