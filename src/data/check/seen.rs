//! What a check keeps of an image's pixels: enough to find copies, flat channels and channels that have changed places.

/// One channel of an image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::data) struct Seen {
    /// Equal for equal pixels.
    pub(in crate::data) hash: u64,
    pub(in crate::data) low: u16,
    pub(in crate::data) high: u16,
    pub(in crate::data) sum: u64,
    pub(in crate::data) pixels: u64,
    /// Pixels at the lowest level.
    pub(in crate::data) at_low: u64,
}

/// A grey level of a file.
pub(in crate::data) trait Level: Copy + Ord + Into<u16> {
    /// Levels in a word.
    const AT_ONCE: usize;

    /// So many levels, or the last ones of a line, as one number.
    fn word(levels: &[Self]) -> u64;
}

impl Level for u8 {
    const AT_ONCE: usize = 8;

    fn word(levels: &[u8]) -> u64 {
        match levels.as_chunks().0 {
            [eight] => u64::from_le_bytes(*eight),
            _ => levels.iter().fold(0, |word, level| word << 8 | u64::from(*level)),
        }
    }
}

impl Level for u16 {
    const AT_ONCE: usize = 4;

    fn word(levels: &[u16]) -> u64 {
        levels.iter().fold(0, |word, level| word << 16 | u64::from(*level))
    }
}

/// A channel with less than this share of its pixels above its lowest level is flat.
const SPECKS: f64 = 0.001;

/// Lanes of the hash: products of one do not wait for those of another.
const LANES: usize = 4;
/// Odd numbers without a pattern: digits of pi.
const KEYS: [u64; LANES] =
    [0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7345, 0xa409_3822_299f_31d1, 0x082e_fa98_ec4e_6c89];

/// A channel while its lines are added.
pub(in crate::data) struct Looking {
    lanes: [u64; LANES],
    seen: Seen,
}

impl Looking {
    /// At a channel of `height` x `width` pixels.
    pub(in crate::data) fn new(height: usize, width: usize) -> Self {
        let seen = Seen { hash: 0, low: u16::MAX, high: 0, sum: 0, pixels: 0, at_low: 0 };
        Self { lanes: [height as u64, width as u64, KEYS[2], KEYS[3]], seen }
    }

    /// Adds a line of pixels.
    pub(in crate::data) fn line<P: Level>(&mut self, line: &[P]) {
        let blocks = line.chunks_exact(P::AT_ONCE * LANES);
        let rest = blocks.remainder();
        for block in blocks {
            for (lane, (state, levels)) in
                self.lanes.iter_mut().zip(block.chunks_exact(P::AT_ONCE)).enumerate()
            {
                *state = fold(*state ^ P::word(levels), KEYS[lane]);
            }
        }
        for (lane, levels) in rest.chunks(P::AT_ONCE).enumerate() {
            self.lanes[lane] = fold(self.lanes[lane] ^ P::word(levels) ^ levels.len() as u64, KEYS[lane]);
        }
        let Some(&first) = line.first() else { return };
        let lowest = line.iter().fold(first, |low, level| low.min(*level));
        let highest = line.iter().fold(first, |high, level| high.max(*level));
        let at_low = line.iter().filter(|level| **level == lowest).count() as u64;
        let (low, seen) = (lowest.into(), &mut self.seen);
        seen.at_low = match low.cmp(&seen.low) {
            std::cmp::Ordering::Less => at_low,
            std::cmp::Ordering::Equal => seen.at_low + at_low,
            std::cmp::Ordering::Greater => seen.at_low,
        };
        seen.low = seen.low.min(low);
        seen.high = seen.high.max(highest.into());
        seen.sum += line.iter().map(|&level| u64::from(level.into())).sum::<u64>();
        seen.pixels += line.len() as u64;
    }

    /// What was seen.
    pub(in crate::data) fn seen(self) -> Seen {
        Seen {
            hash: self.lanes.into_iter().fold(KEYS[1], |hash, lane| fold(hash ^ lane, KEYS[0])),
            ..self.seen
        }
    }
}

/// Both halves of a product.
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b | 1);
    (product as u64) ^ (product >> 64) as u64 ^ a.rotate_left(23)
}

impl Seen {
    /// Whether all pixels are alike.
    pub(in crate::data) fn is_flat(&self) -> bool {
        self.low == self.high
    }

    /// The share of pixels above the lowest level.
    pub(super) fn above(&self) -> f64 {
        1.0 - self.at_low as f64 / self.pixels.max(1) as f64
    }

    /// Whether nearly all pixels are alike: percentiles see nothing of the others.
    pub(super) fn is_flat_but_noise(&self) -> bool {
        self.high - self.low <= 1 || self.above() < SPECKS
    }

    /// Both channels taken together.
    pub(super) fn and(self, other: &Self) -> Self {
        let at = |seen: &Self, low: u16| if seen.low == low { seen.at_low } else { 0 };
        let low = self.low.min(other.low);
        Self {
            hash: 0,
            low,
            high: self.high.max(other.high),
            sum: self.sum + other.sum,
            pixels: self.pixels + other.pixels,
            at_low: at(&self, low) + at(other, low),
        }
    }

    pub(super) fn mean(&self) -> f64 {
        self.sum as f64 / self.pixels.max(1) as f64
    }
}

/// A number for the image with these channels.
pub(super) fn image(channels: &[Seen]) -> u64 {
    channels.iter().fold(KEYS[3], |hash, seen| fold(hash ^ seen.hash, KEYS[2]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(width: usize, levels: &[u16]) -> Seen {
        let mut looking = Looking::new(levels.len() / width, width);
        levels.chunks(width).for_each(|line| looking.line(line));
        looking.seen()
    }

    #[test]
    fn every_pixel_and_its_place_count() {
        let levels: Vec<u16> = (0..7 * 37).map(|at| (at * 31 % 997) as u16).collect();
        let first = seen(37, &levels);
        let expected = levels.iter().map(|level| u64::from(*level)).sum::<u64>();
        assert_eq!((first.low, first.pixels, first.sum, first.at_low), (0, 259, expected, 1));
        let mut hashes = vec![first.hash, seen(7, &levels).hash];
        for at in 0..levels.len() {
            let mut other = levels.clone();
            other[at] += 1;
            hashes.push(seen(37, &other).hash);
            if at > 0 && other[at - 1] != levels[at] {
                let mut other = levels.clone();
                other.swap(at - 1, at);
                hashes.push(seen(37, &other).hash);
            }
        }
        let count = hashes.len();
        hashes.sort_unstable();
        hashes.dedup();
        assert!(hashes.len() == count && seen(37, &levels) == first);
        let eight = |at: usize| {
            let mut levels = [3u8; 4 * 45];
            levels[at] += u8::from(at > 0);
            let mut looking = Looking::new(4, 45);
            levels.chunks(45).for_each(|line| looking.line(line));
            looking.seen()
        };
        assert!(eight(0).is_flat() && !eight(1).is_flat());
        let mut hashes: Vec<u64> = (0..4 * 45).map(|at| eight(at).hash).collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), 4 * 45);
    }
}
