//! Losses: the axis, the facts of each, and weighted sums of them.

mod ce_on_features;
mod cross_entropy;
mod dino_v1;
mod mae;
mod proxy_nca;
mod sim_clr;

pub use proxy_nca::{Scale, ScaleRule};

use crate::{
    axis::axis,
    needs::Needs,
    spec::{InStage, recipe::Recipe},
};
use serde::{Deserialize, Serialize};

axis! {
    /// The losses.
    pub enum Loss: LossWord, StageWord(InStage<'_>) {
        CrossEntropy = cross_entropy::{CrossEntropy;},
        CeOnFeatures = ce_on_features::{;},
        ProxyNca = proxy_nca::{PROXY, ProxyNca;},
        SimClr = sim_clr::{SSL, SimClr; Positives},
        DinoV1 = dino_v1::{DinoV1; Across, Clipping, Gain, Momentum, OnMissing, Ramp, Span},
        Mae = mae::{Mae; MaePositions},
    }
    /// The facts of a loss.
    facts {
        /// The inputs that it needs.
        fn needs(&self) -> Needs;
        /// What a recipe replaces it with next to a loss that reads no labels.
        fn in_mix(&self, recipe: Recipe) -> Loss;
        /// What a stage that trains with it says of the optimiser unless it says otherwise; none: as everywhere.
        fn usual(&self) -> Option<Usual>;
    }
}

/// AdamW as a loss was published with it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usual {
    /// Decay of the running mean and of the running square.
    pub betas: [f64; 2],
    /// Decoupled weight decay.
    pub weight_decay: f64,
}

/// One term of a weighted sum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// Its weight, rounded to 1e-9.
    pub weight: f64,
    /// The loss itself.
    pub loss: Loss,
}

/// A temperature is above 0.
fn temperature(found: &mut crate::spec::check::Found, kind: &str, temperature: f64) {
    let what = format!("a temperature for `{kind}`");
    found.above_zero("temperature", &what, temperature, "CHAMMI: 0.05 to 0.5, mostly 0.07");
}
