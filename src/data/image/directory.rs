//! The directories of a TIFF file, one for each page: read tolerantly and before anything is decoded, to see what a page
//! is and whether its bytes can hold it.

use super::{Fault, codec};
use std::{cell::Cell, collections::HashSet};

/// What a page says of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Directory {
    pub(super) width: u64,
    pub(super) height: u64,
    /// Bits of the first sample; 1 if not said.
    pub(super) bits: u64,
    pub(super) samples: u64,
    /// 1: unsigned, 2: signed, 3: float.
    pub(super) format: u64,
    pub(super) compression: u16,
    pub(super) photometric: u64,
    /// Whether the samples of a pixel are in planes of their own.
    pub(super) apart: bool,
    /// A copy of another page at smaller size.
    pub(super) reduced: bool,
    /// Pixels of a tile.
    pub(super) tile: Option<[u64; 2]>,
    pub(super) rows_per_strip: u64,
    pub(super) predictor: u64,
    /// Where strips or tiles are in the file, and how long.
    pub(super) places: Vec<(u64, u64)>,
    /// Red, then green, then blue of each level.
    pub(super) colours: Vec<u16>,
    /// Where the file says how grey levels are meant.
    pub(super) photometric_at: usize,
    /// Planes that MetaMorph keeps behind this one without a directory.
    pub(super) planes: u64,
}

/// The pages of a file, and the description on the first.
#[derive(Debug)]
pub(super) struct Directories {
    pub(super) pages: Vec<Directory>,
    pub(super) description: String,
}

/// Longer texts are not looked at.
const LONGEST: usize = 64 << 20;
/// How many times its length may be read of a file. Directories of one hardly overlap: some share a table of colours.
const MAX_READS: usize = 8;
/// Bytes of any file that may be read on top of that.
const LEAST: usize = 1 << 16;
/// Bytes of a value in a list, as strips and tiles usually have them.
const VALUE: usize = 4;

impl Directory {
    /// Bytes of a pixel.
    pub(super) fn depth(&self) -> u64 {
        self.bits.div_ceil(8)
    }

    /// Bytes of its grey levels, and of one tile.
    ///
    /// # Errors
    /// If its bytes in the file cannot become so many.
    pub(super) fn size(&self, file: usize) -> Result<[u64; 2], Fault> {
        let all = |parts: &[u64]| parts.iter().try_fold(1u64, |all, part| all.checked_mul(*part));
        let page = all(&[self.width, self.height, self.depth()]);
        let tile = match self.tile {
            Some([across, down]) => all(&[across, down, self.depth()]),
            None => Some(0),
        };
        let stored = self
            .places
            .iter()
            .fold(0, |all: u64, (_, length)| all.saturating_add((*length).min(file as u64)));
        let most = codec::expands(self.compression).unwrap_or(1).saturating_mul(stored.max(file as u64));
        let fits = page.zip(tile).filter(|(page, tile)| {
            *page > 0
                && *page <= most
                && tile.checked_mul(self.places.len() as u64).is_some_and(|tiles| tiles <= most)
        });
        fits.map(Into::into).ok_or_else(|| {
            Fault::Damaged(format!(
                "its header claims {} x {} pixels, which its {file} bytes cannot hold",
                self.height, self.width
            ))
        })
    }
}

/// Reads the directories of a file.
///
/// # Errors
/// If one of them, or one of its fields, is not inside the file, or if they are many times the file's length.
pub(super) fn directories(bytes: &[u8]) -> Result<Directories, Fault> {
    let short =
        |number: usize| Fault::Damaged(format!("directory {number} of the file is not there or cut short"));
    let file = Bytes::of(bytes);
    let mut next = file.first().ok_or_else(|| short(1))?;
    let (mut found, mut seen) =
        (Directories { pages: Vec::new(), description: String::new() }, HashSet::new());
    while next != 0 || found.pages.is_empty() {
        let number = found.pages.len() + 1;
        if !seen.insert(next) {
            return Err(Fault::Damaged(format!("directory {number} of the file is an earlier one again")));
        }
        let read = file.directory(next);
        if file.left.get() == 0 {
            let cause = "its directories add up to many times the file's length";
            return Err(Fault::Damaged(cause.to_owned()));
        }
        let (page, description, behind) = read.ok_or_else(|| short(number))?;
        if number == 1 {
            found.description = description;
        }
        found.pages.push(page);
        next = behind;
    }
    Ok(found)
}

/// A field of a directory.
struct Field {
    tag: u64,
    kind: u64,
    count: u64,
    /// Where its values are.
    at: usize,
}

/// The numbers of a file.
struct Bytes<'a> {
    bytes: &'a [u8],
    little: bool,
    big: bool,
    /// Bytes that may still be read.
    left: Cell<usize>,
}

