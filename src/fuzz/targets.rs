//! The readers, each with good files of its format.

use super::Reader;
use crate::{
    adapter::SetChannels,
    backbone::{files, torch::Checkpoint},
    data::{Contents, DataSet, sample},
    evaluate::{answered::PredictionCache, predictions},
    event::Silence,
    model::{Card, CardSet},
    sample as declared,
    spec::{self, recipe::Recipe},
    store::Store,
};
use std::{
    fs::{self, File},
    io::{Read, Write},
    path::Path,
};
use zip::{ZipArchive, ZipWriter, write::SimpleFileOptions};

/// A reader.
pub(super) struct Target {
    pub(super) name: &'static str,
    /// The file that it reads, in a folder that `seeds` may prepare.
    pub(super) file: &'static str,
    /// Good files. They are read before anything is changed.
    pub(super) seeds: fn(&Path) -> Vec<Vec<u8>>,
    pub(super) read: Reader,
}

macro_rules! golden {
    ($($name:literal)*) => { vec![$(include_bytes!(concat!("../../tests/golden/", $name)).to_vec()),*] };
}

/// A data set of one set with two images.
fn two_images(root: &Path) {
    let set = sample::Set { name: "A", columns: "train_test_split", rows: &[("a", "Train"), ("b", "Train")] };
    drop(sample::folder(root, &[set], ""));
}

/// Reads all images of the folder two above this file.
fn images(path: &Path) -> bool {
    let root = path.ancestors().nth(2).expect("a folder with a set");
    let Ok(data) = DataSet::open_without_fingerprint("small", root) else { return false };
    data.sets.iter().all(|set| (0..set.len() as u32).all(|row| set.read(row).is_ok()))
}

pub(super) fn png() -> Target {
    let seeds = |folder: &Path| {
        two_images(folder);
        let whole = fs::read(folder.join("A/0.png")).expect("it was written");
        let filtered = |filter| {
            let mut out = vec![];
            let mut encoder = png::Encoder::new(&mut out, 32, 32);
            encoder.set_filter(filter);
            let pixels: Vec<u8> = (0..32 * 32).map(|at| (at * 7 % 251) as u8).collect();
            encoder
                .write_header()
                .and_then(|mut writer| writer.write_image_data(&pixels))
                .expect("a picture");
            out
        };
        vec![whole, filtered(png::Filter::Paeth)]
    };
    let read = |path: &Path| {
        let mut bytes = fs::read(path).expect("it is there");
        check_sums(&mut bytes);
        fs::write(path, bytes).expect("it was written");
        images(path)
    };
    Target { name: "png", file: "A/0.png", seeds, read }
}

/// Corrects the check sums of a PNG, which would refuse every change.
fn check_sums(png: &mut [u8]) {
    let mut at = 8;
    while let Some(length) = png.get(at..at + 4) {
        let length = length.iter().fold(0usize, |length, byte| length << 8 | usize::from(*byte));
        let end = at + 8 + length;
        let Some(chunk) = png.get(at + 4..end) else { return };
        let mut sum = flate2::Crc::new();
        sum.update(chunk);
        let Some(place) = png.get_mut(end..end + 4) else { return };
        place.copy_from_slice(&sum.sum().to_be_bytes());
        at = end + 4;
    }
}

pub(super) fn tiff() -> Target {
    let seeds = |folder: &Path| {
        fs::create_dir(folder.join("A")).expect("a folder");
        let toml = "name = \"small\"\n[sets.A]\nchannels = [\"dna\"]\n";
        fs::write(folder.join("dataset.toml"), toml).expect("a description");
        fs::write(
            folder.join("A/enriched_meta.csv"),
            "file_path,channel_width,Label,train_test_split\n0.tif,138,a,Train\n",
        )
        .expect("a table");
        golden! { "tiff/raw.tif" "tiff/strips.tif" "tiff/tiles.tif" "tiff/tiles_deflate.tif" "tiff/lzw.tif" "tiff/lzw_predictor.tif"
        "tiff/deflate.tif" "tiff/big.tif" "tiff/big_endian.tif" }
    };
    Target { name: "tiff", file: "A/0.tif", seeds, read: images }
}

/// The pickle in a checkpoint; the archive around it has checksums that would refuse every change.
pub(super) fn pickle() -> Target {
    let seeds = |folder: &Path| {
        let whole = golden! { "checkpoints/hypernet.pt" };
        fs::write(folder.join("whole.pt"), &whole[0]).expect("a checkpoint");
        let mut archive =
            ZipArchive::new(File::open(folder.join("whole.pt")).expect("it is there")).expect("an archive");
        let mut pickles = vec![];
        for at in 0..archive.len() {
            let mut entry = archive.by_index(at).expect("an entry");
            if is_pickle(&entry) {
                let mut bytes = vec![];
                entry.read_to_end(&mut bytes).expect("it can be read");
                pickles.push(bytes);
            }
        }
        pickles
    };
    Target { name: "pickle", file: "data.pkl", seeds, read: checkpoint }
}

fn is_pickle<R: Read>(entry: &zip::read::ZipFile<'_, R>) -> bool {
    entry.name().is_ok_and(|name| name.ends_with("data.pkl"))
}

