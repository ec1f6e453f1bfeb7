//! The vision transformer (Dosovitskiy et al. 2021) after its patch embedding, with timm's names: `cls_token`,
//! `pos_embed`, `blocks.i`, `norm`.
//!
//! Positions are learned for a square grid of patches and resized for others, as a fixed linear map, so that they learn from
//! images of every size. Initial values are timm's: tokens of standard deviation 1e-6, positions and linear maps 0.02; those of
//! `mini` have larger maps (`block`).

mod hierarchy;
mod patches;
mod reading;

pub(crate) use patches::Patches;
pub use reading::{Blocks, Reading};

use super::{
    Backbone, Side, Stem,
    block::{Block, Hidden, Kind, chain},
    layers::{INIT_SD, Norm, constant},
    position::{self, Rule},
};
use crate::{
    ops::{Places, Weight},
    params::{ParamId, Params, Published},
    pass::{Entered, Masks, Outputs, Pass},
    spec::settings,
    tape::Node,
};
use candle_core::{Result, Tensor};
use reading::Part;
use std::ops::Range;

/// The standard deviation of initial class and register tokens in timm.
const TOKEN_SD: f64 = 1e-6;

/// Class token, positions, blocks and the last normalisation.
pub struct Vit {
    shape: Shape,
    class: ParamId,
    registers: Option<ParamId>,
    positions: ParamId,
    blocks: Vec<Block>,
    norm: Norm,
}

/// The shape of a vision transformer, and how it is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// Length of a token.
    pub(crate) width: usize,
    /// Blocks.
    pub(crate) depth: usize,
    /// Heads of attention.
    pub(crate) heads: usize,
    /// Side of a patch, in pixels.
    pub(crate) patch: usize,
    /// Side of the patch grid whose positions are learned.
    pub(crate) grid: usize,
    /// Register tokens, which belong to no patch, in addition to the class token.
    pub(crate) registers: usize,
    /// Initial layer scale, if there is one.
    pub(crate) layer_scale: Option<f32>,
    /// Whether the class token has a position.
    pub(crate) class_position: bool,
    /// The drop path of the last block; it decreases linearly to the first.
    pub(crate) drop_path: f64,
    /// What its features are.
    pub(crate) reading: Reading,
    /// How positions are resized.
    pub(crate) resize: Rule,
    /// The hidden layer of its blocks.
    pub(crate) hidden: Hidden,
}

impl Shape {
    /// As declared.
    pub(crate) fn of(word: &settings::Vit) -> Self {
        let (width, patch) = (word.size.width(), word.patch());
        Self {
            width,
            depth: word.size.depth(),
            heads: word.size.heads(),
            patch,
            grid: word.size.side() / patch,
            registers: word.registers,
            layer_scale: word.layer_scale.map(|scale| scale as f32),
            class_position: true,
            drop_path: word.drop_path,
            reading: word.features.into(),
            resize: word.positions.into(),
            hidden: Hidden::Gelu,
        }
    }

    /// Its patch embedding.
    pub(crate) fn stem(&self) -> Stem {
        Stem::vit(self.width, self.patch)
    }

    /// Tokens that belong to no patch: the class token, which is the first, and registers.
    fn own(&self) -> usize {
        1 + self.registers
    }
}

impl Vit {
    /// Adds the parameters to `params`, with timm's random initialisation.
    pub(crate) fn shaped(shape: Shape, params: &mut Params) -> Self {
        let Shape {
            width,
            depth,
            heads,
            grid,
            registers,
            layer_scale,
            class_position,
            drop_path,
            hidden,
            ..
        } = shape;
        let token = |name: &str, count: usize| Published::new(name, &[1, count, width]);
        let positions = usize::from(class_position) + grid * grid;
        let kind = Kind { heads, scale: layer_scale, drop: drop_path, hidden };
        Self {
            shape,
            class: params.add_normal(token("cls_token", 1), TOKEN_SD),
            registers: (registers > 0).then(|| params.add_normal(token("reg_token", registers), TOKEN_SD)),
            positions: params.add_normal(token("pos_embed", positions), INIT_SD),
            blocks: chain("blocks", depth, width, kind, params),
            norm: Norm::new("norm", width, params),
        }
    }

