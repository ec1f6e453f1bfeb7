//! A model of one set as a file that timm loads.

use super::Extractor;
use crate::{
    adapter::Convolution,
    backbone::{Stem, files},
    params::Params,
};
use std::{collections::BTreeMap, path::Path};

impl Extractor {
    /// Exports the model for images of one set: a ConvNeXt or a ViT with one input per channel of the set, which timm loads
    /// with `strict=True`. Of a ConvNeXt, `head.norm`, which comes after our features, is included as the identity. Of a ViT
    /// with registers, the position of the class token is part of the class token, as timm has it.
    ///
    /// # Errors
    /// If the file cannot be written. `false`: the first layer is more than a convolution, or the backbone keeps its own.
    pub fn export(&self, params: &Params, set: usize, path: &Path) -> Result<bool, files::Error> {
        let Some(stem) = self.backbone.stem() else { return Ok(false) };
        let Some(Convolution { weight, bias }) = self.entry.as_convolution(params, set)? else {
            return Ok(false);
        };
        let Stem { width: maps, patch, .. } = stem;
        let channels = weight.len() / (maps * patch * patch);
        let of_backbone = files::names_of_backbone(params);
        let mut all: BTreeMap<String, (Vec<usize>, Vec<f32>)> = BTreeMap::new();
        for id in params.ids() {
            let published = params.published(id);
            if of_backbone(&published.name) {
                all.insert(published.name.clone(), (published.shape.clone(), params.export(id)?));
            }
        }
        all.insert(stem.weight(), (vec![maps, channels, patch, patch], weight));
        all.insert(stem.bias(), (vec![maps], bias));
        if stem.norm.is_some() {
            let width = self.width();
            all.insert("head.norm.weight".into(), (vec![width], vec![1.0; width]));
            all.insert("head.norm.bias".into(), (vec![width], vec![0.0; width]));
        }
        if all.contains_key("reg_token") {
            fold(&mut all);
        }
        let all: Vec<_> =
            all.into_iter().map(|(name, (shape, values))| (name, shape, files::bytes(&values))).collect();
        files::write(path, &all, None)?;
        Ok(true)
    }
}

/// Adds the position of the class token to the class token.
fn fold(all: &mut BTreeMap<String, (Vec<usize>, Vec<f32>)>) {
    let Some((shape, positions)) = all.get_mut("pos_embed") else { return };
    let width = shape[2];
    shape[1] -= 1;
    let first: Vec<f32> = positions.drain(..width).collect();
    if let Some((_, class)) = all.get_mut("cls_token") {
        class.iter_mut().zip(first).for_each(|(class, first)| *class += first);
    }
}
