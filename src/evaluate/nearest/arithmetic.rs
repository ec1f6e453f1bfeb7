//! Sums of products: fast ones with a known error, and accurate ones in a fixed order.

use super::exact::parts;

/// `scores[q][r] = queries[q] · references[r]`, rows of `scores` `stride` apart.
pub(super) fn product(queries: &[f32], references: &[f32], width: usize, scores: &mut [f32], stride: usize) {
    let (count, tile) = (queries.len() / width, references.len() / width);
    assert!(count * width == queries.len() && tile * width == references.len());
    assert!(tile <= stride && count * stride <= scores.len());
    let width_stride = width as isize;
    // SAFETY: the two assertions above are the extents that these strides reach.
    unsafe {
        gemm::gemm(
            count,
            tile,
            width,
            scores.as_mut_ptr(),
            1,
            stride as isize,
            false,
            queries.as_ptr(),
            1,
            width_stride,
            references.as_ptr(),
            width_stride,
            1,
            0.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// The largest of the products minus `low`, and of the products minus `high`. Sixteen running maxima of each, because a
/// single one would prevent vectorisation.
pub(super) fn peaks(products: &[f32], low: &[f32], high: &[f32]) -> [f32; 2] {
    let most = |a: f32, b: f32| if b > a { b } else { a };
    let mut lanes = [[f32::NEG_INFINITY; 16]; 2];
    let (products, rest) = products.as_chunks::<16>();
    let ((low, low_rest), (high, high_rest)) = (low.as_chunks::<16>(), high.as_chunks::<16>());
    for ((product, low), high) in products.iter().zip(low).zip(high) {
        for lane in 0..16 {
            lanes[0][lane] = most(lanes[0][lane], product[lane] - low[lane]);
            lanes[1][lane] = most(lanes[1][lane], product[lane] - high[lane]);
        }
    }
    let mut found = lanes.map(|lanes| lanes.into_iter().fold(f32::NEG_INFINITY, most));
    for ((product, low), high) in rest.iter().zip(low_rest).zip(high_rest) {
        found = [most(found[0], product - low), most(found[1], product - high)];
    }
    found
}

/// A float32 as a float64. With `SUBNORMAL` from its bits, because threads that flush subnormal numbers read them as 0.
#[inline(always)]
pub(super) fn widen<const SUBNORMAL: bool>(x: f32) -> f64 {
    if SUBNORMAL && x.to_bits() & 0x7f80_0000 == 0 {
        const UNIT: f64 = f64::from_bits((1023 - 149) << 52);
        return parts(x).0 as f64 * UNIT;
    }
    f64::from(x)
}

/// A float64 as the nearest float32, in any mode of the processor.
pub(super) fn narrow(x: f64) -> f32 {
    if x.abs() >= f64::from(f32::MIN_POSITIVE) {
        return x as f32;
    }
    const UNITS: f64 = f64::from_bits((1023 + 149) << 52);
    let size = f32::from_bits((x.abs() * UNITS).round_ties_even() as u32);
    if x < 0.0 { -size } else { size }
}

/// Whether one of the numbers is subnormal.
pub(super) fn any_subnormal(values: &[f32]) -> bool {
    let subnormal = |x: &f32| {
        let size = x.to_bits() & 0x7fff_ffff;
        size.wrapping_sub(1) < 0x7f_ffff
    };
    values.chunks(256).any(|values| values.iter().fold(false, |any, x| any | subnormal(x)))
}

/// Sums of several terms of each pair of numbers: eight running sums each in a fixed order, wide enough for any machine,
/// and the same bits on each. A sum of positive terms errs by at most [`SUM_ERROR`] of it.
#[inline(always)]
fn sums<const N: usize, const SUBNORMAL: bool>(
    a: &[f32],
    b: &[f32],
    terms: impl Fn(f64, f64) -> [f64; N],
) -> [f64; N] {
    let mut lanes = [[0f64; 8]; N];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    for (a, b) in a.iter().zip(b) {
        for lane in 0..8 {
            let terms = terms(widen::<SUBNORMAL>(a[lane]), widen::<SUBNORMAL>(b[lane]));
            for (lanes, term) in lanes.iter_mut().zip(terms) {
                lanes[lane] += term;
            }
        }
    }
    let mut found = lanes.map(|lanes| lanes.iter().sum::<f64>());
    for (a, b) in a_rest.iter().zip(b_rest) {
        let terms = terms(widen::<SUBNORMAL>(*a), widen::<SUBNORMAL>(*b));
        found.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
    }
    found
}

/// The relative error of [`sums`] of `width` exact positive terms, and of any terms relative to the sum of their sizes:
/// no term passes through more additions than this (Higham 2002, section 4.2), each of which errs by 2^-53.
pub(super) fn sum_error(width: usize) -> f64 {
    (width / 8 + 17) as f64 * UNIT
}

/// The relative error of an operation in float64, with room for the products of errors.
pub(super) const UNIT: f64 = 1.01 * f64::EPSILON / 2.0;

/// A sum compiled for any processor and for AVX2; the terms and their order are the same.
macro_rules! for_any_processor {
    ($(#[$doc:meta])* $name:ident($a:ident, $b:ident) -> $type:ty = $body:expr) => {
        $(#[$doc])*
        pub(super) fn $name<const SUBNORMAL: bool>($a: &[f32], $b: &[f32]) -> $type {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                fn wide<const SUBNORMAL: bool>($a: &[f32], $b: &[f32]) -> $type {
                    $body
                }
                if is_x86_feature_detected!("avx2") {
                    // SAFETY: the processor has it.
                    return unsafe { wide::<SUBNORMAL>($a, $b) };
                }
            }
            $body
        }
    };
}

for_any_processor! {
    /// The sum of the products, and of their sizes. Products of two float32 are exact in float64.
    products(a, b) -> [f64; 2] = sums::<2, SUBNORMAL>(a, b, |a, b| [a * b, (a * b).abs()])
}
for_any_processor! {
    /// The squared distance. A difference and its square each err once.
    squares(a, b) -> f64 = sums::<1, SUBNORMAL>(a, b, |a, b| [(a - b) * (a - b)])[0]
}

pub(in crate::evaluate) fn dot(a: &[f32], b: &[f32]) -> f64 {
    if any_subnormal(a) || any_subnormal(b) { products::<true>(a, b)[0] } else { products::<false>(a, b)[0] }
}

pub(in crate::evaluate) fn distance(a: &[f32], b: &[f32]) -> f64 {
    let subnormal = any_subnormal(a) || any_subnormal(b);
    if subnormal { squares::<true>(a, b) } else { squares::<false>(a, b) }.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subnormal_numbers_keep_their_value_where_they_are_flushed() {
        let thread = std::thread::spawn(|| {
            crate::ops::flush_subnormals();
            let tiny = f32::from_bits(std::hint::black_box(5));
            let wide = [tiny, -tiny, 1.0].map(widen::<true>);
            let back = wide.map(narrow);
            (wide, back.map(f32::to_bits), dot(&[tiny, 2.0], &[tiny, 0.0]), distance(&[tiny], &[-tiny]))
        });
        let (wide, back, dot, distance) = thread.join().unwrap();
        let five = 5.0 * libm::exp2(-149.0);
        assert_eq!(wide, [five, -five, 1.0]);
        assert_eq!(back, [5, 5 | 1 << 31, 1f32.to_bits()]);
        assert_eq!((dot, distance), (five * five, 2.0 * five));
        assert!(any_subnormal(&[0.0, 1.0, -1e-40]) && !any_subnormal(&[0.0, -0.0, 1.0, f32::MIN_POSITIVE]));
        assert_eq!(narrow(1.5 * libm::exp2(-149.0)).to_bits(), 2);
    }
}
