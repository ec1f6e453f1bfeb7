//! DINO's projection head: three linear maps with GELU between, a unit vector, and its products with prototypes.
//!
//! Names are the published ones: `mlp.0`, `mlp.2`, `mlp.4`, `last_layer.weight_v` and, if the length of prototypes is learned,
//! `last_layer.weight_g` (torch's weight normalisation). So are initial values, at the published width.

use crate::{
    ops::Weight,
    params::{ParamId, Params, Published},
    spec::{Gain, settings},
    tape::{Node, Tape},
};
use candle_core::{Result, Tensor};

/// The standard deviation of initial weights of a head as wide as the published one. Narrower ones have larger weights, so that
/// what they put out is no smaller and a step of Adam changes them by no larger part.
const INIT_SD: f64 = 0.02;
/// The hidden width of the published head.
const PUBLISHED_HIDDEN: f64 = 2048.0;

/// Widths of a head.
#[derive(Clone, Copy, Debug)]
pub(super) struct Widths {
    pub(super) features: usize,
    pub(super) hidden: usize,
    pub(super) bottleneck: usize,
    pub(super) prototypes: usize,
}

impl Widths {
    /// As declared, of features of that width.
    pub(super) fn of(word: &settings::Dino, features: usize) -> Self {
        let settings::Dino { hidden, bottleneck, prototypes, .. } = *word;
        Self { features, hidden, bottleneck, prototypes }
    }
}

/// A head whose parameters are at the same places in the student's and in the teacher's parameters.
#[derive(Clone, Debug)]
pub(super) struct Head {
    maps: [[ParamId; 2]; 3],
    prototypes: ParamId,
    lengths: Option<ParamId>,
}

impl Head {
    pub(super) fn new(widths: Widths, gain: Gain, params: &mut Params) -> Self {
        let Widths { features, hidden, bottleneck, prototypes } = widths;
        let sizes = [(0, features, hidden), (2, hidden, hidden), (4, hidden, bottleneck)];
        let sd = INIT_SD * (PUBLISHED_HIDDEN / hidden as f64).sqrt();
        let maps = sizes.map(|(number, ins, outs)| {
            let weight = Published::new(format!("mlp.{number}.weight"), &[outs, ins]);
            let bias = Published::new(format!("mlp.{number}.bias"), &[outs]);
            [params.add_normal(weight, sd), params.add_constant(bias, 0.0)]
        });
        // torch's `Linear`: uniform.
        let bound = 1.0 / (bottleneck as f64).sqrt();
        let directions = Published::new("last_layer.weight_v", &[prototypes, bottleneck]);
        let directions = params.add_with(directions, |stream, values| {
            values.iter_mut().for_each(|value| *value = (bound * (2.0 * stream.unit() - 1.0)) as f32);
        });
        let lengths = match gain {
            Gain::Fixed => None,
            Gain::Free => {
                Some(params.add_constant(Published::new("last_layer.weight_g", &[prototypes, 1]), 1.0))
            }
        };
        Self { maps, prototypes: directions, lengths }
    }

    /// All its parameters.
    pub(super) fn ids(&self) -> impl Iterator<Item = ParamId> + '_ {
        self.maps.iter().flatten().copied().chain([self.prototypes]).chain(self.lengths)
    }

    /// Logits (rows, prototypes) of features (rows, width).
    pub(super) fn forward(&self, tape: &mut Tape, params: &Params, features: &Node) -> Result<Node> {
        let mut x = features.clone();
        for (number, ids) in self.maps.iter().enumerate() {
            let [weight, bias] = ids.map(|id| tape.param(params, id));
            x = if number + 1 < self.maps.len() {
                tape.linear_gelu(&x, &weight, Weight::OutIn, &bias)?
            } else {
                tape.linear(&x, &weight, Weight::OutIn, Some(&bias))?
            };
        }
        let x = tape.normalise_rows(&x)?;
        let directions = tape.normalise_rows(&tape.param(params, self.prototypes))?;
        let Some(lengths) = self.lengths else {
            return tape.linear(&x, &directions, Weight::OutIn, None);
        };
        let (rows, prototypes) = (x.dims()[0], directions.dims()[0]);
        let (format, device) = (x.value().dtype(), x.value().device());
        let stream = Node::constant(Tensor::zeros((rows, prototypes), format, device)?);
        let bias = Node::constant(Tensor::zeros(prototypes, format, device)?);
        let lengths = tape.reshape(&tape.param(params, lengths), prototypes)?;
        tape.linear_residual(&stream, &x, (&directions, Weight::OutIn, &bias), &lengths, None)
    }
}
