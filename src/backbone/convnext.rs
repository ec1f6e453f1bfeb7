//! ConvNeXt (Liu et al. 2022) after its stem convolution, with timm's names: `stem.1`, `stages.i`.
//!
//! Features are the mean over the last stage's pixels, before `head.norm`, as in CHAMMI.

use super::{
    Backbone, Side, Stem,
    layers::{Affine, INIT_SD, Norm},
};
use crate::{
    params::{ParamId, Params, Published},
    pass::{Entered, Outputs, Pass},
    spec::{ConvNextSize, Taps},
    tape::Node,
};
use candle_core::Result;

/// The stem's normalisation and the four stages.
pub struct ConvNext {
    /// After the stem's convolution; `None` if the stem normalises.
    stem_norm: Option<Norm>,
    stages: Vec<Stage>,
    widths: [usize; 4],
}

/// The shape of a ConvNeXt.
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
            // timm initialises layer scales to 1e-6, which takes many epochs to grow; `quick` has few.
            layer_scale: if size == ConvNextSize::Mini { 0.1 } else { 1e-6 },
            // timm's small models store their linear maps as 1×1 convolutions.
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
    kernel: ParamId,
    kernel_bias: ParamId,
    norm: Norm,
    widen: Affine,
    narrow: Affine,
    gamma: ParamId,
    /// Probability of dropping the residual branch of an image in training.
    drop: f64,
}

impl ConvNext {
    /// Adds the parameters to `params`, with timm's random initialisation.
    ///
    /// `stem_norm`: whether it includes the stem's normalisation.
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
                    // timm: drop rates rise linearly from 0 at the first block to `drop_path` at the last.
                    let drop = drop_path * number as f64 / (total - 1).max(1) as f64;
                    number += 1;
                    Block::new(&format!("{stage}.blocks.{j}"), width, shape, drop, params)
                })
                .collect();
            stages.push(Stage { downsample, blocks });
        }
        Self { stem_norm, stages, widths }
    }
}

impl Backbone for ConvNext {
    /// From the output of a stem's convolution. The first probe is the normalised stem output, unless the
    /// stem itself normalises.
    fn run(&self, pass: &mut Pass<'_>, x: Entered) -> Result<Outputs> {
        let probes = pass.want.probes;
        let mut found = Vec::new();
        // What is replaced is freed at once where nothing is recorded: on large images each map counts.
        let mut x = pass.tape.formatted(&x.maps()?)?;
        if let Some(norm) = self.stem_norm {
            x = norm.forward(pass.tape, pass.params, &x)?;
        }
        if probes.is_some() && self.stem_norm.is_some() {
            found.push(x.clone());
        }
        for (number, stage) in self.stages.iter().enumerate() {
            if let Some((norm, conv)) = &stage.downsample {
                x = norm.forward(pass.tape, pass.params, &x)?;
                x = pass.tape.patches(&x, 2)?;
                x = conv.forward(pass.tape, pass.params, &x)?;
            }
            for (at, block) in stage.blocks.iter().enumerate() {
                if probes == Some(Taps::Branches) && at + 1 == stage.blocks.len() {
                    let branch = block.branch(pass, &x)?;
                    x = pass.tape.add(&x, &branch)?;
                    found.push(branch);
                } else {
                    x = block.add_to(&x, pass, &x)?;
                }
            }
            if probes == Some(Taps::Stages) || (probes == Some(Taps::ThreeStages) && number < 3) {
                found.push(x.clone());
            }
        }
        Ok(Outputs { probes: found, ..Outputs::of(pass.tape.mean_pixels(&x)?) })
    }

    fn width(&self) -> usize {
        self.widths[3]
    }

    /// Strides of 4, 2, 2 and 2.
    fn side(&self) -> Side {
        Side { least: 32, multiple: 32 }
    }

    fn stem(&self) -> Option<Stem> {
        Some(Stem::conv_next(self.widths[0]))
    }

    fn probe_widths(&self, probes: Taps) -> Vec<usize> {
        let stages = if probes == Taps::ThreeStages { 3 } else { self.widths.len() };
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
        let kernel = Published::permuted(format!("{name}.conv_dw.weight"), &[width, 1, 7, 7], &[2, 3, 0, 1]);
        Self {
            kernel: params.add_normal(kernel, INIT_SD),
            kernel_bias: params.add_constant(Published::new(format!("{name}.conv_dw.bias"), &[width]), 0.0),
            norm: Norm::new(&format!("{name}.norm"), width, params),
            widen: affine("fc1", 4 * width, width, params),
            narrow: affine("fc2", width, 4 * width, params),
            gamma: params.add_constant(Published::new(format!("{name}.gamma"), &[width]), shape.layer_scale),
            drop,
        }
    }

    /// What the block adds to `x`.
    fn branch(&self, pass: &mut Pass<'_>, x: &Node) -> Result<Node> {
        let nothing = Node::constant(x.value().zeros_like()?);
        self.add_to(&nothing, pass, x)
    }

    /// The branch of `x`, added to `stream`.
    fn add_to(&self, stream: &Node, pass: &mut Pass<'_>, x: &Node) -> Result<Node> {
        let Pass { tape, params, drops, .. } = pass;
        let (images, channels) = (x.dims()[0], x.dims()[3]);
        let kernel = tape.param(params, self.kernel);
        let kernel = tape.reshape(&kernel, (7, 7, channels))?;
        let mut z = tape.depthwise7(x, &kernel, &tape.param(params, self.kernel_bias))?;
        z = self.norm.forward(tape, params, &z)?;
        z = self.widen.forward_gelu(tape, params, &z)?;
        let keep = drops.keep(self.drop, images);
        let gamma = tape.param(params, self.gamma);
        self.narrow.forward_residual(tape, params, stream, &z, &gamma, keep)
    }
}
