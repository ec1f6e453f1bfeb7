//! Which rows of a block are distinct: of equal ones the first answers for all, so that collapsed features cost no more
//! than others.
//!
//! Under the cosine, rows are equal if one is a multiple of the other. Every row is a multiple of whole numbers without
//! a common divisor; these and a power of two identify its direction.

use super::exact::parts;
use crate::spec::Metric;
use rayon::prelude::*;
use std::collections::HashMap;

/// Distinct rows of a block, in order.
pub(super) struct Distinct {
    /// The first row of each kind.
    pub(super) rows: Vec<u32>,
    /// Whether equal rows have different labels.
    pub(super) mixed: Vec<bool>,
}

impl Distinct {
    /// `same`: whether two rows are of one group, and of one label.
    pub(super) fn of(
        values: &[f32],
        width: usize,
        metric: Metric,
        group: impl Fn(usize) -> u32,
        alike: impl Fn(usize, usize) -> bool,
    ) -> Self {
        let marks: Vec<u64> = values.par_chunks_exact(width).map(|row| mark(row, metric)).collect();
        let row = |at: usize| &values[at * width..(at + 1) * width];
        let mut known: HashMap<(u64, u32), usize> = HashMap::with_capacity(marks.len());
        let mut all = Self { rows: Vec::with_capacity(marks.len()), mixed: Vec::with_capacity(marks.len()) };
        for (at, mark) in marks.into_iter().enumerate() {
            let place = *known.entry((mark, group(at))).or_insert(all.rows.len());
            // Rows that differ under one mark are both kept: that costs time and nothing else.
            match all.rows.get(place).map(|first| *first as usize) {
                Some(first) if same(row(first), row(at), metric) => all.mixed[place] |= !alike(first, at),
                _ => {
                    all.rows.push(at as u32);
                    all.mixed.push(false);
                }
            }
        }
        all
    }
}

/// The whole numbers of a row, in their order.
struct Direction<'a> {
    row: &'a [f32],
    divisor: u32,
    base: i32,
}

impl<'a> Direction<'a> {
    fn of(row: &'a [f32], metric: Metric) -> Self {
        if metric == Metric::L2 {
            return Self { row, divisor: 1, base: 0 };
        }
        let (mut divisor, mut base) = (0, None);
        for x in row {
            let (odd, exponent) = odd(*x);
            if odd != 0 {
                base = base.or(Some(exponent));
                divisor = greatest_common(divisor, odd.unsigned_abs());
            }
            if divisor == 1 {
                break;
            }
        }
        Self { row, divisor: divisor.max(1), base: base.unwrap_or(0) }
    }

    fn numbers(&self) -> impl Iterator<Item = (i32, i32)> {
        let (divisor, base) = (self.divisor as i32, self.base);
        self.row.iter().map(move |x| {
            let (odd, exponent) = odd(*x);
            if odd == 0 { (0, 0) } else { (if divisor == 1 { odd } else { odd / divisor }, exponent - base) }
        })
    }
}

/// A number as an odd one times a power of two.
fn odd(x: f32) -> (i32, i32) {
    let (mantissa, exponent) = parts(x);
    let zeros = mantissa.trailing_zeros();
    if mantissa == 0 { (0, 0) } else { ((mantissa >> zeros) as i32, (exponent + zeros) as i32) }
}

fn greatest_common(mut a: u32, mut b: u32) -> u32 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn same(a: &[f32], b: &[f32], metric: Metric) -> bool {
    Direction::of(a, metric).numbers().eq(Direction::of(b, metric).numbers())
}

/// Equal rows have equal marks.
fn mark(row: &[f32], metric: Metric) -> u64 {
    Direction::of(row, metric).numbers().fold(0, |mark: u64, (odd, exponent)| {
        let number = u64::from(odd as u32) << 32 | u64::from(exponent as u32);
        (mark.rotate_left(5) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiples_are_one_direction_and_copies_one_row() {
        let rows: [[f32; 3]; 7] = [
            [1.0, 2.0, 3.0],
            [3.0, 6.0, 9.0],
            [1.0, 2.0, 3.0],
            [-1.0, -2.0, -3.0],
            [0.5, 1.0, 1.5],
            [1, 2, 3].map(f32::from_bits),
            [1.0, 2.0, 3.0000002],
        ];
        let labels = [0, 0, 0, 1, 1, 0, 0];
        let of = |metric, groups: [u32; 7]| {
            let alike = |a: usize, b: usize| labels[a] == labels[b];
            let found = Distinct::of(rows.as_flattened(), 3, metric, |at| groups[at], alike);
            (found.rows, found.mixed)
        };
        assert_eq!(of(Metric::Cosine, [0; 7]), (vec![0, 3, 6], vec![true, false, false]));
        assert_eq!(of(Metric::L2, [0; 7]), (vec![0, 1, 3, 4, 5, 6], vec![false; 6]));
        let grouped = of(Metric::Cosine, [0, 1, 0, 0, 1, 1, 0]);
        assert_eq!(grouped, (vec![0, 1, 3, 6], vec![false, true, false, false]));
        let zero = Distinct::of(&[0.0, -0.0], 1, Metric::L2, |_| 0, |_, _| false);
        assert_eq!((zero.rows, zero.mixed), (vec![0], vec![true]));
    }
}
