//! Vit: the vision transformer that is trained here.

use super::{Backbone, BackboneWord};
use crate::{
    dsl::{LearnsHere, Size, Transformer, sizes},
    spec::{Spec, Weights, check::Found},
    word::{Word, word},
};
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;

word! {
    "model.backbone", "vit", revision 1;
    /// The vision transformer (Dosovitskiy et al. 2021), with timm's names and sizes.
    settings of Vit {
        /// Width, depth and patch.
        size: VitSize,
    }
    elsewhere {
        /// Probability of dropping each of the two residual branches of the last block; it decreases linearly to the
        /// first. CODA: 0.1 for the student of DINO, else 0.
        drop_path: f64 = 0.0, "CODA's code: drop path 0 where labels are learned";
        /// What its features are.
        features: VitFeatures = class_token, "CODA's code: token 0 after the last normalisation; DeiT, DINO, timm's default";
        /// How positions are resized to images of other sides than that of its own grid.
        positions: PositionResize = (bicubic, bicubic, antialiased),
            "CODA's code: bicubic, scale factor sqrt(n / N), as DeiT; Fixed: timm, where no position is skipped";
    }
}

/// The vision transformer (Dosovitskiy et al. 2021): `Vit::small()` is the one of CODA (DeiT-S).
///
/// A first layer of any adapter takes the place of its patch embedding.
#[derive(Clone, Copy, Debug)]
pub struct Vit<S>(PhantomData<S>);

sizes! {
    Vit: VitSize {
        mini: Mini, "Width 128, four blocks, patches of 8 px, 0.8 million parameters. Ours: for small data and laptops.";
        tiny: Tiny, "Width 192, twelve blocks, patches of 16 px, 5.5 million parameters.";
        small: Small, "Width 384, twelve blocks, patches of 16 px, 22 million parameters.";
        base: Base, "Width 768, twelve blocks, patches of 16 px, 86 million parameters.";
        large: Large, "Width 1024, 24 blocks, patches of 16 px, 303 million parameters.";
    }
}

impl<S: Size> LearnsHere for Vit<S> {}
impl<S: Size> Transformer for Vit<S> {}

/// Width, depth and patch of a vision transformer. A head has 64 numbers, the hidden layer four times the width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VitSize {
    /// Width 128, four blocks, patches of 8 px, a grid for 64 px. Ours: for small data and laptops, and what
    /// `--scale quick` trains.
    Mini,
    /// Width 192, twelve blocks, patches of 16 px, a grid for 224 px.
    Tiny,
    /// Width 384, twelve blocks, patches of 16 px, a grid for 224 px. The one of CODA.
    Small,
    /// Width 768, twelve blocks, patches of 16 px, a grid for 224 px.
    Base,
    /// Width 1024, 24 blocks, patches of 16 px, a grid for 224 px.
    Large,
}

impl VitSize {
    /// Length of a token.
    pub fn width(self) -> usize {
        match self {
            Self::Mini => 128,
            Self::Tiny => 192,
            Self::Small => 384,
            Self::Base => 768,
            Self::Large => 1024,
        }
    }

    /// Blocks.
    pub fn depth(self) -> usize {
        match self {
            Self::Mini => 4,
            Self::Tiny | Self::Small | Self::Base => 12,
            Self::Large => 24,
        }
    }

    /// Side of a patch, in pixels.
    pub fn patch(self) -> usize {
        match self {
            Self::Mini => 8,
            Self::Tiny | Self::Small | Self::Base | Self::Large => 16,
        }
    }

    /// Side of the image whose patches have positions of their own.
    pub fn side(self) -> usize {
        match self {
            Self::Mini => 64,
            Self::Tiny | Self::Small | Self::Base | Self::Large => 224,
        }
    }
}

/// What the features of a vision transformer are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VitFeatures {
    /// The class token after the last normalisation: DeiT, DINO, CODA, timm's `global_pool="token"`.
    ClassToken,
    /// The mean over the patches' tokens after the last normalisation, without class token and registers: the second half of
    /// what DINOv2's linear probes read.
    MeanOfPatches,
}

/// How learned positions are resized to other grids of patches. All are PyTorch's bicubic interpolation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PositionResize {
    /// Antialiased, which widens the kernel where the grid shrinks: timm, and DINOv2's models with registers.
    Antialiased,
    /// Not antialiased: DeiT and CODA.
    Bicubic,
    /// Not antialiased, and 0.1 is added to the number of patches along each side: DINO, and DINOv2 without registers.
    Offset,
}

