//! BagOfChannels: each channel is an image of its own, and no layer knows which it is.

use super::{AdapterWord, Enters, Models, Samples, View};
use crate::{
    dsl::{Adapts, ExtendsToNewChannels, LearnsHere, Trainable},
    needs::Needs,
    spec::{Moments, Normalise, Spec, bounds::Bound, check::Found},
    word::{Says, With, Word, word},
};
use serde::{Deserialize, Serialize};
use std::ops::Range;
use toml::Table;

word! {
    "model.adapter", "bag_of_channels", revision 1;
    /// Each channel is an image of its own for one network of one input channel (De Lorenci et al. 2025, DINO BoC). In training an
    /// image of K channels is K samples, all of whose views are of one channel, and batches mix channels and sets; its features
    /// are those of its K channels in a row. So it reads any channels, and learns from images, not from labels.
    pub struct BagOfChannels;
    switches {
        /// Which channels of an image are samples.
        expands: Expands = (second_only, all, all),
            "Meta's data set of HPA counts images, not channels, and decodes the second of them; the paper: all";
        /// What the network's one channel starts with, where its weights are those of red, green and blue.
        from_rgb: FromRgb = sum, "ours: a grey image is seen as the published network sees it";
    }
}

/// Which channels of an image are samples of a training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expands {
    /// Every channel.
    All,
    /// The second one; the only one of an image that has no second.
    SecondOnly,
}

impl Expands {
    /// Those of an image of so many.
    pub fn of(self, channels: usize) -> Range<usize> {
        match self {
            Self::All => 0..channels,
            Self::SecondOnly => {
                let second = 1.min(channels.saturating_sub(1));
                second..(second + 1).min(channels)
            }
        }
    }
}

/// What one channel starts with, of the weights of red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FromRgb {
    /// Their sum: the maps are those of a grey image.
    Sum,
    /// Their mean: a third of that.
    Mean,
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
        true
    }

    fn samples(&self) -> Samples {
        Samples::Channels(self.expands)
    }
}

impl Word for Settings {
    fn check(&self, spec: &Spec, found: &mut Found) {
        let needs = |wanted: fn(&Needs) -> bool| {
            spec.train.stages.iter().any(|stage| wanted(&Needs::of(&stage.objective)))
        };
        let message = || {
            "`BagOfChannels` makes an image of each channel, and a loss here reads the labels of images"
                .into()
        };
        let hint = "train without labels, as with `DinoV1::ema(0.996)` or `Mae::mask(0.75)`, or take another adapter, such as `HyperNet`";
        found.unless(!needs(|needs| needs.labels), "bag_of_channels_with_labels", message, hint);
        let message =
            || "`BagOfChannels` makes an image of each channel, and a loss here pairs whole images".into();
        found.unless(
            !needs(|needs| needs.pairs.is_some()),
            "bag_in_pairs",
            message,
            "leave `.across(…)` out",
        );
        let message = || {
            "`.classify(…)` reads the tokens of a whole image, and `BagOfChannels` has those of single channels".into()
        };
        let hint = "ask by `OneNn`, `Knn` or `Logistic`, or take `Planes([\"dna\", \"er\", \"mito\"])`";
        found.unless(spec.classifier.is_none(), "bag_with_classifier", message, hint);
        let message = || {
            "`.inspect(…)` compares the tokens of whole images, and `BagOfChannels` has those of single channels".into()
        };
        found.unless(spec.inspect.is_empty(), "bag_inspected", message, "leave `.inspect(…)` out");
        let views = |rule: &&Normalise| matches!(rule.by, Moments::View);
        let by_view = spec.train.normalise.iter().filter(views).count();
        let uniform =
            by_view == 0 || (spec.train.normalise.len() == 1 && spec.train.normalise[0].sets.is_empty());
        let message = || {
            "`BagOfChannels` mixes the views of all sets, and some are to be normalised by themselves and others not".into()
        };
        found.unless(
            uniform,
            "bag_normalised_in_two_ways",
            message,
            "say `.normalise(EachView)` for all sets",
        );
    }

    fn quick(&mut self, _: &Spec) {}
}

impl<B: LearnsHere> Adapts<B> for BagOfChannels {
    fn adapter(self) -> Table {
        self.table()
    }
}

impl<B: LearnsHere> Adapts<B> for With<BagOfChannels> {
    fn adapter(self) -> Table {
        self.table()
    }
}

impl Trainable for BagOfChannels {}
impl Trainable for With<BagOfChannels> {}
impl ExtendsToNewChannels for BagOfChannels {}
impl ExtendsToNewChannels for With<BagOfChannels> {}
