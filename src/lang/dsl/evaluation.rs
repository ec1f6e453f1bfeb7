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

    /// The protocol as plain data.
    #[doc(hidden)]
    fn protocol(&self) -> Table;

    /// The images as plain data.
    #[doc(hidden)]
    fn data(&self) -> Selection;
}
