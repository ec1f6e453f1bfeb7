//! What an experiment file states, before a recipe fills in the rest.

mod adapter;
mod strategy;

pub use adapter::{
    StatedAdapter, StatedChannelReplication, StatedDepthwise, StatedFixedChannels, StatedHyperNet,
    StatedSliceParam, StatedTargetParam, StatedTemplateMixing,
};

pub use strategy::{StatedDenseSwa, StatedMiro, StatedStrategy};

use super::{
    Augment, AugmentStream, Backbone, ConvNextSize, CropFit, DataRef, DinoV2Size, Evaluate, Loss, Model,
    Optimiser, Positives, ResNetSize, SCHEMA, Sampling, Scale, ScaleRule, Schedule, SetRate, Spec, Term,
    Train, Warp, Weights, ZooModel, recipe::Recipe,
};

/// A spec with gaps: `None` is a switch that the file leaves to its recipe.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each field is the one of the same name in `Spec`")]
pub struct Draft {
    pub backbone: StatedBackbone,
    pub weights: Weights,
    pub adapter: StatedAdapter,
    pub drop_path: Option<f64>,
    pub data: DataRef,
    pub image: Option<usize>,
    pub hold_out: Option<f64>,
    /// Empty: the model is frozen.
    pub objective: Vec<(f64, StatedLoss)>,
    pub strategy: StatedStrategy,
    pub augment: Option<Vec<StatedAugment>>,
    pub augment_stream: Option<AugmentStream>,
    pub sampling: Option<Sampling>,
    pub lr: Option<f64>,
    /// Learning rates of single sets.
    pub rates: Vec<SetRate>,
    pub weight_decay: Option<f64>,
    pub betas: Option<[f64; 2]>,
    pub eps: Option<f64>,
    pub warmup: Option<usize>,
    pub warmup_lr: Option<f64>,
    pub lr_min: Option<f64>,
    pub epochs: Option<usize>,
    pub batch: Option<usize>,
    pub evaluate: Vec<Evaluate>,
}

/// A backbone as a file states it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "each variant is the one of the same name in `Backbone`")]
pub enum StatedBackbone {
    ConvNext(ConvNextSize),
    ResNet(ResNetSize),
    DinoV2(DinoV2Size),
    Zoo(ZooModel),
}

/// A loss as a file states it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "each variant and field is the one of the same name in `Loss`")]
pub enum StatedLoss {
    CrossEntropy,
    ProxyNca { temperature: f64, scale: StatedScale, train_proxies: Option<bool> },
    SimClr { temperature: f64, positives: Option<Positives> },
}

/// The scale of ProxyNCA++ as a file states it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "each variant and field is the one of the same name in `Scale`")]
pub enum StatedScale {
    Fixed,
    Learned { rule: Option<ScaleRule>, trained: Option<bool> },
}

impl StatedScale {
    fn resolve(self, recipe: Recipe) -> Scale {
        match self {
            Self::Fixed => Scale::Fixed,
            Self::Learned { rule, trained } => Scale::Learned {
                rule: recipe.fill(rule, "train.objective.proxy_nca.scale.learned.rule"),
                trained: recipe.fill(trained, "train.objective.proxy_nca.scale.learned.trained"),
            },
        }
    }
}

impl StatedLoss {
    /// ProxyNCA++ with nothing but its temperature stated.
    pub const fn proxy_nca(temperature: f64) -> Self {
        Self::ProxyNca { temperature, scale: StatedScale::Fixed, train_proxies: None }
    }

    /// SimCLR with nothing but its temperature stated.
    pub const fn sim_clr(temperature: f64) -> Self {
        Self::SimClr { temperature, positives: None }
    }
}

/// A change to training images as a file states it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "each variant and field is the one of the same name in `Augment`")]
pub enum StatedAugment {
    Crop { scale: Option<[f64; 2]>, ratio: Option<[f64; 2]>, fit: Option<CropFit> },
    Flip { p: Option<f64> },
    Tps { p: Option<f64>, warp: Option<Warp> },
    Turn,
    Brightness { sd: f64 },
}

impl StatedAugment {
    /// A crop with nothing stated.
    pub const fn crop() -> Self {
        Self::Crop { scale: None, ratio: None, fit: None }
    }

    /// A flip with nothing stated.
    pub const fn flip() -> Self {
        Self::Flip { p: None }
    }

