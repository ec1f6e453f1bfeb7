//! Linear classifiers side by side, as Cell-DINO's code trains them: each point of a grid of rates and weight decays is one, all of
//! them see the same batches, and none knows of the others.

use super::{Truth, vectors::first_largest};
use crate::{
    ops::{Weight, adamw, buffer},
    params::{ParamId, Params, Published},
    seed::{Seed, Stream},
    spec::ProbeSchedule,
    tape::{Grad, Gradients, Node, Tape},
};
use candle_core::{DType, Device, Result, Tensor};
use rayon::prelude::*;
use std::{collections::BTreeSet, f64::consts::PI};

/// A rate and a weight decay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The rate at its highest.
    pub rate: f64,
    /// Decoupled weight decay.
    pub decay: f64,
}

/// The published rates, for a batch of [`REFERENCE_BATCH`].
const RATES: [f64; 16] =
    [1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 1e-1, 2e-1, 5e-1, 1.0];
const DECAYS: [f64; 3] = [0.0, 1e-4, 1e-5];
const REFERENCE_BATCH: f64 = 256.0;
/// PyTorch's AdamW.
const BETAS: [f64; 2] = [0.9, 0.999];
const EPS: f64 = 1e-8;
/// The standard deviation of initial weights.
const INITIAL_SD: f64 = 0.01;
/// One cycle: the share of steps in which rates rise, what they begin at, and what they end at, as parts of the one before.
const RISING: f64 = 0.3;
const START: f64 = 25.0;
const END: f64 = 1e4;
/// What the first beta falls to, and rises to.
const CYCLED: [f64; 2] = [0.85, 0.95];

/// The published grid for batches of this size, rate by rate.
pub fn published(batch: usize) -> Vec<Point> {
    let scale = batch as f64 / REFERENCE_BATCH;
    RATES.iter().flat_map(|rate| DECAYS.map(|decay| Point { rate: rate * scale, decay })).collect()
}

/// What is trained on: features in rows, and their labels.
pub struct Known<'a> {
    /// (rows × width).
    pub x: &'a [f32],
    /// Of each row.
    pub truths: &'a [Truth],
    /// Numbers in a row.
    pub width: usize,
}

/// How it is trained.
#[derive(Clone, Copy, Debug)]
pub struct Training<'a> {
    /// A classifier each.
    pub points: &'a [Point],
    /// How rates change.
    pub schedule: ProbeSchedule,
    /// Steps.
    pub iterations: usize,
}

/// What a classifier says of an image: its label, or labels, and, of one label, its probability.
pub type Answer = (Truth, Option<f32>);

/// Trained classifiers side by side.
pub struct Probe {
    params: Params,
    weight: ParamId,
    bias: ParamId,
    points: usize,
    /// The labels that it knows, ascending.
    labels: Vec<u16>,
    /// Whether an image may have any number of labels.
    many: bool,
    width: usize,
}

impl Probe {
    /// Random classifiers for these labels, one for each point, which begins the same whatever others there are.
    pub fn new(truths: &[Truth], width: usize, points: &[Point], seed: Seed) -> Self {
        let labels: BTreeSet<u16> = truths.iter().flat_map(|truth| truth.labels()).collect();
        let many = truths.iter().any(|truth| matches!(truth, Truth::Many(_)));
        let outs = points.len() * labels.len();
        let mut params = Params::new(seed);
        let weight = params.add_with(Published::new("weight", &[outs, width]), |_, weights| {
            for (Point { rate, decay }, weights) in
                points.iter().zip(weights.chunks_mut(labels.len() * width))
            {
                let mut stream = seed.stream(&format!("probe/rate {rate:e}/decay {decay:e}"));
                weights.iter_mut().for_each(|weight| *weight = (INITIAL_SD * stream.normal()) as f32);
            }
        });
        let bias = params.add_constant(Published::new("bias", &[outs]), 0.0);
        let (points, labels) = (points.len(), labels.into_iter().collect());
        Self { params, weight, bias, points, labels, many, width }
    }

