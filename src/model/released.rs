//! The checkpoints that CHAMMI's authors released (specification, sections 3.5 and 4.8), converted to our
//! models.
//!
//! The names and shapes of its parameters determine what a checkpoint is. Its backbone is a list without the
//! names of stages, and first layers are included a second time, as `adaptive_interface`.

use super::{Card, CardSet, Extractor};
use crate::{
    backbone::{Shape, files, torch},
    data::{
        Statistics,
        known::chammi::{channels, statistics},
    },
    params::{Params, Published},
    seed::Seed,
    spec::{
        Adapter, ClassEmbedding, Coefficients, ConvNext, ConvNextSize, Depthwise, Embeddings, FirstLayer,
        FixedChannels, HyperNet, Model, NewChannels, Pooling, SliceParam, TargetParam, TemplateMixing,
        Weights, bounds, chammi,
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};
use torch::{Checkpoint, Stored};

/// The key of the parameters.
const PARAMETERS: &str = "model_params";
/// The prefix under which first layers are repeated.
const SECOND: &str = "adaptive_interface.";
/// Parameters of the loss, which features do not need.
const OF_LOSS: [&str; 2] = ["proxies", "logit_scale"];
/// Side of the released models' input, in pixels.
const IMAGE: usize = 224;

/// A released checkpoint.
pub struct Released {
    /// The model, and the images that it expects.
    pub card: Card,
    /// Its parameters, including those of the loss.
    pub params: Params,
    /// The same as a feature extractor.
    pub model: Extractor,
    /// The epoch after which it was saved.
    pub epoch: Option<i64>,
    /// The number of 64-bit tensors, which were rounded.
    pub rounded: usize,
    /// The number of 16-bit tensors, which were widened.
    pub widened: usize,
}

/// Why a checkpoint cannot be converted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read.
    #[error(transparent)]
    Checkpoint(#[from] torch::Error),
    /// It has no model.
    #[error("{} has no `{PARAMETERS}`; {}", path.display(), keys(found))]
    NoModel {
        /// The file.
        path: PathBuf,
        /// The keys that it has.
        found: Vec<String>,
    },
    /// Its parameters belong to no adapter.
    #[error("{} belongs to no adapter of CHAMMI; {}", path.display(), files::list("its parameters", found))]
    Adapter {
        /// The file.
        path: PathBuf,
        /// The names of its parameters.
        found: Vec<String>,
    },
    /// Its number of channels is not that of any set, or of the set that was named.
    #[error("{} reads {found} channels; {expected}", path.display())]
    Channels {
        /// The file.
        path: PathBuf,
        /// The number of channels that it reads.
        found: usize,
        /// Which set does not fit.
        expected: String,
    },
    /// A set was named for a model that reads all sets.
    #[error("{} is a {word}, which reads all of {}", path.display(), chammi::SETS.join(", "))]
    AllSets {
        /// The file.
        path: PathBuf,
        /// The adapter.
        word: &'static str,
    },
    /// It was trained with a setting that this program does not have.
    #[error("{}: its configuration has {key} `{found}`; expected {expected}", path.display())]
    Setting {
        /// The file.
        path: PathBuf,
        /// The setting.
        key: &'static str,
        /// Its value.
        found: String,
        /// What is supported.
        expected: &'static str,
    },
    /// A size that no model has.
    #[error("{}: {wrong}", path.display())]
    Size {
        /// The file.
        path: PathBuf,
        /// What was expected and what was found.
        wrong: String,
    },
    /// Names or shapes differ from those of its adapter.
    #[error("{} does not fit {word} as released: {}", path.display(), problems.join("; "))]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// The adapter.
        word: &'static str,
        /// One clause per kind of mismatch.
        problems: Vec<String>,
    },
    /// A tensor cannot be created.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

fn keys(found: &[String]) -> String {
    if found.is_empty() { "it is not a dictionary".into() } else { files::list("its keys", found) }
}

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let released = "depthwise.pt, hypernet.pt, slice_param.pt, target_param.pt, template_mixing.pt and \
                        fixed_channels_finetuned/*.pt are read: the files that CHAMMI's authors released";
        Some(match self {
            Self::Checkpoint(error) => return error.hint(),
            Self::Tensor(_) => return None,
            Self::NoModel { .. } | Self::Adapter { .. } => released.into(),
            Self::Channels { .. } => {
                let one = |set: &&str| format!("{set} ({})", channels(set).map_or(0, |of| of.0.len()));
                let sets: Vec<String> = chammi::SETS.iter().map(one).collect();
                format!(
                    "sets and their channels are {}; `--set` states which one it was trained on",
                    sets.join(", ")
                )
            }
            Self::AllSets { .. } => "leave `--set` out; it is for FixedChannels".into(),
            Self::Size { .. } => released.into(),
            Self::Setting { .. } => "this program has no such setting".into(),
            Self::Mismatch { .. } => {
                format!(
                    "the backbone is ConvNeXt-Tiny, trained on all three sets or, for FixedChannels, on one; {released}"
                )
            }
        })
    }
}