    /// What is added to the tokens of every image, (tokens, width): class token, registers, positions, which are those of
    /// each channel, and what tells channels apart. Each is a fixed linear map of its parameter, so that all of them learn.
    fn table(&self, pass: &mut Pass<'_>, patches: &Patches) -> Result<Node> {
        let table = self.placed_tokens(pass, patches.grid()?, patches.channels())?;
        match patches.of_channels(pass, self.shape.own())? {
            Some(channels) => pass.tape.add(&table, &channels),
            None => Ok(table),
        }
    }

    /// The same without what tells channels apart.
    fn placed_tokens(&self, pass: &mut Pass<'_>, grid: [usize; 2], channels: usize) -> Result<Node> {
        let own = self.shape.own();
        let tokens = own + channels * grid[0] * grid[1];
        let mut positions =
            position::map(self.shape.grid, grid, channels, self.shape.resize).repeat(channels);
        let mut rows = self.shape.grid * self.shape.grid;
        if self.shape.class_position {
            // The first column is the class token's, which no patch reads.
            positions = positions.chunks_exact(rows).flat_map(|row| [&[0.0][..], row].concat()).collect();
            rows += 1;
        }
        let mut map = vec![0.0; own * rows];
        if self.shape.class_position {
            map[0] = 1.0;
        }
        map.extend(positions);
        let mut table = self.placed(pass, self.positions, map, [tokens, rows])?;
        let first = |from: usize, count: usize| {
            let mut map = vec![0.0; tokens * count];
            (0..count).for_each(|at| map[(from + at) * count + at] = 1.0);
            map
        };
        let registers = self.registers.map(|id| (id, 1, self.shape.registers));
        for (id, from, count) in [Some((self.class, 0, 1)), registers].into_iter().flatten() {
            let placed = self.placed(pass, id, first(from, count), [tokens, count])?;
            table = pass.tape.add(&table, &placed)?;
        }
        Ok(table)
    }

    /// A matrix times the rows of a parameter.
    fn placed(&self, pass: &mut Pass<'_>, id: ParamId, map: Vec<f32>, shape: [usize; 2]) -> Result<Node> {
        let map = pass.tape.formatted(&constant(map, &shape, pass.params)?)?;
        let rows = pass.tape.param(pass.params, id);
        let rows = pass.tape.reshape(&rows, (shape[1], self.shape.width))?;
        pass.tape.linear(&map, &rows, Weight::InOut, None)
    }

    /// All tokens before the first block.
    pub(super) fn embedded(&self, pass: &mut Pass<'_>, patches: Patches) -> Result<Node> {
        let (n, rows, cols, width) = patches.maps.value().dims4()?;
        let table = self.table(pass, &patches)?;
        let patches = patches.masked(pass)?;
        let patches = pass.tape.reshape(&patches.maps, (n, rows * cols, width))?;
        pass.tape.tokens(&patches, &table)
    }

    /// The tokens of masked patches, (patches, width), of all tokens (N, T, width) after the last block, if an image is so many
    /// sequences of them; nothing if none is.
    fn of_masked(&self, pass: &mut Pass<'_>, x: &Node, sequences: usize) -> Result<Option<Node>> {
        let places = |masks: &Masks| masks.apart(sequences).places(self.shape.own());
        let Some(places) = pass.masks.map(places).transpose()?.flatten() else {
            return Ok(None);
        };
        let (n, tokens, width) = x.value().dims3()?;
        let all = pass.tape.reshape(x, (1, n * tokens, width))?;
        let chosen = pass.tape.chosen_tokens(&all, &places)?;
        let chosen = self.normalised(pass, &chosen)?;
        let count = chosen.dims()[1];
        Ok(Some(pass.tape.reshape(&chosen, (count, width))?))
    }

    /// One of the things that are read of tokens, (N, width); of channels with patches of their own the mean over those of
    /// each, (N, K · width). Normalisation is token by token: those that are not read need none.
    fn part(&self, pass: &mut Pass<'_>, tokens: &Node, part: Part, patches: &Patches) -> Result<Node> {
        let (n, _, width) = tokens.value().dims3()?;
        let own = self.shape.own();
        let ([rows, cols], channels) = (patches.grid()?, patches.channels());
        let (range, [channels, rows, cols]) = match part {
            Part::Class => (0..1, [1; 3]),
            Part::Patches => (own..own + channels * rows * cols, [channels, rows, cols]),
        };
        let x = pass.tape.token_range(tokens, range)?;
        let x = self.normalised(pass, &x)?;
        let x = pass.tape.reshape(&x, (n * channels, rows, cols, width))?;
        let x = pass.tape.mean_pixels(&x)?;
        pass.tape.reshape(&x, (n, channels * width))
    }