    /// Trains them on these batches of rows, until there are no more; stops early if `goes_on` says so, and whether it did not.
    ///
    /// # Errors
    /// If there is not enough memory.
    pub fn train(
        &mut self,
        known: &Known<'_>,
        training: Training<'_>,
        batches: impl Iterator<Item = Vec<usize>>,
        goes_on: &mut dyn FnMut() -> bool,
    ) -> Result<bool> {
        let zeros = |id| Tensor::zeros(self.params.value(id).shape(), DType::F32, &Device::Cpu);
        let (ids, mut means, mut squares) = ([self.weight, self.bias], vec![], vec![]);
        for id in ids {
            means.push(zeros(id)?);
            squares.push(zeros(id)?);
        }
        for (step, batch) in batches.take(training.iterations).enumerate() {
            if !goes_on() {
                return Ok(false);
            }
            let gradients = self.gradients(known, &batch)?;
            let (factor, beta) = pace(training.schedule, step, training.iterations);
            let mut lines = Vec::new();
            let each = |tensor: &Tensor, point: usize| {
                tensor.narrow(0, point * self.labels.len(), self.labels.len())
            };
            for (at, id) in ids.into_iter().enumerate() {
                let Some(gradient) = gradients.of(id) else { continue };
                for (number, Point { rate, decay }) in training.points.iter().enumerate() {
                    let step =
                        adamw::Step::new(step as u64 + 1, rate * factor, *decay, [beta, BETAS[1]], EPS);
                    let of = [self.params.value(id), gradient.tensor(), &means[at], &squares[at]];
                    lines.push((of.map(|tensor| each(tensor, number)), step));
                }
            }
            for ([weights, gradient, mean, square], step) in lines {
                let (weights, gradient, mean, square) = (&weights?, &gradient?, &mean?, &square?);
                adamw::update(&[adamw::Line { weights, gradient, mean, square, step }])?;
            }
        }
        Ok(true)
    }

    /// The gradients of the sum over classifiers of their mean losses on a batch: cross-entropy, or, of any number of labels, the
    /// mean over labels of the binary one.
    fn gradients(&self, known: &Known<'_>, batch: &[usize]) -> Result<Gradients> {
        let x = batch.iter().flat_map(|row| &known.x[row * self.width..][..self.width]).copied().collect();
        let truths: Vec<Truth> = batch.iter().map(|row| known.truths[*row]).collect();
        let mut tape = Tape::recording(&self.params);
        let logits = self.logits(&mut tape, x)?;
        let classes = self.labels.len();
        let mut slopes = buffer::copy(logits.value())?;
        let share = 1.0 / (batch.len() * if self.many { classes } else { 1 }) as f32;
        let rows = slopes.par_chunks_exact_mut(self.points * classes).zip(truths.par_iter());
        rows.for_each(|(row, truth)| {
            for logits in row.chunks_exact_mut(classes) {
                if self.many {
                    logits.iter_mut().for_each(|logit| *logit = 1.0 / (1.0 + (-*logit).exp()));
                } else {
                    softmax(logits);
                }
                for (slope, label) in logits.iter_mut().zip(&self.labels) {
                    *slope = share * (*slope - f32::from(u8::from(truth.has(*label))));
                }
            }
        });
        let slopes = Grad::fresh(slopes, logits.value().shape())?;
        let mut gradients = Gradients::new(&self.params);
        tape.backward_from(vec![(&logits, slopes)], &mut gradients)?;
        Ok(gradients)
    }

    fn logits(&self, tape: &mut Tape, x: Vec<f32>) -> Result<Node> {
        let rows = x.len() / self.width;
        let x = Node::constant(Tensor::from_vec(x, (rows, self.width), &Device::Cpu)?);
        let [weight, bias] = [self.weight, self.bias].map(|id| tape.param(&self.params, id));
        tape.linear(&x, &weight, Weight::OutIn, Some(&bias))
    }

    /// The number of classifiers.
    pub fn points(&self) -> usize {
        self.points
    }

