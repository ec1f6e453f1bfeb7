//! DinoV1: a network learns from a slowly following copy of itself.

mod across;
pub(super) mod rules;
mod schedules;
#[cfg(test)]
mod tests;

pub use across::{Across, OnMissing};
pub use schedules::{Clipping, Gain, Momentum, Ramp, Span};

use super::{Loss, LossWord};
use crate::{
    dsl::loss,
    needs::{Locals, Needs, Pairs},
    role::Role,
    spec::{
        InStage,
        check::Found,
        recipe::{Recipe, Switch, switch},
    },
    word::{StageWord, With, word},
};

word! {
    "train.objective", "dino_v1", revision 2;
    /// Self-distillation without labels (Caron et al. 2021), as CODA does it: a student sees all views of an image, and each
    /// view learns to say what the teacher says of another, large one; the teacher's weights follow the student's.
    /// `DinoV1::as_published_by_caron()` has the values of the first authors. Where a sentence does not say how steps are taken,
    /// CODA's values apply: a rate of 1e-4 after a ramp of 10 epochs, 300 epochs, a weight decay of 1e-5.
    pub struct DinoV1 {
        /// Share of its weights that the teacher keeps in a step. CODA and DINO: 0.996; for a few hundred steps 0.97.
        ema: f64,
    }
    switches {
        /// Prototypes, to which an image is compared.
        prototypes: usize = 4096, "CODA's code; DINO: 65,536";
        /// Width of the head's two hidden layers.
        hidden: usize = 2048, "code of CODA and DINO";
        /// Width of the vector that is compared with the prototypes.
        bottleneck: usize = 256, "code of CODA and DINO";
        /// The length of prototypes.
        gain: Gain = fixed, "code of CODA and DINO: norm_last_layer";
        /// Temperature of the student.
        student_temperature: f64 = 0.1, "code of CODA and DINO";
        /// Temperature of the teacher at first, and after `temperature_over`.
        teacher_temperature: [f64; 2] = ([0.04, 0.07], [0.04, 0.07], [0.04, 0.04]),
            "CODA's code; DINO: 0.04 throughout; Fixed: at 0.07 the teacher of a short training says nothing";
        /// How long the teacher's temperature rises.
        temperature_over: Span = ({"epochs": 30.0}, {"epochs": 30.0}, {"share": 0.1}), "CODA's code; Fixed: as a share of any training";
        /// Whether the share that the teacher keeps rises to 1.
        momentum: Momentum = (cosine, cosine, constant),
            "CODA's code; Fixed: a teacher that stops is behind the student where trainings are short";
        /// Share of the centre that is kept in a step.
        centre_momentum: f64 = 0.9, "code of CODA and DINO";
        /// How long the prototypes do not learn.
        last_layer_frozen: Span = ({"epochs": 1.0}, {"epochs": 1.0}, {"share": 0.02}),
            "code of CODA and DINO: the first epoch; Fixed: epochs can be a few steps long";
        /// By how much weight decay is larger in the end, along a cosine.
        decay_rise: f64 = 10.0, "CODA's code: 1e-5 to 1e-4; DINO: 0.04 to 0.4";
        /// How the learning rate rises to its peak; then it falls along a cosine, step by step.
        ramp: Ramp = (late, even, even), "CODA's code under PyTorch 2: one step late, so that its peak is higher";
        /// Small views of an image beside two large ones.
        locals: usize = 6, "CODA's code; DINO: 8";
        /// Side of a small view, in pixels, of the same magnification as a large one.
        local_side: usize = 96, "code of CODA and DINO, beside 224";
        /// Whether gradients are clipped; after that, those of frozen prototypes are dropped.
        clip: Clipping = {"global": 1.0}, "CODA's code; DINO: 3.0 for each tensor";
        /// What an image without a partner is paired with.
        on_missing: OnMissing = same_treatment, "CODA's code fails there";
    }
    by_hand {
        /// What the two images of a pair differ in; none: all views are of one image.
        across: Across = none, "CODA's paper: batches; its code: plates";
    }
}
loss!(NoLabels: DinoV1, With<DinoV1>);

