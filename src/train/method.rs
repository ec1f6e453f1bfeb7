//! How a training goes about its steps: what an earlier generation of specs declares, in the terms of the loop.

use super::{Batches, Clip, Groups};
use crate::{
    curve::Curve,
    spec::{Needs, Train},
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
    /// As a spec declares it: timm's cosine, the same decay for everything.
    pub fn of(train: &Train) -> Self {
        let views = Needs::of(&train.objective).views;
        Self {
            batches: Batches::of(train, views),
            rate: Curve::EpochCosine {
                peak: train.optimiser.lr,
                schedule: train.schedule.clone(),
                epochs: train.epochs,
            },
            decay: Curve::Constant(train.optimiser.weight_decay),
            groups: Groups::default(),
            clip: Clip::Never,
        }
    }
}
