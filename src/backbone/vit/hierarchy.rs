//! A transformer in two levels (De Lorenci et al. 2025, section 2.8 of the specification): each channel is a sequence of its own
//! behind a channel token, and the class token sees nothing but the channel tokens and itself.
//!
//! As channels do not see one another, they are images of a batch; the class token is a second, short sequence through the same
//! blocks: at each depth it attends to itself and to the channel tokens of that depth.

use super::{Reading, Shape, Vit, constant};
use crate::{
    ops::Places,
    pass::{Entered, MapsApart, Outputs, Pass},
    spec::VitFeatures,
    tape::Node,
};
use candle_core::Result;

impl Vit {
    /// Features (N, (1 + K) · width): the class token, then the token of each channel.
    pub(super) fn in_two_levels(&self, pass: &mut Pass<'_>, x: MapsApart) -> Result<Outputs> {
        let Shape { reading, width, registers, .. } = self.shape;
        if reading != Reading::from(VitFeatures::ClassToken) || registers > 0 || pass.visible.is_some() {
            candle_core::bail!(
                "a transformer in two levels has no registers, and is read by its class token"
            );
        }
        let MapsApart { maps, channels, token } = x;
        let patches = super::Patches::of(pass.tape, Entered::Maps(maps))?;
        let (rows, n) = (patches.maps.dims()[0], patches.maps.dims()[0] / channels);
        let token = pass.tape.formatted(&token)?;
        let (of_patches, of_class) = self.two_tables(pass, patches.grid()?, &token)?;
        let patches = patches.masked(pass)?;
        let [rows_of_grid, cols] = patches.grid()?;
        let patches = pass.tape.reshape(&patches.maps, (rows, rows_of_grid * cols, width))?;
        let mut streams = pass.tape.tokens(&patches, &of_patches)?;
        let nothing = constant(vec![0.0; n * width], &[n, 1, width], pass.params)?;
        let nothing = pass.tape.formatted(&nothing)?;
        let mut class = pass.tape.tokens(&nothing, &of_class)?;
        for block in &self.blocks {
            let together = self.in_front(pass, &class, &streams)?;
            class = block.forward_first(pass, &together)?;
            streams = block.forward(pass, &streams)?;
        }
        let together = self.in_front(pass, &class, &streams)?;
        let features = self.normalised(pass, &together)?;
        let features = pass.tape.reshape(&features, (n, (1 + channels) * width))?;
        let tokens = self.of_masked(pass, &streams, channels)?;
        Ok(Outputs { tokens, ..Outputs::of(features) })
    }

    /// What is added to the tokens of each channel: its own token, which has no position, and positions; and the class token with
    /// its position.
    fn two_tables(&self, pass: &mut Pass<'_>, grid: [usize; 2], token: &Node) -> Result<(Node, Node)> {
        let count = grid[0] * grid[1];
        let whole = self.placed_tokens(pass, grid, 1)?;
        let width = self.shape.width;
        let whole = pass.tape.reshape(&whole, (1, 1 + count, width))?;
        let class = pass.tape.token_range(&whole, 0..1)?;
        let positions = pass.tape.token_range(&whole, 1..1 + count)?;
        let token = pass.tape.reshape(token, (1, 1, width))?;
        let table = joined(pass, [&token, &positions])?;
        Ok((pass.tape.reshape(&table, (1 + count, width))?, pass.tape.reshape(&class, (1, width))?))
    }

    /// The class token (N, 1, width) in front of the first token of each channel's sequence (N · K, T, width): (N, 1 + K, width).
    fn in_front(&self, pass: &mut Pass<'_>, class: &Node, streams: &Node) -> Result<Node> {
        let (n, rows) = (class.dims()[0], streams.dims()[0]);
        let first = pass.tape.token_range(streams, 0..1)?;
        let first = pass.tape.reshape(&first, (n, rows / n, self.shape.width))?;
        joined(pass, [class, &first])
    }
}

/// Tokens (N, A, width) in front of others (N, B, width).
fn joined(pass: &mut Pass<'_>, both: [&Node; 2]) -> Result<Node> {
    let (n, a, width) = both[0].value().dims3()?;
    let all = a + both[1].dims()[1];
    let zero = constant(vec![0.0; width], &[width], pass.params)?;
    let zero = pass.tape.formatted(&zero)?;
    let mut spread = |x: &Node, range: std::ops::Range<usize>| {
        let count = range.len();
        let places = Places::new(range.collect::<Vec<_>>().repeat(n), count, all)?;
        pass.tape.spread_tokens(x, &zero, &places)
    };
    let (first, second) = (spread(both[0], 0..a)?, spread(both[1], a..all)?);
    pass.tape.add(&first, &second)
}
