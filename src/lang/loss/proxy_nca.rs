//! ProxyNca: one proxy per class.

use super::{Loss, LossWord, ce_on_features, temperature};
use crate::{
    dsl::loss,
    needs::Needs,
    spec::{
        InStage,
        check::Found,
        recipe::{Recipe, Switch, switch},
    },
    word::{Named, StageWord, With, word},
};
use serde::{Deserialize, Serialize};

word! {
    "train.objective", "proxy_nca", revision 1;
    /// ProxyNCA++: softmax over distances to one proxy per class, features and proxies normalised (CHAMMI, section 3.2).
    pub struct ProxyNca {
        /// Distances are divided by this, or by a learned value that starts there.
        temperature: f64,
        /// The factor of features and proxies.
        scale: SaidScale as Scale,
    }
    switches {
        /// Whether the proxies are trained; in the released code they keep their random initial values.
        train_proxies: bool = (false, true, true), "code: proxies are in no group of the optimiser; paper: learned";
    }
    rows [
        switch!("train.objective.proxy_nca.scale.learned.rule", (inverse, square_root, square_root),
            "code: a learnable temperature starts the scale at 1/T; paper: T"),
        switch!("train.objective.proxy_nca.scale.learned.trained", (false, true, true),
            "code: it is in no group of the optimiser"),
        IN_MIX,
    ]
}
loss!(Labels: ProxyNca, With<ProxyNca>);

/// The released code has no ProxyNCA++ next to SimCLR, so a mix is a different loss under that recipe.
const IN_MIX: Switch = switch!(
    "train.objective.supervised.kind",
    (ce_on_features, proxy_nca, proxy_nca),
    "the term beside SimCLR. Code: cross-entropy on the features; appendix: ProxyNCA++"
);

/// [`ProxyNca`] at the temperature that the CHAMMI authors tuned for HyperNet.
pub const PROXY: ProxyNca = ProxyNca::t(0.07);

impl ProxyNca {
    /// With this temperature. CHAMMI tuned it per adapter; HyperNet: 0.07.
    pub const fn t(temperature: f64) -> Self {
        Self { temperature, scale: SaidScale::Fixed }
    }

    /// With a learned temperature that starts there. CHAMMI: TargetParam and SliceParam.
    pub const fn learned(self) -> Self {
        Self { scale: SaidScale::Learned, ..self }
    }
}

/// [`Scale`] as declared: the recipe determines how it is learned.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum SaidScale {
    Fixed,
    Learned,
}

/// The factor of normalised features and proxies before distances are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Scale {
    /// √(1/T), always.
    Fixed,
    /// e to the power of a parameter that is initialised by `rule`: the release's `learnable_temp`.
    Learned {
        /// Its initial value.
        rule: ScaleRule,
        /// Whether it is trained; in the released code it is in no parameter group of the optimiser.
        trained: bool,
    },
}

/// The initial value of a learned scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScaleRule {
    /// √(1/T), so that distances are divided by T.
    SquareRoot,
    /// 1/T, as released: distances are divided by T².
    Inverse,
}

impl ScaleRule {
    /// The scale at temperature `t`.
    pub fn scale(self, t: f64) -> f64 {
        match self {
            Self::SquareRoot => (1.0 / t).sqrt(),
            Self::Inverse => 1.0 / t,
        }
    }
}

impl Loss {
    /// ProxyNCA++ whose proxies are trained, at a fixed temperature.
    pub const fn proxy_nca(temperature: f64) -> Self {
        Self::ProxyNca(Settings { temperature, scale: Scale::Fixed, train_proxies: true })
    }
}

impl LossWord for Settings {
    fn needs(&self) -> Needs {
        Needs { labels: true, ..Needs::IMAGES }
    }

    fn in_mix(&self, recipe: Recipe) -> Loss {
        let kind: String = IN_MIX.value(recipe);
        match kind == Self::KIND {
            true => self.clone().into(),
            false => ce_on_features::Settings {}.into(),
        }
    }
}

impl StageWord for Settings {
    fn check(&self, _: &InStage<'_>, found: &mut Found) {
        temperature(found, Self::KIND, self.temperature);
    }

    fn quick(&mut self, _: &InStage<'_>) {}
}
