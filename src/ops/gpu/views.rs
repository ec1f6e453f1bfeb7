//! Views of stored images.

use super::{Gpu, Grid, launch};
use crate::data::Views;
use candle_core::{DType, Result, Tensor};

impl Gpu {
    /// (views, channels, side, side), normalised.
    pub(crate) fn views(&self, views: &Views) -> Result<Tensor> {
        let Views { channels, side, bytes, floats, lines, firsts, weights, norm, warped, .. } = views;
        let (count, side, channels) = (views.len(), *side, *channels);
        let device = self.device();
        let bytes = (floats.is_empty()).then(|| Tensor::new(bytes.as_slice(), &device)).transpose()?;
        let floats = (!floats.is_empty()).then(|| Tensor::new(floats.as_slice(), &device)).transpose()?;
        let (bytes, floats) = (bytes.as_ref(), floats.as_ref());
        let lines = Tensor::new(lines.as_slice(), &device)?;
        let firsts = Tensor::new(firsts.as_slice(), &device)?;
        let weights = Tensor::new(weights.as_slice(), &device)?;
        let norm = Tensor::new(norm.as_slice(), &device)?;
        let bent = self.uninit((*warped).max(1), DType::F32)?;
        let mut grid = Grid::over(side * side);
        grid.blocks[1] = count;
        if *warped > 0 {
            launch!(self, warp_images[grid](bytes, floats, &lines, &weights, &bent, channels))?;
        }
        let out = self.uninit((count, channels, side, side), DType::F32)?;
        launch!(
            self,
            resample_views[grid](
                bytes, floats, &bent, &lines, &firsts, &weights, &norm, &out, channels, side
            )
        )?;
        Ok(out)
    }
}
