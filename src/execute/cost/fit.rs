//! What a training costs: a few small steps are timed, the tape of a few rows is weighed, and the rest is reckoned from how
//! a batch is cut into parts.

use super::{super::fit as work, Cost, Meter, alike};
use crate::{
    adapter::SetChannels,
    data::Norm,
    device,
    event::{Event, Listen},
    execute::Error,
    format,
    model::Extractor,
    params::Params,
    plan::Fit,
    seed::Seed,
    spec::{Augment, Needs, Stage, settings},
    train::{self, Folder, Footprint, Job, Keep, Source},
};
use std::time::Instant;

/// Images in a measured step: about a second of training a ConvNeXt-Tiny at any size.
fn images_at(side: usize) -> usize {
    (65_536 / (side * side).max(1)).clamp(2, 16)
}

/// Steps that are measured, after one that is not.
fn steps_at(side: usize) -> usize {
    if side <= 96 { 12 } else { 2 }
}

/// How many standard deviations a set's share of a batch is taken to be above its mean: a training has thousands of
/// batches.
const SPREAD: f64 = 2.0;

/// How fast a training goes, and what it takes.
#[derive(Clone, Debug)]
pub(super) struct FitPace {
    seconds_per_image: f64,
    /// Bytes of the weights.
    weights: u64,
    /// Whether a second network goes along.
    second: bool,
    /// Images in a measured step, and the bytes that it took at its peak.
    measured: (usize, u64),
    sets: Vec<OfSet>,
}

/// What the rows of a set take.
#[derive(Clone, Copy, Debug)]
struct OfSet {
    channels: usize,
    passes: usize,
    row: Footprint,
}

impl Meter<'_> {
    pub(super) fn fit(&mut self, fit: &Fit, listen: &mut dyn Listen) -> Result<Cost, Error> {
        let (model, side) = (&fit.model, fit.image);
        let parts = self.sets.open(&fit.data, fit.subset, listen)?;
        fit.fits(&parts, &self.device)?;
        let channels = work::channels(&parts);
        let Some(training) = fit.training.as_deref() else {
            let mut params = Params::new(Seed(0));
            let _ = Extractor::new(model, &channels, &[], &mut params);
            let weights = 4 * params.count() as u64;
            return Ok(Cost { seconds: 0.0, memory: 2 * weights, disk: weights });
        };
        let stage = &training.stage;
        let rows: Vec<Vec<u32>> = parts.iter().map(|part| work::rows(part, training).0).collect();
        let images: Vec<usize> =
            rows.iter().zip(&channels).flat_map(|(rows, of)| work::of_set(model, rows.len(), of)).collect();
        let key = alike_fit(fit, stage);
        if let Some(pace) = self.fits.get(&key) {
            return Ok(pace.cost((stage, side), &images, self.keep));
        }
        let wanted = images_at(side).min(stage.batch) * (steps_at(side) + 1);
        let of_set = wanted.div_ceil(parts.len().max(1));
        let folder =
            parts.iter().zip(rows).zip(&channels).map(|((part, rows), SetChannels { channels, .. })| {
                let few = rows.into_iter().take(of_set).collect();
                (part.set(), few, Norm::none(channels.len()))
            });
        let source = work::samples(Folder::new(folder.collect()), &model.adapter);
        let mut params = Params::on(self.device.clone(), format::of(fit.precision), Seed(0));
        let extractor = match &fit.classifier {
            None => Extractor::new(model, &channels, &[], &mut params),
            Some(top) => Extractor::dual(model, &top.backbone, &channels, &[], &mut params),
        };
        let pace = self.steps(&extractor, &mut params, (stage, side), source.as_ref())?;
        let cost = pace.cost((stage, side), &images, self.keep);
        self.fits.insert(key, pace);
        Ok(cost)
    }

    /// Takes a few steps, and weighs a few rows of each set.
    pub(super) fn steps(
        &self,
        extractor: &Extractor,
        params: &mut Params,
        (stage, side): (&Stage, usize),
        source: &dyn Source,
    ) -> Result<FitPace, Error> {
        let mut stage = stage.clone();
        stage.batch = images_at(side).min(stage.batch);
        stage.epochs = 1;
        let second = stage.strategy.oracle().is_some() || Needs::of(&stage.objective).teacher;
        if stage.strategy.oracle().is_none() {
            stage.strategy = settings::Erm {}.into();
        }
        let mut watch = Watch { steps: steps_at(side) as u64 + 1, first: None, last: None, done: 0 };
        let job = Job::new(&stage, side, Seed(0), source, &self.nowhere);
        let classes = source.classes().len();
        let mut objective =
            train::objective(&stage, extractor, classes, params, |_, params| params.duplicate())?;
        let rows = views(&stage, side) * stage.batch;
        let mut sets = Vec::new();
        for (number, SetChannels { channels, .. }) in source.sets().iter().enumerate() {
            let (channels, passes) = (channels.len(), extractor.passes(channels.len()));
            let row = job.footprint(extractor, params, &mut objective, (number, channels), rows)?;
            sets.push(OfSet { channels, passes, row });
        }
        let memory = device::Peak::begin(&self.device);
        let ended = job.run(extractor, params, &mut objective, &mut watch);
        // A stop leaves a checkpoint; here it is of no use.
        let _ = train::forget_checkpoint(&self.nowhere);
        ended?;
        Ok(FitPace {
            seconds_per_image: watch.seconds_per_step().unwrap_or(0.0) / stage.batch as f64,
            weights: 4 * params.count() as u64,
            second,
            measured: (stage.batch, memory.bytes()),
            sets,
        })
    }
}

