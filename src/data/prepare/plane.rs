//! Planes of numbers: resizing as scikit-image does it (`resize` with `mode="reflect"` and anti-aliasing), and the median
//! over a disk.

/// Numbers row by row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plane {
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) values: Vec<f64>,
}

impl Plane {
    pub(super) fn new(height: usize, width: usize, values: Vec<f64>) -> Self {
        debug_assert_eq!(height * width, values.len(), "rows times columns");
        Self { height, width, values }
    }

    /// Shrunk or enlarged to `size` rows and columns, which need not be whole numbers: they are rounded, after they have
    /// decided how wide the smoothing is.
    pub(super) fn resized(&self, size: [f64; 2]) -> Self {
        let whole = size.map(|side| (side.round_ties_even() as usize).max(1));
        let along = |plane: &Self, wanted: f64, whole: usize| {
            let sigma = ((plane.width as f64 / wanted - 1.0) / 2.0).max(0.0);
            plane.smoothed(sigma).sampled(whole)
        };
        along(&along(self, size[1], whole[1]).turned(), size[0], whole[0]).turned()
    }

    /// Rows convolved with a Gaussian of this SD, cut at four of them; rows are mirrored at their last pixels.
    fn smoothed(&self, sigma: f64) -> Self {
        if sigma <= 1e-15 {
            return self.clone();
        }
        let reach = (4.0 * sigma + 0.5) as usize;
        let weight = |at: usize| (-0.5 / (sigma * sigma) * (at * at) as f64).exp();
        let sum = weight(0) + 2.0 * (1..=reach).map(weight).sum::<f64>();
        let weights: Vec<f64> = (0..=reach).map(|at| weight(at) / sum).collect();
        let mut values = Vec::with_capacity(self.values.len());
        for row in self.values.chunks_exact(self.width) {
            let at = |place: isize| row[mirrored(place, self.width)];
            values.extend((0..self.width as isize).map(|column| {
                let sides = weights.iter().enumerate().skip(1);
                weights[0] * row[column as usize]
                    + sides
                        .map(|(off, weight)| weight * (at(column - off as isize) + at(column + off as isize)))
                        .sum::<f64>()
            }));
        }
        Self { values, ..*self }
    }

    /// Rows of `width` values, linear between the centres of pixels.
    fn sampled(&self, width: usize) -> Self {
        let step = self.width as f64 / width as f64;
        let mut values = Vec::with_capacity(self.height * width);
        let places: Vec<(usize, usize, f64)> = (0..width)
            .map(|column| {
                let at = (column as f64 + 0.5) * step - 0.5;
                let left = at.floor();
                let place = |at: f64| mirrored(at as isize, self.width);
                (place(left), place(left + 1.0), at - left)
            })
            .collect();
        for row in self.values.chunks_exact(self.width) {
            values.extend(places.iter().map(|(left, right, part)| row[*left] * (1.0 - part) + row[*right] * part));
        }
        Self { height: self.height, width, values }
    }

    fn turned(&self) -> Self {
        let values = (0..self.width).flat_map(|column| {
            (0..self.height).map(move |row| self.values[row * self.width + column])
        });
        Self { height: self.width, width: self.height, values: values.collect() }
    }

    /// The median over a disk around each pixel, of whole numbers; the border is repeated outside.
    pub(super) fn median(&self, radius: usize) -> Self {
        let (reach, far) = (radius as isize, radius * radius);
        let inside = |(dy, dx): &(isize, isize)| (dy * dy + dx * dx) as usize <= far;
        let disk: Vec<(isize, isize)> =
            (-reach..=reach).flat_map(|dy| (-reach..=reach).map(move |dx| (dy, dx))).filter(inside).collect();
        let whole: Vec<u16> = self.values.iter().map(|value| value.clamp(0.0, 65535.0) as u16).collect();
        let mut around = vec![0; disk.len()];
        let mut values = Vec::with_capacity(whole.len());
        let within = |at: isize, length: usize| at.clamp(0, length as isize - 1) as usize;
        for row in 0..self.height as isize {
            for column in 0..self.width as isize {
                for (value, (dy, dx)) in around.iter_mut().zip(&disk) {
                    *value = whole[within(row + dy, self.height) * self.width + within(column + dx, self.width)];
                }
                let middle = around.len() / 2;
                values.push(f64::from(*around.select_nth_unstable(middle).1));
            }
        }
        Self { values, ..*self }
    }

    /// The percentile, linear between ranks.
    pub(super) fn percentiles<const N: usize>(&self, percents: [f64; N]) -> [f64; N] {
        let mut sorted = self.values.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        percents.map(|percent| {
            let at = percent / 100.0 * (sorted.len() - 1) as f64;
            let low = at.floor() as usize;
            let high = (low + 1).min(sorted.len() - 1);
            sorted[low] + (sorted[high] - sorted[low]) * (at - low as f64)
        })
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
}
