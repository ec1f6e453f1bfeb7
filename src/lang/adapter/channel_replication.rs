//! ChannelReplication: the off-the-shelf baseline.

use super::{AdapterWord, Enters, Models, Samples};
use crate::{
    dsl::{self, Adapts, ExtendsToNewChannels, KeepsLabels},
    spec::{Spec, bounds::Bound, check::Found},
    word::{Says, With, Word, word},
};
use serde::{Deserialize, Serialize};
use toml::Table;

word! {
    "model.adapter", "channel_replication", revision 1;
    /// Each channel passes through the backbone separately, as a grey image, and the features of all channels
    /// are concatenated (CHAMMI, section 4.1). The off-the-shelf baseline: it is `.frozen()`, never trained.
    pub struct ChannelReplication;
    switches {
        /// The part of an image that the backbone receives.
        view: View = native, "evaluation code: as each backbone has it, ConvNeXt at native size";
    }
}

/// The part of an image that an off-the-shelf backbone receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// As in the published baseline, values in [0, 1]. ConvNeXt: at native size, not normalised. ResNet: the
    /// shorter side resized to 256, a centre crop of 224, ImageNet's mean and standard deviation. DINOv2: at
    /// native size, padded with zeros to multiples of 14, not normalised.
    Native,
    /// As for trained models: resized to the training side, normalised per channel.
    Resized,
}

impl AdapterWord for Settings {
    fn enters(&self) -> Enters {
        Enters::Images
    }

    fn reads_unseen_sets(&self) -> bool {
        true
    }

    fn sizes(&self) -> Vec<(Bound, usize)> {
        Vec::new()
    }

    fn trains(&self) -> bool {
        false
    }

    fn models(&self) -> Models<'_> {
        Models::One
    }

    fn view(&self) -> View {
        self.view
    }

    fn has_the_same_planes(&self) -> bool {
        false
    }

    fn samples(&self) -> Samples {
        Samples::Images
    }
}

impl Word for Settings {
    fn check(&self, _: &Spec, _: &mut Found) {}

    fn quick(&mut self, _: &Spec) {}
}

impl<B: dsl::Backbone> Adapts<B> for ChannelReplication {
    fn adapter(self) -> Table {
        self.table()
    }
}

impl<B: dsl::Backbone> Adapts<B> for With<ChannelReplication> {
    fn adapter(self) -> Table {
        self.table()
    }
}

impl KeepsLabels for ChannelReplication {}
impl KeepsLabels for With<ChannelReplication> {}
impl ExtendsToNewChannels for ChannelReplication {}
impl ExtendsToNewChannels for With<ChannelReplication> {}
