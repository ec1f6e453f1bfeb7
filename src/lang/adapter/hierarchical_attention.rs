//! HierarchicalAttention: each channel attends to itself behind a token of its own, and the class token to the channels' tokens.

use super::{AdapterWord, Enters, FromRgb, Models, Samples, View};
use crate::{
    dsl::{Adapts, ExtendsToNewChannels, Trainable, Transformer},
    spec::{Backbone, Loss, Spec, VitFeatures, bounds::Bound, check::Found},
    word::{Says, With, Word, word},
};
use toml::Table;

word! {
    "model.adapter", "hierarchical_attention", revision 1;
    /// Each channel is a sequence of patches behind a channel token, one learned vector for all channels; patches and channel tokens
    /// see their own channel only, and the class token sees the channel tokens (De Lorenci et al. 2025, Hierarchical Attention). So
    /// it reads any number of channels at the cost of a bag of them. Features are the class token and the token of each channel; it
    /// learns by `Dino::v2()`, whose terms are of both. The paper's code is not public.
    pub struct HierarchicalAttention;
    switches {
        /// What the projection starts with, where weights are those of red, green and blue.
        from_rgb: FromRgb = sum, "ours: a grey image is seen as the published network sees it";
        /// Whether `Dino` and `KoLeo` have a second term on the tokens of all channels.
        channel_terms: bool = true, "paper, appendix C; left out for 100,000 images of CHAMMI, where they were unstable";
    }
}

impl AdapterWord for Settings {
    fn enters(&self) -> Enters {
        Enters::Maps
    }

    fn reads_unseen_sets(&self) -> bool {
        true
    }

    fn sizes(&self) -> Vec<(Bound, usize)> {
        Vec::new()
    }

    fn trains(&self) -> bool {
        true
    }

    fn models(&self) -> Models<'_> {
        Models::One
    }

    fn view(&self) -> View {
        View::Resized
    }

    fn has_the_same_planes(&self) -> bool {
        false
    }

    fn samples(&self) -> Samples {
        Samples::Images
    }
}

impl Word for Settings {
    fn check(&self, spec: &Spec, found: &mut Found) {
        let transformer = match &spec.model.backbone {
            Backbone::Vit(word) => Some((word.features, word.registers)),
            Backbone::ConvNext(_) | Backbone::ResNet(_) | Backbone::DinoV2(_) | Backbone::OffTheShelf(_) => {
                None
            }
        };
        let backbone = &spec.model.backbone;
        let message = || format!("`HierarchicalAttention` is one of tokens, and {backbone} has none");
        found.unless(
            transformer.is_some(),
            "hierarchy_backbone",
            message,
            "take a `Vit`, such as `Vit::small()`",
        );
        let message = || {
            format!(
                "`HierarchicalAttention` has no registers and is read by its class token, and {backbone} is another"
            )
        };
        let hint = "leave `.registers(…)` and `.features(VitFeatures::MeanOfPatches)` out";
        let plain = transformer.is_none_or(|found| found == (VitFeatures::ClassToken, 0));
        found.unless(plain, "hierarchy_reading", message, hint);
        let known = |loss: &Loss| matches!(loss, Loss::Dino(_) | Loss::Ibot(_) | Loss::KoLeo(_));
        let other =
            spec.train.stages.iter().flat_map(|stage| &stage.objective).find(|term| !known(&term.loss));
        let message = || {
            let other = other.map_or("", |term| term.loss.word());
            format!(
                "`HierarchicalAttention` learns by what the class token and the channels' tokens say, and {other} reads neither"
            )
        };
        let hint = "say `.loss(Dino::v2() + Ibot + 0.1 * KoLeo)`, or take `ChannelVit::up_to(5)`";
        found.unless(other.is_none(), "hierarchy_objective", message, hint);
        let message = || {
            "`.classify(…)` and `.inspect(…)` read one sequence of tokens, and `HierarchicalAttention` has one for each channel".into()
        };
        let plain = spec.classifier.is_none() && spec.inspect.is_empty();
        found.unless(plain, "hierarchy_looked_into", message, "leave it out, or take `ChannelVit::up_to(5)`");
    }

    // Its projection is small beside any backbone.
    fn quick(&mut self, _: &Spec) {}
}

impl<B: Transformer> Adapts<B> for HierarchicalAttention {
    fn adapter(self) -> Table {
        self.table()
    }
}

impl<B: Transformer> Adapts<B> for With<HierarchicalAttention> {
    fn adapter(self) -> Table {
        self.table()
    }
}

impl Trainable for HierarchicalAttention {}
impl Trainable for With<HierarchicalAttention> {}
impl ExtendsToNewChannels for HierarchicalAttention {}
impl ExtendsToNewChannels for With<HierarchicalAttention> {}
