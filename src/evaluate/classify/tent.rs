//! Entropy minimisation on a target, after TENT (Wang et al. 2021), on penultimate features alone.
//!
//! Adapted are scale and shift of each feature, in units of its SD over the source's training images, one pair for all of the
//! target; network and classifier stay as they are. Adam takes full-batch steps down the mean entropy of the predictions.

use super::{
    Head,
    standardised::{Affine, Scales},
};
use crate::{
    evaluate::{Error, FeatureRows, features::in_blocks, moments::Moments, vectors::log_softmax},
    event::Listen,
};
use rayon::prelude::*;

/// Steps, and Adam's rate: a scale and a shift move by at most about 0.2 SD. More steps let the predictions fall to one class.
const STEPS: i32 = 20;
const RATE: f64 = 0.01;
const BETAS: [f64; 2] = [0.9, 0.999];
const EPSILON: f64 = 1e-8;
/// Images whose gradients are added before those of others.
const CHUNK: usize = 64;

/// What is adapted: the factor of each standardised feature, and what is added to it.
struct Pairs {
    factor: Vec<f64>,
    added: Vec<f64>,
}

/// The scales of asked images with the adapted pairs behind them.
pub(super) fn adapted(
    head: &Head,
    features: &dyn FeatureRows,
    rows: &[u32],
    scales: &Scales,
    source: &Moments,
    listen: &dyn Listen,
) -> Result<Scales, Error> {
    let width = features.width();
    let mut pairs = Pairs { factor: vec![1.0; width], added: vec![0.0; width] };
    let (mut mean, mut square) = (vec![0f64; 2 * width], vec![0f64; 2 * width]);
    for step in 1..=STEPS {
        if listen.stop() {
            return Err(Error::Stopped);
        }
        let now = behind(scales, &pairs, source, rows.len());
        let gradient = gradient(head, features, rows, (scales, &now), source)?;
        let numbers = pairs.factor.iter_mut().chain(&mut pairs.added);
        for (at, number) in numbers.enumerate() {
            mean[at] = BETAS[0] * mean[at] + (1.0 - BETAS[0]) * gradient[at];
            square[at] = BETAS[1] * square[at] + (1.0 - BETAS[1]) * gradient[at] * gradient[at];
            let [of_mean, of_square] = BETAS.map(|beta| 1.0 - beta.powi(step));
            *number -= RATE * (mean[at] / of_mean) / ((square[at] / of_square).sqrt() + EPSILON);
        }
    }
    Ok(behind(scales, &pairs, source, rows.len()))
}

/// The pairs behind the scales of every group; one group of all images where there was none.
fn behind(scales: &Scales, pairs: &Pairs, source: &Moments, images: usize) -> Scales {
    let width = source.mean.len();
    let none = Scales {
        of_image: vec![0; images],
        groups: vec![Affine { scale: vec![1.0; width], shift: vec![0.0; width] }],
    };
    let mut all = if scales.of_image.is_empty() { none } else { scales.clone() };
    for Affine { scale, shift } in &mut all.groups {
        for at in 0..width {
            let (factor, mean) = (pairs.factor[at], source.mean[at]);
            scale[at] *= factor;
            shift[at] = mean + factor * (shift[at] - mean) + source.sd[at] * pairs.added[at];
        }
    }
    all
}

/// The gradient of the mean entropy: by the factors, then by what is added.
fn gradient(
    head: &Head,
    features: &dyn FeatureRows,
    rows: &[u32],
    (before, now): (&Scales, &Scales),
    source: &Moments,
) -> Result<Vec<f64>, Error> {
    let (width, classes) = (features.width(), head.classes.len());
    let mut sum = vec![0f64; 2 * width];
    in_blocks(features, rows, |first, _, values| {
        let chunks = values.par_chunks(CHUNK * width).enumerate().map(|(chunk, images)| {
            let mut part = vec![0f64; 2 * width];
            let (of_factor, of_added) = part.split_at_mut(width);
            let (mut x, mut z, mut logs) = (Vec::new(), Vec::new(), vec![0f64; classes]);
            for (at, image) in images.chunks_exact(width).enumerate() {
                let place = first + chunk * CHUNK + at;
                now.read(place, image, &mut x);
                head.logits(&x, &mut logs);
                log_softmax(&mut logs);
                let entropy: f64 = -logs.iter().map(|log| log.exp() * log).sum::<f64>();
                let of_logits = logs.iter().map(|log| -log.exp() * (log + entropy));
                before.read(place, image, &mut z);
                let mut of_x = vec![0f64; width];
                for (of_logit, weight) in of_logits.zip(head.weight.chunks_exact(width)) {
                    of_x.iter_mut().zip(weight).for_each(|(sum, weight)| *sum += of_logit * weight);
                }
                for column in 0..width {
                    let by_added = of_x[column] * source.sd[column];
                    of_added[column] += by_added;
                    of_factor[column] += of_x[column] * (z[column] - source.mean[column]);
                }
            }
            part
        });
        for part in chunks.collect::<Vec<_>>() {
            sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
        }
        Ok(())
    })?;
    sum.iter_mut().for_each(|value| *value /= rows.len() as f64);
    Ok(sum)
}

/// The mean entropy of the predictions.
#[cfg(test)]
pub(super) fn entropy(head: &Head, features: &dyn FeatureRows, rows: &[u32], scales: &Scales) -> f64 {
    let votes = head.votes(features, rows, scales).unwrap();
    -crate::evaluate::vectors::dot(&votes, &votes.iter().map(|log| log.exp()).collect::<Vec<_>>())
        / rows.len() as f64
}
