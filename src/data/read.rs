//! Reads a row's files into an image: decoding, assembling channels by layout, applying the intensity rule.

use super::{
    Error, ImageSet, decode,
    image::{Fault, Levels, Page, Pixels, Tape},
    intensity::{self, Histogram, Intensity, Per, Range},
    layout::Layout,
    pattern::CHANNEL,
    set::{IN_SET_FOLDER, sheet_row},
};
use std::path::PathBuf;

/// An image's grey levels as stored in its files.
pub(super) struct Stored {
    pub(super) height: usize,
    /// Columns of one channel.
    pub(super) width: usize,
    pub(super) channels: usize,
    /// One page with all channels side by side, or one per channel.
    pages: Vec<Levels>,
}

impl ImageSet {
    /// The path of the image: one file, or one per channel in order.
    pub fn files(&self, row: u32) -> Vec<PathBuf> {
        let mut folder = self.root.clone();
        if self.rows.flags[row as usize] & IN_SET_FOLDER != 0 {
            folder.push(&self.name);
        }
        match &self.layout {
            Layout::Tape | Layout::Stack { .. } => vec![folder.join(self.key(row))],
            Layout::Files { words, .. } => {
                let template = self.rows.templates.get(row as usize);
                words.iter().map(|word| folder.join(template.replace(CHANNEL, word))).collect()
            }
        }
    }

    /// Reads the image.
    ///
    /// # Errors
    /// If a file cannot be read, is damaged, is not grey, has a size that disagrees with table or channels,
    /// or has more than 8 bits and no rule; if [`super::measure`] was needed and not called.
    pub fn read(&self, row: u32) -> Result<Tape, Error> {
        let stored = self.stored(row)?;
        self.rated(row, stored)
    }

    /// The contents of the image's files.
    fn contents(&self, row: u32) -> Result<Vec<Vec<u8>>, Error> {
        let read = |(place, path): (usize, PathBuf)| {
            std::fs::read(path).map_err(|cause| self.fault(row, place, Fault::Unreadable(cause)))
        };
        self.files(row).into_iter().enumerate().map(read).collect()
    }

    /// The image's grey levels, the input of the set's rule.
    pub(super) fn stored(&self, row: u32) -> Result<Stored, Error> {
        self.decode(row, &self.contents(row)?)
    }

    fn decode(&self, row: u32, contents: &[Vec<u8>]) -> Result<Stored, Error> {
        let first = |fault| self.fault(row, 0, fault);
        let bytes = contents.first().map(Vec::as_slice).unwrap_or_default();
        let stored = match &self.layout {
            Layout::Tape => {
                let Page { height, width, levels } = decode::page(bytes, true).map_err(first)?;
                let each = self.channel_width(row);
                let channels = decode::channels(width, each).map_err(first)?;
                if channels != self.channels.len() {
                    let expected = self.spelled.clone();
                    return Err(first(Fault::Channels { found: channels, expected }));
                }
                Stored { height, width: each, channels, pages: vec![levels] }
            }
            Layout::Stack { pages } => {
                let pages = decode::pages(bytes, pages.as_deref(), &self.spelled).map_err(first)?;
                self.together(row, pages)?
            }
            Layout::Files { .. } => {
                let page = |(place, bytes): (usize, &Vec<u8>)| {
                    decode::page(bytes, false).map_err(|fault| self.fault(row, place, fault))
                };
                self.together(row, contents.iter().enumerate().map(page).collect::<Result<_, _>>()?)?
            }
        };
        self.check_depth(row, &stored)?;
        Ok(stored)
    }

    /// Assembles pages of one channel each; they must agree in size.
    fn together(&self, row: u32, pages: Vec<Page>) -> Result<Stored, Error> {
        let [height, width] = pages.first().map_or([0, 0], |page| [page.height, page.width]);
        for (channel, page) in pages.iter().enumerate() {
            let found = [page.height, page.width];
            if found != [height, width] {
                let fault = Fault::Size {
                    channel: self.spelled[channel].clone(),
                    found,
                    first: self.spelled[0].clone(),
                    expected: [height, width],
                };
                return Err(self.fault(row, channel, fault));
            }
        }
        let channels = pages.len();
        Ok(Stored { height, width, channels, pages: pages.into_iter().map(|page| page.levels).collect() })
    }

