//! Networks off the shelf that candle-transformers computes, as words: `OffTheShelf::clip_base()`.

mod networks;

pub use networks::{NetworkFacts, NetworkModel, RgbNorm};

use super::{Backbone, BackboneWord, conv_next};
use crate::{
    dsl::{self, NeedsAdapter, Size, StartsWith, WeightsFor},
    spec::{Spec, View, Weights, check::Found},
    word::{Named, Word, plain, word},
};
use std::marker::PhantomData;
use toml::Table;

word! {
    "model.backbone", "off_the_shelf", revision 1;
    /// CLIP, SigLIP, EVA-02, EfficientNet, MobileNetV4 or FastViT with its published weights. Off the shelf only.
    settings of OffTheShelf {
        /// Which, by timm's name.
        model: NetworkModel,
    }
}

/// A published network with its weights, under timm's name; needs a program built with `--features zoo`.
///
/// With [`ChannelReplication`](crate::prelude::ChannelReplication) and `.frozen()`. It receives the input
/// that it was trained on: each channel as a grey RGB image, normalised and cropped as its weights expect.
///
/// ```
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// let _ = OffTheShelf::clip_base().adapter(ChannelReplication).train_on(Chammi).frozen();
/// ```
/// ```compile_fail
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// let _ = OffTheShelf::clip_base().adapter(HyperNet { z: 128, hidden: 256 });
/// ```
#[derive(Clone, Copy, Debug)]
pub struct OffTheShelf<S>(PhantomData<S>);

impl<S: Size> dsl::Backbone for OffTheShelf<S> {
    fn backbone(self) -> Table {
        S::backbone()
    }
}

/// The weights in timm's name of the network.
#[derive(Clone, Copy, Debug)]
pub struct Published;

impl StartsWith for Published {
    fn weights(self) -> Weights {
        Weights::Published
    }
}

impl<S: Size> WeightsFor<OffTheShelf<S>> for Published {}

macro_rules! words {
    ($($word:ident: $network:ident, $doc:literal;)*) => {
        /// The networks as types.
        pub mod network {
            use super::{Named, NetworkModel, Settings, Size, Table, plain};

            $(
                #[doc = concat!("[`NetworkModel::", stringify!($network), "`].")]
                #[derive(Clone, Copy, Debug)]
                pub struct $network;

                impl Size for $network {
                    fn backbone() -> Table {
                        let said = [("kind", plain(&Settings::KIND)), ("model", plain(&NetworkModel::$network))];
                        said.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
                    }
                }
            )*
        }

        $(impl OffTheShelf<network::$network> {
            #[doc = $doc]
            pub fn $word() -> NeedsAdapter<Self, Published> {
                dsl::Backbone::pretrained(Self(PhantomData), Published)
            }
        })*
    };
}
words! {
    clip_base: ClipBase, "CLIP ViT-B/16 of OpenAI: 768 features for each channel, 86 million parameters.";
    clip_large: ClipLarge, "CLIP ViT-L/14 of OpenAI: 1024 features for each channel, 303 million parameters.";
    siglip_base: SiglipBase, "SigLIP ViT-B/16: 768 features for each channel, 93 million parameters.";
    eva02_base: Eva02Base, "EVA-02 ViT-B/14 at 448 px: 768 features for each channel, 86 million parameters.";
    eva02_large: Eva02Large, "EVA-02 ViT-L/14 at 448 px: 1024 features for each channel, 304 million parameters.";
    efficientnet_b0: EfficientNetB0, "EfficientNet-B0, a noisy student: 1280 features for each channel, 4 million parameters.";
    mobilenet_v4_small: MobileNetV4Small, "MobileNetV4, small: 1280 features for each channel, 2.5 million parameters.";
    mobilenet_v4_medium: MobileNetV4Medium, "MobileNetV4, medium: 1280 features for each channel, 8.4 million parameters.";
    fastvit_t8: FastVitT8, "FastViT-T8: 768 features for each channel, 3.3 million parameters.";
    fastvit_sa12: FastVitSa12, "FastViT-SA12: 1024 features for each channel, 11 million parameters.";
}

