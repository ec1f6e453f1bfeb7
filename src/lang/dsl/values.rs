//! Values of an experiment: set after `.train_on(…)`, in any order; the last call counts.

use super::{Augmentation, LearnsHere, Model, Normalisation, OneModelPerSet, Part, Run, Transformer};
use crate::{
    spec::{AugmentStream, PositionResize, Sampling, SetRate, VitFeatures, recipe::Recipe},
    word::plain,
};

macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident: $type:ty => $path:literal;)*) => {
        impl<M, D, O, E> Run<M, D, O, E> {$(
            $(#[$doc])*
            #[must_use]
            pub fn $name(mut self, $name: $type) -> Self {
                self.draft.say($path, plain(&$name));
                self
            }
        )*}
    };
}
settings! {
    /// Share of the training images of each class and set held out for model selection.
    hold_out: f64 => "train.hold_out";
    /// Whether the random draws of augmentation are fresh in each epoch.
    augment_stream: AugmentStream => "train.augment_stream";
    /// How the images of an epoch are drawn: rare classes as often as common ones, or every image once.
    sampling: Sampling => "train.sampling";
    /// Peak learning rate.
    lr: f64 => "train.optimiser.lr";
    /// Decoupled weight decay, on every parameter.
    weight_decay: f64 => "train.optimiser.weight_decay";
    /// Decay of AdamW's running mean and of its running square.
    betas: [f64; 2] => "train.optimiser.betas";
    /// Added to the root of AdamW's running square.
    eps: f64 => "train.optimiser.eps";
    /// Number of epochs of linear warmup from `warmup_lr`.
    warmup: usize => "train.schedule.warmup";
    /// Learning rate at the start of the warmup.
    warmup_lr: f64 => "train.schedule.warmup_lr";
    /// Final learning rate of the cosine.
    lr_min: f64 => "train.schedule.lr_min";
    /// Number of epochs.
    epochs: usize => "train.epochs";
    /// Images per step, over all sets.
    batch: usize => "train.batch";
}

impl<M, D, O, E> Run<M, D, O, E> {
    /// Augmentations of training images, applied in this order: `Crop + Flip + Tps(0.5)`. Default: `Crop +
    /// Flip`.
    #[must_use]
    pub fn augment(mut self, augmentation: impl Augmentation) -> Self {
        self.draft.say("train.augment", augmentation.changes());
        self
    }

    /// Side of the square window that the network sees at the image's own scale, in pixels, instead of `.image(…)`: nothing
    /// is ever resized. A multiple of 32.
    ///
    /// Trained on is a random window within the central square of twice that side, or within the whole image where it is
    /// smaller; evaluated is the window in the centre. Around an image that is smaller than the window is black.
    ///
    /// ```
    /// # extern crate dichroic_lang as dichroic;
    /// # use dichroic::prelude::*;
    /// # let model = Vit::small().scratch().adapter(HyperNet { z: 8, hidden: 8 });
    /// let _ = model.train_on(Chammi).loss(PROXY).window(224).augment(Flips + Intensity).normalise(EachView);
    /// ```
    #[must_use]
    pub fn window(mut self, side: usize) -> Self {
        self.draft.say("train.image", plain(&side));
        self.draft.say("train.window", true);
        self
    }

    /// Side of the network's square input, in pixels, to which images are resized; a multiple of 32.
    #[must_use]
    pub fn image(mut self, side: usize) -> Self {
        self.draft.say("train.image", plain(&side));
        self.draft.say("train.window", false);
        self
    }

    /// How pixels are normalised, where not by mean and standard deviation of each channel over `Train`: `Image`,
    /// `EachView`, or `Image.on(["Yeast"])`.
    #[must_use]
    pub fn normalise(mut self, normalisation: impl Normalisation) -> Self {
        self.draft.say("train.normalise", plain(&normalisation.rules()));
        self
    }

    /// The recipe of values that this file does not set. Default: [`Recipe::Fixed`].
    #[must_use]
    pub fn recipe(mut self, recipe: Recipe) -> Self {
        self.recipe = recipe;
        self
    }

    /// One run for each of these seeds. Default: 0.
    #[must_use]
    pub fn seeds(mut self, seeds: impl IntoIterator<Item = u64>) -> Self {
        self.seeds = seeds.into_iter().collect();
        self
    }

    /// Labels what varies, in the words of a table: `.label("condition", "TPS + 0.2 SSL")`.
    #[must_use]
    pub fn label(mut self, axis: &str, value: &str) -> Self {
        self.labels.retain(|(known, _)| known != axis);
        self.labels.push((axis.into(), value.into()));
        self
    }
}

impl<B, W, A, D, O, E> Run<Model<B, W, A>, D, O, E> {
    /// Probability of dropping the residual branch of the last block; it decreases linearly to the first.
    #[must_use]
    pub fn drop_path(mut self, drop_path: f64) -> Self
    where
        B: LearnsHere,
    {
        self.draft.say("model.backbone.drop_path", plain(&drop_path));
        self
    }

    /// What the features of a vision transformer are. Default: its class token.
    #[must_use]
    pub fn features(mut self, features: VitFeatures) -> Self
    where
        B: Transformer,
    {
        self.draft.say("model.backbone.features", plain(&features));
        self
    }

    /// How a vision transformer's positions are resized to images of other sides than its own.
    #[must_use]
    pub fn positions(mut self, positions: PositionResize) -> Self
    where
        B: Transformer,
    {
        self.draft.say("model.backbone.positions", plain(&positions));
        self
    }

    /// The peak learning rate of one set's model, for an adapter with one model per set.
    #[must_use]
    pub fn lr_on(mut self, set: impl Part, lr: f64) -> Self
    where
        A: OneModelPerSet,
    {
        let rates = set.data().sets.into_iter().map(|set| SetRate { set, lr });
        rates.for_each(|rate| self.draft.push("model.adapter.rates", plain(&rate)));
        self
    }
}
