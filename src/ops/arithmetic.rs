//! Sums, weighted sums of scalars, reshaping.

use super::buffer::{self, CHUNK};
use super::gpu::Gpu;
use crate::tape::{Node, Tape};
use candle_core::{Device, Result, Shape, Tensor};
use rayon::prelude::*;

impl Tape {
    /// `a + b`, of equal shapes.
    ///
    /// # Errors
    /// If the shapes differ.
    pub fn add(&mut self, a: &Node, b: &Node) -> Result<Node> {
        if let Some(gpu) = Gpu::of(a.value()) {
            return self.add_on(gpu, a, b);
        }
        let value = a.value().copy()?;
        buffer::add_assign(&value, b.value())?;
        let inputs = (a.clone(), b.clone());
        Ok(self.record(value, &[a, b], move |grad, gradients| {
            if inputs.0.wants_gradient() {
                gradients.give(&inputs.0, grad.duplicate()?)?;
            }
            gradients.give(&inputs.1, grad)
        }))
    }

    /// The sum of all elements, a scalar.
    ///
    /// # Errors
    /// If the tensor cannot be read.
    pub fn sum(&mut self, x: &Node) -> Result<Node> {
        if let Some(gpu) = Gpu::of(x.value()) {
            return self.sum_on(gpu, x);
        }
        let parts: Vec<f32> = {
            let values = buffer::read(x.value())?;
            values.par_chunks(CHUNK).map(|part| part.iter().sum()).collect()
        };
        let value = Tensor::from_vec(vec![parts.iter().sum::<f32>()], 1, &Device::Cpu)?;
        let input = x.clone();
        Ok(self.record(value, &[x], move |grad, gradients| {
            let slope = buffer::read(grad.tensor())?[0];
            gradients.contribute(&input, |dx, add| {
                for dx in dx {
                    *dx = if add { *dx + slope } else { slope };
                }
            })
        }))
    }

    /// `Σ weight · term` over scalar terms.
    ///
    /// # Errors
    /// If a term is not a scalar.
    pub fn weighted_sum(&mut self, terms: &[(f32, Node)]) -> Result<Node> {
        if let Some(gpu) = terms.first().and_then(|(_, term)| Gpu::of(term.value())) {
            return self.weighted_sum_on(gpu, terms);
        }
        let mut total = 0.0;
        for (weight, term) in terms {
            total += weight * term.scalar()?;
        }
        let value = Tensor::from_vec(vec![total], 1, &Device::Cpu)?;
        let inputs: Vec<(f32, Node)> = terms.to_vec();
        let nodes: Vec<&Node> = terms.iter().map(|(_, term)| term).collect();
        Ok(self.record(value, &nodes, move |grad, gradients| {
            let slope = buffer::read(grad.tensor())?[0];
            for (weight, term) in &inputs {
                gradients.contribute(term, |dx, add| {
                    dx[0] = if add { dx[0] + weight * slope } else { weight * slope };
                })?;
            }
            Ok(())
        }))
    }

    /// `x · e^(rate · exponent)`, the exponent a scalar.
    ///
    /// # Errors
    /// If the exponent is not a scalar.
    pub fn times_exp(&mut self, x: &Node, exponent: &Node, rate: f32) -> Result<Node> {
        if let Some(gpu) = Gpu::of(x.value()) {
            return self.times_exp_on(gpu, x, exponent, rate);
        }
        let factor = libm::exp(f64::from(rate) * f64::from(exponent.scalar()?)) as f32;
        let values: Vec<f32> = buffer::read(x.value())?.iter().map(|x| x * factor).collect();
        let value = Tensor::from_vec(values, x.value().shape(), &Device::Cpu)?;
        let inputs = (x.clone(), exponent.clone(), value.clone());
        Ok(self.record(value, &[x, exponent], move |grad, gradients| {
            let (x, exponent, y) = inputs;
            let grad = buffer::read(grad.tensor())?;
            gradients.contribute(&x, |dx, add| {
                for (dx, grad) in dx.iter_mut().zip(&*grad) {
                    *dx = if add { *dx + factor * grad } else { factor * grad };
                }
            })?;
            let y = buffer::read(&y)?;
            let slope: f64 = y.iter().zip(&*grad).map(|(y, grad)| f64::from(y * grad)).sum();
            let slope = rate * slope as f32;
            gradients.contribute(&exponent, |dx, add| dx[0] = if add { dx[0] + slope } else { slope })
        }))
    }

    /// The same values in the number format of activations, which on the CPU is always `f32`.
    ///
    /// # Errors
    /// If they cannot be rounded.
    pub fn formatted(&mut self, x: &Node) -> Result<Node> {
        match Gpu::of(x.value()) {
            Some(gpu) => self.formatted_on(gpu, x),
            None => Ok(x.clone()),
        }
    }

    /// The same values in another shape.
    ///
    /// # Errors
    /// If the element counts differ.
    pub fn reshape(&mut self, x: &Node, shape: impl Into<Shape>) -> Result<Node> {
        let value = x.value().reshape(shape.into())?;
        let input = x.clone();
        Ok(self.record(value, &[x], move |grad, gradients| {
            gradients.give(&input, grad.reshape(input.value().shape())?)
        }))
    }
}
