//! Writes 8-bit tapes as PNG and OME-TIFF.

use super::Error;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;

/// Joins several row-major planes side by side along the width into one.
pub(super) fn tape(planes: &[Vec<u8>], width: usize) -> Vec<u8> {
    let height = planes.first().map_or(0, |plane| plane.len() / width);
    let mut bytes = Vec::with_capacity(height * width * planes.len());
    for row in 0..height {
        for plane in planes {
            bytes.extend_from_slice(&plane[row * width..(row + 1) * width]);
        }
    }
    bytes
}

/// Writes an 8-bit grey tape; the extension gives the format (`.png`, `.ome.tiff`). Creates its folder.
pub(super) fn image(path: &Path, tape: &[u8], width: usize) -> Result<(), Error> {
    let io = |source| Error::Io { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(io)?;
    }
    let mut file = BufWriter::new(File::create(path).map_err(io)?);
    let height = tape.len() / width;
    let encode = |why: String| Error::Encode { path: path.to_owned(), why };
    if path.extension().is_some_and(|end| end == "png") {
        let mut encoder = png::Encoder::new(&mut file, width as u32, height as u32);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::Fast);
        let mut writer = encoder.write_header().map_err(|e| encode(e.to_string()))?;
        writer.write_image_data(tape).map_err(|e| encode(e.to_string()))?;
        writer.finish().map_err(|e| encode(e.to_string()))?;
    } else {
        ome_tiff(&mut file, tape, width, height).map_err(|e| encode(e.to_string()))?;
    }
    std::io::Write::flush(&mut file).map_err(io)
}

fn ome_tiff<W: std::io::Write + std::io::Seek>(
    file: W,
    tape: &[u8],
    width: usize,
    height: usize,
) -> tiff::TiffResult<()> {
    use tiff::encoder::{Compression, DeflateLevel, TiffEncoder, colortype::Gray8};
    let description = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <OME xmlns=\"http://www.openmicroscopy.org/Schemas/OME/2016-06\"><Image ID=\"Image:0\">\
         <Pixels ID=\"Pixels:0\" DimensionOrder=\"XYZCT\" Type=\"uint8\" SizeX=\"{width}\" SizeY=\"{height}\" \
         SizeZ=\"1\" SizeC=\"1\" SizeT=\"1\"><Channel ID=\"Channel:0:0\" SamplesPerPixel=\"1\"/><TiffData/></Pixels>\
         </Image></OME>"
    );
    let mut encoder = TiffEncoder::new(file)?.with_compression(Compression::Deflate(DeflateLevel::Fast));
    let mut image = encoder.new_image::<Gray8>(width as u32, height as u32)?;
    image.encoder().write_tag(tiff::tags::Tag::ImageDescription, description.as_str())?;
    image.write_data(tape)
}
