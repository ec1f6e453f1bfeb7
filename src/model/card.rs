//! The description stored with the weights in a file of this program: everything that is needed to use them
//! elsewhere.

use crate::{adapter::SetChannels, data::Statistics, spec};
use serde::{Deserialize, Serialize};

/// A model and the images that it expects, stored as JSON in the metadata of `weights.safetensors`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// Backbone, adapter, and where its weights came from.
    pub model: spec::Model,
    /// Side of its square input, in pixels.
    pub image: usize,
    /// The sets that it has parameters for, in order.
    pub sets: Vec<CardSet>,
}

/// A set that a model has parameters for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CardSet {
    /// Its name.
    pub set: String,
    /// Its channels, in tape order.
    pub channels: Vec<String>,
    /// Mean of each channel, of pixels in [0, 1].
    pub mean: Vec<f32>,
    /// Standard deviation of each channel.
    pub sd: Vec<f32>,
}

impl CardSet {
    /// A set whose images are normalised elsewhere.
    pub fn plain(set: SetChannels) -> Self {
        let SetChannels { set, channels } = set;
        let Statistics { mean, sd } = Statistics::none(channels.len());
        Self { set, channels, mean, sd }
    }
}

impl Card {
    /// The sets' channels.
    pub fn channels(&self) -> Vec<SetChannels> {
        let one = |set: &CardSet| SetChannels { set: set.set.clone(), channels: set.channels.clone() };
        self.sets.iter().map(one).collect()
    }

    /// The statistics that normalised the images of a set.
    pub fn statistics(&self, set: usize) -> Statistics {
        let CardSet { mean, sd, .. } = self.sets[set].clone();
        Statistics { mean, sd }
    }
}