    /// A thin-plate spline with nothing stated.
    pub const fn tps() -> Self {
        Self::Tps { p: None, warp: None }
    }
}

impl Draft {
    /// A model, and nothing else stated.
    pub fn new(backbone: StatedBackbone, weights: Weights, adapter: StatedAdapter) -> Self {
        Self {
            backbone,
            weights,
            adapter,
            drop_path: None,
            data: DataRef { name: String::new(), sets: vec![] },
            image: None,
            hold_out: None,
            objective: vec![],
            strategy: StatedStrategy::Erm,
            augment: None,
            augment_stream: None,
            sampling: None,
            lr: None,
            rates: vec![],
            weight_decay: None,
            betas: None,
            eps: None,
            warmup: None,
            warmup_lr: None,
            lr_min: None,
            epochs: None,
            batch: None,
            evaluate: vec![],
        }
    }

    /// Fills every gap from `recipe`; the result is canonical.
    pub fn resolve(&self, recipe: Recipe) -> Spec {
        let train = Train {
            data: self.data.clone(),
            image: recipe.fill(self.image, "train.image"),
            hold_out: self.hold_out(recipe),
            subset: recipe.value("train.subset"),
            objective: self.objective(recipe),
            strategy: self.strategy.resolve(recipe),
            augment: self.augment(recipe),
            augment_stream: recipe.fill(self.augment_stream, "train.augment_stream"),
            sampling: recipe.fill(self.sampling, "train.sampling"),
            optimiser: Optimiser {
                lr: recipe.fill(self.lr, "train.optimiser.lr"),
                weight_decay: recipe.fill(self.weight_decay, "train.optimiser.weight_decay"),
                betas: recipe.fill(self.betas, "train.optimiser.betas"),
                eps: recipe.fill(self.eps, "train.optimiser.eps"),
            },
            schedule: Schedule {
                warmup: recipe.fill(self.warmup, "train.schedule.warmup"),
                warmup_lr: recipe.fill(self.warmup_lr, "train.schedule.warmup_lr"),
                lr_min: recipe.fill(self.lr_min, "train.schedule.lr_min"),
            },
            epochs: recipe.fill(self.epochs, "train.epochs"),
            batch: recipe.fill(self.batch, "train.batch"),
            precision: recipe.value("train.precision"),
        };
        Spec { schema: SCHEMA, model: self.model(recipe), train, evaluate: self.evaluate.clone() }.canonical()
    }

    /// SWAD looks at a held-out loss, and so holds out a fifth, as its authors do.
    fn hold_out(&self, recipe: Recipe) -> f64 {
        let unsaid = match self.strategy {
            StatedStrategy::Swad(_) => Some(strategy::SWAD_HOLD_OUT),
            StatedStrategy::Erm | StatedStrategy::DenseSwa(_) | StatedStrategy::Miro(_) => None,
        };
        recipe.fill(self.hold_out.or(unsaid), "train.hold_out")
    }

    fn model(&self, recipe: Recipe) -> Model {
        let backbone = match self.backbone {
            StatedBackbone::ConvNext(size) => {
                let drop_path = recipe.fill(self.drop_path, "model.backbone.drop_path");
                Backbone::ConvNext { size, drop_path }
            }
            StatedBackbone::ResNet(size) => Backbone::ResNet { size },
            StatedBackbone::DinoV2(size) => Backbone::DinoV2 { size },
            StatedBackbone::Zoo(model) => Backbone::Zoo { model },
        };
        Model { backbone, weights: self.weights.clone(), adapter: self.adapter.resolve(recipe, &self.rates) }
    }

    /// The released code has no ProxyNCA++ beside SimCLR, so under that recipe the mix says another word.
    fn objective(&self, recipe: Recipe) -> Vec<Term> {
        let beside: String = recipe.value("train.objective.supervised.kind");
        let mixed = self.objective.iter().any(|(_, loss)| matches!(loss, StatedLoss::SimClr { .. }));
        let resolve = |&(weight, loss): &(f64, StatedLoss)| {
            let loss = match loss {
                StatedLoss::CrossEntropy => Loss::CrossEntropy,
                StatedLoss::ProxyNca { .. } if mixed && beside == "ce_on_features" => Loss::CeOnFeatures,
                StatedLoss::ProxyNca { temperature, scale, train_proxies } => Loss::ProxyNca {
                    temperature,
                    scale: scale.resolve(recipe),
                    train_proxies: recipe.fill(train_proxies, "train.objective.proxy_nca.train_proxies"),
                },
                StatedLoss::SimClr { temperature, positives } => Loss::SimClr {
                    temperature,
                    positives: recipe.fill(positives, "train.objective.sim_clr.positives"),
                },
            };
            Term { weight, loss }
        };
        self.objective.iter().map(resolve).collect()
    }

