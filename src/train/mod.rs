//! Training: batches in, steps, weights out. It knows no store and no terminal; it says what happens to a listener.

mod checkpoint;
mod exact;
mod footprint;
mod keep;
mod loader;
mod look;
mod miro;
mod optimiser;
mod parts;
mod pass;
mod pretraining;
mod sampling;
mod schedule;
mod source;
mod strategy;

pub use checkpoint::{EVERY as CHECKPOINT_EVERY, forget as forget_checkpoint};
pub use footprint::Footprint;
pub use keep::Keep;
pub use optimiser::Optimiser;
pub use parts::parts;
pub use pretraining::Pretraining;
pub use schedule::rate;
pub use source::{Folder, Item, Source};

use crate::{
    backbone::files,
    data, device,
    event::{Event, Listen},
    loss::Objective,
    model::Extractor,
    ops::Scalar,
    params::Params,
    seed::Seed,
    spec::{self, Train},
    tape::Gradients,
};
use checkpoint::Checkpoints;
use keep::Kept;
use loader::{Loader, Part};
use miro::Penalty;
use pass::Pass;
use rayon::prelude::*;
use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use strategy::{Strategy, Verdict};

/// Raised when the loop computes something else; part of the identity of every work that trains.
pub const REVISION: u32 = 1;

/// What can go wrong in training.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An image cannot be read.
    #[error(transparent)]
    Data(#[from] data::Error),
    /// Weights cannot be read or written.
    #[error(transparent)]
    Files(#[from] files::Error),
    /// An operation failed.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
    /// A checkpoint cannot be used.
    #[error("the checkpoint {} cannot be used: {reason}", path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A GPU has no room for a step.
    #[error("a step of {batch} images of {side} px does not fit into the memory of the GPU")]
    OutOfMemory {
        /// Images in a batch.
        batch: usize,
        /// Their side.
        side: usize,
    },
    /// The loss is not a number any more.
    #[error("the loss is {value} at step {step}: training has diverged")]
    Diverged {
        /// The step.
        step: u64,
        /// The loss.
        value: f32,
    },
}

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Data(error) => error.hint(),
            Self::Files(error) => error.hint(),
            Self::Checkpoint { path, .. } => {
                Some(format!("delete {} to train this work from its beginning", path.display()))
            }
            Self::Diverged { .. } => {
                Some("lower the learning rate, as in `--set train.optimiser.lr=1e-4`".into())
            }
            Self::OutOfMemory { batch, .. } => Some(format!(
                "half of them need about half of it: --set train.batch={} (another run, by its batch); bf16 needs half \
                 of it too: --precision bf16",
                (batch / 2).max(1)
            )),
            Self::Tensor(_) => None,
        }
    }
}

/// One training, ready to begin or to go on.
pub struct Job<'a> {
    /// How.
    pub train: &'a Train,
    /// The run's seed.
    pub seed: Seed,
    /// The images.
    pub source: &'a dyn Source,
    /// Where checkpoints go.
    pub checkpoint: &'a Path,
    /// How often there is one.
    pub checkpoint_every: Duration,
    /// For MIRO: the parameters of the model that features stay close to.
    pub oracle: Option<&'a Params>,
    /// How many parts of a batch keep their tape; the results are the same.
    pub keep: Keep,
    /// Pixels of a part, which results do depend on.
    part: usize,
}

/// How a training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The step at which it took up a checkpoint; none if it began at the beginning.
    pub resumed: Option<u64>,
    /// Whether every step was taken; if not, a listener asked it to stop and a checkpoint lies ready.
    pub complete: bool,
    /// Steps taken in all.
    pub steps: u64,
}

impl<'a> Job<'a> {
    /// One without an oracle, with checkpoints at the usual intervals, that keeps every tape.
    pub fn new(train: &'a Train, seed: Seed, source: &'a dyn Source, checkpoint: &'a Path) -> Self {
        let (checkpoint_every, keep) = (CHECKPOINT_EVERY, Keep::All);
        Self { train, seed, source, checkpoint, checkpoint_every, oracle: None, keep, part: parts::PIXELS }
    }
}

