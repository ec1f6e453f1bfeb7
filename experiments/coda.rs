//! The systems of CODA (Haslum et al., WACV 2024) for the other `coda_*` files: DeiT-S from ImageNet on three of the five
//! stains of JUMP TARGET2, in windows of 224 px at the images' own scale.
//!
//! Stated here is what the paper or its released configurations state; a recipe fills in the rest.

use dichroic::{
    dsl::{
        Adapted, Answers, ChangedByEach, Classified, Evaluated, HasStage, NoLoss, NotEvaluated, OfClassifier,
        Trains, With, WithoutLabels,
    },
    prelude::*,
};

/// DeiT-S on three stains.
pub type Deit = Model<Vit<size::vit::Small>, ImageNet1k, Planes<3>>;
/// A model of one source, trained towards `O`.
pub type Of<O, E = NotEvaluated> = Run<Deit, OneSource, O, E>;

/// Every source.
pub const SOURCES: [OneSource; 6] = [S3, S5, S8, S11, S7, S10];

/// How a network sees the images of a source, and how steps are taken.
pub fn seen(source: OneSource) -> Of<NoLoss> {
    Vit::small()
        .pretrained(ImageNet1k)
        .adapter(Planes(["dna", "er", "mito"])) // channels 0, 1 and 4; which stains they are is not published
        .train_on(source)
        .window(224)
        .normalise(EachView)
        .augment(Flips + Intensity)
        .lr(1e-4)
        .lr_min(1e-6)
        .warmup_lr(1e-8)
        .weight_decay(1e-5)
        .batch(128)
        .label("source", source.name())
}

/// One network, labels only.
pub fn supervised(source: OneSource) -> Of<CrossEntropy> {
    seen(source).loss(CrossEntropy).epochs(50).warmup(3)
}

/// Steps 1 and 2: a network that learns without labels, frozen, and a classifier on its tokens.
pub fn dual<L>(source: OneSource, loss: L) -> Of<Classified<L>>
where
    L: Trains<Vit<size::vit::Small>, Planes<3>> + HasStage + WithoutLabels,
{
    seen(source).loss(loss).drop_path(0.1).epochs(300).warmup(10).classify(Vit::small()).epochs(50).warmup(3)
}

/// Self-distillation on views of one image.
pub fn views() -> DinoV1 {
    DinoV1::ema(0.996)
}

/// Self-distillation on images of one treatment on two plates, as the code has it.
pub fn pairs() -> With<DinoV1> {
    views().across(Role::Plate)
}

/// A masked autoencoder. How the paper's is made is not published; this one is MAE's.
pub fn masks() -> Mae {
    Mae::mask(0.75)
}

/// ODA: steps 1 to 3, each image by itself.
pub fn oda(source: OneSource, target: OneSource) -> Of<Adapted<Classified<DinoV1>>> {
    dual(source, views()).adapt(Oda::per(Source), target).epochs(300).warmup(10)
}

/// CODA: steps 1 to 3 with pairs.
pub fn coda(source: OneSource, target: OneSource) -> Of<Adapted<Classified<With<DinoV1>>>> {
    dual(source, pairs()).adapt(Coda::per(Source), target).epochs(300).warmup(10)
}

/// ODA with a masked autoencoder in the place of DINO.
pub fn oda_mae(source: OneSource, target: OneSource) -> Of<Adapted<Classified<Mae>>> {
    dual(source, masks()).adapt(Oda::per(Source), target).epochs(300).warmup(10)
}

/// TTT: steps 1 and 2 of a masked autoencoder, which is then trained on each image by itself.
pub fn ttt(source: OneSource) -> Of<ChangedByEach<Classified<Mae>>> {
    dual(source, masks()).at_test_time(Ttt)
}

/// Asks for the label of every image of a target, as the paper does, and as a user would who has no time to adapt: with each
/// plate's features on the source's scale, and with one vote for all images of a well.
pub fn asked<O: Answers<OfClassifier>, E>(run: Of<O, E>, target: OneSource) -> Of<O, Evaluated> {
    run.evaluate(Accuracy.on(target))
        .evaluate(Accuracy.standardised(Role::Plate).on(target))
        .evaluate(Accuracy.pooled(Role::Well).on(target))
}

/// Asks about the plate of its own source that it was not trained on.
pub fn on_own_plate<O: Answers<OfClassifier>>(
    system: impl Fn(OneSource) -> Of<O>,
    source: OneSource,
) -> Of<O, Evaluated> {
    system(source).evaluate(Accuracy.on(source.selection_plate()))
}

/// What the authors' code does, and the repaired version.
pub const RECIPES: [Recipe; 2] = [Recipe::Released, Recipe::Fixed];
/// How many repetitions are behind the published deviations is not known.
pub const SEEDS: [u64; 3] = [0, 1, 2];