impl FitPace {
    /// Of a training on sets with that many images each.
    pub(super) fn cost(&self, (stage, side): (&Stage, usize), images: &[usize], keep: Keep) -> Cost {
        let all: usize = images.iter().sum();
        let batch = stage.batch.min(all);
        let networks = if self.second { 2 } else { 1 };
        // Networks, gradients and the optimiser's two moments.
        let fixed = (self.weights * (networks + 3)) as f64;
        let views = views(stage, side);
        let side = side * side;
        let (mut tapes, mut again, mut numbers) = (0f64, 0.0, 0.0);
        let shares = images.iter().map(|images| *images as f64 / all.max(1) as f64);
        let sets: Vec<(&OfSet, f64)> = self.sets.iter().zip(shares).collect();
        for (set, share) in &sets {
            numbers += set.channels as f64 * share * (views * batch * side) as f64;
        }
        // The batch that is trained on and the next one, 4 bytes a number.
        let used = fixed + 2.0 * 4.0 * numbers;
        for (set, share) in sets {
            // Parts, and the tape of the longest, where a set has that many images in a batch.
            let parts = |images: f64| {
                let parts = train::parts(images.ceil() as usize * views, set.passes * side);
                let longest = parts.iter().max().copied().unwrap_or(0);
                (parts.len(), longest as f64 * set.row.tape)
            };
            let mean = batch as f64 * share;
            let most = (mean + SPREAD * (mean * (1.0 - share)).sqrt()).min(batch as f64);
            let (count, tape) = parts(most);
            tapes = tapes.max(keep.peak(count, tape, used));
            let (count, tape) = parts(mean);
            let kept = keep.count(count, tape, used);
            again += mean * (count - kept) as f64 / count.max(1) as f64 * (views as f64 * set.row.forward);
        }
        let memory = match self.measured {
            // Networks were there before the measured step.
            (measured, peak) if measured == batch => peak + self.weights * networks,
            _ => (used + tapes) as u64,
        };
        let seconds_per_image = self.seconds_per_image + again / batch.max(1) as f64;
        Cost { seconds: seconds_per_image * (stage.epochs * all) as f64, memory, disk: self.weights }
    }
}

