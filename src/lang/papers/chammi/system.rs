//! Classifies a spec in the paper's terms: model, initial weights, training.

use crate::spec::{
    Adapter, Augment, Backbone, ConvNextSize, Loss, Spec, Stage, Strategy as Trained, Term, Weights,
};
use crate::{data::chammi, papers::recipes};
use serde::Serialize;
use serde_json::Value;

/// The models of the tables, and the learning rates of their released checkpoints.
const MODELS: [(&str, f64); 7] = [
    ("ChannelReplication", 0.0),
    ("FixedChannels", 1e-4),
    ("Depthwise", 4e-4),
    ("TargetParam", 2e-4),
    ("SliceParam", 1e-4),
    ("TemplateMixing", 1e-4),
    ("HyperNet", 4e-4),
];

/// CHAMMI's sets, and the paper's names for them.
pub const SETS: [(&str, &str); 3] = [("Allen", "WTC"), ("HPA", "HPA"), ("CP", "CP")];

/// A resolved spec in the paper's terms, at any scale and under any recipe.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct System {
    /// The tables' name.
    pub model: &'static str,
    /// Its initial weights.
    pub start: Start,
    /// How it is trained for unseen domains.
    pub strategy: Strategy,
    /// The share of self-supervision.
    pub loss: Share,
    /// Whether training images are warped by thin-plate splines.
    pub warped: bool,
}

/// The initial weights of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Published weights, nothing trained.
    OffTheShelf,
    /// Trained from random weights.
    Scratch,
    /// Trained from published weights.
    Pretrained,
}

/// The strategy for unseen domains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// Not at all.
    Erm,
    /// The paper's SWAD is averaging from a fixed epoch on.
    Swad,
    /// Mutual information with an oracle.
    Miro,
}

/// The share of self-supervision in the loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// None.
    Supervised,
    /// A fifth.
    Fifth,
    /// All of it.
    SelfSupervised,
}

impl System {
    /// `None` if the paper has nothing like it on all three sets.
    pub fn of(spec: &Spec) -> Option<Self> {
        match spec.train.data.sets.len() {
            0 | 3 => Self::on_any_sets(spec),
            _ => None,
        }
    }

    /// A system trained on two of the sets, and the index in [`SETS`] of the third.
    pub fn without_one(spec: &Spec) -> Option<(usize, Self)> {
        let sets = Some(&spec.train.data.sets).filter(|sets| sets.len() == 2)?;
        let held_out = SETS.iter().position(|(set, _)| sets.iter().all(|trained| trained != set))?;
        Some((held_out, Self::on_any_sets(spec)?))
    }

    fn on_any_sets(spec: &Spec) -> Option<Self> {
        // All rows of the tables are ConvNeXts.
        let Backbone::ConvNext(_) = spec.model.backbone else { return None };
        if spec.train.data.name != chammi::NAME || is_about_some_images(spec) || is_seen_otherwise(spec) {
            return None;
        }
        let (model, _) = released(&spec.model.adapter)?;
        let stage = match spec.train.stages.as_slice() {
            [] => None,
            [stage] => Some(stage),
            // The paper trains once.
            _ => return None,
        };
        if stage.is_some_and(|stage| !is_as_published(stage)) {
            return None;
        }
        let trained = stage.is_some();
        let start = match (&spec.model.weights, trained) {
            (Weights::Scratch, false) => return None,
            (_, false) => Start::OffTheShelf,
            (Weights::Scratch, true) => Start::Scratch,
            (_, true) => Start::Pretrained,
        };
        let strategy = match stage.map(|stage| &stage.strategy) {
            None | Some(Trained::Erm(_)) => Strategy::Erm,
            Some(Trained::DenseSwa(_)) => Strategy::Swad,
            Some(Trained::Miro(_)) => Strategy::Miro,
            // The paper uses no other strategy.
            Some(Trained::Swad(_)) => return None,
        };
        let loss = stage.map_or(Some(Share::Supervised), |stage| share(&stage.objective))?;
        let warped =
            stage.is_some_and(|stage| stage.augment.iter().any(|change| matches!(change, Augment::Tps(_))));
        Some(Self { model, start, strategy, loss, warped })
    }

    /// The model's index in the tables.
    pub fn place(&self) -> usize {
        MODELS.iter().position(|(model, _)| *model == self.model).unwrap_or(MODELS.len())
    }

