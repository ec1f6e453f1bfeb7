//! How a training goes about its steps: what a stage declares, in the terms of the loop.

use super::{Batches, Clip, Groups, Layers, Names, Rule};
use crate::{
    curve::Curve,
    spec::{Clipping, Loss, Ramp, Span, Stage, Term, settings},
};

/// The composition of a step, and its change over a training.
#[derive(Clone, Debug, PartialEq)]
pub struct Method {
    /// The composition of a batch.
    pub batches: Batches,
    /// The learning rate.
    pub rate: Curve,
    /// Decoupled weight decay.
    pub decay: Curve,
    /// Which parameters differ from the others.
    pub groups: Groups,
    /// Whether gradients are clipped.
    pub clip: Clip,
    /// Which parameters do not learn at the beginning, and how long.
    pub waiting: Option<Waiting>,
}

/// Parameters that do not learn at the beginning.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiting {
    /// Which.
    pub names: Names,
    /// How long.
    pub span: Span,
    /// Whether their running means begin at once.
    pub begins: bool,
}

impl Method {
    /// As a stage declares it, on images of that side, or on windows of them if `window`: timm's cosine and the same decay for everything, unless a loss has
    /// curves of its own.
    pub fn of(stage: &Stage, side: usize, window: bool) -> Self {
        // Every field is named, so that the compiler asks about one that comes later.
        let Stage {
            objective,
            optimiser,
            schedule,
            epochs,
            // Which images, and what is kept of the weights, is decided elsewhere.
            on: _,
            strategy: _,
            // `Batches::of` reads these.
            augment: _,
            augment_stream: _,
            sampling: _,
            batch: _,
        } = stage;
        let usual = Self {
            batches: Batches::of(stage, side, window),
            rate: Curve::EpochCosine { peak: optimiser.lr, schedule: schedule.clone(), epochs: *epochs },
            decay: Curve::Constant(optimiser.weight_decay),
            groups: Groups::default(),
            clip: Clip::Never,
            waiting: None,
        };
        let mut method = usual;
        for Term { loss, .. } in objective {
            method = match loss {
                Loss::DinoV1(word) => method.of_dino(word, stage),
                Loss::Dino(word) => method.of_dino_v2(word, stage),
                Loss::Mae(_) => method.of_mae(stage),
                Loss::CrossEntropy(_)
                | Loss::CeOnFeatures(_)
                | Loss::ProxyNca(_)
                | Loss::SimClr(_)
                | Loss::Ibot(_)
                | Loss::KoLeo(_) => method,
            };
        }
        method
    }

    /// Step by step: an even ramp and a cosine, decay that leaves out biases and vectors (He et al. 2022).
    fn of_mae(self, stage: &Stage) -> Self {
        let schedule = &stage.schedule;
        let (start, peak, end) = (schedule.warmup_lr, stage.optimiser.lr, schedule.lr_min);
        let rate = Curve::Ramped { ramp: Ramp::Even, start, peak, end, warmup: schedule.warmup };
        Self { rate, groups: sparing_vectors(), ..self }
    }

    /// Step by step: a ramp and a cosine, decay that rises and leaves out biases and vectors, prototypes that wait.
    fn of_dino(self, word: &settings::DinoV1, stage: &Stage) -> Self {
        let (schedule, decay) = (&stage.schedule, stage.optimiser.weight_decay);
        let (start, peak, end) = (schedule.warmup_lr, stage.optimiser.lr, schedule.lr_min);
        Self {
            rate: Curve::Ramped { ramp: word.ramp, start, peak, end, warmup: schedule.warmup },
            decay: Curve::Cosine { start: 0.0, peak: decay, end: decay * word.decay_rise, warmup: 0 },
            groups: sparing_vectors(),
            clip: clip(word.clip),
            waiting: Some(Waiting { names: last_layer(), span: word.last_layer_frozen, begins: false }),
            ..self
        }
    }

