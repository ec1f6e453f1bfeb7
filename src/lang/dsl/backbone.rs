//! Feature extractors, and where their weights come from.

use super::{Adapts, HasWeights, Model};
use crate::spec::{ConvNextSize, DinoV2Size, ResNetSize, Weights, draft::StatedBackbone};
use std::marker::PhantomData;

/// The sizes of backbones, as types: which weights are published depends on them.
pub mod size {
    use super::{ConvNextSize, DinoV2Size, ResNetSize, Size, StatedBackbone};

    macro_rules! sizes {
        ($($kind:ident, $of:ident: $($name:ident),*;)*) => {$($(
            #[doc = concat!("[`", stringify!($of), "::", stringify!($name), "`].")]
            #[derive(Clone, Copy, Debug)]
            pub struct $name;

            impl Size for $name {
                const BACKBONE: StatedBackbone = StatedBackbone::$kind($of::$name);
            }
        )*)*};
    }
    sizes! {
        ConvNext, ConvNextSize: Mini, Atto, Femto, Pico, Nano, Tiny, Small, Base;
        ResNet, ResNetSize: R18, R50;
        DinoV2, DinoV2Size: SmallReg;
    }
}

/// A size of a backbone.
pub trait Size: Copy {
    /// The backbone of that size as plain data.
    const BACKBONE: StatedBackbone;
}

/// A network that turns an image into features.
pub trait Backbone: Copy {
    /// The same as plain data.
    const BACKBONE: StatedBackbone;

    /// Starts from random weights.
    fn scratch(self) -> NeedsAdapter<Self, Scratch>
    where
        Self: LearnsHere,
    {
        NeedsAdapter(PhantomData)
    }

    /// Starts from published weights.
    fn pretrained<W: WeightsFor<Self>>(self, _weights: W) -> NeedsAdapter<Self, W> {
        NeedsAdapter(PhantomData)
    }

    #[doc(hidden)]
    fn adapter<A: Adapts<Self>>(self, _: A) -> Model<Self, Scratch, A>
    where
        Self: HasWeights,
    {
        self.never()
    }
}

/// ConvNeXt (Liu et al. 2022), in timm's sizes: `ConvNext::tiny()` is the one of the CHAMMI paper.
#[derive(Clone, Copy, Debug)]
pub struct ConvNext<S>(PhantomData<S>);

/// ResNet (He et al. 2016), as torchvision has it: `ResNet::r18().pretrained(ImageNet1k)`.
///
/// Off the shelf only: behind [`ChannelReplication`](super::ChannelReplication), and `.frozen()`.
#[derive(Clone, Copy, Debug)]
pub struct ResNet<S>(PhantomData<S>);

/// The vision transformer of DINOv2 (Oquab et al. 2023): `DinoV2::small_reg().pretrained(Lvd142m)`.
///
/// Off the shelf only: behind [`ChannelReplication`](super::ChannelReplication), and `.frozen()`.
#[derive(Clone, Copy, Debug)]
pub struct DinoV2<S>(PhantomData<S>);

macro_rules! constructors {
    ($($kind:ident { $($name:ident: $size:ident, $doc:literal;)* })*) => {$(
        impl<S: Size> Backbone for $kind<S> {
            const BACKBONE: StatedBackbone = S::BACKBONE;
        }

        $(impl $kind<size::$size> {
            #[doc = $doc]
            pub const fn $name() -> Self {
                Self(PhantomData)
            }
        })*
    )*};
}
constructors! {
    ConvNext {
        mini: Mini, "32 to 256 channels in five blocks, 1.0 million parameters. Ours: for small data and laptops.";
        atto: Atto, "40 to 320 channels, 3.4 million parameters.";
        femto: Femto, "48 to 384 channels, 4.8 million parameters.";
        pico: Pico, "64 to 512 channels, 8.5 million parameters.";
        nano: Nano, "80 to 640 channels, 15 million parameters.";
        tiny: Tiny, "96 to 768 channels, 28 million parameters.";
        small: Small, "96 to 768 channels in 36 blocks, 49 million parameters.";
        base: Base, "128 to 1024 channels in 36 blocks, 88 million parameters.";
    }
    ResNet {
        r18: R18, "512 features for each channel, 11 million parameters.";
        r50: R50, "2048 features for each channel, 24 million parameters.";
    }
    DinoV2 {
        small_reg: SmallReg, "ViT-S/14 with four registers: 384 features for each channel, 22 million parameters.";
    }
}

