//! Depthwise 7×7 convolution.

use super::{Gpu, Grid, LANES, WARPS, launch};
use crate::tape::{Node, Tape};
use candle_core::{DType, Result};

/// Columns of a tile, as in the kernel; it has `WARPS` rows.
const COLS: usize = 14;
const TAPS: usize = 49;
/// Blocks that keep a large GPU busy with the gradient of the taps; each leaves `WARPS` rows of sums.
const SHARES: usize = 264;

impl Tape {
    pub(crate) fn depthwise7_on(&mut self, gpu: Gpu, x: &Node, taps: &Node, bias: &Node) -> Result<Node> {
        let (n, height, width, channels) = x.value().dims4()?;
        let (tiles, groups) = (height.div_ceil(WARPS) * width.div_ceil(COLS), channels.div_ceil(LANES));
        let grid = Grid { blocks: [tiles, groups, n], threads: [LANES, WARPS] };
        let y = gpu.like(x.value())?;
        {
            let (x, taps, bias) = (x.value(), taps.value(), bias.value());
            launch!(gpu, depthwise[grid](x, taps, bias, &y, height, width, channels, false, false))?;
        }
        let (input, kernel, offset) = (x.clone(), taps.clone(), bias.clone());
        Ok(self.record(y, &[x, taps, bias], move |grad, gradients| {
            let grad = grad.tensor();
            let blocks = (SHARES / groups).max(1).min(n * tiles);
            let parts = gpu.uninit((blocks * WARPS, (TAPS + 1) * channels), DType::F32)?;
            let share = Grid { blocks: [blocks, groups, 1], threads: [LANES, WARPS] };
            launch!(gpu, depthwise_taps[share](input.value(), grad, &parts, n, height, width, channels))?;
            gradients.add_parts_on(&gpu, &parts, [&kernel, &offset])?;
            let (taps, none) = (kernel.value(), super::Arg::Nothing);
            gradients.contribute_on(&gpu, &input, |dx, add| {
                launch!(gpu, depthwise[grid](grad, taps, none, dx, height, width, channels, true, add))
            })
        }))
    }
}
