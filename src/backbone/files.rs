//! Weights on disk: safetensors with timm's names, read with an explicit message for every tensor that does
//! not fit, written so that timm can load them, and searched for in the usual places.

use super::opened::{INDEX, Opened, Placed, map};
use crate::{
    atomic_file,
    params::{ParamId, Params},
    spec::{Backbone, ConvNextSize, DinoV2Size, NetworkModel, ResNetSize, VitSize, settings},
};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use std::{
    collections::BTreeSet,
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
    /// No file was found.
    #[error("weights `{model}` not found; looked in {}", searched.join(", "))]
    NotFound {
        /// timm's name of model and weights.
        model: String,
        /// The places that were searched.
        searched: Vec<String>,
    },
    /// A tensor cannot be created.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound { model, .. } => Some(format!(
                "download `model.safetensors` of https://huggingface.co/timm/{model} and pass `--weights FILE`, or \
                 store it as `{model}.safetensors` in the folder $DICHROIC_WEIGHTS; without weights, \
                 start a ConvNeXt with `.scratch()`, or say `--scale quick`"
            )),
            Self::Mismatch { .. } => {
                Some("check that the file belongs to the declared backbone and its size".into())
            }
            _ => None,
        }
    }
}

/// Copies every tensor of `path` that belongs to the backbone into `params`. The file may contain `head.*`
/// and the names in `replaced`, which are ignored; any other missing, unexpected or misshapen tensor is an
/// error.
///
/// # Errors
/// As above, or if the file cannot be read.
pub fn load(path: &Path, params: &mut Params, replaced: &[String]) -> Result<(), Error> {
    let replaced = |name: &str| replaced.iter().any(|other| other == name);
    read(path, params, |name| is_backbone(name) && !replaced(name), |name| is_head(name) || replaced(name))
}

/// Copies every parameter of a network off the shelf from its published file, which may also contain heads,
/// mask tokens and training counters; they are ignored.
///
/// # Errors
/// If the file cannot be read or does not fit.
pub fn load_whole(path: &Path, params: &mut Params) -> Result<(), Error> {
    let unused = |name: &str| {
        is_head(name)
            || name.starts_with("fc.")
            || name == "mask_token"
            || name.ends_with(".num_batches_tracked")
    };
    read(path, params, |_| true, unused)
}

/// Copies the blocks and the last normalisation of a transformer from its published file, and nothing else of it.
///
/// # Errors
/// If the file cannot be read or does not fit.
pub fn load_blocks(path: &Path, params: &mut Params) -> Result<(), Error> {
    read(path, params, |_| true, |name| !name.starts_with("blocks.") && !name.starts_with("norm."))
}

/// Copies every parameter from a file that this program wrote, which may also contain proxies and
/// classifiers; they are ignored.
///
/// # Errors
/// If the file cannot be read or does not fit.
pub fn restore(path: &Path, params: &mut Params) -> Result<(), Error> {
    read(path, params, |_| true, is_head)
}

/// Parameters of a loss: published heads, our classifiers, proxies and variances.
pub(super) fn is_head(name: &str) -> bool {
    ["head.", "classifier.", "variance_encoders."].iter().any(|prefix| name.starts_with(prefix))
        || ["proxies", "logit_scale"].contains(&name)
}

