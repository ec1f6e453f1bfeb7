//! CeOnFeatures: what the released mix computes instead of ProxyNCA++. It cannot be declared; a recipe
//! selects it.

use super::{Loss, LossWord};
use crate::{
    needs::Needs,
    spec::{InStage, check::Found, recipe::Recipe},
    word::{StageWord, word},
};

word! {
    "train.objective", "ce_on_features", revision 1;
    /// Cross-entropy with the pooled features themselves as logits: what the released "combined" loss
    /// computes where the paper has ProxyNCA++. Class ids are the indices of logits.
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
