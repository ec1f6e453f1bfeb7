//! Images: PNG, TIFF of one page, TIFF with a page for each channel.

use super::Target;
use crate::data::DataSet;
use std::{fs, path::Path};

macro_rules! golden {
    ($($name:literal)*) => { vec![$(include_bytes!(concat!("../../tests/golden/", $name)).to_vec()),*] };
}

/// A data set of one image, read anew each time. Channels are pages, so that an image may have any size.
fn image(folder: &Path, channels: &str, images: &str, seeds: Vec<Vec<u8>>) -> Target {
    let path = folder.join("A/0.tif");
    fs::create_dir(folder.join("A")).expect("a folder");
    let toml = format!(
        "name = \"small\"\n[sets.A]\nchannels = [{channels}]\nimages = {{ layout = \"stack\"{images} }}\n\
         intensity = {{ percentile = [1, 99], per = \"image\" }}\n"
    );
    fs::write(folder.join("dataset.toml"), toml).expect("a description");
    let table = "file_path,Label,train_test_split\n0.tif,a,Train\n";
    fs::write(folder.join("A/enriched_meta.csv"), table).expect("a table");
    fs::write(&path, &seeds[0]).expect("an image");
    let data = DataSet::open_without_fingerprint("small", folder).expect("a data set");
    Target::new(seeds, path, move |_| data.sets[0].read(0).is_ok())
}

pub(super) fn png(folder: &Path) -> Target {
    use png::{BitDepth, ColorType, Encoder, Filter};
    let picture = |colour, depth, side: usize, filter| {
        let mut out = vec![];
        let mut encoder = Encoder::new(&mut out, side as u32, side as u32);
        encoder.set_color(colour);
        encoder.set_depth(depth);
        encoder.set_filter(filter);
        let bytes = side * side * if depth == BitDepth::Sixteen { 2 } else { 1 };
        let pixels: Vec<u8> = (0..bytes).map(|at| (at * 7 % 251) as u8).collect();
        let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&pixels));
        written.expect("a picture");
        out
    };
    let seeds = vec![
        picture(ColorType::Grayscale, BitDepth::Eight, 32, Filter::NoFilter),
        picture(ColorType::Grayscale, BitDepth::Eight, 24, Filter::Paeth),
        picture(ColorType::Grayscale, BitDepth::Sixteen, 8, Filter::Sub),
    ];
    Target { file: Box::new(check_sums), ..image(folder, "\"dna\"", "", seeds) }
}

/// Corrects the check sums of a PNG, which would refuse every change.
fn check_sums(mut png: Vec<u8>) -> Vec<u8> {
    let mut at = 8;
    while let Some(length) = png.get(at..at + 4) {
        let length = length.iter().fold(0usize, |length, byte| length << 8 | usize::from(*byte));
        let end = at + 8 + length;
        let Some(chunk) = png.get(at + 4..end) else { break };
        let mut sum = flate2::Crc::new();
        sum.update(chunk);
        let Some(place) = png.get_mut(end..end + 4) else { break };
        place.copy_from_slice(&sum.sum().to_be_bytes());
        at = end + 4;
    }
    png
}

pub(super) fn tiff(folder: &Path) -> Target {
    let seeds = golden! { "tiff/raw.tif" "tiff/strips.tif" "tiff/tiles.tif" "tiff/tiles_deflate.tif" "tiff/lzw.tif"
    "tiff/lzw_predictor.tif" "tiff/deflate.tif" "tiff/big.tif" "tiff/big_endian.tif" "tiff/bits16.tif" "described/zstd.tif"
    "described/zstd_16.tif" "described/palette.tif" };
    image(folder, "\"dna\"", "", seeds)
}

/// What a file says of its pages is read too, by whichever program.
pub(super) fn stack(folder: &Path) -> Target {
    let seeds = golden! { "described/zc.ome.tif" "described/hyperstack.tif" "described/plain.tif" "described/levels.tif"
    "tiff/pages.ome.tiff" };
    image(folder, "\"dna\", \"er\", \"rna\"", ", pages = [1, 2, 3]", seeds)
}
