//! Which classes an experiment's systems confuse.

use super::{
    Cell, Column, Error, Kind, Row, Table, answers,
    document::Shown,
    matrix::{self, Line, Matrix},
    measured::Source,
    systems,
    table::heads,
};
use crate::{
    evaluate::answered::Answered,
    spec::{Features, Protocol},
};
use std::collections::{BTreeMap, BTreeSet};

/// Confusions listed in the table, per task and system.
const LARGEST: usize = 3;

/// How often a label was predicted as another, by truth and prediction.
type Counts = BTreeMap<(String, String), usize>;

/// A row of matrices for each system, and a table of the largest confusions.
pub(super) fn report(title: &str, experiment: &str, store: &Source<'_>) -> Result<Shown, Error> {
    let (mut lines, mut rows, mut lost) = (vec![], vec![], vec![]);
    for system in systems::of(store, experiment)? {
        let Some((first, _)) = system.runs.first() else { continue };
        for question in answers::questions(store, first)? {
            let found = match answers::read(
                store,
                &store.cache,
                &system.spec,
                &system.runs,
                Features::Model,
                &question,
            ) {
                Ok(found) => found,
                Err(error) if error.is_a_loss() || matches!(error, Error::NotAsked { .. }) => {
                    lost.push(system.name.clone());
                    continue;
                }
                Err(error) => return Err(error),
            };
            let by = format!("{} on {}", Protocol::title_of(&question.protocol), question.images());
            let matrices: Vec<Matrix> =
                by_task(&found.lists()).into_iter().map(|(task, counts)| shares(task, &counts)).collect();
            for matrix in &matrices {
                rows.extend(largest(matrix).map(|(truth, taken, share)| Row {
                    stub: [&system.name, &by, &matrix.heading, truth, taken].map(String::clone).into(),
                    kind: Kind::Measured,
                    cells: vec![Cell::print(Some(share))],
                    note: String::new(),
                }));
            }
            lines.push(Line { heading: format!("{}, {by}", system.name), matrices });
        }
    }
    let mut table = Table {
        title: "The largest confusions".into(),
        stub: heads(&["system", "by", "task", "truth", "predicted as"]),
        columns: vec![Column::of("share", "share")],
        rows,
        notes: vec![format!(
            "Shares of a class's images over all seeds; the {LARGEST} largest of each task. Rows of a matrix are the truth, columns \
             the prediction."
        )],
        ..Table::default()
    };
    if !lost.is_empty() {
        table.notes.push(format!("Predictions could not be read for {}.", lost.join(", ")));
    }
    let tables =
        if lines.is_empty() && lost.is_empty() { vec![systems::nothing(experiment)] } else { vec![table] };
    Ok(Shown {
        title: title.into(),
        tables,
        caption: "Confusion matrices; every row adds up to 1".into(),
        figure: (!lines.is_empty()).then(|| matrix::draw(&lines)),
        points: None,
    })
}

fn by_task(files: &[&[Answered]]) -> BTreeMap<String, Counts> {
    let mut tasks: BTreeMap<String, Counts> = BTreeMap::new();
    for Answered { asked, predicted } in files.iter().copied().flatten() {
        let counts = tasks.entry(asked.task.replace('/', " ").replace("Task_", "")).or_default();
        for (truth, predicted) in asked.truth.iter().zip(predicted.iter()) {
            *counts.entry((truth.into(), predicted.into())).or_default() += 1;
        }
    }
    tasks
}

/// Rows for all labels that occur as truth or as prediction.
fn shares(task: String, counts: &Counts) -> Matrix {
    let classes: BTreeSet<&String> =
        counts.keys().flat_map(|(truth, predicted)| [truth, predicted]).collect();
    let classes: Vec<String> = classes.into_iter().cloned().collect();
    let mut all = Vec::with_capacity(classes.len().pow(2));
    for truth in &classes {
        let count =
            |predicted: &String| counts.get(&(truth.clone(), predicted.clone())).copied().unwrap_or(0);
        let sum: usize = classes.iter().map(count).sum();
        all.extend(classes.iter().map(|predicted| count(predicted) as f64 / sum as f64));
    }
    Matrix { heading: task, classes, shares: all }
}

/// The largest shares off the diagonal.
fn largest(matrix: &Matrix) -> impl Iterator<Item = (&String, &String, f64)> {
    let count = matrix.classes.len();
    let mut mistakes: Vec<(usize, f64)> = matrix
        .shares
        .iter()
        .copied()
        .enumerate()
        .filter(|(at, share)| at / count != at % count && *share > 0.0)
        .collect();
    mistakes.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    mistakes
        .into_iter()
        .take(LARGEST)
        .map(move |(at, share)| (&matrix.classes[at / count], &matrix.classes[at % count], share))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_add_up_and_the_largest_mistake_comes_first() {
        let count = |truth: &str, predicted: &str, n| ((truth.to_owned(), predicted.to_owned()), n);
        let counts =
            Counts::from([count("a", "a", 3), count("a", "b", 1), count("b", "a", 2), count("c", "c", 5)]);
        let matrix = shares("HPA two".into(), &counts);
        assert_eq!(matrix.shares, [0.75, 0.25, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
        let never = shares(String::new(), &Counts::from([count("a", "b", 1)]));
        assert!(never.shares[2].is_nan(), "no image is a b");
        let found: Vec<_> =
            largest(&matrix).map(|(truth, taken, share)| (truth.as_str(), taken.as_str(), share)).collect();
        assert_eq!(found, [("b", "a", 1.0), ("a", "b", 0.25)]);
    }
}
