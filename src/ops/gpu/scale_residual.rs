//! The end of a residual block.

use super::{Gpu, Grid, launch};
use crate::tape::{Node, Tape};
use candle_core::{DType, Result, Tensor};

/// Rows of a part of the sums for the scale.
const PART: usize = 512;

impl Tape {
    pub(in crate::ops) fn scale_residual_on(
        &mut self,
        gpu: Gpu,
        x: &Node,
        z: &Node,
        scale: &Node,
        keep: Option<Vec<f32>>,
    ) -> Result<Node> {
        let (channels, n) = (scale.value().elem_count(), x.value().elem_count());
        let per_image = n / x.dims()[0].max(1);
        let keep = keep.map(|keep| Tensor::new(keep, &gpu.device())).transpose()?;
        let even = (channels * x.value().dtype().size_in_bytes()).is_multiple_of(16);
        let grid = Grid::over(if even { n / 4 } else { n });
        let y = gpu.like(x.value())?;
        {
            let (x, z, scale, keep) = (x.value(), z.value(), scale.value(), keep.as_ref());
            match even {
                true => launch!(gpu, scale_residual[grid](x, z, scale, keep, &y, channels, per_image, n))?,
                false => {
                    launch!(gpu, scale_residual_odd[grid](x, z, scale, keep, &y, channels, per_image, n))?;
                }
            }
        }
        let (stream, branch, gain) = (x.clone(), z.clone(), scale.clone());
        Ok(self.record(y, &[x, z, scale], move |grad, gradients| {
            let (g, scale, keep) = (grad.tensor(), gain.value(), keep.as_ref());
            gradients.contribute_on(&gpu, &branch, |dz, add| match even {
                true => launch!(
                    gpu,
                    scale_residual_backward[grid](g, scale, keep, dz, channels, per_image, n, add)
                ),
                false => launch!(
                    gpu,
                    scale_residual_backward_odd[grid](g, scale, keep, dz, channels, per_image, n, add)
                ),
            })?;
            let rows = n / channels;
            let parts = rows.div_ceil(PART);
            let sums = gpu.uninit((parts, channels), DType::F32)?;
            let grid = Grid::columns(channels, parts);
            let z = branch.value();
            let lines = per_image / channels;
            launch!(gpu, column_products[grid](g, z, keep, &sums, rows, channels, PART, lines))?;
            gradients.contribute_on(&gpu, &gain, |sum, add| gpu.column_sums(&sums, sum, add))?;
            gradients.give(&stream, grad)
        }))
    }
}