impl BackboneWord for Settings {
    fn title(&self) -> String {
        format!("ViT-{:?}/{}", self.size, self.size.patch())
    }

    fn is_off_the_shelf(&self) -> bool {
        false
    }

    fn published(&self) -> Weights {
        // None is read here yet.
        Weights::Scratch
    }

    fn starts_from(&self, weights: &Weights) -> bool {
        match weights {
            Weights::Scratch => true,
            Weights::ImageNet22k
            | Weights::ImageNet1k
            | Weights::Lvd142m
            | Weights::Published
            | Weights::SimulatedPretrain => false,
        }
    }

    fn stand_in(&self) -> Option<Backbone> {
        None
    }
}

impl Word for Settings {
    fn check(&self, spec: &Spec, found: &mut Found) {
        let drop_path = self.drop_path;
        let message =
            || format!("expected a drop-path probability of at least 0 and below 1, found {drop_path}");
        let hint = "at 1 the last block would never be trained; CODA: 0.1 for the student of DINO, else 0";
        found.unless((0.0..1.0).contains(&drop_path), "drop_path", message, hint);

        let (patch, side) = (self.size.patch(), spec.train.image);
        let message =
            || format!("{} reads patches of {patch} px, found an image side of {side}", self.title());
        let hint = "say a side that is a multiple of the patch, as in `.image(224)`";
        found.unless(side.is_multiple_of(patch), "vit_patch", message, hint);
    }

    fn quick(&mut self, _: &Spec) {
        self.size = VitSize::Mini;
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        prelude::*,
        sample,
        spec::{self, Spec, VitSize, quick::quick},
    };

    fn small(recipe: Recipe) -> Spec {
        let model = Vit::small().scratch().adapter(HyperNet { z: 128, hidden: 256 });
        sample::spec(model.train_on(Chammi).loss(PROXY).evaluate(OneNn::cosine().on(Chammi)), recipe)
    }

    fn word(spec: &Spec) -> &super::Settings {
        let spec::Backbone::Vit(word) = &spec.model.backbone else { panic!("it is a ViT") };
        word
    }

    #[test]
    fn a_vit_is_a_backbone_like_any_other() {
        for recipe in Recipe::ALL {
            let spec = small(recipe);
            assert_eq!(spec.check(), []);
            let resized = match recipe {
                Recipe::Released | Recipe::Paper => PositionResize::Bicubic,
                Recipe::Fixed => PositionResize::Antialiased,
            };
            assert_eq!((word(&spec).features, word(&spec).positions), (VitFeatures::ClassToken, resized));
            let text = serde_json::to_string(&spec).unwrap();
            assert_eq!(serde_json::from_str::<Spec>(&text).unwrap(), spec);
            let small = quick(&spec);
            assert_eq!((word(&small).size, small.check()), (VitSize::Mini, vec![]));
            assert_eq!(quick(&small), small);
        }
    }

    #[test]
    fn a_sentence_states_what_the_recipe_would() {
        let model = Vit::tiny().scratch().adapter(FixedChannels);
        let run = model.train_on(Chammi).loss(PROXY).evaluate(OneNn::cosine().on(Chammi)).drop_path(0.1);
        let run = run.features(VitFeatures::MeanOfPatches).positions(PositionResize::Offset);
        let spec = sample::spec(run, Recipe::Fixed);
        let expected = super::Settings {
            size: VitSize::Tiny,
            drop_path: 0.1,
            features: VitFeatures::MeanOfPatches,
            positions: PositionResize::Offset,
        };
        assert_eq!((word(&spec), spec.check()), (&expected, vec![]));
    }

    #[test]
    fn what_a_vit_cannot_do_is_said() {
        let rules = |change: fn(&mut Spec)| {
            let mut spec = small(Recipe::Fixed);
            change(&mut spec);
            spec.check().into_iter().map(|problem| problem.rule).collect::<Vec<_>>()
        };
        assert_eq!(rules(|spec| spec.train.image = 100), ["vit_patch", "image_side"]);
        let dropped = rules(|spec| {
            let spec::Backbone::Vit(word) = &mut spec.model.backbone else { panic!("it is a ViT") };
            word.drop_path = 1.0;
        });
        assert_eq!(dropped, ["drop_path"]);
        assert_eq!(rules(|spec| spec.model.weights = spec::Weights::ImageNet22k), ["unpublished_weights"]);
    }
}
