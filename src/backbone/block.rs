//! The block of vision transformers, with timm's names: attention and two linear maps, each behind a normalisation and
//! added to the stream of tokens.

use super::layers::{Affine, INIT_SD, Norm};
use crate::{
    params::{ParamId, Params, Published},
    pass::Pass,
    spec::VitSize,
    tape::Node,
};
use candle_core::Result;

/// Heads of attention, layer scale and drop path of a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    /// Heads of attention.
    pub(super) heads: usize,
    /// Initial layer scale; `None`: the block has none.
    pub(super) scale: Option<f32>,
    /// Probability of dropping each of the two branches of an image in training; of the last block, in a chain.
    pub(super) drop: f64,
    /// The hidden layer.
    pub(super) hidden: Hidden,
}

/// The hidden layer of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hidden {
    /// Four times as many numbers as a token, through GELU.
    Gelu,
    /// So many numbers, those of one half of the first map's through SiLU times those of the other: DINOv2's giant.
    SwiGlu(usize),
}

pub(super) struct Block {
    kind: Kind,
    norms: [Norm; 2],
    qkv: Affine,
    mix: Affine,
    widen: Affine,
    narrow: Affine,
    gammas: Option<[ParamId; 2]>,
}

/// So many blocks one after another: `{name}.0`, `{name}.1`, and so on. As in timm, drop rates rise linearly from 0 at the
/// first to `kind.drop` at the last.
pub(super) fn chain(name: &str, depth: usize, width: usize, kind: Kind, params: &mut Params) -> Vec<Block> {
    let block = |number: usize| {
        let drop = kind.drop * number as f64 / (depth - 1).max(1) as f64;
        Block::new(&format!("{name}.{number}"), width, Kind { drop, ..kind }, params)
    };
    (0..depth).map(block).collect()
}

/// The standard deviation of a map's initial weights. timm's suits the published widths. In narrower tokens, which are only ours,
/// branches would start so small that the class token hardly sees the image, and Adam's steps would be large beside the
/// weights: they have one over the root of the number of inputs, which halves the steps to a given loss.
fn initial_sd(width: usize, ins: usize) -> f64 {
    if width < VitSize::Tiny.width() { 1.0 / (ins as f64).sqrt() } else { INIT_SD }
}

impl Block {
    /// Tokens have `width` numbers.
    pub(super) fn new(name: &str, width: usize, kind: Kind, params: &mut Params) -> Self {
        let affine = |part: &str, outs: usize, ins: usize, params: &mut Params| {
            let weight = Published::new(format!("{name}.{part}.weight"), &[outs, ins]);
            Affine::normal(weight, outs, initial_sd(width, ins), params)
        };
        let (outs, hidden) = match kind.hidden {
            Hidden::Gelu => (4 * width, 4 * width),
            Hidden::SwiGlu(hidden) => (2 * hidden, hidden),
        };
        Self {
            kind,
            norms: [1, 2].map(|at| Norm::new(&format!("{name}.norm{at}"), width, params)),
            qkv: affine("attn.qkv", 3 * width, width, params),
            mix: affine("attn.proj", width, width, params),
            widen: affine("mlp.fc1", outs, width, params),
            narrow: affine("mlp.fc2", width, hidden, params),
            gammas: kind.scale.map(|scale| {
                ["ls1", "ls2"].map(|part| {
                    params.add_constant(Published::new(format!("{name}.{part}.gamma"), &[width]), scale)
                })
            }),
        }
    }

    /// Tokens (N, T, width) after it.
    pub(super) fn forward(&self, pass: &mut Pass<'_>, x: &Node) -> Result<Node> {
        let z = self.attended(pass, x)?;
        self.rest(pass, x, &z)
    }

    /// The first of these tokens after it, (N, 1, width).
    pub(super) fn forward_first(&self, pass: &mut Pass<'_>, x: &Node) -> Result<Node> {
        let z = self.attended(pass, x)?;
        let z = pass.tape.token_range(&z, 0..1)?;
        let x = pass.tape.token_range(x, 0..1)?;
        self.rest(pass, &x, &z)
    }

    /// What comes out of attention.
    fn attended(&self, pass: &mut Pass<'_>, x: &Node) -> Result<Node> {
        let z = self.norms[0].forward(pass.tape, pass.params, x)?;
        let z = self.qkv.forward(pass.tape, pass.params, &z)?;
        pass.tape.attention(&z, self.kind.heads)
    }

    /// The stream after what came out of attention, and the hidden layer.
    fn rest(&self, pass: &mut Pass<'_>, x: &Node, z: &Node) -> Result<Node> {
        let x = self.added(pass, x, z, 0, self.mix)?;
        let z = self.norms[1].forward(pass.tape, pass.params, &x)?;
        let z = match self.kind.hidden {
            Hidden::Gelu => self.widen.forward_gelu(pass.tape, pass.params, &z)?,
            Hidden::SwiGlu(_) => {
                let z = self.widen.forward(pass.tape, pass.params, &z)?;
                pass.tape.swiglu(&z)?
            }
        };
        self.added(pass, &x, &z, 1, self.narrow)
    }

    /// The stream plus the last map of a branch.
    fn added(
        &self,
        pass: &mut Pass<'_>,
        stream: &Node,
        z: &Node,
        branch: usize,
        last: Affine,
    ) -> Result<Node> {
        let Pass { tape, params, drops, tap, .. } = pass;
        let keep = drops.keep(self.kind.drop, stream.dims()[0]);
        let gamma = self.gammas.map(|gammas| tape.param(params, gammas[branch]));
        if let Some(tap) = tap {
            tap(&last.forward(tape, params, z)?)?;
        }
        match (gamma, keep) {
            (None, None) => {
                let z = last.forward(tape, params, z)?;
                tape.add(stream, &z)
            }
            (None, keep) => {
                let one = super::layers::constant(vec![1.0; stream.dims()[2]], &[stream.dims()[2]], params)?;
                last.forward_residual(tape, params, stream, z, &one, keep)
            }
            (Some(gamma), keep) => last.forward_residual(tape, params, stream, z, &gamma, keep),
        }
    }
}
