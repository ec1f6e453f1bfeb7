//! `quick`: the same experiment, shrunk until one run takes about a minute on two cores.
//!
//! What changes: the backbone, whichever it is, becomes [`ConvNextSize::Mini`]; published weights become
//! [`Weights::SimulatedPretrain`], so that the small versions of all backbones off the shelf are one and the same; HyperNet is at most [`Z`] and [`HIDDEN`] wide; images are at most [`IMAGE`] px;
//! at most [`EPOCHS`] epochs of batches of at most [`BATCH`], with a ramp that is no longer than they are and a
//! learning rate that is [`LR`] times as large, averaging from the same share of the epochs on; at most [`SUBSET`] images of each set and split. Everything else,
//! losses and their weights included, stays.
//! The result is a spec like any other, with an identity of its own.

use super::{Adapter, Backbone, ConvNextSize, Spec, Strategy, Weights};

/// Side of the square that the network sees, in pixels.
pub const IMAGE: usize = 64;
/// Passes over the training images.
pub const EPOCHS: usize = 10;
/// Images in a step.
pub const BATCH: usize = 16;
/// By how much learning rates grow: a small network from a short training takes larger steps.
pub const LR: f64 = 2.5;
/// Images of each set and split that are read.
pub const SUBSET: usize = 1500;
/// Steps between two looks at the held-out loss (SWAD).
pub const EVERY: usize = 40;
/// Width of HyperNet's embeddings.
pub const Z: usize = 32;
/// Width of HyperNet's hidden layer.
pub const HIDDEN: usize = 64;

/// The small version of an experiment. Pure; the small version of a small version is itself.
pub fn quick(spec: &Spec) -> Spec {
    let mut spec = spec.clone();
    let (small, drop_path) = match spec.model.backbone {
        Backbone::ConvNext { size, drop_path } => (size == ConvNextSize::Mini, drop_path),
        Backbone::ResNet { .. } | Backbone::DinoV2 { .. } | Backbone::Zoo { .. } => (false, 0.0),
    };
    // Small already: no declared spec reads a subset.
    let thinned = spec.train.subset.is_some_and(|subset| subset <= SUBSET);
    if small && thinned {
        return spec.canonical();
    }
    spec.model.backbone = Backbone::ConvNext { size: ConvNextSize::Mini, drop_path };
    if spec.model.weights != Weights::Scratch {
        spec.model.weights = Weights::SimulatedPretrain;
    }
    match &mut spec.model.adapter {
        Adapter::HyperNet(word) => (word.z, word.hidden) = (word.z.min(Z), word.hidden.min(HIDDEN)),
        Adapter::FixedChannels(word) => word.rates.iter_mut().for_each(|rate| rate.lr *= LR),
        // What they add to a small backbone costs little.
        Adapter::ChannelReplication(_)
        | Adapter::Depthwise(_)
        | Adapter::TargetParam(_)
        | Adapter::SliceParam(_)
        | Adapter::TemplateMixing(_) => {}
    }

    let train = &mut spec.train;
    match &mut train.strategy {
        Strategy::Swad(swad) => swad.every = swad.every.min(EVERY),
        Strategy::DenseSwa(swa) => {
            swa.start_epoch = swa.start_epoch * EPOCHS.min(train.epochs) / train.epochs.max(1);
        }
        Strategy::Erm | Strategy::Miro(_) => {}
    }
    train.image = train.image.min(IMAGE);
    train.epochs = train.epochs.min(EPOCHS);
    train.optimiser.lr *= LR;
    train.schedule.warmup = train.schedule.warmup.min(train.epochs);
    train.batch = train.batch.min(BATCH);
    train.subset = Some(train.subset.map_or(SUBSET, |subset| subset.min(SUBSET)));
    spec.canonical()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{
        DinoV2Size, ResNetSize,
        draft::{Draft, StatedBackbone, StatedChannelReplication, StatedHyperNet, sample},
        id::SpecId,
        recipe::Recipe,
    };

    #[test]
    fn the_small_version_is_a_good_spec_and_its_own_small_version() {
        for recipe in Recipe::ALL {
            for objective in [sample().objective, vec![]] {
                let declared = Draft { objective, ..sample() }.resolve(recipe);
                let small = quick(&declared);
                assert_eq!(small.check(), []);
                assert_eq!(quick(&small), small);
                assert_ne!(SpecId::of(&small), SpecId::of(&declared));
                assert_eq!(small.model.weights, Weights::SimulatedPretrain);
                assert_eq!(small.train.optimiser.lr, LR * declared.train.optimiser.lr);
                assert_eq!(small.train.optimiser.betas, declared.train.optimiser.betas);
                assert_eq!(
                    (&small.train.objective, &small.evaluate),
                    (&declared.train.objective, &declared.evaluate)
                );
            }
        }
    }

    #[test]
    fn what_is_small_already_stays() {
        let draft = Draft {
            weights: Weights::Scratch,
            adapter: StatedHyperNet::new(8, 256).into(),
            image: Some(32),
            epochs: Some(2),
            batch: Some(16),
            warmup: Some(1),
            ..sample()
        };
        let small = quick(&draft.resolve(Recipe::Fixed));
        let Adapter::HyperNet(word) = &small.model.adapter else { panic!("the adapter stays") };
        assert_eq!((word.z, small.train.image, small.train.epochs, small.train.batch), (8, 32, 2, 16));
        assert_eq!((small.train.schedule.warmup, small.model.weights), (1, Weights::Scratch));
    }

    #[test]
    fn backbones_off_the_shelf_have_one_small_version() {
        let small = |backbone, weights| {
            let adapter = StatedChannelReplication::new().into();
            let draft = Draft { objective: vec![], ..sample() };
            let declared = Draft { backbone, weights, adapter, ..draft }.resolve(Recipe::Released);
            assert_eq!(declared.check(), []);
            quick(&declared)
        };
        let resnet = small(StatedBackbone::ResNet(ResNetSize::R50), Weights::ImageNet1k);
        let dino = small(StatedBackbone::DinoV2(DinoV2Size::SmallReg), Weights::Lvd142m);
        let convnext = small(StatedBackbone::ConvNext(ConvNextSize::Tiny), Weights::ImageNet22k);
        assert_eq!([&resnet, &dino], [&convnext; 2]);
        assert_eq!(resnet.check(), []);
    }
}
