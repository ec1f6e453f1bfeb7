//! Losses, and weighted sums of them: `0.2 * SimClr::t(0.07) + 0.8 * ProxyNca::t(0.07)`.

use super::{Answers, OfClassifier};
use std::ops::Add;
use toml::Table;

/// A loss, or a weighted sum of losses.
#[diagnostic::on_unimplemented(
    message = "whether a strategy applies depends on the loss, and here it is `{Self}`",
    label = "say `.loss(...)` before this"
)]
pub trait Objective {
    /// [`Labels`] if it reads labels, [`NoLabels`] if it does not.
    type Supervision;

    /// The same as plain data.
    #[doc(hidden)]
    fn terms(&self) -> Vec<(f64, Table)>;

    /// Whether the weights were declared to sum to 1.
    #[doc(hidden)]
    fn is_convex(&self) -> bool {
        false
    }

    /// Declares that the weights sum to 1. The compiler checks literals; other weights are checked before
    /// anything runs.
    fn convex(self) -> Convex<Self>
    where
        Self: Sized,
    {
        Convex(self)
    }
}

/// An objective that trains a model of backbone `B` and adapter `A`.
///
/// ```
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// # let run = ConvNext::atto().scratch().adapter(HyperNet { z: 8, hidden: 8 }).train_on(Chammi);
/// let _ = run.loss(0.2 * SSL + 0.8 * PROXY);
/// ```
/// ```compile_fail
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// # let run = ConvNext::atto().scratch().adapter(HyperNet { z: 8, hidden: 8 }).train_on(Chammi);
/// let _ = run.loss(0.8);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a loss",
    label = "expected a loss, such as `ProxyNca::t(0.07)`",
    note = "losses add up with weights: `0.2 * SimClr::t(0.07) + 0.8 * ProxyNca::t(0.07)`"
)]
pub trait Trains<B, A>: Objective {}

/// The objective of an experiment, or `.frozen()` if nothing is trained.
///
/// ```
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// fn floor() -> impl Experiments {
///     let model = ConvNext::tiny().scratch().adapter(HyperNet { z: 128, hidden: 256 });
///     model.train_on(Chammi).frozen().evaluate(OneNn::cosine().on(Chammi))
/// }
/// ```
/// ```compile_fail
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// fn forgotten() -> impl Experiments {
///     let model = ConvNext::tiny().scratch().adapter(HyperNet { z: 128, hidden: 256 });
///     model.train_on(Chammi).evaluate(OneNn::cosine().on(Chammi))
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "this experiment has no objective",
    label = "say `.loss(...)`, or `.frozen()` for a model that is only evaluated"
)]
pub trait Towards {}
impl Towards for Frozen {}
impl<L> Towards for Weighted<L> {}
impl<L, R> Towards for Sum<L, R> {}
impl<L> Towards for Convex<L> {}

/// A stage of training, which another one can follow and whose images can be selected.
///
/// ```
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// # let run = ConvNext::atto().scratch().adapter(HyperNet { z: 8, hidden: 8 }).train_on(Chammi);
/// let _ = run.loss(SSL).then(PROXY).on(Wtc);
/// ```
/// ```compile_fail
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// # let run = ConvNext::atto().scratch().adapter(HyperNet { z: 8, hidden: 8 }).train_on(Chammi);
/// let _ = run.frozen().then(PROXY);
/// ```
#[diagnostic::on_unimplemented(
    message = "there is no stage of training before this: `{Self}`",
    label = "say `.loss(...)` before this"
)]
pub trait HasStage {}
impl<L> HasStage for Weighted<L> {}
impl<L, R> HasStage for Sum<L, R> {}
impl<L> HasStage for Convex<L> {}

/// An objective that is not yet set: either `.loss(…)` or `.frozen()`, and only once.
///
/// ```
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// # let run = ConvNext::atto().scratch().adapter(HyperNet { z: 8, hidden: 8 }).train_on(Chammi);
/// let _ = run.frozen();
/// ```
/// ```compile_fail
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// # let run = ConvNext::atto().scratch().adapter(HyperNet { z: 8, hidden: 8 }).train_on(Chammi);
/// let _ = run.frozen().loss(PROXY);
/// ```
#[diagnostic::on_unimplemented(
    message = "the objective of this experiment is already set: `{Self}`",
    label = "set twice",
    note = "`.frozen()` takes no `.loss(...)`; several losses add up in one: `.loss(0.2 * SSL + 0.8 * PROXY)`"
)]
pub trait LossNotSaid {}
impl LossNotSaid for NoLoss {}

/// No `.loss(…)` and no `.frozen()` yet.
#[derive(Clone, Copy, Debug)]
pub struct NoLoss;

