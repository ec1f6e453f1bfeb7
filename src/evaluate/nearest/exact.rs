//! Exact comparison of two references: sums of products as whole numbers, for pairs that float64 cannot order.
//!
//! A float32 is a whole number times 2^-149, so a product of two is a whole number times 2^-298, below 2^555 of these,
//! and a sum of 2^32 products fits into 588 bits with its sign.

use crate::spec::Metric;
use std::cmp::Ordering;

/// Words of 64 bits of a number: room for a sum, twice that, and the sign.
const WORDS: usize = 11;
/// Terms that are added before carries are passed on; each is below 2^32 in each digit.
const TERMS: usize = 1 << 30;

/// A whole number times 2^-298, in two's complement, the lowest word first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Whole([u64; WORDS]);

/// How near a reference is to a query, without rounding.
#[derive(Clone, Copy, Debug)]
pub(super) enum Exact {
    /// The product with the query, and the reference's squared length.
    Cosine { dot: Dot, square: Dot },
    /// The squared length of the query minus the squared distance to it.
    L2(Dot),
}

/// A sum of products.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dot(Whole);

impl Exact {
    pub(super) fn of(query: &[f32], reference: &[f32], metric: Metric) -> Self {
        let (dot, square) = (Whole::dot(query, reference), Whole::dot(reference, reference));
        match metric {
            Metric::Cosine => Self::Cosine { dot: Dot(dot), square: Dot(square) },
            // |q - r|² = |q|² - (2 q·r - |r|²)
            Metric::L2 => Self::L2(Dot(dot.plus(dot).minus(square))),
        }
    }

    /// Compares the nearness to the same query: the greater is the nearer.
    ///
    /// # Panics
    /// If they are of different metrics.
    pub(super) fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::L2(Dot(a)), Self::L2(Dot(b))) => a.cmp(b),
            (Self::Cosine { dot: a, square: a_square }, Self::Cosine { dot: b, square: b_square }) => {
                // a/|a| against b/|b|: by sign, then by the squares times both squared lengths.
                let (a_sign, b_sign) = (a.0.sign(), b.0.sign());
                let size = || {
                    let (a, b) = (a.0.size(), b.0.size());
                    let left = times(&times(&a, &a), &b_square.0.size());
                    left.iter().rev().cmp(times(&times(&b, &b), &a_square.0.size()).iter().rev())
                };
                a_sign.cmp(&b_sign).then_with(|| match a_sign {
                    0 => Ordering::Equal,
                    1 => size(),
                    _ => size().reverse(),
                })
            }
            _ => unreachable!("one search has one metric"),
        }
    }
}

/// A float32 as `mantissa` times 2^(`exponent` - 149), from its bits: no mode of the processor matters.
pub(super) fn parts(x: f32) -> (i64, u32) {
    let bits = x.to_bits();
    let (field, fraction) = (bits >> 23 & 0xff, i64::from(bits & 0x7f_ffff));
    let mantissa = if field == 0 { fraction } else { fraction | 1 << 23 };
    (if bits >> 31 == 1 { -mantissa } else { mantissa }, field.max(1) - 1)
}

impl Whole {
    fn dot(a: &[f32], b: &[f32]) -> Self {
        let parts = a.chunks(TERMS).zip(b.chunks(TERMS));
        parts.fold(Self([0; WORDS]), |sum, (a, b)| sum.plus(Self::short_dot(a, b)))
    }

    /// Of at most [`TERMS`] numbers: digits of 32 bits, each in a word of its own until carries are passed on.
    fn short_dot(a: &[f32], b: &[f32]) -> Self {
        let mut digits = [0i64; 2 * WORDS];
        for (a, b) in a.iter().zip(b) {
            let ((a, at_a), (b, at_b)) = (parts(*a), parts(*b));
            let at = at_a + at_b;
            let term = i128::from(a * b) << (at % 32);
            let digit = (at / 32) as usize;
            digits[digit] += (term & 0xffff_ffff) as i64;
            digits[digit + 1] += (term >> 32 & 0xffff_ffff) as i64;
            digits[digit + 2] += (term >> 64) as i64;
        }
        let (mut words, mut carry) = ([0; WORDS], 0i64);
        for (at, digit) in digits.into_iter().enumerate() {
            let sum = i128::from(digit) + i128::from(carry);
            words[at / 2] |= (sum as u64 & 0xffff_ffff) << (32 * (at % 2));
            carry = (sum >> 32) as i64;
        }
        Self(words)
    }