    /// What each classifier says of rows of features.
    ///
    /// # Errors
    /// If there is not enough memory.
    pub fn answers(&self, x: Vec<f32>) -> Result<Vec<Vec<Answer>>> {
        let classes = self.labels.len();
        let logits = buffer::copy(self.logits(&mut Tape::forgetting(), x)?.value())?;
        let answer = |logits: &[f32]| {
            if self.many {
                let positive = self.labels.iter().zip(logits).filter(|(_, logit)| **logit > 0.0);
                return (Truth::Many(positive.fold(0, |bits, (label, _)| bits | 1 << label)), None);
            }
            let mut shares = logits.to_vec();
            softmax(&mut shares);
            // By the logits themselves: shares may round to equals.
            let best = first_largest(logits);
            (Truth::One(self.labels[best]), Some(shares[best]))
        };
        let of = |point: usize| {
            logits.chunks_exact(classes).skip(point).step_by(self.points).map(answer).collect::<Vec<_>>()
        };
        Ok((0..self.points).into_par_iter().map(of).collect())
    }

    /// Of each classifier the sum over rows of features of its losses; labels that it does not know count as improbable.
    ///
    /// # Errors
    /// If there is not enough memory.
    pub fn losses(&self, x: Vec<f32>, truths: &[Truth]) -> Result<Vec<f64>> {
        let classes = self.labels.len();
        let logits = buffer::copy(self.logits(&mut Tape::forgetting(), x)?.value())?;
        let loss = |(logits, truth): (&[f32], &Truth)| -> f64 {
            let mut shares = logits.to_vec();
            if self.many {
                shares.iter_mut().for_each(|logit| *logit = 1.0 / (1.0 + (-*logit).exp()));
            } else {
                softmax(&mut shares);
            }
            let of = |(share, label): (&f32, &u16)| match (truth.has(*label), self.many) {
                (true, _) => -f64::from(share.max(f32::MIN_POSITIVE)).ln(),
                (false, true) => -f64::from((1.0 - share).max(f32::MIN_POSITIVE)).ln(),
                (false, false) => 0.0,
            };
            shares.iter().zip(&self.labels).map(of).sum()
        };
        let of = |point: usize| {
            let own = logits.chunks_exact(classes).skip(point).step_by(self.points);
            own.zip(truths).map(loss).sum()
        };
        Ok((0..self.points).into_par_iter().map(of).collect())
    }
}

/// Batches of that size without end: all rows in random order, then again in another.
pub fn shuffled(rows: usize, batch: usize, mut stream: Stream) -> impl Iterator<Item = Vec<usize>> {
    let (mut order, mut at): (Vec<usize>, usize) = ((0..rows).collect(), rows);
    let mut next = move || {
        if at == rows {
            stream.shuffle(&mut order);
            at = 0;
        }
        at += 1;
        order[at - 1]
    };
    std::iter::repeat_with(move || (0..batch).map(|_| next()).collect())
}

fn softmax(logits: &mut [f32]) {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    logits.iter_mut().for_each(|logit| *logit = (*logit - most).exp());
    let sum: f32 = logits.iter().sum();
    logits.iter_mut().for_each(|share| *share /= sum);
}

/// The factor of rates at a step, and the first beta (PyTorch's `CosineAnnealingLR` to 0, and `OneCycleLR`).
fn pace(schedule: ProbeSchedule, step: usize, steps: usize) -> (f64, f64) {
    let (step, steps) = (step as f64, steps as f64);
    let between = |from: f64, to: f64, share: f64| to + (from - to) / 2.0 * (1.0 + (PI * share).cos());
    match schedule {
        ProbeSchedule::Cosine => (between(1.0, 0.0, step / steps), BETAS[0]),
        ProbeSchedule::OneCycle => {
            let (top, last) = (RISING * steps - 1.0, steps - 1.0);
            let [low, high] = CYCLED;
            if step <= top {
                (between(1.0 / START, 1.0, step / top), between(high, low, step / top))
            } else {
                let share = (step - top) / (last - top).max(1.0);
                (between(1.0, 1.0 / START / END, share), between(low, high, share))
            }
        }
    }
}

#[cfg(test)]
mod tests;
