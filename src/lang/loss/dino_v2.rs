//! Dino::v2(): self-distillation as DINOv2 does it, without its other two terms (`ibot`, `koleo`).

use super::{
    Loss, LossWord,
    dino_v1::{self, Clipping, Gain, Momentum, Ramp, Span},
};
use crate::{
    dsl::loss,
    needs::{Locals, Needs},
    spec::{
        InStage,
        check::Found,
        recipe::{Recipe, Switch, switch},
    },
    word::{StageWord, With, word},
};
use serde::{Deserialize, Serialize};

word! {
    "train.objective", "dino_v2", revision 1;
    /// Self-distillation without labels as in DINOv2 (Oquab et al. 2024), with the values of DINO BoC (De Lorenci et al. 2025):
    /// written `Dino::v2()`, beside `Ibot` and `0.1 * KoLeo`. A student sees all views of an image, and each view learns to say
    /// what the teacher says of another, large one; the teacher's weights follow the student's. Rates fall from block to block towards
    /// the image. Where a sentence does not say how steps are taken, the values of DINO BoC apply: a rate of 5e-4 for 1,024
    /// samples in a step (DINOv2 takes the root of the batch as its rule), a ramp of 20 of 400 epochs, a weight decay of 0.04
    /// that rises.
    pub struct Dino;
    switches {
        /// Share of its weights that the teacher keeps in a step.
        ema: f64 = 0.996, "configurations of Cell-DINO; the paper; DINOv2: 0.992";
        /// Whether that share rises to 1.
        momentum: Momentum = (cosine_from_start, cosine_from_start, constant),
            "DINOv2's code; Fixed: a teacher that stops is behind the student where trainings are short";
        /// Prototypes, to which an image is compared.
        prototypes: usize = 65536, "DINOv2's code";
        /// Width of the head's two hidden layers.
        hidden: usize = 2048, "DINOv2's code";
        /// Width of the vector that is compared with the prototypes.
        bottleneck: usize = 256, "DINOv2's code";
        /// The length of prototypes.
        gain: Gain = free, "DINOv2's code";
        /// How the teacher's answers are kept from becoming all the same.
        centering: Centering = centre, "DINOv2's code: `softmax_centering`; or `sinkhorn_knopp`";
        /// Share of the centre that is kept in a step.
        centre_momentum: f64 = 0.9, "DINOv2's code";
        /// Temperature of the student.
        student_temperature: f64 = 0.1, "DINOv2's code";
        /// Temperature of the teacher at first, and after `temperature_over`.
        teacher_temperature: [f64; 2] = ([0.04, 0.07], [0.04, 0.07], [0.04, 0.04]),
            "DINOv2's code; Fixed: at 0.07 the teacher of a short training says nothing";
        /// How long the teacher's temperature rises, step by step.
        temperature_over: Span = ({"epochs": 20.0}, {"epochs": 20.0}, {"share": 0.05}),
            "configurations of Cell-DINO; DINOv2: 30; Fixed: as a share of any training";
        /// How long the prototypes do not learn.
        last_layer_frozen: Span = ({"epochs": 1.0}, {"epochs": 1.0}, {"share": 0.02}),
            "DINOv2's code: the first epoch; Fixed: epochs can be a few steps long";
        /// By how much weight decay is larger in the end, along a cosine.
        decay_rise: f64 = (5.0, 10.0, 5.0), "configurations of Cell-DINO: 0.04 to 0.2; the paper: DINOv2's, to 0.4";
        /// How the learning rate rises to its peak; then it falls along a cosine, step by step.
        ramp: Ramp = inclusive, "DINOv2's code";
        /// By how much the rate of a block is smaller than that of the next.
        layer_decay: f64 = 0.9, "DINOv2's code";
        /// The factor of the first layer's rate beside that.
        first_layer_rate: f64 = 0.2, "DINOv2's code: `patch_embed_lr_mult`";
        /// Small views of an image beside two large ones.
        locals: usize = 8, "DINOv2's code";
        /// Side of a small view, in pixels, of the same magnification as a large one.
        local_side: usize = 96, "DINOv2's code, beside 224";
        /// Whether gradients are clipped.
        clip: Clipping = {"per_network": 3.0}, "DINOv2's code";
    }
}
loss!(NoLabels: Dino, With<Dino>);

