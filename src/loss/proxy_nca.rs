//! ProxyNCA++ as used in CHAMMI: softmax over negative squared distances between normalised features and one
//! normalised proxy per class of *all* training sets.
//!
//! Features and proxies are multiplied by a scale s. With unit vectors `-s² d² = 2 s² cos - 2 s²`, so that
//! the logits are cosines times `2 s²`, which is `2 / T` for the fixed scale √(1/T). Only normalisation,
//! proxy assignment and temperature of the ProxyNCA++ paper are implemented (specification, section 5.1).

use super::{Forwarded, Term, Valued};
use crate::{
    curve::Clock,
    ops::Weight,
    params::{ParamId, Params, Published},
    spec::Scale,
    tape::Tape,
};
use candle_core::Result;

pub(super) struct ProxyNca {
    proxies: ParamId,
    factor: Factor,
}

/// The factor of the cosines.
enum Factor {
    Fixed(f32),
    /// 2 · e^(2x) of a parameter x.
    Learned(ParamId),
}

impl ProxyNca {
    /// `proxies`: whether they are trained, and their number.
    pub(super) fn new(
        temperature: f64,
        scale: Scale,
        proxies: (bool, usize),
        width: usize,
        params: &mut Params,
    ) -> Self {
        let (trained, classes) = proxies;
        // Released: standard normal divided by 8.
        let proxies = params.add_normal(Published::new("proxies", &[classes, width]), 1.0 / 8.0);
        if !trained {
            params.freeze(proxies);
        }
        let factor = match scale {
            Scale::Fixed => Factor::Fixed((2.0 / temperature) as f32),
            Scale::Learned { rule, trained } => {
                let start = libm::log(rule.scale(temperature)) as f32;
                let id = params.add_constant(Published::new("logit_scale", &[1]), start);
                if !trained {
                    params.freeze(id);
                }
                Factor::Learned(id)
            }
        };
        Self { proxies, factor }
    }
}

impl Term for ProxyNca {
    fn value(&self, tape: &mut Tape, params: &Params, out: &Forwarded<'_>, _: &Clock) -> Result<Valued> {
        let features = tape.normalise_rows(out.features())?;
        let proxies = tape.normalise_rows(&tape.param(params, self.proxies))?;
        let cosines = tape.linear(&features, &proxies, Weight::OutIn, None)?;
        let classes = out.classes_of_rows();
        let loss = match self.factor {
            Factor::Fixed(factor) => tape.cross_entropy(&cosines, factor, &classes, None)?,
            Factor::Learned(id) => {
                let logits = tape.times_exp(&cosines, &tape.param(params, id), 2.0)?;
                tape.cross_entropy(&logits, 2.0, &classes, None)?
            }
        };
        Ok(loss.into())
    }
}
