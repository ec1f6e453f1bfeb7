//! Layers that several networks use, with timm's names and random initialisation.

use crate::{
    ops::Weight,
    params::{ParamId, Params, Published},
    tape::{Node, Tape},
};
use candle_core::{Result, Tensor};

/// The epsilon of every layer normalisation here.
const EPS: f32 = 1e-6;

/// timm draws convolutions and linear maps from a normal distribution with this standard deviation, truncated
/// at 100 of them.
pub(super) const INIT_SD: f64 = 0.02;

/// Numbers that need no gradient, where the parameters are.
pub(super) fn constant(values: Vec<f32>, shape: &[usize], params: &Params) -> Result<Node> {
    Ok(Node::constant(Tensor::from_vec(values, shape, params.device())?))
}

/// A layer normalisation.
#[derive(Clone, Copy)]
pub(super) struct Norm {
    scale: ParamId,
    shift: ParamId,
}

/// A linear map with a bias.
#[derive(Clone, Copy)]
pub(super) struct Affine {
    weight: ParamId,
    bias: ParamId,
}

impl Norm {
    pub(super) fn new(name: &str, width: usize, params: &mut Params) -> Self {
        Self {
            scale: params.add_constant(Published::new(format!("{name}.weight"), &[width]), 1.0),
            shift: params.add_constant(Published::new(format!("{name}.bias"), &[width]), 0.0),
        }
    }

    pub(super) fn forward(self, tape: &mut Tape, params: &Params, x: &Node) -> Result<Node> {
        let (scale, shift) = (tape.param(params, self.scale), tape.param(params, self.shift));
        tape.layer_norm(x, &scale, &shift, EPS)
    }
}

impl Affine {
    pub(super) fn new(weight: Published, outs: usize, params: &mut Params) -> Self {
        Self::normal(weight, outs, INIT_SD, params)
    }

    /// With weights of the standard deviation `sd`.
    pub(super) fn normal(weight: Published, outs: usize, sd: f64, params: &mut Params) -> Self {
        let bias = weight.name.replace(".weight", ".bias");
        Self {
            weight: params.add_normal(weight, sd),
            bias: params.add_constant(Published::new(bias, &[outs]), 0.0),
        }
    }

    /// With PyTorch's default initial values: weights and biases are uniform within one over the root of the number of inputs.
    pub(super) fn uniform(weight: Published, params: &mut Params) -> Self {
        let (outs, ins) = (weight.shape[0], weight.shape[1]);
        let most = 1.0 / (ins as f64).sqrt();
        let bias = Published::new(weight.name.replace(".weight", ".bias"), &[outs]);
        let mut add = |published| {
            params.add_with(published, |stream, values| {
                values.iter_mut().for_each(|value| *value = ((2.0 * stream.unit() - 1.0) * most) as f32);
            })
        };
        Self { weight: add(weight), bias: add(bias) }
    }

    pub(super) fn forward(self, tape: &mut Tape, params: &Params, x: &Node) -> Result<Node> {
        let [weight, bias] = self.nodes(tape, params)?;
        tape.linear(x, &weight, Weight::OutIn, Some(&bias))
    }

    /// Followed by GELU.
    pub(super) fn forward_gelu(self, tape: &mut Tape, params: &Params, x: &Node) -> Result<Node> {
        let [weight, bias] = self.nodes(tape, params)?;
        tape.linear_gelu(x, &weight, Weight::OutIn, &bias)
    }

    /// Scaled and added to `stream`.
    pub(super) fn forward_residual(
        self,
        tape: &mut Tape,
        params: &Params,
        stream: &Node,
        x: &Node,
        scale: &Node,
        keep: Option<Vec<f32>>,
    ) -> Result<Node> {
        let [weight, bias] = self.nodes(tape, params)?;
        tape.linear_residual(stream, x, (&weight, Weight::OutIn, &bias), scale, keep)
    }

    /// The weight as a matrix, and the bias.
    fn nodes(self, tape: &mut Tape, params: &Params) -> Result<[Node; 2]> {
        let (weight, bias) = (tape.param(params, self.weight), tape.param(params, self.bias));
        let outs = bias.dims()[0];
        let ins = weight.value().elem_count() / outs;
        Ok([tape.reshape(&weight, (outs, ins))?, bias])
    }
}
