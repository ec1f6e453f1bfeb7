//! Training: batches in, steps, weights out. It knows no store and no terminal, and reports to a listener.

mod bag;
mod checkpoint;
mod continued;
mod crops;
mod exact;
mod footprint;
mod keep;
mod leave;
mod loader;
mod look;
mod method;
mod objective;
mod one_image;
mod optimiser;
mod pairs;
mod parts;
mod pass;
mod pretraining;
mod sampling;
mod source;
mod strategy;
mod trainer;

pub use bag::Bag;
pub use checkpoint::{EVERY as CHECKPOINT_EVERY, forget as forget_checkpoint};
pub use continued::{Continue, continue_from};
pub use crops::{Batches, CropGroup, MaskedGrid, Normalise};
pub use footprint::Footprint;
pub use keep::Keep;
pub use leave::leave;
pub use method::Method;
pub use objective::objective;
pub use one_image::{COPIES_TOGETHER, OnOneImage, Trained};
pub use optimiser::{Clip, Group, Groups, Layers, Names, Optimiser, Rule};
pub use pairs::{Missing, Partners};
pub use parts::{PIXELS as PART, parts};
pub use pretraining::Pretraining;
pub use source::{Folder, Item, Source};

use crate::{
    backbone::files,
    data, device,
    event::{Event, Listen},
    loss::Objective,
    model::Extractor,
    params::Params,
    seed::Seed,
    spec::Stage,
};
use checkpoint::Checkpoints;
use loader::Loader;
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use strategy::Verdict;
use trainer::Trainer;

/// Raised when the loop computes something different; part of the identity of every work that trains.
pub const REVISION: u32 = 1;

/// An error of training.
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
        /// The reason.
        reason: String,
    },
    /// A step does not fit into a GPU's memory.
    #[error("a step of {batch} images of {side} px does not fit into the memory of the GPU")]
    OutOfMemory {
        /// Images in a batch.
        batch: usize,
        /// Their side in pixels.
        side: usize,
    },
    /// Images of a set have no plate, batch or what else pairs are to differ in.
    #[error(
        "images of `{set}` are to be paired with those of another {role}, and its table has no column for that"
    )]
    NoRole {
        /// The set.
        set: String,
        /// The role.
        role: String,
    },
    /// Images have no partner, and that was said to be an error.
    #[error("{message}")]
    NoPartners {
        /// How many, and what is missing.
        message: String,
    },
    /// A judge has found no answer.
    #[error(transparent)]
    Judge(Box<dyn std::error::Error + Send + Sync>),
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
            Self::NoRole { role, .. } => Some(format!(
                "name the column in `dataset.toml`: {} = \"…\" under [roles], or leave `.across(…)` out",
                role.replace(' ', "_")
            )),
            Self::NoPartners { .. } => {
                Some("pair them otherwise: `.on_missing(OnMissing::SameTreatment)`".into())
            }
            Self::Tensor(_) | Self::Judge(_) => None,
        }
    }
}

/// Says how good weights are, without labels.
pub trait Judge: Sync {
    /// How far they are from what is expected of them.
    ///
    /// # Errors
    /// [`Error::Judge`] if that cannot be found out.
    fn distance(&self, params: &Params) -> Result<f64, Error>;
}

/// A training, ready to start or resume.
pub struct Job<'a> {
    /// The settings.
    pub stage: &'a Stage,
    /// Side of the network's square input, in pixels.
    pub side: usize,
    /// The run's seed.
    pub seed: Seed,
    /// The images.
    pub source: &'a dyn Source,
    /// The file of checkpoints.
    pub checkpoint: &'a Path,
    /// The time between two checkpoints.
    pub checkpoint_every: Duration,
    /// How many parts of a batch keep their tape; the results are the same.
    pub keep: Keep,
    /// Who says which step's weights are left; nobody: they are those of the last one.
    pub judge: Option<&'a dyn Judge>,
    /// What the stage declares, as the loop understands it.
    method: Method,
    /// Pixels of a part; results depend on it.
    part: usize,
}

/// How a training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The step of the checkpoint from which it resumed; `None` if it started from the beginning.
    pub resumed: Option<u64>,
    /// Whether every step was taken; if not, a listener asked it to stop and a checkpoint is ready.
    pub complete: bool,
    /// Total number of steps taken.
    pub steps: u64,
}

