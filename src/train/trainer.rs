//! The state of a training between two steps, and what a step does.

use super::{Error, Job, Keep, Optimiser, loader::Batch, pass::SetPass, strategy::Strategy};
use crate::{
    curve::{Clock, Curve},
    event::{Event, Listen},
    loss::{Distillation, Kept, Objective, Report},
    model::Extractor,
    ops::Scalar,
    params::Params,
    state::Stateful,
    tape::Gradients,
};
use rayon::prelude::*;
use std::time::Instant;

/// Batches with at most this many values run their sets in parallel: 64 images of 64 px and five channels.
const PARALLEL_VALUES: usize = 64 * 64 * 64 * 5;

/// Steps between two reads of metrics from a GPU.
const FLUSH_EVERY: usize = 16;

/// A step whose metrics have not been reported.
struct PendingStep {
    at: Clock,
    passes: Vec<SetPass>,
    lr: f64,
    /// Weight decay, if it changes over the training.
    decay: Option<f64>,
    norm: Scalar,
}

/// The state of a training between two steps.
pub(super) struct Trainer<'a> {
    pub(super) job: &'a Job<'a>,
    pub(super) model: &'a Extractor,
    pub(super) params: &'a Params,
    pub(super) objective: &'a mut Objective,
    pub(super) gradients: Gradients,
    pub(super) optimiser: Optimiser,
    /// Images in a step.
    pub(super) rows: usize,
    pub(super) steps_per_epoch: u64,
    pending: Vec<PendingStep>,
    /// When metrics were last reported.
    flushed_at: Instant,
    /// The last loss that was reported.
    pub(super) loss: Option<f32>,
}

impl<'a> Trainer<'a> {
    pub(super) fn new(
        job: &'a Job<'a>,
        model: &'a Extractor,
        params: &'a Params,
        objective: &'a mut Objective,
        optimiser: Optimiser,
    ) -> Self {
        Self {
            job,
            model,
            params,
            objective,
            gradients: Gradients::new(params),
            optimiser,
            rows: 0,
            steps_per_epoch: 1,
            pending: Vec::new(),
            flushed_at: Instant::now(),
            loss: None,
        }
    }

    /// The parameters that it would leave now: those of the teacher if there is one.
    pub(super) fn left(&self) -> &Params {
        self.objective.distillation().and_then(Distillation::teacher).unwrap_or(self.params)
    }

    /// The position of the training at a step, from 0.
    pub(super) fn clock(&self, step: u64) -> Clock {
        let steps_per_epoch = self.steps_per_epoch;
        Clock { step, steps_per_epoch, total: steps_per_epoch * self.job.stage.epochs as u64 }
    }

