//! Layer normalisation.

use super::{BLOCK, Gpu, Grid, LANES, launch};
use crate::tape::{Node, Tape};
use candle_core::{DType, Result, Tensor};

/// Blocks that share the rows in the backward pass; each leaves a row of sums.
const SHARES: usize = 264;
/// The widest row.
const WIDEST: usize = 1024;

/// How a row is divided among neighbouring lanes.
struct Shares {
    /// Lanes per row, a power of two.
    group: usize,
    /// Packs per lane, rounded up to the next kernel variant.
    packs: usize,
}

impl Shares {
    fn of(x: &Tensor, width: usize) -> Result<Self> {
        if width > WIDEST {
            candle_core::bail!(
                "layer norm: expected rows of at most {WIDEST} numbers on a GPU, found {width}"
            );
        }
        let packs = width.div_ceil(16 / x.dtype().size_in_bytes());
        let group = packs.next_power_of_two().min(LANES);
        let each = packs.div_ceil(group);
        Ok(Self { group, packs: if each <= 2 { each } else { each.next_multiple_of(4) } })
    }

    fn rows_of_a_block(&self) -> usize {
        BLOCK / self.group
    }
}

impl Tape {
    pub(crate) fn layer_norm_on(
        &mut self,
        gpu: Gpu,
        x: &Node,
        scale: &Node,
        shift: &Node,
        eps: f32,
    ) -> Result<Node> {
        let width = scale.value().elem_count();
        let rows = x.value().elem_count() / width;
        let shares = Shares::of(x.value(), width)?;
        let grid = Grid::blocks(rows.div_ceil(shares.rows_of_a_block()));
        let y = gpu.like(x.value())?;
        {
            let (x, scale, shift, group) = (x.value(), scale.value(), shift.value(), shares.group);
            match shares.packs {
                1 => launch!(gpu, layer_norm_1[grid](x, scale, shift, &y, rows, width, eps, group))?,
                2 => launch!(gpu, layer_norm_2[grid](x, scale, shift, &y, rows, width, eps, group))?,
                4 => launch!(gpu, layer_norm_4[grid](x, scale, shift, &y, rows, width, eps, group))?,
                _ => launch!(gpu, layer_norm_8[grid](x, scale, shift, &y, rows, width, eps, group))?,
            }
        }
        let (input, gain, offset) = (x.clone(), scale.clone(), shift.clone());
        Ok(self.record(y, &[x, scale, shift], move |grad, gradients| {
            let blocks = rows.div_ceil(shares.rows_of_a_block()).min(SHARES);
            let grid = Grid::blocks(blocks);
            let parts = gpu.uninit((blocks, 2 * width), DType::F32)?;
            let sweep = |dx: Option<&Tensor>, add: bool| {
                let (x, scale, grad, parts) = (input.value(), gain.value(), grad.tensor(), &parts);
                let group = shares.group;
                match shares.packs {
                    1 => launch!(
                        gpu,
                        layer_norm_backward_1[grid](x, scale, grad, dx, parts, rows, width, eps, group, add)
                    ),
                    2 => launch!(
                        gpu,
                        layer_norm_backward_2[grid](x, scale, grad, dx, parts, rows, width, eps, group, add)
                    ),
                    4 => launch!(
                        gpu,
                        layer_norm_backward_4[grid](x, scale, grad, dx, parts, rows, width, eps, group, add)
                    ),
                    _ => launch!(
                        gpu,
                        layer_norm_backward_8[grid](x, scale, grad, dx, parts, rows, width, eps, group, add)
                    ),
                }
            };
            if input.wants_gradient() {
                gradients.contribute_on(&gpu, &input, |dx, add| sweep(Some(dx), add))?;
            } else {
                sweep(None, false)?;
            }
            gradients.add_parts_on(&gpu, &parts, [&gain, &offset])
        }))
    }
}
