//! Matrix products: maps row-major products to a column-major library (cuBLAS).

use crate::format::Format;
use candle_core::{Result, Tensor};

/// A matrix in memory, row-major or transposed; or a stack with the same number of matrices as the other
/// factor.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    /// The tensor that contains it, and its offset there.
    pub(super) values: &'a Tensor,
    pub(super) first: usize,
    rows: usize,
    cols: usize,
    /// Stride between lines.
    pub(super) line: usize,
    count: usize,
    /// Stride between matrices of the stack.
    pub(super) apart: usize,
    pub(super) transposed: bool,
}

impl<'a> Matrix<'a> {
    /// A tensor as a row-major matrix.
    pub(crate) fn rows(values: &'a Tensor, rows: usize, cols: usize) -> Self {
        assert_eq!(values.elem_count(), rows * cols, "a matrix has as many values as rows times columns");
        Self { values, first: 0, rows, cols, line: cols, count: 1, apart: 0, transposed: false }
    }

    /// `count` matrices in a tensor, the first at `first`, each `apart` numbers after the previous one, with
    /// lines of `line` numbers.
    pub(crate) fn stack(
        values: &'a Tensor,
        first: usize,
        (rows, cols): (usize, usize),
        line: usize,
        (count, apart): (usize, usize),
    ) -> Self {
        let end = first + count.saturating_sub(1) * apart + rows.saturating_sub(1) * line + cols;
        assert!(end <= values.elem_count(), "matrices are inside their tensor");
        Self { values, first, rows, cols, line, count, apart, transposed: false }
    }

    /// Rows.
    pub(super) fn height(self) -> usize {
        self.rows
    }

    /// Columns.
    pub(super) fn width(self) -> usize {
        self.cols
    }

    pub(crate) fn transposed(self) -> Self {
        Self { rows: self.cols, cols: self.rows, transposed: !self.transposed, ..self }
    }
}

/// `out (m, n) = a (m, k) · b (k, n) + beta · out`, all column-major, `count` times.
pub(super) struct Call<'a> {
    pub(super) out: Matrix<'a>,
    pub(super) m: usize,
    pub(super) n: usize,
    pub(super) k: usize,
    pub(super) a: Matrix<'a>,
    pub(super) b: Matrix<'a>,
    pub(super) beta: f32,
    pub(super) count: usize,
    /// Whether 32-bit factors may be rounded.
    pub(super) rounded: bool,
}

impl<'a> Call<'a> {
    /// In column-major order our matrices are transposed, and `out = a · b` is `outᵀ = bᵀ · aᵀ`.
    pub(super) fn of(
        out: Matrix<'a>,
        add: bool,
        a: Matrix<'a>,
        b: Matrix<'a>,
        format: Format,
    ) -> Result<Self> {
        let fits = a.cols == b.rows && (out.rows, out.cols) == (a.rows, b.cols) && !out.transposed;
        if !fits || [a.count, b.count] != [out.count; 2] {
            candle_core::bail!(
                "product: {} of {}×{} meet {} of {}×{} for {} of {}×{}",
                a.count,
                a.rows,
                a.cols,
                b.count,
                b.rows,
                b.cols,
                out.count,
                out.rows,
                out.cols
            );
        }
        Ok(Self {
            out,
            m: b.cols,
            n: a.rows,
            k: a.cols,
            a: b,
            b: a,
            beta: if add { 1.0 } else { 0.0 },
            count: out.count,
            rounded: format != Format::F32,
        })
    }
}
