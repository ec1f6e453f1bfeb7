//! Floors that any model must beat: scores without features, computed like all other scores.

use super::{Error, Prediction, TaskInput, TaskScore, Truth, metrics::Counts, nearest::NO_GROUP};
use crate::seed::Seed;
use std::{cmp::Reverse, collections::BTreeMap};

/// Number of random guesses that the prior's score averages.
pub const PRIOR_DRAWS: usize = 20;

/// Every image gets the most frequent of the [labels to guess from](Guesses); ties go to the first.
///
/// # Errors
/// [`Error::Empty`] if there are no training images or no queries.
pub fn constant(input: &TaskInput<'_>) -> Result<TaskScore, Error> {
    input.check()?;
    let (guesses, all) = (Guesses::of(input), counts(input, input.queries));
    let most_frequent = |group: &u32| {
        let counts = guesses.counts(*group, &all).into_iter();
        counts.max_by_key(|(label, count)| (*count, Reverse(*label))).expect("there are training images").0
    };
    let most_frequent: BTreeMap<u32, Truth> =
        guesses.of_group.keys().map(|group| (*group, most_frequent(group))).collect();
    let predict = |(at, row): (usize, &u32)| {
        let (truth, predicted) = (input.labels.of(*row), most_frequent[&group(input, at)]);
        Prediction { row: *row, truth, predicted, nearest: None, similarity: None, tied: false }
    };
    let asked = input.queries.iter().enumerate().filter(|(at, _)| input.counts(*at));
    Ok(input.scored(asked.map(predict).collect()))
}

/// Every image gets a random one of the [labels to guess from](Guesses): the mean score of [`PRIOR_DRAWS`]
/// such guesses. Because there is no single prediction per image, none is stored. The draws depend on `seed`
/// and on the task's name.
///
/// # Errors
/// [`Error::Empty`] if there are no training images or no queries.
pub fn prior(input: &TaskInput<'_>, seed: Seed) -> Result<TaskScore, Error> {
    input.check()?;
    let guesses = Guesses::of(input);
    let mut stream = seed.stream(&format!("floor/prior/{}/{}/{}", input.data, input.set, input.task));
    let draws: Vec<Counts> = (0..PRIOR_DRAWS)
        .map(|_| {
            let mut guess = |at: usize| {
                let group = group(input, at);
                guesses.nth(group, stream.below(guesses.len(group)))
            };
            let predicted: Vec<Truth> = (0..input.queries.len()).map(&mut guess).collect();
            let pairs = input.queries.iter().map(|row| input.labels.of(*row)).zip(predicted).enumerate();
            Counts::of(pairs.filter(|(at, _)| input.counts(*at)).map(|(_, pair)| pair))
        })
        .collect();
    Ok(input.named(&draws))
}

/// The labels from which a query of each group is guessed: those of the training images. In
/// leave-one-group-out tasks the queried labels do not occur in Train, so a guess from Train would always
/// score 0; there, guesses are drawn from the task's other groups, if there are any. No list is materialised,
/// because there may be thousands of groups.
struct Guesses<'a> {
    input: &'a TaskInput<'a>,
    /// For each query of a group, in order: the number of queries of other groups before it.
    of_group: BTreeMap<u32, Vec<u32>>,
}

impl<'a> Guesses<'a> {
    fn of(input: &'a TaskInput<'a>) -> Self {
        let mut of_group: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        match input.groups {
            None => drop(of_group.insert(NO_GROUP, Vec::new())),
            Some(groups) => {
                for (at, group) in groups.iter().enumerate() {
                    let own = of_group.entry(*group).or_default();
                    own.push((at - own.len()) as u32);
                }
            }
        }
        Self { input, of_group }
    }

    /// The number of queries of other groups to guess from; `None`: guess from the training images.
    fn others(&self, group: u32) -> Option<usize> {
        let own = self.of_group[&group].len();
        Some(self.input.queries.len() - own).filter(|others| own > 0 && *others > 0)
    }

    fn len(&self, group: u32) -> usize {
        self.others(group).unwrap_or(self.input.train.len())
    }

    /// One of them, in the order of the rows.
    fn nth(&self, group: u32, n: usize) -> Truth {
        let row = match self.others(group) {
            None => self.input.train[n],
            Some(_) => {
                let own_before = self.of_group[&group].partition_point(|before| *before as usize <= n);
                self.input.queries[n + own_before]
            }
        };
        self.input.labels.of(row)
    }

