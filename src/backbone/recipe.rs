//! Weights and images of published cases: no random numbers of a library, but a recipe.

pub(crate) use crate::golden::recipe;

use crate::{golden::device, params::Params};
use candle_core::Tensor;

/// Mean and standard deviation that the cases give a tensor, by its name.
pub(crate) fn spread(name: &str, shape: &[usize]) -> (f64, f64) {
    match name {
        name if name.ends_with("gamma") => (0.2, 0.1),
        name if name.contains("norm") => (if name.ends_with("weight") { 1.0 } else { 0.0 }, 0.1),
        name if name.ends_with("weight_g") => (1.0, 0.1),
        name if name.contains("token") || name.ends_with("pos_embed") || name.contains("channel_embed") => {
            (0.0, 0.3)
        }
        name if name.ends_with("bias") => (0.0, 0.05),
        _ => {
            let ins = shape[1..].iter().product::<usize>() as f64;
            (0.0, (1e6 / ins.sqrt()).round() / 1e6)
        }
    }
}

/// A tensor of a case.
pub(crate) fn tensor(seed: u64, name: &str, shape: &[usize]) -> Vec<f32> {
    let (mean, sd) = spread(name, shape);
    recipe(seed, name, shape.iter().product(), mean, sd)
}

/// Fills every parameter by the recipe, under the name that the published code gives it.
pub(crate) fn fill(params: &mut Params, seed: u64, named: impl Fn(&str) -> String) {
    for id in params.ids() {
        let published = params.published(id).clone();
        params.import(id, tensor(seed, &named(&published.name), &published.shape)).unwrap();
    }
}

/// Images of a case.
pub(crate) fn images(seed: u64, name: &str, shape: [usize; 4]) -> Tensor {
    let pixels = recipe(seed, name, shape.iter().product(), 0.0, 1.0);
    Tensor::from_vec(pixels, &shape, &device()).unwrap()
}
