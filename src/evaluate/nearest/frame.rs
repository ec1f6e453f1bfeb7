//! Where rows are moved before they are multiplied in float32, and how far such a product can be from the truth.
//!
//! The product `w·v - |v|²/2` ranks references `v` of a query `w` by their distance. Its error grows with the squared
//! lengths, so rows are moved near the origin first: by distance, each row minus a centre, times a power of two; by
//! cosine, each direction minus a centre, because the squared distance of two directions is 2 - 2 cos. Collapsed features,
//! whose directions are all nearly the same, then have the error of others.

use super::arithmetic::{UNIT, any_subnormal, products, sum_error, widen};
use crate::{evaluate::features::Extent, spec::Metric};

/// Rows whose median is the centre. Any centre gives the same result; a median keeps close to most rows where a few are
/// huge.
const SAMPLE: usize = 255;
/// Below this, a float32 is flushed to 0.
const FLUSHED: f64 = f32::MIN_POSITIVE as f64;
/// The relative error of an operation in float32.
const SINGLE: f64 = f32::EPSILON as f64 / 2.0;

/// How rows are moved.
pub(super) struct Frame {
    pub(super) metric: Metric,
    centre: Vec<f64>,
    /// A power of two.
    scale: f64,
}

impl Frame {
    /// Around the median of a sample of the references, at a scale where no number is above 2.
    pub(super) fn around(sample: Vec<Vec<f32>>, width: usize, metric: Metric, extent: Extent) -> Self {
        let mut frame = Self { metric, centre: vec![0.0; width], scale: scale(extent) };
        let scaled = |row: &Vec<f32>| -> Vec<f64> {
            let by = frame.factor(row);
            row.iter().map(|x| widen::<true>(*x) * by).collect()
        };
        let sample: Vec<Vec<f64>> = sample.iter().map(scaled).collect();
        let mut column = vec![0.0; sample.len()];
        if let Some(middle) = column.len().checked_sub(1).map(|last| last / 2) {
            for (at, centre) in frame.centre.iter_mut().enumerate() {
                column.iter_mut().zip(&sample).for_each(|(x, row)| *x = row[at]);
                *centre = *column.select_nth_unstable_by(middle, f64::total_cmp).1;
            }
        }
        frame
    }

    /// Which of the rows are the sample.
    pub(super) fn sample(rows: usize) -> impl Iterator<Item = u32> {
        (0..rows as u32).step_by(rows.div_ceil(SAMPLE).max(1))
    }

    /// What a row is multiplied by before the centre is subtracted.
    fn factor(&self, row: &[f32]) -> f64 {
        match self.metric {
            Metric::Cosine => 1.0 / length(row).max(f64::MIN_POSITIVE),
            Metric::L2 => self.scale,
        }
    }

    /// Moves a row.
    pub(super) fn place(&self, row: &[f32], out: &mut [f32]) {
        let by = self.factor(row);
        let places = out.iter_mut().zip(row).zip(&self.centre);
        if any_subnormal(row) {
            places.for_each(|((out, x), centre)| *out = (widen::<true>(*x) * by - centre) as f32);
        } else {
            places.for_each(|((out, x), centre)| *out = (f64::from(*x) * by - centre) as f32);
        }
    }

    /// The share of a moved row, whose squared length as float32 is `square`, in the error of a score: with the true
    /// places `W` and `V` of a query and a reference, `w` and `v` in float32, and `s` as computed,
    /// `|s - (W·V - |V|²/2)| <= error(w) + error(v)`.
    ///
    /// Let e = 2^-24, and n the width. A place in float32 is at most 1.02 e |w| + t from the true one, where t covers float64
    /// (the length of a row, the quotient) and numbers that are flushed. So
    /// - `W·V` differs from `w·v` by at most 2.05 e |w||v| + 1.01 t (|w| + |v|) + t²,
    /// - `|V|²/2` from `|v|²/2` by at most 1.03 e |v|² + 1.01 t |v| + t²,
    /// - the product of n terms, in any order of summation, by at most g |w||v| with g = n e / (1 - n e) (Higham 2002,
    ///   section 3.1), and by 2^-126 for each term and sum that is flushed,
    /// - the half square, rounded to float32, and the subtraction of it by at most 1.1 e |w||v| + 1.1 e |v|².
    ///
    /// As `|w||v| <= (|w|² + |v|²)/2`, each row's share is at most (g/2 + 4 e) |v|² + 2.02 t |v| + 2 t² + 2n 2^-126. Where
    /// n e is above 1/4, products carry no information, and every reference is compared.
    pub(super) fn error(&self, square: f64) -> f64 {
        let width = self.centre.len() as f64;
        let rounding = width * SINGLE;
        if rounding > 0.25 {
            return f64::INFINITY;
        }
        let flushed = 2.0 * width.sqrt() * FLUSHED;
        let apart = match self.metric {
            Metric::Cosine => (sum_error(self.centre.len()) + 8.0 * UNIT) + flushed,
            Metric::L2 => flushed,
        };
        let share = rounding / (1.0 - rounding) / 2.0 + 4.0 * SINGLE;
        1.01 * (share * square + 2.02 * apart * square.sqrt() + 2.0 * apart * apart + 2.0 * width * FLUSHED)
    }
}

/// The length of a row.
pub(super) fn length(row: &[f32]) -> f64 {
    let [square, _] =
        if any_subnormal(row) { products::<true>(row, row) } else { products::<false>(row, row) };
    square.sqrt()
}

/// The power of two by which the largest number comes to lie between 1/2 and 1.
fn scale(extent: Extent) -> f64 {
    let exponent = libm::frexp(widen::<true>(extent.largest)).1;
    libm::ldexp(1.0, if extent.largest.to_bits() == 0 { 0 } else { -exponent })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_number_comes_below_one() {
        for largest in [1.0, 0.75, 3e38, f32::MAX, 1e-45, 1e-39, 1e-20] {
            let placed = widen::<true>(largest) * scale(Extent { largest });
            assert!((0.5..1.0).contains(&placed), "{largest}: {placed}");
        }
        assert_eq!(scale(Extent { largest: 0.0 }), 1.0);
    }

    #[test]
    fn the_error_grows_with_the_square_and_knows_when_nothing_is_known() {
        let of = |width: usize| Frame { metric: Metric::Cosine, centre: vec![0.0; width], scale: 1.0 };
        let (one, small) = (of(1024).error(1.0), of(1024).error(1e-8));
        assert!(one > 3.0e-5 && one < 3.2e-5, "{one}");
        assert!(small < 1.01e-8 * one, "{small}");
        assert!(of(1024).error(0.0) > 0.0);
        assert_eq!(of(1 << 23).error(1.0), f64::INFINITY);
    }
}