/// Reads a checkpoint as the released code writes it. `set` is for FixedChannels, whose set is otherwise
/// recognised by its number of channels.
///
/// # Errors
/// If it cannot be read, or is not a model of the released code.
pub fn released(path: &Path, set: Option<&str>) -> Result<Released, Error> {
    shaped(path, set, ConvNextSize::Tiny.into())
}

/// The same with a backbone of any depths and widths.
fn shaped(path: &Path, set: Option<&str>, shape: Shape) -> Result<Released, Error> {
    let mut checkpoint = Checkpoint::open(path)?;
    let Some(tensors) = checkpoint.tensors(PARAMETERS)? else {
        let found = checkpoint.keys().into_iter().map(String::from).collect();
        return Err(Error::NoModel { path: path.to_owned(), found });
    };
    let shapes = tensors.iter().map(|(name, stored)| (name.as_str(), stored.shape.as_slice())).collect();
    let adapter = recognise(&shapes).ok_or_else(|| {
        let found = shapes.keys().map(|name| String::from(*name)).collect();
        Error::Adapter { path: path.to_owned(), found }
    })?;
    let size = |wrong| Error::Size { path: path.to_owned(), wrong };
    adapter.sizes().iter().try_for_each(|(bound, size)| bound.check(*size)).map_err(size)?;
    check_settings(path, &checkpoint, &adapter)?;
    let sets = sets(path, &shapes, &adapter, set)?;

    let backbone = ConvNext { size: ConvNextSize::Tiny, drop_path: 0.0 }.into();
    let image = checkpoint.setting(&["config", "dataset", "img_size"]).and_then(|side| side.try_into().ok());
    image.map_or(Ok(()), |side| bounds::IMAGE.check(side)).map_err(size)?;
    let model = Model { backbone, weights: Weights::ImageNet22k, adapter };
    let card = Card::of(model, image.unwrap_or(IMAGE), sets);
    let mut params = Params::new(Seed(0));
    let model = Extractor::shaped(&card.model.adapter, shape, 0.0, (&card.channels(), &[]), &mut params);
    let taken = pair(path, &mut checkpoint, &tensors, shape, &card.model.adapter, &mut params)?;
    let (mut rounded, mut widened) = (0, 0);
    for (id, name) in params.ids().zip(taken) {
        let stored = &tensors[&name];
        rounded += usize::from(stored.is_double());
        widened += usize::from(stored.is_half());
        params.import(id, checkpoint.values(&name, stored)?)?;
    }
    Ok(Released { card, params, model, epoch: checkpoint.number("epoch"), rounded, widened })
}

type Shapes<'a> = BTreeMap<&'a str, &'a [usize]>;