fn read(
    path: &Path,
    params: &mut Params,
    wanted: impl Fn(&str) -> bool,
    unused: impl Fn(&str) -> bool,
) -> Result<(), Error> {
    let tensors = Opened::read(path)?;

    // Names in a file are relative to the current prefix.
    let wanted: Vec<(ParamId, String)> = params
        .ids()
        .filter_map(|id| Some((id, params.local(id)?.to_owned())))
        .filter(|(_, name)| wanted(name))
        .collect();
    let mut names: BTreeSet<&str> = tensors.names().collect();
    let (mut missing, mut misshapen) = (Vec::new(), Vec::new());
    for (id, name) in &wanted {
        let published = params.published(*id);
        match tensors.get(name) {
            None => missing.push(name.clone()),
            Some(found) => {
                names.remove(name.as_str());
                if !same_shape(&found.shape, &published.shape) || !is_float(found.dtype) {
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
        return Err(Error::Mismatch { path: path.to_owned(), problems });
    }
    for (id, name) in wanted {
        if let Some(tensor) = tensors.get(&name) {
            params.import(id, tensors.floats(tensor))?;
        }
    }
    Ok(())
}

/// The values of a few tensors of a file, by name and shape.
///
/// # Errors
/// If the file cannot be read, or a tensor is missing or has another shape.
pub(crate) fn tensors<const N: usize>(
    path: &Path,
    wanted: &[(&str, &[usize]); N],
) -> Result<[Vec<f32>; N], Error> {
    let file = Opened::read(path)?;
    let mut found = [const { Vec::new() }; N];
    for (found, (name, shape)) in found.iter_mut().zip(wanted) {
        let problem = match file.get(name) {
            None => format!("missing: {name}"),
            Some(tensor) if tensor.shape != *shape || !is_float(tensor.dtype) => {
                format!("misshapen: {}", other(name, shape, tensor))
            }
            Some(tensor) => {
                *found = file.floats(tensor);
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
    Ok(Opened::read(path)?.remarks)
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

/// Whether a published name belongs to the backbone rather than to an adapter or a head.
pub fn is_backbone(name: &str) -> bool {
    name.starts_with("stem.") || name.starts_with("stages.")
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

/// timm's name of a backbone with its published weights; for a ViT, which starts from none here, timm's name alone.
pub fn published(backbone: &Backbone) -> String {
    match backbone {
        Backbone::ConvNext(word) => format!("convnext_{}.fb_in22k", size_name(word.size)),
        Backbone::Vit(_) => name(backbone),
        Backbone::ResNet(_) => format!("{}.tv_in1k", name(backbone)),
        Backbone::DinoV2(settings::DinoV2 { size: DinoV2Size::SmallReg }) => {
            "vit_small_patch14_reg4_dinov2.lvd142m".into()
        }
        Backbone::OffTheShelf(word) => word.model.facts().file.into(),
    }
}

/// The name of a backbone on the command line: timm's name; for DINOv2, Meta's.
pub fn name(backbone: &Backbone) -> String {
    match backbone {
        Backbone::ConvNext(word) => format!("convnext_{}", size_name(word.size)),
        Backbone::Vit(word) => {
            format!("vit_{}_patch{}_{}", vit_size(word.size), word.size.patch(), word.size.side())
        }
        Backbone::ResNet(settings::ResNet { size: ResNetSize::R18 }) => "resnet18".into(),
        Backbone::ResNet(settings::ResNet { size: ResNetSize::R50 }) => "resnet50".into(),
        Backbone::DinoV2(settings::DinoV2 { size: DinoV2Size::SmallReg }) => "dinov2_vits14_reg".into(),
        Backbone::OffTheShelf(word) => word.model.facts().name.into(),
    }
}

/// timm's name for a size.
fn vit_size(size: VitSize) -> &'static str {
    match size {
        VitSize::Mini => "mini",
        VitSize::Tiny => "tiny",
        VitSize::Small => "small",
        VitSize::Base => "base",
        VitSize::Large => "large",
    }
}

/// Every backbone whose published weights are read.
pub fn all() -> Vec<Backbone> {
    use ConvNextSize::{Atto, Base, Femto, Mini, Nano, Pico, Small, Tiny};
    let convnexts = [Mini, Atto, Femto, Pico, Nano, Tiny, Small, Base];
    let convnexts = convnexts.map(|size| Backbone::from(settings::ConvNext { size, drop_path: 0.0 }));
    let resnets = [ResNetSize::R18, ResNetSize::R50].map(|size| settings::ResNet { size }.into());
    let dino = settings::DinoV2 { size: DinoV2Size::SmallReg }.into();
    let others = NetworkModel::ALL.iter().map(|&model| settings::OffTheShelf { model }.into());
    convnexts.into_iter().chain(resnets).chain([dino]).chain(others).collect()
}

/// timm's name for a size.
pub fn size_name(size: ConvNextSize) -> &'static str {
    match size {
        ConvNextSize::Mini => "mini",
        ConvNextSize::Atto => "atto",
        ConvNextSize::Femto => "femto",
        ConvNextSize::Pico => "pico",
        ConvNextSize::Nano => "nano",
        ConvNextSize::Tiny => "tiny",
        ConvNextSize::Small => "small",
        ConvNextSize::Base => "base",
    }
}

/// Finds weights: `given` (a file, or a folder), the folder `$DICHROIC_WEIGHTS`, the Hugging Face cache.
///
/// # Errors
/// If they are in none of these places, which the error lists.
pub fn find(model: &str, given: Option<&Path>) -> Result<PathBuf, Error> {
    let mut searched = Vec::new();
    let folders =
        given.map(Path::to_owned).into_iter().chain(std::env::var_os("DICHROIC_WEIGHTS").map(PathBuf::from));
    for place in folders {
        if place.is_file() {
            return Ok(place);
        }
        let names = [
            format!("{model}.safetensors"),
            format!("{model}/model.safetensors"),
            format!("{model}{INDEX}"),
            format!("{model}/model{INDEX}"),
            format!("model{INDEX}"),
        ];
        for name in names {
            if place.join(&name).is_file() {
                return Ok(place.join(name));
            }
        }
        searched.push(place.display().to_string());
    }
    let hub = hugging_face_hub();
    let snapshots = hub.join(format!("models--timm--{model}/snapshots"));
    let mut found: Vec<PathBuf> = std::fs::read_dir(&snapshots)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("model.safetensors")))
        .filter(|path| path.is_file())
        .collect();
    found.sort();
    searched.push(snapshots.display().to_string());
    found.pop().ok_or(Error::NotFound { model: model.into(), searched })
}

fn hugging_face_hub() -> PathBuf {
    let var = |name| std::env::var_os(name).map(PathBuf::from);
    var("HF_HUB_CACHE")
        .or_else(|| var("HF_HOME").map(|home| home.join("hub")))
        .unwrap_or_else(|| var("HOME").unwrap_or_default().join(".cache/huggingface/hub"))
}