impl<'a> Job<'a> {
    fn penalty(&self, model: &Extractor, params: &mut Params) -> Option<Penalty<'a>> {
        match (&self.train.strategy, self.oracle) {
            (spec::Strategy::Miro(word), Some(oracle)) => Some(Penalty::new(word, oracle, model, params)),
            _ => None,
        }
    }

    /// The step at which it will go on, if a checkpoint lies ready.
    pub fn resumes_at(&self) -> Option<u64> {
        checkpoint::step(self.checkpoint)
    }

    /// Trains `model`, whose parameters are `params`; losses add their own parameters to these.
    ///
    /// # Errors
    /// If an image cannot be read, a checkpoint does not fit, or the loss diverges.
    pub fn run(
        &self,
        model: &Extractor,
        params: &mut Params,
        listen: &mut dyn Listen,
    ) -> Result<Ended, Error> {
        let Self { train, seed, source, .. } = *self;
        let objective = Objective::new(&train.objective, model.width(), source.classes().len(), params);
        let penalty = self.penalty(model, params);
        let mut optimiser = Optimiser::new(&train.optimiser, params)?;
        let loader = Loader::new(source, train, objective.views(), seed, params);
        let mut strategy = strategy::build(&train.strategy, params, loader.steps_per_epoch());
        let resumed = checkpoint::resume(self.checkpoint, params, &mut optimiser, strategy.as_mut())?;
        let total = strategy.steps(loader.steps_per_epoch() * train.epochs as u64);
        let mut trainer = Trainer::new(self, model, params, (objective, penalty, optimiser));
        trainer.rows = loader.batch();
        let mut ended_early = false;
        let mut checkpoints = Checkpoints::new(self.checkpoint.to_owned(), self.checkpoint_every);
        listen.hear(&Event::Began { what: "training", unit: "step", total });
        let ended = loader.run(resumed.unwrap_or(0)..total, |step, batch| {
            trainer.step(step, strategy.as_ref(), &batch, listen).map_err(|error| match error {
                Error::Tensor(error) if device::is_out_of_memory(&error) => {
                    Error::OutOfMemory { batch: loader.batch(), side: train.image }
                }
                error => error,
            })?;
            let note = trainer.loss.map(|loss| format!("loss {loss:.3}")).unwrap_or_default();
            listen.hear(&Event::Advanced { done: step + 1, note: &note });
            let mut look = || trainer.look(step, listen);
            if strategy.after_step(step, trainer.params, &mut look)? == Verdict::End {
                ended_early = true;
                return Ok(false);
            }
            checkpoints.settle(listen)?;
            let stop = listen.stop() && step + 1 < total;
            if stop || checkpoints.due() {
                // A checkpoint holds no weights that a loss without a number has spoilt, and its curves are told.
                trainer.tell(listen)?;
                checkpoints.start(step + 1, trainer.params, &trainer.optimiser, strategy.as_ref())?;
            }
            Ok(!stop)
        });
        listen.hear(&Event::Ended);
        ended?;
        trainer.tell(listen)?;
        checkpoints.finish(listen)?;
        let steps = trainer.optimiser.steps();
        let complete = ended_early || steps == total;
        if complete {
            strategy.finish(trainer.params)?;
        }
        Ok(Ended { resumed, complete, steps })
    }
}

/// Numbers in a batch up to which its sets go side by side: 64 images of 64 px and five channels.
const SMALL: usize = 64 * 64 * 64 * 5;

/// Steps whose numbers a GPU is not waited for.
const UNREAD: usize = 16;

/// A step whose numbers have not been told.
struct Taken {
    /// From 1.
    number: u64,
    passes: Vec<Pass>,
    lr: f64,
    norm: Scalar,
}

/// The state of a training between two steps.
struct Trainer<'a> {
    job: &'a Job<'a>,
    model: &'a Extractor,
    params: &'a Params,
    objective: Objective,
    penalty: Option<Penalty<'a>>,
    gradients: Gradients,
    optimiser: Optimiser,
    rows: usize,
    taken: Vec<Taken>,
    /// When the last numbers were told.
    told: Instant,
    /// The last loss that was told.
    loss: Option<f32>,
}

