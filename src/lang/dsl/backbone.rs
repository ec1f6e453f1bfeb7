//! Feature extractors, and where their weights come from.

use super::{Adapts, HasWeights, Model};
use crate::spec::Weights;
use toml::Table;

/// A size of a backbone.
pub trait Size: Copy {
    /// The backbone of that size as plain data.
    #[doc(hidden)]
    fn backbone() -> Table;
}

/// A network that turns an image into features.
pub trait Backbone: Copy {
    /// The same as plain data.
    #[doc(hidden)]
    fn backbone(self) -> Table;

    /// Starts from random weights.
    fn scratch(self) -> NeedsAdapter<Self, Scratch>
    where
        Self: LearnsHere,
    {
        NeedsAdapter { backbone: self, weights: Scratch }
    }

    /// Starts from weights that were trained before: published ones by their name, or those of a [`File`].
    fn pretrained<W: WeightsFor<Self>>(self, weights: W) -> NeedsAdapter<Self, W> {
        NeedsAdapter { backbone: self, weights }
    }

    #[doc(hidden)]
    fn adapter<A: Adapts<Self>>(self, _: A) -> Model<Self, Scratch, A>
    where
        Self: HasWeights,
    {
        self.never()
    }
}

/// A backbone that is trained here: also from random weights, and with adapters that replace its stem.
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
    note = "say `ResNet::r18().pretrained(ImageNet1k)` or `DinoV2::small_reg().pretrained(Lvd142m)`, then `.adapter(ChannelReplication)` and `.frozen()`; or take a `ConvNext` or a `Vit`, which are trained here"
)]
pub trait LearnsHere: Backbone {}

/// A backbone whose images are tokens.
///
/// ```
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// # let run = Vit::small().scratch().adapter(TargetParam).train_on(Chammi).loss(PROXY);
/// let _ = run.features(VitFeatures::MeanOfPatches);
/// ```
/// ```compile_fail
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// # let run = ConvNext::tiny().scratch().adapter(TargetParam).train_on(Chammi).loss(PROXY);
/// let _ = run.features(VitFeatures::MeanOfPatches);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no tokens and no positions",
    label = "only for a vision transformer that is trained here",
    note = "leave it out, or take a `Vit`; the features of a `ConvNext` are the mean over the last stage's pixels"
)]
pub trait Transformer: LearnsHere {}

/// Random weights; written `.scratch()`.
#[derive(Clone, Copy, Debug)]
pub struct Scratch;

/// Weights trained on the 21,841 classes of ImageNet-22k: timm's `convnext_*.fb_in22k`.
#[derive(Clone, Copy, Debug)]
pub struct ImageNet22k;

/// Trained on the 1,000 classes of ImageNet: torchvision's `IMAGENET1K_V1` of a `ResNet` (timm's `resnet*.tv_in1k`), DeiT's of
/// a `Vit` (timm's `deit_*_patch16_224.fb_in1k`).
#[derive(Clone, Copy, Debug)]
pub struct ImageNet1k;

/// Trained without labels on the 142 million images of LVD-142M: timm's `vit_*_dinov2.lvd142m`.
#[derive(Clone, Copy, Debug)]
pub struct Lvd142m;

/// Trained once for all runs on simulated cells with three channels, in a minute or two: for small networks of which no weights
/// are published, and where none can be had. `--scale quick` starts from them too.
#[derive(Clone, Copy, Debug)]
pub struct Simulated;

/// The same on ten times as many cells for sixteen times as many steps, ten minutes or so on two cores: what is trained on them
/// next does not forget them at once.
#[derive(Clone, Copy, Debug)]
pub struct SimulatedLong;

/// Weights in a file of one's own, or of anybody's: `File("dinov2_vits14_pretrain.pth")`. A path, or the name of a file in the folder
/// `--weights` or `$DICHROIC_WEIGHTS`; safetensors or a checkpoint of PyTorch, in the names of timm, Meta or Hugging Face. Positions of
/// another grid are resized, and the first layer of any adapter begins with that of one plane or of red, green and blue. What the file
/// contains is part of what a run is known by.
///
/// ```
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// let model = Vit::small().patch(14).layer_scale(1e-5).pretrained(File("dinov2_vits14_pretrain.pth"));
/// let _ = model.adapter(BagOfChannels);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct File(
    /// Its path, or its name.
    pub &'static str,
);

/// Initial weights.
pub trait StartsWith: Copy {
    /// The same as plain data.
    fn weights(self) -> Weights;
}

