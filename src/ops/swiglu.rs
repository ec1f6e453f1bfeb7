//! SwiGLU (Shazeer 2020): one half of the numbers through SiLU, times the other half.

use crate::tape::{Grad, Node, Tape};
use candle_core::{D, Result, Tensor};

impl Tape {
    /// `silu(a) · b` of x = (a, b), halves of the last axis.
    ///
    /// Written in candle's tensor operations: only the largest of the published transformers has it.
    ///
    /// # Errors
    /// If the last axis has no halves.
    pub fn swiglu(&mut self, x: &Node) -> Result<Node> {
        let (a, b) = halves(x.value())?;
        let value = ((&a * sigmoid(&a)?)? * b)?;
        let input = x.clone();
        Ok(self.record(value, &[x], move |grad, gradients| {
            let (a, b) = halves(input.value())?;
            let (grad, sigmoid) = (grad.tensor(), sigmoid(&a)?);
            // The slope of silu: s + a·s·(1 - s).
            let slope = (&sigmoid + (&a * &sigmoid)?.mul(&sigmoid.affine(-1.0, 1.0)?)?)?;
            let of_a = ((grad * b)? * slope)?;
            let of_b = ((grad * a)? * sigmoid)?;
            gradients.give(&input, Grad::of(Tensor::cat(&[of_a, of_b], D::Minus1)?.force_contiguous()?))
        }))
    }
}

fn halves(x: &Tensor) -> Result<(Tensor, Tensor)> {
    let all = x.dim(D::Minus1)?;
    if !all.is_multiple_of(2) {
        candle_core::bail!("SwiGLU takes two halves, found {all} numbers");
    }
    let half = |from: usize| x.narrow(D::Minus1, from, all / 2)?.contiguous();
    Ok((half(0)?, half(all / 2)?))
}

fn sigmoid(x: &Tensor) -> Result<Tensor> {
    x.neg()?.exp()?.affine(1.0, 1.0)?.recip()
}

#[cfg(test)]
mod tests {
    use crate::{
        golden::{assert_close, device, everywhere},
        params::{Params, Published},
        seed::Seed,
        tape::{Gradients, Node, Tape},
    };
    use candle_core::Tensor;

    #[test]
    fn gradients_are_those_of_differences() {
        everywhere(|| {
            let x = [0.3f32, -2.0, 1.5, 0.7, -0.4, 60.0, 0.9, -1.1];
            let weights = [0.6f32, -1.2, 0.8, 0.5];
            let silu = |a: f64| a / (1.0 + (-a).exp());
            let loss = |x: &[f64]| {
                let one = |row: usize, at: usize| silu(x[4 * row + at]) * x[4 * row + 2 + at];
                (0..4).map(|at| f64::from(weights[at]) * one(at / 2, at % 2)).sum::<f64>()
            };
            let mut params = Params::new(Seed(0));
            let id = params.add_with(Published::new("x", &[2, 4]), |_, out| out.copy_from_slice(&x));
            let mut tape = Tape::recording(&params);
            let node = tape.param(&params, id);
            let y = tape.swiglu(&node).unwrap();
            let y = tape.reshape(&y, (1, 4)).unwrap();
            let weight = Tensor::from_slice(&weights, (1, 4), &device()).unwrap();
            let sum = tape.linear(&y, &Node::constant(weight), crate::Weight::OutIn, None).unwrap();
            let wide: Vec<f64> = x.iter().copied().map(f64::from).collect();
            assert_close("loss", &[sum.scalar().unwrap()], &[loss(&wide) as f32], 1e-6);
            let mut gradients = Gradients::new(&params);
            tape.backward(&sum, &mut gradients).unwrap();
            let found = gradients.of(id).unwrap().tensor().flatten_all().unwrap().to_vec1::<f32>().unwrap();
            let expected: Vec<f32> = (0..8)
                .map(|at| {
                    let moved = |by: f64| {
                        let mut x = wide.clone();
                        x[at] += by;
                        loss(&x)
                    };
                    ((moved(1e-4) - moved(-1e-4)) / 2e-4) as f32
                })
                .collect();
            assert_close("gradient", &found, &expected, 1e-5);
        });
    }
}
