//! Everything an experiment file needs: `use dichroic::prelude::*;`.

pub use crate::dsl::{
    Augmentation, Backbone, Brightness, Chammi, ChannelReplication, ConvNext, Cp, Crop, CrossEntropy,
    DenseSwa, Depthwise, DinoV2, Erm, Experiments, FixedChannels, Flip, Folder, Hpa, HyperNet, ImageNet1k,
    ImageNet22k, Lvd142m, Miro, Model, Objective, OneNn, PROXY, ProxyNca, Report, ResNet, Run, SSL, Scratch,
    SimClr, SliceParam, StemAdapter, Swad, TargetParam, TemplateMixing, Tps, TrainingData, Turn, Wtc, size,
};
pub use crate::spec::{
    AugmentStream, ClassEmbedding, Coefficients, CropFit, Embeddings, FirstLayer, Oracle, Pooling, Positives,
    Sampling, SwaKeep, SwaRate, Taps, View, Warp, recipe::Recipe,
};
pub use dichroic_macros::{experiment, report};
