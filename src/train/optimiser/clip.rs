//! Gradient clipping.

use crate::{
    ops::{Scalar, adamw},
    params::ParamId,
    tape::{Grad, Gradients},
};
use candle_core::{Result, Tensor};

/// Whether gradients are clipped.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Clip {
    /// They are unchanged.
    #[default]
    Never,
    /// All of them together to at most this Euclidean norm (torch's `clip_grad_norm_`).
    Norm(f64),
    /// Those of each tensor to at most this norm (DINO's `clip_gradients`).
    EachTensor(f64),
    /// Those of the backbone together, and those of each head, to at most this norm (DINOv2).
    EachNetwork(f64),
}

/// Added to the norm by which gradients are divided (torch).
const EPS: f64 = 1e-6;

impl Clip {
    /// Clips gradients with the norm `norm`. Does not wait for a GPU.
    ///
    /// # Errors
    /// If they cannot be changed.
    pub fn apply(self, norm: &Scalar, gradients: &mut Gradients) -> Result<()> {
        let Self::Norm(most) = self else { return Ok(()) };
        match factor(most, norm)? {
            Factor::Host(factor) if factor < 1.0 => gradients.scale(factor),
            Factor::Host(_) => Ok(()),
            Factor::Device(factor) => gradients.scale_by(&factor),
        }
    }
}

/// Clips the gradient of one parameter, if it has one.
pub(super) fn one(most: f64, gradients: &mut Gradients, id: ParamId) -> Result<()> {
    together(most, gradients, &[id])
}

/// Clips the gradients of some parameters, of those that have one, by their norm.
pub(super) fn together(most: f64, gradients: &mut Gradients, ids: &[ParamId]) -> Result<()> {
    let ids: Vec<ParamId> = ids.iter().copied().filter(|id| gradients.of(*id).is_some()).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let received = |id: &ParamId| gradients.of(*id).map(Grad::tensor);
    let norm = adamw::length(&ids.iter().filter_map(received).collect::<Vec<_>>())?;
    match factor(most, &norm)? {
        Factor::Host(factor) if factor < 1.0 => ids.iter().try_for_each(|id| {
            gradients.change(*id, |grad| grad.update(|values| values.iter_mut().for_each(|x| *x *= factor)))
        }),
        Factor::Host(_) => Ok(()),
        Factor::Device(factor) => {
            ids.iter().try_for_each(|id| gradients.change(*id, |grad| grad.scale_by(&factor)))
        }
    }
}

/// The network that a parameter belongs to: a head, by its prefix, or the backbone.
pub(super) fn network(name: &str) -> &str {
    name.rfind('/').map_or("", |end| &name[..end])
}

/// What gradients are multiplied by; on a GPU it may still be being computed.
enum Factor {
    Host(f32),
    Device(Tensor),
}

fn factor(most: f64, norm: &Scalar) -> Result<Factor> {
    Ok(match norm {
        Scalar::Host(norm) => Factor::Host((most / (norm + EPS)).min(1.0) as f32),
        Scalar::Device(norm) => {
            Factor::Device((norm.flatten_all()?.affine(1.0, EPS)?.recip()? * most)?.minimum(1f32)?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        golden::{assert_close, everywhere},
        ops::adamw::length,
        params::{Params, Published},
        seed::Seed,
        tape::{Grad, Tape},
    };

    /// `torch.nn.utils.clip_grad_norm_` of gradients (3, 4) and 12: their norm is 13.
    #[test]
    fn gradients_are_as_long_as_torch_leaves_them() {
        everywhere(|| {
            for (most, factor) in [(6.5, 6.5f64 / 13.000_001), (20.0, 1.0)] {
                let mut params = Params::new(Seed(0));
                let a = params.add_constant(Published::new("a", &[2]), 0.0);
                let b = params.add_constant(Published::new("b", &[1]), 0.0);
                let c = params.add_constant(Published::new("c", &[1]), 0.0);
                let mut gradients = Gradients::new(&params);
                let tape = Tape::recording(&params);
                let grad = |values: &[f32]| {
                    Grad::of(candle_core::Tensor::from_slice(values, values.len(), params.device()).unwrap())
                };
                let (node_a, node_b) = (tape.param(&params, a), tape.param(&params, b));
                let known = vec![(&node_a, grad(&[3.0, 4.0])), (&node_b, grad(&[12.0]))];
                tape.backward_from(known, &mut gradients).unwrap();
                let of =
                    |gradients: &Gradients, id| gradients.of(id).unwrap().tensor().to_vec1::<f32>().unwrap();
                let both = [a, b].map(|id| gradients.of(id).unwrap().tensor());
                let norm = length(&both).unwrap();
                Clip::Norm(most).apply(&norm, &mut gradients).unwrap();
                let expected = [3.0, 4.0, 12.0].map(|x| (x * factor) as f32);
                let found = [of(&gradients, a), of(&gradients, b)].concat();
                assert_close("clipped", &found, &expected, 1e-6);
                assert!(gradients.of(c).is_none());
                Clip::Never.apply(&norm, &mut gradients).unwrap();
                assert_eq!([of(&gradients, a), of(&gradients, b)].concat(), found);
                // Now each by its own length, which is 5 or 12 times the factor.
                [a, b, c].into_iter().for_each(|id| one(6.0, &mut gradients, id).unwrap());
                let shorter = (6.0 / (12.0 * factor + 1e-6)).min(1.0);
                let expected = [3.0 * factor, 4.0 * factor, 12.0 * factor * shorter].map(|x| x as f32);
                let found = [of(&gradients, a), of(&gradients, b)].concat();
                assert_close("clipped one by one", &found, &expected, 1e-6);
            }
        });
    }
}
