//! Channel adapters as a file states them, before a recipe fills in the rest.

use crate::spec::{
    Adapter, ChannelReplication, ClassEmbedding, Coefficients, Depthwise, Embeddings, FirstLayer,
    FixedChannels, HyperNet, NewChannels, Pooling, SetRate, SliceParam, TargetParam, TemplateMixing, View,
    recipe::Recipe,
};

/// An adapter with gaps: `None` is a switch that the file leaves to its recipe.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "each variant is the one of the same name in `Adapter`")]
pub enum StatedAdapter {
    ChannelReplication(StatedChannelReplication),
    FixedChannels(StatedFixedChannels),
    Depthwise(StatedDepthwise),
    TargetParam(StatedTargetParam),
    SliceParam(StatedSliceParam),
    TemplateMixing(StatedTemplateMixing),
    HyperNet(StatedHyperNet),
}

macro_rules! stated {
    ($($adapter:ident as $name:ident { $($said:ident: $said_type:ty,)* ? $($field:ident: $type:ty,)* })*) => {$(
        #[doc = concat!("[`", stringify!($adapter), "`] as a file states it.")]
        #[derive(Clone, Copy, Debug, PartialEq)]
        #[expect(missing_docs, reason = "each field is the one of the same name in the resolved adapter")]
        pub struct $name {
            $(pub $said: $said_type,)*
            $(pub $field: Option<$type>,)*
        }

        impl $name {
            /// Nothing stated but what must be.
            #[allow(clippy::new_without_default)]
            pub const fn new($($said: $said_type),*) -> Self {
                Self { $($said,)* $($field: None),* }
            }
        }

        impl From<$name> for StatedAdapter {
            fn from(stated: $name) -> Self {
                Self::$adapter(stated)
            }
        }
    )*};
}
stated! {
    ChannelReplication as StatedChannelReplication { ? view: View, }
    FixedChannels as StatedFixedChannels { ? first_layer: FirstLayer, }
    Depthwise as StatedDepthwise { kernels: usize, ? pooling: Pooling, train_norm: bool, new_channels: NewChannels, }
    TargetParam as StatedTargetParam { ? first_layer: FirstLayer, }
    SliceParam as StatedSliceParam { ? first_layer: FirstLayer, class_embedding: ClassEmbedding, one_slice: bool, }
    TemplateMixing as StatedTemplateMixing { templates: usize, ? coefficients: Coefficients, }
    HyperNet as StatedHyperNet { z: usize, hidden: usize, ? embeddings: Embeddings, }
}

impl StatedAdapter {
    /// Fills every gap from `recipe`. `rates` are those of single sets, for an adapter of one model per set.
    pub(super) fn resolve(self, recipe: Recipe, rates: &[SetRate]) -> Adapter {
        match self {
            Self::ChannelReplication(word) => Adapter::ChannelReplication(ChannelReplication {
                view: recipe.fill(word.view, "model.adapter.channel_replication.view"),
            }),
            Self::FixedChannels(word) => Adapter::FixedChannels(FixedChannels {
                first_layer: recipe.fill(word.first_layer, "model.adapter.fixed_channels.first_layer"),
                rates: rates.to_vec(),
            }),
            Self::Depthwise(word) => Adapter::Depthwise(Depthwise {
                kernels: word.kernels,
                pooling: recipe.fill(word.pooling, "model.adapter.depthwise.pooling"),
                train_norm: recipe.fill(word.train_norm, "model.adapter.depthwise.train_norm"),
                new_channels: recipe.fill(word.new_channels, "model.adapter.depthwise.new_channels"),
            }),
            Self::TargetParam(word) => Adapter::TargetParam(TargetParam {
                first_layer: recipe.fill(word.first_layer, "model.adapter.target_param.first_layer"),
            }),
            Self::SliceParam(word) => Adapter::SliceParam(SliceParam {
                first_layer: recipe.fill(word.first_layer, "model.adapter.slice_param.first_layer"),
                class_embedding: recipe
                    .fill(word.class_embedding, "model.adapter.slice_param.class_embedding"),
                one_slice: recipe.fill(word.one_slice, "model.adapter.slice_param.one_slice"),
            }),
            Self::TemplateMixing(word) => Adapter::TemplateMixing(TemplateMixing {
                templates: word.templates,
                coefficients: recipe.fill(word.coefficients, "model.adapter.template_mixing.coefficients"),
            }),
            Self::HyperNet(word) => Adapter::HyperNet(HyperNet {
                z: word.z,
                hidden: word.hidden,
                embeddings: recipe.fill(word.embeddings, "model.adapter.hyper_net.embeddings"),
            }),
        }
    }
}
