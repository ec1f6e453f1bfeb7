//! The vision transformer of DINOv2 with registers (Oquab et al. 2023; Darcet et al. 2023), with timm's names.
//!
//! Features are the class token after the last normalisation. An image whose sides are not multiples of the
//! patch is padded with zeros, as in CHAMMI, and the position embedding is resized as in DINOv2's own code.

use super::{
    OffTheShelf,
    block::{Block, Hidden, Kind, chain},
    layers::{Affine, Norm},
    position,
};
use crate::{
    ops::buffer,
    params::{ParamId, Params, Published},
    pass::Pass,
    spec::DinoV2Size,
    tape::{Node, Tape},
};
use candle_core::{DType, Result, Tensor};

/// The initial layer scale of its training.
const LAYER_SCALE: f32 = 1e-5;

/// A vision transformer without a head.
pub struct DinoV2 {
    shape: Shape,
    patches: Affine,
    class: ParamId,
    registers: ParamId,
    positions: ParamId,
    blocks: Vec<Block>,
    norm: Norm,
}

/// The shape of a vision transformer.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    /// Length of a token.
    pub(super) width: usize,
    /// Blocks.
    pub(super) depth: usize,
    /// Heads of attention.
    pub(super) heads: usize,
    /// Side of a patch, in pixels.
    pub(super) patch: usize,
    /// Side of the patch grid in the last phase of its training.
    pub(super) grid: usize,
    /// Register tokens, which belong to no patch, in addition to the class token.
    pub(super) registers: usize,
}

impl DinoV2 {
    /// Adds the parameters to `params`, with the random initialisation of its training.
    pub fn new(size: DinoV2Size, params: &mut Params) -> Self {
        let shape = match size {
            DinoV2Size::SmallReg => {
                Shape { width: 384, depth: 12, heads: 6, patch: 14, grid: 37, registers: 4 }
            }
        };
        Self::shaped(shape, params)
    }

    /// A vision transformer of any shape.
    pub(super) fn shaped(shape: Shape, params: &mut Params) -> Self {
        let Shape { width, depth, heads, patch, grid, registers } = shape;
        let kind = Kind { heads, scale: Some(LAYER_SCALE), drop: 0.0, hidden: Hidden::Gelu };
        let token = |name: &str, count: usize| Published::new(name, &[1, count, width]);
        let weight = Published::new("patch_embed.proj.weight", &[width, 3, patch, patch]);
        Self {
            shape,
            class: params.add_normal(token("cls_token", 1), 1e-6),
            registers: params.add_normal(token("reg_token", registers), 1e-6),
            positions: params.add_normal(token("pos_embed", grid * grid), 0.02),
            patches: Affine::new(weight, width, params),
            blocks: chain("blocks", depth, width, kind, params),
            norm: Norm::new("norm", width, params),
        }
    }

    /// Class, registers, and patches (N, rows, columns, width) with their positions: (N, tokens, width).
    fn tokens(&self, params: &Params, patches: &Tensor) -> Result<Node> {
        let (n, rows, cols, width) = patches.dims4()?;
        let (format, own) = (patches.dtype(), 1 + self.shape.registers);
        let positions = buffer::copy(params.value(self.positions))?;
        let positions = position::resized(&positions, width, self.shape.grid, [rows, cols]);
        let positions = Tensor::from_vec(positions, (rows * cols, width), patches.device())?;
        let patches =
            patches.reshape((n, rows * cols, width))?.broadcast_add(&positions.to_dtype(format)?)?;
        let first = Tensor::cat(&[params.value(self.class), params.value(self.registers)], 1)?;
        let first = first.to_dtype(format)?.broadcast_as((n, own, width))?.contiguous()?;
        Ok(Node::constant(Tensor::cat(&[first, patches], 1)?))
    }
}

impl OffTheShelf for DinoV2 {
    fn features(&self, params: &Params, images: &Tensor) -> Result<Tensor> {
        let tape = &mut Tape::forgetting_in(params.format());
        let framed = framed(images, self.shape.patch)?;
        let patches = tape.planar_patches(&framed, self.shape.patch)?;
        let patches = self.patches.forward(tape, params, &patches)?;
        let mut x = self.tokens(params, patches.value())?;
        for block in &self.blocks {
            x = block.forward(&mut Pass::new(tape, params), &x)?;
        }
        let class = Node::constant(x.value().narrow(1, 0, 1)?.squeeze(1)?.contiguous()?);
        self.norm.forward(tape, params, &class)?.value().to_dtype(DType::F32)
    }

    fn width(&self) -> usize {
        self.shape.width
    }
}

/// Pads (N, C, H, W) with zeros so that both sides are multiples of `patch`; if the padding is odd, the extra
/// row or column is below or to the right.
pub(crate) fn framed(images: &Tensor, patch: usize) -> Result<Tensor> {
    let mut framed = images.clone();
    for axis in [2, 3] {
        let length = images.dim(axis)?;
        let missing = length.next_multiple_of(patch) - length;
        framed = framed.pad_with_zeros(axis, missing / 2, missing - missing / 2)?;
    }
    framed.contiguous()
}
