//! CeOnFeatures: what the released mix computes instead of ProxyNCA++. No sentence says it; a recipe does.

use super::{Loss, LossWord};
use crate::{
    needs::Needs,
    spec::{InStage, check::Found, recipe::Recipe},
    word::{StageWord, word},
};

word! {
    "train.objective", "ce_on_features", revision 1;
    /// Cross-entropy with the pooled features themselves as logits: what the released "combined" loss computes where
    /// the paper says ProxyNCA++. The class ids are the logits' indices.
    settings of CeOnFeatures {}
}

impl LossWord for Settings {
    fn needs(&self) -> Needs {
        Needs { labels: true, ..Needs::IMAGES }
    }

    fn in_mix(&self, _: Recipe) -> Loss {
        self.clone().into()
    }
}

impl StageWord for Settings {
    fn check(&self, _: &InStage<'_>, _: &mut Found) {}

    fn quick(&mut self, _: &InStage<'_>) {}
}