impl<'a> Bytes<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        let little = bytes.starts_with(b"II");
        let big = bytes.get(2..4) == Some(if little { b"+\0" } else { b"\0+" });
        Self {
            bytes,
            little,
            big,
            left: Cell::new(bytes.len().saturating_mul(MAX_READS).saturating_add(LEAST)),
        }
    }

    /// Counts what is read; none is left when it is too much.
    fn spend(&self, bytes: usize) -> Option<()> {
        self.left.set(self.left.get().saturating_sub(bytes));
        (self.left.get() > 0).then_some(())
    }

    fn first(&self) -> Option<u64> {
        if self.big { self.number(8, 8) } else { self.number(4, 4) }
    }

    /// The whole number of this many bytes.
    fn number(&self, at: usize, bytes: usize) -> Option<u64> {
        let bytes = self.bytes.get(at..at.checked_add(bytes)?)?.iter();
        let put = |all: u64, byte: &u8| all << 8 | u64::from(*byte);
        Some(if self.little { bytes.rev().fold(0, put) } else { bytes.fold(0, put) })
    }

    /// The directory at this place, its description, and where the next one is.
    fn directory(&self, at: u64) -> Option<(Directory, String, u64)> {
        let at = usize::try_from(at).ok().filter(|at| *at > 0)?;
        let (head, entry, word) = if self.big { (8, 20, 8) } else { (2, 12, 4) };
        let count = usize::try_from(self.number(at, head)?).ok()?;
        let end = count.checked_mul(entry)?.checked_add(at)?.checked_add(head)?;
        let next = self.number(end, word)?;
        self.spend(end - at + word)?;
        let mut page = Directory {
            bits: 1,
            samples: 1,
            format: 1,
            compression: 1,
            photometric: u64::MAX,
            predictor: 1,
            rows_per_strip: u64::MAX,
            ..Directory::default()
        };
        let mut description = String::new();
        for place in 0..count {
            let at = at + head + place * entry;
            let (tag, kind, count) =
                (self.number(at, 2)?, self.number(at + 2, 2)?, self.number(at + 4, word)?);
            let Some(width) = width(kind) else { continue };
            let value = at + 4 + word;
            let inside = count.checked_mul(width)? <= word as u64;
            let at = if inside { value } else { usize::try_from(self.number(value, word)?).ok()? };
            self.take(&Field { tag, kind, count, at }, &mut page, &mut description)?;
        }
        Some((page, description, next))
    }

    fn take(&self, field: &Field, page: &mut Directory, description: &mut String) -> Option<()> {
        let first = || self.values(field)?.next();
        match field.tag {
            254 => page.reduced |= first()? & 1 == 1,
            255 => page.reduced |= first()? == 2,
            256 => page.width = first()?,
            257 => page.height = first()?,
            258 => page.bits = first()?,
            259 => page.compression = u16::try_from(first()?).unwrap_or(u16::MAX),
            262 => (page.photometric, page.photometric_at) = (first()?, field.at),
            270 if description.is_empty() => *description = self.text(field)?,
            277 => page.samples = first()?,
            284 => page.apart = first()? == 2,
            320 => page.colours = self.list(field)?.map(|level| level as u16).collect(),
            322 => page.tile.get_or_insert_default()[0] = first()?,
            323 => page.tile.get_or_insert_default()[1] = first()?,
            273 | 324 => self.places(field, page, |place| &mut place.0)?,
            279 | 325 => self.places(field, page, |place| &mut place.1)?,
            278 => page.rows_per_strip = first()?,
            317 => page.predictor = first()?,
            339 => page.format = first()?,
            33_629 => page.planes = field.count,
            _ => {}
        }
        Some(())
    }

    /// Keeps where strips or tiles are, or how long.
    fn places(
        &self,
        field: &Field,
        page: &mut Directory,
        of: impl Fn(&mut (u64, u64)) -> &mut u64,
    ) -> Option<()> {
        for (at, value) in self.list(field)?.enumerate() {
            if at == page.places.len() {
                page.places.push((0, 0));
            }
            *of(&mut page.places[at]) = value;
        }
        Some(())
    }

    /// The values of a field of whole numbers, all of which are inside the file.
    fn values(&self, field: &Field) -> Option<impl Iterator<Item = u64>> {
        let width = width(field.kind)? as usize;
        let bytes = usize::try_from(field.count).ok()?.checked_mul(width)?;
        self.bytes.get(field.at..field.at.checked_add(bytes)?)?;
        Some((0..bytes / width).filter_map(move |place| self.number(field.at + place * width, width)))
    }

    /// The same, to keep them all.
    fn list(&self, field: &Field) -> Option<impl Iterator<Item = u64>> {
        let values = self.values(field)?;
        self.spend(usize::try_from(field.count).ok()?.checked_mul(VALUE)?)?;
        Some(values)
    }

    fn text(&self, field: &Field) -> Option<String> {
        let count = usize::try_from(field.count).ok()?;
        let text = self.bytes.get(field.at..field.at.checked_add(count)?)?;
        let text = &text[..text.len().min(LONGEST)];
        let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
        Some(String::from_utf8_lossy(&text[..end]).into_owned())
    }
}

/// Bytes of one value of a type; none: of no known type.
fn width(kind: u64) -> Option<u64> {
    match kind {
        1 | 2 | 6 | 7 => Some(1),
        3 | 8 => Some(2),
        4 | 9 | 11 | 13 => Some(4),
        5 | 10 | 12 | 16 | 17 | 18 => Some(8),
        _ => None,
    }
}
