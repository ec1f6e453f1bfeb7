//! CODA's directions with small networks that are trained for longer than `--scale quick` trains them, on simulated microscopes.
//!
//! cargo run --release -- data simulate jump --world 10 --sites 6 --out WORLD
//! cargo run --release -- exp coda_converged --data jump=WORLD --scale paper
//! cargo run --release -- report coda_converged
//!
//! From S3 to S8 and S11, two seeds; `--dry` says how long it takes. The network has seen simulated cells for longer, so that step 1
//! starts from something and leaves it; the classifier takes three times as many steps. ODA is also kept where the classifier
//! says each class as often as the source has it, and as released, with a head that learns.

use dichroic::{
    dsl::{Adapted, Answers, Classified, Evaluated, NoLoss, NotEvaluated, OfClassifier, With},
    prelude::*,
};

/// A small transformer on three stains.
type Small = Model<Vit<size::vit::Mini>, SimulatedLong, Planes<3>>;
/// It, trained towards `O`.
type Of<O, E = NotEvaluated> = Run<Small, OneSource, O, E>;

/// Supervised, dual models of views and of pairs, and both adapted.
#[experiment]
fn coda_converged() -> impl Experiments {
    [S8, S11].map(|target| {
        let released = oda(target).head(HeadWhileAdapting::Trained).centre(CentreStart::Restarted);
        (
            asked(supervised(), target).label("system", "Supervised"),
            asked(supervised().augment(Flips + Intensity + Microscope), target).label("system", "Microscope"),
            asked(dual(views()), target).label("system", "Dual-model-DINO"),
            asked(oda(target), target).label("system", "ODA"),
            asked(oda(target).keep(LabelFreeStop), target).label("system", "ODA, label-free stop"),
            asked(released, target).label("system", "ODA, head learns"),
            asked(dual(pairs()), target).label("system", "Dual-model-CB"),
            asked(coda(target), target).label("system", "CODA"),
        )
    })
}

/// How the network sees the images of S3, and how steps are taken.
fn seen() -> Of<NoLoss> {
    Vit::mini()
        .pretrained(SimulatedLong)
        .adapter(Planes(["dna", "er", "mito"]))
        .train_on(S3)
        .window(48)
        .normalise(EachView)
        .augment(Flips + Intensity)
        .recipe(Recipe::Fixed)
        .lr(5e-4)
        .lr_min(1e-6)
        .warmup_lr(1e-8)
        .warmup(1)
        .weight_decay(1e-5)
        .batch(32)
        .seeds([0, 1])
}

fn supervised() -> Of<CrossEntropy> {
    seen().loss(CrossEntropy).epochs(30)
}

/// Two windows of an image, and four small ones.
fn views() -> With<DinoV1> {
    DinoV1::ema(0.97).prototypes(512).hidden(256).bottleneck(64).locals(4).local_side(32)
}

/// The same of two images of a treatment, on two plates.
fn pairs() -> With<DinoV1> {
    views().across(Role::Plate)
}

fn dual(loss: With<DinoV1>) -> Of<Classified<With<DinoV1>>> {
    seen().loss(loss).drop_path(0.1).epochs(10).classify(Vit::mini()).epochs(30)
}

fn oda(target: OneSource) -> Of<Adapted<Classified<With<DinoV1>>>> {
    dual(views()).adapt(Oda::per(Source), target).epochs(2).warmup(0)
}

fn coda(target: OneSource) -> Of<Adapted<Classified<With<DinoV1>>>> {
    dual(pairs()).adapt(Coda::per(Source), target).epochs(2).warmup(0)
}

/// Asks about the target: as it is, and with each plate's features on the source's scale.
fn asked<O: Answers<OfClassifier>>(run: Of<O>, target: OneSource) -> Of<O, Evaluated> {
    run.evaluate(Accuracy.on(target)).evaluate(Accuracy.standardised(Role::Plate).on(target))
}
