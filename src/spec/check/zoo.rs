//! Networks of the zoo whose positions are not resized see squares of one side.

use super::found::Found;
use crate::spec::{Backbone, Spec, View};

pub(super) fn one_side(found: &mut Found, spec: &Spec) {
    let Backbone::Zoo { model } = &spec.model.backbone else { return };
    let (facts, side) = (model.facts(), spec.train.image);
    let holds = spec.model.adapter.view() == View::Native || model.sees(side);
    let message = || format!("{} sees squares of {} px only, found {side}", facts.title, facts.side);
    let hint = "say that side with `.image(…)`, or leave `.view(View::Resized)` out";
    found.unless(holds, "zoo_side", message, hint);
}