/// The adapter with such parameters, and its sizes. Settings that only concern initialisation are those of
/// the release.
fn recognise(shapes: &Shapes<'_>) -> Option<Adapter> {
    let dim = |name: &str, axis: usize| shapes.get(name)?.get(axis).copied();
    let any = |prefix: &str| shapes.keys().any(|name| name.starts_with(prefix));
    let first_layer = FirstLayer::PadAverage;
    Some(if shapes.contains_key("hypernet.W") {
        let shared = shapes.contains_key("conv1_emb.weight");
        Adapter::HyperNet(HyperNet {
            z: dim("hypernet.W", 0)?,
            hidden: dim("hypernet.W", 2)?,
            embeddings: if shared { Embeddings::Shared } else { Embeddings::PerSet },
        })
    } else if shapes.contains_key("conv1depthwise_param_bank") {
        let weighted = shapes.contains_key("weighted_sum_pooling");
        Adapter::Depthwise(Depthwise {
            kernels: dim("conv_1x1.weight", 1)?,
            pooling: if weighted { Pooling::Weighted } else { Pooling::Average },
            train_norm: false,
            new_channels: NewChannels::Refuse,
        })
    } else if any("first_layer.") {
        Adapter::TargetParam(TargetParam { first_layer })
    } else if any("conv1_coefs") {
        // One mixture per channel name, or one per channel of each set.
        let rows = dim("conv1_coefs", 0);
        let slots: usize = chammi::SETS.iter().filter_map(|set| Some(channels(set)?.0.len())).sum();
        Adapter::TemplateMixing(TemplateMixing {
            templates: dim("conv1_param_bank", 1)?,
            coefficients: match rows {
                None => Coefficients::PerSet,
                Some(rows) if rows == slots => Coefficients::Owned,
                Some(_) => Coefficients::Shared,
            },
        })
    } else if shapes.contains_key("conv1_param_bank") {
        let embedded = shapes.contains_key("class_emb");
        Adapter::SliceParam(SliceParam {
            first_layer: FirstLayer::PadDuplicates,
            class_embedding: if embedded { ClassEmbedding::Noise } else { ClassEmbedding::None },
            one_slice: dim("conv1_param_bank", 1)? == 1,
        })
    } else if shapes.contains_key(STEM) {
        Adapter::FixedChannels(FixedChannels { first_layer, rates: Vec::new() })
    } else {
        return None;
    })
}

/// The stem of a FixedChannels model.
const STEM: &str = "feature_extractor.0.0.weight";

/// Refuses settings that names and shapes do not show: pooling modes.
fn check_settings(path: &Path, checkpoint: &Checkpoint, adapter: &Adapter) -> Result<(), Error> {
    let check = |key: &'static str, good: &[&str], expected: &'static str| match checkpoint
        .word(&["config", "model", key])
    {
        Some(found) if !good.contains(&found) => {
            Err(Error::Setting { path: path.to_owned(), key, found: found.to_owned(), expected })
        }
        _ => Ok(()),
    };
    check("pooling", &["avg"], "`avg`")?;
    let channels = "pooling_channel_type";
    match adapter {
        Adapter::Depthwise(Depthwise { pooling: Pooling::Weighted, .. }) => {
            let good = ["weighted_sum_random", "weighted_sum_one"];
            check(channels, &good, "`weighted_sum_random` or `weighted_sum_one`")
        }
        Adapter::Depthwise(_) => check(channels, &["avg"], "`avg`, as there are no weights"),
        _ => Ok(()),
    }
}

/// The sets that it reads: all of CHAMMI's, or one of them.
fn sets(
    path: &Path,
    shapes: &Shapes<'_>,
    adapter: &Adapter,
    named: Option<&str>,
) -> Result<Vec<CardSet>, Error> {
    let one = |name: &str| {
        let (channels, _) = channels(name)?;
        let Statistics { mean, sd } = statistics(name)?;
        let channels = channels.iter().map(|&channel| channel.to_owned()).collect();
        Some(CardSet { set: name.to_owned(), channels, mean, sd })
    };
    if !adapter.is_one_model_per_set() {
        return match named {
            Some(_) => Err(Error::AllSets { path: path.to_owned(), word: adapter.word() }),
            None => Ok(chammi::SETS.iter().filter_map(|set| one(set)).collect()),
        };
    }
    let found = shapes.get(STEM).and_then(|shape| shape.get(1).copied()).unwrap_or_default();
    let names: Vec<&str> = named.map_or(chammi::SETS.to_vec(), |name| vec![name]);
    let fitting = names.iter().filter_map(|name| one(name)).find(|set| set.channels.len() == found);
    fitting.map(|set| vec![set]).ok_or_else(|| {
        let expected = named.map_or("no set of CHAMMI has that number".into(), |set| {
            format!("set `{set}` does not have that number")
        });
        Error::Channels { path: path.to_owned(), found, expected }
    })
}

