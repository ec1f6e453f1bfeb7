//! What is done in training for domains that are not in the training set: every strategy there is.

mod dense_swa;
mod erm;
mod miro;
mod swad;

use crate::{axis::axis, spec::InStage};

axis! {
    /// Every strategy there is.
    pub enum Strategy: StrategyWord, StageWord(InStage<'_>) {
        Erm = erm::{Erm;},
        Swad = swad::{Swad;},
        DenseSwa = dense_swa::{DenseSwa; SwaKeep, SwaRate},
        Miro = miro::{Miro; Oracle, Taps},
    }
    /// What a strategy answers.
    facts {
        /// The share of the training images that it holds out where a sentence says nothing of it.
        fn hold_out(&self) -> Option<f64>;
        /// The frozen network that it compares with, if it has one.
        fn oracle(&self) -> Option<Oracle>;
    }
}

pub use miro::Oracle;
