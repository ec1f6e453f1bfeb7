//! Linear maps: a matrix product with a bias.

use super::{buffer, gpu::Gpu};
use crate::tape::{Node, Tape};
use candle_core::{Result, Tensor};
use gemm::Parallelism;
use rayon::prelude::*;

/// Rows per partial sum of a task; fixed, so that results do not depend on threads.
const ROWS: usize = 256;

/// Memory layout of a weight matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// (out, in), PyTorch's layout.
    OutIn,
    /// (in, out), the layout of generated kernels.
    InOut,
}

impl Tape {
    /// `x` (…, in) times `weight`, plus `bias` (out) if there is one: (…, out).
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn linear(&mut self, x: &Node, weight: &Node, layout: Weight, bias: Option<&Node>) -> Result<Node> {
        let (rows, cols) = weight.value().dims2()?;
        let (outs, ins) = if layout == Weight::OutIn { (rows, cols) } else { (cols, rows) };
        let mut shape = x.dims().to_vec();
        match shape.last_mut() {
            Some(last) if *last == ins => *last = outs,
            _ => candle_core::bail!("linear: input of shape {:?} meets weights for {ins} inputs", x.dims()),
        }
        if let Some(bias) = bias.filter(|bias| bias.dims() != [outs]) {
            candle_core::bail!("linear: bias of shape {:?} meets {outs} outputs", bias.dims());
        }
        if let Some(gpu) = Gpu::of(x.value()) {
            return self.linear_on(gpu, x, weight, layout, bias, shape);
        }
        let samples = x.value().elem_count() / ins;
        let value = {
            let (x, w) = (buffer::read(x.value())?, buffer::read(weight.value())?);
            let mut y = buffer::uninit(samples * outs);
            if let Some(bias) = bias {
                let bias = buffer::read(bias.value())?;
                y.par_chunks_mut(outs * ROWS).for_each(|y| {
                    for y in y.chunks_exact_mut(outs) {
                        y.copy_from_slice(&bias);
                    }
                });
            }
            let w = Matrix::weight(&w, layout, outs, ins).transposed();
            product(&mut y, bias.is_some(), Matrix::rows(&x, samples, ins), w);
            y
        };
        let value = Tensor::from_vec(value, shape, x.value().device())?;
        let (input, matrix, offset) = (x.clone(), weight.clone(), bias.cloned());
        let inputs: Vec<&Node> = [x, weight].into_iter().chain(bias).collect();
        Ok(self.record(value, &inputs, move |grad, gradients| {
            let grad = buffer::read(grad.tensor())?;
            let grad = Matrix::rows(&grad, samples, outs);
            if let Some(offset) = &offset {
                let sum = column_sums(grad.values, outs);
                gradients.contribute(offset, |dbias, add| set_or_add(dbias, &sum, add))?;
            }
            {
                let x = buffer::read(input.value())?;
                let x = Matrix::rows(&x, samples, ins);
                gradients.contribute(&matrix, |dw, add| match layout {
                    Weight::OutIn => product(dw, add, grad.transposed(), x),
                    Weight::InOut => product(dw, add, x.transposed(), grad),
                })?;
            }
            let w = buffer::read(matrix.value())?;
            gradients.contribute(&input, |dx, add| {
                product(dx, add, grad, Matrix::weight(&w, layout, outs, ins));
            })
        }))
    }
}

/// Linear maps fused with what follows them in a block. On a GPU the next kernel adds the bias, which saves
/// writing the sums.
impl Tape {
    /// GELU of [`linear`](Self::linear).
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn linear_gelu(&mut self, x: &Node, weight: &Node, layout: Weight, bias: &Node) -> Result<Node> {
        match Gpu::of(x.value()) {
            Some(gpu) => {
                let y = self.linear(x, weight, layout, None)?;
                self.gelu_of_sum_on(gpu, &y, bias)
            }
            None => {
                let y = self.linear(x, weight, layout, Some(bias))?;
                self.gelu(&y)
            }
        }
    }

