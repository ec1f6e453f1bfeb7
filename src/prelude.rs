//! Everything an experiment file needs: `use dichroic::prelude::*;`.

pub use crate::dsl::{
    Augmentation, Brightness, Chammi, ConvNext, Cp, Crop, CrossEntropy, Erm, Experiments, Flip, Folder, Hpa,
    HyperNet, ImageNet22k, Model, Objective, OneNn, PROXY, ProxyNca, Run, SSL, Scratch, SimClr, StemAdapter,
    Tps, TrainingData, Turn, Wtc, size,
};
pub use crate::spec::{AugmentStream, CropFit, Positives, Warp, recipe::Recipe};
pub use dichroic_macros::experiment;
