//! The patches that a transformer takes: those of an image, or those of each of its channels.

use crate::{
    ops::Weight,
    pass::{ChannelMaps, Entered, Pass},
    tape::{Node, Tape},
};
use candle_core::Result;

/// Patches of images, before tokens that belong to none and positions.
#[derive(Clone)]
pub(crate) struct Patches {
    /// (N, K · rows, columns, width), where K is 1 unless channels have patches of their own.
    pub(super) maps: Node,
    /// What the tokens of each channel have besides their positions, (K, width).
    embeddings: Option<Node>,
}

impl Patches {
    /// Of what came from a first layer, in the number format of the tape.
    ///
    /// # Errors
    /// If the first layer's output has no patches.
    pub(crate) fn of(tape: &mut Tape, x: Entered) -> Result<Self> {
        let (maps, embeddings) = match x {
            Entered::Channels(ChannelMaps { maps, embeddings }) => (maps, Some(tape.formatted(&embeddings)?)),
            maps => (maps.maps()?, None),
        };
        Ok(Self { maps: tape.formatted(&maps)?, embeddings })
    }

    /// Channels with patches of their own.
    pub(super) fn channels(&self) -> usize {
        self.embeddings.as_ref().map_or(1, |embeddings| embeddings.dims()[0])
    }

    /// Rows and columns of the grid of an image, or of one of its channels.
    pub(super) fn grid(&self) -> Result<[usize; 2]> {
        let (_, rows, cols, _) = self.maps.value().dims4()?;
        Ok([rows / self.channels(), cols])
    }

    /// What all tokens of the channels have besides positions, behind `own` tokens that have nothing, (tokens, width).
    pub(super) fn of_channels(&self, pass: &mut Pass<'_>, own: usize) -> Result<Option<Node>> {
        let Some(embeddings) = &self.embeddings else { return Ok(None) };
        let ([rows, cols], channels) = (self.grid()?, self.channels());
        let (each, mut map) = (rows * cols, vec![0.0; own * channels]);
        for channel in 0..channels {
            let mut row = vec![0.0; channels];
            row[channel] = 1.0;
            (0..each).for_each(|_| map.extend_from_slice(&row));
        }
        let map = super::constant(map, &[own + channels * each, channels], pass.params)?;
        let map = pass.tape.formatted(&map)?;
        Ok(Some(pass.tape.linear(&map, embeddings, Weight::InOut, None)?))
    }

    /// The same with one and the same token in the place of those that are masked, if some are and the pass says so.
    pub(super) fn masked(self, pass: &mut Pass<'_>) -> Result<Self> {
        let (Some(masks), Some(token)) = (pass.masks.filter(|masks| masks.count() > 0), pass.mask_token)
        else {
            return Ok(self);
        };
        let (n, rows, cols, width) = self.maps.value().dims4()?;
        let all = pass.tape.reshape(&self.maps, (1, n * rows * cols, width))?;
        let seen = masks.seen()?;
        let visible = pass.tape.chosen_tokens(&all, &seen)?;
        let filler = pass.tape.param(pass.params, token);
        let filler = pass.tape.reshape(&filler, width)?;
        let all = pass.tape.spread_tokens(&visible, &filler, &seen)?;
        Ok(Self { maps: pass.tape.reshape(&all, (n, rows, cols, width))?, ..self })
    }
}
