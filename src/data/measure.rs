//! Measures percentile ranges of grey levels over the images of a set.

use super::{
    Error, ImageSet,
    image::Fault,
    intensity::{Histogram, Intensity, Measured},
    read::Stored,
};
use crate::event::{Event, Listen};
use rayon::prelude::*;

/// Images read between two calls of the listener.
const CHUNK: usize = 128;
/// The fewest images per histogram: it takes half a megabyte per channel.
const SHARED: usize = 8;

/// Reads every image of the set, whatever its split (a plate may have no training images; labels are not
/// read), and finds for each group and channel the levels that the rule's percentages do not exceed. Counts
/// are integers: the result does not depend on the number of threads. Apply it with
/// [`ImageSet::take_measured`].
///
/// # Errors
/// If an image cannot be read, if a channel has 8 bits in one image and 16 in another, or if the listener asks to
/// stop.
pub fn measure(set: &ImageSet, listen: &mut dyn Listen) -> Result<Measured, Error> {
    let groups = set.group_names();
    let mut ranges = vec![vec![[0, 1]; set.channels.len()]; groups.len()];
    let Some(Intensity::Percentile { percent, .. }) = &set.intensity else {
        return Ok(Measured { groups, ranges });
    };
    let mut rows = vec![Vec::new(); groups.len()];
    (0..set.len() as u32).for_each(|row| rows[set.group(row)].push(row));
    listen.receive(&Event::Began { what: "measuring percentiles", unit: "image", total: set.len() as u64 });
    let found =
        Counting { set, percent: *percent, bits: bits(&set.stored(0)?) }.all(&rows, &mut ranges, listen);
    listen.receive(&Event::Ended);
    found.map(|()| Measured { groups, ranges })
}

struct Counting<'a> {
    set: &'a ImageSet,
    percent: [f64; 2],
    /// The bit depth of each channel, as in the first image.
    bits: Vec<u8>,
}

impl Counting<'_> {
    /// One group after the other, to limit the number of histograms in memory. Groups without images (of a
    /// thinned set) are left unmeasured.
    fn all(
        &self,
        groups: &[Vec<u32>],
        ranges: &mut [Vec<super::intensity::Range>],
        listen: &mut dyn Listen,
    ) -> Result<(), Error> {
        let mut done = 0;
        for (rows, ranges) in groups.iter().zip(ranges).filter(|(rows, _)| !rows.is_empty()) {
            let mut counts = self.nothing();
            for chunk in rows.chunks(CHUNK) {
                if listen.stop() {
                    return Err(Error::Stopped);
                }
                let of_chunk = chunk
                    .par_iter()
                    .with_min_len(SHARED)
                    .try_fold(|| self.nothing(), |counts, &row| self.count(row, counts))
                    .try_reduce(|| self.nothing(), |a, b| Ok(merge(a, &b)))?;
                counts = merge(counts, &of_chunk);
                done += chunk.len() as u64;
                listen.receive(&Event::Advanced { done, note: &self.set.name });
            }
            *ranges = counts.iter().map(|histogram| histogram.range(self.percent)).collect();
        }
        Ok(())
    }

    fn nothing(&self) -> Vec<Histogram> {
        vec![Histogram::default(); self.set.channels.len()]
    }

    fn count(&self, row: u32, mut counts: Vec<Histogram>) -> Result<Vec<Histogram>, Error> {
        let image = self.set.stored(row)?;
        same_bits(self.set, row, &image, &self.bits)?;
        counts.iter_mut().enumerate().for_each(|(channel, histogram)| image.count(channel, histogram));
        Ok(counts)
    }
}

/// The bit depth of each channel of the first image, which all others must have: grey levels of 8 and of 16
/// bits cannot be counted together.
pub(super) fn common_bits(set: &ImageSet) -> Option<Vec<u8>> {
    set.intensity.as_ref().filter(|rule| rule.is_measured())?;
    set.stored(0).ok().map(|image| bits(&image))
}

/// Rejects an image whose bit depth differs from the first.
pub(super) fn same_bits(set: &ImageSet, row: u32, image: &Stored, expected: &[u8]) -> Result<(), Error> {
    for (channel, &expected) in expected.iter().enumerate() {
        let found = image.bits(channel);
        if found != expected {
            let expected =
                format!("{expected} bits of `{}`, as in row {}", set.spelled[channel], set.sheet_row(0));
            return Err(set.fault(row, channel, Fault::Depth { expected, found }));
        }
    }
    Ok(())
}

fn bits(image: &Stored) -> Vec<u8> {
    (0..image.channels).map(|channel| image.bits(channel)).collect()
}

fn merge(mut a: Vec<Histogram>, b: &[Histogram]) -> Vec<Histogram> {
    a.iter_mut().zip(b).for_each(|(a, b)| a.add(b));
    a
}
