//! Feature extractors, and where their weights come from.

use super::{Adapts, Model};
use crate::spec::{ConvNextSize, Weights};
use std::marker::PhantomData;

/// The sizes of [`ConvNext`], as types: which weights are published depends on them.
pub mod size {
    use super::{ConvNextSize, Size};

    macro_rules! sizes {
        ($($name:ident),*) => {$(
            #[doc = concat!("[`ConvNextSize::", stringify!($name), "`].")]
            #[derive(Clone, Copy, Debug)]
            pub struct $name;

            impl Size for $name {
                const SIZE: ConvNextSize = ConvNextSize::$name;
            }
        )*};
    }
    sizes!(Mini, Atto, Femto, Pico, Nano, Tiny, Small, Base);
}

/// A size of a backbone.
pub trait Size {
    /// The same as plain data.
    const SIZE: ConvNextSize;
}

/// A network that turns an image into features.
pub trait Backbone: Copy {
    /// The same as plain data.
    const SIZE: ConvNextSize;
}

/// ConvNeXt (Liu et al. 2022), in timm's sizes: `ConvNext::tiny()` is the one of the CHAMMI paper.
#[derive(Clone, Copy, Debug)]
pub struct ConvNext<S>(PhantomData<S>);

macro_rules! constructors {
    ($($name:ident: $size:ident, $doc:literal;)*) => {$(
        impl ConvNext<size::$size> {
            #[doc = $doc]
            pub const fn $name() -> Self {
                Self(PhantomData)
            }
        }
    )*};
}
constructors! {
    mini: Mini, "32 to 256 channels in five blocks, 1.0 million parameters. Ours: for small data and laptops.";
    atto: Atto, "40 to 320 channels, 3.4 million parameters.";
    femto: Femto, "48 to 384 channels, 4.8 million parameters.";
    pico: Pico, "64 to 512 channels, 8.5 million parameters.";
    nano: Nano, "80 to 640 channels, 15 million parameters.";
    tiny: Tiny, "96 to 768 channels, 28 million parameters.";
    small: Small, "96 to 768 channels in 36 blocks, 49 million parameters.";
    base: Base, "128 to 1024 channels in 36 blocks, 88 million parameters.";
}

impl<S: Size + Copy> Backbone for ConvNext<S> {
    const SIZE: ConvNextSize = S::SIZE;
}

impl<S: Size + Copy> ConvNext<S> {
    /// Starts from random weights.
    pub fn scratch(self) -> NeedsAdapter<Self, Scratch> {
        NeedsAdapter(PhantomData)
    }

    /// Starts from published weights.
    pub fn pretrained<W: WeightsFor<Self>>(self, _weights: W) -> NeedsAdapter<Self, W> {
        NeedsAdapter(PhantomData)
    }
}

/// Random weights; said as `.scratch()`.
#[derive(Clone, Copy, Debug)]
pub struct Scratch;

/// Weights trained on the 21,841 classes of ImageNet-22k: timm's `convnext_*.fb_in22k`.
#[derive(Clone, Copy, Debug)]
pub struct ImageNet22k;

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

/// Weights that were published for the backbone `B`.
///
/// ```
/// # use dichroic::prelude::*;
/// let _ = ConvNext::tiny().pretrained(ImageNet22k);
/// ```
/// timm has no such weights for the four smallest sizes:
/// ```compile_fail
/// # use dichroic::prelude::*;
/// let _ = ConvNext::atto().pretrained(ImageNet22k);
/// ```
#[diagnostic::on_unimplemented(
    message = "there are no `{Self}` weights for `{B}`",
    label = "not published for this backbone",
    note = "`ImageNet22k` weights exist for `ConvNext::tiny()`, `::small()` and `::base()`; the smaller ones start with `.scratch()`"
)]
pub trait WeightsFor<B>: StartsWith {}
impl WeightsFor<ConvNext<size::Tiny>> for ImageNet22k {}
impl WeightsFor<ConvNext<size::Small>> for ImageNet22k {}
impl WeightsFor<ConvNext<size::Base>> for ImageNet22k {}

/// A backbone with weights, which does not know yet how channels come in. The next word is `.adapter(…)`.
#[derive(Clone, Copy, Debug)]
pub struct NeedsAdapter<B, W>(PhantomData<(B, W)>);

impl<B: Backbone, W: StartsWith> NeedsAdapter<B, W> {
    /// Lets the model read images whose channels vary.
    pub fn adapter<A: Adapts<B>>(self, adapter: A) -> Model<B, W, A> {
        Model::new(adapter)
    }
}
