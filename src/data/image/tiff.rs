//! Decodes one page of a TIFF file: grey of 8 or 16 bits, in strips or tiles.

use super::{
    Fault, Levels, Page, codec,
    directory::{Directories, Directory, directories},
    limits, zstd,
};
use ::tiff::{
    TiffError,
    decoder::{ChunkType, Decoder, DecodingResult, Limits},
};
use std::{borrow::Cow, io::Cursor};

/// A file whose directories were read.
pub(super) struct Tiff<'a> {
    bytes: &'a [u8],
    pub(super) directories: Directories,
}

/// A page that can be decoded.
pub(in crate::data) struct TiffPage<'a> {
    bytes: &'a [u8],
    /// Its number, from 0.
    number: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    /// 8 or 16.
    pub(super) bits: u8,
    /// Bytes of its grey levels, and of a tile.
    size: [usize; 2],
    /// The grey level of each colour of a palette, and where the file says that there is one.
    palette: Option<(Vec<u8>, usize)>,
    /// The page, if it is compressed with zstd.
    packed: Option<Directory>,
}

const PALETTE: &str =
    "convert the images to grey: in Fiji, choose Image > Lookup Tables > Grays and save again";
const SAMPLES: &str = "write one channel a page; in Python: tifffile.imwrite(path, planes, photometric=\"minisblack\"), where \
                       planes is tifffile.imread(path) with the channels as its first axis, and images = { layout = \
                       \"stack\" }";
const FLOAT: &str = "convert them with one factor for all images of the set, such as 65535 / the highest level that occurs; in \
                     Python: tifffile.imwrite(path, np.clip(image * factor, 0, 65535).astype(np.uint16))";
const SIGNED: &str = "convert them to unsigned levels with one offset for all images of the set; in Python: \
                      tifffile.imwrite(path, np.clip(image.astype(int) + offset, 0, 65535).astype(np.uint16))";
const BITS: &str = "convert the images to grey of 8 or 16 bits; in Python: tifffile.imwrite(path, \
                    tifffile.imread(path).astype(np.uint16))";
const GREY: &str = "convert the images to grey of 8 or 16 bits, one channel a page";

fn damaged(error: TiffError) -> Fault {
    Fault::Damaged(error.to_string())
}

fn pixels(found: impl Into<String>, hint: &'static str) -> Fault {
    Fault::Pixels { found: found.into(), hint }
}

impl<'a> Tiff<'a> {
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, Fault> {
        Ok(Self { bytes, directories: directories(bytes)? })
    }

    /// The page of this number, from 0.
    ///
    /// # Errors
    /// If it is not grey of 8 or 16 bits, is compressed in a way that is not read, or claims more than its bytes hold.
    pub(super) fn page(&self, number: usize) -> Result<TiffPage<'a>, Fault> {
        let page = &self.directories.pages[number];
        grey(page)?;
        if codec::expands(page.compression).is_none() {
            return Err(Fault::Codec(codec::name(page.compression)));
        }
        let palette = palette(page)?;
        let size = page.size(self.bytes.len())?;
        let too_large = || Fault::TooLarge { needs: size[0], most: usize::MAX as u64 };
        let whole = |number: u64| usize::try_from(number).map_err(|_| too_large());
        Ok(TiffPage {
            bytes: self.bytes,
            number,
            height: whole(page.height)?,
            width: whole(page.width)?,
            bits: page.bits as u8,
            size: [whole(size[0])?, whole(size[1])?],
            palette,
            packed: (page.compression == zstd::NUMBER).then(|| page.clone()),
        })
    }
}

/// Refuses what is not grey of 8 or 16 bits, by its name.
fn grey(page: &Directory) -> Result<(), Fault> {
    let Directory { bits, samples, .. } = *page;
    let colour = match page.photometric {
        0 | 1 => "grey",
        2 => "RGB",
        3 => "palette",
        4 => "mask",
        5 => "CMYK",
        6 => "YCbCr",
        8..=10 => "CIE Lab",
        _ => "pixels of an unknown kind",
    };
    if samples != 1 {
        let apart = if page.apart { ", in planes of their own" } else { "" };
        return Err(pixels(format!("{bits}-bit {colour} of {samples} samples a pixel{apart}"), SAMPLES));
    }
    match (page.format, bits, page.photometric) {
        (3, ..) => Err(pixels(format!("{bits}-bit float"), FLOAT)),
        (2, ..) => Err(pixels(format!("{bits}-bit {colour} with a sign"), SIGNED)),
        (5 | 6, ..) => Err(pixels(format!("{bits}-bit complex numbers"), GREY)),
        (_, 8 | 16, 0 | 1) | (_, 8, 3) => Ok(()),
        (_, _, 0 | 1) => Err(pixels(format!("{bits}-bit grey"), BITS)),
        (_, _, 3) => Err(pixels(format!("{bits}-bit palette"), PALETTE)),
        _ => Err(pixels(format!("{bits}-bit {colour}"), GREY)),
    }
}

