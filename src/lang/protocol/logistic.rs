//! Logistic: a logistic regression, fitted on the source's features.

use super::{
    Protocol, ProtocolWord, Reads, Standardised, Target,
    target::{Classifies, Stated, classifies},
};
use crate::{
    dsl::OfFeatures,
    role::Role,
    spec::{Spec, check::Found},
    word::{Named, With, Word, word},
};

word! {
    "evaluate.protocol", "logistic", revision 1;
    /// A linear probe: multinomial logistic regression on the features of the training images, each feature with mean 0
    /// and SD 1 there, with an L2 penalty. As in scikit-learn, `c` weighs the images' losses against half the sum of squared
    /// weights; intercepts are not penalised.
    settings of Logistic {
        /// The weight of the images' losses against the penalty.
        c: f64,
        /// How features of the target are put on the source's scale first, if they are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        standardised: Option<Standardised>,
        /// Over which images votes are pooled, if they are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pooled: Option<Role>,
    }
}
classifies!(Logistic);

/// A linear probe: logistic regression on the features of the training images.
#[derive(Clone, Copy, Debug)]
pub struct Logistic;

impl Classifies for Logistic {
    type Asks = OfFeatures;

    fn settings(self, stated: Stated) -> Settings {
        let Stated { standardised, pooled, .. } = stated;
        Settings { c: stated.c.unwrap_or(1.0), standardised, pooled }
    }
}

impl Logistic {
    /// Another weight of the images' losses against the penalty than 1.
    pub fn c(self, c: f64) -> With<Self> {
        With::of(self).c(c)
    }
}

impl With<Logistic> {
    /// Another weight of the images' losses against the penalty than 1.
    pub fn c(self, c: f64) -> Self {
        self.stating(|stated| stated.c = Some(c))
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self { c: 1.0, standardised: None, pooled: None }
    }
}

/// The title of one with this `c`, by the middle of its name: `""`, `"_c0.1"`.
pub(super) fn title(middle: &str) -> Option<String> {
    let c = match middle {
        "" => String::new(),
        middle => format!(", C {}", middle.strip_prefix("_c")?.parse::<f64>().ok()?),
    };
    Some(format!("logistic regression{c}"))
}

impl Settings {
    fn middle(&self) -> String {
        if self.c == 1.0 { String::new() } else { format!("_c{}", self.c) }
    }
}

impl ProtocolWord for Settings {
    fn name(&self) -> String {
        format!("{}{}{}", Self::KIND, self.middle(), self.target().suffix())
    }

    fn title(&self) -> String {
        title(&self.middle()).unwrap_or_default() + &self.target().words()
    }

    /// The same: it standardises all features.
    fn of_standardised(&self) -> Protocol {
        self.clone().into()
    }

    fn of_untrained(&self) -> Protocol {
        self.clone().into()
    }

    fn reads(&self) -> Reads {
        Reads::TRAINING
    }

    fn target(&self) -> Target {
        Target { standardised: self.standardised, pooled: self.pooled }
    }
}

impl Word for Settings {
    fn check(&self, spec: &Spec, found: &mut Found) {
        self.target().check(Self::NAME, spec, found);
        let hint = "scikit-learn's default is 1; less is a stronger penalty";
        found.above_zero("logistic_c", "a weight of the losses of `logistic`", self.c, hint);
    }

    fn quick(&mut self, _: &Spec) {}
}
