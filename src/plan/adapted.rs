//! What comes after the training of a model: a classifier on top of it, its adaptation to other images, and what is kept of the
//! model itself.
//!
//! The first two steps of CODA are works that all of its targets share: an adaptation has the trained model as its parent, an
//! embedding the classifier and the adapted model.

use super::{Draft, Fit, Fitted, Layers, Revisions, TakesOver, Top, Training, Work, all, resolve};
use crate::{
    seed::Seed,
    spec::{Adapt, Classifier, Condition, Selection, Spec, Train, id::WorkId},
};

impl Draft<'_> {
    /// A model with the classifier on top of it, as it is after its adaptation: one for each part of the target.
    pub(super) fn adapted(&mut self, fit: Fitted, spec: &Spec) -> Vec<Fitted> {
        let model = fit.works[0].clone();
        let classifier = spec.classifier.as_ref().map(|classifier| self.classifier(&fit, classifier, spec));
        let with = |adapted: Option<WorkId>| -> Vec<WorkId> {
            match (&classifier, adapted) {
                (Some(classifier), adapted) => [classifier.clone()].into_iter().chain(adapted).collect(),
                (None, adapted) => vec![adapted.unwrap_or_else(|| model.clone())],
            }
        };
        let Some(adapt) = &spec.adapt else {
            let test_time = spec.embedding.test_time.clone();
            // The file of the model has its decoder too.
            let works = with(test_time.as_ref().map(|_| model.clone()));
            return vec![Fitted { works, test_time, ..fit }];
        };
        self.parts(adapt)
            .into_iter()
            .map(|only| {
                let adapted = self.adaptation((&fit, classifier.as_ref()), adapt, only.as_ref(), spec);
                Fitted {
                    works: with(Some(adapted)),
                    part: only,
                    set: fit.set.clone(),
                    test_time: None,
                    seed: fit.seed,
                }
            })
            .collect()
    }

    /// What the model of a run, adapted but without its classifier, says of the images to look at: features of all of them, as for
    /// a score, and how alike some of them are in each layer.
    pub(super) fn inspect(&mut self, spec: &Spec, seed: Seed) {
        let bare = Spec { classifier: None, ..spec.clone() };
        for images in &spec.inspect {
            let fits = self.members(&bare, seed);
            self.embeds(&all(&fits), images, &bare);
            for fit in &fits {
                self.layers(fit, images, &bare);
            }
        }
    }

    fn layers(&mut self, fit: &Fitted, images: &Selection, spec: &Spec) {
        let Train { image, window, subset, .. } = spec.train;
        let mut data = images.clone();
        data.only.extend(fit.only(spec));
        let work = Work::Layers(Layers {
            data,
            image,
            window,
            subset,
            images: Layers::IMAGES,
            batch: Layers::BATCH,
            revisions: Revisions::layers(),
        });
        self.add(work, Some(fit.seed), &[images], fit.works.clone());
    }

    /// The training of a classifier on the frozen model.
    fn classifier(&mut self, fit: &Fitted, classifier: &Classifier, spec: &Spec) -> WorkId {
        let Classifier { backbone, weights, stage } = classifier;
        let top = Top { backbone: backbone.clone(), weights: weights.clone() };
        let mut parents = fit.works.clone();
        parents.extend(self.pretraining(backbone, weights));
        let mut stage = stage.clone();
        if !spec.train.data.only.is_empty() {
            stage.on = Some(spec.train.data.clone());
        }
        let number = spec.train.stages.len();
        let training = Training { number, hold_out: spec.train.hold_out, adapts: None, stage };
        let work = Work::Fit(Fit::of(spec, &spec.train.data, Some(top), Some(training)));
        self.add(work, Some(fit.seed), &[&spec.train.data], parents)
    }

    /// The parts of the target that have an adapted model each; none: all of it.
    fn parts(&self, adapt: &Adapt) -> Vec<Option<Condition>> {
        let Some(role) = adapt.per else { return vec![None] };
        let mut values: Vec<String> = Vec::new();
        for set in resolve(&adapt.data, self.data) {
            let meant = set.rows_of(&adapt.data.only);
            let mut found: Vec<&str> = meant.iter().filter_map(|row| set.role(*row, role)).collect();
            found.sort_unstable();
            found.dedup();
            values.extend(found.into_iter().map(String::from));
        }
        values.sort_unstable();
        values.dedup();
        values.into_iter().map(|value| Some(Condition { role, values: vec![value] })).collect()
    }

    /// The training of a model on other images; `classifier` is on top of it.
    fn adaptation(
        &mut self,
        (fit, classifier): (&Fitted, Option<&WorkId>),
        adapt: &Adapt,
        only: Option<&Condition>,
        spec: &Spec,
    ) -> WorkId {
        let mut on = adapt.data.clone();
        on.only.extend(only.cloned());
        let mut stage = adapt.scaled_stage();
        stage.on = (!on.only.is_empty()).then_some(on);
        let Adapt { student, centre, head, keep, .. } = *adapt;
        let takes_over = TakesOver { student, centre, head, keep };
        let number = spec.train.stages.len() + 1;
        let training = Training { number, hold_out: 0.0, adapts: Some(takes_over), stage };
        // Parameters that belong to sets are those of the sets that the model was trained on.
        let data = if spec.model.adapter.reads_unseen_sets() { &adapt.data } else { &spec.train.data };
        let work = Work::Fit(Fit::of(spec, data, None, Some(training)));
        let mut parents = fit.works.clone();
        let mut reads = vec![&adapt.data];
        if !keep.is_last() {
            parents.extend(classifier.cloned());
            reads.push(&spec.train.data);
        }
        self.add(work, Some(fit.seed), &reads, parents)
    }
}
