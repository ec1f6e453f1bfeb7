//! Ibot: a student that does not see some patches learns to say what the teacher says of them.

use super::{Loss, LossWord, dino_v2::SMALL_PROTOTYPES};
use crate::{
    dsl::loss,
    needs::Needs,
    spec::{Backbone, InStage, bounds, check::Found, recipe::Recipe},
    word::{StageWord, With, word},
};
use serde::{Deserialize, Serialize};

word! {
    "train.objective", "ibot", revision 1;
    /// Masked patches (Zhou et al. 2022) as DINOv2 has them, beside `Dino::v2()`: blocks of patches of some large views are replaced
    /// by a token that is learned, and the student learns to say of each what the teacher, which sees all of the view, says.
    pub struct Ibot;
    switches {
        /// Share of the large views of a step with masked patches.
        views: f64 = 0.5, "DINOv2's code: `mask_sample_probability`";
        /// The least and the largest share of a view's patches that are masked.
        masked: [f64; 2] = [0.1, 0.5], "DINOv2's code: `mask_ratio_min_max`";
        /// Whether tokens are compared with the prototypes of `Dino`, or with their own.
        head: IbotHead = shared, "DINOv2's code; its models of 2023 have two";
        /// Prototypes of a head of their own.
        prototypes: usize = 65536, "DINOv2's code";
    }
}
loss!(NoLabels: Ibot, With<Ibot>);

/// What tokens are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IbotHead {
    /// The head of `Dino`.
    Shared,
    /// Another head with hidden layers of the same widths.
    Separate,
}

impl LossWord for Settings {
    fn needs(&self) -> Needs {
        Needs { teacher: true, ..Needs::IMAGES }
    }

    fn in_mix(&self, _: Recipe) -> Loss {
        self.clone().into()
    }
}

impl StageWord for Settings {
    fn check(&self, at: &InStage<'_>, found: &mut Found) {
        let views = self.views;
        let message = || format!("expected a share of views above 0 and at most 1, found {views}");
        found.unless(views > 0.0 && views <= 1.0, "ibot_views", message, "DINOv2: 0.5");
        let [least, most] = self.masked;
        let message = || {
            format!(
                "expected shares of masked patches between 0 and 1, the lesser one first, found {least} and {most}"
            )
        };
        let holds = least > 0.0 && least <= most && most < 1.0;
        found.unless(holds, "ibot_masked", message, "DINOv2: 0.1 and 0.5");
        found.within(&bounds::DINO_HEAD, self.prototypes);
        let beside = at.stage.objective.iter().any(|term| matches_dino(&term.loss));
        let message = || "`Ibot` needs the teacher of `Dino::v2()`, which is not in this sum".into();
        found.unless(beside, "ibot_alone", message, "say `.loss(Dino::v2() + Ibot + 0.1 * KoLeo)`");
        let vit = match &at.spec.model.backbone {
            Backbone::Vit(_) => true,
            Backbone::ConvNext(_) | Backbone::ResNet(_) | Backbone::DinoV2(_) | Backbone::OffTheShelf(_) => {
                false
            }
        };
        let message = || {
            format!(
                "`Ibot` masks the patches of a vision transformer, and the backbone is {}",
                at.spec.model.backbone
            )
        };
        found.unless(
            vit,
            "ibot_backbone",
            message,
            "take a `Vit`, such as `Vit::small()`, or leave `Ibot` out",
        );
    }

    fn quick(&mut self, _: &InStage<'_>) {
        self.prototypes = self.prototypes.min(SMALL_PROTOTYPES);
    }
}

fn matches_dino(loss: &Loss) -> bool {
    match loss {
        Loss::Dino(_) => true,
        Loss::CrossEntropy(_)
        | Loss::CeOnFeatures(_)
        | Loss::ProxyNca(_)
        | Loss::SimClr(_)
        | Loss::DinoV1(_)
        | Loss::Mae(_)
        | Loss::Ibot(_)
        | Loss::KoLeo(_) => false,
    }
}