/// How steps are taken, where a sentence does not say: CODA's values, in place of CHAMMI's.
pub(super) const OF_STAGE: &[Switch] = &[
    switch!("train.optimiser.lr", 1e-4, "CODA's code"),
    switch!("train.optimiser.weight_decay", 1e-5, "CODA's code; it rises by `decay_rise`"),
    switch!("train.schedule.warmup", 10, "CODA's code"),
    switch!("train.schedule.warmup_lr", 1e-8, "CODA's code"),
    switch!("train.schedule.lr_min", 1e-6, "CODA's code"),
    switch!("train.epochs", 300, "CODA's code"),
];

/// Of the small version.
const SMALL_PROTOTYPES: usize = 512;
const SMALL_HIDDEN: usize = 256;
const SMALL_BOTTLENECK: usize = 64;
const SMALL_LOCALS: usize = 4;
const SMALL_EMA: f64 = 0.97;

impl DinoV1 {
    /// With a teacher that keeps this share of its weights in a step. CODA: 0.996.
    pub const fn ema(share: f64) -> Self {
        Self { ema: share }
    }

    /// Pairs of images of one treatment that differ in this: half of the views are of the other image (CODA's cross-batch
    /// learning). Its code: `Role::Plate`; its paper: `Role::Batch`.
    pub fn across(self, role: Role) -> With<Self> {
        With::of(self).across(role)
    }

    /// As Caron et al. published it (`main_dino.py`), instead of as CODA does: 65,536 prototypes, eight small views, a
    /// constant temperature of the teacher, gradients clipped tensor by tensor. They also train at a rate of 5e-4 for 256
    /// images in a step, with a weight decay of 0.04, for 100 epochs, and with crops of 0.4 to 1 of an image.
    pub fn as_published_by_caron() -> With<Self> {
        let word = Self::ema(0.996).prototypes(65_536).locals(8).teacher_temperature([0.04, 0.04]);
        let word = word.clip(Clipping::PerTensor(3.0)).momentum(Momentum::CosineFromStart);
        word.ramp(Ramp::Inclusive).last_layer_frozen(Span::Epochs(1.0))
    }
}

impl With<DinoV1> {
    /// See [`DinoV1::across`].
    pub fn across(self, role: Role) -> Self {
        self.stating(|stated| stated.across = Some(Across(Some(role))))
    }
}

impl Settings {
    /// Large views of an image, of which the teacher sees all.
    pub const GLOBALS: usize = 2;
}

impl LossWord for Settings {
    fn needs(&self) -> Needs {
        let images = if self.across.0.is_some() { 2 } else { 1 };
        let locals = Locals { count: self.locals / images, side: self.local_side };
        Needs {
            labels: false,
            views: Self::GLOBALS / images,
            locals: Some(locals).filter(|locals| locals.count > 0),
            pairs: self.across.0.map(|across| Pairs { across, on_missing: self.on_missing }),
            teacher: true,
            classifier: false,
        }
    }

    fn in_mix(&self, _: Recipe) -> Loss {
        self.clone().into()
    }
}

impl StageWord for Settings {
    fn check(&self, at: &InStage<'_>, found: &mut Found) {
        rules::check(self, at, found);
    }

    fn quick(&mut self, at: &InStage<'_>) {
        self.ema = self.ema.min(SMALL_EMA);
        self.prototypes = self.prototypes.min(SMALL_PROTOTYPES);
        self.hidden = self.hidden.min(SMALL_HIDDEN);
        self.bottleneck = self.bottleneck.min(SMALL_BOTTLENECK);
        self.locals = self.locals.min(SMALL_LOCALS);
        self.local_side = self.local_side.min(rules::small_side(at.spec));
        // An epoch is a few steps long.
        self.temperature_over = self.temperature_over.as_share(0.1);
        self.last_layer_frozen = self.last_layer_frozen.as_share(0.02);
    }
}
