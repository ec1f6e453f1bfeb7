//! Which adapter fits which backbone, can be trained, and can read new channels: the rules of adapters, with
//! their messages.

use super::{ConvNext, PlannerDecides, Seen, Unseen, Vit, size};
use toml::Table;

/// A channel adapter for the backbone `B`.
///
/// ```
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// let _ = ConvNext::atto().scratch().adapter(HyperNet { z: 128, hidden: 256 });
/// ```
/// ```compile_fail
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// let _ = ConvNext::atto().scratch().adapter(Flip);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a channel adapter for `{B}`",
    label = "expected a channel adapter, such as `HyperNet {{ z: 128, hidden: 256 }}`",
    note = "`dichroic list words` shows all adapters"
)]
pub trait Adapts<B> {
    /// The same as plain data.
    #[doc(hidden)]
    fn adapter(self) -> Table;
}

/// Reads channels that were not in the training set.
///
/// ```
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// # let model = ConvNext::atto().scratch().adapter(HyperNet { z: 128, hidden: 256 });
/// let _ = model.train_on(Chammi.without(Cp)).loss(PROXY).evaluate(OneNn::cosine().on(Wtc));
/// ```
/// ```compile_fail
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// # let model = ConvNext::atto().scratch().adapter(HyperNet { z: 128, hidden: 256 });
/// let _ = model.train_on(Chammi.without(Cp)).loss(PROXY).evaluate(OneNn::cosine().on(Cp));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has parameters tied to its training channels and cannot read channels that it was not trained on",
    label = "this evaluation reads images that were left out of training",
    note = "train on all of `Chammi`, evaluate only on sets that were trained on, or take an adapter that extends to new channels: `Depthwise {{ kernels: 64 }}.replicating()`, `BagOfChannels`, `ChannelReplication`"
)]
pub trait ExtendsToNewChannels {}

/// What a model may have seen of an evaluation set, and which adapters may then read it.
pub trait ReadBy<A> {}
impl<A> ReadBy<A> for Seen {}
impl<A> ReadBy<A> for PlannerDecides {}
impl<A: ExtendsToNewChannels> ReadBy<A> for Unseen {}

/// An adapter whose parameters can be trained.
///
/// ```
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// # let model = ConvNext::tiny().pretrained(ImageNet22k).adapter(ChannelReplication);
/// let _ = model.train_on(Chammi).frozen();
/// ```
/// ```compile_fail
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// # let model = ConvNext::tiny().pretrained(ImageNet22k).adapter(ChannelReplication);
/// let _ = model.train_on(Chammi).loss(PROXY);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is evaluated off the shelf and cannot be trained",
    label = "there is nothing to train with this adapter",
    note = "say `.frozen()` instead of `.loss(...)`, or take an adapter that learns, such as `TargetParam`"
)]
pub trait Trainable {}

/// An adapter whose images keep their labels in training.
///
/// ```
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// # let model = Vit::small().scratch().adapter(BagOfChannels);
/// let _ = model.train_on(Chammi).loss(DinoV1::ema(0.996));
/// ```
/// ```compile_fail
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// # let model = Vit::small().scratch().adapter(BagOfChannels);
/// let _ = model.train_on(Chammi).loss(PROXY);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is trained on channels, and the label of an image is not that of a channel",
    label = "this loss reads labels",
    note = "train without labels, as with `Dino::v2()`, or take an adapter that learns from whole images, such as `ChannelVit::up_to(5)` or `HyperNet {{ z: 128, hidden: 256 }}`"
)]
pub trait KeepsLabels {}

/// An adapter that trains one model per set.
///
/// ```
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// # let model = ConvNext::tiny().pretrained(ImageNet22k).adapter(FixedChannels);
/// let _ = model.train_on(Chammi).loss(PROXY).lr(1e-4).lr_on(Wtc, 1e-3);
/// ```
/// ```compile_fail
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// # let model = ConvNext::tiny().pretrained(ImageNet22k).adapter(TargetParam);
/// let _ = model.train_on(Chammi).loss(PROXY).lr(1e-4).lr_on(Wtc, 1e-3);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` makes one model for all sets, and one model has one learning rate",
    label = "sets have no separate learning rates here",
    note = "say `.lr(...)`; `FixedChannels` makes one model per set"
)]
pub trait OneModelPerSet {}

/// An adapter that replaces the stem of a backbone that is trained here, and is trained with it: the bound of a
/// function that declares a table row for any adapter.
///
/// ```
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// fn row<A: StemAdapter>(adapter: A) -> impl Experiments {
///     let model = ConvNext::tiny().pretrained(ImageNet22k).adapter(adapter);
///     model.train_on(Chammi).loss(PROXY).evaluate(OneNn::cosine().on(Chammi))
/// }
/// let _ = row(HyperNet { z: 128, hidden: 256 });
/// ```
/// ```compile_fail
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// # fn row<A: StemAdapter>(_: A) {}
/// row(Chammi);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot replace a backbone's stem",
    label = "expected an adapter that replaces a backbone's stem",
    note = "`dichroic list words` shows all adapters; `ChannelReplication` keeps the backbone's own stem"
)]
pub trait StemAdapter:
    Copy
    + Trainable
    + KeepsLabels
    + Adapts<ConvNext<size::Mini>>
    + Adapts<ConvNext<size::Atto>>
    + Adapts<ConvNext<size::Femto>>
    + Adapts<ConvNext<size::Pico>>
    + Adapts<ConvNext<size::Nano>>
    + Adapts<ConvNext<size::Tiny>>
    + Adapts<ConvNext<size::Small>>
    + Adapts<ConvNext<size::Base>>
    + Adapts<Vit<size::vit::Mini>>
    + Adapts<Vit<size::vit::Tiny>>
    + Adapts<Vit<size::vit::Small>>
    + Adapts<Vit<size::vit::Base>>
    + Adapts<Vit<size::vit::Large>>
{
}

/// Implements, for settings with switches stated and without, that the adapter replaces a backbone's stem and is
/// trained with it.
macro_rules! stem {
    ($($word:ty),*) => {$(
        impl<B: $crate::dsl::LearnsHere> $crate::dsl::Adapts<B> for $word {
            fn adapter(self) -> toml::Table {
                $crate::word::Says::table(self)
            }
        }

        impl $crate::dsl::Trainable for $word {}
        impl $crate::dsl::KeepsLabels for $word {}
        impl $crate::dsl::StemAdapter for $word {}
    )*};
}
pub(crate) use stem;
