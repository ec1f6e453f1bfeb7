//! ChannelVit: one projection for all channels, whose patches stay apart, and a learned vector for each place of a channel.

use super::{Entry, Images, Replaces, first_layer::OwnStem, plain::Plain};
use crate::{
    backbone::Stem,
    params::{ParamId, Params, Published},
    pass::{ChannelMaps, Entered, Pass},
    seed::Stream,
    spec::{self, FromRgb, SampledChannels},
};
use candle_core::Result;

/// The standard deviation of initial vectors of channels in the published code.
const EMBEDDING_SD: f64 = 0.02;

pub(super) struct ChannelVit {
    layer: Plain,
    /// (channels, width).
    embeddings: ParamId,
    channels: usize,
    from_rgb: FromRgb,
    sampled: SampledChannels,
}

impl ChannelVit {
    pub(super) fn new(word: &spec::ChannelVit, own: Stem, params: &mut Params) -> Self {
        let spec::ChannelVit { channels, from_rgb, sampled } = *word;
        let table = ChannelTable { channels, by_rows: true };
        Self { from_rgb, sampled, ..Self::published(table, own, params) }
    }

    /// As a published file has it.
    pub(super) fn published(table: ChannelTable, own: Stem, params: &mut Params) -> Self {
        Self {
            layer: Plain::new(1, own, params),
            embeddings: params.add_normal(table.published(own.width), EMBEDDING_SD),
            channels: table.channels,
            from_rgb: FromRgb::Sum,
            sampled: SampledChannels::All,
        }
    }
}

/// The table of channels in a published file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelTable {
    /// Channels in it.
    pub channels: usize,
    /// Whether a channel is a row of it; otherwise it is a column of (1, width, channels, 1, 1).
    pub by_rows: bool,
}

impl ChannelTable {
    /// Its name where channels are rows.
    pub const ROWS: &str = "patch_embed.channel_embed.weight";
    /// Its name where they are columns.
    pub const COLUMNS: &str = "patch_embed.channel_embed";

    fn published(self, width: usize) -> Published {
        let Self { channels, by_rows } = self;
        match by_rows {
            true => Published::new(Self::ROWS, &[channels, width]),
            false => Published::permuted(Self::COLUMNS, &[1, width, channels, 1, 1], &[2, 0, 1, 3, 4]),
        }
    }
}

impl Entry for ChannelVit {
    fn enter(&self, pass: &mut Pass<'_>, images: &Images) -> Result<Entered> {
        let (n, channels, height, width) = images.pixels.dims4()?;
        let places = pass.channels.map_or_else(|| (0..channels).collect(), <[usize]>::to_vec);
        if places.len() != channels || places.iter().any(|place| *place >= self.channels) {
            candle_core::bail!(
                "ChannelVit was made for at most {} channels, found {channels}: {places:?}",
                self.channels
            );
        }
        let pixels = images.pixels.reshape((n * channels, 1, height, width))?;
        let maps = self.layer.enter(pass, &Images { pixels, set: images.set })?.maps()?;
        let (_, rows, cols, numbers) = maps.value().dims4()?;
        let maps = pass.tape.reshape(&maps, (n, channels * rows, cols, numbers))?;
        let table = pass.tape.param(pass.params, self.embeddings);
        let table = pass.tape.reshape(&table, (self.channels, numbers))?;
        let embeddings = pass.tape.rows(&table, &places)?;
        Ok(Entered::Channels(ChannelMaps { maps, embeddings }))
    }

    fn start(&self, stem: &OwnStem, params: &mut Params) -> Result<()> {
        self.layer.start_as_grey(self.from_rgb, stem, params)
    }

    fn replaces(&self) -> Replaces {
        Replaces::Convolution
    }

    fn has_patches_of_channels(&self) -> bool {
        true
    }

    fn sample(&self, _: &Params, channels: usize, stream: &mut Stream) -> Result<Option<Vec<usize>>> {
        match self.sampled {
            SampledChannels::All => Ok(None),
            SampledChannels::Hierarchical => {
                let count = 1 + stream.below(channels);
                let mut all: Vec<usize> = (0..channels).collect();
                stream.shuffle(&mut all);
                all.truncate(count);
                Ok(Some(all))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    /// Conformance list 9: how many is uniform, which are distinct, and so is their order.
    #[test]
    fn sampled_channels_are_any_number_of_any_of_them() {
        let word =
            spec::ChannelVit { channels: 5, from_rgb: FromRgb::Sum, sampled: SampledChannels::Hierarchical };
        let mut params = Params::new(Seed(1));
        let entry = ChannelVit::new(&word, Stem::vit(4, 2), &mut params);
        let mut stream = Seed(2).stream("channels");
        const DRAWS: usize = 10_000;
        let (mut counts, mut firsts, mut with_four) = ([0usize; 5], [0usize; 5], 0usize);
        for _ in 0..DRAWS {
            let drawn = entry.sample(&params, 5, &mut stream).unwrap().unwrap();
            let mut sorted = drawn.clone();
            sorted.sort_unstable();
            sorted.dedup();
            assert!(sorted.len() == drawn.len() && sorted.iter().all(|channel| *channel < 5), "{drawn:?}");
            counts[drawn.len() - 1] += 1;
            firsts[drawn[0]] += 1;
            with_four += usize::from(drawn.contains(&4));
        }
        for count in counts.into_iter().chain(firsts) {
            assert!(count.abs_diff(DRAWS / 5) < 200, "{counts:?}, {firsts:?}");
        }
        // On average three of five.
        assert!(with_four.abs_diff(DRAWS * 3 / 5) < 250, "{with_four}");
        let all = spec::ChannelVit { sampled: SampledChannels::All, ..word };
        let entry = ChannelVit::new(&all, Stem::vit(4, 2), &mut Params::new(Seed(1)));
        assert!(entry.sample(&params, 5, &mut stream).unwrap().is_none());
    }
}
