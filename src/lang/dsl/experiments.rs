//! The return value of an `#[experiment]` function: one declaration, or several.

use super::{Run, Scored, Towards};
use crate::spec::{
    Spec,
    check::{self, Problem},
    recipe::Recipe,
};

/// One declaration as plain data: what is computed, with which seeds, and its labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Declared {
    /// What is computed, with every switch resolved.
    pub spec: Spec,
    /// The seeds, one run each.
    pub seeds: Vec<u64>,
    /// Axis and value of a table, from `.label(…)`.
    pub labels: Vec<(String, String)>,
    /// The recipe of switches that the file does not set.
    pub recipe: Recipe,
    /// For each stage, whether the weights of its loss were declared to sum to 1.
    pub convex: Vec<bool>,
}

impl Declared {
    /// All problems: those of the spec, and those of what is not part of a spec.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = self.spec.check();
        problems.extend(check::seeds(&self.seeds));
        for (stage, _) in self.spec.train.stages.iter().zip(&self.convex).filter(|(_, convex)| **convex) {
            problems.extend(check::convex(&stage.objective));
        }
        problems
    }
}

/// One declaration, or several: a single one, a tuple of up to eight, an array or a `Vec`.
///
/// ```
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// fn rates() -> impl Experiments {
///     let model = ConvNext::tiny().pretrained(ImageNet22k).adapter(HyperNet { z: 128, hidden: 256 });
///     let base = model.train_on(Chammi).loss(PROXY).evaluate(OneNn::cosine().on(Chammi));
///     [1e-4, 2e-4, 4e-4].map(|lr| base.clone().lr(lr))
/// }
/// assert_eq!(rates().specs().len(), 3);
/// ```
/// ```compile_fail
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// fn unscored() -> impl Experiments {
///     let model = ConvNext::tiny().pretrained(ImageNet22k).adapter(HyperNet { z: 128, hidden: 256 });
///     model.train_on(Chammi).loss(PROXY)
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an experiment",
    label = "expected a complete declaration",
    note = "a complete declaration is: backbone, weights, `.adapter`, `.train_on`, `.loss` or `.frozen`, `.evaluate`"
)]
pub trait Experiments {
    /// All of them as plain data, in the order of declaration.
    fn specs(self) -> Vec<Declared>;
}

impl<M, D, O: Towards, E: Scored> Experiments for Run<M, D, O, E> {
    fn specs(self) -> Vec<Declared> {
        let Self { draft, seeds, labels, recipe, convex, .. } = self;
        vec![Declared { spec: draft.resolve(recipe), seeds, labels, recipe, convex }]
    }
}

impl<T: Experiments> Experiments for Vec<T> {
    fn specs(self) -> Vec<Declared> {
        self.into_iter().flat_map(T::specs).collect()
    }
}

impl<T: Experiments, const N: usize> Experiments for [T; N] {
    fn specs(self) -> Vec<Declared> {
        self.into_iter().flat_map(T::specs).collect()
    }
}

macro_rules! tuples {
    ($(($($item:ident)+))*) => {$(
        impl<$($item: Experiments),+> Experiments for ($($item,)+) {
            #[allow(non_snake_case)]
            fn specs(self) -> Vec<Declared> {
                let ($($item,)+) = self;
                [$($item.specs()),+].concat()
            }
        }
    )*};
}
tuples! { (P) (P Q) (P Q R) (P Q R S) (P Q R S T) (P Q R S T U) (P Q R S T U V) (P Q R S T U V W) }
