//! Everything an experiment file needs: `use dichroic::prelude::*;`.

pub use crate::dsl::{
    Augmentation, Backbone, DataWord, EachView, Experiments, HandMade, Image, ImageNet1k, ImageNet22k,
    Lvd142m, Model, Objective, Report, Run, Scratch, StemAdapter, TrainingData, size,
};
pub use crate::{
    adapter::{FirstLayer, said::*, values::*},
    augment::{said::*, values::*},
    backbone::{said::*, values::*},
    data::said::*,
    loss::{said::*, values::*},
    protocol::said::*,
    spec::{AugmentStream, Role, Sampling, recipe::Recipe},
    strategy::{said::*, values::*},
};
pub use dichroic_macros::{experiment, report};
