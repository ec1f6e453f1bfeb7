//! Who answers for whom in a task: its training images for all that is asked, or, where groups are left out, for each group also the
//! images of the others.

use crate::evaluate::TaskInput;
use std::collections::BTreeMap;

/// Images that answer, and images that are asked: all of a task, or one of its groups.
pub(super) struct Fold {
    /// `all`, or the group that is left out.
    pub(super) name: String,
    /// Rows of the images that answer.
    pub(super) known: Vec<u32>,
    /// Rows of the images that are asked, ascending.
    pub(super) asked: Vec<u32>,
}

/// What answers and what is asked. In a task that leaves groups out, the images of other groups answer too, but not a training image
/// that is itself asked.
pub(super) fn folds(task: &TaskInput<'_>) -> Vec<Fold> {
    let (asked, of_asked) = task.asked();
    let (Some(groups), Some(of_asked)) = (task.groups, of_asked) else {
        return vec![Fold { name: "all".into(), known: task.train.to_vec(), asked }];
    };
    let mut rows_of: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (row, group) in asked.iter().zip(&of_asked) {
        rows_of.entry(*group).or_default().push(*row);
    }
    let train = task.train.iter().copied().filter(|row| task.queries.binary_search(row).is_err());
    let train: Vec<u32> = train.collect();
    let fold = |(group, asked): (u32, Vec<u32>)| {
        let others = task.queries.iter().zip(groups).filter(|(_, other)| **other != group);
        let known = train.iter().copied().chain(others.map(|(row, _)| *row)).collect();
        Fold { name: format!("group {group}"), known, asked }
    };
    rows_of.into_iter().map(fold).collect()
}