/// Augmented views of each image; small ones count as much as they are large.
fn views(stage: &Stage, side: usize) -> usize {
    Needs::of(&stage.objective).large_views(side).ceil() as usize
}

/// Trainings with the same words take the same time for an image; rates, seeds and numbers of epochs do not matter.
fn alike_fit(fit: &Fit, stage: &Stage) -> String {
    // Every field is named, so that the compiler asks about one that comes later.
    let Stage {
        on,
        objective,
        strategy,
        augment,
        augment_stream: _,
        sampling: _,
        optimiser: _,
        schedule: _,
        epochs: _,
        batch: _,
    } = stage;
    let needs = Needs::of(objective);
    let warps = augment.iter().any(Augment::warps);
    let oracle = strategy.oracle().is_some();
    let Fit { model, data, image, .. } = fit;
    format!("{} {image} {data:?} {on:?} {needs:?} {warps} {oracle}", alike(model))
}

/// A listener that looks at its watch, and stops after some steps.
struct Watch {
    steps: u64,
    first: Option<Instant>,
    last: Option<Instant>,
    done: u64,
}

impl Watch {
    fn seconds_per_step(&self) -> Option<f64> {
        let steps = self.done.checked_sub(1).filter(|steps| *steps > 0)?;
        Some((self.last? - self.first?).as_secs_f64() / steps as f64)
    }
}

impl Listen for Watch {
    fn receive(&mut self, event: &Event<'_>) {
        if let Event::Advanced { done, .. } = event {
            let now = Instant::now();
            self.first.get_or_insert(now);
            (self.last, self.done) = (Some(now), *done);
        }
    }

    fn stop(&self) -> bool {
        self.done >= self.steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::Pretraining;

    fn pace(measured: (usize, u64)) -> FitPace {
        let of = |channels, tape| OfSet { channels, passes: 1, row: Footprint { tape, forward: 0.5 } };
        FitPace {
            seconds_per_image: 2.0,
            weights: 1000,
            second: false,
            measured,
            sets: vec![of(3, 1e6), of(5, 2e6)],
        }
    }

    fn stage() -> Stage {
        Stage { batch: 80, epochs: 1, ..Pretraining::stage(crate::spec::PretrainLength::Short) }
    }

    #[test]
    fn memory_is_that_of_the_parts_that_keep_their_tape() {
        let (stage, images) = (stage(), [400, 400]);
        let fixed = 4.0 * 1000.0;
        let pixels = 8.0 * (3.0 + 5.0) / 2.0 * 80.0 * 224.0 * 224.0;
        // 40 images of a set in a batch, 49 at most: 3 parts of up to 17 rows at 2 MB each.
        let tape = 17.0 * 2e6;
        let all = pace((2, 0)).cost((&stage, 224), &images, Keep::All);
        assert_eq!(all.memory, (fixed + pixels + 3.25 * tape) as u64);
        assert!((all.seconds - 2.0 * 800.0).abs() < 1e-6);
        let first = pace((2, 0)).cost((&stage, 224), &images, Keep::First(1));
        assert_eq!(first.memory, (fixed + pixels + 1.25 * tape) as u64);
        // Half of the rows of either set go forwards once more, 20 of 40.
        assert!((first.seconds - 800.0 * (2.0 + 0.5 / 2.0)).abs() < 1e-6, "{}", first.seconds);
        let room = Keep::Within((fixed + pixels + 2.3 * tape) as u64);
        let within = pace((2, 0)).cost((&stage, 224), &images, room);
        assert_eq!(within.memory, (fixed + pixels + 2.25 * tape) as u64);
    }

    #[test]
    fn a_batch_that_was_measured_is_taken_at_its_word() {
        let stage = Stage { batch: 16, ..stage() };
        let cost = pace((16, 5_000_000)).cost((&stage, 224), &[400, 400], Keep::All);
        assert_eq!(cost.memory, 5_000_000 + 1000);
    }
}
