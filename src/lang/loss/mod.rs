//! Losses: the axis, the facts of each, and weighted sums of them.

mod ce_on_features;
mod cross_entropy;
mod dino_v1;
mod dino_v2;
mod ibot;
mod koleo;
mod mae;
mod proxy_nca;
mod sim_clr;

pub use proxy_nca::{Scale, ScaleRule};

use crate::{
    axis::axis,
    needs::Needs,
    spec::{
        InStage,
        recipe::{Recipe, Switch},
    },
    word::Named,
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
        #[serde(rename = "dino_v2")]
        Dino = dino_v2::{Dino; Centering},
        Ibot = ibot::{Ibot; IbotHead},
        #[serde(rename = "koleo")]
        KoLeo = koleo::{KoLeo;},
    }
    /// The facts of a loss.
    facts {
        /// The inputs that it needs.
        fn needs(&self) -> Needs;
        /// What a recipe replaces it with next to a loss that reads no labels.
        fn in_mix(&self, recipe: Recipe) -> Loss;
    }
}

/// How steps are taken with a loss of that kind, where a sentence does not say and it is not as with others.
pub(crate) fn of_stage(kind: &str) -> &'static [Switch] {
    const OWN: &[(&str, &[Switch])] = &[
        (dino_v1::Settings::KIND, dino_v1::OF_STAGE),
        (dino_v2::Settings::KIND, dino_v2::OF_STAGE),
        (mae::Settings::KIND, mae::OF_STAGE),
    ];
    OWN.iter().find(|(known, _)| *known == kind).map_or(&[], |(_, switches)| switches)
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
