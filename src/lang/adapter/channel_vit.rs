//! ChannelVit: all channels' patches are tokens of one sequence, and each channel is known by its place.

use super::{AdapterWord, Enters, FromRgb, Models, Samples, View};
use crate::{
    dsl::{Adapts, ExtendsToNewChannels, KeepsLabels, Trainable, Transformer},
    spec::{
        Backbone, Spec, VitFeatures,
        bounds::{self, Bound},
        check::Found,
    },
    word::{Says, With, Word, word},
};
use serde::{Deserialize, Serialize};
use toml::Table;

word! {
    "model.adapter", "channel_vit", revision 1;
    /// The patches of all channels are tokens of one sequence (Bao et al. 2024): one projection and one table of positions for all
    /// channels, and a learned vector for each place that a channel can have in an image. An image of K channels has K times as
    /// many tokens; one with more channels than the table cannot be read.
    ///
    /// De Lorenci et al. 2025: `ChannelVit::up_to(5)`.
    pub struct ChannelVit {
        /// Channels that an image can have at most.
        pub channels: usize,
    }
    switches {
        /// What the projection starts with, where weights are those of red, green and blue.
        from_rgb: FromRgb = sum, "ours: a grey image is seen as the published network sees it";
    }
    by_hand {
        /// Which channels a step of training sees.
        sampled: SampledChannels = all, "DINO BoC, table 8: with DINOv2, sampling lowers the mean; say `.hcs()`";
    }
}

/// Which channels of a batch's images a step of training sees. The images of a batch that are of one set have the same ones, in all
/// of their crops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SampledChannels {
    /// All.
    All,
    /// A number of them drawn evenly from one to all, then so many in random order (Bao et al. 2024, hierarchical channel
    /// sampling).
    Hierarchical,
}

/// A [`ChannelVit`] that trains with hierarchical channel sampling; written `.hcs()`.
#[derive(Clone, Copy, Debug)]
pub struct ChannelSampling(With<ChannelVit>);

impl ChannelVit {
    /// For images of at most so many channels.
    pub const fn up_to(channels: usize) -> Self {
        Self { channels }
    }

    /// Each step of training sees some of the channels: a number of them drawn evenly from one to all, then so many.
    pub fn hcs(self) -> ChannelSampling {
        With::of(self).hcs()
    }
}

impl With<ChannelVit> {
    /// Each step of training sees some of the channels: a number of them drawn evenly from one to all, then so many.
    pub fn hcs(self) -> ChannelSampling {
        ChannelSampling(self.stating(|stated| stated.sampled = Some(SampledChannels::Hierarchical)))
    }
}

impl Says for ChannelSampling {
    fn table(self) -> Table {
        self.0.table()
    }
}

/// Implements, for the word with switches stated and without, what it fits.
macro_rules! fits_transformers {
    ($($word:ty),*) => {$(
        impl<B: Transformer> Adapts<B> for $word {
            fn adapter(self) -> Table {
                self.table()
            }
        }

        impl Trainable for $word {}
        impl KeepsLabels for $word {}
        impl ExtendsToNewChannels for $word {}
    )*};
}
fits_transformers!(ChannelVit, With<ChannelVit>, ChannelSampling);

impl AdapterWord for Settings {
    fn enters(&self) -> Enters {
        Enters::Maps
    }

    fn reads_unseen_sets(&self) -> bool {
        true
    }

    fn sizes(&self) -> Vec<(Bound, usize)> {
        vec![(bounds::CHANNELS, self.channels)]
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
        let (transformer, one_token) = match &spec.model.backbone {
            Backbone::Vit(word) => (true, word.features == VitFeatures::ClassToken),
            Backbone::ConvNext(_) | Backbone::ResNet(_) | Backbone::DinoV2(_) | Backbone::OffTheShelf(_) => {
                (false, true)
            }
        };
        let message = || {
            format!(
                "`ChannelVit` makes tokens of each channel's patches, and {} has none",
                spec.model.backbone
            )
        };
        found.unless(transformer, "channel_vit_backbone", message, "take a `Vit`, such as `Vit::small()`");
        let message = || {
            "`ChannelVit` has patches of each channel, and their mean has a length that depends on the set"
                .into()
        };
        let hint = "say `.features(VitFeatures::ClassToken)`";
        found.unless(one_token, "channel_vit_features", message, hint);
    }

    // Its table and its projection are small beside any backbone.
    fn quick(&mut self, _: &Spec) {}
}
