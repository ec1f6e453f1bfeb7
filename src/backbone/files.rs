//! Weights on disk: safetensors with timm's names, read with an explicit message for every tensor that does
//! not fit, written so that timm can load them, and searched for in the usual places.

pub use super::{
    find::{contents, find, find_file},
    names::*,
};

use super::{
    MaeDecoder,
    find::{own_file, repository},
    opened::{Opened, Placed, map},
    position::Rule,
    torch,
};
use crate::{
    adapter::ChannelTable,
    atomic_file,
    loss::dino::{CENTRE, STUDENT, STUDENT_HEAD, TEACHER_HEAD},
    params::{ParamId, Params},
};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// Most names in an error.
const LISTED: usize = 5;

/// An error with a file of weights.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read or written.
    #[error("cannot read or write the weights {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// It is not a safetensors file.
    #[error("{} is not a safetensors file: {reason}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// The parser's message.
        reason: String,
    },
    /// It belongs to a different model.
    #[error("{} does not fit this model: {}", path.display(), problems.join("; "))]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// One clause per kind of mismatch.
        problems: Vec<String>,
    },
    /// It holds several networks, and not one of them is meant.
    #[error("{}", parts(path, roots, asked.as_deref()))]
    Parts {
        /// The file.
        path: PathBuf,
        /// The prefixes of the networks.
        roots: Vec<String>,
        /// What was asked for.
        asked: Option<String>,
    },
    /// It is no readable checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] torch::Error),
    /// No file was found.
    #[error("weights `{model}` not found; looked in {}", searched.join(", "))]
    NotFound {
        /// timm's name of model and weights.
        model: String,
        /// The places that were searched.
        searched: Vec<String>,
    },
    /// No file of that name was found.
    #[error("the file of weights `{name}` is not there; looked for {}", searched.join(", "))]
    NoFile {
        /// Its path, or its name.
        name: String,
        /// The places that were searched.
        searched: Vec<String>,
    },
    /// A file is not the one that an experiment was planned with.
    #[error("{} is not the file that the run was planned with: expected BLAKE3 {expected}, found {found}", path.display())]
    OtherContents {
        /// The file.
        path: PathBuf,
        /// As planned.
        expected: String,
        /// As it is.
        found: String,
    },
    /// A tensor cannot be created.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound { model, .. } => {
                let ((owner, name), own) = (repository(model), own_file(model));
                let own = own.map_or(String::new(), |own| format!(" (or {own} of its authors)"));
                Some(format!(
                    "download `model.safetensors` of https://huggingface.co/{owner}/{name}{own} and pass `--weights FILE`, or \
                     store it as `{model}.safetensors` in the folder $DICHROIC_WEIGHTS; without weights, \
                     start a ConvNeXt or a ViT with `.scratch()`, or say `--scale quick`"
                ))
            }
            Self::Mismatch { .. } => {
                Some("check that the file belongs to the declared backbone and its size".into())
            }
            Self::Parts { roots, .. } => {
                let steps = roots.iter().filter_map(|root| root.split('.').next());
                let steps: Vec<String> = steps.map(|step| format!("`--part {step}`")).collect();
                (!steps.is_empty()).then(|| format!("say which: {}", steps.join(" or ")))
            }
            Self::NoFile { .. } => Some(
                "give its path in `File(\"…\")`, from the folder in which the program is started, or store it in the folder \
                 --weights or $DICHROIC_WEIGHTS"
                    .into(),
            ),
            Self::OtherContents { .. } => {
                Some("start the experiment again: other weights are another run, and have results of their own".into())
            }
            Self::Checkpoint(error) => error.hint(),
            Self::Io { .. } | Self::Format { .. } | Self::Tensor(_) => None,
        }
    }
}

/// Which networks a file holds.
fn parts(path: &Path, roots: &[String], asked: Option<&str>) -> String {
    let found = match roots {
        [] => "none".into(),
        roots => roots.iter().map(|root| format!("`{root}`")).collect::<Vec<_>>().join(", "),
    };
    let expected = asked
        .map_or("one network".into(), |part| format!("one network whose names have `{part}` before them"));
    format!("{}: expected {expected}, found those below {found}", path.display())
}