/// For each parameter, the corresponding tensor of the checkpoint; adds those of the loss to `params`.
fn pair(
    path: &Path,
    checkpoint: &mut Checkpoint,
    tensors: &BTreeMap<String, Stored>,
    shape: Shape,
    adapter: &Adapter,
    params: &mut Params,
) -> Result<Vec<String>, Error> {
    let mut left: BTreeSet<&str> = tensors.keys().map(String::as_str).collect();
    for name in OF_LOSS {
        if let Some(stored) = tensors.get(name) {
            let dims = if stored.shape.is_empty() { vec![1] } else { stored.shape.clone() };
            params.add_constant(Published::new(name, &dims), 0.0);
        }
    }
    let (mut missing, mut misshapen, mut taken) = (Vec::new(), Vec::new(), Vec::new());
    for id in params.ids() {
        let Published { name, shape: expected, .. } = params.published(id);
        let name = released_name(name, shape.depths, adapter);
        left.remove(name.as_str());
        match tensors.get(&name).map(|stored| &stored.shape) {
            None => missing.push(name.clone()),
            Some(found) if found != expected && !OF_LOSS.contains(&name.as_str()) => {
                misshapen.push(format!("{name}: expected {expected:?}, found {found:?}"));
            }
            Some(_) => {}
        }
        taken.push(name);
    }
    // Numbers are only compared where all names and shapes are right.
    let right = missing.is_empty() && misshapen.is_empty();
    let mut unexpected = Vec::new();
    for name in left {
        if !name.starts_with(SECOND) || right && !is_second(name, checkpoint, tensors)? {
            unexpected.push(name.to_owned());
        }
    }
    let kinds = [("missing", missing), ("unexpected", unexpected), ("misshapen", misshapen)];
    let problems: Vec<String> =
        kinds.iter().filter(|(_, n)| !n.is_empty()).map(|(kind, n)| files::list(kind, n)).collect();
    if problems.is_empty() {
        return Ok(taken);
    }
    Err(Error::Mismatch { path: path.to_owned(), word: adapter.word(), problems })
}

/// Whether a tensor also occurs under its first name: the same one, or one with the same numbers.
fn is_second(
    name: &str,
    checkpoint: &mut Checkpoint,
    tensors: &BTreeMap<String, Stored>,
) -> Result<bool, Error> {
    let stored = &tensors[name];
    let firsts = || tensors.iter().filter(|(name, _)| !name.starts_with(SECOND));
    if firsts().any(|(_, first)| first == stored) {
        return Ok(true);
    }
    let values = checkpoint.values(name, stored)?;
    for (name, first) in firsts().filter(|(_, first)| first.shape == stored.shape) {
        if checkpoint.values(name, first)? == values {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The released code's name for one of our parameters. Its backbone is a list: the stem (only its
/// normalisation after an adapter's own first layer; absent after Depthwise's, which itself normalises), two
/// whole stages, and for two more the downsampling and each block.
fn released_name(name: &str, depths: [usize; 4], adapter: &Adapter) -> String {
    // Whether the adapter has a whole stem of its own, and how many entries of the list are the stem.
    let (whole_stem, first) = match adapter {
        Adapter::FixedChannels(_) => (true, 1),
        Adapter::Depthwise(_) => (false, 0),
        Adapter::ChannelReplication(_)
        | Adapter::TargetParam(_)
        | Adapter::SliceParam(_)
        | Adapter::TemplateMixing(_)
        | Adapter::HyperNet(_)
        | Adapter::Planes(_)
        | Adapter::BagOfChannels(_)
        | Adapter::ChannelVit(_)
        | Adapter::HierarchicalAttention(_) => (false, 1),
    };
    if name == "conv1_emb" {
        return "conv1_emb.weight".into();
    }
    if let Some(rest) = name.strip_prefix("stem.") {
        let rest = if whole_stem { rest } else { rest.strip_prefix("1.").unwrap_or(rest) };
        return format!("feature_extractor.0.{rest}");
    }
    let Some((stage, rest)) = name.strip_prefix("stages.").and_then(|name| name.split_once('.')) else {
        return name.into();
    };
    let (place, whole) = match stage {
        "0" => (first, true),
        "1" => (first + 1, true),
        "2" => (first + 2, false),
        _ => (first + 3 + depths[2], false),
    };
    let block = rest.strip_prefix("blocks.").and_then(|rest| rest.split_once('.'));
    match block.and_then(|(number, rest)| Some((number.parse::<usize>().ok()?, rest))) {
        _ if whole => format!("feature_extractor.{place}.{rest}"),
        Some((number, rest)) => format!("feature_extractor.{}.{rest}", place + 1 + number),
        None => format!("feature_extractor.{place}.{}", rest.strip_prefix("downsample.").unwrap_or(rest)),
    }
}

#[cfg(test)]
mod tests;
