//! Sums, weighted sums of scalars.

use super::{Gpu, Grid, launch};
use crate::tape::{Gradients, Node, Tape};
use candle_core::{DType, Result, Tensor};

impl Tape {
    pub(crate) fn add_on(&mut self, gpu: Gpu, a: &Node, b: &Node) -> Result<Node> {
        let n = a.value().elem_count();
        let y = gpu.like(a.value())?;
        launch!(gpu, add[Grid::over(n)](a.value(), b.value(), &y, n))?;
        let inputs = (a.clone(), b.clone());
        Ok(self.record(y, &[a, b], move |grad, gradients| {
            if inputs.0.wants_gradient() {
                gradients.give(&inputs.0, grad.duplicate()?)?;
            }
            gradients.give(&inputs.1, grad)
        }))
    }

    pub(crate) fn formatted_on(&mut self, gpu: Gpu, x: &Node) -> Result<Node> {
        let format = self.format().dtype();
        if x.value().dtype() == format {
            return Ok(x.clone());
        }
        let y = gpu.rounded(x.value(), format)?;
        let input = x.clone();
        Ok(self.record(y, &[x], move |grad, gradients| {
            let n = input.value().elem_count();
            gradients.contribute_on(&gpu, &input, |dx, add| {
                launch!(gpu, widen[Grid::over(n)](grad.tensor(), dx, n, add))
            })
        }))
    }

    pub(crate) fn sum_on(&mut self, gpu: Gpu, x: &Node) -> Result<Node> {
        let n = x.value().elem_count();
        let y = gpu.uninit(1, DType::F32)?;
        launch!(gpu, total[Grid::blocks(1)](x.value(), 1.0, &y, n, false))?;
        let input = x.clone();
        Ok(self.record(y, &[x], move |grad, gradients| {
            gradients.contribute_on(&gpu, &input, |dx, add| {
                launch!(gpu, spread[Grid::over(n)](grad.tensor(), dx, 1.0, n, add))
            })
        }))
    }

    pub(crate) fn weighted_sum_on(&mut self, gpu: Gpu, terms: &[(f32, Node)]) -> Result<Node> {
        let y = gpu.uninit(1, DType::F32)?;
        for (at, (weight, term)) in terms.iter().enumerate() {
            launch!(gpu, scaled[Grid::over(1)](term.value(), &y, *weight, 1, at > 0))?;
        }
        let inputs: Vec<(f32, Node)> = terms.to_vec();
        let nodes: Vec<&Node> = terms.iter().map(|(_, term)| term).collect();
        Ok(self.record(y, &nodes, move |grad, gradients| {
            for (weight, term) in &inputs {
                gradients.contribute_on(&gpu, term, |dx, add| {
                    launch!(gpu, scaled[Grid::over(1)](grad.tensor(), dx, *weight, 1, add))
                })?;
            }
            Ok(())
        }))
    }

    pub(crate) fn times_exp_on(&mut self, gpu: Gpu, x: &Node, exponent: &Node, rate: f32) -> Result<Node> {
        let n = x.value().elem_count();
        let grid = Grid::over(n);
        let y = gpu.like(x.value())?;
        launch!(gpu, times_exp[grid](x.value(), exponent.value(), rate, &y, n, false))?;
        let (input, power, output) = (x.clone(), exponent.clone(), y.clone());
        Ok(self.record(y, &[x, exponent], move |grad, gradients| {
            let grad = grad.tensor();
            gradients.contribute_on(&gpu, &input, |dx, add| {
                launch!(gpu, times_exp[grid](grad, power.value(), rate, dx, n, add))
            })?;
            gradients.contribute_on(&gpu, &power, |dx, add| {
                launch!(gpu, dot[Grid::blocks(1)](&output, grad, rate, dx, n, add))
            })
        }))
    }
}

impl Gpu {
    /// `mean += (next - mean) / count`.
    pub(crate) fn approach(&self, mean: &Tensor, next: &Tensor, count: u64) -> Result<()> {
        let n = mean.elem_count();
        launch!(self, approach[Grid::over(n)](mean, next, count as f32, n))
    }

    /// `sum += more`.
    pub(crate) fn add_assign(&self, sum: &Tensor, more: &Tensor) -> Result<()> {
        let n = sum.elem_count();
        launch!(self, add_into[Grid::over(n)](sum, more, n))
    }
}

impl Gradients {
    /// Adds the sums of the rows of `parts`: the gradients of two parameters, concatenated.
    pub(super) fn add_parts_on(&mut self, gpu: &Gpu, parts: &Tensor, nodes: [&Node; 2]) -> Result<()> {
        let [first, second] = nodes.map(|node| node.value().elem_count());
        let sums = gpu.uninit(first + second, DType::F32)?;
        gpu.column_sums(parts, &sums, false)?;
        for (node, at, n) in [(nodes[0], 0, first), (nodes[1], first, second)] {
            let own = sums.narrow(0, at, n)?;
            self.contribute_on(gpu, node, |sum, add| {
                launch!(gpu, scaled[Grid::over(n)](&own, sum, 1.0, n, add))
            })?;
        }
        Ok(())
    }
}
