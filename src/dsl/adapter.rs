//! How a model takes in a varying number of channels.

use super::{ConvNext, PlannerDecides, Seen, Unseen, size};
use crate::spec::{Embeddings, draft::StatedAdapter};

/// A channel adapter for the backbone `B`.
///
/// ```
/// # use dichroic::prelude::*;
/// let _ = ConvNext::atto().scratch().adapter(HyperNet { z: 128, hidden: 256 });
/// ```
/// ```compile_fail
/// # use dichroic::prelude::*;
/// let _ = ConvNext::atto().scratch().adapter(Flip);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a channel adapter for `{B}`",
    label = "expected a channel adapter, such as `HyperNet {{ z: 128, hidden: 256 }}`"
)]
pub trait Adapts<B> {
    /// The same as plain data.
    #[doc(hidden)]
    fn adapter(self) -> StatedAdapter;
}

/// Reads channels that were not in the training set.
///
/// ```
/// # use dichroic::prelude::*;
/// # let model = ConvNext::atto().scratch().adapter(HyperNet { z: 128, hidden: 256 });
/// let _ = model.train_on(Chammi.without(Cp)).loss(PROXY).evaluate(OneNn::cosine().on(Wtc));
/// ```
/// ```compile_fail
/// # use dichroic::prelude::*;
/// # let model = ConvNext::atto().scratch().adapter(HyperNet { z: 128, hidden: 256 });
/// let _ = model.train_on(Chammi.without(Cp)).loss(PROXY).evaluate(OneNn::cosine().on(Cp));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has parameters tied to its training channels and cannot read channels it never saw",
    label = "this evaluation reads images that were left out of training",
    note = "train on all of `Chammi`, or evaluate only on sets that were trained on"
)]
pub trait ExtendsToNewChannels {}

/// What a model may have seen of an evaluation set, and who may then read it.
pub trait ReadBy<A> {}
impl<A> ReadBy<A> for Seen {}
impl<A> ReadBy<A> for PlannerDecides {}
impl<A: ExtendsToNewChannels> ReadBy<A> for Unseen {}

/// A small network writes the stem filter of each channel (CHAMMI, section 4.1; Ha et al. 2016).
///
/// CHAMMI: `HyperNet { z: 128, hidden: 256 }`.
#[derive(Clone, Copy, Debug)]
pub struct HyperNet {
    /// Width of a channel's embedding.
    pub z: usize,
    /// Width of the hidden layer.
    pub hidden: usize,
}

impl HyperNet {
    /// One embedding for each channel *name*, instead of one for each channel of each set.
    pub const fn shared(self) -> Shared<Self> {
        Shared(self)
    }
}

/// An adapter in which equal channel names of several sets share their parameters; said as `.shared()`.
#[derive(Clone, Copy, Debug)]
pub struct Shared<A>(A);

impl<S> Adapts<ConvNext<S>> for HyperNet {
    fn adapter(self) -> StatedAdapter {
        StatedAdapter::HyperNet { z: self.z, hidden: self.hidden, embeddings: None }
    }
}

impl<S> Adapts<ConvNext<S>> for Shared<HyperNet> {
    fn adapter(self) -> StatedAdapter {
        let HyperNet { z, hidden } = self.0;
        StatedAdapter::HyperNet { z, hidden, embeddings: Some(Embeddings::Shared) }
    }
}

/// An adapter that replaces the stem of a convolutional backbone: what the generic row of a table asks for.
///
/// ```
/// # use dichroic::prelude::*;
/// fn row<A: StemAdapter>(adapter: A) -> impl Experiments {
///     let model = ConvNext::tiny().pretrained(ImageNet22k).adapter(adapter);
///     model.train_on(Chammi).loss(PROXY).evaluate(OneNn::cosine().on(Chammi))
/// }
/// let _ = row(HyperNet { z: 128, hidden: 256 });
/// ```
/// ```compile_fail
/// # use dichroic::prelude::*;
/// # fn row<A: StemAdapter>(_: A) {}
/// row(Chammi);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot take the place of a convolutional stem",
    label = "expected an adapter that replaces a convolutional stem",
    note = "stem adapters: `HyperNet`"
)]
pub trait StemAdapter:
    Copy
    + Adapts<ConvNext<size::Atto>>
    + Adapts<ConvNext<size::Femto>>
    + Adapts<ConvNext<size::Pico>>
    + Adapts<ConvNext<size::Nano>>
    + Adapts<ConvNext<size::Tiny>>
    + Adapts<ConvNext<size::Small>>
    + Adapts<ConvNext<size::Base>>
{
}
impl StemAdapter for HyperNet {}
impl StemAdapter for Shared<HyperNet> {}
