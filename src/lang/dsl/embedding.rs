//! How features are made: the symmetries of an image, hand-made features beside learned ones, several models as one.

use super::Run;
use crate::{
    spec::{Beside, Measured},
    word::plain,
};

/// The features of the hand-made floor: moments, percentiles, gradient energy, radial spectrum, correlations between channels.
#[derive(Clone, Copy, Debug)]
pub struct HandMade;

/// Features that no model computes.
///
/// ```
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// # let run = ConvNext::atto().scratch().adapter(HyperNet { z: 8, hidden: 8 }).train_on(Chammi).loss(PROXY);
/// let _ = run.symmetries().beside(HandMade, 0.3).ensemble(3);
/// ```
/// ```compile_fail
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// # let run = ConvNext::atto().scratch().adapter(HyperNet { z: 8, hidden: 8 }).train_on(Chammi).loss(PROXY);
/// let _ = run.beside(PROXY, 0.3);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a kind of features to set beside a model's",
    label = "expected `HandMade` or `HandMade.standardised()`"
)]
pub trait MeasuredFeatures {
    /// The same as plain data.
    #[doc(hidden)]
    fn measured(self) -> Measured;
}

/// The features of the stricter hand-made floor; written `HandMade.standardised()`.
#[derive(Clone, Copy, Debug)]
pub struct HandMadeStandardised;

impl HandMade {
    /// Those of images whose channels were each standardised: what is left without brightness.
    pub fn standardised(self) -> HandMadeStandardised {
        HandMadeStandardised
    }
}

impl MeasuredFeatures for HandMadeStandardised {
    fn measured(self) -> Measured {
        Measured::HandMadeStandardised
    }
}

impl MeasuredFeatures for HandMade {
    fn measured(self) -> Measured {
        Measured::HandMade
    }
}

impl<M, D, O, E> Run<M, D, O, E> {
    /// Features are the mean over the eight symmetries of a square (four turns, mirrored or not). Embedding takes eight times
    /// as long. Cells under a microscope have no orientation; do not say it where images have one.
    #[must_use]
    pub fn symmetries(mut self) -> Self {
        self.draft.say("embedding.symmetries", true);
        self
    }

    /// Sets these features beside those of the model: each part is scaled to length 1, these then to `weight`. May be called
    /// once for each kind of features.
    #[must_use]
    pub fn beside(mut self, features: impl MeasuredFeatures, weight: f64) -> Self {
        self.draft.push("embedding.beside", plain(&Beside { features: features.measured(), weight }));
        self
    }

    /// Trains `members` models that differ by their seeds only, and scores them as one: their features side by side. Seed `s`
    /// trains those of the seeds `members · s` to `members · s + members − 1`, which it shares with runs of single models.
    #[must_use]
    pub fn ensemble(mut self, members: usize) -> Self {
        self.draft.say("embedding.members", plain(&members));
        self
    }
}
