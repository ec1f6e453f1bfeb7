//! Everything an experiment file needs: `use dichroic::prelude::*;`.

pub use crate::dsl::{
    Adaptation, Augmentation, Backbone, Batch, Coda, DataWord, EachView, Experiments, File, HandMade, Image,
    ImageNet1k, ImageNet22k, Lvd142m, Model, Objective, Oda, Plate, Report, Run, Scratch, Simulated,
    SimulatedLong, Source, StemAdapter, TrainingData, size,
};
pub use crate::{
    adapter::{FirstLayer, said::*, values::*},
    augment::{said::*, values::*},
    backbone::{said::*, values::*},
    data::said::*,
    loss::{said::*, values::*},
    protocol::said::*,
    spec::{
        AugmentStream, CentreStart, HeadWhileAdapting,
        KeptStep::{LabelFreeStop, LastStep},
        Role, Sampling, StudentStart,
        recipe::Recipe,
    },
    strategy::{said::*, values::*},
    test_time::said::*,
};
pub use dichroic_macros::{experiment, report};
