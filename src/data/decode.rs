//! Decodes greyscale PNG and TIFF files of 8 and 16 bits, single-page or multi-page.

use super::image::{Fault, Levels, Page};
use std::io::Cursor;
use tiff::decoder::DecodingResult;

/// Number of channels of this width side by side in a page.
pub(super) fn channels(width: usize, channel_width: usize) -> Result<usize, Fault> {
    if channel_width == 0 || width == 0 || !width.is_multiple_of(channel_width) {
        return Err(Fault::Width(width, channel_width));
    }
    Ok(width / channel_width)
}

/// The single page of a file. `tape`: whether it should hold all channels, for the error message.
pub(super) fn page(bytes: &[u8], tape: bool) -> Result<Page, Fault> {
    match format(bytes)? {
        Format::Png => png(bytes),
        Format::Tiff => {
            let mut file = Tiff::open(bytes)?;
            if file.decoder.more_images() {
                // A page in an unsupported format has its own fault, which is reported first.
                file.check()?;
                return Err(Fault::Pages { tape, found: file.count()? });
            }
            file.page()
        }
    }
}

/// The pages of a file in order, or only those in `wanted` (counted from 1). `expected` are the names of the
/// channels that the pages should hold.
pub(super) fn pages(bytes: &[u8], wanted: Option<&[usize]>, expected: &[String]) -> Result<Vec<Page>, Fault> {
    let count = |found| Fault::PageCount { found, expected: expected.to_vec() };
    let absent = |found: usize| {
        let mut places = wanted.into_iter().flatten().zip(expected);
        let (page, channel) = places.find(|(page, _)| **page > found)?;
        Some(Fault::NoPage { page: *page, channel: channel.clone(), found })
    };
    match format(bytes)? {
        Format::Png => match wanted {
            None if expected.len() != 1 => Err(count(1)),
            _ => absent(1).map_or_else(|| Ok(vec![png(bytes)?]), Err),
        },
        Format::Tiff => {
            let found = Tiff::open(bytes)?.count()?;
            if wanted.is_none() && found != expected.len() {
                return Err(count(found));
            }
            if let Some(fault) = absent(found) {
                return Err(fault);
            }
            let mut file = Tiff::open(bytes)?;
            let mut pages: Vec<Option<Page>> = vec![None; expected.len()];
            for number in 1..=found {
                let place =
                    wanted.map_or(Some(number - 1), |wanted| wanted.iter().position(|page| *page == number));
                if let Some(place) = place.and_then(|place| pages.get_mut(place)) {
                    *place = Some(file.page()?);
                }
                if number < found {
                    file.decoder.next_image().map_err(damaged)?;
                }
            }
            Ok(pages.into_iter().flatten().collect())
        }
    }
}

enum Format {
    Png,
    Tiff,
}

fn format(bytes: &[u8]) -> Result<Format, Fault> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => Ok(Format::Png),
        // classic and big, little-endian and big-endian
        [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Ok(Format::Tiff),
        _ => Err(Fault::Format(bytes[..bytes.len().min(4)].to_vec())),
    }
}

/// Pixel bytes beyond which a header is considered corrupt.
const LARGEST: usize = 1 << 31;

fn png(bytes: &[u8]) -> Result<Page, Fault> {
    let damaged = |error: png::DecodingError| Fault::Damaged(error.to_string());
    let mut reader = png::Decoder::new(Cursor::new(bytes)).read_info().map_err(damaged)?;
    let info = reader.info();
    let (height, width) = (info.height as usize, info.width as usize);
    let sixteen = match (info.color_type, info.bit_depth) {
        (png::ColorType::Grayscale, png::BitDepth::Eight) => false,
        (png::ColorType::Grayscale, png::BitDepth::Sixteen) => true,
        (colour, depth) => {
            let colour = match colour {
                png::ColorType::Grayscale => "grey",
                png::ColorType::Rgb => "RGB",
                png::ColorType::Indexed => "palette",
                png::ColorType::GrayscaleAlpha => "grey and alpha",
                png::ColorType::Rgba => "RGB and alpha",
            };
            return Err(Fault::Pixels(format!("{}-bit {colour}", depth as u8)));
        }
    };
    let possible = |&size: &usize| size <= LARGEST;
    let size = reader.output_buffer_size().filter(possible);
    let size = size.ok_or_else(|| Fault::Damaged(format!("its header claims {height} x {width} pixels")))?;
    let mut pixels = vec![0; size];
    reader.next_frame(&mut pixels).map_err(damaged)?;
    reader.finish().map_err(damaged)?; // a truncated file may lack only bytes after its pixels
    let levels = if sixteen {
        Levels::Sixteen(pixels.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair)).collect())
    } else {
        Levels::Eight(pixels)
    };
    Ok(Page { height, width, levels })
}

fn damaged(error: tiff::TiffError) -> Fault {
    Fault::Damaged(error.to_string())
}

/// A TIFF file positioned at one of its pages.
struct Tiff<'a> {
    decoder: tiff::decoder::Decoder<Cursor<&'a [u8]>>,
}