    fn plus(self, other: Self) -> Self {
        let (mut sum, mut carry) = (self.0, false);
        for (word, other) in sum.iter_mut().zip(other.0) {
            let (one, first) = word.overflowing_add(other);
            let (all, second) = one.overflowing_add(u64::from(carry));
            (*word, carry) = (all, first || second);
        }
        Self(sum)
    }

    fn negative(self) -> Self {
        let mut one = [0; WORDS];
        one[0] = 1;
        Self(self.0.map(|word| !word)).plus(Self(one))
    }

    fn minus(self, other: Self) -> Self {
        self.plus(other.negative())
    }

    /// -1, 0 or 1.
    fn sign(self) -> i32 {
        match self.0 {
            words if words[WORDS - 1] >> 63 == 1 => -1,
            words if words == [0; WORDS] => 0,
            _ => 1,
        }
    }

    fn size(self) -> [u64; WORDS] {
        if self.sign() < 0 { self.negative().0 } else { self.0 }
    }

    fn cmp(&self, other: &Self) -> Ordering {
        self.minus(*other).sign().cmp(&0)
    }
}

/// The product of two numbers without sign, the lowest word first.
fn times(a: &[u64], b: &[u64]) -> Vec<u64> {
    let mut product = vec![0u64; a.len() + b.len()];
    for (at, a) in a.iter().enumerate().filter(|(_, a)| **a != 0) {
        let mut carry = 0u128;
        for (place, b) in b.iter().enumerate() {
            let sum = u128::from(product[at + place]) + u128::from(*a) * u128::from(*b) + carry;
            product[at + place] = sum as u64;
            carry = sum >> 64;
        }
        product[at + b.len()] = carry as u64;
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    fn order(query: &[f32], a: &[f32], b: &[f32], metric: Metric) -> Ordering {
        Exact::of(query, a, metric).cmp(&Exact::of(query, b, metric))
    }

    #[test]
    fn whole_numbers_are_ordered_as_whole_numbers_are() {
        let mut stream = Seed(5).stream("whole");
        let mut equal = [0, 0];
        for _ in 0..4000 {
            let width = 1 + stream.below(4);
            let mut row =
                |_: usize| -> Vec<f32> { (0..width).map(|_| stream.below(7) as f32 - 3.0).collect() };
            let [query, a, b] = std::array::from_fn(&mut row);
            let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a * b) as i64).sum::<i64>();
            let l2 = |a: &[f32]| 2 * dot(&query, a) - dot(a, a);
            assert_eq!(order(&query, &a, &b, Metric::L2), l2(&a).cmp(&l2(&b)));
            let side = |a: &[f32], b: &[f32]| dot(&query, a).pow(2) * dot(&query, a).signum() * dot(b, b);
            let expected = side(&a, &b).cmp(&side(&b, &a));
            if dot(&a, &a) > 0 && dot(&b, &b) > 0 {
                assert_eq!(order(&query, &a, &b, Metric::Cosine), expected, "{query:?} {a:?} {b:?}");
                equal[usize::from(expected == Ordering::Equal)] += 1;
            }
        }
        assert!(equal[1] > 300 && equal[0] > 300, "{equal:?}");
    }

    #[test]
    fn the_whole_range_of_float32_is_exact() {
        let tiny = f32::from_bits(1);
        for scale in [tiny, 1e-30, 1.0, 1e30] {
            let [one, two] = [scale, 2.0 * scale];
            assert_eq!(order(&[one, one], &[one, two], &[two, one], Metric::L2), Ordering::Equal);
            assert_eq!(order(&[one, two], &[one, two], &[two, one], Metric::L2), Ordering::Greater);
            assert_eq!(
                order(&[one, two], &[one, two], &[tiny, tiny + tiny], Metric::Cosine),
                Ordering::Equal
            );
            assert_eq!(order(&[one, -two], &[one, two], &[two, one], Metric::Cosine), Ordering::Less);
        }
        let most = [f32::MAX; 3];
        assert_eq!(order(&most, &[tiny; 3], &most, Metric::Cosine), Ordering::Equal);
        let other = [f32::MAX, f32::MAX, f32::MAX.next_down()];
        assert_eq!(order(&most, &other, &most, Metric::Cosine), Ordering::Less);
        assert_eq!(order(&most, &most.map(|x| -x), &[-tiny, tiny, 0.0], Metric::L2), Ordering::Less);
        // A huge term that cancels leaves the least one.
        let query = [f32::MAX, f32::MAX, tiny];
        assert_eq!(order(&query, &[1.0, -1.0, tiny], &[1.0, -1.0, -tiny], Metric::Cosine), Ordering::Greater);
    }
}