impl<'a> Job<'a> {
    /// With checkpoints at the default interval, keeping every tape.
    pub fn new(
        stage: &'a Stage,
        side: usize,
        seed: Seed,
        source: &'a dyn Source,
        checkpoint: &'a Path,
    ) -> Self {
        let (checkpoint_every, keep, part) = (CHECKPOINT_EVERY, Keep::All, parts::PIXELS);
        let method = Method::of(stage, side, false);
        Self { stage, side, seed, source, checkpoint, checkpoint_every, keep, judge: None, method, part }
    }

    /// The same on windows of the images at their own scale, within the central square of twice the side, if `window`.
    #[must_use]
    pub fn on_windows(mut self, window: bool) -> Self {
        self.method = Method::of(self.stage, self.side, window);
        self
    }

    /// The step at which it will resume, if a checkpoint is ready.
    pub fn resumes_at(&self) -> Option<u64> {
        checkpoint::step(self.checkpoint)
    }

    /// The composition of a batch for this model and its losses.
    fn batches(&self, model: &Extractor, objective: &Objective) -> Batches {
        let mut batches = self.method.batches.clone();
        if let Some(first) = batches.groups.first_mut() {
            first.count = first.count.max(objective.views());
        }
        let of_channels = model.has_patches_of_channels();
        batches.masking = objective
            .masking()
            .and_then(|masking| Some(MaskedGrid { masking, side: model.grid(self.side)?, of_channels }));
        batches
    }

    /// Trains `model` with the parameters `params`, including those of the losses, to minimise `objective`.
    ///
    /// # Errors
    /// If an image cannot be read, a checkpoint does not fit, or the loss diverges.
    pub fn run(
        &self,
        model: &Extractor,
        params: &mut Params,
        objective: &mut Objective,
        listen: &mut dyn Listen,
    ) -> Result<Ended, Error> {
        let Self { stage, seed, source, method, .. } = self;
        let loader = Loader::new(*source, self.batches(model, objective), *seed, params);
        let steps_per_epoch = loader.steps_per_epoch();
        let groups = method.groups(steps_per_epoch, steps_per_epoch * stage.epochs as u64);
        let mut optimiser = Optimiser::grouped(&stage.optimiser, &groups, method.clip, params)?;
        objective.start(params)?;
        let judged = self.judge.map(|_| steps_per_epoch * stage.epochs as u64);
        let mut strategy = strategy::build(&stage.strategy, params, steps_per_epoch, judged);
        let resumed = checkpoint::resume(
            self.checkpoint,
            params,
            &mut [("", &mut optimiser), ("", objective), ("strategy/", strategy.as_mut())],
        )?;
        let total = strategy.steps(steps_per_epoch * stage.epochs as u64);
        let mut trainer = Trainer::new(self, model, params, objective, optimiser);
        (trainer.rows, trainer.steps_per_epoch) = (loader.batch(), steps_per_epoch);
        let mut ended_early = false;
        let mut checkpoints = Checkpoints::new(self.checkpoint.to_owned(), self.checkpoint_every);
        listen.receive(&Event::Began { what: "training", unit: "step", total });
        if resumed.is_none() {
            strategy.begin(trainer.left(), &mut || trainer.look(0, listen))?;
        }
        let ended = loader.run(resumed.unwrap_or(0)..total, |step, batch| {
            trainer.step(step, strategy.as_ref(), &batch, listen).map_err(|error| match error {
                Error::Tensor(error) if device::is_out_of_memory(&error) => {
                    Error::OutOfMemory { batch: loader.batch(), side: self.side }
                }
                error => error,
            })?;
            let note = trainer.loss.map(|loss| format!("loss {loss:.3}")).unwrap_or_default();
            listen.receive(&Event::Advanced { done: step + 1, note: &note });
            let mut look = || trainer.look(step + 1, listen);
            if strategy.after_step(step, trainer.left(), &mut look)? == Verdict::End {
                ended_early = true;
                return Ok(false);
            }
            checkpoints.settle(listen)?;
            let stop = listen.stop() && step + 1 < total;
            if stop || checkpoints.due() {
                // Flush pending losses first: a NaN is caught before its weights are saved, and the curves up
                // to this step are durable.
                trainer.flush_metrics(listen)?;
                checkpoints.start(step + 1, trainer.params, &trainer.stateful(strategy.as_ref()))?;
            }
            Ok(!stop)
        });
        listen.receive(&Event::Ended);
        ended?;
        trainer.flush_metrics(listen)?;
        checkpoints.finish(listen)?;
        let steps = trainer.optimiser.steps();
        let complete = ended_early || steps == total;
        if complete {
            strategy.finish(trainer.left())?;
        }
        Ok(Ended { resumed, complete, steps })
    }
}

#[cfg(test)]
mod tests;
