//! Channel adapters (CHAMMI, section 4.1): the axis and the facts of each adapter.

mod bag_of_channels;
mod channel_replication;
mod channel_vit;
mod depthwise;
mod first_layer;
mod fixed_channels;
mod hierarchical_attention;
mod hyper_net;
mod planes;
mod slice_param;
mod target_param;
mod template_mixing;

pub use bag_of_channels::{Expands, FromRgb};
pub use channel_replication::View;
pub use channel_vit::{ChannelSampling, SampledChannels};
pub use depthwise::{NewChannels, Replicating};
pub use first_layer::FirstLayer;
pub use fixed_channels::SetRate;

use crate::{
    axis::axis,
    spec::{Spec, bounds::Bound},
};

axis! {
    /// The channel adapters.
    pub enum Adapter: AdapterWord, Word(Spec) {
        ChannelReplication = channel_replication::{ChannelReplication; View},
        FixedChannels = fixed_channels::{FixedChannels;},
        Depthwise = depthwise::{Depthwise; Pooling},
        TargetParam = target_param::{TargetParam;},
        SliceParam = slice_param::{SliceParam; ClassEmbedding},
        TemplateMixing = template_mixing::{TemplateMixing; Coefficients},
        HyperNet = hyper_net::{HyperNet; Embeddings},
        Planes = planes::{Planes;},
        BagOfChannels = bag_of_channels::{BagOfChannels; Expands, FromRgb},
        ChannelVit = channel_vit::{ChannelVit; SampledChannels},
        HierarchicalAttention = hierarchical_attention::{HierarchicalAttention;},
    }
    /// The facts of an adapter.
    facts {
        /// What it passes to the backbone.
        fn enters(&self) -> Enters;
        /// Whether it reads sets that it was not trained on.
        fn reads_unseen_sets(&self) -> bool;
        /// The sizes that a sentence or a file states, with their bounds.
        fn sizes(&self) -> Vec<(Bound, usize)>;
        /// Whether it can be trained; the others are evaluated off the shelf.
        fn trains(&self) -> bool;
        /// How many models it trains.
        fn models(&self) -> Models<'_>;
        /// The part of an image that its backbone receives.
        fn view(&self) -> View;
        /// Whether a model's patches have the same channels in all of its sets, so that they can be drawn.
        fn has_the_same_planes(&self) -> bool;
        /// What a sample of its training is.
        fn samples(&self) -> Samples;
    }
}

impl Adapter {
    /// Whether each set has its own model: its own training and weights.
    pub fn is_one_model_per_set(&self) -> bool {
        match self.models() {
            Models::One => false,
            Models::OnePerSet { .. } => true,
        }
    }
}

/// What an adapter passes to the backbone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enters {
    /// Images, one per channel, for the backbone's own stem.
    Images,
    /// The maps of a stem that replaces the backbone's.
    Maps,
}

/// What a sample of a training is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Samples {
    /// An image.
    Images,
    /// A channel of an image.
    Channels(Expands),
}

/// The number of models of an adapter.
#[derive(Clone, Debug, PartialEq)]
pub enum Models<'a> {
    /// One for all sets.
    One,
    /// One per set.
    OnePerSet {
        /// Learning rates of single sets' models.
        rates: &'a [SetRate],
        /// The adapter of each model.
        each: Box<Adapter>,
    },
}
