//! Views as plain numbers: all that a GPU needs to compute them from stored images. Bytes are sent as bytes.

use super::{
    Draw, axes,
    motion::{Motion, Terms},
    resample::Axis,
};
use crate::{
    data::{Pixels, Statistics, Tape},
    ops::{PlainViews, VIEW_LINE},
};

/// Views of images of one set, all of the same size.
#[derive(Debug, Default)]
pub struct ViewPlan {
    plain: PlainViews,
    /// Start of the last image.
    last: usize,
    /// Mean and deviation of each of its channels.
    norm: Vec<f32>,
}

impl ViewPlan {
    /// Empty; views of `side` by `side` pixels and `channels` channels.
    pub fn new(side: usize, channels: usize) -> Self {
        Self { plain: PlainViews { channels, side, ..PlainViews::default() }, ..Self::default() }
    }

    /// The images that views are made of.
    pub fn plain(&self) -> &PlainViews {
        &self.plain
    }

    /// Adds an image, the source of the next views, and what normalises it. One image of floats turns all into floats.
    ///
    /// # Panics
    /// If its channels differ.
    pub fn image(&mut self, tape: &Tape, norm: &Statistics) {
        assert_eq!(tape.channels, self.plain.channels, "a set's images have the same channels");
        let both = |(mean, sd): (&f32, &f32)| [*mean, *sd];
        self.norm = norm.mean.iter().zip(&norm.sd).flat_map(both).collect();
        match &tape.pixels {
            Pixels::Bytes(pixels) if self.plain.floats.is_empty() => {
                self.last = self.plain.bytes.len();
                self.plain.bytes.extend_from_slice(pixels);
            }
            pixels => {
                let bytes = std::mem::take(&mut self.plain.bytes);
                self.plain.floats.extend(bytes.into_iter().map(f32::from));
                self.last = self.plain.floats.len();
                match pixels {
                    Pixels::Bytes(pixels) => {
                        self.plain.floats.extend(pixels.iter().map(|pixel| f32::from(*pixel)));
                    }
                    Pixels::Floats(pixels) => self.plain.floats.extend_from_slice(pixels),
                }
            }
        }
    }

    /// Adds a view of the last image.
    pub fn view(&mut self, tape: &Tape, draw: &Draw) {
        let [rows, columns] = axes(tape, draw, self.plain.side);
        let mut line = [0i64; VIEW_LINE];
        line[..3].copy_from_slice(&[self.last, tape.height, tape.width].map(|number| number as i64));
        line[3..6].copy_from_slice(&self.axis(&rows));
        line[6..9].copy_from_slice(&self.axis(&columns));
        line[9] = draw.quarters as i64;
        line[10] = if draw.brightness.is_empty() { -1 } else { self.put(&draw.brightness) };
        if let Some(motion) = Motion::of(draw, tape.height, tape.width) {
            let (terms, counts, which) = match motion.terms() {
                Terms::Spline(terms, centres) => (terms, [centres, 0], 1),
                Terms::Grid(terms, points) => (terms, points, 2),
            };
            line[11] = which;
            line[12] = self.put(&terms);
            line[13] = self.plain.warped as i64;
            line[14..16].copy_from_slice(&counts.map(|number| number as i64));
            self.plain.warped += tape.height * tape.width * tape.channels;
        }
        line[16] = if draw.intensity.is_empty() { -1 } else { self.put(draw.intensity.as_flattened()) };
        self.plain.norm.extend_from_slice(&self.norm);
        self.plain.lines.extend(line);
    }

    /// First source pixels, taps per output pixel, and where the weights start.
    fn axis(&mut self, axis: &Axis) -> [i64; 3] {
        let at = self.plain.firsts.len() as i64;
        self.plain.firsts.extend(axis.firsts().iter().map(|first| *first as u32));
        [at, axis.taps() as i64, self.put(axis.weights())]
    }

    fn put(&mut self, numbers: &[f32]) -> i64 {
        self.plain.weights.extend_from_slice(numbers);
        (self.plain.weights.len() - numbers.len()) as i64
    }
}
