//! Multinomial logistic regression on standardised features: what scikit-learn's `LogisticRegression` minimises, in float64.
//!
//! The losses of all images, weighed by `c`, plus half the sum of squared weights; intercepts are not penalised. The sum is
//! strictly convex up to a constant in all intercepts, so that there is one solution. Sums over images are added in chunks
//! whose size depends on the number of images alone: the same bits on any number of threads.

mod lbfgs;

use super::{
    Error,
    classify::{Head, Training},
    vectors::{dot, log_softmax},
};
use crate::{
    event::{Event, Listen},
    memory,
};
use rayon::prelude::*;

/// Largest entry of the gradient, of the mean loss, at which the solution is reached.
const TOLERANCE: f64 = 1e-8;
/// Most steps; real features need some tens to a few hundred.
const STEPS: usize = 2000;
/// Chunks into which images are divided at most, and images of a chunk at least.
const CHUNKS: usize = 64;
const CHUNK: usize = 64;

/// Fits it on a source's training images.
///
/// # Errors
/// No training images, features that are no numbers or do not fit into memory, or the listener asks to stop.
pub fn fit(training: &Training<'_>, c: f64, listen: &mut dyn Listen) -> Result<Head, Error> {
    training.check()?;
    let moments = training.moments()?;
    let classes = training.classes();
    let labels = training.labels(&classes).concat();
    let width = moments.mean.len();
    let needed = (labels.len() * width * size_of::<f64>()) as u64;
    let free = memory::available();
    if let Some(free) = free.filter(|free| *free < needed) {
        return Err(Error::Memory { needed, free });
    }
    let mut x = Vec::with_capacity(labels.len() * width);
    for part in &training.parts {
        moments.scaled(part.features()?, &part.rows, |z| x.extend_from_slice(z))?;
    }
    let problem = Problem { x: &x, labels: &labels, classes: classes.len(), width, c };
    let (weight, bias) = problem.solved(TOLERANCE, listen)?;
    Ok(Head { classes, weight, bias }.of_unscaled(&moments))
}

/// Standardised features of images, and their classes.
struct Problem<'a> {
    x: &'a [f64],
    labels: &'a [u16],
    classes: usize,
    width: usize,
    c: f64,
}

impl Problem<'_> {
    /// Weights (classes × width) and intercepts.
    fn solved(&self, tolerance: f64, listen: &mut dyn Listen) -> Result<(Vec<f64>, Vec<f64>), Error> {
        let start = vec![0f64; self.classes * (self.width + 1)];
        listen.receive(&Event::Began {
            what: "fitting a logistic regression",
            unit: "step",
            total: STEPS as u64,
        });
        let mut step = 0;
        let mut goes_on = || {
            step += 1;
            listen.receive(&Event::Advanced { done: step, note: "" });
            !listen.stop()
        };
        let of = |at: &[f64], gradient: &mut [f64]| self.value(at, gradient);
        let found = lbfgs::minimum(start, of, tolerance, STEPS, &mut goes_on).ok_or(Error::Stopped)?;
        listen.receive(&Event::Ended);
        let mut weight = found;
        let bias = weight.split_off(self.classes * self.width);
        Ok((weight, bias))
    }

    /// The mean loss with the penalty's share, and its gradient.
    fn value(&self, at: &[f64], gradient: &mut [f64]) -> f64 {
        let Self { classes, width, .. } = *self;
        let images = self.labels.len();
        let chunk = CHUNK.max(images.div_ceil(CHUNKS));
        let parts: Vec<(f64, Vec<f64>)> = self
            .labels
            .par_chunks(chunk)
            .zip(self.x.par_chunks(chunk * width.max(1)))
            .map(|(labels, x)| self.of_chunk(at, labels, x))
            .collect();
        gradient.fill(0.0);
        let mut loss = 0.0;
        for (of_chunk, part) in parts {
            loss += of_chunk;
            gradient.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
        }
        let n = images as f64;
        let weights = &at[..classes * width];
        gradient.iter_mut().for_each(|value| *value /= n);
        let penalty = 1.0 / (self.c * n);
        gradient.iter_mut().zip(weights).for_each(|(value, weight)| *value += penalty * weight);
        loss / n + penalty / 2.0 * dot(weights, weights)
    }

    /// The sum of the losses of some images, and its gradient.
    fn of_chunk(&self, at: &[f64], labels: &[u16], x: &[f64]) -> (f64, Vec<f64>) {
        let Self { classes, width, .. } = *self;
        let (weight, bias) = at.split_at(classes * width);
        let (mut loss, mut gradient) = (0.0, vec![0f64; at.len()]);
        let (of_weight, of_bias) = gradient.split_at_mut(classes * width);
        let mut logs = vec![0f64; classes];
        for (image, label) in labels.iter().enumerate() {
            let x = &x[image * width..][..width];
            for ((log, weight), bias) in logs.iter_mut().zip(weight.chunks_exact(width)).zip(bias) {
                *log = bias + dot(weight, x);
            }
            log_softmax(&mut logs);
            loss -= logs[usize::from(*label)];
            for (class, log) in logs.iter().enumerate() {
                let excess = log.exp() - f64::from(u8::from(class == usize::from(*label)));
                of_bias[class] += excess;
                let row = &mut of_weight[class * width..][..width];
                row.iter_mut().zip(x).for_each(|(sum, x)| *sum += excess * x);
            }
        }
        (loss, gradient)
    }
}

#[cfg(test)]
mod tests;
