//! Vit: the vision transformer that is trained here.

use super::{Backbone, BackboneWord};
use crate::{
    dsl::{
        self, ImageNet1k, LearnsHere, Lvd142m, Simulated, SimulatedLong, Size, Transformer, WeightsFor, sizes,
    },
    spec::{Spec, Weights, bounds, check::Found},
    word::{Word, plain, word},
};
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;
use toml::Table;

word! {
    "model.backbone", "vit", revision 2;
    /// The vision transformer (Dosovitskiy et al. 2021), with timm's names and sizes.
    settings of Vit {
        /// Width, depth and patch.
        size: VitSize,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        /// Side of a patch in pixels, where it is not that of the size.
        patch: Option<usize>,
        #[serde(default, skip_serializing_if = "is_none")]
        /// Register tokens (Darcet et al. 2023), which belong to no patch, in addition to the class token.
        registers: usize,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        /// Initial factor of each residual branch, learned for each number (Touvron et al. 2021); `None`: there is none.
        layer_scale: Option<f64>,
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

fn is_none(count: &usize) -> bool {
    *count == 0
}

/// The vision transformer (Dosovitskiy et al. 2021): `Vit::small()` is the one of CODA (DeiT-S).
///
/// A first layer of any adapter takes the place of its patch embedding. `K` tells whether its shape is the published one of its
/// size, for which there are weights.
///
/// ```
/// # extern crate dichroic_lang as dichroic;
/// # use dichroic::prelude::*;
/// let _ = Vit::small().pretrained(ImageNet1k).adapter(TargetParam);
/// let _ = Vit::small().patch(8).registers(4).layer_scale(1e-5).scratch().adapter(TargetParam);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Vit<S, K = AsPublished> {
    said: Said,
    types: PhantomData<(S, K)>,
}

/// A transformer with the published shape of its size.
#[derive(Clone, Copy, Debug)]
pub struct AsPublished;

/// A transformer with patches, registers or layer scale of its own.
#[derive(Clone, Copy, Debug)]
pub struct OwnShape;

/// What was said of its shape besides the size.
#[derive(Clone, Copy, Debug)]
struct Said {
    patch: Option<usize>,
    registers: Option<usize>,
    layer_scale: Option<f64>,
}

impl<S, K> Vit<S, K> {
    /// Side of a patch, in pixels; 16, and 8 of the smallest size. Images and the side of the size's grid of positions must be
    /// multiples of it. Of half the side there are four times as many tokens, and attention takes sixteen times as long.
    #[must_use]
    pub const fn patch(self, patch: usize) -> Vit<S, OwnShape> {
        Vit { said: Said { patch: Some(patch), ..self.said }, types: PhantomData }
    }

    /// Register tokens (Darcet et al. 2023), which belong to no patch. Default: none.
    #[must_use]
    pub const fn registers(self, registers: usize) -> Vit<S, OwnShape> {
        Vit { said: Said { registers: Some(registers), ..self.said }, types: PhantomData }
    }

    /// Multiplies each residual branch by learned factors that begin with this one (Touvron et al. 2021): 1e-5 in DINOv2.
    /// Default: no factors.
    #[must_use]
    pub const fn layer_scale(self, initial: f64) -> Vit<S, OwnShape> {
        Vit { said: Said { layer_scale: Some(initial), ..self.said }, types: PhantomData }
    }
}

impl<S: Size, K: Copy> dsl::Backbone for Vit<S, K> {
    fn backbone(self) -> Table {
        let Said { patch, registers, layer_scale } = self.said;
        let said = [
            ("patch", patch.as_ref().map(plain)),
            ("registers", registers.as_ref().map(plain)),
            ("layer_scale", layer_scale.as_ref().map(plain)),
        ];
        let mut table = S::backbone();
        table.extend(said.into_iter().filter_map(|(name, value)| Some((name.to_string(), value?))));
        table
    }
}

sizes! {
    Vit = Self { said: Said { patch: None, registers: None, layer_scale: None }, types: PhantomData }; VitSize {
        mini: Mini, "Width 128, four blocks, patches of 8 px, 0.8 million parameters. Ours: for small data and laptops.";
        tiny: Tiny, "Width 192, twelve blocks, patches of 16 px, 5.5 million parameters.";
        small: Small, "Width 384, twelve blocks, patches of 16 px, 22 million parameters.";
        base: Base, "Width 768, twelve blocks, patches of 16 px, 86 million parameters.";
        large: Large, "Width 1024, 24 blocks, patches of 16 px, 303 million parameters.";
    }
}

impl<S: Size, K: Copy> LearnsHere for Vit<S, K> {}
impl<S: Size, K: Copy> Transformer for Vit<S, K> {}
impl WeightsFor<Vit<size::Mini>> for Simulated {}
impl WeightsFor<Vit<size::Mini>> for SimulatedLong {}
impl WeightsFor<Vit<size::Tiny>> for ImageNet1k {}
impl WeightsFor<Vit<size::Small>> for ImageNet1k {}
impl WeightsFor<Vit<size::Base>> for ImageNet1k {}
impl WeightsFor<Vit<size::Small, OwnShape>> for Lvd142m {}
impl WeightsFor<Vit<size::Base, OwnShape>> for Lvd142m {}
impl WeightsFor<Vit<size::Large, OwnShape>> for Lvd142m {}

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

    /// Heads of attention, of 64 numbers each.
    pub fn heads(self) -> usize {
        self.width() / 64
    }

    /// Side of a patch, in pixels.
    pub fn patch(self) -> usize {
        match self {
            Self::Mini => 8,
            Self::Tiny | Self::Small | Self::Base | Self::Large => 16,
        }
    }

    /// Whether DeiT's weights are published for it.
    fn is_published(self) -> bool {
        match self {
            Self::Tiny | Self::Small | Self::Base => true,
            Self::Mini | Self::Large => false,
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
    /// The same by one scale for both sides, as CODA's code has it: a grid with as many patches as were trained keeps their
    /// positions in order, whatever its sides. On squares it is `Bicubic`.
    OneScale,
    /// Not antialiased, and 0.1 is added to the number of patches along each side: DINO, and DINOv2 without registers.
    Offset,
}

fn divides(patch: usize, side: usize) -> bool {
    patch > 0 && side.is_multiple_of(patch)
}

impl Settings {
    /// One of a size, otherwise as DeiT is trained on labels: for files of weights and tests.
    pub fn plain(size: VitSize) -> Self {
        let (features, positions) = (VitFeatures::ClassToken, PositionResize::Bicubic);
        Self { size, patch: None, registers: 0, layer_scale: None, drop_path: 0.0, features, positions }
    }

    /// Side of a patch, in pixels.
    pub fn patch(&self) -> usize {
        self.patch.unwrap_or(self.size.patch())
    }

    fn no_grid(&self) -> String {
        let (own, patch) = (self.size.side(), self.patch());
        format!(
            "expected a side of patches that divides the {own} px of the positions of ViT-{:?}, found {patch}",
            self.size
        )
    }

    /// Whether DINOv2's weights are published for its shape: patches of 14 px, layer scale, no registers or four.
    fn is_of_dino_v2(&self) -> bool {
        let size = match self.size {
            VitSize::Small | VitSize::Base | VitSize::Large => true,
            VitSize::Mini | VitSize::Tiny => false,
        };
        size && self.patch() == 14 && self.layer_scale.is_some() && [0, 4].contains(&self.registers)
    }

    /// Whether its shape is the published one of its size.
    fn is_as_published(&self) -> bool {
        self.patch() == self.size.patch() && self.registers == 0 && self.layer_scale.is_none()
    }
}

impl BackboneWord for Settings {
    fn title(&self) -> String {
        let registers = match self.registers {
            0 => String::new(),
            count => format!(" with {count} registers"),
        };
        format!("ViT-{:?}/{}{registers}", self.size, self.patch())
    }

    fn is_off_the_shelf(&self) -> bool {
        false
    }

    fn published(&self) -> Weights {
        Weights::ImageNet1k
    }

    fn starts_from(&self, weights: &Weights) -> bool {
        match weights {
            Weights::Scratch | Weights::SimulatedPretrain | Weights::SimulatedPretrainLong => true,
            Weights::ImageNet1k => self.size.is_published() && self.is_as_published(),
            Weights::Lvd142m => self.is_of_dino_v2(),
            Weights::File { .. } => true,
            Weights::ImageNet22k | Weights::Published => false,
        }
    }

    fn exists(&self) -> Result<(), String> {
        bounds::REGISTERS.check(self.registers)?;
        if divides(self.patch(), self.size.side()) { Ok(()) } else { Err(self.no_grid()) }
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

        let (patch, side) = (self.patch(), spec.train.image);
        let grid = divides(patch, self.size.side());
        found.unless(grid, "vit_grid", || self.no_grid(), "8, 14 and 16 are published, for 224 px");
        let message =
            || format!("{} reads patches of {patch} px, found an image side of {side}", self.title());
        let hint = "say a side that is a multiple of the patch, as in `.image(224)`";
        found.unless(!grid || divides(patch, side), "vit_patch", message, hint);

        found.within(&bounds::REGISTERS, self.registers);
        if let Some(scale) = self.layer_scale {
            found.above_zero(
                "layer_scale",
                "an initial layer scale",
                scale,
                "DINOv2: 1e-5; leave it out for none",
            );
        }
    }

    fn quick(&mut self, _: &Spec) {
        (self.size, self.patch) = (VitSize::Mini, None);
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
            drop_path: 0.1,
            features: VitFeatures::MeanOfPatches,
            positions: PositionResize::Offset,
            ..super::Settings::plain(VitSize::Tiny)
        };
        assert_eq!((word(&spec), spec.check()), (&expected, vec![]));
    }

    #[test]
    fn a_shape_of_its_own_is_said_and_the_usual_one_is_not_written() {
        let plain = serde_json::to_value(&small(Recipe::Fixed).model.backbone).unwrap();
        let keys: Vec<&str> = plain.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["drop_path", "features", "kind", "positions", "size"]);
        let model = Vit::small().patch(14).registers(4).layer_scale(1e-5).scratch().adapter(TargetParam);
        let run = model.train_on(Chammi).loss(PROXY).evaluate(OneNn::cosine().on(Chammi));
        let spec = sample::spec(run, Recipe::Fixed);
        let said = word(&spec);
        assert_eq!((said.patch, said.registers, said.layer_scale), (Some(14), 4, Some(1e-5)));
        assert_eq!(
            (spec.check(), spec.model.backbone.title().as_str()),
            (vec![], "ViT-Small/14 with 4 registers")
        );
        let text = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<Spec>(&text).unwrap(), spec);
        let small = quick(&spec);
        assert_eq!((word(&small).patch(), word(&small).registers, small.check()), (8, 4, vec![]));
        assert_eq!(quick(&small), small);
    }

    #[test]
    fn what_a_vit_cannot_do_is_said() {
        let rules = |change: fn(&mut Spec)| {
            let mut spec = small(Recipe::Fixed);
            change(&mut spec);
            spec.check().into_iter().map(|problem| problem.rule).collect::<Vec<_>>()
        };
        assert_eq!(rules(|spec| spec.train.image = 100), ["vit_patch"]);
        let dropped = rules(|spec| {
            let spec::Backbone::Vit(word) = &mut spec.model.backbone else { panic!("it is a ViT") };
            word.drop_path = 1.0;
        });
        assert_eq!(dropped, ["drop_path"]);
        assert_eq!(rules(|spec| spec.model.weights = spec::Weights::ImageNet22k), ["unpublished_weights"]);
        let shaped = |change: fn(&mut super::Settings)| {
            let mut spec = small(Recipe::Fixed);
            spec.model.weights = spec::Weights::ImageNet1k;
            let spec::Backbone::Vit(word) = &mut spec.model.backbone else { panic!("it is a ViT") };
            change(word);
            spec.check().into_iter().map(|problem| problem.rule).collect::<Vec<_>>()
        };
        assert_eq!(shaped(|_| ()), [""; 0]);
        assert_eq!(shaped(|word| word.patch = Some(16)), [""; 0]);
        for change in [
            (|word| word.patch = Some(8)) as fn(&mut super::Settings),
            |word| word.registers = 4,
            |word| word.layer_scale = Some(1e-5),
            |word| word.size = VitSize::Large,
        ] {
            assert_eq!(shaped(change), ["unpublished_weights"]);
        }
        let of_dino_v2 = |change: fn(&mut super::Settings)| {
            let model = Vit::small().patch(14).layer_scale(1e-5).pretrained(Lvd142m).adapter(BagOfChannels);
            let run = model.train_on(Chammi).loss(DinoV1::ema(0.996).local_side(98));
            let mut spec = sample::spec(run.evaluate(OneNn::cosine().on(Chammi)), Recipe::Fixed);
            let spec::Backbone::Vit(word) = &mut spec.model.backbone else { panic!("it is a ViT") };
            change(word);
            spec.check().into_iter().map(|problem| problem.rule).collect::<Vec<_>>()
        };
        assert_eq!(of_dino_v2(|_| ()), [""; 0]);
        assert_eq!(of_dino_v2(|word| word.registers = 4), [""; 0]);
        assert_eq!(of_dino_v2(|word| word.layer_scale = None), ["unpublished_weights"]);
        assert_eq!(of_dino_v2(|word| word.registers = 3), ["unpublished_weights"]);
        assert_eq!(shaped(|word| word.patch = Some(15)), ["vit_grid", "unpublished_weights"]);
        assert_eq!(shaped(|word| word.patch = Some(0)), ["vit_grid", "unpublished_weights"]);
        assert_eq!(shaped(|word| word.registers = 5000), ["vit_registers", "unpublished_weights"]);
        assert_eq!(shaped(|word| word.layer_scale = Some(0.0)), ["layer_scale", "unpublished_weights"]);
    }
}
