//! Which pages of a file are the channels: chosen by number and by what the file says of them, before any is decoded.
//! Planes of depth or time, and reduced copies, are never taken for channels.

use super::{
    Fault, Page,
    described::{Place, Planes},
    directory::{Directories, Directory},
    format::{Format, format},
    png::{self, Png},
    tiff::{Tiff, TiffPage},
};
use std::collections::HashMap;

/// A page that can be decoded.
pub(in crate::data) enum Job<'a> {
    Png(Box<Png<'a>>),
    Tiff(Box<TiffPage<'a>>),
}

impl Job<'_> {
    /// Rows and columns.
    pub(in crate::data) fn size(&self) -> [usize; 2] {
        match self {
            Self::Png(png) => [png.height, png.width],
            Self::Tiff(page) => [page.height, page.width],
        }
    }

    /// Bytes of memory that decoding takes.
    pub(in crate::data) fn needs(&self) -> u64 {
        match self {
            Self::Png(png) => png.needs(),
            Self::Tiff(page) => page.needs(),
        }
    }

    /// The page's grey levels.
    ///
    /// # Errors
    /// If it is damaged, or is in colour after all.
    pub(in crate::data) fn decode(self) -> Result<Page, Fault> {
        match self {
            Self::Png(png) => png.decode(),
            Self::Tiff(page) => page.decode(),
        }
    }
}

/// The single page of a file. `tape`: whether it should hold all channels, for the error message.
///
/// # Errors
/// If there are more pages, or more planes without a page of their own.
pub(in crate::data) fn one(bytes: &[u8], tape: bool) -> Result<Job<'_>, Fault> {
    match format(bytes)? {
        Format::Png => Ok(Job::Png(Box::new(png::open(bytes)?))),
        Format::Tiff => {
            let file = Tiff::open(bytes)?;
            let stack = Stack::of(&file.directories);
            stack.complete()?;
            match stack.full[..] {
                [page] => Ok(Job::Tiff(Box::new(file.page(page)?))),
                _ => {
                    // A page in an unsupported format has its own fault, which is reported first.
                    file.page(stack.full.first().copied().unwrap_or(0))?;
                    let deep = stack.planes.as_ref().is_some_and(|planes| planes.count() > planes.channels);
                    Err(Fault::Pages { tape, found: stack.all, note: stack.note(), deep })
                }
            }
        }
    }
}

/// The pages of a file in order, or only those in `wanted` (counted from 1). `expected` are the names of the
/// channels that the pages should hold.
///
/// # Errors
/// If there are other pages, or two of them are one channel at two depths or times.
pub(in crate::data) fn several<'a>(
    bytes: &'a [u8],
    wanted: Option<&[usize]>,
    expected: &[String],
) -> Result<Vec<Job<'a>>, Fault> {
    let absent = |found: usize| {
        let mut places = wanted.into_iter().flatten().zip(expected);
        let (page, channel) = places.find(|(page, _)| **page > found)?;
        Some(Fault::NoPage { page: *page, channel: channel.clone(), found })
    };
    match format(bytes)? {
        Format::Png => match wanted {
            None if expected.len() != 1 => Err(Fault::PageCount {
                found: 1,
                expected: expected.to_vec(),
                note: String::new(),
                pages: None,
            }),
            _ => absent(1).map_or_else(|| Ok(vec![Job::Png(Box::new(png::open(bytes)?))]), Err),
        },
        Format::Tiff => {
            let file = Tiff::open(bytes)?;
            let stack = Stack::of(&file.directories);
            stack.complete()?;
            let chosen: Vec<usize> = match wanted {
                Some(wanted) => wanted.iter().map(|page| page - 1).collect(),
                None if stack.full.len() == expected.len() => stack.full.clone(),
                None => {
                    // What a page is comes first: three samples of one page explain why there is one.
                    file.page(stack.full.first().copied().unwrap_or(0))?;
                    let (found, expected) = (stack.all, expected.to_vec());
                    return Err(Fault::PageCount {
                        found,
                        note: stack.note(),
                        pages: stack.one_each(&expected),
                        expected,
                    });
                }
            };
            if let Some(fault) = absent(stack.all) {
                return Err(fault);
            }
            stack.channels(&chosen, wanted.is_some(), expected)?;
            chosen.into_iter().map(|page| Ok(Job::Tiff(Box::new(file.page(page)?)))).collect()
        }
    }
}

/// The pages of a TIFF file and what it says of them.
struct Stack {
    /// Number of pages.
    all: usize,
    /// Those that are not reduced copies of others, from 0.
    full: Vec<usize>,
    /// Rows and columns of each page.
    sizes: Vec<[u64; 2]>,
    planes: Option<Planes>,
}

impl Stack {
    fn of(Directories { pages, description }: &Directories) -> Self {
        let samples = |page: &Directory| {
            [page.height, page.width, page.samples].iter().try_fold(1, |all: u64, n| all.checked_mul(*n))
        };
        let first = pages.first().and_then(samples).unwrap_or(0);
        let hidden = pages.first().map_or(0, |page| page.planes);
        let mut full: Vec<usize> = (0..pages.len()).filter(|page| !pages[*page].reduced).collect();
        if full.is_empty() {
            full = (0..pages.len()).collect();
        }
        let planes =
            if hidden > 1 { Some(Planes::meta_morph(hidden)) } else { Planes::of(description, first) };
        let sizes = pages.iter().map(|page| [page.height, page.width]).collect();
        Self { all: pages.len(), full, sizes, planes }
    }

