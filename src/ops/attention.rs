//! Softmax attention. The backward pass recomputes the weights: only q, k and v are kept.

use super::{
    buffer::{self, Disjoint},
    gelu::exp_negative,
    gpu::Gpu,
    linear::{Matrix, product_here},
    simd::{Simd, dispatch, sum_of},
};
use crate::tape::{Node, Tape};
use candle_core::{Result, Tensor};
use rayon::prelude::*;
use std::ops::Range;

/// Queries per task: their weights on a thousand keys stay in the cache.
const QUERIES: usize = 128;

impl Tape {
    /// `softmax(q · kᵀ / √d) · v` for each of `heads` heads of width d: from (N, T, 3·heads·d), that is q, k
    /// and v concatenated, to (N, T, heads·d).
    ///
    /// # Errors
    /// If the width is not a multiple of 3·heads.
    pub fn attention(&mut self, qkv: &Node, heads: usize) -> Result<Node> {
        let (n, tokens, width) = qkv.value().dims3()?;
        if heads == 0 || !width.is_multiple_of(3 * heads) {
            candle_core::bail!("attention: {heads} heads cannot share {width} numbers of q, k and v");
        }
        let shape = Heads { images: n, tokens, heads, each: width / 3 / heads };
        if let Some(gpu) = Gpu::of(qkv.value()) {
            return self.attention_on(gpu, qkv, shape);
        }
        let value = {
            let values = buffer::read(qkv.value())?;
            shape.forward(&values)
        };
        let value = Tensor::from_vec(value, (n, tokens, width / 3), qkv.value().device())?;
        let input = qkv.clone();
        Ok(self.record(value, &[qkv], move |grad, gradients| {
            let (values, grad) = (buffer::read(input.value())?, buffer::read(grad.tensor())?);
            gradients.contribute(&input, |sum, add| shape.backward(&values, &grad, sum, add))
        }))
    }
}

/// The dimensions of an attention.
#[derive(Clone, Copy)]
pub(super) struct Heads {
    pub(super) images: usize,
    pub(super) tokens: usize,
    pub(super) heads: usize,
    /// Width of a query, a key, a value.
    pub(super) each: usize,
}

impl Heads {
    /// Width of a token's output.
    pub(super) fn all(self) -> usize {
        self.heads * self.each
    }

    /// The factor of logits.
    pub(super) fn scale(self) -> f32 {
        1.0 / (self.each as f32).sqrt()
    }

