//! Numbers: features as NumPy, Parquet and pandas write them, weights as safetensors, predictions.

use super::Target;
use crate::{
    adapter::SetChannels,
    backbone::files,
    evaluate::{FeatureFile, FeatureRows, answered::PredictionCache, features::Keyed, predictions},
    model::{Card, CardSet},
    parquet_table::{Column, Kind, ParquetTable},
    sample as declared,
    spec::recipe::Recipe,
};
use std::{fs, path::Path};

pub(super) fn npy(folder: &Path) -> Target {
    let seeds = vec![[crate::npy::header(3, 2), vec![0; 24]].concat()];
    Target::new(seeds, folder.join("features.npy"), |path| {
        FeatureFile::npy(path).is_ok_and(|file| rows(&file))
    })
}

/// Reads the first rows. They are in the file, so they are not many numbers.
fn rows(file: &dyn FeatureRows) -> bool {
    let rows: Vec<u32> = (0..file.rows().min(4) as u32).collect();
    file.read(&rows, &mut vec![0.0; rows.len() * file.width()]).is_ok()
}

pub(super) fn safetensors(folder: &Path) -> Target {
    const TENSORS: [(&str, &[usize]); 2] = [("a.weight", &[2, 3]), ("a.bias", &[2])];
    let path = folder.join("a.safetensors");
    let channels = SetChannels { set: "A".into(), channels: vec!["dna".into()] };
    let model = declared::spec(declared::plain(), Recipe::Fixed).model;
    let card = Card::of(model, 224, vec![CardSet::plain(channels)]);
    let note = serde_json::to_string(&card).expect("plain data");
    let tensors = TENSORS
        .map(|(name, shape)| (name.to_owned(), shape.to_vec(), vec![7; 4 * shape.iter().product::<usize>()]));
    files::write(&path, &tensors, Some(&note)).expect("weights");
    let seeds = vec![fs::read(&path).expect("it was written")];
    Target::new(seeds, path, |path| {
        let card = files::note(path).ok().flatten().and_then(|note| serde_json::from_str::<Card>(&note).ok());
        // Both are asked, whatever the other says.
        let tensors = files::tensors(path, &TENSORS).is_ok();
        card.is_some() && tensors
    })
}

/// Predictions of a run.
pub(super) fn parquet(folder: &Path) -> Target {
    let path = folder.join("predictions.parquet");
    let seeds = vec![predictions::tests::written(&path)];
    Target::new(seeds, path, |path| predictions::read(path, "data", &PredictionCache::default()).is_ok())
}

/// Features with the keys of their images.
pub(super) fn keyed(folder: &Path) -> Target {
    let column = |name, kind| Column { name, kind, optional: false };
    let columns = [column("file_path", Kind::Text), column("features", Kind::Floats)];
    let mut table = ParquetTable::new(vec![], "features", &columns).expect("a table");
    for rows in [&[("a", [0.5f32, 1.0]), ("b", [1.5, 2.0])][..], &[("c", [0.5, 0.25])]] {
        let written = table.group(|group| {
            group.cells(rows.iter().map(|row| Some(row.0)))?;
            group.lists(rows.iter().map(|row| row.1.iter().copied()))
        });
        written.expect("rows");
    }
    let seeds = vec![table.finish().expect("a table")];
    Target::new(seeds, folder.join("features.parquet"), |path| {
        Keyed::open(path, ["a", "c"].into_iter()).is_ok_and(|file| rows(&file))
    })
}
