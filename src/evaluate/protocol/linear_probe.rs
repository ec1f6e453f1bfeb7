//! Linear classifiers on the training images of a set (DINO BoC, section 5.4), of which one answers: the best on held-out training
//! images, or, as published, on the images that are asked.

use super::{
    Protocol,
    folds::{Fold, folds},
};
use crate::{
    data::hold_out::by_label,
    evaluate::{
        Error, FeatureRows, Prediction, TaskInput, Truth,
        features::in_blocks,
        metrics::{Counts, f1_macro},
        probe::{self, Answer, Known, Point, Probe, Training},
        vectors::first_largest,
    },
    event::{Event, Listen},
    memory,
    seed::Seed,
    spec::{Select, settings},
};
use candle_core::Device;
use std::collections::BTreeMap;

/// The share of training images that choose.
const HELD: f64 = 0.1;
/// Rows of features that are classified at once.
const ROWS: usize = 4096;
/// Draws of a probe belong to the question, not to a run.
const SEED: Seed = Seed(0);

/// The probe as it is said.
pub struct LinearProbe {
    /// Its settings.
    pub word: settings::LinearProbe,
}

/// Called before each step; `false`: stop.
type GoesOn<'a> = &'a mut dyn FnMut() -> bool;

/// Of each point of the grid, the answers in the order of what is asked.
type Answers = Vec<Vec<Answer>>;

impl Protocol for LinearProbe {
    fn answer(
        &self,
        task: &TaskInput<'_>,
        features: &dyn FeatureRows,
        _: &Device,
        listen: &mut dyn Listen,
    ) -> Result<Vec<Prediction>, Error> {
        let points = probe::published(self.word.batch);
        let (mut rows, mut answers): (Vec<u32>, Answers) = (Vec::new(), Vec::new());
        let (folds, fits) = (folds(task), if self.word.select == Select::HeldOut { 2 } else { 1 });
        let total = (folds.len() * fits * self.word.iterations) as u64;
        listen.receive(&Event::Began { what: "fitting linear probes", unit: "step", total });
        let mut done = 0;
        let goes_on = &mut || {
            done += 1;
            listen.receive(&Event::Advanced { done, note: "" });
            !listen.stop()
        };
        for fold in folds {
            let of_fold = match self.word.select {
                Select::Oracle => self.fitted(task, &fold, &points, features, goes_on)?,
                Select::HeldOut => {
                    let best = self.chosen(task, &fold, &points, features, goes_on)?;
                    self.fitted(task, &fold, &[points[best]], features, goes_on)?
                }
            };
            answers.resize(of_fold.len(), Vec::new());
            answers.iter_mut().zip(of_fold).for_each(|(all, own)| all.extend(own));
            rows.extend(fold.asked);
        }
        listen.receive(&Event::Ended);
        let truths: Vec<Truth> = rows.iter().map(|row| task.labels.of(*row)).collect();
        let best = best(&answers, &truths);
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_unstable_by_key(|at| rows[*at]);
        let prediction = |at: usize| {
            let (predicted, similarity) = answers[best][at];
            Prediction { row: rows[at], truth: truths[at], predicted, nearest: None, similarity, tied: false }
        };
        Ok(order.into_iter().map(prediction).collect())
    }
}

