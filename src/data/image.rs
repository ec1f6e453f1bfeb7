//! Stored images: 8-bit grey PNG and TIFF, channels side by side ("tapes").

use std::{
    fmt,
    io::{self, Cursor},
};
use tiff::decoder::DecodingResult;

/// An image as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tape {
    /// Rows of pixels.
    pub height: usize,
    /// Columns of one channel.
    pub width: usize,
    /// Channels, side by side: channel c is columns c · width … (c + 1) · width - 1.
    pub channels: usize,
    /// Row by row, `height` rows of `width · channels` grey levels.
    pub pixels: Vec<u8>,
}

/// What is wrong with an image.
#[derive(Debug)]
pub enum Fault {
    /// The system does not let us read it.
    Unreadable(io::Error),
    /// Neither PNG nor TIFF; the first bytes found.
    Format(Vec<u8>),
    /// Cut short or damaged; the decoder's words.
    Damaged(String),
    /// Not 8-bit grey; what it is.
    Pixels(String),
    /// A TIFF of several pages.
    Pages,
    /// The stored width is not a multiple of the channel width (found, channel width).
    Width(usize, usize),
    /// Another number of channels than the set has.
    Channels {
        /// Stored width over channel width.
        found: usize,
        /// The set's channels.
        expected: Vec<String>,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(cause) => write!(f, "cannot read the image: {cause}"),
            Self::Format(start) if start.is_empty() => {
                f.write_str("expected a PNG or TIFF image, found an empty file")
            }
            Self::Format(start) => {
                write!(f, "expected a PNG or TIFF image, found a file that starts with {start:02x?}")
            }
            Self::Damaged(cause) => write!(f, "the image is damaged or cut short: {cause}"),
            Self::Pixels(found) => write!(f, "expected 8-bit grey pixels, found {found}"),
            Self::Pages => {
                f.write_str("expected one page with the channels side by side, found several pages")
            }
            Self::Width(found, channel) => {
                write!(f, "expected a width that is a multiple of channel_width {channel}, found {found}")
            }
            Self::Channels { found, expected } => {
                write!(f, "expected {} channels ({}), found {found}", expected.len(), expected.join(", "))
            }
        }
    }
}

impl Fault {
    /// What to do about it.
    pub(super) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Damaged(_) => "fetch or write the file again; `data check` finds all such files",
            Self::Pixels(_) => "convert the images to 8-bit grey with one fixed range for all of them",
            Self::Pages => "put the channels of an image side by side into one page",
            Self::Width(..) | Self::Channels { .. } => {
                "width of the image = channel_width (a column of the table) × number of channels (in dataset.toml)"
            }
            Self::Unreadable(_) | Self::Format(_) => return None,
        };
        Some(hint.to_owned())
    }
}

