//! Where published weights lie: given places, `$DICHROIC_WEIGHTS`, the caches of Hugging Face and PyTorch.

use super::{files::Error, opened::INDEX};
use crate::atomic_file::Digest;
use std::path::{Path, PathBuf};

/// Finds weights: `given` (a file, or a folder), the folder `$DICHROIC_WEIGHTS`, the caches of Hugging Face and PyTorch.
/// They have timm's name with that of their training, or the name of the file that their authors published.
///
/// # Errors
/// If they are in none of these places, which the error lists.
pub fn find(model: &str, given: Option<&Path>) -> Result<PathBuf, Error> {
    let mut searched = Vec::new();
    let folders =
        given.map(Path::to_owned).into_iter().chain(std::env::var_os("DICHROIC_WEIGHTS").map(PathBuf::from));
    let own = own_file(model);
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
            format!("{model}.pth"),
        ];
        for name in names.into_iter().chain(own.clone()) {
            if place.join(&name).is_file() {
                return Ok(place.join(name));
            }
        }
        searched.push(place.display().to_string());
    }
    let (owner, name) = repository(model);
    let snapshots = hugging_face_hub().join(format!("models--{owner}--{name}/snapshots"));
    let mut found: Vec<PathBuf> = std::fs::read_dir(&snapshots)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("model.safetensors")))
        .filter(|path| path.is_file())
        .collect();
    found.sort();
    searched.push(snapshots.display().to_string());
    if let Some(own) = own {
        let file = torch_hub().join("checkpoints").join(own);
        if file.is_file() {
            return Ok(file);
        }
        searched.push(file.display().to_string());
    }
    found.pop().ok_or(Error::NotFound { model: model.into(), searched })
}

/// Finds a file of weights by its path, or by its name in `given`, if that is a folder, and in `$DICHROIC_WEIGHTS`.
///
/// # Errors
/// If it is in none of these places, which the error lists.
pub fn find_file(name: &str, given: Option<&Path>) -> Result<PathBuf, Error> {
    let folders = given.map(Path::to_owned).into_iter().chain(var("DICHROIC_WEIGHTS"));
    let places = [PathBuf::from(name)].into_iter().chain(folders.map(|folder| folder.join(name)));
    let places: Vec<PathBuf> = places.collect();
    let searched = || places.iter().map(|place| place.display().to_string()).collect();
    let found = places.iter().find(|place| place.is_file());
    found.cloned().ok_or_else(|| Error::NoFile { name: name.into(), searched: searched() })
}

/// BLAKE3 of what a file contains, in hexadecimal digits.
///
/// # Errors
/// If it cannot be read.
pub fn contents(path: &Path) -> Result<String, Error> {
    let digest = Digest::of(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
    Ok(digest.blake3)
}

/// Owner and name of a model on the Hugging Face Hub: timm's, but Meta's for Meta's names.
pub(super) fn repository(model: &str) -> (&str, String) {
    match model
        .strip_prefix("dinov2_vit")
        .and_then(|rest| Some((rest.strip_prefix(['s', 'b', 'l', 'g'])?, rest)))
    {
        Some((end @ ("14" | "14_reg"), size)) => {
            let size = match &size[..1] {
                "s" => "small",
                "b" => "base",
                "l" => "large",
                _ => "giant",
            };
            let registers = if end == "14" { "" } else { "-with-registers" };
            ("facebook", format!("dinov2{registers}-{size}"))
        }
        _ => ("timm", model.into()),
    }
}

/// The name of the file that a model's authors published, if it is not timm's.
pub(super) fn own_file(model: &str) -> Option<String> {
    let known = match model {
        "deit_tiny_patch16_224.fb_in1k" => "deit_tiny_patch16_224-a1311bcf.pth",
        "deit_small_patch16_224.fb_in1k" => "deit_small_patch16_224-cd65a155.pth",
        "deit_base_patch16_224.fb_in1k" => "deit_base_patch16_224-b5f2ef4d.pth",
        "vit_small_patch14_reg4_dinov2.lvd142m" => "dinov2_vits14_reg4_pretrain.pth",
        "dino_vits16" => "dino_deitsmall16_pretrain.pth",
        "dino_vits8" => "dino_deitsmall8_pretrain.pth",
        "dino_vitb16" => "dino_vitbase16_pretrain.pth",
        "dino_vitb8" => "dino_vitbase8_pretrain.pth",
        _ => {
            let meta = model.strip_prefix("dinov2_vit")?;
            let file = meta.strip_suffix("_reg").map_or(meta.to_owned(), |meta| format!("{meta}_reg4"));
            return Some(format!("dinov2_vit{file}_pretrain.pth"));
        }
    };
    Some(known.into())
}

fn var(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).map(PathBuf::from)
}

fn hugging_face_hub() -> PathBuf {
    var("HF_HUB_CACHE")
        .or_else(|| var("HF_HOME").map(|home| home.join("hub")))
        .unwrap_or_else(|| var("HOME").unwrap_or_default().join(".cache/huggingface/hub"))
}

fn torch_hub() -> PathBuf {
    var("TORCH_HOME").unwrap_or_else(|| var("HOME").unwrap_or_default().join(".cache/torch")).join("hub")
}
