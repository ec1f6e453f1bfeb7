//! A backbone's own first layer, which an adapter can replace: its size, its published names, how it starts.

use super::layers::INIT_SD;
use crate::{params::Params, seed::Stream};

/// A convolution over non-overlapping patches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stem {
    /// Its number of output maps.
    pub width: usize,
    /// Side of a patch, and its stride.
    pub patch: usize,
    /// The published name of the convolution: `stem.0`.
    pub name: &'static str,
    /// The published name of the normalisation that follows it; `None`: the backbone takes its maps as they are.
    pub norm: Option<&'static str>,
    start: Start,
}

/// Random initial values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// timm's ConvNeXt: normal weights, no bias.
    Normal,
    /// PyTorch's default for convolutions, which timm's ViT keeps: weights and bias are uniform within one over the root of
    /// the number of inputs.
    Uniform,
}

impl Stem {
    /// That of a ConvNeXt.
    pub const fn conv_next(width: usize) -> Self {
        Self { width, patch: 4, name: "stem.0", norm: Some("stem.1"), start: Start::Normal }
    }

    /// That of a ViT.
    pub const fn vit(width: usize, patch: usize) -> Self {
        Self { width, patch, name: "patch_embed.proj", norm: None, start: Start::Uniform }
    }

    /// The published name of its weights.
    pub fn weight(&self) -> String {
        format!("{}.weight", self.name)
    }

    /// The published name of its bias.
    pub fn bias(&self) -> String {
        format!("{}.bias", self.name)
    }

    /// The published names of the convolution.
    pub fn convolution(&self) -> Vec<String> {
        vec![self.weight(), self.bias()]
    }

    /// The published names of convolution and normalisation.
    pub fn whole(&self) -> Vec<String> {
        let norm = self.norm.iter().flat_map(|norm| [format!("{norm}.weight"), format!("{norm}.bias")]);
        self.convolution().into_iter().chain(norm).collect()
    }

    /// Pixels of a patch.
    pub fn area(&self) -> usize {
        self.patch * self.patch
    }

    /// The size of generated filters at the start, as a multiple of the released one, where no normalisation follows them:
    /// that of the backbone's own weights. Larger tokens would drown positions.
    pub fn gain(&self) -> f64 {
        if self.norm.is_some() { 1.0 } else { INIT_SD }
    }

    /// Draws initial weights for `channels` channels.
    pub fn draw_weight(&self, channels: usize, stream: &mut Stream, values: &mut [f32]) {
        let reach = self.reach(channels);
        values.iter_mut().for_each(|value| {
            *value = match self.start {
                Start::Normal => stream.normal() * INIT_SD,
                Start::Uniform => stream.uniform(-reach, reach),
            } as f32;
        });
    }

    /// Draws an initial bias for `channels` channels.
    pub fn draw_bias(&self, channels: usize, stream: &mut Stream, values: &mut [f32]) {
        let reach = self.reach(channels);
        values.iter_mut().for_each(|value| {
            *value = match self.start {
                Start::Normal => 0.0,
                Start::Uniform => stream.uniform(-reach, reach) as f32,
            };
        });
    }

    /// PyTorch's default for a convolution with these inputs.
    fn reach(&self, channels: usize) -> f64 {
        1.0 / ((channels * self.area()) as f64).sqrt()
    }

    /// Random initial weights and bias for RGB images.
    pub fn random_rgb(&self, params: &Params) -> [Vec<f32>; 2] {
        const RGB: usize = 3;
        let (mut weight, mut bias) = (vec![0.0; self.width * RGB * self.area()], vec![0.0; self.width]);
        self.draw_weight(RGB, &mut params.start_of(&self.weight()), &mut weight);
        self.draw_bias(RGB, &mut params.start_of(&self.bias()), &mut bias);
        [weight, bias]
    }
}
