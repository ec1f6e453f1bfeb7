//! `quick`: the same experiment, shrunk until one run takes about a minute on two cores.
//!
//! What changes: words become as small as they say; published weights become [`Weights::SimulatedPretrain`], so that the
//! small versions of all backbones off the shelf are one and the same; images are at most [`IMAGE`] px ([`WINDOW`] px where they
//! are windows); at most [`EPOCHS`] epochs ([`ADAPT_EPOCHS`] of an adaptation) of batches of at most [`BATCH`] ([`TEACHER_BATCH`]
//! with a teacher), with a ramp that is no longer than they are and a learning rate that is [`LR`] times as large ([`VIT_LR`] times
//! for a transformer, as declared with a teacher); at most [`SUBSET`] images of each set and split; one model where several are
//! taken as one. Everything else, weights of losses included, stays.
//! The result is a spec like any other, with an identity of its own.

use super::{Backbone, InStage, Needs, Spec, Stage, Weights};

/// Side of the square that the network sees, in pixels.
pub const IMAGE: usize = 64;
/// The same where it sees windows of an image, which have to fit into small ones.
pub const WINDOW: usize = 48;
/// Passes over the training images.
pub const EPOCHS: usize = 10;
/// Passes over the images that a model adapts to.
pub const ADAPT_EPOCHS: usize = 1;
/// Images in a step.
pub const BATCH: usize = 16;
/// The same for a network with a teacher, whose outputs are centred over a batch.
pub const TEACHER_BATCH: usize = 32;
/// By how much learning rates grow: a small network from a short training takes larger steps.
pub const LR: f64 = 2.5;
/// The same for a vision transformer, whose published rates are those of hours of training.
pub const VIT_LR: f64 = 5.0;
/// Images of each set and split that are read.
pub const SUBSET: usize = 1500;

/// The small version of an experiment. Pure; the small version of a small version is itself.
pub fn quick(spec: &Spec) -> Spec {
    let declared = spec;
    let mut spec = declared.clone();
    let backbone = &mut spec.model.backbone;
    if let Some(other) = backbone.stand_in() {
        *backbone = other;
    }
    backbone.quick(declared);
    // Small already: no declared spec reads a subset.
    let thinned = declared.train.subset.is_some_and(|subset| subset <= SUBSET);
    if thinned && *backbone == declared.model.backbone {
        return spec.canonical();
    }
    if spec.model.weights != Weights::Scratch {
        spec.model.weights = Weights::SimulatedPretrain;
    }
    spec.model.adapter.quick(declared);

    for (small, stage) in spec.stages_mut().zip(declared.stages()) {
        shrink(small, &InStage { spec: declared, stage });
    }
    if let Some(adapt) = &mut spec.adapt {
        adapt.stage.epochs = adapt.stage.epochs.min(ADAPT_EPOCHS);
        adapt.stage.schedule.warmup = 0;
    }
    if let Some(classifier) = &mut spec.classifier {
        classifier.backbone.quick(declared);
        if classifier.weights != Weights::Scratch {
            classifier.weights = Weights::SimulatedPretrain;
        }
    }
    let train = &mut spec.train;
    train.image = train.image.min(side(train.window));
    train.subset = Some(train.subset.map_or(SUBSET, |subset| subset.min(SUBSET)));
    spec.embedding.members = 1;
    spec.embedding.test_time.iter_mut().for_each(|way| way.quick(declared));
    spec.evaluate.iter_mut().for_each(|evaluate| evaluate.protocol.quick(declared));
    spec.canonical()
}

fn shrink(small: &mut Stage, at: &InStage<'_>) {
    small.objective.iter_mut().for_each(|term| term.loss.quick(at));
    small.strategy.quick(at);
    small.augment.iter_mut().for_each(|change| change.quick(at));
    small.epochs = small.epochs.min(EPOCHS);
    let teacher = Needs::of(&small.objective).teacher;
    small.optimiser.lr *= match at.spec.model.backbone {
        // Larger steps than these make a network forget what it knew before it has learned from views.
        _ if teacher => 1.0,
        Backbone::Vit(_) => VIT_LR,
        _ => LR,
    };
    // Ten epochs of three hundred are one of ten.
    let ramp = if teacher { small.epochs.div_ceil(10) } else { small.epochs };
    small.schedule.warmup = small.schedule.warmup.min(ramp);
    small.batch = small.batch.min(if teacher { TEACHER_BATCH } else { BATCH });
}

/// Most pixels of a side.
pub(crate) fn side(window: bool) -> usize {
    if window { WINDOW } else { IMAGE }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        dsl::{Backbone, WeightsFor},
        prelude::*,
        sample::{self, hyper_net},
        spec::{Adapter, id::SpecId},
    };

    #[test]
    fn the_small_version_is_a_good_spec_and_its_own_small_version() {
        for recipe in Recipe::ALL {
            let declared =
                [sample::spec(sample::plain(), recipe), sample::spec(hyper_net().frozen(), recipe)];
            for declared in declared {
                let small = quick(&declared);
                assert_eq!(small.check(), []);
                assert_eq!(quick(&small), small);
                assert_ne!(SpecId::of(&small), SpecId::of(&declared));
                assert_eq!(small.model.weights, Weights::SimulatedPretrain);
                for (small, declared) in small.train.stages.iter().zip(&declared.train.stages) {
                    assert_eq!(small.optimiser.lr, LR * declared.optimiser.lr);
                    assert_eq!(small.optimiser.betas, declared.optimiser.betas);
                    assert_eq!(small.objective, declared.objective);
                }
                assert_eq!(small.train.stages.len(), declared.train.stages.len());
                assert_eq!(small.evaluate, declared.evaluate);
            }
        }
    }

    #[test]
    fn what_is_small_already_stays() {
        let model = ConvNext::tiny().scratch().adapter(HyperNet { z: 8, hidden: 256 });
        let run = model.train_on(Chammi).loss(PROXY).evaluate(OneNn::cosine().on(Chammi));
        let run = run.image(32).epochs(2).batch(16).warmup(1);
        let small = quick(&sample::spec(run, Recipe::Fixed));
        let Adapter::HyperNet(word) = &small.model.adapter else { panic!("the adapter stays") };
        let stage = &small.train.stages[0];
        assert_eq!((word.z, small.train.image, stage.epochs, stage.batch), (8, 32, 2, 16));
        assert_eq!((stage.schedule.warmup, small.model.weights), (1, Weights::Scratch));
    }

    #[test]
    fn backbones_off_the_shelf_have_one_small_version() {
        fn small<B: Backbone, W: WeightsFor<B>>(backbone: B, weights: W) -> Spec {
            let model = backbone.pretrained(weights).adapter(ChannelReplication);
            let run = model.train_on(Chammi).frozen().evaluate(OneNn::cosine().on(Chammi));
            let declared = sample::spec(run, Recipe::Released);
            assert_eq!(declared.check(), []);
            quick(&declared)
        }
        let resnet = small(ResNet::r50(), ImageNet1k);
        let dino = small(DinoV2::small_reg(), Lvd142m);
        let convnext = small(ConvNext::tiny(), ImageNet22k);
        assert_eq!([&resnet, &dino], [&convnext; 2]);
        assert_eq!(resnet.check(), []);
    }
}