    /// [`scale_residual`](Self::scale_residual) of `stream` and [`linear`](Self::linear).
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn linear_residual(
        &mut self,
        stream: &Node,
        x: &Node,
        (weight, layout, bias): (&Node, Weight, &Node),
        scale: &Node,
        keep: Option<Vec<f32>>,
    ) -> Result<Node> {
        match Gpu::of(x.value()) {
            Some(gpu) => {
                let y = self.linear(x, weight, layout, None)?;
                self.scale_residual_on(gpu, stream, &y, Some(bias), scale, keep)
            }
            None => {
                let y = self.linear(x, weight, layout, Some(bias))?;
                self.scale_residual(stream, &y, scale, keep)
            }
        }
    }
}

/// A matrix in memory: rows and columns with their strides.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    values: &'a [f32],
    shape: (usize, usize),
    strides: (usize, usize),
}

impl<'a> Matrix<'a> {
    pub(super) fn rows(values: &'a [f32], rows: usize, cols: usize) -> Self {
        assert_eq!(values.len(), rows * cols, "a matrix has as many values as rows times columns");
        Self { values, shape: (rows, cols), strides: (cols, 1) }
    }

    /// Rows at a distance of `stride` values.
    pub(super) fn strided(values: &'a [f32], rows: usize, cols: usize, stride: usize) -> Self {
        assert!(rows > 0 && values.len() >= (rows - 1) * stride + cols, "a matrix is inside its values");
        Self { values, shape: (rows, cols), strides: (stride, 1) }
    }

    /// The weights as an (out, in) matrix, in either layout.
    fn weight(values: &'a [f32], layout: Weight, outs: usize, ins: usize) -> Self {
        match layout {
            Weight::OutIn => Self::rows(values, outs, ins),
            Weight::InOut => Self::rows(values, ins, outs).transposed(),
        }
    }

    pub(super) fn transposed(self) -> Self {
        let Self { values, shape, strides } = self;
        Self { values, shape: (shape.1, shape.0), strides: (strides.1, strides.0) }
    }
}

/// `out = a · b`, or `out += a · b`; `out` row-major.
fn product(out: &mut [f32], add: bool, a: Matrix<'_>, b: Matrix<'_>) {
    // Handing over about ten microseconds of work to other threads does not pay.
    let small = a.shape.0 * a.shape.1 * b.shape.1 < 1 << 20;
    let threads = rayon::current_num_threads();
    multiply(out, add, a, b, if small { Parallelism::None } else { Parallelism::Rayon(threads) });
}

/// `out = a · b`, or `out += a · b`, on this thread only: one of many such tasks.
pub(super) fn product_here(out: &mut [f32], add: bool, a: Matrix<'_>, b: Matrix<'_>) {
    multiply(out, add, a, b, Parallelism::None);
}

fn multiply(out: &mut [f32], add: bool, a: Matrix<'_>, b: Matrix<'_>, parallelism: Parallelism) {
    let ((m, k), (k2, n)) = (a.shape, b.shape);
    assert!(k == k2 && out.len() == m * n, "the shapes of a product fit");
    // SAFETY: shapes and strides describe the slices exactly, as the assertions say.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            n as isize,
            add,
            a.values.as_ptr(),
            a.strides.1 as isize,
            a.strides.0 as isize,
            b.values.as_ptr(),
            b.strides.1 as isize,
            b.strides.0 as isize,
            1f32,
            1f32,
            false,
            false,
            false,
            parallelism,
        );
    }
}

/// The column sums of a row-major matrix.
pub(super) fn column_sums(values: &[f32], cols: usize) -> Vec<f32> {
    let parts: Vec<Vec<f32>> = values
        .par_chunks(ROWS * cols)
        .map(|rows| {
            let mut sum = vec![0f32; cols];
            for row in rows.chunks_exact(cols) {
                add(&mut sum, row);
            }
            sum
        })
        .collect();
    total(parts, cols)
}

/// The sum of parts, in order.
pub(super) fn total(parts: Vec<Vec<f32>>, len: usize) -> Vec<f32> {
    let mut sum = vec![0f32; len];
    for part in parts {
        add(&mut sum, &part);
    }
    sum
}

fn add(sum: &mut [f32], more: &[f32]) {
    for (sum, more) in sum.iter_mut().zip(more) {
        *sum += more;
    }
}

/// Adds a small gradient to its parameter's.
pub(super) fn set_or_add(sum: &mut [f32], values: &[f32], adding: bool) {
    if adding { add(sum, values) } else { sum.copy_from_slice(values) }
}
