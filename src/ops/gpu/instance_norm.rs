//! Instance normalisation.

use super::{Gpu, Grid, launch};
use crate::tape::{Node, Tape};
use candle_core::{DType, Result};

impl Tape {
    pub(crate) fn instance_norm_on(
        &mut self,
        gpu: Gpu,
        x: &Node,
        scale: &Node,
        shift: &Node,
        eps: f32,
    ) -> Result<Node> {
        let (images, height, width, channels) = x.value().dims4()?;
        let pixels = height * width;
        let grid = Grid::columns(channels, images);
        let (y, moments) = (gpu.like(x.value())?, gpu.uninit((images, 2 * channels), DType::F32)?);
        {
            let (x, scale, shift) = (x.value(), scale.value(), shift.value());
            launch!(gpu, instance_norm[grid](x, scale, shift, &y, &moments, pixels, channels, eps))?;
        }
        let (input, factor, offset) = (x.clone(), scale.clone(), shift.clone());
        Ok(self.record(y, &[x, scale, shift], move |grad, gradients| {
            let sums = gpu.uninit((images, 2 * channels), DType::F32)?;
            let (x, scale, grad) = (input.value(), factor.value(), grad.tensor());
            gradients.contribute_on(&gpu, &input, |dx, add| {
                launch!(
                    gpu,
                    instance_norm_backward[grid](x, scale, &moments, grad, dx, &sums, pixels, channels, add)
                )
            })?;
            gradients.add_parts_on(&gpu, &sums, [&factor, &offset])
        }))
    }
}
