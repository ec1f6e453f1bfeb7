//! What adapters with generated filters have in common.

use super::{Convolution, Entry, Images, OwnStem, Replaces};
use crate::{
    backbone::Stem,
    ops::{Weight, buffer},
    params::{Params, Published},
    pass::{Entered, Pass},
    tape::{Node, Tape},
};
use candle_core::Result;

/// A stem that generates the filters of a set's channels and convolves with them.
pub(super) trait Generated: Send + Sync {
    /// Its name in errors.
    const WORD: &'static str;

    /// The stem that it takes the place of.
    fn own(&self) -> Stem;

    /// The number of channels of a set.
    fn channels(&self, set: usize) -> usize;

    /// The filters of a set's channels, a table (C, patch·patch·width).
    fn filters(&self, tape: &mut Tape, params: &Params, set: usize) -> Result<Node>;

    /// As [`Entry::start`].
    fn start(&self, _stem: &OwnStem, _params: &mut Params) -> Result<()> {
        Ok(())
    }
}

impl<G: Generated> Entry for G {
    fn enter(&self, pass: &mut Pass<'_>, images: &Images) -> Result<Entered> {
        expect_channels(G::WORD, self.channels(images.set), images)?;
        let filters = self.filters(pass.tape, pass.params, images.set)?;
        Ok(Entered::Maps(convolve(pass.tape, images, &filters, self.own())?))
    }

    fn start(&self, stem: &OwnStem, params: &mut Params) -> Result<()> {
        Generated::start(self, stem, params)
    }

    fn replaces(&self) -> Replaces {
        Replaces::Convolution
    }

    fn as_convolution(&self, params: &Params, set: usize) -> Result<Option<Convolution>> {
        let filters = self.filters(&mut Tape::forgetting(), params, set)?;
        Ok(Some(as_convolution(&filters, self.own())?))
    }
}

/// A bank of filters, published as (width, count, patch, patch); stored here as one row per filter.
pub(super) fn published(name: impl Into<String>, own: Stem, count: usize) -> Published {
    Published::permuted(name, &[own.width, count, own.patch, own.patch], &[1, 2, 3, 0])
}

/// A bank as a table (count, patch·patch·width).
pub(super) fn table(tape: &mut Tape, bank: &Node) -> Result<Node> {
    let count = bank.dims()[0];
    let width = bank.value().elem_count() / count;
    tape.reshape(bank, (count, width))
}

/// Convolves images with the filters of their channels, a table (C, patch·patch·width), without a bias.
pub(super) fn convolve(tape: &mut Tape, images: &Images, filters: &Node, own: Stem) -> Result<Node> {
    let rows = filters.value().elem_count() / own.width;
    let kernels = tape.reshape(filters, (rows, own.width))?;
    let patches = tape.planar_patches(&images.pixels, own.patch)?;
    tape.linear(&patches, &kernels, Weight::InOut, None)
}

/// The convolution of filters in a table (C, patch·patch·width).
pub(super) fn as_convolution(filters: &Node, own: Stem) -> Result<Convolution> {
    let table = buffer::read(filters.value())?;
    let (width, area) = (own.width, own.area());
    let channels = table.len() / (area * width);
    let mut weight = vec![0.0; table.len()];
    for (at, value) in table.iter().enumerate() {
        let (channel, tap, out) = (at / (area * width), at / width % area, at % width);
        weight[(out * channels + channel) * area + tap] = *value;
    }
    Ok(Convolution { weight, bias: vec![0.0; width] })
}

/// Refuses images with another number of channels than their set.
pub(super) fn expect_channels(word: &str, expected: usize, images: &Images) -> Result<()> {
    let found = images.pixels.dim(1)?;
    if found != expected {
        candle_core::bail!("{word} has filters for {expected} channels of this set, found {found}");
    }
    Ok(())
}

/// He's standard deviation for a kernel with this fan.
pub(super) fn he(fan: usize) -> f64 {
    (2.0 / fan as f64).sqrt()
}
