//! The mean squared error of some tokens, the others not counted (masked autoencoders).

use super::{buffer, gpu::Gpu};
use crate::tape::{Node, Tape};
use candle_core::{Device, Result, Tensor};
use rayon::prelude::*;

impl Tape {
    /// The mean over the tokens (N, T, L) that `counts` of the mean over their numbers of (x − target)². The target needs
    /// no gradient; `counts` has N · T entries.
    ///
    /// # Errors
    /// If the shapes do not fit, or no token counts.
    pub fn masked_error(&mut self, x: &Node, target: &Tensor, counts: &[bool]) -> Result<Node> {
        let (images, tokens, len) = x.value().dims3()?;
        if x.dims() != target.dims() || counts.len() != images * tokens {
            candle_core::bail!(
                "masked error: {:?} meets a target {:?} and {} tokens that count or not",
                x.dims(),
                target.dims(),
                counts.len()
            );
        }
        let counted = counts.iter().filter(|counts| **counts).count();
        if counted == 0 {
            candle_core::bail!("masked error: no token counts");
        }
        if let Some(gpu) = Gpu::of(x.value()) {
            return self.masked_error_on(gpu, x, target, counts);
        }
        let each = 1.0 / (counted * len) as f64;
        let sum: f64 = {
            let (x, target) = (buffer::read(x.value())?, buffer::read(target)?);
            let one = |((x, target), counts): ((&[f32], &[f32]), &bool)| -> f64 {
                let square = |(x, t): (&f32, &f32)| f64::from(x - t) * f64::from(x - t);
                if *counts { x.iter().zip(target).map(square).sum() } else { 0.0 }
            };
            let rows: Vec<f64> = x.par_chunks(len).zip(target.par_chunks(len)).zip(counts).map(one).collect();
            rows.iter().sum()
        };
        let value = Tensor::from_vec(vec![(sum * each) as f32], 1, &Device::Cpu)?;
        let (input, target, counts) = (x.clone(), target.clone(), counts.to_vec());
        Ok(self.record(value, &[x], move |grad, gradients| {
            let slope = (f64::from(buffer::read(grad.tensor())?[0]) * 2.0 * each) as f32;
            let (x, target) = (buffer::read(input.value())?, buffer::read(&target)?);
            let (x, target) = (&*x, &*target);
            gradients.contribute(&input, |dx, add| {
                let rows = dx.par_chunks_mut(len).zip(x.par_chunks(len)).zip(target.par_chunks(len));
                rows.zip(&counts).for_each(|(((dx, x), target), counts)| {
                    let slope = if *counts { slope } else { 0.0 };
                    for ((dx, x), target) in dx.iter_mut().zip(x).zip(target) {
                        let own = slope * (x - target);
                        *dx = if add { *dx + own } else { own };
                    }
                });
            })
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        golden::{assert_close, device, everywhere},
        params::{Params, Published},
        seed::Seed,
        tape::Gradients,
    };

    #[test]
    fn only_tokens_that_count_have_an_error_and_a_gradient() {
        everywhere(|| {
            let shape = [2, 3, 300];
            let mut params = Params::new(Seed(5));
            let x = params.add_normal(Published::new("x", &shape), 1.0);
            let target = params.add_normal(Published::new("target", &shape), 1.0);
            let counts = [true, false, false, true, true, false];
            let mut tape = Tape::recording(&params);
            let node = tape.param(&params, x);
            let error = tape.masked_error(&node, params.value(target), &counts).unwrap();
            let again = tape.masked_error(&node, params.value(target), &counts).unwrap();
            let sum = tape.weighted_sum(&[(0.5, error.clone()), (1.5, again)]).unwrap();
            let found = error.scalar().unwrap();
            let mut gradients = Gradients::new(&params);
            tape.backward(&sum, &mut gradients).unwrap();
            let slopes = gradients.of(x).unwrap().tensor().flatten_all().unwrap().to_vec1::<f32>().unwrap();
            let apart: Vec<f32> = params
                .export(x)
                .unwrap()
                .iter()
                .zip(params.export(target).unwrap())
                .enumerate()
                .map(|(at, (x, t))| if counts[at / 300] { x - t } else { 0.0 })
                .collect();
            let mean = apart.iter().map(|x| f64::from(x * x)).sum::<f64>() / 900.0;
            assert_close("error", &[found], &[mean as f32], 1e-6);
            let expected: Vec<f32> = apart.iter().map(|x| 2.0 * 2.0 * x / 900.0).collect();
            assert_close("slopes", &slopes, &expected, 1e-6);
        });
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let zeros =
            |shape: (usize, usize, usize)| Tensor::zeros(shape, candle_core::DType::F32, &device()).unwrap();
        let x = Node::constant(zeros((2, 3, 4)));
        let mut tape = Tape::forgetting();
        assert!(tape.masked_error(&x, &zeros((2, 3, 5)), &[true; 6]).is_err());
        assert!(tape.masked_error(&x, &zeros((2, 3, 4)), &[true; 5]).is_err());
        let message = tape.masked_error(&x, &zeros((2, 3, 4)), &[false; 6]).unwrap_err().to_string();
        assert!(message.contains("no token counts"), "{message}");
    }
}
