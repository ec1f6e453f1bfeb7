//! ProxyNCA++ as CHAMMI has it: softmax over negative squared distances between normalised features and one
//! normalised proxy per class of *all* training sets.
//!
//! With unit vectors `-d² / T = 2 cos / T - 2 / T`, so that the logits are cosines times `2 / T`. Of the
//! ProxyNCA++ paper only normalisation, proxy assignment and temperature are there (specification, section 5.1).

use super::{Outputs, Term};
use crate::{
    ops::Weight,
    params::{ParamId, Params, Published},
    tape::{Node, Tape},
};
use candle_core::Result;

pub(super) struct ProxyNca {
    proxies: ParamId,
    scale: f32,
}

impl ProxyNca {
    pub(super) fn new(
        temperature: f64,
        trained: bool,
        width: usize,
        classes: usize,
        params: &mut Params,
    ) -> Self {
        // Released: standard normal over 8.
        let proxies = params.add_normal(Published::new("proxies", &[classes, width]), 1.0 / 8.0);
        if !trained {
            params.freeze(proxies);
        }
        Self { proxies, scale: (2.0 / temperature) as f32 }
    }
}

impl Term for ProxyNca {
    fn loss(&self, tape: &mut Tape, params: &Params, outputs: &Outputs<'_>) -> Result<Node> {
        let features = tape.normalise_rows(outputs.features)?;
        let proxies = tape.normalise_rows(&tape.param(params, self.proxies))?;
        let cosines = tape.linear(&features, &proxies, Weight::OutIn, None)?;
        tape.cross_entropy(&cosines, self.scale, outputs.classes, None)
    }
}