impl<'a> Tiff<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self, Fault> {
        Ok(Self { decoder: tiff::decoder::Decoder::new(Cursor::new(bytes)).map_err(damaged)? })
    }

    /// The pages from this one on.
    fn count(&mut self) -> Result<usize, Fault> {
        let mut pages = 1;
        while self.decoder.more_images() {
            self.decoder.next_image().map_err(damaged)?;
            pages += 1;
        }
        Ok(pages)
    }

    fn check(&mut self) -> Result<(), Fault> {
        match self.decoder.colortype().map_err(damaged)? {
            tiff::ColorType::Gray(8 | 16) => Ok(()),
            tiff::ColorType::Gray(bits) => Err(Fault::Pixels(format!("{bits}-bit grey"))),
            other => Err(Fault::Pixels(format!("{other:?}"))),
        }
    }

    /// The pixels of this page.
    fn page(&mut self) -> Result<Page, Fault> {
        let (width, height) = self.decoder.dimensions().map_err(damaged)?;
        self.check()?;
        let (height, width) = (height as usize, width as usize);
        if height == 0 || width == 0 || height.saturating_mul(width) > LARGEST {
            return Err(Fault::Damaged(format!("its header claims {height} x {width} pixels")));
        }
        let levels = match self.decoder.get_chunk_type() {
            tiff::decoder::ChunkType::Strip => levels(self.decoder.read_image().map_err(damaged)?)?,
            tiff::decoder::ChunkType::Tile => self.tiles(height, width)?,
        };
        Ok(Page { height, width, levels })
    }

    /// The pixels of a tiled page. Each tile is decoded whole and cropped here: the decoder fails on some LZW
    /// tiles that extend beyond the page when it is asked to crop them (image-tiff's issue 395).
    fn tiles(&mut self, height: usize, width: usize) -> Result<Levels, Fault> {
        let (columns, rows) = self.decoder.chunk_dimensions();
        let (columns, rows) = (columns as usize, rows as usize);
        let bytes =
            if self.decoder.colortype().map_err(damaged)? == tiff::ColorType::Gray(16) { 2 } else { 1 };
        let across = width.div_ceil(columns);
        let mut page: Option<Levels> = None;
        for number in 0..height.div_ceil(rows) * across {
            let mut tile = DecodingResult::U8(Vec::new());
            self.decoder.read_chunk_to_buffer(&mut tile, number as u32, columns * bytes).map_err(damaged)?;
            let tile = levels(tile)?;
            let (top, left) = (number / across * rows, number % across * columns);
            let place = Placed { top, left, columns, height, width };
            match (page.get_or_insert_with(|| tile.empty(height * width)), &tile) {
                (Levels::Eight(page), Levels::Eight(tile)) => place.copy(tile, page),
                (Levels::Sixteen(page), Levels::Sixteen(tile)) => place.copy(tile, page),
                _ => return Err(Fault::Damaged("its tiles differ in bit depth".to_owned())),
            }
        }
        page.ok_or_else(|| Fault::Damaged("it has no tiles".to_owned()))
    }
}

fn levels(decoded: DecodingResult) -> Result<Levels, Fault> {
    match decoded {
        DecodingResult::U8(levels) => Ok(Levels::Eight(levels)),
        DecodingResult::U16(levels) => Ok(Levels::Sixteen(levels)),
        DecodingResult::I8(_) => Err(Fault::Pixels("8-bit grey with a sign".to_owned())),
        DecodingResult::I16(_) => Err(Fault::Pixels("16-bit grey with a sign".to_owned())),
        _ => Err(Fault::Pixels("another number format".to_owned())),
    }
}

/// Position in the page of a tile with this many columns.
struct Placed {
    top: usize,
    left: usize,
    columns: usize,
    height: usize,
    width: usize,
}