/// Decodes a PNG or TIFF file of which one channel is `channel_width` columns wide.
///
/// # Errors
/// If the file is damaged, is not 8-bit grey, or is not a whole number of channels wide.
pub fn decode(bytes: &[u8], channel_width: usize) -> Result<Tape, Fault> {
    let (height, width, pixels) = match bytes {
        [0x89, b'P', b'N', b'G', ..] => decode_png(bytes)?,
        // classic and big, little-endian and big-endian
        [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => decode_tiff(bytes)?,
        _ => return Err(Fault::Format(bytes[..bytes.len().min(4)].to_vec())),
    };
    if channel_width == 0 || width == 0 || height == 0 || width % channel_width != 0 {
        return Err(Fault::Width(width, channel_width));
    }
    Ok(Tape { height, width: channel_width, channels: width / channel_width, pixels })
}

/// Height, width, pixels.
type Grey = (usize, usize, Vec<u8>);

/// Bytes of pixels beyond which a header is not believed.
const LARGEST: usize = 1 << 31;

fn decode_png(bytes: &[u8]) -> Result<Grey, Fault> {
    let damaged = |error: png::DecodingError| Fault::Damaged(error.to_string());
    let mut reader = png::Decoder::new(Cursor::new(bytes)).read_info().map_err(damaged)?;
    let info = reader.info();
    let (height, width) = (info.height as usize, info.width as usize);
    if (info.color_type, info.bit_depth) != (png::ColorType::Grayscale, png::BitDepth::Eight) {
        let colour = match info.color_type {
            png::ColorType::Grayscale => "grey",
            png::ColorType::Rgb => "RGB",
            png::ColorType::Indexed => "palette",
            png::ColorType::GrayscaleAlpha => "grey and alpha",
            png::ColorType::Rgba => "RGB and alpha",
        };
        return Err(Fault::Pixels(format!("{}-bit {colour}", info.bit_depth as u8)));
    }
    let possible = |&size: &usize| size <= LARGEST;
    let size = reader.output_buffer_size().filter(possible);
    let size = size.ok_or_else(|| Fault::Damaged(format!("it claims {height} x {width} pixels")))?;
    let mut pixels = vec![0; size];
    reader.next_frame(&mut pixels).map_err(damaged)?;
    reader.finish().map_err(damaged)?; // the last bytes of a file that was cut may lie behind the pixels
    Ok((height, width, pixels))
}

fn decode_tiff(bytes: &[u8]) -> Result<Grey, Fault> {
    let damaged = |error: tiff::TiffError| Fault::Damaged(error.to_string());
    let mut decoder = tiff::decoder::Decoder::new(Cursor::new(bytes)).map_err(damaged)?;
    let (width, height) = decoder.dimensions().map_err(damaged)?;
    let colour = decoder.colortype().map_err(damaged)?;
    if colour != tiff::ColorType::Gray(8) {
        return Err(Fault::Pixels(match colour {
            tiff::ColorType::Gray(bits) => format!("{bits}-bit grey"),
            other => format!("{other:?}"),
        }));
    }
    if decoder.more_images() {
        return Err(Fault::Pages);
    }
    match decoder.read_image().map_err(damaged)? {
        DecodingResult::U8(pixels) => Ok((height as usize, width as usize, pixels)),
        DecodingResult::I8(_) => Err(Fault::Pixels("8-bit grey with a sign".to_owned())),
        _ => Err(Fault::Pixels("another number format".to_owned())),
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

    /// The pixels of `tests/golden/tiff.py`.
    fn expected() -> Tape {
        let pixel = |i: usize| {
            let (r, c) = (i / 138, i % 138);
            ((r * r + 3 * c + r * c / 7) % 251) as u8
        };
        Tape { height: 30, width: 46, channels: 3, pixels: (0..30 * 138).map(pixel).collect() }
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
        ];
        for (name, bytes) in files {
            match decode(bytes, 46) {
                Ok(found) => assert!(found == expected(), "{name}: other pixels"),
                Err(fault) => panic!("{name}: {fault}"),
            }
        }
    }

    #[test]
    fn other_tiffs_are_refused() {
        let files = [
            (golden!("bits16.tif"), "expected 8-bit grey pixels, found 16-bit grey"),
            (golden!("rgb.tif"), "expected 8-bit grey pixels, found RGB(8)"),
            (golden!("float.tif"), "expected 8-bit grey pixels, found 32-bit grey"),
            (golden!("signed.tif"), "expected 8-bit grey pixels, found 8-bit grey with a sign"),
            (
                golden!("pages.ome.tiff"),
                "expected one page with the channels side by side, found several pages",
            ),
        ];
        for (bytes, expected) in files {
            assert_eq!(decode(bytes, 46).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn cut_tiffs_are_refused() {
        for (bytes, keep) in
            [(golden!("raw.tif"), 4000), (golden!("tiles_deflate.tif"), 3000), (golden!("lzw.tif"), 9)]
        {
            let found = decode(&bytes[..keep], 46);
            assert!(matches!(found, Err(Fault::Damaged(_))), "{found:?}");
        }
        assert_eq!(
            decode(golden!("raw.tif"), 40).unwrap_err().to_string(),
            "expected a width that is a multiple of channel_width 40, found 138"
        );
    }
}
