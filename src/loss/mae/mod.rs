//! The masked autoencoder's term (He et al. 2022): the decoder's error on the patches that the encoder did not see.

mod hidden;
mod target;
#[cfg(test)]
mod tests;

pub use hidden::Hidden;

use super::{Forwarded, Term, Valued};
use crate::{
    backbone::{DecoderShape, MaeDecoder, fix_positions},
    curve::Clock,
    params::Params,
    pass::Pass,
    seed::Stream,
    spec::{MaePositions, settings},
    tape::{Node, Tape},
};
use candle_core::{Result, Tensor};

/// A decoder, and how its drawing is compared.
pub struct Autoencoder {
    word: settings::Mae,
    decoder: MaeDecoder,
    patch: usize,
}

/// The tokens and the patches that a decoder has to do with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// Length of the encoder's tokens.
    pub width: usize,
    /// Side of a patch, in pixels.
    pub patch: usize,
    /// Channels that are drawn.
    pub channels: usize,
}

impl Autoencoder {
    /// Adds the decoder's parameters to `params`.
    pub fn new(word: &settings::Mae, of: Drawn, params: &mut Params) -> Self {
        let Drawn { width, patch, channels } = of;
        let shape = DecoderShape {
            encoder: width,
            width: word.decoder_width,
            depth: word.decoder_depth,
            heads: word.decoder_heads,
            patch: patch * patch * channels,
        };
        if word.positions == MaePositions::Fixed {
            fix_positions(params).expect("the check refuses networks without positions");
        }
        Self { word: word.clone(), decoder: MaeDecoder::new(shape, params), patch }
    }

    /// Whether a parameter with this name is one of a decoder.
    pub fn is_decoder(name: &str) -> bool {
        MaeDecoder::is_its_own(name)
    }

    /// Hides patches of images with these pixels, each by draws from a stream of its own.
    ///
    /// # Errors
    /// If nothing would be visible.
    pub fn hide(&self, pixels: Tensor, stream: impl Fn(usize) -> Stream) -> Result<Hidden> {
        let (images, _, height, width) = pixels.dims4()?;
        let patches = (height / self.patch) * (width / self.patch);
        let visible = Hidden::places(images, patches, self.word.kept(patches), stream)?;
        Ok(Hidden { visible, pixels })
    }

    /// Every patch as the decoder draws it, from the tokens of the visible ones: (N, T, numbers of a patch).
    ///
    /// # Errors
    /// If the tokens are not those of these images.
    pub fn draw(&self, tape: &mut Tape, params: &Params, tokens: &Node, hidden: &Hidden) -> Result<Node> {
        self.decoder.draw(&mut Pass::new(tape, params), tokens, &hidden.visible, hidden.grid(self.patch)?)
    }

    /// The mean squared error of the hidden patches.
    ///
    /// # Errors
    /// If the tokens are not those of these images.
    pub fn error(&self, tape: &mut Tape, params: &Params, tokens: &Node, hidden: &Hidden) -> Result<Node> {
        let drawn = self.draw(tape, params, tokens, hidden)?;
        let target = target::of(&hidden.pixels, self.patch, self.word.normalised)?;
        tape.masked_error(&drawn, &target, &hidden.visible.left_out())
    }
}

impl Term for Autoencoder {
    fn autoencoder(&self) -> Option<&Autoencoder> {
        Some(self)
    }

    fn value(&self, tape: &mut Tape, params: &Params, out: &Forwarded<'_>, _: &Clock) -> Result<Valued> {
        let (Some(hidden), Some(tokens)) = (out.hidden, &out.student[0].tokens) else {
            candle_core::bail!("a masked autoencoder meets images of which nothing is hidden")
        };
        Ok(self.error(tape, params, tokens, hidden)?.into())
    }
}
