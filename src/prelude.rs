//! Everything an experiment file needs: `use dichroic::prelude::*;`.

pub use crate::dsl::{
    Augmentation, Brightness, Chammi, ChannelReplication, ConvNext, Cp, Crop, CrossEntropy, Depthwise, Erm,
    Experiments, FixedChannels, Flip, Folder, Hpa, HyperNet, ImageNet22k, Model, Objective, OneNn, PROXY,
    ProxyNca, Run, SSL, Scratch, SimClr, SliceParam, StemAdapter, TargetParam, TemplateMixing, Tps,
    TrainingData, Turn, Wtc, size,
};
pub use crate::spec::{
    AugmentStream, ClassEmbedding, Coefficients, CropFit, Embeddings, FirstLayer, Pooling, Positives, View,
    Warp, recipe::Recipe,
};
pub use dichroic_macros::experiment;
