//! Planes of numbers: resizing as scikit-image does it (`resize` with `mode="reflect"` and anti-aliasing), and the median
//! over a disk.

use std::ops::RangeInclusive;

/// Numbers row by row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plane {
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) values: Vec<f64>,
}

/// A row or column before it is sampled: how wide the smoothing is, and between which two places each sample is.
struct Axis {
    /// Of a Gaussian, cut at four of its SD: its middle, and what is beside it.
    weights: Vec<f64>,
    /// The place on the left of each sample, that on the right, and the part of the latter.
    places: Vec<(usize, usize, f64)>,
    length: usize,
}

impl Axis {
    /// From `length` pixels to `wanted`, which need not be a whole number: it is rounded, after it has decided how wide the
    /// smoothing is.
    fn new(length: usize, wanted: f64) -> Self {
        let whole = rounded(wanted);
        let sigma = ((length as f64 / wanted - 1.0) / 2.0).max(0.0);
        let reach = if sigma <= 1e-15 { 0 } else { (4.0 * sigma + 0.5) as usize };
        let weight =
            |at: usize| if at == 0 { 1.0 } else { (-0.5 / (sigma * sigma) * (at * at) as f64).exp() };
        let sum = 1.0 + 2.0 * (1..=reach).map(weight).sum::<f64>();
        let step = length as f64 / whole as f64;
        let place = |sample: usize| {
            let at = (sample as f64 + 0.5) * step - 0.5;
            let left = at.floor();
            (mirrored(left as isize, length), mirrored(left as isize + 1, length), at - left)
        };
        Self {
            weights: (0..=reach).map(|at| weight(at) / sum).collect(),
            places: (0..whole).map(place).collect(),
            length,
        }
    }

    fn reach(&self) -> usize {
        self.weights.len() - 1
    }

    /// A row smoothed and sampled; `row` has `reach` mirrored pixels on both sides.
    fn row(&self, row: &[f64], smooth: &mut [f64], out: &mut [f64]) {
        let reach = self.reach();
        let at = |off: usize| &row[off..off + self.length];
        smooth.iter_mut().zip(at(reach)).for_each(|(sum, middle)| *sum = self.weights[0] * middle);
        for (off, weight) in self.weights.iter().enumerate().skip(1) {
            let sides = at(reach - off).iter().zip(at(reach + off));
            smooth.iter_mut().zip(sides).for_each(|(sum, (a, b))| *sum += weight * (a + b));
        }
        for (out, (left, right, part)) in out.iter_mut().zip(&self.places) {
            *out = smooth[*left] * (1.0 - part) + smooth[*right] * part;
        }
    }
}

/// Whole pixels of a side.
pub(super) fn rounded(side: f64) -> usize {
    (side.round_ties_even() as usize).max(1)
}

impl Plane {
    pub(super) fn new(height: usize, width: usize, values: Vec<f64>) -> Self {
        debug_assert_eq!(height * width, values.len(), "rows times columns");
        Self { height, width, values }
    }

    /// Shrunk or enlarged to `size` rows and columns, which are rounded at last.
    pub(super) fn resized(&self, size: [f64; 2]) -> Self {
        let fill = |row: usize, into: &mut [f64]| {
            into.copy_from_slice(&self.values[row * self.width..][..self.width]);
        };
        Self::resized_from([self.height, self.width], size, fill)
    }

    /// The same for a plane whose rows are made one after the other: `fill(row, into)`.
    pub(super) fn resized_from(
        [height, width]: [usize; 2],
        size: [f64; 2],
        fill: impl Fn(usize, &mut [f64]),
    ) -> Self {
        let [down, along] = [Axis::new(height, size[0]), Axis::new(width, size[1])];
        let (reach, narrow) = (along.reach(), along.places.len());
        let (mut row, mut smooth) = (vec![0.0; width + 2 * reach], vec![0.0; width]);
        let mut rows = vec![0.0; height * narrow];
        for (number, out) in rows.chunks_exact_mut(narrow).enumerate() {
            fill(number, &mut row[reach..reach + width]);
            for off in 1..=reach {
                row[reach - off] = row[reach + mirrored(-(off as isize), width)];
                row[reach + width - 1 + off] = row[reach + mirrored((width - 1 + off) as isize, width)];
            }
            along.row(&row, &mut smooth, out);
        }
        let smoothed = |middle: usize, into: &mut [f64]| {
            let at = |row: isize| &rows[mirrored(row, height) * narrow..][..narrow];
            let middle = middle as isize;
            into.iter_mut().zip(at(middle)).for_each(|(sum, value)| *sum = down.weights[0] * value);
            for (off, weight) in down.weights.iter().enumerate().skip(1) {
                let sides = at(middle - off as isize).iter().zip(at(middle + off as isize));
                into.iter_mut().zip(sides).for_each(|(sum, (a, b))| *sum += weight * (a + b));
            }
        };
        let mut values = Vec::with_capacity(down.places.len() * narrow);
        let [mut above, mut below] = [vec![0.0; narrow], vec![0.0; narrow]];
        for (top, bottom, part) in &down.places {
            smoothed(*top, &mut above);
            smoothed(*bottom, &mut below);
            values.extend(above.iter().zip(&below).map(|(above, below)| above * (1.0 - part) + below * part));
        }
        Self::new(down.places.len(), narrow, values)
    }

