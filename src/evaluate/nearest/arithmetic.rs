//! Sums of products: fast ones with a small error, and accurate ones in a fixed order.

use super::TILE;
use crate::evaluate::FeatureMatrix;

/// `scores[q][r] = queries[q] · references[r]`, rows of `scores` [`TILE`] apart.
pub(super) fn product(queries: &[f32], references: &[f32], width: usize, scores: &mut [f32]) {
    let (count, tile) = (queries.len() / width, references.len() / width);
    assert!(count * width == queries.len() && tile * width == references.len());
    assert!(tile <= TILE && count * TILE <= scores.len());
    let width_stride = width as isize;
    // SAFETY: the two assertions above are the extents that these strides reach.
    unsafe {
        gemm::gemm(
            count,
            tile,
            width,
            scores.as_mut_ptr(),
            1,
            TILE as isize,
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

/// The largest score. Sixteen running maxima, because a single one would prevent vectorisation.
pub(super) fn highest(scores: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; 16];
    let chunks = scores.chunks_exact(16);
    let rest = chunks.remainder().iter().copied();
    for chunk in chunks {
        for (lane, score) in lanes.iter_mut().zip(chunk) {
            *lane = if *score > *lane { *score } else { *lane };
        }
    }
    lanes.into_iter().chain(rest).fold(f32::NEG_INFINITY, f32::max)
}

/// Normalises to length 1; each number is rounded once to float32.
pub(super) fn direction(row: &mut [f32]) {
    let length = dot(row, row).sqrt();
    row.iter_mut().for_each(|x| *x = (f64::from(*x) / length) as f32);
}

pub(super) fn mean(matrix: FeatureMatrix<'_>) -> Vec<f32> {
    let mut sums = vec![0f64; matrix.width];
    for row in matrix.values.chunks_exact(matrix.width) {
        sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += f64::from(*x));
    }
    sums.iter().map(|sum| (sum / matrix.rows() as f64) as f32).collect()
}

/// Eight running sums in a fixed order: wide enough for any machine, and the same bits on each.
fn sum_of_terms(a: &[f32], b: &[f32], term: impl Fn(f64, f64) -> f64) -> f64 {
    let (mut lanes, split) = ([0f64; 8], a.len() / 8 * 8);
    for (a, b) in a[..split].chunks_exact(8).zip(b[..split].chunks_exact(8)) {
        for lane in 0..8 {
            lanes[lane] += term(f64::from(a[lane]), f64::from(b[lane]));
        }
    }
    let rest = a[split..].iter().zip(&b[split..]).map(|(a, b)| term(f64::from(*a), f64::from(*b)));
    lanes.iter().sum::<f64>() + rest.sum::<f64>()
}

pub(in crate::evaluate) fn dot(a: &[f32], b: &[f32]) -> f64 {
    sum_of_terms(a, b, |a, b| a * b)
}

pub(in crate::evaluate) fn distance(a: &[f32], b: &[f32]) -> f64 {
    sum_of_terms(a, b, |a, b| (a - b) * (a - b)).sqrt()
}
