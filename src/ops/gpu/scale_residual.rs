//! The end of a residual block.

use super::{Gpu, Grid, PART, launch};
use crate::tape::{Node, Tape};
use candle_core::{DType, Result, Tensor};

impl Tape {
    /// `x + keep · scale · (z + bias)`.
    pub(crate) fn scale_residual_on(
        &mut self,
        gpu: Gpu,
        x: &Node,
        z: &Node,
        bias: Option<&Node>,
        scale: &Node,
        keep: Option<Vec<f32>>,
    ) -> Result<Node> {
        let channels = scale.value().elem_count();
        let rows = x.value().elem_count() / channels;
        let per_image = rows / x.dims()[0].max(1);
        let keep = keep.map(|keep| Tensor::new(keep, &gpu.device())).transpose()?;
        let y = gpu.like(x.value())?;
        {
            let (x, z, scale, keep) = (x.value(), z.value(), scale.value(), keep.as_ref());
            let (grid, offset) = (Grid::packs(rows, channels), bias.map(Node::value));
            launch!(gpu, scale_residual[grid](x, z, offset, scale, keep, &y, rows, channels, per_image))?;
        }
        let (stream, branch, gain, offset) = (x.clone(), z.clone(), scale.clone(), bias.cloned());
        let inputs: Vec<&Node> = [x, z, scale].into_iter().chain(bias).collect();
        Ok(self.record(y, &inputs, move |grad, gradients| {
            let (g, z, scale, keep) = (grad.tensor(), branch.value(), gain.value(), keep.as_ref());
            let parts = rows.div_ceil(PART);
            let partial = gpu.uninit((parts, 2 * channels), DType::F32)?;
            let grid = Grid::columns_of_packs(channels, parts, z.dtype());
            let backward = |dz: &Tensor, add: bool| {
                let partial = &partial;
                launch!(
                    gpu,
                    scale_residual_backward[grid](
                        g, z, scale, keep, dz, partial, rows, channels, PART, per_image, add
                    )
                )
            };
            match branch.wants_gradient() {
                true => gradients.contribute_on(&gpu, &branch, backward)?,
                false => backward(&gpu.like(z)?, false)?,
            }
            let sums = gpu.uninit(2 * channels, DType::F32)?;
            gpu.column_sums(&partial, &sums, false)?;
            let of_channels = Grid::over(channels);
            gradients.contribute_on(&gpu, &gain, |dscale, add| {
                let offset = offset.as_ref().map(Node::value);
                launch!(gpu, scale_gradient[of_channels](&sums, offset, dscale, channels, add))
            })?;
            if let Some(offset) = &offset {
                gradients.contribute_on(&gpu, offset, |dbias, add| {
                    launch!(gpu, scaled_bias_gradient[of_channels](&sums, scale, dbias, channels, add))
                })?;
            }
            gradients.give(&stream, grad)
        }))
    }
}
