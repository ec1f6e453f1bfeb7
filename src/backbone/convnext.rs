//! ConvNeXt (Liu et al. 2022) behind its stem convolution, with timm's names: `stem.1`, `stages.i`.
//!
//! Features are the plain mean over the last stage's pixels, before `head.norm`, as CHAMMI takes them.

use super::{
    Drops,
    layers::{Affine, INIT_SD, Norm},
};
use crate::{
    params::{ParamId, Params, Published},
    spec::{ConvNextSize, Taps},
    tape::{Node, Tape},
};
use candle_core::Result;

/// The normalisation behind the stem and the four stages.
pub struct ConvNext {
    /// Behind the stem's convolution; none if the stem normalises itself.
    stem_norm: Option<Norm>,
    stages: Vec<Stage>,
    widths: [usize; 4],
}

/// What distinguishes one ConvNeXt from another.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) depths: [usize; 4],
    pub(crate) widths: [usize; 4],
    pub(crate) layer_scale: f32,
    pub(crate) convolutional: bool,
}

impl From<ConvNextSize> for Shape {
    fn from(size: ConvNextSize) -> Self {
        Self {
            depths: size.depths(),
            widths: size.widths(),
            // timm starts layer scales at 1e-6, which takes many epochs to open up; `quick` has few.
            layer_scale: if size == ConvNextSize::Mini { 0.1 } else { 1e-6 },
            // timm's small models keep their linear maps as 1×1 convolutions.
            convolutional: matches!(
                size,
                ConvNextSize::Atto | ConvNextSize::Femto | ConvNextSize::Pico | ConvNextSize::Nano
            ),
        }
    }
}

struct Stage {
    downsample: Option<(Norm, Affine)>,
    blocks: Vec<Block>,
}

struct Block {
    taps: ParamId,
    taps_bias: ParamId,
    norm: Norm,
    widen: Affine,
    narrow: Affine,
    gamma: ParamId,
    /// Probability of dropping the residual branch of an image in training.
    drop: f64,
}

impl ConvNext {
    /// Adds the parameters to `params`, with timm's random start.
    ///
    /// `stem_norm`: whether it begins with the stem's normalisation.
    pub fn new(size: ConvNextSize, drop_path: f64, stem_norm: bool, params: &mut Params) -> Self {
        Self::shaped(size.into(), drop_path, stem_norm, params)
    }

    /// A ConvNeXt of any depths and widths.
    pub(crate) fn shaped(shape: Shape, drop_path: f64, stem_norm: bool, params: &mut Params) -> Self {
        let Shape { depths, widths, .. } = shape;
        let stem_norm = stem_norm.then(|| Norm::new("stem.1", widths[0], params));
        let total: usize = depths.iter().sum();
        let mut number = 0;
        let mut stages = Vec::new();
        for (i, (&depth, &width)) in depths.iter().zip(&widths).enumerate() {
            let stage = format!("stages.{i}");
            let downsample = (i > 0).then(|| {
                let name = format!("{stage}.downsample");
                let shape = [width, widths[i - 1], 2, 2];
                let weight = Published::permuted(format!("{name}.1.weight"), &shape, &[0, 2, 3, 1]);
                (Norm::new(&format!("{name}.0"), widths[i - 1], params), Affine::new(weight, width, params))
            });
            let blocks = (0..depth)
                .map(|j| {
                    // timm: rates rise linearly from 0 at the first block to `drop_path` at the last.
                    let drop = drop_path * number as f64 / (total - 1).max(1) as f64;
                    number += 1;
                    Block::new(&format!("{stage}.blocks.{j}"), width, shape, drop, params)
                })
                .collect();
            stages.push(Stage { downsample, blocks });
        }
        Self { stem_norm, stages, widths }
    }

    /// Maps that the stem makes.
    pub fn stem_width(&self) -> usize {
        self.widths[0]
    }

    /// Numbers in a feature vector.
    pub fn width(&self) -> usize {
        self.widths[3]
    }

