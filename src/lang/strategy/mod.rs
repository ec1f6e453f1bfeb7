//! Strategies for domains that are not in the training set: the axis and the facts of each.

mod dense_swa;
mod erm;
mod miro;
mod swad;

use crate::{axis::axis, spec::InStage};

axis! {
    /// The strategies.
    pub enum Strategy: StrategyWord, StageWord(InStage<'_>) {
        Erm = erm::{Erm;},
        Swad = swad::{Swad;},
        DenseSwa = dense_swa::{DenseSwa; SwaKeep, SwaRate},
        Miro = miro::{Miro; Oracle, Taps},
    }
    /// The facts of a strategy.
    facts {
        /// The share of the training images that it holds out if a declaration does not state one.
        fn hold_out(&self) -> Option<f64>;
        /// The frozen network that it compares with, if it has one.
        fn oracle(&self) -> Option<Oracle>;
    }
}

pub use miro::Oracle;