impl LinearProbe {
    /// The point of the grid with the largest macro-F1 on held-out images of those that answer.
    fn chosen(
        &self,
        task: &TaskInput<'_>,
        fold: &Fold,
        points: &[Point],
        features: &dyn FeatureRows,
        goes_on: GoesOn<'_>,
    ) -> Result<usize, Error> {
        let mut of_label: BTreeMap<Truth, Vec<u32>> = BTreeMap::new();
        for row in &fold.known {
            of_label.entry(task.labels.of(*row)).or_default().push(*row);
        }
        let stream =
            |number: usize| SEED.stream(&format!("probe/{}/{}/hold out/{number}", task.set, fold.name));
        let (known, asked) = by_label(of_label.into_values(), HELD, stream);
        if asked.is_empty() {
            return Ok(0);
        }
        let truths: Vec<Truth> = asked.iter().map(|row| task.labels.of(*row)).collect();
        let held = Fold { name: format!("{}/held out", fold.name), known, asked };
        let probe = self.trained(task, &held, points, features, goes_on)?;
        let (answers, mut losses) = (answers(&probe, &held.asked, features)?, vec![0.0; points.len()]);
        for (rows, truths) in held.asked.chunks(ROWS).zip(truths.chunks(ROWS)) {
            let of_rows = probe.losses(read(features, rows)?, truths)?;
            losses.iter_mut().zip(of_rows).for_each(|(sum, loss)| *sum += loss);
        }
        // Few images are held out: many classifiers answer all of them rightly, some by chance.
        let scores = scores(&answers, &truths);
        let better = |at: usize, than: usize| {
            scores[at] > scores[than] || (scores[at] == scores[than] && losses[at] < losses[than])
        };
        Ok((1..points.len()).fold(0, |best, at| if better(at, best) { at } else { best }))
    }

    /// Trains on what answers, and asks.
    fn fitted(
        &self,
        task: &TaskInput<'_>,
        fold: &Fold,
        points: &[Point],
        features: &dyn FeatureRows,
        goes_on: GoesOn<'_>,
    ) -> Result<Answers, Error> {
        let probe = self.trained(task, fold, points, features, goes_on)?;
        answers(&probe, &fold.asked, features)
    }

    /// Trains on what answers.
    fn trained(
        &self,
        task: &TaskInput<'_>,
        fold: &Fold,
        points: &[Point],
        features: &dyn FeatureRows,
        goes_on: GoesOn<'_>,
    ) -> Result<Probe, Error> {
        let settings::LinearProbe { schedule, iterations, batch, .. } = self.word;
        let width = features.width();
        let needed = (fold.known.len() * width * size_of::<f32>()) as u64;
        if let Some(free) = memory::available().filter(|free| *free < needed) {
            return Err(Error::Memory { needed, free });
        }
        let truths: Vec<Truth> = fold.known.iter().map(|row| task.labels.of(*row)).collect();
        let name = format!("probe/{}/{}", task.set, fold.name);
        let mut probe = Probe::new(&truths, width, points, SEED);
        let known = Known { x: &read(features, &fold.known)?, truths: &truths, width };
        let batches = probe::shuffled(fold.known.len(), batch.min(fold.known.len()), SEED.stream(&name));
        if !probe.train(&known, Training { points, schedule, iterations }, batches, goes_on)? {
            return Err(Error::Stopped);
        }
        Ok(probe)
    }
}

/// What each classifier of a probe says of images.
fn answers(probe: &Probe, asked: &[u32], features: &dyn FeatureRows) -> Result<Answers, Error> {
    let mut answers: Answers = vec![Vec::new(); probe.points()];
    for rows in asked.chunks(ROWS) {
        let of_rows = probe.answers(read(features, rows)?)?;
        answers.iter_mut().zip(of_rows).for_each(|(all, own)| all.extend(own));
    }
    Ok(answers)
}

/// Features of images, which are numbers.
fn read(features: &dyn FeatureRows, rows: &[u32]) -> Result<Vec<f32>, Error> {
    let mut all = Vec::with_capacity(rows.len() * features.width());
    in_blocks(features, rows, |_, _, values| {
        all.extend_from_slice(values);
        Ok(())
    })?;
    Ok(all)
}

/// The place of the answers with the largest macro-F1; of equals the first.
fn best(answers: &Answers, truths: &[Truth]) -> usize {
    first_largest(&scores(answers, truths))
}

/// The macro-F1 of each classifier's answers.
fn scores(answers: &Answers, truths: &[Truth]) -> Vec<f64> {
    let score = |answers: &Vec<Answer>| {
        f1_macro(&Counts::of(truths.iter().copied().zip(answers.iter().map(|(said, _)| *said))))
    };
    answers.iter().map(score).collect()
}

#[cfg(test)]
mod tests;
