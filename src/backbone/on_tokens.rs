//! A vision transformer on another network's tokens: the classifier of CODA's dual model (section 3.2; `domain_adaptation/ODA`).
//!
//! One linear map takes the place of its patch embedding, class token and positions; the other network's class token, which is
//! the first, becomes its own.

use super::{
    Backbone, Side,
    block::{Block, Kind, chain},
    layers::{Affine, Norm},
    vit::Shape,
};
use crate::{
    params::{Params, Published},
    pass::{Entered, Outputs, Pass},
};
use candle_core::Result;

/// The linear map, blocks and the last normalisation.
pub struct OnTokens {
    width: usize,
    side: Side,
    map: Affine,
    blocks: Vec<Block>,
    norm: Norm,
}

impl OnTokens {
    /// Adds the parameters to `params`: `linear_projector`, as released, and `main_model.blocks.i`, `main_model.norm`.
    /// Tokens have `ins` numbers, and come from images of such sides.
    pub(crate) fn new(shape: Shape, ins: usize, side: Side, params: &mut Params) -> Self {
        let Shape { width, depth, heads, layer_scale, drop_path, hidden, .. } = shape;
        let map = Affine::uniform(Published::new("linear_projector.weight", &[width, ins]), params);
        let mut own = params.within(MAIN);
        let kind = Kind { heads, scale: layer_scale, drop: drop_path, hidden };
        let blocks = chain("blocks", depth, width, kind, &mut own);
        Self { width, side, map, blocks, norm: Norm::new("norm", width, &mut own) }
    }
}

/// The prefix of the classifier's own names.
pub(crate) const MAIN: &str = "main_model.";

impl Backbone for OnTokens {
    fn run(&self, pass: &mut Pass<'_>, x: Entered) -> Result<Outputs> {
        let tokens = pass.tape.formatted(&x.tokens()?)?;
        let mut x = self.map.forward(pass.tape, pass.params, &tokens)?;
        for block in &self.blocks {
            x = block.forward(pass, &x)?;
        }
        let (n, _, width) = x.value().dims3()?;
        let x = pass.tape.token_range(&x, 0..1)?;
        let x = self.norm.forward(pass.tape, pass.params, &x)?;
        Ok(Outputs::of(pass.tape.reshape(&x, (n, width))?))
    }

    fn width(&self) -> usize {
        self.width
    }

    fn side(&self) -> Side {
        self.side
    }
}
