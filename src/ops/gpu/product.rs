//! Matrix products: how ours, row by row, are said to a library that counts column by column (cuBLAS).

use crate::spec::Precision;
use candle_core::{Result, Tensor};

/// A matrix in memory, row by row, or transposed.
#[derive(Clone, Copy)]
pub(in crate::ops) struct Matrix<'a> {
    values: &'a Tensor,
    rows: usize,
    cols: usize,
    transposed: bool,
}

impl<'a> Matrix<'a> {
    /// The numbers of a tensor, row by row.
    pub(in crate::ops) fn rows(values: &'a Tensor, rows: usize, cols: usize) -> Self {
        assert_eq!(values.elem_count(), rows * cols, "a matrix has as many values as rows times columns");
        Self { values, rows, cols, transposed: false }
    }

    pub(in crate::ops) fn transposed(self) -> Self {
        let Self { values, rows, cols, transposed } = self;
        Self { values, rows: cols, cols: rows, transposed: !transposed }
    }

    /// Numbers from one line in memory to the next.
    fn stride(self) -> usize {
        if self.transposed { self.rows } else { self.cols }
    }
}

/// A factor as the library takes it.
#[derive(Clone, Copy)]
pub(super) struct Factor<'a> {
    pub(super) values: &'a Tensor,
    pub(super) transposed: bool,
    pub(super) stride: usize,
}

/// `out (m, n) = a (m, k) · b (k, n) + beta · out`, all column by column.
pub(super) struct Call<'a> {
    pub(super) out: &'a Tensor,
    pub(super) m: usize,
    pub(super) n: usize,
    pub(super) k: usize,
    pub(super) a: Factor<'a>,
    pub(super) b: Factor<'a>,
    pub(super) beta: f32,
    /// Whether factors of 32 bits may be rounded.
    pub(super) rounded: bool,
}

impl<'a> Call<'a> {
    /// Column by column, our matrices are transposed, and `out = a · b` is `outᵀ = bᵀ · aᵀ`.
    pub(super) fn of(
        out: &'a Tensor,
        add: bool,
        a: Matrix<'a>,
        b: Matrix<'a>,
        precision: Precision,
    ) -> Result<Self> {
        if a.cols != b.rows || out.elem_count() != a.rows * b.cols {
            candle_core::bail!(
                "product: {}×{} meets {}×{} for {} numbers",
                a.rows,
                a.cols,
                b.rows,
                b.cols,
                out.elem_count()
            );
        }
        let factor = |matrix: Matrix<'a>| Factor {
            values: matrix.values,
            transposed: matrix.transposed,
            stride: matrix.stride(),
        };
        Ok(Self {
            out,
            m: b.cols,
            n: a.rows,
            k: a.cols,
            a: factor(b),
            b: factor(a),
            beta: if add { 1.0 } else { 0.0 },
            rounded: precision != Precision::F32,
        })
    }
}