impl Placed {
    fn copy<P: Copy>(&self, tile: &[P], page: &mut [P]) {
        let columns = self.columns.min(self.width - self.left);
        for (line, row) in tile.chunks_exact(self.columns).zip(self.top..self.height) {
            page[row * self.width + self.left..][..columns].copy_from_slice(&line[..columns]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! golden {
        ($name:literal) => {
            include_bytes!(concat!("../../tests/golden/tiff/", $name)).as_slice()
        };
    }

    /// The pixels of `tests/golden/tiff.py`, times `times`.
    fn grey(times: u16) -> Vec<u16> {
        let pixel = |i: usize| {
            let (r, c) = (i / 138, i % 138);
            ((r * r + 3 * c + r * c / 7) % 251) as u16 * times
        };
        (0..30 * 138).map(pixel).collect()
    }

    fn levels(page: &Page) -> Vec<u16> {
        match &page.levels {
            Levels::Eight(levels) => levels.iter().map(|level| u16::from(*level)).collect(),
            Levels::Sixteen(levels) => levels.clone(),
        }
    }

    #[test]
    fn what_tifffile_writes_is_read() {
        let files = [
            ("raw", golden!("raw.tif")),
            ("strips", golden!("strips.tif")),
            ("big-endian", golden!("big_endian.tif")),
            ("BigTIFF", golden!("big.tif")),
            ("deflate", golden!("deflate.tif")),
            ("LZW", golden!("lzw.tif")),
            ("LZW with predictor", golden!("lzw_predictor.tif")),
            ("tiles", golden!("tiles.tif")),
            ("tiles, deflate", golden!("tiles_deflate.tif")),
            ("OME", golden!("raw.ome.tiff")),
            ("OME, LZW", golden!("lzw.ome.tiff")),
            ("16 bits", golden!("bits16.tif")),
        ];
        for (name, bytes) in files {
            let found = page(bytes, true).unwrap_or_else(|fault| panic!("{name}: {fault}"));
            let (bits, times) = if name == "16 bits" { (16, 257) } else { (8, 1) };
            assert_eq!((found.height, found.width, found.levels.bits()), (30, 138, bits), "{name}");
            assert!(levels(&found) == grey(times), "{name}: other pixels");
        }
    }

    #[test]
    fn other_tiffs_are_refused() {
        let files = [
            (golden!("rgb.tif"), "expected 8-bit or 16-bit grey pixels, found RGB(8)"),
            (golden!("float.tif"), "expected 8-bit or 16-bit grey pixels, found 32-bit grey"),
            (golden!("signed.tif"), "expected 8-bit or 16-bit grey pixels, found 8-bit grey with a sign"),
            (golden!("pages.ome.tiff"), "expected one page with the channels side by side, found 3 pages"),
        ];
        for (bytes, expected) in files {
            assert_eq!(page(bytes, true).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn cut_tiffs_are_refused() {
        for (bytes, keep) in
            [(golden!("raw.tif"), 4000), (golden!("tiles_deflate.tif"), 3000), (golden!("lzw.tif"), 9)]
        {
            let found = page(&bytes[..keep], true);
            assert!(matches!(found, Err(Fault::Damaged(_))), "{found:?}");
        }
        assert_eq!(
            channels(138, 40).unwrap_err().to_string(),
            "expected a width that is a multiple of channel_width 40, found 138"
        );
    }

    /// The pixels of `tests/golden/stack.py`: page p of 20 x 33.
    fn stacked(page: usize) -> Vec<u16> {
        (0..20 * 33).map(|i| ((i / 33 * 977 + i % 33 * 131 + page * 15_013) % 65_536) as u16).collect()
    }

    const NAMES: [&str; 3] = ["dna", "er", "mito"];

    fn names() -> Vec<String> {
        NAMES.map(String::from).to_vec()
    }

    #[test]
    fn stacks_that_tifffile_writes_are_read() {
        macro_rules! stack {
            ($($name:literal),*) => {
                [$(($name, include_bytes!(concat!("../../tests/golden/stack/", $name)).as_slice())),*]
            };
        }
        let files = stack!(
            "raw.tif",
            "big_endian.tif",
            "lzw.ome.tif",
            "deflate.ome.tif",
            "deflate_predictor.tif",
            "tiles_lzw_big_endian.ome.tif",
            "big.ome.tif"
        );
        for (name, bytes) in files {
            for (wanted, expected) in [(None, [0, 1, 2]), (Some(&[3, 1, 2][..]), [2, 0, 1])] {
                let found = pages(bytes, wanted, &names()).unwrap_or_else(|fault| panic!("{name}: {fault}"));
                assert_eq!(found.len(), 3, "{name}");
                for (found, page) in found.iter().zip(expected) {
                    assert_eq!((found.height, found.width, found.levels.bits()), (20, 33, 16), "{name}");
                    assert!(levels(found) == stacked(page), "{name}: other pixels on page {page}");
                }
            }
        }
        let eight = pages(golden!("pages.ome.tiff"), None, &names()).unwrap();
        let all = grey(1);
        for (page, found) in eight.iter().enumerate() {
            let expected = all.chunks(138).flat_map(|line| &line[page * 46..][..46]).copied();
            assert_eq!(levels(found), expected.collect::<Vec<_>>());
        }
    }

    #[test]
    fn stacks_of_other_pages_are_refused() {
        let three = golden!("pages.ome.tiff");
        let say = |bytes: &[u8], wanted: Option<&[usize]>, count: usize| {
            pages(bytes, wanted, &names()[..count]).unwrap_err().to_string()
        };
        let expected = "expected 2 pages, one for each channel (dna, er), found 3";
        assert_eq!(say(three, None, 2), expected);
        assert_eq!(say(three, Some(&[1, 4]), 2), "expected `er` on page 4, found 3 pages");
        assert_eq!(
            say(golden!("raw.tif"), None, 3),
            "expected 3 pages, one for each channel (dna, er, mito), found 1"
        );
        let cut = say(&three[..three.len() - 2000], None, 3);
        assert!(cut.starts_with("the image is damaged or cut short: "), "{cut}");
        assert_eq!(pages(three, Some(&[2]), &names()[..1]).unwrap().len(), 1);
    }
}
