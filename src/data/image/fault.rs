//! What can be wrong with an image's files, in sentences, and how to fix it.

use super::{
    super::{
        intensity::Range,
        text::{bytes, plain},
    },
    format::Disguise,
    limits::TooLarge,
};
use std::{fmt, io};

/// What is wrong with an image.
#[derive(Debug)]
pub enum Fault {
    /// The file cannot be read.
    Unreadable(io::Error),
    /// Neither PNG nor TIFF.
    Format {
        /// What it is, if that is known.
        what: Option<Disguise>,
        /// The first bytes.
        start: Vec<u8>,
    },
    /// Truncated or damaged; the decoder's message.
    Damaged(String),
    /// Compressed by a method that is not read; its name.
    Codec(String),
    /// Not 8-bit or 16-bit grey.
    Pixels {
        /// The format found.
        found: String,
        /// How to convert it.
        hint: &'static str,
    },
    /// More than this machine has memory for.
    TooLarge {
        /// Bytes that it takes.
        needs: u64,
        /// Bytes that an image may take here and now.
        most: u64,
    },
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
        /// What the file says that they are: `by its OME-XML …`; or nothing.
        note: String,
        /// Whether it says that there are several planes of a channel.
        deep: bool,
    },
    /// The number of pages differs from the number of channels.
    PageCount {
        /// Pages.
        found: usize,
        /// The set's channels.
        expected: Vec<String>,
        /// What the file says that they are; or nothing.
        note: String,
        /// The pages to assign, where the file says which are the channels.
        pages: Option<Vec<usize>>,
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
    /// Pages that are not different channels by the file's own description.
    Planes {
        /// What was expected and found.
        said: String,
        /// How to fix it.
        hint: String,
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
    /// The stored width is not that of equal parts, one for each channel.
    Parts {
        /// The stored width.
        width: usize,
        /// The set's channels.
        channels: Vec<String>,
    },
    /// The number of channels differs from the set's.
    Channels {
        /// Stored width over channel width.
        found: usize,
        /// The set's channels.
        expected: Vec<String>,
    },
}

impl From<TooLarge> for Fault {
    fn from(TooLarge { needs, most }: TooLarge) -> Self {
        Self::TooLarge { needs, most }
    }
}

/// The first ten of these names.
fn some(names: &[String]) -> String {
    let more = names.len().saturating_sub(10);
    let listed = names[..names.len() - more].join(", ");
    if more > 0 { format!("{listed} and {more} more") } else { listed }
}

/// `: by its OME-XML …`.
fn noted(note: &str) -> String {
    if note.is_empty() { String::new() } else { format!(": {note}") }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(cause) => write!(f, "cannot read the image: {cause}"),
            Self::Format { what: Some(Disguise { name, .. }), .. } => {
                write!(f, "expected a PNG or TIFF image, found {name}")
            }
            Self::Format { what: None, start } => {
                write!(f, "expected a PNG or TIFF image, found a file that starts with {start:02x?}")
            }
            Self::Damaged(cause) => write!(f, "the image is damaged or cut short: {}", plain(cause)),
            Self::Codec(name) => write!(f, "the image is compressed with {name}, which is not read"),
            Self::Pixels { found, .. } => write!(f, "expected 8-bit or 16-bit grey pixels, found {found}"),
            Self::TooLarge { needs, most } => write!(
                f,
                "reading the image takes {}; with the memory that is free, one image may take {}",
                bytes(*needs),
                bytes(*most)
            ),
            Self::NoRule { range: [low, high], .. } => write!(
                f,
                "expected 8-bit grey pixels, or a rule for the intensity of more bits, found 16-bit grey ({low} to {high} \
                 here) and no rule"
            ),
            Self::Depth { expected, found } => write!(f, "expected {expected}, found {found} bits"),
            Self::Pages { tape, found, note, .. } => {
                let one = if *tape { "the channels side by side" } else { "one channel" };
                write!(f, "expected one page with {one}, found {found} pages{}", noted(note))
            }
            Self::PageCount { found, expected, note, .. } => write!(
                f,
                "expected {} pages, one for each channel ({}), found {found}{}",
                expected.len(),
                some(expected),
                noted(note)
            ),
            Self::NoPage { page, channel, found } => {
                write!(f, "expected `{channel}` on page {page}, found {found} pages")
            }
            Self::Planes { said, .. } => f.write_str(said),
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
            Self::Parts { width, channels } => write!(
                f,
                "expected a width of {} equal parts side by side ({}), found {width}",
                channels.len(),
                some(channels)
            ),
            Self::Channels { found, expected } => {
                write!(f, "expected {} channels ({}), found {found}", expected.len(), some(expected))
            }
        }
    }
}

impl Fault {
    /// How to fix it.
    pub(in crate::data) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Damaged(_) => "download or write the file again; `data check` finds all such files",
            Self::Codec(_) => {
                "write the images without loss in a way that is read (none, LZW, deflate, zstd, PackBits); in Python: \
                 tifffile.imwrite(path, tifffile.imread(path), compression=\"zlib\"), with imagecodecs installed"
            }
            Self::Pixels { hint, .. } => hint,
            Self::TooLarge { .. } => {
                "cut large images into fields or cells first, or use a machine with more free memory; a small file that needs \
                 this much is damaged or not an image"
            }
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
            Self::Pages { deep: true, .. } => {
                "keep one plane of each channel (a projection over depth, or one plane), each in its own file or page"
            }
            Self::Pages { tape: true, deep: false, .. } => {
                "if each channel has its own page, set in dataset.toml: images = { layout = \"stack\" }"
            }
            Self::Pages { tape: false, deep: false, .. } => {
                "layout = \"files\" is for one channel per file; for one channel per page set images = { layout = \"stack\" }"
            }
            Self::PageCount { pages: Some(pages), .. } => {
                return Some(format!(
                    "assign pages to channels in dataset.toml, counted from 1: images = {{ layout = \"stack\", pages = {pages:?} }}"
                ));
            }
            Self::PageCount { found, expected, note, .. } if *found < expected.len() => {
                if note.is_empty() {
                    "a stack has one page for each channel; channels side by side in one page are layout = \"tape\", and one \
                     file for each channel layout = \"files\""
                } else {
                    "write one page for each channel"
                }
            }
            Self::PageCount { expected, .. } if expected.len() < 30 => {
                let pages: Vec<usize> = (1..=expected.len()).collect();
                return Some(format!(
                    "say in dataset.toml which pages the channels are, counted from 1, such as: images = {{ layout = \"stack\", \
                     pages = {pages:?} }}"
                ));
            }
            Self::PageCount { .. } | Self::NoPage { .. } => {
                "say in dataset.toml which pages the channels are, counted from 1: images = { layout = \"stack\", pages = [1, 3, \
                 4] }"
            }
            Self::Planes { hint, .. } => return Some(hint.clone()),
            Self::Size { .. } => "all channels of an image must have the same size",
            Self::Width(..) | Self::Channels { .. } => {
                "width of the image = channel_width (a column of the table) × number of channels (in dataset.toml)"
            }
            Self::Parts { .. } => {
                "each image is one file with all channels side by side, each as wide as the others"
            }
            Self::Format { what: Some(Disguise { hint, .. }), .. } => hint,
            Self::Format { what: None, .. } => {
                "images are read from PNG and TIFF files, whatever their names: export or convert them"
            }
            Self::Unreadable(_) => return None,
        };
        Some(hint.to_owned())
    }
}
