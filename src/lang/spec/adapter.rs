//! How channels come in: every channel adapter with its settings (CHAMMI, section 4.1).

use serde::{Deserialize, Serialize};

/// Every channel adapter there is. Adding one starts here, and the compiler lists the rest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Adapter {
    /// Each channel passes through the backbone on its own, as a grey image; features are concatenated.
    ChannelReplication(ChannelReplication),
    /// A model of its own for each set, whose first layer has as many inputs as the set has channels.
    FixedChannels(FixedChannels),
    /// Each channel is filtered on its own, then all are pooled into the same number of maps.
    Depthwise(Depthwise),
    /// A first layer for each set in front of one backbone.
    TargetParam(TargetParam),
    /// A bank with one slice of the first layer for each channel name.
    SliceParam(SliceParam),
    /// Each channel's filters are its own mixture of shared templates.
    TemplateMixing(TemplateMixing),
    /// A small network writes the stem filter of each channel.
    HyperNet(HyperNet),
}

impl Adapter {
    /// The word of the language.
    pub fn word(&self) -> &'static str {
        match self {
            Self::ChannelReplication(_) => "ChannelReplication",
            Self::FixedChannels(_) => "FixedChannels",
            Self::Depthwise(_) => "Depthwise",
            Self::TargetParam(_) => "TargetParam",
            Self::SliceParam(_) => "SliceParam",
            Self::TemplateMixing(_) => "TemplateMixing",
            Self::HyperNet(_) => "HyperNet",
        }
    }

    /// Whether it reads sets that it was not trained on.
    pub fn reads_unseen_sets(&self) -> bool {
        match self {
            Self::ChannelReplication(_) => true,
            Self::Depthwise(word) => word.new_channels == NewChannels::Replicate,
            Self::FixedChannels(_)
            | Self::TargetParam(_)
            | Self::SliceParam(_)
            | Self::TemplateMixing(_)
            | Self::HyperNet(_) => false,
        }
    }

    /// What its backbone gets to see of an image.
    pub fn view(&self) -> View {
        match self {
            Self::ChannelReplication(word) => word.view,
            Self::FixedChannels(_)
            | Self::Depthwise(_)
            | Self::TargetParam(_)
            | Self::SliceParam(_)
            | Self::TemplateMixing(_)
            | Self::HyperNet(_) => View::Resized,
        }
    }

    /// Whether it can be trained; the others are evaluated off the shelf.
    pub fn is_trainable(&self) -> bool {
        !matches!(self, Self::ChannelReplication(_))
    }

    /// Whether each set has a model of its own: its own training, its own weights.
    pub fn is_one_model_per_set(&self) -> bool {
        matches!(self, Self::FixedChannels(_))
    }
}

/// Settings of ChannelReplication.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelReplication {
    /// What the backbone gets to see.
    pub view: View,
}

/// What an off-the-shelf backbone gets to see of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// As the published baseline shows it to its backbone, values in [0, 1]. ConvNeXt: at its own size, no mean and no
    /// deviation. ResNet: the shorter side resized to 256, a square of 224 from the middle, ImageNet's mean and
    /// deviation. DINOv2: at its own size, framed by zeros to multiples of 14, no mean and no deviation.
    Native,
    /// What trained models see: resized to the training side, normalised per channel.
    Resized,
}

/// Settings of FixedChannels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FixedChannels {
    /// Where the first layer starts.
    pub first_layer: FirstLayer,
    /// Sets whose model has a learning rate of its own, by name.
    pub rates: Vec<SetRate>,
}

/// The learning rate of one set's model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetRate {
    /// The set: `Allen`.
    pub set: String,
    /// Its peak learning rate.
    pub lr: f64,
}

/// Where a first layer starts, given the backbone's own stem with its three input slices S0, S1, S2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FirstLayer {
    /// At random, normal with He's deviation.
    Random,
    /// S0, S1, S2, and further channels at random.
    PadRandom,
    /// S0, S1, S2, and further channels as averages: a fourth alone (S0 + S1 + S2) / 3; two more (S0 + S1) / 2 and
    /// (S1 + S2) / 2.
    PadAverage,
    /// Each slice so often in a row that all channels have one: S0, S0, S0, S1, S1, S1, S2, S2 for a bank of eight.
    PadDuplicates,
}

/// Settings of Depthwise (released `depthwiseconvnext`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Depthwise {
    /// Filters of each channel.
    pub kernels: usize,
    /// How the channels' maps become one set of maps.
    pub pooling: Pooling,
    /// Whether scale and shift of the instance norm learn; in the released code they are in no group of the optimiser.
    pub train_norm: bool,
    /// What happens to channels that were not trained on.
    pub new_channels: NewChannels,
}

/// How the maps of a set's channels become one set of maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// Weighted by the softmax over the set's entries of a learned vector (released `weighted_sum_random`).
    Weighted,
    /// Their mean, as the paper's text says.
    Average,
}

/// What happens to channels that were not trained on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NewChannels {
    /// They are refused.
    Refuse,
    /// They take over filters of trained channels: of the same name where there is one, else of the trained names in
    /// turn. The paper names replication and no rule; this one is ours.
    Replicate,
}

/// Settings of TargetParam (released `shared_convnext`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetParam {
    /// Where the first layers start.
    pub first_layer: FirstLayer,
}

/// Settings of SliceParam (released `sliceparamconvnext`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SliceParam {
    /// Where the bank starts.
    pub first_layer: FirstLayer,
    /// What is added to a slice for each channel of each set.
    pub class_embedding: ClassEmbedding,
    /// One slice for all channel names instead of one for each (released `duplicate`).
    pub one_slice: bool,
}

/// What is added to a channel's slice of the bank, of its own for each channel of each set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassEmbedding {
    /// Nothing.
    None,
    /// Learned filters.
    Learned,
    /// Random filters that never change: what the released code does, whose optimiser does not know them.
    Noise,
}

/// Settings of TemplateMixing (released `templatemixingconvnext`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemplateMixing {
    /// Templates that filters are mixed of.
    pub templates: usize,
    /// How the mixtures are kept and where they start.
    pub coefficients: Coefficients,
}

/// How mixtures of templates are kept and where they start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Coefficients {
    /// One mixture for each channel of each set, starting with orthonormal rows (the released configuration).
    PerSet,
    /// One mixture for each channel name, starting with orthonormal rows.
    Shared,
    /// One mixture for each channel of each set; each owns an equal share of the templates, in which it starts with
    /// 0.9, with 0.1 in those of equal channels of other sets (the release's second version).
    Owned,
}

/// Settings of the HyperNet adapter (CHAMMI, section 4.1; released `hyperconvnext`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HyperNet {
    /// Width of a channel's embedding.
    pub z: usize,
    /// Width of the hidden layer.
    pub hidden: usize,
    /// Which channels share an embedding.
    pub embeddings: Embeddings,
}

/// Which channels share an embedding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Embeddings {
    /// One for each channel of each set (the released configuration).
    PerSet,
    /// One for each channel name: the nucleus channels of three sets are one row of the bank.
    Shared,
}
