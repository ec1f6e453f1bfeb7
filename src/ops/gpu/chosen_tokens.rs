//! Tokens that are chosen one by one, and their return to their places.

use super::{Gpu, Grid, launch};
use crate::{
    chosen_tokens::Places,
    tape::{Node, Tape},
};
use candle_core::{DType, Result};

impl Tape {
    pub(crate) fn chosen_tokens_on(&mut self, gpu: Gpu, x: &Node, places: &Places) -> Result<Node> {
        let (images, all, width) = x.value().dims3()?;
        let count = places.count;
        let (chosen, numbers) = (gpu.numbers(&places.places)?, gpu.numbers(&places.numbers())?);
        let y = gpu.uninit((images, count, width), x.value().dtype())?;
        let n = y.elem_count();
        launch!(gpu, chosen_tokens[Grid::over(n)](x.value(), &chosen, &y, count, all, width, n, false))?;
        let input = x.clone();
        Ok(self.record(y, &[x], move |grad, gradients| {
            let n = images * all * width;
            gradients.contribute_on(&gpu, &input, |dx, add| {
                let grad = grad.tensor();
                launch!(
                    gpu,
                    spread_tokens[Grid::over(n)](grad, None, &numbers, dx, count, all, width, n, add)
                )
            })
        }))
    }

    pub(crate) fn spread_tokens_on(
        &mut self,
        gpu: Gpu,
        x: &Node,
        filler: &Node,
        places: &Places,
    ) -> Result<Node> {
        let (images, count, width) = x.value().dims3()?;
        let all = places.all;
        let (chosen, numbers) = (gpu.numbers(&places.places)?, gpu.numbers(&places.numbers())?);
        let y = gpu.uninit((images, all, width), x.value().dtype())?;
        let n = y.elem_count();
        let fill = filler.value();
        launch!(
            gpu,
            spread_tokens[Grid::over(n)](x.value(), fill, &numbers, &y, count, all, width, n, false)
        )?;
        let inputs = (x.clone(), filler.clone());
        Ok(self.record(y, &[x, filler], move |grad, gradients| {
            let grad = grad.tensor();
            let sums = gpu.uninit((images, width), DType::F32)?;
            let n = images * width;
            launch!(gpu, left_out_sums[Grid::over(n)](grad, &numbers, &sums, count, all, width, n))?;
            gradients.contribute_on(&gpu, &inputs.1, |dx, add| gpu.column_sums(&sums, dx, add))?;
            let n = images * count * width;
            gradients.contribute_on(&gpu, &inputs.0, |dx, add| {
                launch!(gpu, chosen_tokens[Grid::over(n)](grad, &chosen, dx, count, all, width, n, add))
            })
        }))
    }
}