    /// CHAMMI's plain augmentation where nothing is stated.
    fn augment(&self, recipe: Recipe) -> Vec<Augment> {
        let plain = vec![StatedAugment::crop(), StatedAugment::flip()];
        let resolve = |change: &StatedAugment| match *change {
            StatedAugment::Crop { scale, ratio, fit } => Augment::Crop {
                scale: recipe.fill(scale, "train.augment.crop.scale"),
                ratio: recipe.fill(ratio, "train.augment.crop.ratio"),
                fit: recipe.fill(fit, "train.augment.crop.fit"),
            },
            StatedAugment::Flip { p } => Augment::Flip { p: recipe.fill(p, "train.augment.flip.p") },
            StatedAugment::Tps { p, warp } => Augment::Tps {
                p: recipe.fill(p, "train.augment.tps.p"),
                warp: recipe.fill(warp, "train.augment.tps.warp"),
            },
            StatedAugment::Turn => Augment::Turn,
            StatedAugment::Brightness { sd } => Augment::Brightness { sd },
        };
        self.augment.as_ref().unwrap_or(&plain).iter().map(resolve).collect()
    }
}

/// The plain run of HyperNet on CHAMMI, for tests.
#[cfg(test)]
pub(crate) fn sample() -> Draft {
    use super::{Metric, Protocol};
    let data = DataRef::chammi(&DataRef::CHAMMI_SETS);
    let adapter = StatedHyperNet::new(128, 256).into();
    Draft {
        objective: vec![(1.0, StatedLoss::proxy_nca(0.07))],
        evaluate: vec![Evaluate { protocol: Protocol::OneNn { metric: Metric::Cosine }, data: data.clone() }],
        data,
        ..Draft::new(StatedBackbone::ConvNext(ConvNextSize::Tiny), Weights::ImageNet22k, adapter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mix() -> Draft {
        let objective = vec![(0.2, StatedLoss::sim_clr(0.07)), (0.8, StatedLoss::proxy_nca(0.07))];
        Draft { objective, ..sample() }
    }

    #[test]
    fn the_released_mix_is_cross_entropy_on_features_beside_mispaired_views() {
        let pairs = |positives| Loss::SimClr { temperature: 0.07, positives };
        let proxies =
            |train_proxies| Loss::ProxyNca { temperature: 0.07, scale: Scale::Fixed, train_proxies };
        let losses = |draft: Draft, recipe| -> Vec<Loss> {
            draft.resolve(recipe).train.objective.into_iter().map(|term| term.loss).collect()
        };
        assert_eq!(losses(mix(), Recipe::Released), [Loss::CeOnFeatures, pairs(Positives::RowPlusN)]);
        assert_eq!(losses(mix(), Recipe::Paper), [proxies(true), pairs(Positives::SameImage)]);
        assert_eq!(losses(mix(), Recipe::Fixed), [proxies(true), pairs(Positives::SameImage)]);
        assert_eq!(losses(sample(), Recipe::Released), [proxies(false)]);
    }

    #[test]
    fn a_stated_switch_wins_over_the_recipe() {
        let stated = StatedLoss::SimClr { temperature: 0.1, positives: Some(Positives::SameImage) };
        let draft = Draft { objective: vec![(1.0, stated)], ..sample() };
        let spec = draft.resolve(Recipe::Released);
        let want = Loss::SimClr { temperature: 0.1, positives: Positives::SameImage };
        assert_eq!(spec.train.objective[0].loss, want);
    }

    #[test]
    fn the_three_recipes_have_three_identities_and_the_name_has_none() {
        use crate::spec::id::SpecId;
        let ids = Recipe::ALL.map(|recipe| SpecId::of(&mix().resolve(recipe)));
        assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
        let same = Draft { weight_decay: Some(5e-4), lr_min: Some(1e-7), ..mix() }.resolve(Recipe::Fixed);
        assert_eq!(SpecId::of(&same), ids[1]);
    }
}