    /// More than 8 bits need a rule, and a rule for more than 8 bits needs such images.
    fn check_depth(&self, row: u32, stored: &Stored) -> Result<(), Error> {
        for (place, levels) in stored.pages.iter().enumerate() {
            let fault = match (&self.intensity, levels.bits()) {
                (None, 16) => Fault::NoRule { set: self.name.clone(), range: levels.range() },
                (Some(Intensity::Range(ranges)), 8) => {
                    // A tape has all channels in its one page.
                    let mut of_page = ranges.iter().zip(&self.spelled);
                    let of_page = of_page.find(|([_, high], channel)| {
                        *high > 255 && (stored.pages.len() == 1 || **channel == self.spelled[place])
                    });
                    let Some(([low, high], channel)) = of_page else { continue };
                    let expected = format!("16 bits, as the range {low} to {high} of `{channel}` says");
                    Fault::Depth { expected, found: 8 }
                }
                _ => continue,
            };
            return Err(self.fault(row, place, fault));
        }
        Ok(())
    }

    /// Applies the rule to grey levels.
    fn rated(&self, row: u32, stored: Stored) -> Result<Tape, Error> {
        let Stored { height, width, channels, .. } = stored;
        let pixels = match &self.intensity {
            None => Pixels::Bytes(stored.into_bytes()),
            Some(rule) => Pixels::Floats(stored.rated(&self.ranges(row, rule, &stored)?)),
        };
        Ok(Tape { height, width, channels, pixels })
    }

    fn ranges(&self, row: u32, rule: &Intensity, stored: &Stored) -> Result<Vec<Range>, Error> {
        match rule {
            Intensity::Range(ranges) => Ok(ranges.clone()),
            Intensity::Percentile { percent, per: Per::Image } => Ok((0..stored.channels)
                .map(|channel| {
                    let mut histogram = Histogram::default();
                    stored.count(channel, &mut histogram);
                    histogram.range(*percent)
                })
                .collect()),
            Intensity::Percentile { .. } => match self.measured.get() {
                Some(measured) => Ok(measured.ranges[self.group(row)].clone()),
                None => Err(Error::NotMeasured { set: self.name.clone() }),
            },
        }
    }

    /// An error about the row's file with this index.
    pub(super) fn fault(&self, row: u32, place: usize, fault: Fault) -> Error {
        let mut files = self.files(row);
        let file = files.swap_remove(if place < files.len() { place } else { 0 });
        Error::Image { file, table: self.table(), row: sheet_row(row), fault: Box::new(fault) }
    }
}

/// Runs `$work` with the rows of pixels of a channel of `$stored` as `$lines`, whatever their bit depth.
macro_rules! with_lines {
    ($stored:expr, $channel:expr, |$lines:ident| $work:expr) => {{
        let (stored, channel): (&Stored, usize) = ($stored, $channel);
        let tape = stored.pages.len() == 1;
        let (page, from, step) = if tape {
            (&stored.pages[0], channel * stored.width, stored.width * stored.channels)
        } else {
            (&stored.pages[channel], 0, stored.width)
        };
        let width = stored.width;
        match page {
            Levels::Eight(levels) => {
                let $lines = levels.chunks_exact(step).map(|line| &line[from..from + width]);
                $work
            }
            Levels::Sixteen(levels) => {
                let $lines = levels.chunks_exact(step).map(|line| &line[from..from + width]);
                $work
            }
        }
    }};
}

impl Stored {
    /// Bit depth of a channel.
    pub(super) fn bits(&self, channel: usize) -> u8 {
        self.pages[if self.pages.len() == 1 { 0 } else { channel }].bits()
    }

    /// Adds the grey levels of a channel to `histogram`.
    pub(super) fn count(&self, channel: usize, histogram: &mut Histogram) {
        with_lines!(self, channel, |lines| lines.for_each(|line| histogram.count(line)));
    }

    /// A tape of 8-bit levels; deeper ones are rejected before.
    fn into_bytes(mut self) -> Vec<u8> {
        if let [Levels::Eight(tape)] = &mut self.pages[..] {
            return std::mem::take(tape);
        }
        let mut out = vec![0; self.height * self.width * self.channels];
        for (channel, page) in self.pages.iter().enumerate() {
            let Levels::Eight(levels) = page else { continue };
            let lines = out.chunks_exact_mut(self.width * self.channels);
            for (line, from) in lines.zip(levels.chunks_exact(self.width)) {
                line[channel * self.width..][..self.width].copy_from_slice(from);
            }
        }
        out
    }

    /// A tape of levels between 0 and 255, by one range per channel.
    fn rated(&self, ranges: &[Range]) -> Vec<f32> {
        let mut out = vec![0.0; self.height * self.width * self.channels];
        for (channel, range) in ranges.iter().enumerate() {
            let to = out.chunks_exact_mut(self.width * self.channels);
            let to = to.map(|line| &mut line[channel * self.width..][..self.width]);
            with_lines!(self, channel, |lines| {
                to.zip(lines).for_each(|(to, from)| intensity::apply(from, *range, to));
            });
        }
        out
    }
}
