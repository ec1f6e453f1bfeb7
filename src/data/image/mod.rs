//! An image in memory (a tape: channels side by side), and how files become one: what a file is and says of itself, what
//! can be wrong with it, and its grey levels.

mod codec;
mod described;
mod directory;
mod fault;
mod format;
mod limits;
mod pages;
mod png;
mod tiff;
mod zstd;

pub use fault::Fault;
pub use format::Disguise;
pub(super) use format::disguise;
pub(super) use limits::Held;
pub(super) use pages::{Job, one, several};

use super::intensity::Range;

/// An image, its channels side by side.
#[derive(Clone, Debug, PartialEq)]
pub struct Tape {
    /// Rows of pixels.
    pub height: usize,
    /// Columns of one channel.
    pub width: usize,
    /// Channels, side by side: channel c is columns c · width … (c + 1) · width - 1.
    pub channels: usize,
    /// Row by row: `height` rows of `width · channels` grey levels.
    pub pixels: Pixels,
}

impl Tape {
    /// One of its channels.
    ///
    /// # Panics
    /// If it has no such channel.
    pub fn channel(&self, channel: usize) -> Self {
        assert!(channel < self.channels, "a channel of the image");
        let pixels = match &self.pixels {
            Pixels::Bytes(levels) => Pixels::Bytes(self.of_channel(levels, channel)),
            Pixels::Floats(levels) => Pixels::Floats(self.of_channel(levels, channel)),
        };
        Self { pixels, channels: 1, ..*self }
    }

    fn of_channel<P: Copy>(&self, levels: &[P], channel: usize) -> Vec<P> {
        let rows = levels.chunks_exact((self.width * self.channels).max(1));
        rows.flat_map(|row| &row[channel * self.width..][..self.width]).copied().collect()
    }
}

/// Grey levels in units of 1/255.
#[derive(Clone, Debug, PartialEq)]
pub enum Pixels {
    /// As stored in an 8-bit file.
    Bytes(Vec<u8>),
    /// Between 0 and 255, from 8 or 16 bits by an intensity rule.
    Floats(Vec<f32>),
}

impl Pixels {
    /// The levels of an 8-bit file without a rule.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Floats(_) => None,
        }
    }
}

impl From<Vec<u8>> for Pixels {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

/// Grey levels as stored in files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Levels {
    Eight(Vec<u8>),
    Sixteen(Vec<u16>),
}

impl Levels {
    pub(super) fn bits(&self) -> u8 {
        match self {
            Self::Eight(_) => 8,
            Self::Sixteen(_) => 16,
        }
    }

    /// The lowest and the highest level.
    pub(super) fn range(&self) -> Range {
        fn ends<P: Copy + Ord + Into<u16>>(levels: &[P]) -> Range {
            [levels.iter().min(), levels.iter().max()].map(|level| level.map_or(0, |&level| level.into()))
        }
        match self {
            Self::Eight(levels) => ends(levels),
            Self::Sixteen(levels) => ends(levels),
        }
    }
}

/// One page of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) levels: Levels,
}

#[cfg(test)]
mod tests;
