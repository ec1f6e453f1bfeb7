//! How a training goes about its steps: what a stage declares, in the terms of the loop.

use super::{Batches, Clip, Groups};
use crate::{
    curve::Curve,
    spec::{Needs, Stage},
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
}

impl Method {
    /// As a stage declares it, on images of that side: timm's cosine, the same decay for everything.
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
        let views = Needs::of(objective).views;
        Self {
            batches: Batches::of(stage, side, views),
            rate: Curve::EpochCosine { peak: optimiser.lr, schedule: schedule.clone(), epochs: *epochs },
            decay: Curve::Constant(optimiser.weight_decay),
            groups: Groups::default(),
            clip: Clip::Never,
        }
    }
}