impl StartsWith for File {
    fn weights(self) -> Weights {
        Weights::File { name: self.0.into(), contents: None }
    }
}

/// Writes where weights come from that have no settings.
macro_rules! starts_with {
    ($($Word:ident = $weights:ident;)*) => {$(
        impl StartsWith for $Word {
            fn weights(self) -> Weights {
                Weights::$weights
            }
        }
    )*};
}

starts_with! {
    Scratch = Scratch;
    ImageNet22k = ImageNet22k;
    ImageNet1k = ImageNet1k;
    Lvd142m = Lvd142m;
    Simulated = SimulatedPretrain;
    SimulatedLong = SimulatedPretrainLong;
}

/// Weights published for the backbone `B`.
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
/// DeiT has patches of 16 px, and neither registers nor layer scale:
/// ```
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// let _ = Vit::small().pretrained(ImageNet1k);
/// ```
/// ```compile_fail
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// let _ = Vit::small().patch(8).pretrained(ImageNet1k);
/// ```
/// The smallest networks can be trained on simulated cells first:
/// ```
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// let _ = (Vit::mini().pretrained(Simulated), ConvNext::mini().pretrained(SimulatedLong));
/// ```
/// DINOv2 has patches of 14 px and layer scale:
/// ```
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// let _ = Vit::base().patch(14).layer_scale(1e-5).registers(4).pretrained(Lvd142m);
/// ```
#[diagnostic::on_unimplemented(
    message = "there are no `{Self}` weights for `{B}`",
    label = "not published for this backbone",
    note = "`ImageNet22k` weights exist for `ConvNext::tiny()`, `::small()` and `::base()`; the smaller ones start with `.scratch()`. `ImageNet1k` is for `ResNet`, and for `Vit::tiny()`, `::small()` and `::base()` as they are. `Lvd142m` is for `DinoV2`, and for `Vit::small().patch(14).layer_scale(1e-5)`, `Vit::base()` and `Vit::large()` likewise, also with `.registers(4)`. Other transformers start with `.scratch()`, or with any `File(\"weights.pth\")` that fits"
)]
pub trait WeightsFor<B>: StartsWith {}
impl<B: LearnsHere> WeightsFor<B> for File {}

/// A backbone with weights but without an adapter. The next method is `.adapter(…)`.
#[derive(Clone, Copy, Debug)]
pub struct NeedsAdapter<B, W> {
    backbone: B,
    weights: W,
}

impl<B: Backbone, W: StartsWith> NeedsAdapter<B, W> {
    /// Lets the model read images with varying channels.
    pub fn adapter<A: Adapts<B>>(self, adapter: A) -> Model<B, W, A> {
        Model::new(self.backbone, self.weights, adapter)
    }
}

/// Declares a backbone's sizes: a type and a constructor for each. A backbone of which more can be said than its size says how
/// it begins, `sizes! { Vit = …; VitSize { … } }`, and is a `Backbone` by hand.
macro_rules! sizes {
    ($Backbone:ident: $Sizes:ident $all:tt) => {
        impl<S: $crate::dsl::Size> $crate::dsl::Backbone for $Backbone<S> {
            fn backbone(self) -> toml::Table {
                S::backbone()
            }
        }

        $crate::dsl::sizes! { @all $Backbone, $Backbone(PhantomData), $Sizes $all }
    };
    ($Backbone:ident = $begins:expr; $Sizes:ident $all:tt) => {
        $crate::dsl::sizes! { @all $Backbone, $begins, $Sizes $all }
    };
    (@all $Backbone:ident, $begins:expr, $Sizes:ident { $($name:ident: $Size:ident, $doc:literal;)* }) => {
        $(impl $Backbone<size::$Size> {
            #[doc = $doc]
            pub const fn $name() -> Self {
                $begins
            }
        })*

        /// Its sizes as types.
        pub mod size {
            use super::{Settings, $Sizes};
            use $crate::{dsl, word::{Named, plain}};

            $(
                #[doc = concat!("[`", stringify!($Sizes), "::", stringify!($Size), "`].")]
                #[derive(Clone, Copy, Debug)]
                pub struct $Size;

                impl dsl::Size for $Size {
                    fn backbone() -> toml::Table {
                        let said = [("kind", plain(&Settings::KIND)), ("size", plain(&$Sizes::$Size))];
                        said.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
                    }
                }
            )*
        }
    };
}
pub(crate) use sizes;
