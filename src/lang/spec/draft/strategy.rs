//! Strategies as a file states them, before a recipe fills in the rest.

use crate::spec::{DenseSwa, Miro, Oracle, Strategy, SwaKeep, SwaRate, Swad, Taps, recipe::Recipe};

/// What SWAD's authors hold out of each domain.
pub(super) const SWAD_HOLD_OUT: f64 = 0.2;

/// A strategy with gaps: `None` is a switch that the file leaves to its recipe.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each variant is the one of the same name in `Strategy`")]
pub enum StatedStrategy {
    Erm,
    Swad(Swad),
    DenseSwa(StatedDenseSwa),
    Miro(StatedMiro),
}

/// [`DenseSwa`] as a file states it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "each field is the one of the same name in the resolved strategy")]
pub struct StatedDenseSwa {
    pub start_epoch: usize,
    pub rate: Option<SwaRate>,
    pub keep: Option<SwaKeep>,
}

/// [`Miro`] as a file states it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "each field is the one of the same name in the resolved strategy")]
pub struct StatedMiro {
    pub lambda: f64,
    pub taps: Option<Taps>,
    pub oracle: Option<Oracle>,
    pub rate_factor: Option<f64>,
}

impl StatedStrategy {
    /// Fills every gap from `recipe`.
    pub(super) fn resolve(&self, recipe: Recipe) -> Strategy {
        match self {
            Self::Erm => Strategy::Erm,
            Self::Swad(swad) => Strategy::Swad(swad.clone()),
            Self::DenseSwa(word) => Strategy::DenseSwa(DenseSwa {
                start_epoch: word.start_epoch,
                rate: recipe.fill(word.rate, "train.strategy.dense_swa.rate"),
                keep: recipe.fill(word.keep, "train.strategy.dense_swa.keep"),
            }),
            Self::Miro(word) => Strategy::Miro(Miro {
                lambda: word.lambda,
                taps: recipe.fill(word.taps, "train.strategy.miro.taps"),
                oracle: recipe.fill(word.oracle, "train.strategy.miro.oracle"),
                rate_factor: recipe.fill(word.rate_factor, "train.strategy.miro.rate_factor"),
            }),
        }
    }
}
