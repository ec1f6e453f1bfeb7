//! Reads a row's files into an image: decoding, assembling channels by layout, applying the intensity rule.

use super::{
    Error, ImageSet,
    check::seen::{Looking, Seen},
    image::{self, Fault, Held, Job, Levels, Pixels, Tape},
    intensity::{self, Histogram, Intensity, Per, Range},
    layout::{BETWEEN, Layout},
    pattern::CHANNEL,
    set::IN_SET_FOLDER,
};
use std::{fs::File, io::Read, path::PathBuf};

/// An image's grey levels as stored in its files.
pub(super) struct Stored {
    pub(super) height: usize,
    /// Columns of one channel.
    pub(super) width: usize,
    pub(super) channels: usize,
    /// One page with all channels side by side, or one per channel.
    pages: Vec<Levels>,
    /// The memory that they take.
    held: Held,
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
            Layout::Files { pattern: (_, pattern), words } => {
                let template = self.rows.templates.get(row as usize);
                if pattern.is_open() {
                    return template.split(BETWEEN).map(|name| folder.join(name)).collect();
                }
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

    /// The contents of the image's files. How long they are is asked first.
    fn contents(&self, row: u32, held: &mut Held) -> Result<Vec<Vec<u8>>, Error> {
        let read = |(place, path): (usize, PathBuf)| {
            let fault = |fault| self.fault(row, place, fault);
            let mut file = File::open(path).map_err(|cause| fault(Fault::Unreadable(cause)))?;
            let length = file.metadata().map_err(|cause| fault(Fault::Unreadable(cause)))?.len();
            held.grow(length).map_err(|more| fault(more.into()))?;
            let mut bytes = Vec::new();
            let room = bytes.try_reserve_exact(length as usize + 1).map_err(Into::into);
            room.and_then(|()| file.read_to_end(&mut bytes))
                .map_err(|cause| fault(Fault::Unreadable(cause)))?;
            Ok(bytes)
        };
        self.files(row).into_iter().enumerate().map(read).collect()
    }

    /// The image's grey levels, the input of the set's rule.
    pub(super) fn stored(&self, row: u32) -> Result<Stored, Error> {
        let mut held = Held::default();
        let contents = self.contents(row, &mut held)?;
        self.decode(row, &contents, held)
    }

    /// Headers are read first: nothing is decoded that does not fit table, channels and memory.
    fn decode(&self, row: u32, contents: &[Vec<u8>], mut held: Held) -> Result<Stored, Error> {
        let first = |fault| self.fault(row, 0, fault);
        let bytes = contents.first().map(Vec::as_slice).unwrap_or_default();
        let jobs: Vec<Job<'_>> = match &self.layout {
            Layout::Tape => vec![image::one(bytes, true).map_err(first)?],
            Layout::Stack { pages } => {
                image::several(bytes, pages.as_deref(), &self.spelled).map_err(first)?
            }
            Layout::Files { .. } => {
                let page = |place: usize| {
                    image::one(&contents[place], false).map_err(|fault| self.fault(row, place, fault))
                };
                (0..contents.len()).map(page).collect::<Result<_, _>>()?
            }
        };
        let [height, width] = match &self.layout {
            Layout::Tape => self.beside(row, jobs[0].size()).map_err(first)?,
            Layout::Stack { .. } | Layout::Files { .. } => self.together(row, &jobs)?,
        };
        held.grow(jobs.iter().fold(0, |all: u64, job| all.saturating_add(job.needs())))
            .map_err(|more| first(more.into()))?;
        let levels = |(place, job): (usize, Job<'_>)| {
            job.decode().map(|page| page.levels).map_err(|fault| self.fault(row, place, fault))
        };
        let pages: Vec<Levels> = jobs.into_iter().enumerate().map(levels).collect::<Result<_, _>>()?;
        let stored = Stored { height, width, channels: self.channels.len(), pages, held };
        self.check_depth(row, &stored)?;
        Ok(stored)
    }

    /// Rows, and columns of one channel, of a page with all channels side by side.
    fn beside(&self, row: u32, [height, width]: [usize; 2]) -> Result<[usize; 2], Fault> {
        let channels = self.channels.len();
        let Some(each) = self.channel_width(row) else {
            let parts = width.is_multiple_of(channels) && width > 0;
            return parts
                .then(|| [height, width / channels])
                .ok_or_else(|| Fault::Parts { width, channels: self.spelled.clone() });
        };
        if each == 0 || width == 0 || !width.is_multiple_of(each) {
            return Err(Fault::Width(width, each));
        }
        if width / each != channels {
            return Err(Fault::Channels { found: width / each, expected: self.spelled.clone() });
        }
        Ok([height, each])
    }

    /// Rows and columns of pages of one channel each, which must agree.
    fn together(&self, row: u32, jobs: &[Job<'_>]) -> Result<[usize; 2], Error> {
        let expected = jobs.first().map_or([0, 0], Job::size);
        for (channel, job) in jobs.iter().enumerate() {
            let found = job.size();
            if found != expected {
                let (channel_name, first) = (self.spelled[channel].clone(), self.spelled[0].clone());
                let fault = Fault::Size { channel: channel_name, found, first, expected };
                return Err(self.fault(row, channel, fault));
            }
        }
        Ok(expected)
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
    fn rated(&self, row: u32, mut stored: Stored) -> Result<Tape, Error> {
        let Stored { height, width, channels, .. } = stored;
        let pixels = (height * width * channels) as u64;
        let more = if self.intensity.is_some() { 4 * pixels } else { 0 };
        stored.held.grow(more).map_err(|more| self.fault(row, 0, more.into()))?;
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
        Error::Image { file, table: self.table(), row: self.sheet_row(row), fault: Box::new(fault) }
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

    /// What is to be seen of a channel.
    pub(super) fn see(&self, channel: usize) -> Seen {
        let mut looking = Looking::new(self.height, self.width);
        with_lines!(self, channel, |lines| lines.for_each(|line| looking.line(line)));
        looking.seen()
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