/// Puts the pickle into the checkpoint beside it, and reads all of that.
fn checkpoint(pickle: &Path) -> bool {
    let (whole, changed) = (pickle.with_file_name("whole.pt"), pickle.with_file_name("changed.pt"));
    let mut archive = ZipArchive::new(File::open(whole).expect("it is there")).expect("an archive");
    let mut out = ZipWriter::new(File::create(&changed).expect("a file"));
    for at in 0..archive.len() {
        let mut entry = archive.by_index(at).expect("an entry");
        let name = entry.name().expect("a name").into_owned();
        out.start_file(name, SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored))
            .expect("an entry");
        let mut bytes = vec![];
        match is_pickle(&entry) {
            true => bytes = fs::read(pickle).expect("it is there"),
            false => drop(entry.read_to_end(&mut bytes).expect("it can be read")),
        }
        out.write_all(&bytes).expect("an entry");
    }
    out.finish().expect("an archive");
    tensors(&changed)
}

/// Reads every tensor of a checkpoint.
fn tensors(path: &Path) -> bool {
    let read = || {
        let mut checkpoint = Checkpoint::open(path)?;
        let tensors = checkpoint.tensors("model_params")?.unwrap_or_default();
        tensors.iter().try_for_each(|(name, stored)| checkpoint.values(name, stored).map(drop))
    };
    read().is_ok()
}

/// Several pickles one after the other, as PyTorch wrote before it had archives.
pub(super) fn legacy() -> Target {
    Target { name: "legacy", file: "a.pt", seeds: |_| golden! { "checkpoints/depthwise.pt" }, read: tensors }
}

pub(super) fn npy() -> Target {
    let seeds = |_: &Path| vec![[crate::npy::header(3, 2), vec![0; 24]].concat()];
    Target {
        name: "npy",
        file: "features.npy",
        seeds,
        read: |path| crate::evaluate::FeatureFile::npy(path).is_ok(),
    }
}

pub(super) fn safetensors() -> Target {
    const TENSORS: [(&str, &[usize]); 2] = [("a.weight", &[2, 3]), ("a.bias", &[2])];
    let seeds = |folder: &Path| {
        let path = folder.join("a.safetensors");
        let channels = SetChannels { set: "A".into(), channels: vec!["dna".into()] };
        let model = declared::spec(declared::plain(), Recipe::Fixed).model;
        let card = Card { model, image: 224, sets: vec![CardSet::plain(channels)], normalise: vec![] };
        let note = serde_json::to_string(&card).expect("plain data");
        let tensors = TENSORS.map(|(name, shape)| {
            (name.to_owned(), shape.to_vec(), vec![7; 4 * shape.iter().product::<usize>()])
        });
        files::write(&path, &tensors, Some(&note)).expect("weights");
        vec![fs::read(&path).expect("it was written")]
    };
    let read = |path: &Path| {
        let card = files::note(path).ok().flatten().and_then(|note| serde_json::from_str::<Card>(&note).ok());
        card.is_some() && files::tensors(path, &TENSORS).is_ok()
    };
    Target { name: "safetensors", file: "b.safetensors", seeds, read }
}

pub(super) fn spec() -> Target {
    let seeds = |_: &Path| {
        let specs = [
            declared::spec(declared::plain(), Recipe::Paper),
            declared::spec(declared::off_the_shelf(), Recipe::Fixed),
        ];
        specs.iter().map(|spec| serde_json::to_vec(spec).expect("plain data")).collect()
    };
    let read = |path: &Path| {
        let Ok(json) = serde_json::from_slice(&fs::read(path).expect("it is there")) else { return false };
        spec::upgrade(json).is_ok_and(|spec| spec.check().is_empty())
    };
    Target { name: "spec", file: "spec.json", seeds, read }
}

pub(super) fn parquet() -> Target {
    let seeds = |folder: &Path| vec![predictions::tests::written(&folder.join("p.parquet"))];
    let read = |path: &Path| predictions::read(path, "data", &PredictionCache::default()).is_ok();
    Target { name: "parquet", file: "predictions.parquet", seeds, read }
}

pub(super) fn table() -> Target {
    let seeds = |folder: &Path| {
        two_images(folder);
        vec![fs::read(folder.join("A/enriched_meta.csv")).expect("it was written")]
    };
    let read = |path: &Path| {
        DataSet::open_without_fingerprint("small", path.ancestors().nth(2).expect("a folder")).is_ok()
    };
    Target { name: "table", file: "A/enriched_meta.csv", seeds, read }
}

pub(super) fn description() -> Target {
    let seeds = |folder: &Path| {
        two_images(folder);
        vec![fs::read(folder.join("dataset.toml")).expect("it was written")]
    };
    let read = |path: &Path| {
        DataSet::open("small", path.parent().expect("a folder"), &Contents::not_kept(), &mut Silence).is_ok()
    };
    Target { name: "description", file: "dataset.toml", seeds, read }
}

/// A database, asked for everything that the command line shows first.
pub(super) fn store() -> Target {
    let seeds = |folder: &Path| {
        let path = folder.join("whole.db");
        drop(Store::open(&path).expect("a store").close());
        vec![fs::read(&path).expect("it was written")]
    };
    let read = |path: &Path| {
        let Ok(reader) = Store::open_read_only(path) else { return false };
        ["SELECT * FROM v_runs", "SELECT * FROM v_seeds", "SELECT * FROM v_paper", "SELECT * FROM work"]
            .iter()
            .all(|sql| reader.query(sql).is_ok())
            && reader.check(false).is_ok()
    };
    Target { name: "store", file: "changed.db", seeds, read }
}
