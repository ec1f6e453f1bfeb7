//! How features are scored.

use crate::spec::Selection;
use toml::Table;

/// A protocol on a data set; written `OneNn::cosine().on(Chammi)`.
#[derive(Clone, Copy, Debug)]
pub struct On<P, T>(pub(crate) P, pub(crate) T);

/// A protocol with its data.
///
/// ```
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// # let run = ConvNext::atto().scratch().adapter(HyperNet { z: 8, hidden: 8 }).train_on(Chammi).loss(PROXY);
/// let _ = run.evaluate(OneNn::cosine().on(Chammi)).evaluate(OneNn::l2().on(Hpa));
/// ```
/// ```compile_fail
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// # let run = ConvNext::atto().scratch().adapter(HyperNet { z: 8, hidden: 8 }).train_on(Chammi).loss(PROXY);
/// let _ = run.evaluate(OneNn::cosine());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an evaluation",
    label = "expected a protocol and its data, such as `OneNn::cosine().on(Chammi)`"
)]
pub trait Evaluation {
    /// The images.
    type Data;
    /// Whom it asks: [`OfFeatures`] or [`OfClassifier`].
    type Asks;

    /// The protocol as plain data.
    #[doc(hidden)]
    fn protocol(&self) -> Table;

    /// The images as plain data.
    #[doc(hidden)]
    fn data(&self) -> Selection;
}

/// Features are scored, whatever was trained.
#[derive(Debug)]
pub enum OfFeatures {}

/// The classifier is asked that was trained.
#[derive(Debug)]
pub enum OfClassifier {}

/// An objective after which `Q`, the classifier, can be asked.
///
/// ```
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// # let run = ConvNext::atto().scratch().adapter(HyperNet { z: 8, hidden: 8 }).train_on(Chammi);
/// let _ = run.loss(CrossEntropy).evaluate(Accuracy.on(Wtc));
/// ```
/// ```compile_fail
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// # let run = ConvNext::atto().scratch().adapter(HyperNet { z: 8, hidden: 8 }).train_on(Chammi);
/// let _ = run.loss(PROXY).evaluate(Accuracy.on(Wtc));
/// ```
#[diagnostic::on_unimplemented(
    message = "`Accuracy` asks the trained classifier, and `{Self}` trains none",
    label = "no classifier to ask",
    note = "say `.loss(CrossEntropy)` before this, or fit a classifier on the features: `Logistic.on(...)`, `NearestMean.on(...)`, `OneNn::cosine().on(...)`"
)]
pub trait Answers<Q> {}

/// What is asked, and an objective after which it can be.
pub trait AnsweredBy<O> {}
impl<O> AnsweredBy<O> for OfFeatures {}
impl<O: Answers<OfClassifier>> AnsweredBy<O> for OfClassifier {}
