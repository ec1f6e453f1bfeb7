//! KoLeo: features of a batch keep away from each other.

use super::{Loss, LossWord};
use crate::{
    dsl::loss,
    needs::Needs,
    spec::{InStage, check::Found, recipe::Recipe},
    word::{Named, StageWord, With, word},
};

word! {
    "train.objective", "koleo", revision 1;
    /// The Kozachenko-Leonenko estimate of entropy (Sablayrolles et al. 2019) as DINOv2 has it, written `0.1 * KoLeo` beside
    /// another loss: the features of each large view, before any head, keep away from the nearest ones of other images in the
    /// step. It is the sum over views.
    pub struct KoLeo;
    switches {}
}
loss!(NoLabels: KoLeo, With<KoLeo>);

impl LossWord for Settings {
    fn needs(&self) -> Needs {
        Needs::IMAGES
    }

    fn in_mix(&self, _: Recipe) -> Loss {
        self.clone().into()
    }
}

impl StageWord for Settings {
    fn check(&self, at: &InStage<'_>, found: &mut Found) {
        let batch = at.stage.batch;
        let message = || format!("`KoLeo` needs two images in a step, found a batch of {batch}");
        found.unless(batch > 1, "koleo_batch", message, "say `.batch(32)`");
        let alone = at.stage.objective.iter().all(|term| term.loss.kind() == Self::KIND);
        let message = || "`KoLeo` alone spreads features and says nothing of images".into();
        found.unless(!alone, "koleo_alone", message, "say `.loss(Dino::v2() + 0.1 * KoLeo)`");
    }

    fn quick(&mut self, _: &InStage<'_>) {}
}