impl BackboneWord for Settings {
    fn title(&self) -> String {
        self.model.facts().title.into()
    }

    fn is_off_the_shelf(&self) -> bool {
        true
    }

    fn published(&self) -> Weights {
        Weights::Published
    }

    fn starts_from(&self, weights: &Weights) -> bool {
        match weights {
            Weights::Published | Weights::Scratch => true,
            Weights::ImageNet22k
            | Weights::ImageNet1k
            | Weights::Lvd142m
            | Weights::File { .. }
            | Weights::SimulatedPretrain
            | Weights::SimulatedPretrainLong => false,
        }
    }

    fn exists(&self) -> Result<(), String> {
        Ok(())
    }

    fn stand_in(&self) -> Option<Backbone> {
        Some(conv_next::Settings::STAND_IN.into())
    }
}

impl Word for Settings {
    fn check(&self, spec: &Spec, found: &mut Found) {
        let (facts, side) = (self.model.facts(), spec.train.image);
        let holds = spec.model.adapter.view() == View::Native || self.model.sees(side);
        let message = || format!("{} sees squares of {} px only, found {side}", facts.title, facts.side);
        let hint = "say that side with `.image(…)`, or leave `.view(View::Resized)` out";
        found.unless(holds, "off_the_shelf_side", message, hint);
    }

    fn quick(&mut self, _: &Spec) {}
}

#[cfg(test)]
mod tests {
    use crate::{
        dsl::{NeedsAdapter, StartsWith},
        prelude::*,
        spec::{NetworkModel, Spec, quick::quick},
    };

    fn of<B: Backbone, W: StartsWith>(start: NeedsAdapter<B, W>) -> Spec {
        let run = start.adapter(ChannelReplication).train_on(Chammi).frozen();
        let mut all = run.evaluate(OneNn::cosine().on(Chammi)).specs();
        assert_eq!(all[0].check(), []);
        all.remove(0).spec
    }

    #[test]
    fn every_network_has_a_word_and_survives_a_file() {
        let specs = [
            of(OffTheShelf::clip_base()),
            of(OffTheShelf::clip_large()),
            of(OffTheShelf::siglip_base()),
            of(OffTheShelf::eva02_base()),
            of(OffTheShelf::eva02_large()),
            of(OffTheShelf::efficientnet_b0()),
            of(OffTheShelf::mobilenet_v4_small()),
            of(OffTheShelf::mobilenet_v4_medium()),
            of(OffTheShelf::fastvit_t8()),
            of(OffTheShelf::fastvit_sa12()),
        ];
        assert_eq!(specs.len(), NetworkModel::ALL.len());
        for (spec, model) in specs.iter().zip(NetworkModel::ALL) {
            assert_eq!(spec.model.backbone, super::Settings { model: *model }.into());
            let text = serde_json::to_string(spec).unwrap();
            assert!(text.contains(&format!("\"model\":\"{}\"", model.facts().name)), "{text}");
            assert_eq!(&serde_json::from_str::<Spec>(&text).unwrap(), spec);
        }
        let convnext = of(ConvNext::tiny().pretrained(ImageNet22k));
        assert_eq!(quick(&specs[0]), quick(&convnext), "all have one small version");
    }

    #[test]
    fn other_weights_and_other_sides_are_refused() {
        let run = OffTheShelf::clip_base().adapter(ChannelReplication.view(View::Resized));
        let run = run.train_on(Chammi).frozen().evaluate(OneNn::cosine().on(Chammi));
        let rules = |spec: &Spec| spec.check().iter().map(|problem| problem.rule).collect::<Vec<_>>();
        let mut spec = run.clone().image(128).specs().remove(0).spec;
        assert_eq!(rules(&spec), ["off_the_shelf_side"]);
        spec = run.image(224).specs().remove(0).spec;
        assert_eq!(rules(&spec), [""; 0]);
        spec.model.weights = crate::spec::Weights::ImageNet1k;
        assert_eq!(rules(&spec), ["unpublished_weights"]);
    }
}
