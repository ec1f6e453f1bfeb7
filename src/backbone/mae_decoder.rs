//! The decoder of masked autoencoders (He et al. 2022), with the names of their code: it gets the tokens of the visible patches
//! and draws all patches.

use super::{
    block::{Block, Hidden, Kind, chain},
    layers::{Affine, INIT_SD, Norm, constant},
    position,
};
use crate::{
    ops::Places,
    params::{ParamId, Params, Published},
    pass::Pass,
    tape::Node,
};
use candle_core::Result;

const MASK_TOKEN: &str = "mask_token";

/// Blocks between two linear maps. Where a patch is hidden, the same learned token is put; positions are a fixed table.
pub struct MaeDecoder {
    width: usize,
    embed: Affine,
    mask: ParamId,
    blocks: Vec<Block>,
    norm: Norm,
    draw: Affine,
}

/// The shape of a decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecoderShape {
    /// Length of the encoder's tokens.
    pub encoder: usize,
    /// Length of its own tokens.
    pub width: usize,
    /// Blocks.
    pub depth: usize,
    /// Heads of attention.
    pub heads: usize,
    /// Numbers of a patch: pixels times channels.
    pub patch: usize,
}

impl MaeDecoder {
    /// Adds the parameters to `params`, with the random initialisation of the authors.
    pub fn new(shape: DecoderShape, params: &mut Params) -> Self {
        let DecoderShape { encoder, width, depth, heads, patch } = shape;
        let first = params.len();
        let affine = |name: &str, outs: usize, ins: usize, params: &mut Params| {
            Affine::new(Published::new(format!("{name}.weight"), &[outs, ins]), outs, params)
        };
        let kind = Kind { heads, scale: None, drop: 0.0, hidden: Hidden::Gelu };
        let decoder = Self {
            width,
            embed: affine("decoder_embed", width, encoder, params),
            mask: params.add_normal(Published::new(MASK_TOKEN, &[1, 1, width]), INIT_SD),
            blocks: chain("decoder_blocks", depth, width, kind, params),
            norm: Norm::new("decoder_norm", width, params),
            draw: affine("decoder_pred", patch, width, params),
        };
        params.ids().skip(first).for_each(|id| start_uniform(id, params));
        decoder
    }

    /// Whether a parameter with this name is one of a decoder.
    pub fn is_its_own(name: &str) -> bool {
        name == MASK_TOKEN || name.starts_with("decoder_")
    }

    /// All patches (N, T, numbers of a patch) of a grid of rows and columns, from the tokens (N, 1 + K, C) of those that are
    /// visible, the class token in front of them.
    ///
    /// # Errors
    /// If the tokens are not those of these patches.
    pub fn draw(
        &self,
        pass: &mut Pass<'_>,
        tokens: &Node,
        visible: &Places,
        grid: [usize; 2],
    ) -> Result<Node> {
        let Pass { tape, params, .. } = pass;
        let x = self.embed.forward(tape, params, tokens)?;
        let mask = tape.param(params, self.mask);
        let x = tape.spread_tokens(&x, &mask, &visible.behind(1))?;
        let all = 1 + grid[0] * grid[1];
        let table = constant(position::sin_cos(self.width, grid), &[all, self.width], params)?;
        let table = tape.formatted(&table)?;
        let mut x = tape.tokens(&x, &table)?;
        for block in &self.blocks {
            x = block.forward(pass, &x)?;
        }
        let x = self.norm.forward(pass.tape, pass.params, &x)?;
        let x = self.draw.forward(pass.tape, pass.params, &x)?;
        pass.tape.token_range(&x, 1..all)
    }
}

/// The matrices of the authors start uniform within the root of 6 over inputs and outputs (Glorot and Bengio 2010).
fn start_uniform(id: ParamId, params: &mut Params) {
    let Published { name, shape, .. } = params.published(id).clone();
    let [outs, ins] = shape[..] else { return };
    let reach = (6.0 / (outs + ins) as f64).sqrt();
    let mut stream = params.seed().stream(&format!("init/{name}"));
    let values = (0..outs * ins).map(|_| stream.uniform(-reach, reach) as f32).collect();
    params.import(id, values).expect("as many values as the shape says");
}
