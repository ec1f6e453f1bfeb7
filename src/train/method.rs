//! How a training goes about its steps: what a stage declares, in the terms of the loop.

use super::{Batches, Clip, Groups, Names, Rule};
use crate::{
    curve::Curve,
    loss::dino_v1::STUDENT_HEAD,
    spec::{Clipping, Loss, Span, Stage, settings},
};

/// The composition of a step, and its change over a training.
#[derive(Clone, Debug, PartialEq)]
pub struct Method {
    /// The composition of a batch.
    pub batches: Batches,
    /// The learning rate.
    pub rate: Curve,
    /// Decoupled weight decay.
    pub decay: Curve,
    /// Which parameters differ from the others.
    pub groups: Groups,
    /// Whether gradients are clipped.
    pub clip: Clip,
    /// Which parameters do not learn at the beginning, and how long.
    pub waiting: Option<(Names, Span)>,
}

impl Method {
    /// As a stage declares it, on images of that side: timm's cosine and the same decay for everything, unless a loss has
    /// curves of its own.
    pub fn of(stage: &Stage, side: usize) -> Self {
        // Every field is named, so that the compiler asks about one that comes later.
        let Stage {
            objective,
            optimiser,
            schedule,
            epochs,
            // Which images, and what is kept of the weights, is decided elsewhere.
            on: _,
            strategy: _,
            // `Batches::of` reads these.
            augment: _,
            augment_stream: _,
            sampling: _,
            batch: _,
        } = stage;
        let usual = Self {
            batches: Batches::of(stage, side),
            rate: Curve::EpochCosine { peak: optimiser.lr, schedule: schedule.clone(), epochs: *epochs },
            decay: Curve::Constant(optimiser.weight_decay),
            groups: Groups::default(),
            clip: Clip::Never,
            waiting: None,
        };
        match objective.iter().find_map(|term| dino(&term.loss)) {
            Some(word) => usual.of_dino(word, stage),
            None => usual,
        }
    }

    /// Step by step: a ramp and a cosine, decay that rises and leaves out biases and vectors, prototypes that wait.
    fn of_dino(self, word: &settings::DinoV1, stage: &Stage) -> Self {
        let (schedule, decay) = (&stage.schedule, stage.optimiser.weight_decay);
        let (start, peak, end) = (schedule.warmup_lr, stage.optimiser.lr, schedule.lr_min);
        let plain = |names| Rule { names, rate: 1.0, decays: false };
        Self {
            rate: Curve::Ramped { ramp: word.ramp, start, peak, end, warmup: schedule.warmup },
            decay: Curve::Cosine { start: 0.0, peak: decay, end: decay * word.decay_rise, warmup: 0 },
            groups: Groups::new(vec![plain(Names::Vectors), plain(Names::Ending(".bias".into()))]),
            clip: match word.clip {
                Clipping::Never => Clip::Never,
                Clipping::Global(norm) => Clip::Norm(norm),
                Clipping::PerTensor(norm) => Clip::EachTensor(norm),
            },
            waiting: Some((Names::Beginning(format!("{STUDENT_HEAD}last_layer.")), word.last_layer_frozen)),
            ..self
        }
    }

    /// The groups of a training of `total` steps, `epoch` of them in an epoch.
    pub fn groups(&self, epoch: u64, total: u64) -> Groups {
        match &self.waiting {
            Some((names, span)) => self.groups.clone().waiting(names.clone(), span.steps(epoch, total)),
            None => self.groups.clone(),
        }
    }
}

/// The settings of DINO, if that is the loss.
fn dino(loss: &Loss) -> Option<&settings::DinoV1> {
    match loss {
        Loss::DinoV1(word) => Some(word),
        Loss::CrossEntropy(_) | Loss::CeOnFeatures(_) | Loss::ProxyNca(_) | Loss::SimClr(_) => None,
    }
}