impl<'a> Trainer<'a> {
    fn new(
        job: &'a Job<'a>,
        model: &'a Extractor,
        params: &'a Params,
        (objective, penalty, optimiser): (Objective, Option<Penalty<'a>>, Optimiser),
    ) -> Self {
        Self {
            job,
            model,
            params,
            objective,
            penalty,
            gradients: Gradients::new(params),
            optimiser,
            rows: 0,
            taken: Vec::new(),
            told: Instant::now(),
            loss: None,
        }
    }

    /// One step, numbered from 0: each set of the batch forwards and backwards, gradients added, weights changed.
    /// The loss is the sum over sets, so that each set weighs the same however many images it has.
    fn step(
        &mut self,
        step: u64,
        strategy: &dyn Strategy,
        batch: &[Part],
        listen: &mut dyn Listen,
    ) -> Result<(), Error> {
        if self.taken.is_empty() {
            self.told = Instant::now();
        }
        let train = self.job.train;
        let passes = self.passes(step, batch)?;
        let at = |factor: f64| {
            let peak = factor * train.optimiser.lr;
            strategy.rate(step, &|epoch| rate(&train.schedule, peak, train.epochs, epoch))
        };
        let norm = self.optimiser.gradient_norm(&self.gradients)?;
        let numbers = Taken { number: step + 1, passes, lr: at(1.0), norm };
        self.optimiser.step(self.params, &self.gradients, at)?;
        self.gradients.clear();
        self.taken.push(numbers);
        let wait = self.params.on_a_gpu() && self.taken.len() < UNREAD;
        if wait { Ok(()) } else { self.tell(listen) }
    }

    /// Tells the numbers of all steps that were taken; on a GPU, waits for them.
    fn tell(&mut self, listen: &mut dyn Listen) -> Result<(), Error> {
        let taken = std::mem::take(&mut self.taken);
        let told: Vec<Result<Told, Error>> = taken.iter().map(Taken::read).collect();
        let pace = (self.rows * taken.len()) as f64 / self.told.elapsed().as_secs_f64();
        for (Taken { number, lr, .. }, told) in taken.iter().zip(told) {
            let Told { loss, terms, norm } = told?;
            let mut say = |name: &str, value: f64| listen.hear(&Event::Metric { name, step: *number, value });
            say("loss", f64::from(loss));
            for (name, value) in terms {
                say(&format!("loss/{name}"), f64::from(value));
            }
            say("lr", *lr);
            say("grad_norm", norm);
            say("images_per_s", pace);
            self.loss = Some(loss);
        }
        self.told = Instant::now();
        Ok(())
    }

    /// The loss of each set, with the gradients of all of them added in the sets' order. Small sets go side by side:
    /// their operations are too short to be shared among threads. Which batches are small depends on the batch alone,
    /// so that the sums are the same on any number of threads.
    fn passes(&mut self, step: u64, batch: &[Part]) -> Result<Vec<Pass>, Error> {
        let pixels: usize = batch.iter().map(Part::size).sum();
        if pixels > SMALL || self.params.on_a_gpu() {
            let mut gradients = std::mem::replace(&mut self.gradients, Gradients::new(self.params));
            let keep = self.job.keep;
            let passes = batch.iter().map(|part| self.pass(step, part, keep, &mut gradients)).collect();
            self.gradients = gradients;
            return passes;
        }
        // Bytes cannot be told apart by set here, and there are few.
        let keep = if let Keep::Within(_) = self.job.keep { Keep::All } else { self.job.keep };
        let side_by_side: Vec<Result<(Pass, Gradients), Error>> = batch
            .par_iter()
            .map(|part| {
                let mut gradients = Gradients::new(self.params);
                Ok((self.pass(step, part, keep, &mut gradients)?, gradients))
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

/// The numbers of a step.
struct Told {
    loss: f32,
    terms: Vec<(&'static str, f32)>,
    norm: f64,
}

impl Taken {
    /// # Errors
    /// If the loss is no number, or cannot be read.
    fn read(&self) -> Result<Told, Error> {
        let of_set = |(total, terms): &'_ Pass| {
            let terms = terms.iter().map(|(_, term)| term.clone());
            [total.clone()].into_iter().chain(terms).collect::<Vec<Scalar>>()
        };
        let all: Vec<Scalar> = self.passes.iter().flat_map(of_set).chain([self.norm.clone()]).collect();
        let mut numbers = Scalar::read(&all.iter().collect::<Vec<_>>())?.into_iter();
        let mut next = || numbers.next().expect("as many numbers as were asked for");
        let (mut loss, mut terms) = (0f32, Vec::<(&'static str, f32)>::new());
        for (_, of_set) in &self.passes {
            loss += next() as f32;
            for (name, _) in of_set {
                let value = next() as f32;
                match terms.iter_mut().find(|(known, _)| known == name) {
                    Some((_, sum)) => *sum += value,
                    None => terms.push((name, value)),
                }
            }
        }
        if !loss.is_finite() {
            return Err(Error::Diverged { step: self.number, value: loss });
        }
        Ok(Told { loss, terms, norm: next() })
    }
}

#[cfg(test)]
mod tests;