/// Copies every tensor of `path` that belongs to the backbone into `params`. The file may contain `head.*`
/// and the names in `replaced`, which are ignored; any other missing, unexpected or misshapen tensor is an
/// error.
///
/// # Errors
/// As above, or if the file cannot be read.
pub fn load(path: &Path, params: &mut Params, replaced: &[String]) -> Result<(), Error> {
    load_resized(path, params, replaced, None)
}

/// The same; positions of a grid of other sides are resized by a rule.
///
/// # Errors
/// As [`load`].
pub(crate) fn load_resized(
    path: &Path,
    params: &mut Params,
    replaced: &[String],
    rule: Option<Rule>,
) -> Result<(), Error> {
    let mut file = Opened::published(path, None)?;
    if let (Some(rule), Some(id)) = (rule, params.find(POSITIONS)) {
        let [_, expected, _] = params.published(id).shape[..] else {
            unreachable!("positions are rows of a table")
        };
        file.resize_positions(POSITIONS, expected, rule)?;
    }
    let replaced = |name: &str| replaced.iter().any(|other| other == name);
    let of_backbone = names_of_backbone(params);
    let has = |name: &str| name != ChannelTable::ROWS || file.get(name).is_some();
    let wanted = |name: &str| (of_backbone(name) && !replaced(name) && has(name)).then(|| name.to_owned());
    let unused = |name: &str| is_head(name) || replaced(name) || file.is_unused(name);
    read(&file, params, wanted, unused)
}

/// The name of a transformer's table of positions.
const POSITIONS: &str = "pos_embed";

/// Copies every parameter of a network off the shelf from its published file, which may also contain heads,
/// mask tokens and training counters; they are ignored.
///
/// # Errors
/// If the file cannot be read or does not fit.
pub fn load_whole(path: &Path, params: &mut Params) -> Result<(), Error> {
    read_whole(&Opened::published(path, None)?, params)
}

/// The same from an opened file.
pub(super) fn read_whole(file: &Opened, params: &mut Params) -> Result<(), Error> {
    let unused = |name: &str| {
        is_head(name)
            || name.starts_with("fc.")
            || name == "mask_token"
            || name.ends_with(".num_batches_tracked")
            || file.is_unused(name)
    };
    read(file, params, |name| Some(name.to_owned()), unused)
}

/// Copies the blocks and the last normalisation of a transformer from its published file, and nothing else of it.
///
/// # Errors
/// If the file cannot be read or does not fit.
pub fn load_blocks(path: &Path, params: &mut Params) -> Result<(), Error> {
    let file = Opened::published(path, None)?;
    read(
        &file,
        params,
        |name| Some(name.to_owned()),
        |name| !name.starts_with("blocks.") && !name.starts_with("norm."),
    )
}

/// Copies every parameter from a file that this program wrote, which may also contain proxies and
/// classifiers; they are ignored.
///
/// # Errors
/// If the file cannot be read or does not fit.
pub fn restore(path: &Path, params: &mut Params) -> Result<(), Error> {
    read(&Opened::read(path)?, params, |name| Some(name.to_owned()), is_head)
}

/// A tensor of a file: its shape and its values.
pub type Tensor = (Vec<usize>, Vec<f32>);

/// The tensors of a projection head of DINO in a checkpoint, by their names in PyTorch's older words for weight normalisation
/// (`last_layer.weight_g`, `last_layer.weight_v`). Of several heads, that is read whose prefix has `part` in it.
///
/// # Errors
/// If the file cannot be read, or has several heads.
pub fn dino_head(path: &Path, part: Option<&str>) -> Result<BTreeMap<String, Tensor>, Error> {
    let file = Opened::head(path, part)?;
    let one = |name: &str| {
        let placed = file.get(name)?;
        Some(file.floats(placed).map(|values| (name.to_owned(), (placed.shape.clone(), values))))
    };
    file.names().filter_map(one).collect()
}

/// Copies parameters that may have other names in the file: `named` says which, and is `None` for those that stay as they
/// are. The file may contain anything else.
///
/// # Errors
/// If the file cannot be read, or one of them is missing or misshapen.
pub fn load_named(
    path: &Path,
    params: &mut Params,
    named: impl Fn(&str) -> Option<String>,
) -> Result<(), Error> {
    read(&Opened::read(path)?, params, named, |_| true)
}

