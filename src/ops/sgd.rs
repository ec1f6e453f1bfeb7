//! Stochastic gradient descent with momentum, as PyTorch's `SGD`: the velocity is the gradient plus a share of the velocity
//! before, and weights move against it.

use super::{buffer, gpu::Gpu};
use candle_core::{Result, Tensor};
use rayon::prelude::*;

/// One step of one parameter; weights and velocity, which begins with 0, are updated in place.
///
/// # Errors
/// If they differ in number of elements.
pub fn update(weights: &Tensor, gradient: &Tensor, velocity: &Tensor, lr: f64, momentum: f64) -> Result<()> {
    let counts = [weights, gradient, velocity].map(Tensor::elem_count);
    if counts != [counts[0]; 3] {
        candle_core::bail!("weights, gradient and velocity have {counts:?} elements");
    }
    if let Some(gpu) = Gpu::of(weights) {
        let shape = velocity.shape();
        let now = ((velocity * momentum)? + gradient.reshape(shape)?)?;
        gpu.copy(&now, velocity)?;
        let moved = (weights - (now.reshape(weights.shape())? * lr)?)?;
        return gpu.copy(&moved, weights);
    }
    let (lr, momentum) = (lr as f32, momentum as f32);
    let gradient = buffer::read(gradient)?;
    let gradient = &*gradient;
    let mut done = Ok(());
    buffer::write(weights, |weights| {
        done = buffer::write(velocity, |velocity| {
            let parts = weights.par_chunks_mut(buffer::CHUNK).zip(velocity.par_chunks_mut(buffer::CHUNK));
            parts.zip(gradient.par_chunks(buffer::CHUNK)).for_each(|((weights, velocity), gradient)| {
                for ((w, v), g) in weights.iter_mut().zip(velocity).zip(gradient) {
                    *v = momentum * *v + g;
                    *w -= lr * *v;
                }
            });
        });
    })?;
    done
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::{assert_close, device, everywhere};

    /// `torch.optim.SGD([w], lr=0.1, momentum=0.9)` on the gradients 1 and 3, then 2 and 0.
    #[test]
    fn steps_are_those_of_pytorch() {
        everywhere(|| {
            let tensor = |values: [f32; 2]| Tensor::new(&values, &device()).unwrap();
            let (weights, velocity) = (tensor([1.0, -1.0]), tensor([0.0; 2]));
            update(&weights, &tensor([1.0, 3.0]), &velocity, 0.1, 0.9).unwrap();
            assert_close("first", &weights.to_vec1::<f32>().unwrap(), &[0.9, -1.3], 1e-6);
            update(&weights, &tensor([2.0, 0.0]), &velocity, 0.1, 0.9).unwrap();
            assert_close("velocity", &velocity.to_vec1::<f32>().unwrap(), &[2.9, 2.7], 1e-6);
            assert_close("second", &weights.to_vec1::<f32>().unwrap(), &[0.61, -1.57], 1e-6);
            assert!(
                update(
                    &weights,
                    &Tensor::zeros(3, candle_core::DType::F32, &device()).unwrap(),
                    &velocity,
                    0.1,
                    0.9
                )
                .is_err()
            );
        });
    }
}
