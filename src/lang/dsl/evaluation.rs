//! How features are scored.

use super::DataWord;
use crate::spec::{DataRef, Metric, Protocol};

/// The nearest training image decides (CHAMMI, section 3.3).
#[derive(Clone, Copy, Debug)]
pub struct OneNn(Metric);

impl OneNn {
    /// Nearest by cosine, as in the paper.
    pub const fn cosine() -> Self {
        Self(Metric::Cosine)
    }

    /// Nearest by Euclidean distance, the default of the published evaluator.
    pub const fn l2() -> Self {
        Self(Metric::L2)
    }

    /// On all tasks of these images.
    pub fn on<T: DataWord>(self, data: T) -> On<Self, T> {
        On(self, data)
    }
}

/// A protocol on a data set; said as `OneNn::cosine().on(Chammi)`.
#[derive(Clone, Copy, Debug)]
pub struct On<P, T>(P, T);

/// A protocol that knows its data.
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

    /// The protocol as plain data.
    #[doc(hidden)]
    fn protocol(&self) -> Protocol;

    /// The images as plain data.
    #[doc(hidden)]
    fn data(&self) -> DataRef;
}

impl<T: DataWord> Evaluation for On<OneNn, T> {
    type Data = T;

    fn protocol(&self) -> Protocol {
        Protocol::OneNn { metric: self.0.0 }
    }

    fn data(&self) -> DataRef {
        self.1.data()
    }
}