/// The grey levels of a palette, if the page has one.
fn palette(page: &Directory) -> Result<Option<(Vec<u8>, usize)>, Fault> {
    if page.photometric != 3 {
        return Ok(None);
    }
    let third = page.colours.len() / 3;
    let parts = [0, 1, 2].map(|part| &page.colours[part * third..][..third]);
    if third != 256 || parts[0] != parts[1] || parts[1] != parts[2] {
        return Err(pixels("8-bit palette of colours", PALETTE));
    }
    Ok(Some((parts[0].iter().map(|level| (level >> 8) as u8).collect(), page.photometric_at)))
}

impl TiffPage<'_> {
    /// Bytes of memory that decoding takes.
    pub(super) fn needs(&self) -> u64 {
        let unpacked = self.packed.as_ref().map_or(0, |page| zstd::size(page).unwrap_or(u64::MAX));
        let copy = if self.palette.is_some() { self.bytes.len() as u64 } else { 0 };
        let parts = self.size.map(|part| part as u64).into_iter().chain([unpacked, copy]);
        parts.fold(0, u64::saturating_add)
    }

    pub(super) fn decode(self) -> Result<Page, Fault> {
        let Self { height, width, mut number, .. } = self;
        let mut bytes = Cow::Borrowed(self.bytes);
        if let Some(page) = &self.packed {
            (bytes, number) = (Cow::Owned(zstd::unpacked(self.bytes, page)?), 0);
        } else if let Some((_, at)) = self.palette {
            // The decoder knows no palettes: it is given the numbers of the colours as levels, black being 0.
            let one = if bytes.starts_with(b"II") { [1, 0] } else { [0, 1] };
            bytes.to_mut()[at..at + 2].copy_from_slice(&one);
        }
        // Tags are lists in memory: no more of them than the file has bytes for.
        let tags = bytes.len().saturating_mul(64).max(1 << 20);
        let mut limits = Limits::default();
        limits.decoding_buffer_size = tags.max(self.size[1]);
        limits.intermediate_buffer_size = usize::MAX;
        let decoder = Decoder::new(Cursor::new(bytes.as_ref())).map_err(damaged)?;
        let mut decoder = decoder.with_limits(limits);
        if number > 0 {
            decoder.seek_to_image(number).map_err(damaged)?;
        }
        let mut levels = match decoder.get_chunk_type() {
            ChunkType::Strip => self.strips(&mut decoder)?,
            ChunkType::Tile => self.tiles(&mut decoder)?,
        };
        if let (Levels::Eight(levels), Some((palette, _))) = (&mut levels, &self.palette) {
            levels.iter_mut().for_each(|level| *level = palette[usize::from(*level)]);
        }
        Ok(Page { height, width, levels })
    }

    /// All levels 0.
    fn zeros(&self) -> Result<Levels, Fault> {
        let count = self.height * self.width;
        let levels = match self.bits {
            8 => limits::zeros(count).map(Levels::Eight),
            _ => limits::zeros(count).map(Levels::Sixteen),
        };
        levels.ok_or(Fault::TooLarge { needs: self.needs(), most: self.needs() / 2 })
    }

    fn strips(&self, decoder: &mut Decoder<Cursor<&[u8]>>) -> Result<Levels, Fault> {
        let mut into = match self.zeros()? {
            Levels::Eight(levels) => DecodingResult::U8(levels),
            Levels::Sixteen(levels) => DecodingResult::U16(levels),
        };
        decoder.read_image_bytes(into.as_buffer(0).as_bytes_mut()).map_err(damaged)?;
        levels(into)
    }

    /// The pixels of a tiled page. Each tile is decoded whole and cropped here: the decoder fails on some LZW
    /// tiles that extend beyond the page when it is asked to crop them (image-tiff's issue 395).
    fn tiles(&self, decoder: &mut Decoder<Cursor<&[u8]>>) -> Result<Levels, Fault> {
        let (columns, rows) = decoder.chunk_dimensions();
        let (columns, rows) = (columns as usize, rows as usize);
        let (height, width) = (self.height, self.width);
        let across = width.div_ceil(columns);
        let mut page = self.zeros()?;
        for number in 0..height.div_ceil(rows) * across {
            let mut tile = DecodingResult::U8(Vec::new());
            let stride = columns * usize::from(self.bits / 8);
            decoder.read_chunk_to_buffer(&mut tile, number as u32, stride).map_err(damaged)?;
            let (top, left) = (number / across * rows, number % across * columns);
            let place = Placed { top, left, columns, height, width };
            match (&mut page, &levels(tile)?) {
                (Levels::Eight(page), Levels::Eight(tile)) => place.copy(tile, page),
                (Levels::Sixteen(page), Levels::Sixteen(tile)) => place.copy(tile, page),
                _ => return Err(Fault::Damaged("its tiles differ in bit depth".to_owned())),
            }
        }
        Ok(page)
    }
}

/// The grey levels, if they are of a type that is read: the header was checked before.
fn levels(found: DecodingResult) -> Result<Levels, Fault> {
    match found {
        DecodingResult::U8(levels) => Ok(Levels::Eight(levels)),
        DecodingResult::U16(levels) => Ok(Levels::Sixteen(levels)),
        _ => Err(pixels("another number format", GREY)),
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