    /// Everything in a checkpoint besides the weights, by the prefix of its names.
    pub(super) fn stateful<'s>(
        &'s self,
        strategy: &'s dyn Strategy,
    ) -> [(&'static str, &'s dyn Stateful); 3] {
        [("", &self.optimiser), ("", &*self.objective), ("strategy/", strategy)]
    }

    /// One step, numbered from 0: each set of the batch forwards and backwards, gradients added, weights
    /// changed. The loss is the sum over sets, so that each set has the same weight whatever its number of
    /// images.
    pub(super) fn step(
        &mut self,
        step: u64,
        strategy: &dyn Strategy,
        batch: &[Batch],
        listen: &mut dyn Listen,
    ) -> Result<(), Error> {
        if self.pending.is_empty() {
            self.flushed_at = Instant::now();
        }
        let (at, method) = (self.clock(step), &self.job.method);
        let mut passes = self.passes(&at, batch)?;
        let norm = self.optimiser.gradient_norm(&self.gradients)?;
        self.optimiser.clip(&norm, &mut self.gradients)?;
        let rate = |factor: f64| strategy.rate(&at, &method.rate.peaking(factor));
        let lr = rate(1.0);
        let decay = method.decay.at(&at);
        self.optimiser.step_decaying(self.params, &self.gradients, rate, decay)?;
        let decay = (method.decay != Curve::Constant(decay)).then_some(decay);
        self.gradients.clear();
        let kept: Vec<Kept> = passes.iter_mut().map(|pass| std::mem::take(&mut pass.kept)).collect();
        self.objective.after_step(&kept, &at, self.params)?;
        self.pending.push(PendingStep { at, passes, lr, decay, norm });
        let wait = self.params.on_a_gpu() && self.pending.len() < FLUSH_EVERY;
        if wait { Ok(()) } else { self.flush_metrics(listen) }
    }

    /// Reports the metrics of all pending steps; on a GPU, waits for them.
    pub(super) fn flush_metrics(&mut self, listen: &mut dyn Listen) -> Result<(), Error> {
        let pending = std::mem::take(&mut self.pending);
        let metrics: Vec<Result<StepMetrics, Error>> = pending.iter().map(PendingStep::read).collect();
        let pace = (self.rows * pending.len()) as f64 / self.flushed_at.elapsed().as_secs_f64();
        for (PendingStep { at, lr, decay, .. }, metrics) in pending.iter().zip(metrics) {
            let StepMetrics { loss, terms, watched, norm } = metrics?;
            let step = at.step + 1;
            let mut say = |name: &str, value: f64| listen.receive(&Event::Metric { name, step, value });
            say("loss", f64::from(loss));
            for (name, value) in terms {
                say(&format!("loss/{name}"), f64::from(value));
            }
            say("lr", *lr);
            decay.iter().for_each(|decay| say("weight_decay", *decay));
            say("grad_norm", norm);
            say("images_per_s", pace);
            self.loss = Some(loss);
            for (term, numbers) in watched {
                let Report { curves, remark } = self.objective.report(term, &numbers, at);
                let mut say = |name: &str, value: f64| listen.receive(&Event::Metric { name, step, value });
                curves.into_iter().for_each(|(name, value)| say(name, value));
                if let Some(remark) = remark {
                    listen.receive(&Event::Remark(&remark));
                }
            }
        }
        self.flushed_at = Instant::now();
        Ok(())
    }

    /// The loss of each set, with all gradients added in the sets' order. Small sets run in parallel: their
    /// operations are too short to be shared among threads. Which batches are small depends on the batch
    /// alone, so that the sums are the same on any number of threads.
    pub(super) fn passes(&mut self, at: &Clock, batch: &[Batch]) -> Result<Vec<SetPass>, Error> {
        let pixels: usize = batch.iter().map(Batch::size).sum();
        if pixels > PARALLEL_VALUES || self.params.on_a_gpu() {
            let mut gradients = std::mem::replace(&mut self.gradients, Gradients::new(self.params));
            let keep = self.job.keep;
            let passes = batch.iter().map(|set| self.pass(at, set, keep, &mut gradients)).collect();
            self.gradients = gradients;
            return passes;
        }
        // Bytes cannot be attributed to sets here, and there are few of them.
        let keep = if let Keep::Within(_) = self.job.keep { Keep::All } else { self.job.keep };
        let this: &Self = self;
        let side_by_side: Vec<Result<(SetPass, Gradients), Error>> = batch
            .par_iter()
            .map(|set| {
                let mut gradients = Gradients::new(this.params);
                Ok((this.pass(at, set, keep, &mut gradients)?, gradients))
            })
            .collect();
        let mut passes = Vec::new();
        for one in side_by_side {
            let (pass, gradients) = one?;
            self.gradients.absorb(gradients)?;
            passes.push(pass);
        }
        Ok(passes)
    }
}

/// The metrics of a step.
struct StepMetrics {
    loss: f32,
    terms: Vec<(&'static str, f32)>,
    /// What terms watch, as means over sets, by the terms' indices.
    watched: Vec<(usize, Vec<f64>)>,
    norm: f64,
}

impl PendingStep {
    /// # Errors
    /// If the loss is NaN or infinite, or cannot be read.
    fn read(&self) -> Result<StepMetrics, Error> {
        let of_set = |pass: &SetPass| {
            let terms = pass.terms.iter().map(|(_, term)| term.clone());
            let watched = pass.watched.iter().flat_map(|(_, watched)| watched.clone());
            [pass.loss.clone()].into_iter().chain(terms).chain(watched).collect::<Vec<Scalar>>()
        };
        let all: Vec<Scalar> = self.passes.iter().flat_map(of_set).chain([self.norm.clone()]).collect();
        let mut numbers = Scalar::read(&all.iter().collect::<Vec<_>>())?.into_iter();
        let mut next = || numbers.next().expect("as many numbers as were asked for");
        let (mut loss, mut terms) = (0f32, Vec::<(&'static str, f32)>::new());
        let mut watched = Vec::<(usize, Vec<f64>)>::new();
        let share = 1.0 / self.passes.len().max(1) as f64;
        for SetPass { terms: of_set, watched: watched_of_set, .. } in &self.passes {
            loss += next() as f32;
            for (name, _) in of_set {
                let value = next() as f32;
                match terms.iter_mut().find(|(known, _)| known == name) {
                    Some((_, sum)) => *sum += value,
                    None => terms.push((name, value)),
                }
            }
            for (term, numbers) in watched_of_set {
                let numbers = numbers.iter().map(|_| share * next()).collect::<Vec<f64>>();
                match watched.iter_mut().find(|(known, _)| known == term) {
                    Some((_, sums)) => sums.iter_mut().zip(numbers).for_each(|(sum, more)| *sum += more),
                    None => watched.push((*term, numbers)),
                }
            }
        }
        if !loss.is_finite() {
            return Err(Error::Diverged { step: self.at.step + 1, value: loss });
        }
        Ok(StepMetrics { loss, terms, watched, norm: next() })
    }
}
