//! ResNet (He et al. 2016) as torchvision publishes it, with its names: `conv1`, `bn1`, `layer1.0.conv1`, …
//!
//! Features are the mean over the last stage's pixels. Each stage but the first halves the side in the 3×3
//! convolution of its first block.

use super::OffTheShelf;
use crate::{
    ops::Finish,
    params::{ParamId, Params, Published},
    spec::ResNetSize,
    tape::{Node, Tape},
};
use candle_core::{Result, Tensor};

/// Maps after the first layer; each stage has twice as many as the one before.
const WIDTH: usize = 64;
/// The epsilon of every batch normalisation.
const EPS: f32 = 1e-5;
/// Mean and standard deviation of ImageNet's images: red, green, blue.
const IMAGENET_NORM: [[f32; 3]; 2] = [[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]];

/// A ResNet without its classifier.
pub struct ResNet {
    first: Convolution,
    blocks: Vec<Block>,
    width: usize,
    normalises: bool,
}

/// A convolution without bias, and the batch normalisation after it.
struct Convolution {
    weight: ParamId,
    scale: ParamId,
    shift: ParamId,
    mean: ParamId,
    variance: ParamId,
    stride: usize,
}

struct Block {
    convolutions: Vec<Convolution>,
    /// The projection of a block that changes the shape of its maps.
    shortcut: Option<Convolution>,
}

impl ResNet {
    /// Adds the parameters to `params`, with torchvision's random initialisation. `normalises`: whether the
    /// input still needs ImageNet's mean and standard deviation.
    pub fn new(size: ResNetSize, normalises: bool, params: &mut Params) -> Self {
        match size {
            ResNetSize::R18 => Self::of(&[2, 2, 2, 2], false, normalises, params),
            ResNetSize::R50 => Self::of(&[3, 4, 6, 3], true, normalises, params),
        }
    }

    /// A ResNet of any depths. A `bottleneck` block narrows its maps to a fourth of its output; other blocks
    /// have two 3×3 convolutions.
    pub(super) fn of(depths: &[usize], bottleneck: bool, normalises: bool, params: &mut Params) -> Self {
        let first = Convolution::new(["conv1", "bn1"], [3, WIDTH], 7, 2, params);
        let mut blocks = Vec::new();
        let mut width = WIDTH;
        for (stage, &depth) in depths.iter().enumerate() {
            let inner = WIDTH << stage;
            let outer = if bottleneck { 4 * inner } else { inner };
            for number in 0..depth {
                let name = format!("layer{}.{number}", stage + 1);
                let stride = if number == 0 && stage > 0 { 2 } else { 1 };
                blocks.push(Block::new(&name, [width, inner, outer], stride, params));
                width = outer;
            }
        }
        Self { first, blocks, width, normalises }
    }

    /// RGB images (N, 3, H, W) as maps (N, H, W, 3), normalised if necessary.
    fn maps(&self, images: &Tensor) -> Result<Tensor> {
        let channels = images.dim(1)?;
        if channels != IMAGENET_NORM[0].len() {
            candle_core::bail!("a ResNet takes images of 3 channels, found {channels}");
        }
        let maps = images.permute((0, 2, 3, 1))?.contiguous()?;
        if !self.normalises {
            return Ok(maps);
        }
        let [mean, sd] = IMAGENET_NORM.map(|norm| Tensor::new(&norm, images.device()));
        maps.broadcast_sub(&mean?)?.broadcast_div(&sd?)
    }
}

impl OffTheShelf for ResNet {
    fn features(&self, params: &Params, images: &Tensor) -> Result<Tensor> {
        let tape = &mut Tape::forgetting_in(params.format());
        let maps = tape.formatted(&Node::constant(self.maps(images)?))?;
        let x = self.first.forward(tape, params, &maps, None, true)?;
        let mut x = tape.max_pool(&x)?;
        for block in &self.blocks {
            x = block.forward(tape, params, &x)?;
        }
        Ok(tape.mean_pixels(&x)?.value().clone())
    }

    fn width(&self) -> usize {
        self.width
    }
}

impl Block {
    fn new(name: &str, [ins, inner, outs]: [usize; 3], stride: usize, params: &mut Params) -> Self {
        let basic = [(ins, inner, 3, stride), (inner, outs, 3, 1)];
        let bottleneck = [(ins, inner, 1, 1), (inner, inner, 3, stride), (inner, outs, 1, 1)];
        let layers = if inner == outs { &basic[..] } else { &bottleneck[..] };
        let one = |(at, &(ins, outs, side, stride)): (usize, &(usize, usize, usize, usize))| {
            let names = ["conv", "bn"].map(|kind| format!("{name}.{kind}{}", at + 1));
            Convolution::new([&names[0], &names[1]], [ins, outs], side, stride, params)
        };
        let convolutions = layers.iter().enumerate().map(one).collect();
        let shortcut = (stride != 1 || ins != outs).then(|| {
            let names = [0, 1].map(|at| format!("{name}.downsample.{at}"));
            Convolution::new([&names[0], &names[1]], [ins, outs], 1, stride, params)
        });
        Self { convolutions, shortcut }
    }

    fn forward(&self, tape: &mut Tape, params: &Params, x: &Node) -> Result<Node> {
        let shortcut = match &self.shortcut {
            Some(layer) => &layer.forward(tape, params, x, None, false)?,
            None => x,
        };
        let mut z = x.clone();
        for (at, layer) in self.convolutions.iter().enumerate() {
            let last = at + 1 == self.convolutions.len();
            z = layer.forward(tape, params, &z, last.then_some(shortcut), true)?;
        }
        Ok(z)
    }
}

impl Convolution {
    fn new(
        [name, norm]: [&str; 2],
        [ins, outs]: [usize; 2],
        side: usize,
        stride: usize,
        params: &mut Params,
    ) -> Self {
        let shape = [outs, ins, side, side];
        let weight = Published::permuted(format!("{name}.weight"), &shape, &[0, 2, 3, 1]);
        let of = |part: &str| Published::new(format!("{norm}.{part}"), &[outs]);
        Self {
            weight: params.add_normal(weight, (2.0 / (outs * side * side) as f64).sqrt()),
            scale: params.add_constant(of("weight"), 1.0),
            shift: params.add_constant(of("bias"), 0.0),
            mean: params.add_measured(of("running_mean"), 0.0),
            variance: params.add_measured(of("running_var"), 1.0),
            stride,
        }
    }

    fn forward(
        &self,
        tape: &mut Tape,
        params: &Params,
        x: &Node,
        shortcut: Option<&Node>,
        relu: bool,
    ) -> Result<Node> {
        let [gain, offset, mean, variance] =
            [self.scale, self.shift, self.mean, self.variance].map(|id| params.value(id));
        let scale = (gain / (variance + f64::from(EPS))?.sqrt()?)?;
        let shift = (offset - (mean * &scale)?)?;
        let finish = Finish { scale, shift, shortcut, relu };
        tape.convolution(x, params.value(self.weight), self.stride, &finish)
    }
}