    /// Refuses a file with planes that have no directory: ImageJ writes so above 4 GB.
    fn complete(&self) -> Result<(), Fault> {
        let Some(Planes { by, stored: Some(stored), .. }) = self.planes else { return Ok(()) };
        if stored <= self.all as u64 || self.all > 1 {
            return Ok(());
        }
        Err(Fault::Planes {
            said: format!("{} says {stored} planes, the file has a directory for one of them", by.words()),
            hint: "save it as OME-TIFF (Fiji's Bio-Formats exporter) or as one file for each plane: some programs write one \
                   directory for a whole stack, ImageJ for those above 4 GB"
                .to_owned(),
        })
    }

    /// What the file says of its pages: `by its OME-XML 3 channels x 2 planes of depth`; or nothing.
    fn note(&self) -> String {
        let mut notes = Vec::new();
        let planes = self.planes.as_ref().filter(|planes| planes.place(0).is_some() && planes.count() > 1);
        notes.extend(planes.map(|planes| format!("by {} these are {}", planes.by.words(), planes.words())));
        let reduced: Vec<usize> =
            (0..self.all).filter(|page| self.full.binary_search(page).is_err()).collect();
        notes.extend(numbered(&reduced, "a reduced copy", "reduced copies"));
        let smaller: Vec<usize> = self.full.iter().copied().filter(|page| self.is_smaller(*page)).collect();
        notes.extend(numbered(&smaller, "smaller than the first", "smaller than the first"));
        notes.join("; ")
    }

    /// Whether a page is smaller than the first, as a copy that its writer has not marked.
    fn is_smaller(&self, page: usize) -> bool {
        let [[rows, columns], [of, by]] = [self.sizes[page], self.sizes[0]];
        rows < of && columns < by
    }

    /// The first page of each channel, counted from 1, where the file says that it has the expected number of channels, or
    /// has so many pages of the first one's size.
    fn one_each(&self, expected: &[String]) -> Option<Vec<usize>> {
        let Some(planes) = self.planes.as_ref().filter(|planes| planes.place(0).is_some()) else {
            let whole: Vec<usize> =
                self.full.iter().filter(|page| !self.is_smaller(**page)).map(|page| page + 1).collect();
            return Some(whole).filter(|whole| whole.len() == expected.len());
        };
        if planes.channels != expected.len() as u64 || planes.images != 1 {
            return None;
        }
        let mut first = HashMap::new();
        for page in 0..self.all {
            let Some(Place { channel, .. }) = planes.place(page as u64) else { continue };
            first.entry(channel).or_insert(page + 1);
        }
        (0..planes.channels).map(|channel| first.get(&channel).copied()).collect()
    }

    /// Refuses two pages that are one channel by the file's description. What `dataset.toml` says of pages counts where the
    /// file has no better ones.
    fn channels(&self, chosen: &[usize], stated: bool, expected: &[String]) -> Result<(), Fault> {
        let Some(planes) = &self.planes else { return Ok(()) };
        let mut seen: HashMap<u64, (usize, Place)> = HashMap::new();
        for page in chosen {
            let Some(place) = planes.place(*page as u64) else { continue };
            let Some((other, before)) = seen.insert(place.channel, (*page, place)) else { continue };
            let pages = self.one_each(expected);
            if stated && pages.is_none() {
                return Ok(());
            }
            let at = if before.image != place.image {
                "images (fields or scenes)"
            } else if before.depth != place.depth {
                "depths"
            } else {
                "times"
            };
            let hint = match pages {
                Some(pages) => format!(
                    "assign one page of each channel in dataset.toml, counted from 1: images = {{ layout = \"stack\", pages = \
                     {pages:?} }}"
                ),
                None => {
                    let all: Vec<usize> = chosen.iter().map(|page| page + 1).collect();
                    format!(
                        "write one page for each channel of an image; if these pages are channels after all, say so in \
                         dataset.toml: images = {{ layout = \"stack\", pages = {all:?} }}"
                    )
                }
            };
            let said = format!(
                "expected a channel on each page, found pages {} and {} to be one channel at two {at}: by {} the pages are {}",
                other + 1,
                page + 1,
                planes.by.words(),
                planes.words()
            );
            return Err(Fault::Planes { said, hint });
        }
        Ok(())
    }
}

/// `pages 4 to 7 are reduced copies`; pages are from 0.
fn numbered(pages: &[usize], one: &str, several: &str) -> Option<String> {
    Some(match pages {
        [] => return None,
        [page] => format!("page {} is {one}", page + 1),
        [first, .., last] if last - first + 1 == pages.len() => {
            format!("pages {} to {} are {several}", first + 1, last + 1)
        }
        [first, ..] => format!("{} pages are {several}, first page {}", pages.len(), first + 1),
    })
}
