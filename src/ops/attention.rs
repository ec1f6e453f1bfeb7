//! Softmax attention of networks that nothing is learned from, so there is no backward side.

use super::{
    buffer::{self, Disjoint},
    gelu::exp_negative,
    linear::{Matrix, product_here},
    simd::{Simd, dispatch},
};
use candle_core::{Result, Tensor};
use rayon::prelude::*;

/// Queries of one task: their weights on a thousand keys stay in the cache.
const QUERIES: usize = 128;

/// `softmax(q · kᵀ / √d) · v` for each of `heads` of width d: (N, T, 3·heads·d), which are q, k and v one after the
/// other, to (N, T, heads·d).
///
/// # Errors
/// If the width is no multiple of 3·heads.
pub fn attention(qkv: &Tensor, heads: usize) -> Result<Tensor> {
    let (n, tokens, width) = qkv.dims3()?;
    if heads == 0 || !width.is_multiple_of(3 * heads) {
        candle_core::bail!("attention: {heads} heads cannot share {width} numbers of q, k and v");
    }
    let (all, each) = (width / 3, width / 3 / heads);
    let values = buffer::read(qkv)?;
    let values = &*values;
    let scale = 1.0 / (each as f32).sqrt();
    let parts = tokens.div_ceil(QUERIES);
    let mut y = buffer::uninit(n * tokens * all);
    let out = Disjoint::new(&mut y);
    let scratch = || (Vec::new(), Vec::new());
    (0..n * heads * parts).into_par_iter().for_each_init(scratch, |(weights, mixed), task| {
        let (image, head, part) = (task / (heads * parts), task / parts % heads, task % parts);
        let (first, count) = (part * QUERIES, QUERIES.min(tokens - part * QUERIES));
        let of = |which: usize, first: usize, count: usize| {
            let from = (image * tokens + first) * width + which * all + head * each;
            Matrix::strided(&values[from..], count, each, width)
        };
        weights.resize(count * tokens, 0f32);
        product_here(weights, of(0, first, count), of(1, 0, tokens).transposed());
        softmax(weights, tokens, scale);
        mixed.resize(count * each, 0f32);
        product_here(mixed, Matrix::rows(weights, count, tokens), of(2, 0, tokens));
        for (query, mixed) in mixed.chunks_exact(each).enumerate() {
            let to = (image * tokens + first + query) * all + head * each;
            // SAFETY: each query of each head of each image is written once.
            unsafe { std::ptr::copy_nonoverlapping(mixed.as_ptr(), out.at(to), each) };
        }
    });
    Tensor::from_vec(y, (n, tokens, all), qkv.device())
}

/// `softmax(scale · row)` of each row.
#[inline(always)]
unsafe fn softmax_body<S: Simd>(rows: &mut [f32], width: usize, scale: f32) {
    for row in rows.chunks_exact_mut(width) {
        let top = row.iter().fold(f32::NEG_INFINITY, |top, x| top.max(*x));
        row.iter_mut().for_each(|x| *x = exp_negative((*x - top) * scale));
        // Sixteen partial sums, so that the compiler may use vectors without reordering anything.
        let mut sums = [0f32; 16];
        let (whole, tail) = row.as_chunks::<16>();
        for x in whole {
            sums.iter_mut().zip(x).for_each(|(sum, x)| *sum += x);
        }
        let share = 1.0 / (sums.iter().sum::<f32>() + tail.iter().sum::<f32>());
        row.iter_mut().for_each(|x| *x *= share);
    }
}
dispatch!(fn softmax(rows: &mut [f32], width: usize, scale: f32) => softmax_body);