/// Parameters of a loss: published heads, our classifiers, proxies and variances, what a teacher leaves beside itself.
pub(crate) fn is_head(name: &str) -> bool {
    ["head.", "classifier.", "variance_encoders.", STUDENT, STUDENT_HEAD, TEACHER_HEAD]
        .iter()
        .any(|prefix| name.starts_with(prefix))
        || ["proxies", "logit_scale", CENTRE].contains(&name)
        || MaeDecoder::is_its_own(name)
}

fn read(
    tensors: &Opened,
    params: &mut Params,
    named: impl Fn(&str) -> Option<String>,
    unused: impl Fn(&str) -> bool,
) -> Result<(), Error> {
    // Names in a file are relative to the current prefix.
    let wanted: Vec<(ParamId, String)> =
        params.ids().filter_map(|id| Some((id, named(params.local(id)?)?))).collect();
    let mut names: BTreeSet<&str> = tensors.names().collect();
    let (mut missing, mut misshapen) = (Vec::new(), Vec::new());
    for (id, name) in &wanted {
        let published = params.published(*id);
        match tensors.get(name) {
            None => missing.push(name.clone()),
            Some(found) => {
                names.remove(name.as_str());
                let fits =
                    same_shape(&found.shape, &published.shape) || folds(name, &found.shape, &published.shape);
                if !fits || !is_float(found.dtype) {
                    misshapen.push(other(name, &published.shape, found));
                }
            }
        }
    }
    let unexpected: Vec<String> = names.into_iter().filter(|name| !unused(name)).map(String::from).collect();
    let kinds = [("missing", missing), ("unexpected", unexpected), ("misshapen", misshapen)];
    let problems: Vec<String> =
        kinds.iter().filter(|(_, n)| !n.is_empty()).map(|(kind, n)| list(kind, n)).collect();
    if !problems.is_empty() {
        return Err(Error::Mismatch { path: tensors.path().to_owned(), problems });
    }
    let mut of_class = None;
    for (id, name) in &wanted {
        let Some(tensor) = tensors.get(name) else { continue };
        let mut values = tensors.floats(tensor)?;
        if folds(name, &tensor.shape, &params.published(*id).shape) {
            of_class = Some(values.drain(..tensor.shape[2]).collect::<Vec<f32>>());
        }
        params.import(*id, values)?;
    }
    if let (Some(position), Some((id, _))) = (of_class, wanted.iter().find(|(_, name)| name == "cls_token")) {
        let class = params.export(*id)?.into_iter().zip(position).map(|(class, position)| class + position);
        params.import(*id, class.collect())?;
    }
    Ok(())
}

/// Whether a file has a position of the class token where the network has it in the class token itself, as timm has it for
/// transformers with registers.
fn folds(name: &str, found: &[usize], expected: &[usize]) -> bool {
    match (found, expected) {
        ([1, found, width], [1, expected, same]) => {
            name == "pos_embed" && width == same && expected.checked_add(1) == Some(*found)
        }
        _ => false,
    }
}

/// The values of a few tensors of a file that this program wrote, by name and shape.
///
/// # Errors
/// If the file cannot be read, or a tensor is missing or has another shape.
pub(crate) fn tensors<const N: usize>(
    path: &Path,
    wanted: &[(&str, &[usize]); N],
) -> Result<[Vec<f32>; N], Error> {
    some(path, &Opened::read(path)?, wanted)
}

/// The same of a published file.
///
/// # Errors
/// As [`tensors`].
pub(crate) fn published_tensors<const N: usize>(
    path: &Path,
    wanted: &[(&str, &[usize]); N],
) -> Result<[Vec<f32>; N], Error> {
    some(path, &Opened::published(path, None)?, wanted)
}

fn some<const N: usize>(
    path: &Path,
    file: &Opened,
    wanted: &[(&str, &[usize]); N],
) -> Result<[Vec<f32>; N], Error> {
    let mut found = [const { Vec::new() }; N];
    for (found, (name, shape)) in found.iter_mut().zip(wanted) {
        let problem = match file.get(name) {
            None => format!("missing: {name}"),
            Some(tensor) if tensor.shape != *shape || !is_float(tensor.dtype) => {
                format!("misshapen: {}", other(name, shape, tensor))
            }
            Some(tensor) => {
                *found = file.floats(tensor)?;
                continue;
            }
        };
        return Err(Error::Mismatch { path: path.to_owned(), problems: vec![problem] });
    }
    Ok(found)
}

