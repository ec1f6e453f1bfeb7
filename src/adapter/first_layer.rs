//! Initial weights of a first layer, given the backbone's own stem (specification, section 4.2).

use super::filters::he;
use crate::{
    backbone::{Stem, files},
    params::{ParamId, Params, Published},
    seed::Stream,
    spec::FirstLayer,
};
use candle_core::Result;
use std::path::Path;

/// The backbone's own stem convolution, for the three channels of RGB images.
pub struct OwnStem {
    own: Stem,
    /// (width, 3, patch, patch).
    weight: Vec<f32>,
    /// (width).
    bias: Vec<f32>,
}

const RGB: usize = 3;

impl OwnStem {
    /// timm's random initialisation.
    pub(super) fn random(own: Stem, params: &Params) -> Self {
        let [weight, bias] = own.random_rgb(params);
        Self { own, weight, bias }
    }

    /// The stem in a file of published weights. One of a single plane is that of red, green and blue with a third of its weights each: a
    /// grey image has the same maps.
    ///
    /// # Errors
    /// If the file has none, or one of another shape.
    pub fn read(path: &Path, own: Stem) -> std::result::Result<Self, files::Error> {
        let Stem { width, patch, .. } = own;
        let names = [own.weight(), own.bias()];
        let of = |planes: usize| {
            let shape = [width, planes, patch, patch];
            files::published_tensors(path, &[(&names[0], &shape), (&names[1], &[width])])
        };
        let (weight, bias) = match of(RGB) {
            Ok([weight, bias]) => (weight, bias),
            // What is said is what is wrong with it as the usual one.
            Err(error) => match of(1) {
                Ok([weight, bias]) => (of_one_plane(&weight, own.area()), bias),
                Err(_) => return Err(error),
            },
        };
        Ok(Self { own, weight, bias })
    }

    pub(super) fn bias(&self) -> &[f32] {
        &self.bias
    }

    fn width(&self) -> usize {
        self.bias.len()
    }

    /// One input slice of one output map.
    fn slice(&self, out: usize, input: usize) -> &[f32] {
        let area = self.own.area();
        &self.weight[(out * RGB + input) * area..][..area]
    }
}

/// Three planes with a third of one plane's weights each.
fn of_one_plane(weight: &[f32], area: usize) -> Vec<f32> {
    let third = |filter: &[f32]| filter.iter().map(|x| x / RGB as f32).collect::<Vec<_>>().repeat(RGB);
    weight.chunks_exact(area).flat_map(third).collect()
}

/// Fills the published tensor (width, count, patch, patch) of `id` according to `rule`; random parts are drawn from
/// the parameter's own stream. `random` is the standard deviation of random slices.
pub(super) fn start(
    rule: FirstLayer,
    id: ParamId,
    stem: &OwnStem,
    random: f64,
    params: &mut Params,
) -> Result<()> {
    let Published { name, shape, .. } = params.published(id).clone();
    let count = shape[1];
    let mut stream = params.seed().stream(&format!("init/{name}"));
    let mut values = Vec::with_capacity(shape.iter().product());
    for out in 0..stem.width() {
        for channel in 0..count {
            values.extend(match sources(rule, channel, count) {
                [] => noise(&mut stream, stem.own.area(), random),
                inputs => mean(stem, out, inputs),
            });
        }
    }
    params.import(id, values)
}

/// Fills the published tensor (width, count, patch, patch) of `id`: three planes with red, green and blue, any other number
/// with an equal share of their sum each.
pub(super) fn start_planes(id: ParamId, stem: &OwnStem, params: &mut Params) -> Result<()> {
    let Published { shape, .. } = params.published(id).clone();
    let count = shape[1];
    if count == RGB {
        return params.import(id, stem.weight.clone());
    }
    let share = |out| mean(stem, out, &[0, 1, 2]).into_iter().map(move |x| x * RGB as f32 / count as f32);
    let planes = |out| (0..count).flat_map(move |_| share(out));
    params.import(id, (0..stem.width()).flat_map(planes).collect())
}

/// Fills the published tensor (width, 1, patch, patch) of `id` with the mean of red, green and blue.
pub(super) fn start_mean(id: ParamId, stem: &OwnStem, params: &mut Params) -> Result<()> {
    params.import(id, (0..stem.width()).flat_map(|out| mean(stem, out, &[0, 1, 2])).collect())
}

/// The slices whose mean a channel starts with; empty: a random slice.
fn sources(rule: FirstLayer, channel: usize, count: usize) -> &'static [usize] {
    const ONE: [&[usize]; RGB] = [&[0], &[1], &[2]];
    match rule {
        FirstLayer::Random => &[],
        FirstLayer::PadDuplicates => ONE[channel / count.div_ceil(RGB)],
        FirstLayer::PadRandom | FirstLayer::PadAverage if channel < RGB => ONE[channel],
        FirstLayer::PadRandom => &[],
        FirstLayer::PadAverage if count == RGB + 1 => &[0, 1, 2],
        // Published for two extra channels; further ones use the two averages in turn.
        FirstLayer::PadAverage if (channel - RGB).is_multiple_of(2) => &[0, 1],
        FirstLayer::PadAverage => &[1, 2],
    }
}

fn noise(stream: &mut Stream, area: usize, sd: f64) -> Vec<f32> {
    (0..area).map(|_| (stream.normal() * sd) as f32).collect()
}

fn mean(stem: &OwnStem, out: usize, inputs: &[usize]) -> Vec<f32> {
    let pixel = |at: usize| inputs.iter().map(|&input| stem.slice(out, input)[at]).sum::<f32>();
    (0..stem.own.area()).map(|at| pixel(at) / inputs.len() as f32).collect()
}

/// The standard deviation of a random stem convolution (He, fan-out).
pub(super) fn random_sd(own: Stem) -> f64 {
    he(own.width * own.area())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_start_where_the_release_starts_them() {
        let of = |rule, count| (0..count).map(|channel| sources(rule, channel, count)).collect::<Vec<_>>();
        let bank: [&[usize]; 8] = [&[0], &[0], &[0], &[1], &[1], &[1], &[2], &[2]];
        assert_eq!(of(FirstLayer::PadDuplicates, 8), bank);
        assert_eq!(of(FirstLayer::PadAverage, 4), [&[0][..], &[1], &[2], &[0, 1, 2]]);
        assert_eq!(of(FirstLayer::PadAverage, 5), [&[0][..], &[1], &[2], &[0, 1], &[1, 2]]);
        assert_eq!(of(FirstLayer::PadAverage, 2), [&[0][..], &[1]]);
        assert_eq!(of(FirstLayer::PadRandom, 4), [&[0][..], &[1], &[2], &[]]);
        assert!(of(FirstLayer::Random, 1)[0].is_empty());
    }

    #[test]
    fn slices_are_copied_and_averaged_without_rescaling() {
        let mut params = Params::new(crate::seed::Seed(1));
        let own = Stem::conv_next(4);
        let area = own.area();
        let stem = OwnStem::random(own, &params);
        let id = params.add_constant(Published::new("w", &[4, 5, own.patch, own.patch]), 0.0);
        start(FirstLayer::PadAverage, id, &stem, 1.0, &mut params).unwrap();
        let values = params.export(id).unwrap();
        let channel = |out: usize, channel: usize| &values[(out * 5 + channel) * area..][..area];
        assert_eq!(channel(3, 1), stem.slice(3, 1));
        let expected: Vec<f32> =
            stem.slice(2, 1).iter().zip(stem.slice(2, 2)).map(|(a, b)| (a + b) / 2.0).collect();
        assert_eq!(channel(2, 4), expected);
    }
}
