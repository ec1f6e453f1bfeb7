//! Floors that any model must beat: scores without features, computed like all other scores.

use super::f1::{ClassCounts, Summary, summarise};
use super::one_nn::NO_GROUP;
use super::{Error, Prediction, TaskInput, TaskScore};
use crate::seed::Seed;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Number of random guesses that the prior's score averages.
pub const PRIOR_DRAWS: usize = 20;

/// Every image gets the most frequent of the [labels to guess from](guessable); ties go to the first.
///
/// # Errors
/// [`Error::Empty`] if there are no training images or no queries.
pub fn constant(input: &TaskInput<'_>) -> Result<TaskScore, Error> {
    input.check()?;
    let mut predictions = Vec::with_capacity(input.queries.len());
    let most_frequent: BTreeMap<u32, u16> = guessable(input)
        .into_iter()
        .map(|(group, labels)| {
            let count = |label: &u16| labels.iter().filter(|other| *other == label).count();
            let distinct: BTreeSet<u16> = labels.iter().copied().collect();
            let first = distinct.into_iter().max_by_key(|label| (count(label), Reverse(*label)));
            (group, first.unwrap_or_default())
        })
        .collect();
    for (at, row) in input.queries.iter().enumerate() {
        let (truth, predicted) = (input.labels[*row as usize], most_frequent[&group(input, at)]);
        predictions.push(Prediction { row: *row, truth, predicted, nearest: None, similarity: None });
    }
    Ok(input.scored(predictions))
}

/// Every image gets a random one of the [labels to guess from](guessable): the mean score of [`PRIOR_DRAWS`]
/// such guesses. There is no single prediction per image, so none is kept. The draws depend on `seed` and on
/// the task's name.
///
/// # Errors
/// [`Error::Empty`] if there are no training images or no queries.
pub fn prior(input: &TaskInput<'_>, seed: Seed) -> Result<TaskScore, Error> {
    input.check()?;
    let (truth, labels) = (input.truth(), guessable(input));
    let mut stream = seed.stream(&format!("floor/prior/{}/{}/{}", input.data, input.set, input.task));
    let draws: Vec<Summary> = (0..PRIOR_DRAWS)
        .map(|_| {
            let mut guess = |at: usize| {
                let labels = &labels[&group(input, at)];
                labels[stream.below(labels.len())]
            };
            let predicted: Vec<u16> = (0..truth.len()).map(&mut guess).collect();
            summarise(&truth, &predicted)
        })
        .collect();
    let mean = |value: &dyn Fn(&Summary) -> f64| draws.iter().map(value).sum::<f64>() / draws.len() as f64;
    let per_class = draws[0]
        .per_class
        .iter()
        .enumerate()
        .map(|(at, class)| ClassCounts {
            precision: mean(&|draw| draw.per_class[at].precision),
            recall: mean(&|draw| draw.per_class[at].recall),
            f1: mean(&|draw| draw.per_class[at].f1),
            ..*class
        })
        .collect();
    Ok(input.named(Summary {
        accuracy: mean(&|draw| draw.accuracy),
        f1_macro: mean(&|draw| draw.f1_macro),
        per_class,
    }))
}

/// The labels to guess from, for the queries of each group: those of the training images. In
/// leave-one-group-out tasks the queried labels do not occur in Train, so a guess from Train would always
/// score 0; guesses are drawn from the task's other groups instead, if there are any.
fn guessable(input: &TaskInput<'_>) -> BTreeMap<u32, Vec<u16>> {
    let train = || input.train.iter().map(|row| input.labels[*row as usize]).collect::<Vec<u16>>();
    let Some(groups) = input.groups else {
        return BTreeMap::from([(NO_GROUP, train())]);
    };
    let truth = input.truth();
    let distinct: BTreeSet<u32> = groups.iter().copied().collect();
    let others = |own: u32| -> Vec<u16> {
        groups.iter().zip(&truth).filter(|(group, _)| **group != own).map(|(_, label)| *label).collect()
    };
    let of = |own: u32| Some(others(own)).filter(|labels| !labels.is_empty()).unwrap_or_else(train);
    distinct.into_iter().map(|own| (own, of(own))).collect()
}

fn group(input: &TaskInput<'_>, query: usize) -> u32 {
    input.groups.map_or(NO_GROUP, |groups| groups[query])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guesses_score_what_their_shares_say() {
        let names: Vec<String> = ["a", "b", "c"].map(String::from).into();
        // Train: 30 a, 10 b; queries: 100 a, 100 b, 100 c
        let labels: Vec<u16> = [vec![0; 30], vec![1; 10], vec![0; 100], vec![1; 100], vec![2; 100]].concat();
        let (train, queries): (Vec<u32>, Vec<u32>) = ((0..40).collect(), (40..340).collect());
        let input = TaskInput {
            data: "d",
            set: "s",
            task: "t",
            labels: &labels,
            label_names: &names,
            train: &train,
            queries: &queries,
            groups: None,
        };
        let constant = constant(&input).unwrap();
        assert!((constant.accuracy - 1.0 / 3.0).abs() < 1e-12);
        assert!((constant.f1_macro - 0.5 / 3.0).abs() < 1e-12, "only a has an F1, of 2/(1 + 3)");
        assert_eq!(constant.predictions.len(), 300);

        let drawn = prior(&input, Seed(1)).unwrap();
        assert!((drawn.accuracy - 1.0 / 3.0).abs() < 0.02, "{}", drawn.accuracy);
        // precision 1/3 both; recall 3/4 and 1/4
        let expected =
            (2.0 * (0.75 / 3.0) / (0.75 + 1.0 / 3.0) + 2.0 * (0.25 / 3.0) / (0.25 + 1.0 / 3.0)) / 3.0;
        assert!((drawn.f1_macro - expected).abs() < 0.02, "{} against {expected}", drawn.f1_macro);
        assert_eq!(drawn, prior(&input, Seed(1)).unwrap());
        assert_ne!(drawn, prior(&input, Seed(2)).unwrap());
        assert!(drawn.predictions.is_empty());
    }

    #[test]
    fn where_a_group_is_left_out_the_other_groups_are_the_prior() {
        let names: Vec<String> = ["old", "x", "y"].map(String::from).into();
        // Two groups of four; x is frequent in the first, y in the second.
        let labels = [0, 0, 0, 1, 1, 1, 2, 1, 2, 2, 2];
        let (train, queries): (Vec<u32>, Vec<u32>) = ((0..3).collect(), (3..11).collect());
        let groups = [7, 7, 7, 7, 9, 9, 9, 9];
        let input = TaskInput {
            data: "d",
            set: "s",
            task: "t",
            labels: &labels,
            label_names: &names,
            train: &train,
            queries: &queries,
            groups: Some(&groups),
        };
        let predicted: Vec<u16> =
            constant(&input).unwrap().predictions.iter().map(|prediction| prediction.predicted).collect();
        assert_eq!(predicted, [2, 2, 2, 2, 1, 1, 1, 1]);
        let drawn = prior(&input, Seed(1)).unwrap();
        assert!(drawn.f1_macro > 0.2 && drawn.f1_macro < 0.55, "{}", drawn.f1_macro);
    }
}