/// `.frozen()`: nothing is trained.
#[derive(Clone, Copy, Debug)]
pub struct Frozen;

/// Labels are read.
#[derive(Debug)]
pub enum Labels {}

/// Only images are read.
#[derive(Debug)]
pub enum NoLabels {}

/// What a sum of losses reads, given what its terms read.
pub trait Or<R> {
    /// Labels if either does.
    type Either;
}
impl<R> Or<R> for Labels {
    type Either = Self;
}
impl<R> Or<R> for NoLabels {
    type Either = R;
}

/// `0.2 * loss`.
#[derive(Clone, Copy, Debug)]
pub struct Weighted<L>(pub(crate) f64, pub(crate) L);

/// `loss + loss`.
#[derive(Clone, Copy, Debug)]
pub struct Sum<L, R>(pub(crate) L, pub(crate) R);

/// `loss.convex()`.
#[derive(Clone, Copy, Debug)]
pub struct Convex<L>(L);

impl<L: Objective> Objective for Weighted<L> {
    type Supervision = L::Supervision;

    fn terms(&self) -> Vec<(f64, Table)> {
        self.1.terms().into_iter().map(|(weight, loss)| (self.0 * weight, loss)).collect()
    }
}

impl<L: Objective<Supervision: Or<R::Supervision>>, R: Objective> Objective for Sum<L, R> {
    type Supervision = <L::Supervision as Or<R::Supervision>>::Either;

    fn terms(&self) -> Vec<(f64, Table)> {
        [self.0.terms(), self.1.terms()].concat()
    }
}

impl<L: Objective> Objective for Convex<L> {
    type Supervision = L::Supervision;

    fn terms(&self) -> Vec<(f64, Table)> {
        self.0.terms()
    }

    fn is_convex(&self) -> bool {
        true
    }
}

impl<L: Answers<OfClassifier>> Answers<OfClassifier> for Weighted<L> {}
impl<L: Answers<OfClassifier>> Answers<OfClassifier> for Convex<L> {}
/// One of its terms is enough: the rules about specs say whether any is.
impl<L, R> Answers<OfClassifier> for Sum<L, R> {}

impl<B, A, L: Trains<B, A>> Trains<B, A> for Weighted<L> {}
impl<B, A, L: Trains<B, A>> Trains<B, A> for Convex<L> {}
impl<B, A, L, R> Trains<B, A> for Sum<L, R>
where
    L: Trains<B, A> + Objective<Supervision: Or<R::Supervision>>,
    R: Trains<B, A>,
{
}

impl<L, N: Objective> Add<N> for Weighted<L> {
    type Output = Sum<Self, N>;

    fn add(self, next: N) -> Self::Output {
        Sum(self, next)
    }
}

impl<L, R, N: Objective> Add<N> for Sum<L, R> {
    type Output = Sum<Self, N>;

    fn add(self, next: N) -> Self::Output {
        Sum(self, next)
    }
}

/// Implements, for settings with switches stated and without, that they are losses, and whether they read
/// labels. A single impl for all losses is forbidden by the orphan rule (E0210).
macro_rules! loss {
    (@trains Labels $word:ty) => {
        impl<B, A> $crate::dsl::Trains<B, A> for $word
        where
            B: $crate::dsl::Backbone,
            A: $crate::dsl::Trainable + $crate::dsl::KeepsLabels,
        {
        }
    };
    (@trains NoLabels $word:ty) => {
        impl<B: $crate::dsl::Backbone, A: $crate::dsl::Trainable> $crate::dsl::Trains<B, A> for $word {}
    };
    ($supervision:ident: $($word:ty),*) => {$(
        impl $crate::dsl::Objective for $word {
            type Supervision = $crate::dsl::$supervision;

            fn terms(&self) -> Vec<(f64, toml::Table)> {
                vec![(1.0, $crate::word::Says::table(*self))]
            }
        }

        impl std::ops::Mul<$word> for f64 {
            type Output = $crate::dsl::Weighted<$word>;

            fn mul(self, loss: $word) -> Self::Output {
                $crate::dsl::Weighted(self, loss)
            }
        }

        impl<N: $crate::dsl::Objective> std::ops::Add<N> for $word {
            type Output = $crate::dsl::Sum<Self, N>;

            fn add(self, next: N) -> Self::Output {
                $crate::dsl::Sum(self, next)
            }
        }

        $crate::dsl::loss!(@trains $supervision $word);
        impl $crate::dsl::Towards for $word {}
        impl $crate::dsl::HasStage for $word {}
    )*};
}
pub(crate) use loss;
