//! Strategies for domains that are not in the training set.

use super::{ImageNet22k, Labels};
use toml::Table;

/// A way to train for unseen domains, for models that start from `W` and have the objective `O`.
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
    note = "`dichroic list words` shows all strategies"
)]
pub trait Strategy<W, O> {
    /// The same as plain data.
    #[doc(hidden)]
    fn strategy(self) -> Table;
}

/// Pretrained weights whose frozen copy can act as MIRO's oracle.
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

/// The inputs of a loss that must include labels.
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
    message = "SWAD monitors a held-out loss, and this loss reads no labels",
    label = "there is no held-out loss to monitor",
    note = "add a loss that reads labels, such as `ProxyNca::t(0.07)`, or average from a fixed epoch on: `DenseSwa {{ start_epoch: 5 }}`"
)]
pub trait UsesLabels {}
impl UsesLabels for Labels {}
