//! Which of CODA's methods a spec is, and on which source it was trained.

use super::PAPER;
use crate::{
    data::jump,
    spec::{
        Adapt, Augment, Backbone, Embedding, KeptStep, Loss, Role, Spec, Stage, StudentStart, TestTime,
        VitSize, Weights,
    },
};

/// A row of its tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct System {
    /// `ODA`.
    pub method: &'static str,
    /// `S3`: what it was trained on.
    pub source: &'static str,
}

/// What a stage learns from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Learns {
    Labels,
    Views,
    Pairs,
    Masks,
}

impl System {
    /// The system of a spec, whatever it is asked about; none if it is none of the tables'.
    pub fn of(spec: &Spec) -> Option<Self> {
        let (system, per) = Self::of_part(spec)?;
        per.is_none().then_some(system)
    }

    /// The same where one model may be for a part of a target only, as in Figure 4: what each of these parts has in common, and
    /// none where one model is for all of the target.
    pub fn of_part(spec: &Spec) -> Option<(Self, Option<Role>)> {
        let Backbone::Vit(_) = spec.model.backbone else { return None };
        let [set] = spec.train.data.sets.as_slice() else { return None };
        let [stage] = spec.train.stages.as_slice() else { return None };
        let whole =
            spec.train.data.name == jump::NAME && spec.train.data.only.is_empty() && stage.on.is_none();
        let source = PAPER.tasks.iter().find(|task| task.set() == set)?.paper;
        let Embedding { test_time, .. } = &spec.embedding;
        let plain = Embedding { test_time: None, ..spec.embedding.clone() }.is_plain();
        if !whole || !plain {
            return None;
        }
        let first = learns(stage)?;
        if let Some(TestTime::Ttt(how)) = test_time {
            let holds = first == Learns::Masks && spec.classifier.is_some() && how.lr > 0.0;
            return holds.then_some((Self { method: "TTT", source }, None));
        }
        let method = match (first, &spec.classifier, &spec.adapt) {
            (Learns::Labels, None, None) => "Supervised",
            (Learns::Views, Some(_), None) => "Dual-model-DINO",
            (Learns::Pairs, Some(_), None) => "Dual-model-CB",
            (Learns::Masks, Some(_), None) => "Dual-model-MAE",
            (first, Some(_), Some(Adapt { keep: KeptStep::LastStep, data, stage, rate, .. }))
                if data.only.is_empty() && *rate > 0.0 =>
            {
                match (first, learns(stage)?) {
                    (Learns::Views, Learns::Views) => "ODA",
                    (Learns::Pairs, Learns::Pairs) => "CODA",
                    (Learns::Masks, Learns::Masks) => "ODA-MAE",
                    _ => return None,
                }
            }
            _ => return None,
        };
        Some((Self { method, source }, spec.adapt.as_ref().and_then(|adapt| adapt.per)))
    }
}

/// Whether an adaptation is one of Figure 4, which takes batches of 64; those of the tables take 128.
pub fn is_of_figure_4(spec: &Spec) -> bool {
    spec.adapt.as_ref().is_some_and(|adapt| adapt.stage.batch == 64)
}

fn learns(stage: &Stage) -> Option<Learns> {
    if stage.augment.iter().any(|change| matches!(change, Augment::Microscope(_))) {
        return None;
    }
    match stage.objective.as_slice() {
        [term] => match &term.loss {
            Loss::CrossEntropy(_) => Some(Learns::Labels),
            Loss::DinoV1(word) if word.across.0.is_some() => Some(Learns::Pairs),
            Loss::DinoV1(_) => Some(Learns::Views),
            Loss::Mae(_) => Some(Learns::Masks),
            _ => None,
        },
        _ => None,
    }
}

/// Why the published numbers cannot have come from this spec, if they cannot.
pub(super) fn against(spec: &Spec) -> Option<String> {
    let Backbone::Vit(word) = &spec.model.backbone else { return None };
    if word.size != VitSize::Small || spec.model.weights != Weights::ImageNet1k {
        return Some("the paper trains DeiT-S from its ImageNet weights".into());
    }
    let repaired = spec.adapt.as_ref().is_some_and(|adapt| adapt.student == StudentStart::Teacher);
    repaired.then(|| "our repaired adaptation, which the paper did not run".into())
}

#[cfg(test)]
mod tests {
    use super::{Spec, System, TestTime, against};
    use crate::{prelude::*, sample};

    fn spec(at_test_time: bool) -> Spec {
        let model = Vit::small().pretrained(ImageNet1k).adapter(Planes(["dna", "er", "mito"])).train_on(S3);
        let dual = model.loss(Mae::mask(0.75)).classify(Vit::small());
        match at_test_time {
            true => sample::spec(dual.at_test_time(Ttt).evaluate(Accuracy.on(S5)), Recipe::Released),
            false => sample::spec(dual.evaluate(Accuracy.on(S5)), Recipe::Released),
        }
    }

    #[test]
    fn a_model_that_is_trained_on_each_image_is_ttt_and_at_rate_0_it_is_a_control() {
        let method = |spec: &Spec| System::of(spec).map(|system| (system.method, system.source));
        assert_eq!(method(&spec(false)), Some(("Dual-model-MAE", "S3")));
        let mut ttt = spec(true);
        assert_eq!((method(&ttt), against(&ttt)), (Some(("TTT", "S3")), None));
        let Some(TestTime::Ttt(how)) = &mut ttt.embedding.test_time else { panic!("said above") };
        assert_eq!((how.steps, how.copies, how.lr, how.flips), (5, 128, 5e-3, true));
        how.lr = 0.0;
        assert_eq!(method(&ttt), None);
        let mut turned = spec(true);
        turned.embedding.symmetries = true;
        assert_eq!(method(&turned), None);
    }
}
