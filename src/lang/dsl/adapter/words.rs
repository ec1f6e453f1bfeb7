//! The channel adapters by name: a word is a struct with what must be said, and its switches are methods.

use super::{Adapts, ExtendsToNewChannels, OneModelPerSet, StemAdapter, Trainable};
use crate::{
    dsl::{Backbone, LearnsHere, With, Word, with::switches},
    spec::{
        ClassEmbedding, Coefficients, Embeddings, FirstLayer, NewChannels, Pooling, View,
        draft::{
            StatedAdapter, StatedChannelReplication, StatedDepthwise, StatedFixedChannels, StatedHyperNet,
            StatedSliceParam, StatedTargetParam, StatedTemplateMixing,
        },
    },
};

/// Each channel passes through the backbone on its own, as a grey photograph, and the features of all channels stand
/// side by side (CHAMMI, section 4.1). The off-the-shelf baseline: it is `.frozen()`, never trained.
#[derive(Clone, Copy, Debug)]
pub struct ChannelReplication;

/// A model of its own for each set, with as many inputs as the set has channels (CHAMMI, section 4.1).
#[derive(Clone, Copy, Debug)]
pub struct FixedChannels;

/// Each channel is filtered on its own, then all are pooled into the same number of maps (CHAMMI, section 4.1).
///
/// CHAMMI: `Depthwise { kernels: 64 }`.
#[derive(Clone, Copy, Debug)]
pub struct Depthwise {
    /// Filters of each channel.
    pub kernels: usize,
}

/// A first layer for each set in front of one backbone (CHAMMI, section 4.1).
#[derive(Clone, Copy, Debug)]
pub struct TargetParam;

/// A bank with one slice of the stem for each channel name (CHAMMI, section 4.1).
#[derive(Clone, Copy, Debug)]
pub struct SliceParam;

/// Each channel's filters are its own mixture of shared templates (CHAMMI, section 4.1; Savarese and Maire 2019).
///
/// CHAMMI: `TemplateMixing { templates: 128 }`.
#[derive(Clone, Copy, Debug)]
pub struct TemplateMixing {
    /// Templates that filters are mixed of.
    pub templates: usize,
}

/// A small network writes the stem filter of each channel (CHAMMI, section 4.1; Ha et al. 2016).
///
/// CHAMMI: `HyperNet { z: 128, hidden: 256 }`.
#[derive(Clone, Copy, Debug)]
pub struct HyperNet {
    /// Width of a channel's embedding.
    pub z: usize,
    /// Width of the hidden layer.
    pub hidden: usize,
}

/// A [`Depthwise`] whose filters serve new channels too; said as `.replicating()`.
#[derive(Clone, Copy, Debug)]
pub struct Replicating(StatedDepthwise);

switches! {
    ChannelReplication: StatedChannelReplication, _this => StatedChannelReplication::new(), {
        /// What the backbone gets to see of an image.
        view: View;
    }
    FixedChannels: StatedFixedChannels, _this => StatedFixedChannels::new(), {
        /// Where the first layers start.
        first_layer: FirstLayer;
    }
    Depthwise: StatedDepthwise, this => StatedDepthwise::new(this.kernels), {
        /// How the channels' maps become one set of maps.
        pooling: Pooling;
        /// Whether scale and shift of the instance norm learn.
        train_norm: bool;
    }
    TargetParam: StatedTargetParam, _this => StatedTargetParam::new(), {
        /// Where the first layers start.
        first_layer: FirstLayer;
    }
    SliceParam: StatedSliceParam, _this => StatedSliceParam::new(), {
        /// Where the bank starts.
        first_layer: FirstLayer;
        /// What is added to a slice for each channel of each set.
        class_embedding: ClassEmbedding;
        /// Whether all channel names share one slice.
        one_slice: bool;
    }
    TemplateMixing: StatedTemplateMixing, this => StatedTemplateMixing::new(this.templates), {
        /// How mixtures are kept and where they start.
        coefficients: Coefficients;
    }
    HyperNet: StatedHyperNet, this => StatedHyperNet::new(this.z, this.hidden), {
        /// Which channels share an embedding.
        embeddings: Embeddings;
    }
}

macro_rules! adapts {
    ($($word:ident),*) => {$(
        impl<B: LearnsHere> Adapts<B> for $word {
            fn adapter(self) -> StatedAdapter {
                self.stated().into()
            }
        }

        impl<B: LearnsHere> Adapts<B> for With<$word> {
            fn adapter(self) -> StatedAdapter {
                self.0.into()
            }
        }
    )*};
}
adapts!(FixedChannels, Depthwise, TargetParam, SliceParam, TemplateMixing, HyperNet);

impl<B: Backbone> Adapts<B> for ChannelReplication {
    fn adapter(self) -> StatedAdapter {
        self.stated().into()
    }
}

impl<B: Backbone> Adapts<B> for With<ChannelReplication> {
    fn adapter(self) -> StatedAdapter {
        self.0.into()
    }
}

impl HyperNet {
    /// One embedding for each channel *name*, instead of one for each channel of each set.
    pub fn shared(self) -> With<Self> {
        self.embeddings(Embeddings::Shared)
    }
}

impl TemplateMixing {
    /// One mixture for each channel *name*, instead of one for each channel of each set.
    pub fn shared(self) -> With<Self> {
        self.coefficients(Coefficients::Shared)
    }
}

impl Depthwise {
    /// Channels that were not trained on take over filters of trained ones: of the same name, else in turn.
    pub fn replicating(self) -> Replicating {
        With::<Self>(self.stated()).replicating()
    }
}

impl With<Depthwise> {
    /// Channels that were not trained on take over filters of trained ones: of the same name, else in turn.
    pub fn replicating(mut self) -> Replicating {
        self.0.new_channels = Some(NewChannels::Replicate);
        Replicating(self.0)
    }
}

impl<B: LearnsHere> Adapts<B> for Replicating {
    fn adapter(self) -> StatedAdapter {
        self.0.into()
    }
}

impl ExtendsToNewChannels for Replicating {}
impl ExtendsToNewChannels for ChannelReplication {}
impl ExtendsToNewChannels for With<ChannelReplication> {}

impl OneModelPerSet for FixedChannels {}
impl OneModelPerSet for With<FixedChannels> {}

macro_rules! trainable {
    ($($word:ty),*) => {$(
        impl Trainable for $word {}
        impl StemAdapter for $word {}
    )*};
}
trainable!(
    FixedChannels,
    With<FixedChannels>,
    Depthwise,
    With<Depthwise>,
    Replicating,
    TargetParam,
    With<TargetParam>,
    SliceParam,
    With<SliceParam>,
    TemplateMixing,
    With<TemplateMixing>,
    HyperNet,
    With<HyperNet>
);