/// How the teacher's answers are kept from becoming all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Centering {
    /// A running mean of its logits is subtracted.
    Centre,
    /// Three rounds of Sinkhorn-Knopp over the batch: each prototype is meant as often as the others.
    SinkhornKnopp,
}

/// How steps are taken, where a sentence does not say.
pub(super) const OF_STAGE: &[Switch] = &[
    switch!(
        "train.optimiser.lr",
        5e-4,
        "configurations of Cell-DINO, for 1,024 samples in a step; DINOv2: 4e-3"
    ),
    switch!("train.optimiser.weight_decay", 0.04, "DINOv2's code; it rises by `decay_rise`"),
    switch!("train.schedule.warmup", 20, "configurations of Cell-DINO"),
    switch!("train.schedule.warmup_lr", 0.0, "DINOv2's code"),
    switch!("train.schedule.lr_min", 1e-6, "DINOv2's code"),
    switch!("train.epochs", 400, "configurations of Cell-DINO"),
    switch!("train.batch", 1024, "the paper"),
];

/// Of the small version.
pub(super) const SMALL_PROTOTYPES: usize = 512;
const SMALL_HIDDEN: usize = 256;
const SMALL_BOTTLENECK: usize = 64;
const SMALL_LOCALS: usize = 4;
const SMALL_EMA: f64 = 0.97;

impl Dino {
    /// The second version's, of 2023.
    pub const fn v2() -> Self {
        Self
    }
}

impl Settings {
    /// Large views of an image, of which the teacher sees all.
    pub const GLOBALS: usize = 2;
}

impl LossWord for Settings {
    fn needs(&self) -> Needs {
        let locals = Locals { count: self.locals, side: self.local_side };
        Needs {
            views: Self::GLOBALS,
            locals: Some(locals).filter(|locals| locals.count > 0),
            teacher: true,
            ..Needs::IMAGES
        }
    }

    fn in_mix(&self, _: Recipe) -> Loss {
        self.clone().into()
    }
}

impl StageWord for Settings {
    fn check(&self, at: &InStage<'_>, found: &mut Found) {
        let Self { prototypes, hidden, bottleneck, locals, local_side, .. } = *self;
        dino_v1::rules::of_teacher(
            &dino_v1::rules::Teacher {
                word: "dino_v2",
                ema: self.ema,
                centre_momentum: self.centre_momentum,
                temperatures: [
                    self.teacher_temperature[0],
                    self.teacher_temperature[1],
                    self.student_temperature,
                ],
                sizes: [prototypes, hidden, bottleneck],
                spans: [self.temperature_over, self.last_layer_frozen],
                decay_rise: self.decay_rise,
                clip: self.clip,
                locals,
                local_side,
            },
            at,
            found,
        );
        for (what, factor) in [("layers", self.layer_decay), ("the first layer", self.first_layer_rate)] {
            let message =
                || format!("expected a factor for the rate of {what} above 0 and at most 1, found {factor}");
            let hint = "DINOv2: 0.9 from block to block, 0.2 for the first layer";
            found.unless(factor > 0.0 && factor <= 1.0, "dino_layer_rate", message, hint);
        }
    }

    fn quick(&mut self, at: &InStage<'_>) {
        self.ema = self.ema.min(SMALL_EMA);
        self.prototypes = self.prototypes.min(SMALL_PROTOTYPES);
        self.hidden = self.hidden.min(SMALL_HIDDEN);
        self.bottleneck = self.bottleneck.min(SMALL_BOTTLENECK);
        self.locals = self.locals.min(SMALL_LOCALS);
        self.local_side = self.local_side.min(dino_v1::rules::small_side(at.spec));
        self.temperature_over = self.temperature_over.as_share(0.05);
        self.last_layer_frozen = self.last_layer_frozen.as_share(0.02);
    }
}
