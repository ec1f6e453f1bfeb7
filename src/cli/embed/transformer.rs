//! `embed` with a published transformer: which tokens of which blocks, how channels come in, what pixels are normalised by.

use super::{AdapterWord, Embed, Written};
use crate::{
    adapter::{Channels, Planes},
    backbone::{
        Blocks, Reading, files,
        published::{Pixels, Transformer, Weights},
    },
    cli::{
        failure::{Failure, Result},
        output,
        progress::Progress,
    },
    data::{ImageSet, Norm, norm::OF_CROP},
    embed::Embedder,
    spec::RgbNorm,
};
use candle_core::Device;
use clap::{Args, ValueEnum};
use std::path::Path;

/// Planes that a channel can be repeated on.
const REPEATED: [usize; 2] = [1, 3];

#[derive(Args, Debug)]
pub(super) struct Options {
    /// Of a transformer: what its pixels are normalised by [default: nothing with channel-replication, else what the weights
    /// were trained with]
    #[arg(long, value_enum, value_name = "HOW")]
    normalise: Option<Normalise>,
    /// Of a transformer: which tokens are the features [default: cls]
    #[arg(long, value_enum, value_name = "TOKENS")]
    tokens: Option<Tokens>,
    /// Of a transformer: the class tokens of its last N blocks, in ascending depth; with `mean`, then the mean over patches of
    /// the last
    #[arg(long, value_name = "N", conflicts_with = "block")]
    last_blocks: Option<usize>,
    /// Of a transformer: the tokens after block K, counted from 0 as in its weights' names, behind the last normalisation
    #[arg(long, value_name = "K")]
    block: Option<usize>,
    /// Of a transformer: which network of a checkpoint with several, by a step of its names: student, teacher [default: the
    /// teacher]
    #[arg(long, value_name = "NAME")]
    part: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Normalise {
    /// Values from 0 to 1 as they are
    None,
    /// ImageNet's mean and standard deviation of red, green and blue
    Imagenet,
    /// Each crop and channel minus its mean, divided by its standard deviation + 1e-7
    Crop,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Tokens {
    /// The class token
    Cls,
    /// The mean over the patches' tokens, without registers
    Mean,
    /// The class token, then the mean
    #[value(name = "cls+mean")]
    ClsMean,
}

impl Options {
    /// Refuses what other networks have not.
    pub(super) fn refuse_for_others(&self, adapter: AdapterWord) -> Result {
        let Self { normalise, tokens, last_blocks, block, part } = self;
        let said = [
            (adapter != AdapterWord::ChannelReplication, "--adapter"),
            (normalise.is_some_and(|how| how != Normalise::None), "--normalise"),
            (tokens.is_some(), "--tokens"),
            (last_blocks.is_some(), "--last-blocks"),
            (block.is_some(), "--block"),
            (part.is_some(), "--part"),
        ];
        match said.iter().find(|(said, _)| *said) {
            None => Ok(()),
            Some((_, option)) => {
                let message = format!("expected a published transformer for `{option}`");
                let hint = format!("say it with --model {}", Transformer::USUAL.join(", "));
                Err(Failure::new(message).hint(hint))
            }
        }
    }

    fn reading(&self, transformer: &Transformer) -> Result<Reading> {
        let tokens = self.tokens.unwrap_or(Tokens::Cls);
        let patches = tokens != Tokens::Cls;
        let (class, blocks, option) = match (self.last_blocks, self.block) {
            (Some(count), _) => (true, Blocks::Last(count), "--last-blocks"),
            (None, Some(block)) => (tokens != Tokens::Mean, Blocks::One(block), "--block"),
            (None, None) => (tokens != Tokens::Mean, Blocks::Last(1), "--tokens"),
        };
        let reading = Reading { class, patches, blocks };
        let hint = match blocks {
            Blocks::Last(_) => "DINOv2's probes read 1 or 4",
            Blocks::One(_) => "blocks are counted from 0, as in the names of weights",
        };
        let wrong = |why: String| Failure::new(format!("{option}: {why}")).hint(hint);
        reading.check(transformer.depth()).map_err(wrong)?;
        Ok(reading)
    }

    /// What pixels are normalised by, and why.
    fn pixels(
        &self,
        transformer: &Transformer,
        weights: &Weights,
        channels: Channels,
    ) -> Result<(Pixels, &'static str)> {
        let pixels = match self.normalise {
            None if channels == Channels::Repeated => {
                return Ok((Pixels::Plain, "as channel replication was published; see --normalise"));
            }
            None => {
                let why = "as the weights were trained; see --normalise";
                return Ok((transformer.trained_with(weights.planes), why));
            }
            Some(Normalise::None) => Pixels::Plain,
            Some(Normalise::Imagenet) => Pixels::Rgb(RgbNorm::ImageNet),
            Some(Normalise::Crop) => Pixels::Crop,
        };
        match (pixels, weights.planes) {
            (Pixels::Rgb(_), planes) if planes != 3 => {
                let message =
                    format!("`--normalise imagenet` is for three planes, and these weights read {planes}");
                Err(Failure::new(message).hint("say --normalise crop or --normalise none"))
            }
            _ => Ok((pixels, "as --normalise says")),
        }
    }
}

impl Embed {
    pub(super) fn with_transformer(&self, transformer: &Transformer, device: &Device, quiet: bool) -> Result {
        let options = &self.of_transformers;
        let reading = options.reading(transformer)?;
        let file = match &self.weights {
            Some(file) if file.is_file() => file.clone(),
            place => files::find(&transformer.file(), place.as_deref())?,
        };
        let weights = Weights::open(&file, transformer, reading, options.part.as_deref())?;
        let channels = channels(self.adapter, transformer, &weights)?;
        let (pixels, why) = options.pixels(transformer, &weights, channels)?;
        let norm = match pixels {
            Pixels::Rgb(norm) => Some(norm.values().map(Vec::from)),
            Pixels::Plain | Pixels::Crop => None,
        };
        let (count, padded) = (weights.planes, transformer.pads());
        let data = self.open()?;
        let sets = data.only(&self.sets)?;
        sets.iter().try_for_each(|set| fits(set, (count, channels), &file))?;
        let planes = Planes { count, channels, norm, padded };
        let embedder = Embedder::transformer(&weights, planes, sets.len())?;
        // Before any image is read.
        sets.iter().try_for_each(|set| self.make_room(set))?;
        weights.remarks().iter().for_each(|remark| output::warn(remark));
        output::note(&format!("pixels: {}, {why}", said(pixels)));
        let mut progress = Progress::new(quiet);
        data.measure(&mut progress)?;
        let mut written = Written::new();
        let norm = |set: &ImageSet| match pixels {
            Pixels::Crop => Norm::View(OF_CROP),
            Pixels::Plain | Pixels::Rgb(_) => Norm::none(set.channels.len()),
        };
        let normed = sets.into_iter().map(|set| (set, norm(set)));
        self.write(embedder, device, normed, &mut progress, &mut written)?;
        progress.rest();
        self.report(written)
    }
}

/// What becomes of channels, if these weights can do it.
fn channels(adapter: AdapterWord, transformer: &Transformer, weights: &Weights) -> Result<Channels> {
    let refused = |expected: String, hint: &str| Err(Failure::new(expected).hint(hint));
    let count = weights.planes;
    if transformer.has_patches_of_channels() {
        return match (adapter, weights.table) {
            (AdapterWord::ChannelVit, Some(table)) => Ok(Channels::Tokens(table)),
            (AdapterWord::ChannelVit, None) => {
                let message =
                    "expected a table of channels in the weights, `patch_embed.channel_embed`, found none";
                refused(
                    message.into(),
                    "say --model dinov2_vits16 or another name for weights without a table",
                )
            }
            _ => {
                let message =
                    "expected --adapter channel-vit for a model whose channels have patches of their own";
                refused(message.into(), "say --adapter channel-vit")
            }
        };
    }
    match adapter {
        AdapterWord::ChannelVit => {
            let message = "expected a model whose channels have patches of their own for channel-vit";
            refused(message.into(), "say --model channelvit_small_patch16, or another --adapter")
        }
        AdapterWord::Planes => Ok(Channels::Planes),
        AdapterWord::BagOfChannels if count == 1 => Ok(Channels::Bag),
        AdapterWord::BagOfChannels => {
            let message = format!("expected weights of one plane for bag-of-channels, found {count} planes");
            refused(message, "say --adapter channel-replication, which repeats each channel on three planes")
        }
        AdapterWord::ChannelReplication if REPEATED.contains(&count) => Ok(Channels::Repeated),
        AdapterWord::ChannelReplication => {
            let message = format!(
                "expected weights of one plane or three for channel-replication, found {count} planes"
            );
            refused(message, "say --adapter planes for sets with as many channels")
        }
    }
}

/// Refuses a set whose channels do not fit: one for each plane, or no more than a table has.
fn fits(set: &ImageSet, (planes, channels): (usize, Channels), file: &Path) -> Result {
    let (found, names) = (set.channels.len(), set.channels.join(", "));
    let (holds, expected, hint) = match channels {
        Channels::Repeated | Channels::Bag => return Ok(()),
        Channels::Planes => (
            found == planes,
            format!("{planes} channels in set `{}` for the {planes} planes", set.name),
            "select sets with `--set NAME`, or say --adapter channel-replication",
        ),
        Channels::Tokens(table) => (
            found <= table.channels,
            format!(
                "at most {most} channels in set `{}` for the {most} in the table",
                set.name,
                most = table.channels
            ),
            "select sets with `--set NAME`, or take weights that read any number of channels",
        ),
    };
    if holds {
        return Ok(());
    }
    let message = format!("expected {expected} of {}, found {found}: {names}", file.display());
    Err(Failure::new(message).hint(hint))
}

/// What is done to pixels.
fn said(pixels: Pixels) -> String {
    match pixels {
        Pixels::Plain => "values from 0 to 1, no mean and SD".into(),
        Pixels::Crop => "each crop and channel minus its mean, divided by its SD + 1e-7".into(),
        Pixels::Rgb(norm) => {
            let [mean, sd] = norm.values().map(|values| values.map(|value| value.to_string()).join(" "));
            format!("minus mean {mean}, divided by SD {sd}")
        }
    }
}