    /// The model with this index.
    pub fn model_at(place: usize) -> &'static str {
        MODELS.get(place).map_or("", |(model, _)| model)
    }

    /// Trained with the labelled loss alone, without warps.
    pub fn is_plain(&self) -> bool {
        self.loss == Share::Supervised && !self.warped
    }
}

/// Whether it trains on some images of CHAMMI's sets, or asks for some only; the paper always takes all.
fn is_about_some_images(spec: &Spec) -> bool {
    let evaluated = spec.evaluate.iter().map(|evaluate| &evaluate.data);
    let mut data = evaluated.chain([&spec.train.data]).filter(|data| data.name == chammi::NAME);
    data.any(|data| !data.only.is_empty())
}

/// Whether images are normalised, or features are made, as in no row of the paper.
fn is_seen_otherwise(spec: &Spec) -> bool {
    !spec.train.normalise.is_empty() || spec.train.window || !spec.embedding.is_plain()
}

/// Whether the paper trains like that, whatever the values: on all of the images, augmented with the same words. Every
/// field is named, so that the compiler asks about one that comes later; switches that differ from the recipes are
/// `recipes::against`'s.
fn is_as_published(stage: &Stage) -> bool {
    let Stage {
        on,
        objective: _,
        strategy: _,
        augment,
        augment_stream: _,
        sampling: _,
        optimiser: _,
        schedule: _,
        epochs: _,
        batch: _,
    } = stage;
    let published = |change: &Augment| match change {
        Augment::Tps(_) | Augment::Crop(_) | Augment::Flip(_) => true,
        Augment::Rotate(_)
        | Augment::Flips(_)
        | Augment::Turn(_)
        | Augment::Brightness(_)
        | Augment::Intensity(_)
        | Augment::Microscope(_) => false,
    };
    on.is_none() && augment.iter().all(published)
}

/// The paper's name of an adapter, and its released rate.
fn released(adapter: &Adapter) -> Option<(&'static str, f64)> {
    MODELS.into_iter().find(|(model, _)| *model == adapter.word())
}

fn share(objective: &[Term]) -> Option<Share> {
    let (mut ssl, mut labels) = (0.0, 0.0);
    for term in objective {
        match term.loss {
            Loss::SimClr(_) => ssl += term.weight,
            Loss::CrossEntropy(_) | Loss::CeOnFeatures(_) | Loss::ProxyNca(_) => labels += term.weight,
            Loss::DinoV1(_) | Loss::Mae(_) | Loss::Dino(_) | Loss::Ibot(_) | Loss::KoLeo(_) => return None,
        }
    }
    let near = |a: f64, b: f64| (a - b).abs() < 1e-6;
    match (ssl, labels) {
        (ssl, labels) if near(ssl, 0.0) && near(labels, 1.0) => Some(Share::Supervised),
        (ssl, labels) if near(ssl, 0.2) && near(labels, 0.8) => Some(Share::Fifth),
        (ssl, labels) if near(ssl, 1.0) && near(labels, 0.0) => Some(Share::SelfSupervised),
        _ => None,
    }
}

/// Why the paper's numbers cannot have come from this spec: another network, other weights, another rate, or
/// neither of the two published recipes.
pub(super) fn against(spec: &Spec) -> Option<String> {
    let system = System::of(spec);
    let from =
        |paper: &str, found: String| Some(format!("the paper trains from `{paper}`, not from `{found}`"));
    let Backbone::ConvNext(network) = &spec.model.backbone else {
        return from("conv_next", kind(&spec.model.backbone));
    };
    if network.size != ConvNextSize::Tiny {
        return from("tiny", kind(&network.size));
    }
    let weights = match system.map(|system| system.start) {
        Some(Start::Scratch) => Weights::Scratch,
        _ => Weights::ImageNet22k,
    };
    if spec.model.weights != weights {
        return from(&kind(&weights), kind(&spec.model.weights));
    }
    if let (Some(_), Some((model, rate))) = (system, released(&spec.model.adapter)) {
        let found = spec.train.stages.iter().map(|stage| stage.optimiser.lr).find(|found| *found != rate);
        if let Some(found) = found {
            return Some(format!("the released {model} learns at {rate:e}, not at {found:e}"));
        }
    }
    recipes::against(spec)
}

/// The kind of a setting, as in its JSON.
fn kind(word: &impl Serialize) -> String {
    let json = serde_json::to_value(word).expect("specs are plain data");
    let kind = json.get("kind").unwrap_or(&json);
    kind.as_str().map_or_else(|| Value::to_string(kind), str::to_owned)
}
