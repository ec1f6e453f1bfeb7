//! Guesses without features, from the labels of the source's training images.

use super::{Asked, Classified, Training, Union, counted, unknown};
use crate::{
    evaluate::{
        Error, TaskInput, Truth,
        floors::PRIOR_DRAWS,
        metrics::{CLASSIFIED, Counts},
    },
    seed::Seed,
};

/// Every image gets the most frequent label of the training images; ties go to the first by name.
///
/// # Errors
/// Nothing to ask or to guess from.
pub fn majority(asked: &Asked<'_>, training: &Training<'_>) -> Result<Classified, Error> {
    check(asked, training)?;
    let classes = training.classes();
    let labels: Vec<u16> = training.labels(&classes).concat();
    let mut counts = vec![0usize; classes.len()];
    labels.iter().for_each(|label| counts[usize::from(*label)] += 1);
    let most = counts.iter().max().copied().unwrap_or(0);
    let class = counts.iter().position(|count| *count == most).unwrap_or(0) as u16;
    let share = most as f32 / labels.len() as f32;
    let (rows, _) = asked.task.asked();
    Ok(counted(asked, &classes, &vec![(class, share); rows.len()]))
}

/// Every image gets a random label of the training images: the mean score of [`PRIOR_DRAWS`] such guesses, without
/// predictions. The draws depend on `seed` and on the names of the task and the source's data set.
///
/// # Errors
/// Nothing to ask or to guess from.
pub fn prior(asked: &Asked<'_>, training: &Training<'_>, seed: Seed) -> Result<Classified, Error> {
    check(asked, training)?;
    let classes = training.classes();
    let labels: Vec<u16> = training.labels(&classes).concat();
    let Union { names, of_class } = Union::of(asked.task.label_names, &classes);
    let task = TaskInput { label_names: &names, ..asked.task };
    let TaskInput { data, set, task: name, .. } = task;
    let mut stream = seed.stream(&format!("floor/prior of {}/{data}/{set}/{name}", training.data));
    let (rows, _) = task.asked();
    let draws: Vec<Counts> = (0..PRIOR_DRAWS)
        .map(|_| {
            let guess = |row: &u32| {
                let label = labels[stream.below(labels.len())];
                (task.labels.of(*row), Truth::One(of_class[usize::from(label)]))
            };
            let guesses: Vec<(Truth, Truth)> = rows.iter().map(guess).collect();
            Counts::of_all(guesses.iter().copied())
        })
        .collect();
    let score = task.named_by(&draws, &CLASSIFIED);
    let unknown = unknown(&task, &rows, &classes);
    Ok(Classified { score, label_names: names, unknown })
}

fn check(asked: &Asked<'_>, training: &Training<'_>) -> Result<(), Error> {
    asked.task.check_asked().and_then(|()| training.check()).map_err(|error| asked.task.locate(error))
}
