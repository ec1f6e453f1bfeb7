//! Which step of an adaptation is kept without a label of the target: the one after which the classifier says each class about
//! as often as its training images have it.

use super::{
    Error, WorkContext,
    fit::{self, WEIGHTS, channels},
    learned,
    sets::Part,
};
use crate::{
    data::Norm,
    embed::Embedder,
    evaluate::classify::Head,
    event::{Listen, Silence},
    format,
    params::Params,
    plan::{Step, Training},
    train::{self, Judge},
};
use std::sync::Mutex;

/// A classifier, how frequent its classes are expected to be, and the images that it is asked about.
pub(super) struct OfClasses<'a> {
    embedder: Mutex<Embedder>,
    head: Head,
    /// Of each class, in the order of the head.
    expected: Vec<f64>,
    asked: Vec<(&'a Part<'a>, Vec<u32>, Norm)>,
}

impl WorkContext<'_> {
    /// The judge of the adaptation `step` to all images of `asked`, by the classifier that is its second parent.
    pub(super) fn judge<'a>(
        &self,
        step: &Step,
        asked: &'a [Part<'a>],
        training: &Training,
        listen: &mut dyn Listen,
    ) -> Result<OfClasses<'a>, Error> {
        let [model, classifier] = step.parents.as_slice() else {
            panic!("the plan puts the classifier behind the model that is adapted");
        };
        let top = self.plan.fit(classifier);
        let (source, weights) =
            (self.sets.open(&top.data, top.subset, listen)?, self.of_parent(classifier, WEIGHTS));
        let card = fit::card_of_sets(top, &channels(&source));
        let at_home = top.data.name == self.plan.fit(model).data.name;
        let mut embedder = Embedder::restore(&card, &channels(asked), at_home, &weights)?;
        embedder.go_to(&self.executor.device, format::of(top.precision))?;
        let of_classifier = top.training.as_ref().expect("a classifier is trained");
        let mut labels = Vec::new();
        for part in &source {
            let (rows, set) = (fit::rows(part, of_classifier).0, part.set());
            labels.extend(rows.iter().map(|row| set.labels[usize::from(set.label(*row))].clone()));
        }
        let width = embedder.width();
        let head = learned::head(&weights, width, || {
            let mut classes = labels.clone();
            classes.sort_unstable();
            classes.dedup();
            classes
        })?;
        let count = |class: &String| labels.iter().filter(|label| *label == class).count() as f64;
        let expected = head.classes.iter().map(|class| count(class) / labels.len().max(1) as f64).collect();
        let asked = asked.iter().map(|part| {
            let rows = fit::rows(part, training).0;
            Ok((part, rows, self.norm(top, part, listen)?))
        });
        let asked = asked.collect::<Result<_, Error>>()?;
        Ok(OfClasses { embedder: Mutex::new(embedder), head, expected, asked })
    }
}

impl Judge for OfClasses<'_> {
    fn distance(&self, params: &Params) -> Result<f64, train::Error> {
        let mut embedder = self.embedder.lock().expect("nobody panics with it");
        embedder.take_over(params)?;
        let mut said = vec![0u64; self.head.classes.len()];
        for (at, (part, rows, norm)) in self.asked.iter().enumerate() {
            let mut count = |features: &[f32], width| {
                self.head.answers(features, width).for_each(|class| said[class] += 1);
                Ok(())
            };
            embedder
                .embed_rows((part.set(), rows), at, norm, &mut Silence, &mut count)
                .map_err(|error| train::Error::Judge(Box::new(error)))?;
        }
        Ok(divergence(&said, &self.expected))
    }
}

/// Kullback-Leibler divergence of counted classes from the expected ones, in nats.
pub(super) fn divergence(said: &[u64], expected: &[f64]) -> f64 {
    let all = said.iter().sum::<u64>().max(1) as f64;
    let shares = said.iter().map(|count| *count as f64 / all).zip(expected);
    shares
        .filter(|(share, _)| *share > 0.0)
        .map(|(share, expected)| share * libm::log(share / expected))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_as_frequent_as_expected_are_no_distance_away() {
        assert_eq!(divergence(&[5, 5, 10], &[0.25, 0.25, 0.5]), 0.0);
        // All in one of four.
        assert!((divergence(&[0, 7, 0, 0], &[0.25; 4]) - 4f64.ln()).abs() < 1e-15);
        // 0.8 ln 1.6 + 0.2 ln 0.4
        assert!((divergence(&[8, 2], &[0.5, 0.5]) - 0.192_744_757_021_757_44).abs() < 1e-12);
        assert_eq!(divergence(&[0, 0], &[0.5, 0.5]), 0.0);
    }
}