    /// How often each of them occurs. `all` are the counts of all queries.
    fn counts(&self, group: u32, all: &BTreeMap<Truth, usize>) -> BTreeMap<Truth, usize> {
        if self.others(group).is_none() {
            return counts(self.input, self.input.train);
        }
        let mut others = all.clone();
        for (own_before, others_before) in self.of_group[&group].iter().enumerate() {
            let row = self.input.queries[own_before + *others_before as usize];
            *others.get_mut(&self.input.labels.of(row)).expect("all queries are counted") -= 1;
        }
        others.retain(|_, count| *count > 0);
        others
    }
}

/// How often each label occurs in the given rows.
fn counts(input: &TaskInput<'_>, rows: &[u32]) -> BTreeMap<Truth, usize> {
    let mut counts = BTreeMap::new();
    for row in rows {
        *counts.entry(input.labels.of(*row)).or_insert(0) += 1;
    }
    counts
}

fn group(input: &TaskInput<'_>, query: usize) -> u32 {
    input.groups.map_or(NO_GROUP, |groups| groups[query])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::{
        Labels,
        metrics::{ACCURACY, F1_MACRO},
    };

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
            labels: Labels::One(&labels),
            label_names: &names,
            train: &train,
            queries: &queries,
            groups: None,
            counted: None,
        };
        let constant = constant(&input).unwrap();
        assert!((constant.metric(ACCURACY) - 1.0 / 3.0).abs() < 1e-12);
        assert!((constant.metric(F1_MACRO) - 0.5 / 3.0).abs() < 1e-12, "only a has an F1, of 2/(1 + 3)");
        assert_eq!(constant.predictions.len(), 300);

        let drawn = prior(&input, Seed(1)).unwrap();
        assert!((drawn.metric(ACCURACY) - 1.0 / 3.0).abs() < 0.02, "{}", drawn.metric(ACCURACY));
        // precision 1/3 both; recall 3/4 and 1/4
        let expected =
            (2.0 * (0.75 / 3.0) / (0.75 + 1.0 / 3.0) + 2.0 * (0.25 / 3.0) / (0.25 + 1.0 / 3.0)) / 3.0;
        assert!(
            (drawn.metric(F1_MACRO) - expected).abs() < 0.02,
            "{} against {expected}",
            drawn.metric(F1_MACRO)
        );
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
            labels: Labels::One(&labels),
            label_names: &names,
            train: &train,
            queries: &queries,
            groups: Some(&groups),
            counted: None,
        };
        let predicted: Vec<Truth> =
            constant(&input).unwrap().predictions.iter().map(|prediction| prediction.predicted).collect();
        assert_eq!(predicted, [2, 2, 2, 2, 1, 1, 1, 1].map(Truth::One));
        let drawn = prior(&input, Seed(1)).unwrap();
        assert!(drawn.metric(F1_MACRO) > 0.2 && drawn.metric(F1_MACRO) < 0.55, "{}", drawn.metric(F1_MACRO));
    }

    #[test]
    fn the_others_of_a_group_are_counted_in_their_order() {
        let names = [String::new()];
        let labels: Vec<u16> = (0..12).collect();
        let (train, queries): (Vec<u32>, Vec<u32>) = ((0..2).collect(), (2..12).collect());
        let groups = [5, 5, 8, 5, 8, 8, 5, 8, 9, 5];
        let mut input = TaskInput {
            data: "d",
            set: "s",
            task: "t",
            labels: Labels::One(&labels),
            label_names: &names,
            train: &train,
            queries: &queries,
            groups: Some(&groups),
            counted: None,
        };
        let all = |guesses: &Guesses<'_>, group: u32| -> Vec<Truth> {
            (0..guesses.len(group)).map(|n| guesses.nth(group, n)).collect()
        };
        let guesses = Guesses::of(&input);
        for own in [5, 8, 9] {
            let others = queries.iter().zip(groups).filter(|(_, group)| *group != own);
            let expected: Vec<Truth> = others.map(|(row, _)| input.labels.of(*row)).collect();
            assert_eq!(all(&guesses, own), expected, "group {own}");
            let counted = guesses.counts(own, &counts(&input, &queries));
            assert_eq!(counted, expected.into_iter().map(|label| (label, 1)).collect(), "group {own}");
        }
        input.groups = Some(&[5; 10]);
        assert_eq!(all(&Guesses::of(&input), 5), [0, 1].map(Truth::One), "no other group: Train");
        input.groups = None;
        assert_eq!(all(&Guesses::of(&input), NO_GROUP), [0, 1].map(Truth::One));
    }
}