/// What is done to read a file of weights that is not as this program writes them: widened, without a prefix, several
/// files.
///
/// # Errors
/// If the file cannot be read.
pub fn remarks(path: &Path) -> Result<Vec<String>, Error> {
    Ok(Opened::published(path, None)?.remarks)
}

fn is_float(dtype: Dtype) -> bool {
    [Dtype::F32, Dtype::F16, Dtype::BF16, Dtype::F64].contains(&dtype)
}

/// A tensor of another shape or type than expected.
fn other(name: &str, expected: &[usize], found: &Placed) -> String {
    format!("{name}: expected F32 {expected:?}, found {:?} {:?}", found.dtype, found.shape)
}

pub(super) fn format(path: &Path, error: &safetensors::SafeTensorError) -> Error {
    Error::Format { path: path.to_owned(), reason: error.to_string() }
}

/// Writes the parameters that `keep` selects, under their published names and shapes, with a note in the
/// metadata.
///
/// # Errors
/// If the file cannot be written.
pub fn save(
    path: &Path,
    params: &Params,
    note: Option<&str>,
    keep: impl Fn(&str) -> bool,
) -> Result<(), Error> {
    let mut tensors = Vec::new();
    for id in params.ids().filter(|id| keep(&params.published(*id).name)) {
        let published = params.published(id);
        let bytes = bytes(&params.export(id)?);
        tensors.push((published.name.clone(), published.shape.clone(), bytes));
    }
    write(path, &tensors, note)
}

/// The note that [`save`] stored with the weights, if there is one.
///
/// # Errors
/// If the file cannot be read.
pub fn note(path: &Path) -> Result<Option<String>, Error> {
    let bytes = map(path)?;
    let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|error| format(path, &error))?;
    Ok(metadata.metadata().as_ref().and_then(|notes| notes.get(NOTE)).cloned())
}

/// The key of the note in the metadata.
const NOTE: &str = "dichroic";

/// Writes named 32-bit tensors to a temporary file in the same folder and renames it, so that no reader sees
/// an incomplete file.
pub(crate) fn write(
    path: &Path,
    tensors: &[(String, Vec<usize>, Vec<u8>)],
    note: Option<&str>,
) -> Result<(), Error> {
    let io = |source| Error::Io { path: path.to_owned(), source };
    let format = |error| format(path, &error);
    let views = tensors
        .iter()
        .map(|(name, shape, bytes)| Ok((name, TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
        .map_err(format)?;
    let note = note.map(|note| [(NOTE.to_owned(), note.to_owned())].into());
    let bytes = safetensors::serialize(views, note).map_err(format)?;
    atomic_file::write(path, bytes).map_err(io)
}

/// 32-bit floats as stored in files.
pub(crate) fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// The 32-bit floats of a tensor in a file.
pub(crate) fn floats(view: &TensorView<'_>) -> Vec<f32> {
    view.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

/// Whether a published name belongs to the backbone of these parameters rather than to an adapter or a head.
pub fn names_of_backbone(params: &Params) -> impl Fn(&str) -> bool + use<> {
    const OF_CONVNEXTS: &[&str] = &["stem.", "stages."];
    const OF_TRANSFORMERS: &[&str] =
        &["patch_embed.", "blocks.", "norm.", "cls_token", "reg_token", "pos_embed"];
    // `norm.` is an adapter's in front of a ConvNeXt.
    let begins = if params.find("cls_token").is_some() { OF_TRANSFORMERS } else { OF_CONVNEXTS };
    move |name| begins.iter().any(|begin| name.starts_with(begin))
}

/// Whether two shapes are interchangeable: a linear map and a 1×1 convolution have the same numbers.
pub(crate) fn same_shape(found: &[usize], expected: &[usize]) -> bool {
    let linear = |shape: &[usize]| match *shape {
        [outs, ins, 1, 1] => vec![outs, ins],
        _ => shape.to_vec(),
    };
    linear(found) == linear(expected)
}

/// The first names of a kind, and the number of the others.
pub(crate) fn list(kind: &str, names: &[String]) -> String {
    let more = names.len().saturating_sub(LISTED);
    let shown = names[..names.len().min(LISTED)].join(", ");
    if more > 0 { format!("{kind}: {shown} and {more} more") } else { format!("{kind}: {shown}") }
}
