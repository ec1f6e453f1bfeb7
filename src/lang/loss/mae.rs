//! Mae: a network that says what hidden patches look like.

use super::{Loss, LossWord};
use crate::{
    dsl::loss,
    needs::Needs,
    spec::{
        Backbone, InStage,
        bounds::{self, Bound},
        check::Found,
        recipe::{Recipe, Switch, switch},
    },
    word::{StageWord, With, word},
};
use serde::{Deserialize, Serialize};

word! {
    "train.objective", "mae", revision 1;
    /// A masked autoencoder (He et al. 2022): most patches of an image are hidden at random, a vision transformer sees the
    /// others, and a small decoder draws the hidden ones. Its features are those of the whole image.
    ///
    /// The error is the mean square over hidden patches. Where a stage does not say, AdamW's betas are 0.9 and 0.95, its decay
    /// is 0.05, on matrices only, and its rate 1e-4, after a ramp of 10 of 300 epochs.
    pub struct Mae {
        /// Share of the patches that are hidden. MAE: 0.75.
        mask: f64,
    }
    switches {
        /// Whether each patch is normalised by its own mean and standard deviation before it is compared.
        normalised: bool = true, "MAE's code: `norm_pix_loss` of its published models";
        /// The positions of the encoder: learned, as they start with the backbone, or a fixed table.
        positions: MaePositions = learned, "ours for DeiT's weights, whose positions are learned; MAE's code: fixed";
        /// Width of the decoder.
        decoder_width: usize = 512, "MAE's code";
        /// Blocks of the decoder.
        decoder_depth: usize = 8, "MAE's code";
        /// Heads of the decoder's attention.
        decoder_heads: usize = 16, "MAE's code";
    }
}
loss!(NoLabels: Mae, With<Mae>);

/// How steps are taken, where a sentence does not say. CODA's authors do not say how theirs was trained.
pub(super) const OF_STAGE: &[Switch] = &[
    switch!("train.optimiser.lr", 1e-4, "ours: as CODA trains DINO; MAE: 1.5e-4 for 256 images in a step"),
    switch!("train.optimiser.weight_decay", 0.05, "MAE's code"),
    switch!("train.optimiser.betas", [0.9, 0.95], "MAE's code"),
    switch!("train.schedule.warmup", 10, "ours: as CODA trains DINO; MAE: 40 of 800 epochs"),
    switch!("train.schedule.warmup_lr", 0.0, "MAE's code"),
    switch!("train.schedule.lr_min", 0.0, "MAE's code"),
    switch!("train.epochs", 300, "ours: as CODA trains DINO; MAE: 800"),
];

/// The decoder of the small version: width, blocks, heads.
const SMALL: [usize; 3] = [64, 2, 4];

impl Mae {
    /// Hides this share of the patches. MAE: 0.75.
    pub const fn mask(share: f64) -> Self {
        Self { mask: share }
    }
}

/// The positions of a masked autoencoder's encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaePositions {
    /// Trained with everything else.
    Learned,
    /// Sines and cosines of row and column, which stay as they are.
    Fixed,
}

impl Settings {
    /// How many of `patches` stay visible: MAE's code truncates.
    pub fn kept(&self, patches: usize) -> usize {
        (patches as f64 * (1.0 - self.mask)) as usize
    }
}

impl LossWord for Settings {
    fn needs(&self) -> Needs {
        Needs::IMAGES
    }

    fn in_mix(&self, _: Recipe) -> Loss {
        self.clone().into()
    }
}

impl StageWord for Settings {
    fn check(&self, at: &InStage<'_>, found: &mut Found) {
        let mask = self.mask;
        let message = || format!("expected a share of hidden patches between 0 and 1, found {mask}");
        found.unless(mask > 0.0 && mask < 1.0, "mae_mask", message, "MAE: 0.75");

        let message = || {
            format!(
                "`Mae` hides the patches of a vision transformer, and the backbone is {}",
                at.spec.model.backbone
            )
        };
        let vit = match &at.spec.model.backbone {
            Backbone::Vit(word) => Some(word),
            Backbone::ConvNext(_) | Backbone::ResNet(_) | Backbone::DinoV2(_) | Backbone::OffTheShelf(_) => {
                None
            }
        };
        found.unless(vit.is_some(), "mae_backbone", message, "take a `Vit`, such as `Vit::small()`");

        let adapter = &at.spec.model.adapter;
        let message = || {
            format!(
                "`Mae` draws all channels of a patch, and behind `{}` each set has its own",
                adapter.word()
            )
        };
        let hint = "say `Planes([\"dna\", \"er\", \"mito\"])`, or `FixedChannels` for a model of each set";
        found.unless(adapter.has_the_same_planes(), "mae_adapter", message, hint);

        let patches = vit.map_or(usize::MAX, |word| (at.spec.train.image / word.patch()).pow(2));
        let kept = self.kept(patches);
        let message =
            || format!("of {patches} patches, {kept} stay visible, and some must be hidden and some visible");
        found.unless(
            (1..patches).contains(&kept) || !(mask > 0.0 && mask < 1.0),
            "mae_kept",
            message,
            "MAE: 49 of 196",
        );

        let message = || "`Mae` sees a part of each image only, and another loss stands beside it".into();
        let hint = "train with it alone, in a stage of its own: `.loss(Mae::mask(0.75)).then(…)`";
        found.unless(at.stage.objective.len() == 1, "mae_alone", message, hint);
        let message = || {
            format!(
                "`{}` compares features with those of a second network, and `Mae` sees a part of each image only",
                at.stage.strategy.word()
            )
        };
        found.unless(
            at.stage.strategy.oracle().is_none(),
            "mae_oracle",
            message,
            "say `.strategy(Erm)`, or leave it out",
        );

        let Self { decoder_width: width, decoder_depth: depth, decoder_heads: heads, .. } = *self;
        let bounds: [(Bound, usize); 3] =
            [(bounds::DECODER_WIDTH, width), (bounds::DECODER_DEPTH, depth), (bounds::DECODER_HEADS, heads)];
        bounds.iter().for_each(|(bound, number)| found.within(bound, *number));
        let message = || format!("expected heads that divide the decoder's width of {width}, found {heads}");
        found.unless(
            heads == 0 || width.is_multiple_of(heads),
            "mae_heads",
            message,
            "MAE: 16 heads of 32 numbers each",
        );
    }

    fn quick(&mut self, _: &InStage<'_>) {
        let [width, depth, heads] = SMALL;
        if self.decoder_width > width {
            (self.decoder_width, self.decoder_heads) = (width, heads);
        }
        self.decoder_depth = self.decoder_depth.min(depth);
    }
}