    /// The same with rates that fall from block to block, decay that leaves out biases, norms and layer scales but not tokens, and
    /// prototypes that stand still while their running means begin.
    fn of_dino_v2(self, word: &settings::Dino, stage: &Stage) -> Self {
        let (schedule, decay) = (&stage.schedule, stage.optimiser.weight_decay);
        let (start, peak, end) = (schedule.warmup_lr, stage.optimiser.lr, schedule.lr_min);
        let plain = |names| Rule { names, rate: 1.0, decays: false };
        let containing = |text: &str| plain(Names::Containing(text.into()));
        let spared = vec![plain(Names::Ending(".bias".into())), containing("norm"), containing("gamma")];
        let layers = Layers { decay: word.layer_decay, first: word.first_layer_rate };
        Self {
            rate: Curve::Ramped { ramp: word.ramp, start, peak, end, warmup: schedule.warmup },
            decay: Curve::Cosine { start: 0.0, peak: decay, end: decay * word.decay_rise, warmup: 0 },
            groups: Groups::new(spared).by_layer(layers),
            clip: clip(word.clip),
            waiting: Some(Waiting { names: last_layer(), span: word.last_layer_frozen, begins: true }),
            ..self
        }
    }

    /// The groups of a training of `total` steps, `epoch` of them in an epoch.
    pub fn groups(&self, epoch: u64, total: u64) -> Groups {
        match &self.waiting {
            Some(Waiting { names, span, begins }) => {
                let (groups, names, steps) = (self.groups.clone(), names.clone(), span.steps(epoch, total));
                if *begins { groups.keeping_still(names, steps) } else { groups.waiting(names, steps) }
            }
            None => self.groups.clone(),
        }
    }
}

/// The prototypes of all heads of a student.
fn last_layer() -> Names {
    Names::Containing("last_layer.".into())
}

fn clip(said: Clipping) -> Clip {
    match said {
        Clipping::Never => Clip::Never,
        Clipping::Global(norm) => Clip::Norm(norm),
        Clipping::PerTensor(norm) => Clip::EachTensor(norm),
        Clipping::PerNetwork(norm) => Clip::EachNetwork(norm),
    }
}

/// Biases and vectors without decay.
fn sparing_vectors() -> Groups {
    let plain = |names| Rule { names, rate: 1.0, decays: false };
    Groups::new(vec![plain(Names::Vectors), plain(Names::Ending(".bias".into()))])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{curve::Clock, prelude::*, sample, spec::recipe::Recipe};

    /// MAE's `lr_sched.py`: rate 1.5e-4, 40 of 800 epochs, at fractional epochs.
    #[test]
    fn the_rate_of_a_masked_autoencoder_is_that_of_its_code() {
        let model = Vit::small().scratch().adapter(Planes(["dna", "er", "mito"]));
        let run = model.train_on(Folder("cells")).loss(Mae::mask(0.75)).epochs(800);
        let run = run.warmup(40).lr(1.5e-4).warmup_lr(0.0).lr_min(0.0);
        let spec = sample::spec(run.evaluate(OneNn::cosine().on(Folder("cells"))), Recipe::Fixed);
        assert_eq!(spec.check(), []);
        let method = Method::of(&spec.train.stages[0], 224, false);
        let each = 100u32;
        let expected = [
            (0.0, 0.0),
            (0.25, 9.374_999_999_999_999e-7),
            (1.0, 3.749_999_999_999_999_7e-6),
            (39.5, 1.481_249_999_999_999_8e-4),
            (40.0, 1.5e-4),
            (40.1, 1.499_999_935_922_756e-4),
            (400.0, 8.119_345_091_042_493e-5),
            (799.0, 6.407_715_339_828_979e-10),
            (799.99, 6.407_724_351_120_691e-14),
        ];
        for (epoch, rate) in expected {
            let step = (epoch * f64::from(each)).round() as u64;
            let clock = Clock { step, steps_per_epoch: u64::from(each), total: 800 * u64::from(each) };
            let found = method.rate.at(&clock);
            assert!((found - rate).abs() < 1e-15, "{epoch}: {found} for {rate}");
        }
        assert_eq!(method.decay, Curve::Constant(0.05));
        assert_eq!(spec.train.stages[0].optimiser.betas, [0.9, 0.95]);
    }
}
