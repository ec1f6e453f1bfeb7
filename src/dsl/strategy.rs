//! What is done for domains that are not in the training set.

use super::Objective;
use crate::spec;

/// A way to train for unseen domains, for models that start from `W` and are trained towards `O`.
///
/// ```
/// # use dichroic::prelude::*;
/// # let run = ConvNext::atto().scratch().adapter(HyperNet { z: 8, hidden: 8 }).train_on(Chammi);
/// let _ = run.loss(PROXY).strategy(Erm);
/// ```
/// ```compile_fail
/// # use dichroic::prelude::*;
/// # let run = ConvNext::atto().scratch().adapter(HyperNet { z: 8, hidden: 8 }).train_on(Chammi);
/// let _ = run.strategy(Erm).loss(PROXY);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a training strategy",
    label = "expected a strategy, such as `Erm`"
)]
pub trait Strategy<W, O> {
    /// The same as plain data.
    #[doc(hidden)]
    fn strategy(self) -> spec::Strategy;
}

/// Empirical risk minimisation: nothing is done.
#[derive(Clone, Copy, Debug)]
pub struct Erm;

impl<W, O: Objective> Strategy<W, O> for Erm {
    fn strategy(self) -> spec::Strategy {
        spec::Strategy::Erm
    }
}