/// A backbone that is trained here: from random weights too, and behind adapters that replace its stem.
///
/// ```
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// let _ = ResNet::r18().pretrained(ImageNet1k).adapter(ChannelReplication).train_on(Chammi).frozen();
/// ```
/// ```compile_fail
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// let _ = ResNet::r18().pretrained(ImageNet1k).adapter(HyperNet { z: 128, hidden: 256 });
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is evaluated off the shelf: with its published weights, channel by channel, and never trained",
    label = "not for a backbone off the shelf",
    note = "say `ResNet::r18().pretrained(ImageNet1k)` or `DinoV2::small_reg().pretrained(Lvd142m)`, then `.adapter(ChannelReplication)` and `.frozen()`; or take a `ConvNext`, which is trained here"
)]
pub trait LearnsHere: Backbone {}
impl<S: Size> LearnsHere for ConvNext<S> {}

/// Random weights; said as `.scratch()`.
#[derive(Clone, Copy, Debug)]
pub struct Scratch;

/// Weights trained on the 21,841 classes of ImageNet-22k: timm's `convnext_*.fb_in22k`.
#[derive(Clone, Copy, Debug)]
pub struct ImageNet22k;

/// torchvision's `IMAGENET1K_V1`, trained on the 1,000 classes of ImageNet: timm's `resnet*.tv_in1k`.
#[derive(Clone, Copy, Debug)]
pub struct ImageNet1k;

/// Trained without labels on the 142 million images of LVD-142M: timm's `vit_*_dinov2.lvd142m`.
#[derive(Clone, Copy, Debug)]
pub struct Lvd142m;

/// Where training starts.
pub trait StartsWith {
    /// The same as plain data.
    const WEIGHTS: Weights;
}

impl StartsWith for Scratch {
    const WEIGHTS: Weights = Weights::Scratch;
}

impl StartsWith for ImageNet22k {
    const WEIGHTS: Weights = Weights::ImageNet22k;
}

impl StartsWith for ImageNet1k {
    const WEIGHTS: Weights = Weights::ImageNet1k;
}

impl StartsWith for Lvd142m {
    const WEIGHTS: Weights = Weights::Lvd142m;
}

/// Weights that were published for the backbone `B`.
///
/// ```
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// let _ = ConvNext::tiny().pretrained(ImageNet22k);
/// ```
/// timm has no such weights for the four smallest sizes:
/// ```compile_fail
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// let _ = ConvNext::atto().pretrained(ImageNet22k);
/// ```
#[diagnostic::on_unimplemented(
    message = "there are no `{Self}` weights for `{B}`",
    label = "not published for this backbone",
    note = "`ImageNet22k` weights exist for `ConvNext::tiny()`, `::small()` and `::base()`; the smaller ones start with `.scratch()`. `ImageNet1k` is for `ResNet`, `Lvd142m` for `DinoV2`"
)]
pub trait WeightsFor<B>: StartsWith {}
impl WeightsFor<ConvNext<size::Tiny>> for ImageNet22k {}
impl WeightsFor<ConvNext<size::Small>> for ImageNet22k {}
impl WeightsFor<ConvNext<size::Base>> for ImageNet22k {}
impl<S: Size> WeightsFor<ResNet<S>> for ImageNet1k {}
impl<S: Size> WeightsFor<DinoV2<S>> for Lvd142m {}

/// A backbone with weights, which does not know yet how channels come in. The next word is `.adapter(…)`.
#[derive(Clone, Copy, Debug)]
pub struct NeedsAdapter<B, W>(PhantomData<(B, W)>);

impl<B: Backbone, W: StartsWith> NeedsAdapter<B, W> {
    /// Lets the model read images whose channels vary.
    pub fn adapter<A: Adapts<B>>(self, adapter: A) -> Model<B, W, A> {
        Model::new(adapter)
    }
}
