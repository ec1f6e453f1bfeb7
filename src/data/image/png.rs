//! Decodes PNG files of 8 and 16 bits: grey ones, and those in colour whose pixels are all grey.

use super::{Fault, Levels, Page, limits};
use ::png::{BitDepth, ColorType, Decoder, DecodingError, Reader};
use std::io::Cursor;

/// A file whose header was read.
pub(in crate::data) struct Png<'a> {
    reader: Reader<Cursor<&'a [u8]>>,
    pub(super) height: usize,
    pub(super) width: usize,
    /// 8 or 16.
    pub(super) bits: u8,
    colour: ColorType,
    /// Bytes of all its samples.
    size: usize,
    /// The grey level of each colour of a palette.
    palette: Vec<u8>,
}

const COLOUR: &str =
    "convert the images to grey, one file or page for each channel: red, green and blue are three channels";
const BITS: &str = "convert the images to grey of 8 or 16 bits";

/// The most bytes that a deflated byte can become.
const EXPANDS: usize = 1100;

fn damaged(error: DecodingError) -> Fault {
    match error {
        DecodingError::LimitsExceeded => {
            Fault::Damaged("its header claims more than any image has".to_owned())
        }
        error => Fault::Damaged(error.to_string()),
    }
}

/// Reads the header.
pub(super) fn open(bytes: &[u8]) -> Result<Png<'_>, Fault> {
    let reader = Decoder::new(Cursor::new(bytes)).read_info().map_err(damaged)?;
    let info = reader.info();
    let (height, width, colour) = (info.height as usize, info.width as usize, info.color_type);
    let bits = match info.bit_depth {
        BitDepth::Eight => 8,
        BitDepth::Sixteen => 16,
        depth => {
            return Err(Fault::Pixels {
                found: format!("{}-bit {}", depth as u8, words(colour)),
                hint: BITS,
            });
        }
    };
    let mut palette = Vec::new();
    if colour == ColorType::Indexed {
        let solid = info.trns.as_deref().unwrap_or_default().iter().all(|alpha| *alpha == 255);
        let colours = info.palette.as_deref().unwrap_or_default().as_chunks::<3>().0;
        if !solid || colours.iter().any(|[red, green, blue]| red != green || green != blue) {
            return Err(Fault::Pixels { found: "8-bit palette of colours".to_owned(), hint: COLOUR });
        }
        palette = colours.iter().map(|[grey, ..]| *grey).collect();
    }
    let size = reader.output_buffer_size();
    let size = size.filter(|size| size / EXPANDS <= bytes.len()).ok_or_else(|| {
        Fault::Damaged(format!(
            "its header claims {height} x {width} pixels, which its {} bytes cannot hold",
            bytes.len()
        ))
    })?;
    Ok(Png { reader, height, width, bits, colour, size, palette })
}

impl Png<'_> {
    /// Bytes of memory that decoding takes.
    pub(super) fn needs(&self) -> u64 {
        let more = if self.bits == 8 && self.colour == ColorType::Grayscale { 1 } else { 2 };
        (self.size as u64).saturating_mul(more)
    }

    pub(super) fn decode(mut self) -> Result<Page, Fault> {
        let Self { height, width, size, .. } = self;
        let needs = self.needs();
        let mut pixels = limits::zeros(size).ok_or(Fault::TooLarge { needs, most: needs / 2 })?;
        self.reader.next_frame(&mut pixels).map_err(damaged)?;
        self.reader.finish().map_err(damaged)?; // a truncated file may lack only bytes after its pixels
        let grey = self.grey(pixels)?;
        let levels = if self.bits == 16 {
            Levels::Sixteen(grey.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair)).collect())
        } else {
            Levels::Eight(grey)
        };
        Ok(Page { height, width, levels })
    }

    /// The first sample of every pixel, if all its colours are alike and nothing is transparent.
    fn grey(&self, pixels: Vec<u8>) -> Result<Vec<u8>, Fault> {
        let bytes = usize::from(self.bits / 8);
        let (colours, alpha) = match self.colour {
            ColorType::Grayscale => return Ok(pixels),
            ColorType::Indexed => {
                let level = |at: u8| self.palette.get(usize::from(at)).copied();
                let levels: Option<Vec<u8>> = pixels.into_iter().map(level).collect();
                return levels
                    .ok_or_else(|| Fault::Damaged("it uses colours that its palette lacks".to_owned()));
            }
            ColorType::Rgb => (3, false),
            ColorType::GrayscaleAlpha => (1, true),
            ColorType::Rgba => (3, true),
        };
        let samples = colours + usize::from(alpha);
        let mut grey = Vec::with_capacity(pixels.len() / samples);
        for pixel in pixels.chunks_exact(samples * bytes) {
            let (colour, rest) = pixel.split_at(colours * bytes);
            let first = &colour[..bytes];
            if colour.chunks_exact(bytes).any(|other| other != first) {
                let found = format!("{}-bit {} with colours", self.bits, words(self.colour));
                return Err(Fault::Pixels { found, hint: COLOUR });
            }
            if rest.iter().any(|alpha| *alpha != 255) {
                let found = format!("{}-bit {}, partly transparent", self.bits, words(self.colour));
                return Err(Fault::Pixels { found, hint: "save the images without transparency (alpha)" });
            }
            grey.extend_from_slice(first);
        }
        Ok(grey)
    }
}

fn words(colour: ColorType) -> &'static str {
    match colour {
        ColorType::Grayscale => "grey",
        ColorType::Rgb => "RGB",
        ColorType::Indexed => "palette",
        ColorType::GrayscaleAlpha => "grey and alpha",
        ColorType::Rgba => "RGB and alpha",
    }
}