    /// Queries (0), keys (1) or values (2) of some tokens.
    fn of(self, qkv: &[f32], image: usize, head: usize, which: usize, tokens: Range<usize>) -> Matrix<'_> {
        let width = 3 * self.all();
        let from = (image * self.tokens + tokens.start) * width + which * self.all() + head * self.each;
        Matrix::strided(&qkv[from..], tokens.len(), self.each, width)
    }

    /// The weights of some queries on all keys.
    fn weights(self, qkv: &[f32], image: usize, head: usize, queries: Range<usize>, weights: &mut Vec<f32>) {
        weights.resize(queries.len() * self.tokens, 0f32);
        let keys = self.of(qkv, image, head, 1, 0..self.tokens).transposed();
        product_here(weights, false, self.of(qkv, image, head, 0, queries), keys);
        softmax(weights, self.tokens, self.scale());
    }

    fn forward(self, qkv: &[f32]) -> Vec<f32> {
        let Self { images, tokens, heads, each } = self;
        let parts = tokens.div_ceil(QUERIES);
        let mut y = buffer::uninit(images * tokens * self.all());
        let out = Disjoint::new(&mut y);
        let scratch = || (Vec::new(), Vec::new());
        (0..images * heads * parts).into_par_iter().for_each_init(scratch, |(weights, mixed), task| {
            let (image, head, part) = (task / (heads * parts), task / parts % heads, task % parts);
            let queries = part * QUERIES..tokens.min((part + 1) * QUERIES);
            let count = queries.len();
            self.weights(qkv, image, head, queries.clone(), weights);
            mixed.resize(count * each, 0f32);
            let values = self.of(qkv, image, head, 2, 0..tokens);
            product_here(mixed, false, Matrix::rows(weights, count, tokens), values);
            for (query, mixed) in queries.zip(mixed.chunks_exact(each)) {
                let to = (image * tokens + query) * self.all() + head * each;
                // SAFETY: each query of each head of each image is written once.
                unsafe { std::ptr::copy_nonoverlapping(mixed.as_ptr(), out.at(to), each) };
            }
        });
        y
    }

    /// A task is one head of one image, so that sums over queries have a fixed order.
    fn backward(self, qkv: &[f32], grad: &[f32], sum: &mut [f32], add: bool) {
        let Self { images, tokens, heads, each } = self;
        let out = Disjoint::new(sum);
        let scratch = || (Vec::new(), Vec::new(), vec![0f32; 3 * tokens * each]);
        (0..images * heads).into_par_iter().for_each_init(scratch, |(weights, slopes, own), task| {
            let (image, head) = (task / heads, task % heads);
            let [keys, values] = [1, 2].map(|which| self.of(qkv, image, head, which, 0..tokens));
            {
                let (dq, dkv) = own.split_at_mut(tokens * each);
                let (dk, dv) = dkv.split_at_mut(tokens * each);
                for first in (0..tokens).step_by(QUERIES) {
                    let queries = first..tokens.min(first + QUERIES);
                    let (count, more) = (queries.len(), first > 0);
                    self.weights(qkv, image, head, queries.clone(), weights);
                    let from = (image * tokens + first) * self.all() + head * each;
                    let grad = Matrix::strided(&grad[from..], count, each, self.all());
                    let shares = Matrix::rows(weights, count, tokens);
                    product_here(dv, more, shares.transposed(), grad);
                    slopes.resize(count * tokens, 0f32);
                    product_here(slopes, false, grad, values.transposed());
                    softmax_backward(weights, slopes, tokens, self.scale());
                    let slopes = Matrix::rows(slopes, count, tokens);
                    product_here(&mut dq[first * each..][..count * each], false, slopes, keys);
                    product_here(dk, more, slopes.transposed(), self.of(qkv, image, head, 0, queries));
                }
            }
            for (at, own) in own.chunks_exact(each).enumerate() {
                let (which, token) = (at / tokens, at % tokens);
                let to = (image * tokens + token) * 3 * self.all() + which * self.all() + head * each;
                // SAFETY: each query, key and value of each head of each image is written once.
                let sum = unsafe { std::slice::from_raw_parts_mut(out.at(to), each) };
                match add {
                    true => sum.iter_mut().zip(own).for_each(|(sum, own)| *sum += *own),
                    false => sum.copy_from_slice(own),
                }
            }
        });
    }
}

/// `softmax(scale · row)` of each row.
#[inline(always)]
unsafe fn softmax_body<S: Simd>(rows: &mut [f32], width: usize, scale: f32) {
    for row in rows.chunks_exact_mut(width) {
        let top = row.iter().fold(f32::NEG_INFINITY, |top, x| top.max(*x));
        row.iter_mut().for_each(|x| *x = exp_negative((*x - top) * scale));
        let share = 1.0 / sum_of(row, row, |x, _| x);
        row.iter_mut().for_each(|x| *x *= share);
    }
}
dispatch!(fn softmax(rows: &mut [f32], width: usize, scale: f32) => softmax_body);

/// Turns the gradient of each row of weights, in `slopes`, into that of its logits.
#[inline(always)]
unsafe fn softmax_backward_body<S: Simd>(weights: &[f32], slopes: &mut [f32], width: usize, scale: f32) {
    for (weights, slopes) in weights.chunks_exact(width).zip(slopes.chunks_exact_mut(width)) {
        let mean = sum_of(weights, slopes, |weight, slope| weight * slope);
        for (slope, weight) in slopes.iter_mut().zip(weights) {
            *slope = scale * weight * (*slope - mean);
        }
    }
}
dispatch!(fn softmax_backward(weights: &[f32], slopes: &mut [f32], width: usize, scale: f32) => softmax_backward_body);
