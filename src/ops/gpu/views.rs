//! Views of stored images.

use super::{Gpu, Grid, launch};
use crate::views::DeviceViews;
use candle_core::{DType, Result, Tensor};

impl Gpu {
    pub(crate) fn views(&self, sent: &DeviceViews) -> Result<Tensor> {
        let DeviceViews { shape: [count, channels, side], grey, lines, firsts, weights, norm, warped } = sent;
        let (count, channels, side) = (*count, *channels, *side);
        let [bytes, floats] = grey.each_ref().map(Option::as_ref);
        let bent = self.uninit((*warped).max(1), DType::F32)?;
        let mut grid = Grid::over(side * side);
        grid.blocks[1] = count;
        if *warped > 0 {
            launch!(self, warp_images[grid](bytes, floats, lines, weights, &bent, channels))?;
        }
        let out = self.uninit((count, channels, side, side), DType::F32)?;
        launch!(
            self,
            resample_views[grid](bytes, floats, &bent, lines, firsts, weights, norm, &out, channels, side)
        )?;
        Ok(out)
    }
}
