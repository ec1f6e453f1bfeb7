//! An image in memory (a tape: channels side by side), and what can be wrong with its files.

use super::intensity::Range;
use std::{fmt, io};

/// An image, its channels side by side.
#[derive(Clone, Debug, PartialEq)]
pub struct Tape {
    /// Rows of pixels.
    pub height: usize,
    /// Columns of one channel.
    pub width: usize,
    /// Channels, side by side: channel c is columns c · width … (c + 1) · width - 1.
    pub channels: usize,
    /// Row by row: `height` rows of `width · channels` grey levels.
    pub pixels: Pixels,
}

/// Grey levels in units of 1/255.
#[derive(Clone, Debug, PartialEq)]
pub enum Pixels {
    /// As stored in an 8-bit file.
    Bytes(Vec<u8>),
    /// Between 0 and 255, from 8 or 16 bits by an intensity rule.
    Floats(Vec<f32>),
}

impl Pixels {
    /// The levels of an 8-bit file without a rule.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Floats(_) => None,
        }
    }
}

impl From<Vec<u8>> for Pixels {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

/// Grey levels as stored in files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Levels {
    Eight(Vec<u8>),
    Sixteen(Vec<u16>),
}

impl Levels {
    pub(super) fn bits(&self) -> u8 {
        match self {
            Self::Eight(_) => 8,
            Self::Sixteen(_) => 16,
        }
    }

    /// `pixels` levels of 0, with the same bit depth.
    pub(super) fn empty(&self, pixels: usize) -> Self {
        match self {
            Self::Eight(_) => Self::Eight(vec![0; pixels]),
            Self::Sixteen(_) => Self::Sixteen(vec![0; pixels]),
        }
    }

    /// The lowest and the highest level.
    pub(super) fn range(&self) -> Range {
        fn ends<P: Copy + Ord + Into<u16>>(levels: &[P]) -> Range {
            [levels.iter().min(), levels.iter().max()].map(|level| level.map_or(0, |&level| level.into()))
        }
        match self {
            Self::Eight(levels) => ends(levels),
            Self::Sixteen(levels) => ends(levels),
        }
    }
}

/// One page of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) levels: Levels,
}

/// What is wrong with an image.
#[derive(Debug)]
pub enum Fault {
    /// The file cannot be read.
    Unreadable(io::Error),
    /// Neither PNG nor TIFF; the first bytes found.
    Format(Vec<u8>),
    /// Truncated or damaged; the decoder's message.
    Damaged(String),
    /// Not 8-bit or 16-bit grey; the format found.
    Pixels(String),
    /// More than 8 bits, and no rule for their meaning.
    NoRule {
        /// The set.
        set: String,
        /// The lowest and the highest grey level of this image.
        range: Range,
    },
    /// An unexpected bit depth.
    Depth {
        /// What was expected and why: `16 bits, as …`.
        expected: String,
        /// The bits of this file.
        found: u8,
    },
    /// Several pages where one is expected.
    Pages {
        /// Whether the page should hold all channels.
        tape: bool,
        /// The number of pages.
        found: usize,
    },
    /// The number of pages differs from the number of channels.
    PageCount {
        /// Pages.
        found: usize,
        /// The set's channels.
        expected: Vec<String>,
    },
    /// Fewer pages than `pages` asks for.
    NoPage {
        /// The page, counted from 1.
        page: usize,
        /// Its channel.
        channel: String,
        /// Number of pages.
        found: usize,
    },
    /// A channel whose size differs from the first one's.
    Size {
        /// The channel.
        channel: String,
        /// Its rows and columns.
        found: [usize; 2],
        /// The first channel.
        first: String,
        /// The first channel's rows and columns.
        expected: [usize; 2],
    },
    /// The stored width is not a multiple of the channel width (found, channel width).
    Width(usize, usize),
    /// The number of channels differs from the set's.
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
            Self::Pixels(found) => write!(f, "expected 8-bit or 16-bit grey pixels, found {found}"),
            Self::NoRule { range: [low, high], .. } => write!(
                f,
                "expected 8-bit grey pixels, or a rule for the intensity of more bits, found 16-bit grey ({low} to {high} \
                 here) and no rule"
            ),
            Self::Depth { expected, found } => write!(f, "expected {expected}, found {found} bits"),
            Self::Pages { tape: true, found } => {
                write!(f, "expected one page with the channels side by side, found {found} pages")
            }
            Self::Pages { tape: false, found } => {
                write!(f, "expected one page with one channel, found {found} pages")
            }
            Self::PageCount { found, expected } => write!(
                f,
                "expected {} pages, one for each channel ({}), found {found}",
                expected.len(),
                expected.join(", ")
            ),
            Self::NoPage { page, channel, found } => {
                write!(f, "expected `{channel}` on page {page}, found {found} pages")
            }
            Self::Size { channel, found, first, expected } => {
                let [[rows, columns], [of, by]] = [expected, found];
                write!(
                    f,
                    "expected {rows} x {columns} pixels as `{first}` has, found {of} x {by} of `{channel}`"
                )
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
    /// How to fix it.
    pub(super) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Damaged(_) => "download or write the file again; `data check` finds all such files",
            Self::Pixels(_) => "convert the images to grey of 8 or 16 bits, one channel a page",
            Self::NoRule { set, range: [low, high] } => {
                let high = (*high).max(low.saturating_add(1));
                return Some(format!(
                    "add to [sets.{set}] in dataset.toml which grey levels are 0 and 1, the same for all images: intensity = \
                     {{ range = [{low}, {high}] }} (this image's own), or let them be measured: intensity = {{ percentile = \
                     [0.1, 99.9], per = \"plate\" }}"
                ));
            }
            Self::Depth { .. } => {
                "all images of a set need the bit depth that its `intensity` in dataset.toml is for"
            }
            Self::Pages { tape: true, .. } => {
                "if each channel has its own page, set in dataset.toml: images = { layout = \"stack\" }"
            }
            Self::Pages { tape: false, .. } => {
                "layout = \"files\" is for one channel per file; for one channel per page set images = { layout = \"stack\" }"
            }
            Self::PageCount { .. } | Self::NoPage { .. } => {
                "assign pages to channels in dataset.toml, counted from 1: images = { layout = \"stack\", \
                 pages = [1, 3, 4] }"
            }
            Self::Size { .. } => "all channels of an image must have the same size",
            Self::Width(..) | Self::Channels { .. } => {
                "width of the image = channel_width (a column of the table) × number of channels (in dataset.toml)"
            }
            Self::Unreadable(_) | Self::Format(_) => return None,
        };
        Some(hint.to_owned())
    }
}
