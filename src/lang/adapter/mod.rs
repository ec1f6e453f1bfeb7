//! How channels come in: every channel adapter there is (CHAMMI, section 4.1).

mod channel_replication;
mod depthwise;
mod first_layer;
mod fixed_channels;
mod hyper_net;
mod slice_param;
mod target_param;
mod template_mixing;

pub use channel_replication::View;
pub use depthwise::{NewChannels, Replicating};
pub use first_layer::FirstLayer;
pub use fixed_channels::SetRate;

use crate::{axis::axis, spec::Spec};

axis! {
    /// Every channel adapter there is.
    pub enum Adapter: AdapterWord, Word(Spec) {
        ChannelReplication = channel_replication::{ChannelReplication; View},
        FixedChannels = fixed_channels::{FixedChannels;},
        Depthwise = depthwise::{Depthwise; Pooling},
        TargetParam = target_param::{TargetParam;},
        SliceParam = slice_param::{SliceParam; ClassEmbedding},
        TemplateMixing = template_mixing::{TemplateMixing; Coefficients},
        HyperNet = hyper_net::{HyperNet; Embeddings},
    }
    /// What an adapter answers.
    facts {
        /// What it hands to the backbone.
        fn enters(&self) -> Enters;
        /// Whether it reads sets that it was not trained on.
        fn reads_unseen_sets(&self) -> bool;
        /// Whether it can be trained; the others are evaluated off the shelf.
        fn trains(&self) -> bool;
        /// How many models it makes.
        fn models(&self) -> Models<'_>;
        /// What its backbone gets to see of an image.
        fn view(&self) -> View;
    }
}

impl Adapter {
    /// Whether each set has a model of its own: its own training, its own weights.
    pub fn is_one_model_per_set(&self) -> bool {
        match self.models() {
            Models::One => false,
            Models::OnePerSet { .. } => true,
        }
    }
}

/// What an adapter hands to the backbone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enters {
    /// Images, one for each channel, to the backbone's own stem.
    Images,
    /// The maps of a stem that takes the place of the backbone's.
    Maps,
}

/// How many models an adapter makes.
#[derive(Clone, Debug, PartialEq)]
pub enum Models<'a> {
    /// One for all sets.
    One,
    /// One for each set.
    OnePerSet {
        /// Sets whose model has a learning rate of its own.
        rates: &'a [SetRate],
        /// The adapter of each of them.
        each: Box<Adapter>,
    },
}
