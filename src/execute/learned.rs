//! Scoring works whose answers come from what a model was trained on, not from the sets that are asked: a trained
//! classifier, or one that is fitted on the source's features.

use super::{
    Error, WorkContext, fit,
    score::{Question, Scored},
    sets::Part,
};
use crate::{
    backbone::files,
    data::{HOLD_OUT_SEED, hold_out},
    evaluate::{
        FeatureRows, TaskInput,
        classify::{
            Asked, Classified, Head, Learned, Training, TrainingPart, classify, majority, prior, regression,
        },
        questions::Questions,
    },
    event::{Event, Listen},
    model::Card,
    plan::{Revisions, Step},
    seed::Seed,
    spec::{Beside, Features, Protocol, Selection},
};
use serde::Serialize;
use std::{collections::BTreeMap, path::Path};

impl WorkContext<'_> {
    /// Scores of all tasks of `parts`, by what was learned on the images of `source`.
    pub(super) fn learned(
        &self,
        step: &Step,
        question: &Question<'_>,
        source: &Selection,
        parts: &[Part<'_>],
        listen: &mut dyn Listen,
    ) -> Result<Vec<Scored>, Error> {
        let by = question.protocol.of_features(question.features);
        let guessed = matches!(question.features, Features::Constant | Features::Prior);
        let trained = self.sets.open(source, question.subset, listen)?;
        let mut features: Vec<Option<Box<dyn FeatureRows>>> = Vec::new();
        for part in &trained {
            let read = by.reads().training_features && !guessed;
            features.push(if read {
                self.features(step, question, (source, true), part, listen)?
            } else {
                None
            });
        }
        let parts_of_source = trained.iter().zip(&features).map(|(part, features)| {
            let (rows, _) = part.set().training_rows(question.hold_out, &source.only);
            TrainingPart::of(part.set(), rows, features.as_deref())
        });
        let training = Training { data: &source.name, parts: parts_of_source.collect() };
        let (mut scored, mut learned) = (Vec::new(), None);
        for (number, part) in parts.iter().enumerate() {
            let set = part.set();
            let features = self.features(step, question, (question.data, false), part, listen)?;
            if let (Some(features), None) = (&features, &learned) {
                let head = match &by {
                    Protocol::Logistic(word) => {
                        let of = self.regression_of(step, question, source, &trained, (&by, word.c));
                        let fit = |listen: &mut dyn Listen| Ok(regression(&training, word.c, listen)?);
                        Some(self.sets.classifier(&trained, &of, fit, listen)?)
                    }
                    _ if by.reads().head => {
                        Some(self.head(step, question, &set.name, features.width(), &training)?)
                    }
                    _ => None,
                };
                learned = Some(Learned::of(&by, head, &training, listen)?);
            }
            let mut questions = Questions::of(&question.data.name, set);
            if question.data.name == source.name && source.reads(&set.name) {
                questions = questions.holding_out(hold_out(set, question.hold_out, HOLD_OUT_SEED));
            }
            let questions = questions.asking(&part.chosen());
            for task in questions.tasks() {
                let unseen = training.unseen(&task);
                if !unseen.contains(&true) {
                    continue;
                }
                let asked = Asked { task: TaskInput { counted: Some(&unseen), ..task }, roles: set };
                let Classified { score, label_names, unknown } = match (&features, &learned) {
                    (Some(features), Some(learned)) => {
                        classify(&by, &asked, features.as_ref(), learned, &training, listen)?
                    }
                    _ if question.features == Features::Prior => prior(&asked, &training, Seed(0))?,
                    _ => majority(&asked, &training)?,
                };
                if question.features == Features::Model && !unknown.is_empty() {
                    listen.receive(&Event::Note(&strange(&score.name(), &unknown)));
                }
                scored.push(Scored { part: number, score, label_names: Some(label_names) });
            }
        }
        Ok(scored)
    }

    fn regression_of<'q>(
        &'q self,
        step: &'q Step,
        question: &Question<'q>,
        source: &'q Selection,
        trained: &'q [Part<'_>],
        (by, c): (&Protocol, f64),
    ) -> Regression<'q> {
        let of_set = |part: &'q Part<'_>| self.plan.embeds(step, (source, true), &part.set().name);
        let Question { features, beside, hold_out, subset, .. } = *question;
        let of_model = matches!(features, Features::Model | Features::Untrained);
        let embeds = trained.iter().flat_map(of_set).map(|embed| embed.id.as_str()).collect();
        let beside = if of_model { beside } else { &[] };
        Regression {
            c,
            source,
            hold_out,
            subset,
            features,
            beside,
            embeds,
            revisions: Revisions::learned(by),
        }
    }

    /// The classifier that was trained with the model whose features of this set are read.
    fn head(
        &self,
        step: &Step,
        question: &Question<'_>,
        set: &str,
        width: usize,
        training: &Training<'_>,
    ) -> Result<Head, Error> {
        let embed = self.plan.embeds(step, (question.data, false), set).next();
        let fit =
            embed.and_then(|embed| embed.parents.first()).ok_or_else(|| Error::NoFeatures(set.into()))?;
        head(&self.of_parent(fit, fit::WEIGHTS), width, || training.classes())
    }
}

/// The classifier in the weights that a training has left. Those that an earlier version wrote do not name their classes,
/// which are then those of the training images.
pub(super) fn head(path: &Path, width: usize, trained: impl FnOnce() -> Vec<String>) -> Result<Head, Error> {
    let card = files::note(path)?.and_then(|note| serde_json::from_str::<Card>(&note).ok());
    let classes = card.map(|card| card.classes).filter(|classes| !classes.is_empty()).unwrap_or_else(trained);
    let shape = [classes.len(), width];
    let [weight, bias] =
        files::tensors(path, &[("classifier.weight", &shape), ("classifier.bias", &shape[..1])])?;
    Ok(Head::new(classes, &weight, &bias))
}

/// What a regression depends on besides the data: neither the target that is asked, nor how its features are scaled.
#[derive(Serialize)]
struct Regression<'a> {
    c: f64,
    source: &'a Selection,
    hold_out: f64,
    subset: Option<usize>,
    features: Features,
    beside: &'a [Beside],
    /// The embeddings of the source, if it is fitted on those.
    embeds: Vec<&'a str>,
    revisions: Revisions,
}

/// `source_5/Task_one: 34 images have labels that the classifier does not know (a, b and 3 more); they count as wrong`.
fn strange(task: &str, unknown: &BTreeMap<String, usize>) -> String {
    const LISTED: usize = 3;
    let images: usize = unknown.values().sum();
    let names: Vec<&str> = unknown.keys().take(LISTED).map(String::as_str).collect();
    let more = unknown.len().saturating_sub(LISTED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let (are, have) =
        if images == 1 { ("image has a label", "it counts") } else { ("images have labels", "they count") };
    format!(
        "{task}: {images} {are} that the classifier does not know ({}{more}); {have} as wrong",
        names.join(", ")
    )
}
