//! TemplateMixing: filters mixed from shared templates.

use super::{AdapterWord, Enters, Models, Samples, View};
use crate::{
    dsl::stem,
    spec::{
        Spec,
        bounds::{self, Bound},
        check::Found,
    },
    word::{With, Word, word},
};
use serde::{Deserialize, Serialize};

word! {
    "model.adapter", "template_mixing", revision 1;
    /// Each channel's filters are a learned mixture of shared templates (CHAMMI, section 4.1; Savarese and
    /// Maire 2019; released `templatemixingconvnext`).
    ///
    /// CHAMMI: `TemplateMixing { templates: 128 }`.
    pub struct TemplateMixing {
        /// Number of templates.
        pub templates: usize,
    }
    switches {
        /// How mixtures are stored and initialised.
        coefficients: Coefficients = per_set, "checkpoint config: separate coefficients";
    }
}
stem!(TemplateMixing, With<TemplateMixing>);

/// How mixtures of templates are stored and initialised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Coefficients {
    /// One mixture per channel of each set, initialised with orthonormal rows (the released configuration).
    PerSet,
    /// One mixture per channel name, initialised with orthonormal rows.
    Shared,
    /// One mixture per channel of each set. Each channel owns an equal share of the templates; its
    /// coefficients start at 0.9 for these and at 0.1 for those of equal channels in other sets (the
    /// release's second version).
    Owned,
}

impl TemplateMixing {
    /// One mixture per channel *name*, instead of one per channel of each set.
    pub fn shared(self) -> With<Self> {
        self.coefficients(Coefficients::Shared)
    }
}

impl AdapterWord for Settings {
    fn enters(&self) -> Enters {
        Enters::Maps
    }

    fn reads_unseen_sets(&self) -> bool {
        false
    }

    fn sizes(&self) -> Vec<(Bound, usize)> {
        vec![(bounds::TEMPLATES, self.templates)]
    }

    fn trains(&self) -> bool {
        true
    }

    fn models(&self) -> Models<'_> {
        Models::One
    }

    fn view(&self) -> View {
        View::Resized
    }

    fn has_the_same_planes(&self) -> bool {
        false
    }

    fn samples(&self) -> Samples {
        Samples::Images
    }
}

impl Word for Settings {
    fn check(&self, _: &Spec, _: &mut Found) {}

    // Its templates add little to the cost of a small backbone.
    fn quick(&mut self, _: &Spec) {}
}
