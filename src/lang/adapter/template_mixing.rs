//! TemplateMixing: filters mixed from shared templates.

use super::{AdapterWord, Enters, Models, View};
use crate::{
    dsl::stem,
    spec::{Spec, check::Found},
    word::{With, Word, word},
};
use serde::{Deserialize, Serialize};

word! {
    "model.adapter", "template_mixing", revision 1;
    /// Each channel's filters are its own mixture of shared templates (CHAMMI, section 4.1; Savarese and Maire 2019;
    /// released `templatemixingconvnext`).
    ///
    /// CHAMMI: `TemplateMixing { templates: 128 }`.
    pub struct TemplateMixing {
        /// Templates that filters are mixed of.
        pub templates: usize,
    }
    switches {
        /// How mixtures are kept and where they start.
        coefficients: Coefficients = per_set, "checkpoint config: separate coefficients";
    }
}
stem!(TemplateMixing, With<TemplateMixing>);

/// How mixtures of templates are kept and where they start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Coefficients {
    /// One mixture for each channel of each set, starting with orthonormal rows (the released configuration).
    PerSet,
    /// One mixture for each channel name, starting with orthonormal rows.
    Shared,
    /// One mixture for each channel of each set; each owns an equal share of the templates, in which it starts with
    /// 0.9, with 0.1 in those of equal channels of other sets (the release's second version).
    Owned,
}

impl TemplateMixing {
    /// One mixture for each channel *name*, instead of one for each channel of each set.
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

    fn trains(&self) -> bool {
        true
    }

    fn models(&self) -> Models<'_> {
        Models::One
    }

    fn view(&self) -> View {
        View::Resized
    }
}

impl Word for Settings {
    fn check(&self, _: &Spec, found: &mut Found) {
        let message = || "expected at least one template for TemplateMixing, found 0".into();
        found.unless(self.templates > 0, "templates", message, "CHAMMI: 128");
    }

    // What its templates add to a small backbone costs little.
    fn quick(&mut self, _: &Spec) {}
}
