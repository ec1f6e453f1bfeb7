//! Knn: the weighted votes of the nearest training images of the source.

use super::{
    Logistic, Protocol, ProtocolWord, Reads, Standardised, Target,
    target::{Classifies, Stated, classifies},
};
use crate::{
    dsl::OfFeatures,
    role::Role,
    spec::{Spec, bounds, check::Found},
    word::{Named, With, Word, word},
};

word! {
    "evaluate.protocol", "knn", revision 1;
    /// The votes of the k nearest training images by cosine, each weighed by `exp(cosine / temperature)`: how DINO and DINOv2
    /// evaluate features (k 20, temperature 0.07), and how CODA selects checkpoints (k 50, temperature 0.1).
    settings of Knn {
        /// The number of neighbours.
        k: usize,
        /// Cosines are divided by this.
        temperature: f64,
        /// How features of the target are put on the source's scale first, if they are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        standardised: Option<Standardised>,
        /// Over which images votes are pooled, if they are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pooled: Option<Role>,
    }
}
classifies!(Knn);

/// The weighted votes of the nearest training images.
#[derive(Clone, Copy, Debug)]
pub struct Knn {
    k: usize,
}

/// DINO's and DINOv2's.
const TEMPERATURE: f64 = 0.07;

impl Knn {
    /// Of this number of neighbours. DINO: 20; CODA: 50.
    pub const fn k(k: usize) -> Self {
        Self { k }
    }

    /// Another temperature than 0.07. CODA: 0.1.
    pub fn temperature(self, temperature: f64) -> With<Self> {
        With::of(self).temperature(temperature)
    }
}

impl With<Knn> {
    /// Another temperature than 0.07. CODA: 0.1.
    pub fn temperature(self, temperature: f64) -> Self {
        self.stating(|stated| stated.temperature = Some(temperature))
    }
}

impl Classifies for Knn {
    type Asks = OfFeatures;

    fn settings(self, stated: Stated) -> Settings {
        let Stated { standardised, pooled, temperature, .. } = stated;
        Settings { k: self.k, temperature: temperature.unwrap_or(TEMPERATURE), standardised, pooled }
    }
}

/// The title of one by the middle of its name: `"20"`, `"50_t0.1"`.
pub(super) fn title(middle: &str) -> Option<String> {
    let (k, temperature) = match middle.split_once("_t") {
        None => (middle, String::new()),
        Some((k, temperature)) => (k, format!(", T {}", temperature.parse::<f64>().ok()?)),
    };
    Some(format!("weighted {}-NN{temperature}", k.parse::<usize>().ok()?))
}

impl Settings {
    fn middle(&self) -> String {
        let Self { k, temperature, .. } = self;
        if *temperature == TEMPERATURE { k.to_string() } else { format!("{k}_t{temperature}") }
    }
}

impl ProtocolWord for Settings {
    fn name(&self) -> String {
        format!("{}_{}{}", Self::KIND, self.middle(), self.target().suffix())
    }

    fn title(&self) -> String {
        title(&self.middle()).unwrap_or_default() + &self.target().words()
    }

    /// By a logistic regression: deviations of hand-made features are not equal before it.
    fn of_standardised(&self) -> Protocol {
        Logistic { standardised: self.standardised, pooled: self.pooled, ..Logistic::default() }.into()
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
        found.within(&bounds::NEIGHBOURS, self.k);
        let hint = "DINO: 0.07; CODA: 0.1";
        found.above_zero("temperature", "a temperature for `knn`", self.temperature, hint);
    }

    fn quick(&mut self, _: &Spec) {}
}