    /// Stem output (N, H, W, C) to features (N, width). `drops` decides which residual branches are dropped.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn forward(&self, tape: &mut Tape, params: &Params, stem: &Node, drops: &mut Drops) -> Result<Node> {
        let (features, _) = self.tapped(tape, params, stem, drops, None)?;
        Ok(features)
    }

    /// Features, and what flows by at the `taps`: the normalised stem output first, unless the stem normalises itself.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn tapped(
        &self,
        tape: &mut Tape,
        params: &Params,
        stem: &Node,
        drops: &mut Drops,
        taps: Option<Taps>,
    ) -> Result<(Node, Vec<Node>)> {
        let mut found = Vec::new();
        let stem = tape.formatted(stem)?;
        let mut x = match self.stem_norm {
            Some(norm) => norm.forward(tape, params, &stem)?,
            None => stem,
        };
        if taps.is_some() && self.stem_norm.is_some() {
            found.push(x.clone());
        }
        for (number, stage) in self.stages.iter().enumerate() {
            if let Some((norm, conv)) = &stage.downsample {
                x = norm.forward(tape, params, &x)?;
                x = tape.patches(&x, 2)?;
                x = conv.forward(tape, params, &x)?;
            }
            for (at, block) in stage.blocks.iter().enumerate() {
                if taps == Some(Taps::Branches) && at + 1 == stage.blocks.len() {
                    let branch = block.branch(tape, params, &x, drops)?;
                    x = tape.add(&x, &branch)?;
                    found.push(branch);
                } else {
                    x = block.forward(tape, params, &x, drops)?;
                }
            }
            if taps == Some(Taps::Stages) || (taps == Some(Taps::ThreeStages) && number < 3) {
                found.push(x.clone());
            }
        }
        Ok((tape.mean_pixels(&x)?, found))
    }

    /// Maps at each of the `taps`.
    pub fn tap_widths(&self, taps: Taps) -> Vec<usize> {
        let stages = if taps == Taps::ThreeStages { 3 } else { self.widths.len() };
        let stem = self.stem_norm.iter().map(|_| self.widths[0]);
        stem.chain(self.widths[..stages].iter().copied()).collect()
    }
}

impl Block {
    fn new(name: &str, width: usize, shape: Shape, drop: f64, params: &mut Params) -> Self {
        let affine = |part: &str, outs: usize, ins: usize, params: &mut Params| {
            let dims = [outs, ins, 1, 1];
            let dims = if shape.convolutional { &dims[..] } else { &dims[..2] };
            Affine::new(Published::new(format!("{name}.mlp.{part}.weight"), dims), outs, params)
        };
        let taps = Published::permuted(format!("{name}.conv_dw.weight"), &[width, 1, 7, 7], &[2, 3, 0, 1]);
        Self {
            taps: params.add_normal(taps, INIT_SD),
            taps_bias: params.add_constant(Published::new(format!("{name}.conv_dw.bias"), &[width]), 0.0),
            norm: Norm::new(&format!("{name}.norm"), width, params),
            widen: affine("fc1", 4 * width, width, params),
            narrow: affine("fc2", width, 4 * width, params),
            gamma: params.add_constant(Published::new(format!("{name}.gamma"), &[width]), shape.layer_scale),
            drop,
        }
    }

    fn forward(&self, tape: &mut Tape, params: &Params, x: &Node, drops: &mut Drops) -> Result<Node> {
        self.add_to(x, tape, params, x, drops)
    }

    /// What `forward` adds to `x`.
    fn branch(&self, tape: &mut Tape, params: &Params, x: &Node, drops: &mut Drops) -> Result<Node> {
        let nothing = Node::constant(x.value().zeros_like()?);
        self.add_to(&nothing, tape, params, x, drops)
    }

    /// The branch of `x`, added to `stream`.
    fn add_to(
        &self,
        stream: &Node,
        tape: &mut Tape,
        params: &Params,
        x: &Node,
        drops: &mut Drops,
    ) -> Result<Node> {
        let (images, channels) = (x.dims()[0], x.dims()[3]);
        let taps = tape.param(params, self.taps);
        let taps = tape.reshape(&taps, (7, 7, channels))?;
        let z = tape.depthwise7(x, &taps, &tape.param(params, self.taps_bias))?;
        let z = self.norm.forward(tape, params, &z)?;
        let z = self.widen.forward_gelu(tape, params, &z)?;
        let keep = drops.keep(self.drop, images);
        let gamma = tape.param(params, self.gamma);
        self.narrow.forward_residual(tape, params, stream, &z, &gamma, keep)
    }
}