    /// The class token and those of the visible patches only, after the last normalisation: (N, 1 + K, width).
    pub(crate) fn visible(&self, pass: &mut Pass<'_>, patches: Patches, visible: &Places) -> Result<Node> {
        let x = self.embedded(pass, patches)?;
        let x = pass.tape.chosen_tokens(&x, &visible.behind(self.shape.own()))?;
        let mut x = self.through(pass, x, 0..self.shape.depth)?;
        let (n, tokens, _) = x.value().dims3()?;
        if self.shape.registers > 0 {
            let own = (0..1).chain(self.shape.own()..tokens).collect::<Vec<_>>();
            x = pass.tape.chosen_tokens(&x, &Places::new(own.repeat(n), own.len(), tokens)?)?;
        }
        self.normalised(pass, &x)
    }

    /// Tokens (N, T, width) after some of the blocks.
    pub(super) fn through(&self, pass: &mut Pass<'_>, mut x: Node, blocks: Range<usize>) -> Result<Node> {
        for block in &self.blocks[blocks] {
            x = block.forward(pass, &x)?;
        }
        Ok(x)
    }

    /// The last normalisation.
    pub(super) fn normalised(&self, pass: &mut Pass<'_>, x: &Node) -> Result<Node> {
        self.norm.forward(pass.tape, pass.params, x)
    }
}

impl Backbone for Vit {
    fn run(&self, pass: &mut Pass<'_>, x: Entered) -> Result<Outputs> {
        let x = match x {
            Entered::Apart(x) => return self.in_two_levels(pass, x),
            x => x,
        };
        let patches = Patches::of(pass.tape, x)?;
        if let Some(tap) = &mut pass.tap {
            tap(&patches.maps)?;
        }
        if let Some(visible) = pass.visible {
            let (n, _, _, width) = patches.maps.value().dims4()?;
            let tokens = self.visible(pass, patches, visible)?;
            let class = pass.tape.token_range(&tokens, 0..1)?;
            let features = pass.tape.reshape(&class, (n, width))?;
            return Ok(Outputs { tokens: Some(tokens), ..Outputs::of(features) });
        }
        let mut x = self.embedded(pass, patches.clone())?;
        let Shape { reading, depth, .. } = self.shape;
        let (mut parts, mut at) = (Vec::new(), 0);
        for (block, part) in reading.parts(depth) {
            x = self.through(pass, x, at..block + 1)?;
            at = block + 1;
            parts.push(self.part(pass, &x, part, &patches)?);
        }
        let tokens = self.of_masked(pass, &x, 1)?;
        Ok(Outputs { tokens, ..Outputs::of(side_by_side(parts, pass.tape.is_recording())?) })
    }

    fn tokens(&self, pass: &mut Pass<'_>, x: Entered) -> Result<Node> {
        let patches = Patches::of(pass.tape, x)?;
        let tokens = self.embedded(pass, patches)?;
        let tokens = self.through(pass, tokens, 0..self.shape.depth)?;
        self.normalised(pass, &tokens)
    }

    fn width(&self) -> usize {
        self.shape.width * self.parts()
    }

    fn parts(&self) -> usize {
        self.shape.reading.parts(self.shape.depth).count()
    }

    fn side(&self) -> Side {
        Side { least: self.shape.patch, multiple: self.shape.patch }
    }

    fn resizing(&self) -> Option<Rule> {
        Some(self.shape.resize)
    }

    fn stem(&self) -> Option<Stem> {
        Some(self.shape.stem())
    }
}

/// What was read of several tokens, in a row. Only one of them is ever trained.
fn side_by_side(mut parts: Vec<Node>, recorded: bool) -> Result<Node> {
    match parts.len() {
        1 => Ok(parts.remove(0)),
        _ if recorded => candle_core::bail!("a transformer is trained by the features of one token"),
        _ => {
            let values: Vec<&Tensor> = parts.iter().map(Node::value).collect();
            Ok(Node::constant(Tensor::cat(&values, 1)?))
        }
    }
}

#[cfg(test)]
mod tests;
