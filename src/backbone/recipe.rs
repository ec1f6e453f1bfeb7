//! Weights and images of published cases: no random numbers of a library, but a recipe.

use crate::{golden::device, params::Params};
use candle_core::Tensor;

/// Uniform numbers with a mean and a standard deviation: SplitMix64, begun at the seed and the tensor's name.
pub(crate) fn recipe(seed: u64, name: &str, count: usize, mean: f64, sd: f64) -> Vec<f32> {
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let value = |at: u64| {
        let mut z = (seed ^ hash).wrapping_add((at + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        let unit = (z >> 11) as f64 * (-53f64).exp2();
        (mean + sd * 3f64.sqrt() * (2.0 * unit - 1.0)) as f32
    };
    (0..count as u64).map(value).collect()
}

/// Mean and standard deviation that the cases give a tensor, by its name.
pub(crate) fn spread(name: &str, shape: &[usize]) -> (f64, f64) {
    match name {
        name if name.ends_with("gamma") => (0.2, 0.1),
        name if name.contains("norm") => (if name.ends_with("weight") { 1.0 } else { 0.0 }, 0.1),
        name if name.ends_with("weight_g") => (1.0, 0.1),
        name if name.contains("token") || name.ends_with("pos_embed") => (0.0, 0.3),
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
