//! What is done for domains that are not in the training set.

use super::{ImageNet22k, Objective, With, Word, with::switches};
use crate::spec::{
    self, Oracle, SwaKeep, SwaRate, Taps,
    draft::{StatedDenseSwa, StatedMiro, StatedStrategy},
};

/// A way to train for unseen domains, for models that start from `W` and are trained towards `O`.
///
/// ```
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// # let run = ConvNext::atto().scratch().adapter(HyperNet { z: 8, hidden: 8 }).train_on(Chammi);
/// let _ = run.loss(PROXY).strategy(Erm);
/// ```
/// ```compile_fail
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// # let run = ConvNext::atto().scratch().adapter(HyperNet { z: 8, hidden: 8 }).train_on(Chammi);
/// let _ = run.strategy(Erm).loss(PROXY);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a training strategy",
    label = "expected a strategy, such as `Erm`",
    note = "strategies: `Erm`, `Swad::default()`, `DenseSwa {{ start_epoch: 5 }}`, `Miro {{ lambda: 0.01 }}`"
)]
pub trait Strategy<W, O> {
    /// The same as plain data.
    #[doc(hidden)]
    fn strategy(self) -> StatedStrategy;
}

/// Weights that a frozen copy of can guide training.
///
/// ```
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// # let model = ConvNext::tiny().pretrained(ImageNet22k).adapter(TargetParam);
/// let _ = model.train_on(Chammi).loss(PROXY).strategy(Miro { lambda: 0.01 });
/// ```
/// ```compile_fail
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// # let model = ConvNext::tiny().scratch().adapter(TargetParam);
/// let _ = model.train_on(Chammi).loss(PROXY).strategy(Miro { lambda: 0.01 });
/// ```
#[diagnostic::on_unimplemented(
    message = "MIRO needs a pretrained oracle, and this model starts from `{Self}`",
    label = "no pretrained weights to act as the oracle",
    note = "start the backbone with `.pretrained(ImageNet22k)` instead of `.scratch()`, or take another strategy"
)]
pub trait Guides {}
impl Guides for ImageNet22k {}

/// What losses read, where it has to be labels.
///
/// ```
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// # let model = ConvNext::tiny().scratch().adapter(TargetParam);
/// let _ = model.train_on(Chammi).loss(0.2 * SSL + 0.8 * PROXY).strategy(Swad::default());
/// ```
/// ```compile_fail
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// # let model = ConvNext::tiny().scratch().adapter(TargetParam);
/// let _ = model.train_on(Chammi).loss(SSL).strategy(Swad::default());
/// ```
#[diagnostic::on_unimplemented(
    message = "SWAD looks at a held-out loss, and this loss reads no labels",
    label = "there is no held-out loss to look at",
    note = "add a loss that reads labels, such as `ProxyNca::t(0.07)`, or average from a fixed epoch on: `DenseSwa {{ start_epoch: 5 }}`"
)]
pub trait UsesLabels {}
impl UsesLabels for super::Labels {}

/// Empirical risk minimisation: nothing is done.
#[derive(Clone, Copy, Debug)]
pub struct Erm;

/// Weights averaged densely over a valley of the held-out loss (Cha et al. 2021), as its authors' code does it: the
/// valley begins where the loss stops falling and ends where it has risen above a threshold. `Swad::default()` has the
/// authors' numbers, and holds out a fifth of the training images unless `.hold_out(…)` says otherwise. CHAMMI's "SWAD"
/// is [`DenseSwa`].
#[derive(Clone, Copy, Debug)]
pub struct Swad {
    /// Steps between two looks at the held-out loss.
    pub every: usize,
    /// Looks without a fall that begin the valley.
    pub converge: usize,
    /// Looks above the threshold that end it.
    pub tolerance: usize,
    /// The threshold is the mean loss of the first looks times 1 + this.
    pub ratio: f64,
}

impl Default for Swad {
    fn default() -> Self {
        Self { every: 100, converge: 3, tolerance: 6, ratio: 0.3 }
    }
}

/// Weights averaged after every step of the epochs behind this one: what CHAMMI calls SWAD, with 5.
#[derive(Clone, Copy, Debug)]
pub struct DenseSwa {
    /// Averaged are the steps of later epochs.
    pub start_epoch: usize,
}

/// Features stay close to those of the model as it starts (Cha et al. 2022). CHAMMI: `Miro { lambda: 0.01 }`.
#[derive(Clone, Copy, Debug)]
pub struct Miro {
    /// Weight of the penalty.
    pub lambda: f64,
}

switches! {
    DenseSwa: StatedDenseSwa, this => StatedDenseSwa { start_epoch: this.start_epoch, rate: None, keep: None }, {
        /// What becomes of the learning rate meanwhile.
        rate: SwaRate;
        /// Which weights are kept.
        keep: SwaKeep;
    }
    Miro: StatedMiro, this => StatedMiro { lambda: this.lambda, taps: None, oracle: None, rate_factor: None }, {
        /// Where features are compared.
        taps: Taps;
        /// What they are compared with.
        oracle: Oracle;
        /// The variances learn at so many times the peak rate.
        rate_factor: f64;
    }
}

impl<W, O: Objective> Strategy<W, O> for Erm {
    fn strategy(self) -> StatedStrategy {
        StatedStrategy::Erm
    }
}

impl<W, O: Objective<Supervision: UsesLabels>> Strategy<W, O> for Swad {
    fn strategy(self) -> StatedStrategy {
        let Self { every, converge, tolerance, ratio } = self;
        StatedStrategy::Swad(spec::Swad { every, converge, tolerance, ratio })
    }
}

impl<W, O: Objective> Strategy<W, O> for DenseSwa {
    fn strategy(self) -> StatedStrategy {
        StatedStrategy::DenseSwa(self.stated())
    }
}

impl<W, O: Objective> Strategy<W, O> for With<DenseSwa> {
    fn strategy(self) -> StatedStrategy {
        StatedStrategy::DenseSwa(self.0)
    }
}

impl<W: Guides, O: Objective> Strategy<W, O> for Miro {
    fn strategy(self) -> StatedStrategy {
        StatedStrategy::Miro(self.stated())
    }
}

impl<W: Guides, O: Objective> Strategy<W, O> for With<Miro> {
    fn strategy(self) -> StatedStrategy {
        StatedStrategy::Miro(self.0)
    }
}
