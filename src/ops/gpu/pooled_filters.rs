//! Filters of several channels, weighted and laid out as one linear map.

use super::{BLOCK, Gpu, Grid, launch};
use crate::tape::{Node, Tape};
use candle_core::{DType, Result};

impl Tape {
    pub(crate) fn pooled_filters_on(
        &mut self,
        gpu: Gpu,
        filters: &Node,
        logits: Option<&Node>,
        taps: usize,
    ) -> Result<Node> {
        let (channels, len) = filters.value().dims2()?;
        let kernels = len / taps;
        if channels > BLOCK {
            candle_core::bail!(
                "pooled filters: expected at most {BLOCK} channels on a GPU, found {channels}"
            );
        }
        let y = gpu.uninit((taps * channels, kernels), DType::F32)?;
        let grid = Grid::over(channels * len);
        let weights = logits.map(Node::value);
        launch!(gpu, pooled_filters[grid](filters.value(), weights, &y, channels, kernels, taps))?;
        let (bank, logits) = (filters.clone(), logits.cloned());
        let inputs: Vec<&Node> = [filters].into_iter().chain(&logits).collect();
        let recorded = logits.clone();
        Ok(self.record(y, &inputs, move |grad, gradients| {
            let grad = grad.tensor();
            let weights = recorded.as_ref().map(Node::value);
            gradients.contribute_on(&gpu, &bank, |dx, add| {
                launch!(gpu, pooled_filters_backward[grid](grad, weights, dx, channels, kernels, taps, add))
            })?;
            let Some(logits) = &recorded else { return Ok(()) };
            gradients.contribute_on(&gpu, logits, |dx, add| {
                let (filters, one) = (bank.value(), Grid::blocks(1));
                launch!(
                    gpu,
                    pooled_logits_backward[one](grad, filters, weights, dx, channels, kernels, taps, add)
                )
            })
        }))
    }
}