    /// The median over a disk around each pixel, of whole numbers; the border is repeated outside.
    pub(super) fn median(&self, radius: usize) -> Self {
        let within = |at: isize, length: usize| at.clamp(0, length as isize - 1) as usize;
        let half = |dy: isize| {
            let square = (radius * radius - (dy * dy) as usize) as f64;
            square.sqrt() as isize
        };
        let disk: Vec<(isize, isize)> = rows_of(radius).map(|dy| (dy, half(dy))).collect();
        let size: usize = disk.iter().map(|(_, half)| 2 * *half as usize + 1).sum();
        let whole: Vec<u16> = self.values.iter().map(|value| value.clamp(0.0, 65535.0) as u16).collect();
        let mut counts = Counts::new();
        let mut values = Vec::with_capacity(whole.len());
        for row in 0..self.height as isize {
            let at = |dy: isize, column: isize| {
                whole[within(row + dy, self.height) * self.width + within(column, self.width)]
            };
            counts.clear();
            for (dy, half) in &disk {
                (-half..=*half).for_each(|dx| counts.add(at(*dy, dx)));
            }
            for column in 0..self.width as isize {
                if column > 0 {
                    for (dy, half) in &disk {
                        counts.take(at(*dy, column - 1 - half));
                        counts.add(at(*dy, column + half));
                    }
                }
                values.push(f64::from(counts.nth(size / 2)));
            }
        }
        Self { values, ..*self }
    }

    /// Percentiles, linear between ranks.
    pub(super) fn percentiles<const N: usize>(&self, percents: [f64; N]) -> [f64; N] {
        let mut values = self.values.clone();
        percents.map(|percent| {
            let at = percent / 100.0 * (values.len() - 1) as f64;
            let (_, low, above) = values.select_nth_unstable_by(at.floor() as usize, f64::total_cmp);
            let next = above.iter().copied().min_by(f64::total_cmp).unwrap_or(*low);
            *low + (next - *low) * (at - at.floor())
        })
    }
}

fn rows_of(radius: usize) -> RangeInclusive<isize> {
    -(radius as isize)..=radius as isize
}

/// How often each level occurs in a window that moves: 256 levels together, and each for itself.
struct Counts {
    coarse: [u32; 256],
    fine: Vec<u32>,
}

impl Counts {
    fn new() -> Self {
        Self { coarse: [0; 256], fine: vec![0; 65536] }
    }

    fn clear(&mut self) {
        self.coarse.fill(0);
        self.fine.fill(0);
    }

    fn add(&mut self, level: u16) {
        self.coarse[usize::from(level >> 8)] += 1;
        self.fine[usize::from(level)] += 1;
    }

    fn take(&mut self, level: u16) {
        self.coarse[usize::from(level >> 8)] -= 1;
        self.fine[usize::from(level)] -= 1;
    }

    /// The level of this rank, from 0.
    fn nth(&self, rank: usize) -> u16 {
        let mut left = rank as u32;
        let mut find = |counts: &[u32]| {
            let is = |count: &u32| {
                let here = left < *count;
                left -= if here { 0 } else { *count };
                here
            };
            counts.iter().position(is).unwrap_or(counts.len() - 1)
        };
        let high = find(&self.coarse);
        let low = find(&self.fine[high << 8..][..256]);
        (high << 8 | low) as u16
    }
}

/// A place in a row that is mirrored at the centres of its first and last pixel.
fn mirrored(at: isize, length: usize) -> usize {
    let period = 2 * (length as isize - 1);
    if period == 0 {
        return 0;
    }
    let folded = at.rem_euclid(period);
    folded.min(period - folded) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_mirrored_without_repeating_their_ends() {
        let places: Vec<usize> = (-4..8).map(|at| mirrored(at, 4)).collect();
        assert_eq!(places, [2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1]);
        assert_eq!(mirrored(-3, 1), 0);
    }

    #[test]
    fn the_median_of_a_moving_disk_is_that_of_its_pixels() {
        let level = |at: usize| ((at * 7919 + at * at * 31) % 1000) as f64;
        let plane = Plane::new(9, 13, (0..9 * 13).map(level).collect());
        for radius in [0, 1, 2, 5, 20] {
            let found = plane.median(radius);
            for (row, column) in [(0, 0), (4, 6), (8, 12), (3, 0)] {
                let inside = |(dy, dx): &(isize, isize)| (dy * dy + dx * dx) as usize <= radius * radius;
                let all = rows_of(radius).flat_map(|dy| rows_of(radius).map(move |dx| (dy, dx)));
                let at = |(dy, dx): (isize, isize)| {
                    let [y, x] = [(row + dy).clamp(0, 8), (column + dx).clamp(0, 12)];
                    plane.values[y as usize * 13 + x as usize]
                };
                let mut around: Vec<f64> = all.filter(inside).map(at).collect();
                around.sort_unstable_by(f64::total_cmp);
                assert_eq!(found.values[row as usize * 13 + column as usize], around[around.len() / 2]);
            }
        }
    }
}
